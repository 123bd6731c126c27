import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { unkeepable } from '../../../src/workflow/engine/bounds.ts';
import { act, bench, nested, workflow } from './kit.ts';

let on: ReturnType<typeof bench>;
beforeEach(() => {
  on = bench({ functions: { deep: async () => nested(5_000), big: async () => 1n } });
});
afterEach(() => on.end());

describe('what cannot be kept', () => {
  test('faults the task that gave it, and nothing else', async () => {
    for (const name of ['deep', 'big']) {
      await expect(
        on.kept.engine.run(workflow(`  - a: { call: '${name}:1.0.0@default' }`), {}),
      ).rejects.toMatchObject({ code: 'WORKFLOW_FAULTED', details: { fault: { instance: '/do/0/a' } } });
    }
    expect((await on.kept.engine.run(workflow(`  - a: ${act('x')}`), {})).output).toEqual({ done: 'x' });
  });

  test('is refused as input', async () => {
    await expect(
      on.kept.engine.start(workflow('  - a: { wait: PT1S }'), nested(5_000)),
    ).rejects.toMatchObject({ code: 'WORKFLOW_INPUT_INVALID' });
    expect(on.kept.engine.list()).toEqual([]);
  });

  test('values in a circle are found, however many ways lead round', () => {
    const circle: Record<string, unknown> = {};
    Object.assign(circle, { a: circle, b: circle, c: circle });
    expect(unkeepable(circle)).toMatch(/more than/);
    expect(unkeepable({ a: [1, 'x', null, { b: [] }] })).toBeUndefined();
  });

  test('data that grow deeper in each round end as a fault', async () => {
    const flow = workflow("  - a: { set: { x: '${ . }' }, then: a }");
    await expect(on.kept.engine.run(flow, {})).rejects.toMatchObject({ code: 'WORKFLOW_FAULTED' });
  });
});

describe('a flow that goes round for ever without an effect', () => {
  test('leaves everybody else their turn, grows nothing, and can be cancelled', async () => {
    const { engine } = on.kept;
    await engine.start(workflow('  - a: { set: { x: 1 }, then: a }'), {}, { id: 'round' });
    expect((await engine.run(workflow(`  - a: ${act('x')}`), {})).output).toEqual({ done: 'x' });
    await on.turns(40);
    await engine.cancel('round');
    await expect(engine.result('round')).rejects.toMatchObject({ code: 'WORKFLOW_CANCELLED' });
    expect(engine.steps('round').length).toBeLessThanOrEqual(64);
  });
});

test('a long loop costs what its items cost, not their square', async () => {
  const flow = (items: number) =>
    on.kept.engine.run(
      workflow("  - l: { for: { in: '${ .items }' }, do: [{ s: { set: '${ $item }' } }] }"),
      { items: Array.from({ length: items }, (_, index) => ({ index, text: 'x'.repeat(500) })) },
    );
  const took = async (items: number) => {
    const begun = performance.now();
    await flow(items);
    return performance.now() - begun;
  };
  await took(100);
  const [less, more] = [await took(200), await took(800)];
  expect(more / less).toBeLessThan(10);
});
