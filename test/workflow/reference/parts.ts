import * as fc from 'fast-check';
import type { Behaviours } from './probe.ts';

/** Names, times and shared definitions of one document in the making. */
export interface Names {
  next(prefix: string): string;
  prime(): number;
  behaviours: Behaviours;
  errors: Record<string, unknown>;
  functions: Record<string, unknown>;
  retries: Record<string, unknown>;
  timeouts: Record<string, unknown>;
}

/** Where a task of a document in the making stands. */
export interface Place {
  names: Names;
  branch: string;
  /** Whether its tasks export: see `arbitrary.ts`. */
  exports: boolean;
  /** Whether its tasks may end the workflow. */
  ends: boolean;
  /** In a `try`: what goes wrong here does not end everything. */
  guarded: boolean;
  /** Variables of the loops around it. */
  variables: string[];
  /** Variables of the errors being handled. */
  errors: string[];
  /** Names of the tasks behind it in its list. */
  later: string[];
  /** The workflow itself: there is no `$input` and no `$task`. */
  whole: boolean;
}

/** A place at the top of a new document. */
export function textOf(): Place {
  let count = 0;
  let prime = 1;
  const names: Names = {
    next: (prefix) => `${prefix}${count++}`,
    prime() {
      do prime += 1;
      while (Array.from({ length: prime - 2 }, (_, n) => n + 2).some((n) => prime % n === 0));
      return prime;
    },
    behaviours: {},
    errors: {},
    functions: {},
    retries: {},
    timeouts: {},
  };
  return {
    names,
    branch: 'main',
    exports: true,
    ends: true,
    guarded: false,
    variables: [],
    errors: [],
    later: [],
    whole: false,
  };
}

const PLAIN = ['.n', '.l', '.s', '.missing', '.l | length', '((.n? | numbers) // 0) + 1', '[.n?, 7]', '.'];
const TASK = ['$task.name', '$task.reference', '$context', '($context.n? // 0)', '$task.definition | keys'];
const WORKFLOW = ['$workflow.input', '$workflow.input.s', '$workflow.definition.document.name'];
const BROKEN = ['.n.x.y', 'error("no")', 'empty', '1, 2', '.l + 1', '$nowhere'];
const LITERALS = [0, 1, 'a', 'a ${ b }', '${', '', null, true, [1, 'b'], { deep: '${ .n }' }];

/** One value of a document: literal or expression; `n` picks it. */
export const leaf: fc.Arbitrary<(place: Place) => unknown> = fc.nat({ max: 99_999 }).map((n) => (place) => {
  const braces = (text: string) => `\${ ${text} }`;
  const errors = place.errors.flatMap((name) =>
    ['status', 'type', 'instance'].map((key) => `$${name}.${key}`),
  );
  const variables = place.variables.map((name) => `$${name}`);
  const pool = [
    ...LITERALS,
    ...[
      ...PLAIN,
      ...WORKFLOW,
      ...(place.whole ? [] : TASK),
      ...variables,
      ...variables,
      ...errors,
      ...errors,
    ].map(braces),
  ];
  // One in a hundred is wrong, more in a `try`.
  if (n % (place.guarded ? 25 : 100) === 24) return braces(BROKEN[n % BROKEN.length] as string);
  return pool[n % pool.length];
});

/** What `set`, `from` and `as` take: an object with leaves, or one expression with or without braces. */
export const leaves: fc.Arbitrary<(place: Place) => unknown> = fc
  .tuple(leaf, leaf, fc.nat({ max: 9 }))
  .map(([one, two, form]) => (place) => {
    if (form === 0) return '.';
    if (form === 1) return '${ { n: (.n? // 0), l: [.l?[]?, 1] } }';
    if (form === 2) return '{ n: 1, s: "a", l: [2] }';
    if (form === 3) return { l: [one(place), two(place)], s: 'b' };
    return { n: one(place), s: two(place), l: '${ .l? // [] }' };
  });

const CONDITIONS = [
  'true',
  '.n == 1',
  '.n > 1',
  '.n <= 2',
  '.n != 0',
  '.s == "a"',
  '.missing == null',
  '.l[0] == 1',
  '(.l? // []) | length < 2',
  '.missing',
  '.n',
  '.s',
  'false',
  '$context == null',
  '$context.n == 1',
  '(.n | type) == "number" and .n < 3',
];

/** A condition, with or without braces. */
export const condition: fc.Arbitrary<(place: Place) => string> = fc
  .nat({ max: 99_999 })
  .map((n) => (place) => {
    const errors = place.errors.flatMap((name) => [`$${name}.status == 503`, `$${name}.title == "down"`]);
    const variables = place.variables.map((name) => `$${name} == 1`);
    const pool = [...CONDITIONS, ...errors, ...errors, ...variables];
    const text = n % 100 === 49 ? (BROKEN[n % BROKEN.length] as string) : (pool[n % pool.length] as string);
    return Math.floor(n / 100) % 2 === 0 ? text : `\${ ${text} }`;
  });

export const items = fc.array(fc.constantFrom<unknown>(0, 1, 2, 'a'), { maxLength: 3 });

export const schema = fc
  .constantFrom<unknown>(
    { type: 'object' },
    { required: ['n'] },
    { properties: { n: { type: 'number' } } },
    { not: { type: 'array' } },
  )
  .map((document) => ({ format: 'json', document }));
