import * as fc from 'fast-check';
import type { Loose } from './interpreter.ts';
import { condition, items, leaf, leaves, type Place, schema, textOf } from './parts.ts';
import type { Behaviours } from './probe.ts';

/**
 * Random documents that end: loops run over short lists, a step backwards is counted. Whatever takes time
 * takes a time of its own (multiples of square roots of primes), so that no two things happen at once and
 * what a race or a fault stops is settled. Every branch of a fork begins with something that takes time.
 *
 * The specification leaves open, and so nothing is drawn of it: which exports remain of branches; what `output` and `export` of the tasks around do on `end`; what `end` means in a function.
 */
export interface Case {
  document: Loose;
  input: unknown;
  behaviours: Behaviours;
}

type Build<T = Loose> = (place: Place) => T;

const rare = <T>(arbitrary: fc.Arbitrary<T>, weight = 1, of = 8) =>
  fc.oneof({ weight: of - weight, arbitrary: fc.constant(undefined) }, { weight, arbitrary });
const nat = fc.nat({ max: 9_999 });

/** A time of its own, ms: `factor` times a square root that no other place has; retries stay below a day. */
const time: fc.Arbitrary<Build<number>> = fc
  .constantFrom(1, 2, 3, 5, 8)
  .map((factor) => (place) => Math.floor(1e5 * factor * Math.sqrt(place.names.prime())));

const duration: fc.Arbitrary<Build> = fc.tuple(time, fc.nat({ max: 2 })).map(([draw, form]) => (place) => {
  const ms = draw(place);
  if (form === 0) return { seconds: Math.floor(ms / 1000), milliseconds: ms % 1000 };
  if (form === 1) return `PT${ms / 1000}S`;
  return `\${ "PT\\(${ms} / 1000)S" }`;
});

const TYPES = [
  'https://open-workflow-specification.org/spec/1.0.0/errors/communication',
  'https://serverlessworkflow.io/spec/1.0.0/errors/communication',
  'https://example.com/errors/full',
];
const fault = fc.record({
  type: fc.constantFrom(...TYPES),
  status: fc.constantFrom(500, 503, 404),
  title: fc.constantFrom('down', 'full'),
});

/** A call of `probe`; `lead`: the first thing of a branch, which cannot fail before it takes time. */
const probe = (lead: boolean): fc.Arbitrary<Build> =>
  fc
    .record({
      takes: rare(time, lead ? 8 : 4),
      value: fc.oneof(
        { weight: 5, arbitrary: fc.record({ n: fc.nat({ max: 5 }), l: items }) },
        { weight: 1, arbitrary: fc.nat({ max: 3 }) },
      ),
      faults: fc.constantFrom(0, 1, 2),
      sure: nat,
      fault,
      args: leaf,
    })
    .map(({ takes, value, faults, sure, fault, args }) => (place) => {
      const id = place.names.next('p');
      place.names.behaviours[id] = {
        delay: takes?.(place) ?? 0,
        value,
        faults: sure % 16 === 0 || (place.guarded && sure % 16 < 13) ? faults : 0,
        fault,
        branch: place.branch,
      };
      return { call: 'probe:1.0.0@default', with: lead ? { id } : { id, arg: args(place) } };
    });

const wait: fc.Arbitrary<Build> = duration.map((draw) => (place) => ({ wait: draw(place) }));
// Text without braces is not an expression here.
const set: fc.Arbitrary<Build> = leaves.map((draw) => (place) => {
  const value = draw(place);
  return { set: typeof value === 'string' && !value.startsWith('$') ? `\${ ${value} }` : value };
});
const emit: fc.Arbitrary<Build> = leaf.map((data) => (place) => ({
  emit: { event: { with: { type: place.names.next('e'), data: data(place) } } },
  output: { as: '{ type, source, data }' },
}));
const raise: fc.Arbitrary<Build> = fc.tuple(fault, fc.nat({ max: 3 })).map(([error, form]) => (place) => {
  if (form === 0) {
    const name = place.names.next('E');
    place.names.errors[name] = error;
    return { raise: { error: name } };
  }
  if (form === 1) return { raise: { error: { ...error, title: '${ "was \\(.)" }' } } };
  return { raise: { error } };
});

/** Puts the target of a directive in: one of the words, or a task further on in the list. */
function directive(draw: number, { later, ends }: Place): string {
  const words = ['continue', 'exit', ...later, ...later, ...(ends ? ['end'] : [])];
  return words[draw % words.length] as string;
}

const choose: fc.Arbitrary<Build> = fc
  .tuple(fc.array(fc.tuple(condition, nat), { minLength: 1, maxLength: 3 }), rare(nat, 1, 2))
  .map(([cases, otherwise]) => (place) => ({
    switch: [
      ...cases.map(([when, then]) => ({
        [place.names.next('c')]: { when: when(place), then: directive(then, place) },
      })),
      ...(otherwise === undefined
        ? []
        : [{ [place.names.next('c')]: { then: directive(otherwise, place) } }]),
    ],
  }));

