import { afterEach, beforeEach, expect, test } from 'vitest';
import { NetworkTime } from '../../src/runtime/network-time.ts';
import { compileWorkflow } from '../../src/workflow/index.ts';
import { bench, workflow } from '../workflow/attack/kit.ts';
import { testEnv } from '../workflow/kit.ts';

/** Workflows in lock-step with network time: whatever one of them does, time must not stand still for the others. */
const child = compileWorkflow(
  'document: { dsl: 1.0.3, namespace: test, name: child, version: 1.0.0 }\ndo: [{ rest: { wait: PT10S } }]',
);
const wait = workflow('  - a: { wait: PT60S }');

let time: NetworkTime;
let on: ReturnType<typeof bench>;

beforeEach(() => {
  time = new NetworkTime({
    start: 1_000,
    advance: async () => {},
    mode: 'lockstep',
    wall: testEnv().clock,
    onError: (error) => {
      throw error;
    },
  });
  on = bench({
    clock: time,
    env: testEnv(),
    workflows: () => child,
    observe: () => {
      throw new Error('an observer that always throws');
    },
    options: () => {
      const participant = time.join();
      const { clock, activity, leave } = participant;
      return { clock, meta: { activity }, release: leave };
    },
  });
});
afterEach(async () => {
  await on.end();
  expect(time.participants).toBe(0);
  time.close();
});

test('a workflow that waits for another one lets the time of that one pass', async () => {
  const flow = workflow('  - c: { run: { workflow: { namespace: test, name: child, version: 1.0.0 } } }');
  await on.kept.engine.run(flow, {});
  expect(time.now()).toBe(11_000);
  expect(time.participants).toBe(0);
});

test('one that listens, one that is suspended, and one that faults hold up nobody', async () => {
  const { engine } = on.kept;
  await engine.start(
    workflow('  - l: { listen: { to: { one: { with: { type: x } } } } }'),
    {},
    { id: 'ears' },
  );
  await engine.start(workflow('  - a: { wait: PT5S }\n  - b: { wait: PT5S }'), {}, { id: 'held' });
  await engine.pause('held');
  await engine.run(workflow('  - a: { raise: { error: { type: urn:x, status: 400 } } }'), {}).catch(() => {});
  await engine.run(wait, {});
  const before = time.now();
  expect(before).toBeGreaterThanOrEqual(61_000);
  await engine.resume('held');
  await engine.result('held');
  expect(time.now()).toBe(before + 5_000);
  await engine.cancel('ears');
  await on.turns();
});

test('cancelled, set back, taken up again: each takes part once, and not at all when it ended', async () => {
  const { engine } = on.kept;
  await engine.start(workflow('  - h: { listen: { to: { one: { with: { type: x } } } } }'), {}, { id: 'a' });
  await engine.start(wait, {}, { id: 'b' });
  await Promise.all([engine.restart('b'), engine.restart('b')]);
  await engine.cancel('a');
  await on.turns();
  expect(time.participants).toBeLessThanOrEqual(1);
  await engine.result('b');
  await engine.restart('b');
  await on.again();
  expect(time.participants).toBe(0);
  await on.kept.engine.recover();
  await on.kept.engine.result('b');
  expect(time.participants).toBe(0);
});
