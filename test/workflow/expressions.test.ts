import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { wallClock } from '../../src/runtime/env.ts';
import { createEvaluator, quick } from '../../src/workflow/expressions.ts';

const evaluator = createEvaluator({ clock: wallClock });
afterAll(() => evaluator.close());

/** The same expression in a form that the fast way does not read. */
const byJq = (expression: string, data: unknown, variables: Record<string, unknown>) =>
  evaluator.evaluate(`${expression} | .`, data, variables);

const key = fc.constantFrom('a', 'b', 'c', 'length', 'and', 'if', '__proto__', 'constructor', '_x1');
const scalar = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    1,
    -1,
    2.5,
    1e-7,
    1e21,
    '',
    'a',
    'ü€😀',
    '${ .a }',
    'a"b',
    'x\ny',
  ),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ unit: 'grapheme' }),
);
const { value: json } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map((pairs) => Object.fromEntries(pairs)),
  ),
}));
// As data arrives: through JSON, which knows no -0.
const data = json.map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const step = fc.oneof(
  { weight: 3, arbitrary: key.map((name) => `.${name}`) },
  { weight: 1, arbitrary: fc.nat({ max: 4 }).map((index) => `[${index}]`) },
);
const path = fc
  .tuple(fc.constantFrom('', '$v', '$context', '$missing'), fc.array(step, { maxLength: 4 }))
  .map(([variable, steps]) => {
    const text = variable + steps.join('');
    return text === '' ? '.' : text;
  });
const literal = fc.oneof(
  fc.constantFrom(
    'true',
    'false',
    'null',
    '0',
    '-0',
    '007',
    '-1',
    '1.50',
    '100000000000000000000',
    '"a"',
    '""',
  ),
  fc.integer().map(String),
  fc.string({ unit: 'grapheme' }).map((text) => `"${text.replace(/["\\]/g, '')}"`),
);
const expression = fc.oneof(
  path,
  fc
    .tuple(path, fc.constantFrom('', ' ', '  '), fc.constantFrom('==', '!='), literal)
    .map(([left, space, operator, right]) => `${left}${space}${operator}${space}${right}`),
);

test('what the fast way answers, jq answers too', { timeout: 30_000 }, async () => {
  let fast = 0;
  await fc.assert(
    fc.asyncProperty(expression, data, data, async (text, input, v) => {
      const variables = { v, context: { a: [1, { b: v }] } };
      const value = quick(text, input, variables);
      if (typeof value === 'symbol') return;
      fast += 1;
      expect(value).toEqual(await byJq(text, input, variables));
    }),
    { numRuns: 1_500 },
  );
  expect(fast).toBeGreaterThan(400);
});

test('every expression ends in a value or in WORKFLOW_EXPRESSION', { timeout: 30_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(expression, data, async (text, input) => {
      const outcome = await evaluator.evaluate(text, input, {}).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'WORKFLOW_EXPRESSION' });
    }),
    { numRuns: 500 },
  );
});

test('text of the data is never evaluated, however it looks', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.constantFrom('${ .secret }', '${ env }', '${ $ENV }', '") | .secret | ("', '\\(.secret)'),
        fc.string(),
      ),
      async (hostile) => {
        const input = { text: hostile, secret: 's3cret', list: [hostile] };
        const template = {
          one: '${ .text }',
          two: '${ {t: .text} }',
          three: '${ $v + "" }',
          list: '${ .list }',
        };
        expect(await evaluator.fill(template, input, { v: hostile })).toEqual({
          one: hostile,
          two: { t: hostile },
          three: hostile,
          list: [hostile],
        });
      },
    ),
    { numRuns: 60 },
  );
});

test('the environment and the files of the host are out of reach', async () => {
  for (const text of ['env | length', '$ENV | length', 'input_filename', '[inputs]']) {
    const value = await evaluator.evaluate(text, {}, {}).catch((error: unknown) => error);
    expect(JSON.stringify(value)).not.toContain(process.env.PATH ?? 'no path');
  }
  expect(JSON.stringify(await evaluator.evaluate('[env, $ENV]', {}, {}))).not.toContain(
    process.env.PATH ?? 'no path',
  );
});

test('an endless expression pays alone: what waits behind it is evaluated', async () => {
  const endless = evaluator.evaluate('[limit(1; repeat(1) | select(. == 2))] | length', null, {});
  const behind = evaluator.evaluate('[1, 2] | add', null, {});
  await expect(endless).rejects.toMatchObject({ code: 'WORKFLOW_EXPRESSION' });
  expect(await behind).toBe(3);
});
