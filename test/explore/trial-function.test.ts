import { afterAll, expect, test } from 'vitest';
import { NetworkTime } from '../../src/runtime/network-time.ts';
import { createSandboxes } from '../../src/runtime/sandbox.ts';
import { trialFunction } from '../../src/runtime/workflows/trial.ts';
import { seeded } from './functions.ts';
import { ids, libraryAt, limits, openWorld, quiet, uplinkSituation } from './kit.ts';

/** The function in a run in lock-step with a world of its own. */
function inLockStep() {
  const { network, live, scope } = openWorld();
  const errors: unknown[] = [];
  const time = new NetworkTime({
    start: network.now,
    advance: async (t) => network.advanceTo(t),
    mode: 'lockstep',
    wall: { now: () => 0, setTimeout: () => 0, clearTimeout: () => undefined },
    onError: (error) => errors.push(error),
  });
  const sandboxes = createSandboxes(() => live.copy());
  closing.push(() => sandboxes.close());
  const library = libraryAt(() => time.now());
  const trial = trialFunction({
    env: { clock: time, random: seeded(2), ids: ids(), log: quiet },
    clock: time,
    tuning: () => live,
    sandboxes,
    library,
  });
  const participant = time.join();
  const { activity } = participant;
  const controller = new AbortController();
  const run = async (decision: object) => {
    activity.begin();
    try {
      return await trial(
        {
          situation: uplinkSituation(scope, { iotDb: 4.7, rsrpP5Dbm: -97 }),
          limits,
          decision,
          small: { cells: scope.cells.slice(0, 6) },
          looks: 2,
        },
        {
          signal: controller.signal,
          instanceId: 'i',
          pointer: '/do/0',
          idempotencyKey: 'order-1',
          meta: { participant, activity },
        },
      );
    } finally {
      activity.end();
      participant.leave();
    }
  };
  const set = () => network.deployed.grid.columns.cells.p0.filter((value) => !Number.isNaN(value)).length;
  return { run, set, network, library, errors, controller, scope };
}
const closing: Array<() => Promise<void>> = [];
afterAll(() => Promise.all(closing.map((close) => close())));
const parameters = { ulP0Dbm: -84, ulAlpha: 0.9 };

test('network time passes while the trial waits for the network, and not for the sandbox', async () => {
  const { run, set, network, library, errors, scope } = inLockStep();
  const before = network.now;
  expect(await run({ source: 'explorer', parameters })).toMatchObject({ outcome: 'kept', stage: 'wide' });
  // Three stages of two looks of 20 s, a second between two, and 10 s after each change: nothing else.
  expect((network.now - before) / 1000).toBeLessThan(150);
  expect((network.now - before) / 1000).toBeGreaterThanOrEqual(140);
  expect(set()).toBe(scope.cells.length);
  expect(library.list()).toHaveLength(1);
  expect(errors).toEqual([]);
});

test('a workflow that is cancelled takes back what its trial has set', async () => {
  const { run, set, network, controller } = inLockStep();
  network.observers.add(() => {
    if (set() > 0) controller.abort();
  });
  expect(await run({ parameters })).toMatchObject({
    outcome: 'rolledBack',
    reason: 'the workflow was cancelled',
  });
  expect(set()).toBe(0);
});

test('what needs a person is refused where nobody can be asked; nothing proposed is nothing tried', async () => {
  const { run, set } = inLockStep();
  expect(await run({ parameters, approval: true })).toMatchObject({
    outcome: 'refused',
    reason: 'there is nobody to ask',
  });
  expect(await inLockStep().run({ parameters: null })).toMatchObject({ outcome: 'refused' });
  expect(set()).toBe(0);
});
