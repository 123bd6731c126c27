import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { noRecord, refusalOf, withStart } from '../../../src/workflow/events/guard.ts';
import { CAUSE, causedBy, parseTriggers } from '../../../src/workflow/events/index.ts';
import { settle } from '../kit.ts';
import { pass } from './kit.ts';
import { alarm, repair, START, world } from './trigger-world.ts';

test('one instance at a time for one alarm; cool-down for the same, not for others', async () => {
  const { clock, bus, open, started, endAll } = world();
  const triggers = open([{ ...repair, cooldown: 'PT10M', input: '${ .data.alarmId }' }]);
  await bus.publish(alarm('1', '7'));
  await bus.publish(alarm('2', '7'));
  await bus.publish(alarm('3', '8'));
  await settle();
  await endAll();
  await bus.publish(alarm('4', '7'));
  await pass(clock, 600_000);
  await bus.publish(alarm('5', '7'));
  await settle();
  expect(started().map(([, input]) => input)).toEqual(['7', '8', '7']);
  expect(triggers.list()[0]).toMatchObject({ started: 3, refused: { running: 1, cooldown: 1 } });
  triggers.close();
});

test('a storm of ten thousand alarms starts as many as it may, writes no more than that, and is said once', async () => {
  const { clock, bus, store, open, run, warned } = world();
  const rate = { count: 5, per: 'PT1M' };
  const triggers = open([{ ...repair, rate, maxConcurrent: 1_000 }]);
  const writes = store.puts;
  await Promise.all(Array.from({ length: 10_000 }, (_, id) => bus.publish(alarm(String(id), String(id)))));
  await settle();
  expect(run.instances.size).toBe(5);
  expect(store.puts - writes).toBe(5);
  expect(warned).toEqual([{ trigger: 'repair', reason: 'rate' }]);
  await pass(clock, 60_000);
  await bus.publish(alarm('later', 'later'));
  await settle();
  expect(run.instances.size).toBe(6);
  triggers.close();
});

test('all triggers together have a limit', async () => {
  const { bus, open, run } = world();
  const triggers = open([repair, { ...repair, id: 'again' }], { maxRunning: 3 });
  for (const id of ['1', '2', '3']) await bus.publish(alarm(id, id));
  await settle();
  expect(run.instances.size).toBe(3);
  triggers.close();
});

/** Every instance emits an alarm of its own, as an engine would: with its cause. */
function echo(
  open: ReturnType<typeof world>['open'],
  bus: ReturnType<typeof world>['bus'],
  triggers: unknown,
) {
  let count = 0;
  return open(triggers, {
    start: async (workflow, _, fire) => {
      count += 1;
      if (count > 100) throw new Error('an endless loop');
      const id = `echo-${count}`;
      void bus.publish(alarm(id, id, { [CAUSE]: causedBy(fire.cause, workflow) }));
      return { ended: Promise.resolve() };
    },
  });
}
const rest = async () => {
  for (let turn = 0; turn < 50; turn += 1) await settle();
};

test('a workflow does not start itself by what it does, nor over another', async () => {
  const { bus, open } = world();
  const triggers = echo(open, bus, [repair, { ...repair, id: 'second', workflow: 'ops/other:1.0.0' }]);
  await bus.publish(alarm('1', '1'));
  await rest();
  // Each once for the alarm, and once for that of the other.
  expect(triggers.list().map(({ started }) => started)).toEqual([2, 2]);
  expect(triggers.list().map(({ refused }) => refused.loop)).toEqual([3, 3]);
  triggers.close();
});

test('a loop that is allowed ends by the length of its chain', async () => {
  const { bus, open } = world();
  const triggers = echo(open, bus, [{ ...repair, loop: true }]);
  await bus.publish(alarm('1', '1'));
  await rest();
  expect(triggers.list()[0]).toMatchObject({ started: 16, refused: { loop: 1 } });
  triggers.close();
});

test('an expression that fails starts nothing, and is said', async () => {
  const { bus, open, run, warned } = world();
  const triggers = open([{ ...repair, dedupe: 'error' }]);
  await bus.publish(alarm('1', '1'));
  await settle();
  expect(run.instances.size).toBe(0);
  expect(warned).toMatchObject([{ trigger: 'repair', reason: 'failed' }]);
  triggers.close();
});

test('whatever comes: never two of a key at once, never more than it may', () => {
  const [trigger] = parseTriggers(
    [{ ...repair, cooldown: 'PT20S', maxConcurrent: 3, rate: { count: 4, per: 'PT1M' } }],
    'f',
  );
  if (trigger === undefined) throw new Error('no trigger');
  const moves = fc.array(
    fc.record({
      wait: fc.nat(15_000),
      event: fc.nat(40),
      key: fc.constantFrom('a', 'b', 'c', 'd', null),
      ends: fc.boolean(),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(moves, (list) => {
      let record = noRecord();
      let now = START;
      const starts: Array<{ at: number; key: string | null; event: number }> = [];
      for (const { wait, event: id, key, ends } of list) {
        now += wait;
        if (ends) record = { ...record, running: record.running.slice(1) };
        const occasion = { identity: String(id), key, cause: [], now };
        if (refusalOf(trigger, record, occasion) !== null) continue;
        record = withStart(trigger, record, occasion, { fire: {} as never, key, attempts: 0 });
        expect(JSON.parse(JSON.stringify(record))).toEqual(record);
        const same = starts.filter((one) => one.key === key).at(-1);
        if (same !== undefined) expect(now - same.at).toBeGreaterThanOrEqual(20_000);
        starts.push({ at: now, key, event: id });
        expect(starts.filter(({ at }) => now - at < 60_000).length).toBeLessThanOrEqual(4);
        expect(record.running.length).toBeLessThanOrEqual(3);
        const keys = record.running.map((one) => one.key).filter((one) => one !== null);
        expect(new Set(keys).size).toBe(keys.length);
      }
      expect(new Set(starts.map((one) => one.event)).size).toBe(starts.length);
    }),
  );
});