/** Everything that any task may have around its work. */
const around = fc.record({
  if: rare(condition),
  from: rare(leaves),
  before: rare(schema, 1, 16),
  as: rare(leaves),
  after: rare(schema, 1, 16),
  keep: rare(leaves, 1, 6),
  kept: rare(schema, 1, 4),
  timeout: rare(fc.tuple(time, fc.boolean()), 1, 14),
  then: rare(nat, 1, 6),
});

const decorated = (work: fc.Arbitrary<Build>): fc.Arbitrary<Build> =>
  fc.tuple(work, around).map(([draw, more]) => (place) => {
    const shaped = more.as ?? more.after ?? more.keep;
    const task = draw(shaped === undefined ? place : { ...place, ends: false });
    if (more.if) task.if = more.if(place);
    const input = {
      ...(more.from && { from: more.from(place) }),
      ...(more.before && { schema: more.before }),
    };
    if (Object.keys(input).length > 0) task.input = input;
    const output = { ...(more.as && { as: more.as(place) }), ...(more.after && { schema: more.after }) };
    if (Object.keys(output).length > 0) task.output = { ...output, ...task.output };
    if (more.keep && place.exports)
      task.export = { as: more.keep(place), ...(more.kept && { schema: more.kept }) };
    if (more.timeout) {
      const [draw, named] = more.timeout;
      const after = { milliseconds: draw(place) };
      const name = place.names.next('T');
      if (named) place.names.timeouts[name] = { after };
      task.timeout = named ? name : { after };
    }
    if (more.then !== undefined) task.then = directive(more.then, place);
    return task;
  });

const list = (task: fc.Arbitrary<Build>, maxLength = 4): fc.Arbitrary<Build> =>
  fc.array(task, { minLength: 1, maxLength }).map((draws) => (place) => {
    const names = draws.map(() => place.names.next('t'));
    return draws.map((draw, index) => ({
      [names[index] as string]: draw({ ...place, later: names.slice(index + 1) }),
    }));
  });

const simple = fc.oneof(
  { weight: 5, arbitrary: probe(false) },
  { weight: 4, arbitrary: set },
  { weight: 2, arbitrary: choose },
  { weight: 1, arbitrary: wait },
  { weight: 1, arbitrary: emit },
  { weight: 1, arbitrary: raise },
);

const loop = (body: fc.Arbitrary<Build>): fc.Arbitrary<Build> =>
  fc
    .tuple(body, fc.nat({ max: 4 }), items, fc.boolean(), rare(condition, 1, 3))
    .map(([draw, source, literal, named, go]) => (place) => {
      const [each, at] = named ? [place.names.next('item'), place.names.next('at')] : ['item', 'index'];
      const inner = { ...place, variables: [...place.variables, each, at] };
      const over = ['.l?', '[1, "a"]', '${ [.n?, 2] }', '[range(3)]'][source];
      const { for: names, ...rest } = {
        for: named ? { each, at } : {},
        ...(go && { while: go(inner) }),
        do: draw(inner),
      };
      const inline = literal.map((value) => ({ value }));
      return { for: { ...names, in: over ?? inline }, ...rest };
    });

const fork = (body: fc.Arbitrary<Build>): fc.Arbitrary<Build> =>
  fc
    .tuple(
      fc.array(fc.tuple(fc.oneof(wait, probe(true)), rare(body, 2, 3)), { minLength: 2, maxLength: 3 }),
      fc.constantFrom(false, false, true),
      rare(fc.constant({ as: '{ n: (.[0]? | .n?), l: [.. | numbers] | .[:3] }' }), 3, 4),
    )
    .map(([branches, compete, output]) => (place) => ({
      fork: {
        branches: branches.map(([lead, more]) => {
          const branch = place.names.next('b');
          const inner = {
            ...place,
            branch,
            exports: false,
            later: [],
            ends: place.ends && output === undefined,
          };
          const first = { [place.names.next('t')]: lead(inner) };
          return { [branch]: { do: [first, ...(more?.(inner) ?? [])] } };
        }),
        ...(compete && { compete }),
      },
      ...(output && { output }),
    }));

const policy = fc
  .record({
    when: rare(condition, 1, 6),
    exceptWhen: rare(condition, 1, 10),
    delay: rare(duration, 2, 3),
    backoff: rare(fc.constantFrom({ linear: {} }, { exponential: {} }, { constant: {} }), 1, 2),
    jitter: rare(time, 1, 5),
    count: fc.nat({ max: 3 }),
    limit: rare(fc.constantFrom('PT0.001S', 'P1000D'), 1, 6),
  })
  .map(({ when, exceptWhen, delay, backoff, jitter, count, limit }) => (place: Place) => ({
    ...(when && { when: when(place) }),
    ...(exceptWhen && { exceptWhen: exceptWhen(place) }),
    ...(delay && { delay: delay(place) }),
    ...(backoff && { backoff }),
    ...(jitter && {
      jitter: { from: { milliseconds: 2 }, to: { milliseconds: 2 * jitter(place) } },
    }),
    limit: { attempt: { count }, ...(limit && { duration: limit }) },
  }));

