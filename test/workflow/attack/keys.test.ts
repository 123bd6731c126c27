import { afterEach, beforeEach, expect, test } from 'vitest';
import { act, bench, workflow } from './kit.ts';

let on: ReturnType<typeof bench>;
beforeEach(() => {
  on = bench();
});
afterEach(() => on.end());

const use = `use:
  functions: { f: { call: 'act:1.0.0@default', with: { name: '\${ .name }' } } }
  extensions:
    - seen: { extend: set, before: [{ b: { call: f, with: { name: before } } }], after: [{ a: { call: f, with: { name: after } } }] }`;

test('no two calls of a run share a key, whatever invokes the function that makes them', async () => {
  const flow = workflow(
    `
  - both: { fork: { branches: [{ a: { call: f, with: { name: a } } }, { b: { call: f, with: { name: b } } }] } }
  - tried:
      try: [{ x: { call: f, with: { name: x } } }, { y: { raise: { error: { type: urn:x, status: 500 } } } }]
      catch: { do: [{ z: { call: f, with: { name: z } } }] }
  - around: { set: { one: 1 } }
  - beside:
      fork:
        branches:
          - left: { do: [{ p: { set: { one: 1 } } }] }
          - right: { do: [{ q: { set: { one: 1 } } }] }`,
    use,
  );
  await on.kept.engine.run(flow, {});
  expect(on.calls).toHaveLength(10);
  expect(new Set(on.calls.map(({ key }) => key)).size).toBe(on.calls.length);
});

test('names that look like escaped ones are names of their own', async () => {
  await on.kept.engine.run(workflow(`  - "#x": ${act('one')}\n  - "%23x": ${act('two')}`), {});
  expect(on.calls.map(({ name }) => name)).toEqual(['one', 'two']);
});

test('a task that goes to itself is another step each time, on the data that it gave', async () => {
  const flow = workflow(`
  - count: { call: 'count:1.0.0@default', with: { at: '\${ .at }' }, then: again }
  - again: { switch: [{ more: { when: '\${ .at < 3 }', then: count } }, { stop: { then: end } }] }`);
  const self = workflow(
    "  - a: { if: '${ .at < 3 }', call: 'count:1.0.0@default', with: { at: '${ .at }' }, then: a }",
  );
  const keys: string[] = [];
  const counting = bench({
    functions: {
      count: async (input, { idempotencyKey }) => {
        keys.push(idempotencyKey);
        return { at: (input as { at: number }).at + 1 };
      },
    },
  });
  expect((await counting.kept.engine.run(flow, { at: 0 })).output).toEqual({ at: 3 });
  expect((await counting.kept.engine.run(self, { at: 0 })).output).toEqual({ at: 3 });
  expect(new Set(keys).size).toBe(6);
  await counting.end();
});

test('an instance named like the second run of another one shares no key with it', async () => {
  const { engine } = on.kept;
  const flow = workflow(`  - a: ${act('a')}`);
  await engine.run(flow, {}, { id: 'x' });
  await engine.restart('x');
  await engine.result('x');
  await engine.run(flow, {}, { id: 'x~1' });
  expect(new Set(on.calls.map(({ key }) => key)).size).toBe(3);
});