const filter = fc.oneof(
  fc.record({ type: fc.constantFrom(...TYPES) }),
  fc.record({ status: fc.constantFrom(500, 503, 400) }),
  fc.record({ title: fc.constantFrom('down', 'full'), status: fc.constantFrom(500, 503) }),
);

const attempt = (body: fc.Arbitrary<Build>): fc.Arbitrary<Build> =>
  fc
    .record({
      body,
      filter: rare(filter, 1, 4),
      named: fc.boolean(),
      when: rare(condition, 1, 6),
      exceptWhen: rare(condition, 1, 10),
      retry: rare(fc.tuple(policy, fc.boolean()), 1, 2),
      handler: rare(body, 2, 3),
      then: rare(nat, 1, 6),
    })
    .map(({ body, filter, named, when, exceptWhen, retry, handler, then }) => (place) => {
      const as = named ? place.names.next('err') : 'error';
      const inner = { ...place, errors: [...place.errors, as] };
      const rule = retry?.[0](inner);
      const name = place.names.next('R');
      if (retry?.[1]) place.names.retries[name] = rule;
      return {
        try: body({ ...place, guarded: true, later: [] }),
        catch: {
          ...(filter && { errors: { with: filter } }),
          ...(named && { as }),
          ...(when && { when: when(inner) }),
          ...(exceptWhen && { exceptWhen: exceptWhen(inner) }),
          ...(retry && { retry: retry[1] ? name : rule }),
          ...(handler && { do: handler(inner) }),
          ...(then !== undefined && { then: directive(then, place) }),
        },
      };
    });

const sequence = (body: fc.Arbitrary<Build>) => body.map((draw) => (place: Place) => ({ do: draw(place) }));

/** Steps back until a counter is full. */
const again: fc.Arbitrary<Build> = fc
  .tuple(fc.nat({ max: 3 }), probe(false))
  .map(([times, draw]) => (place) => {
    const [start, tell, more] = [place.names.next('t'), place.names.next('t'), place.names.next('t')];
    return {
      do: [
        { [place.names.next('t')]: { set: { turn: 0 } } },
        { [start]: { set: { turn: '${ .turn + 1 }' } } },
        { [tell]: { ...draw({ ...place, later: [] }), output: { as: '$input' } } },
        { [more]: { switch: [{ [place.names.next('c')]: { when: `.turn < ${times}`, then: start } }] } },
      ],
    };
  });

/** A function of the document: a task that sees its arguments and nothing around the call. */
const own = (task: fc.Arbitrary<Build>): fc.Arbitrary<Build> =>
  fc.tuple(task, leaf).map(([draw, argument]) => (place) => {
    const name = place.names.next('f');
    place.names.functions[name] = draw({ ...place, variables: [], errors: [], later: [], ends: false });
    return { call: name, with: { n: argument(place) } };
  });

function task(depth: number): fc.Arbitrary<Build> {
  if (depth === 0) return decorated(simple);
  const body = list(task(depth - 1), 3);
  return decorated(
    fc.oneof(
      { weight: 8, arbitrary: simple },
      { weight: 6, arbitrary: attempt(body) },
      { weight: 2, arbitrary: fork(body) },
      { weight: 2, arbitrary: loop(body) },
      { weight: 1, arbitrary: sequence(body) },
      { weight: 1, arbitrary: own(decorated(fc.oneof(simple, sequence(body)))) },
      { weight: 1, arbitrary: again },
    ),
  );
}

const IDENTITY = { dsl: '1.0.3', namespace: 'test', name: 'random', version: '1.0.0' };

/** A document, its input, and what its calls see. */
export const anyCase: fc.Arbitrary<Case> = fc
  .record({
    body: list(task(2), 4),
    input: fc.oneof(fc.record({ n: fc.nat({ max: 4 }), s: fc.constantFrom('a', '${ .n }'), l: items })),
    from: rare(leaves),
    before: rare(schema, 1, 12),
    as: rare(leaves),
    after: rare(schema, 1, 12),
    timeout: rare(time, 1, 10),
  })
  .map(({ body, input, from, before, as, after, timeout }) => {
    const place = textOf();
    const tasks = body(place);
    const { behaviours, errors, functions, retries, timeouts } = place.names;
    const use = Object.fromEntries(
      Object.entries({ errors, functions, retries, timeouts }).filter(
        ([, one]) => Object.keys(one).length > 0,
      ),
    );
    const bare = { ...place, whole: true };
    const document = {
      document: IDENTITY,
      ...(Object.keys(use).length > 0 && { use }),
      ...((from || before) && {
        input: { ...(from && { from: from(bare) }), ...(before && { schema: before }) },
      }),
      ...((as || after) && {
        output: { ...(as && { as: as(bare) }), ...(after && { schema: after }) },
      }),
      ...(timeout && { timeout: { after: { milliseconds: timeout(place) } } }),
      do: tasks,
    };
    return { document, input, behaviours };
  });
