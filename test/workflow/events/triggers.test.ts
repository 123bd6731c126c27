import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../../src/durable/index.ts';
import { noRecord, refusalOf, withStart } from '../../../src/workflow/events/guard.ts';
import {
  CAUSE,
  causedBy,
  createEventBus,
  openTriggers,
  parseTriggers,
  readTriggers,
  type ScheduleRecord,
  type TriggerRecord,
  type TriggersOptions,
  triggersOf,
  watchConditions,
} from '../../../src/workflow/events/index.ts';
import { settle, testEnv } from '../kit.ts';
import { engine, event, memory, pass, scopeOf, WallClock } from './kit.ts';

const START = Date.parse('2026-05-01T00:00:00Z');
const HOUR = 3_600_000;

function world() {
  const clock = new WallClock(START);
  const { log, ids } = testEnv();
  const warned: object[] = [];
  const bus = createEventBus({ log });
  const store = memory<TriggerRecord>();
  const schedules = memory<ScheduleRecord>();
  const run = engine();
  const options: TriggersOptions = {
    clock,
    ids,
    log: { ...log, warn: (fields) => void warned.push(fields) },
    bus,
    evaluate: scopeOf().evaluate,
    store,
    schedules,
    start: run.start,
  };
  const open = (triggers: unknown, more: Partial<TriggersOptions> = {}) => {
    const opened = openTriggers({ ...options, ...more });
    opened.load(parseTriggers(triggers, 'test'));
    return opened;
  };
  const started = () => run.started().map(({ by, input }) => [by, input]);
  const endAll = async () => {
    for (const { end } of run.instances.values()) end();
    await settle();
  };
  return { clock, bus, store, schedules, run, open, started, endAll, warned, options };
}

const alarm = (id: string, alarmId: string, more: object = {}) =>
  event(id, 'netagent.alarm.raised', {
    subject: `cell/${alarmId}`,
    data: { alarmId, probableCause: 'cell-down' },
    ...more,
  });
const repair = { id: 'repair', on: 'alarm', workflow: 'ops/repair' };

describe('definitions', () => {
  test('come as YAML, or with the document of the workflow that they start', () => {
    const text = 'triggers:\n  - {id: a, on: alarm, workflow: ops/repair, cooldown: PT1M}\n';
    expect(readTriggers(text, 'triggers.yaml')).toEqual([
      {
        id: 'a',
        on: 'alarm',
        workflow: 'ops/repair',
        cooldown: 'PT1M',
        maxConcurrent: 10,
        rate: { count: 60, per: 'PT1M' },
        loop: false,
      },
    ]);
    const document = {
      document: {
        namespace: 'ops',
        name: 'repair',
        metadata: { netagent: { triggers: [{ id: 'a', on: 'alarm' }] } },
      },
    };
    expect(triggersOf(document, 'repair.yaml')).toMatchObject([{ id: 'a', workflow: 'ops/repair' }]);
    expect(triggersOf({ document: {} }, 'x')).toEqual([]);
  });

  test.each([
    [{ ...repair, on: 'event' }, 'filter: is needed'],
    [{ ...repair, on: 'condition' }, 'condition: goes with'],
    [{ ...repair, schedule: { every: 'PT1M' } }, 'schedule: goes with'],
    [{ ...repair, zone: 'UTC' }, 'zone: goes with'],
    [{ ...repair, on: 'request', filter: { with: { type: 'x' } } }, 'filter: has no use'],
    [{ ...repair, workflow: 'a b' }, 'workflow'],
    [{ ...repair, more: 1 }, 'more'],
    [{ ...repair, filter: { with: { subject: '(a+)+' } } }, 'filter.with.subject'],
  ])('%o is refused', (trigger, problem) => {
    expect(() => parseTriggers([trigger], 'f.yaml')).toThrow(
      expect.objectContaining({
        code: 'WORKFLOW_TRIGGER_INVALID',
        message: expect.stringContaining(problem),
      }),
    );
  });

  test('an id is used once', () => {
    expect(() => parseTriggers([repair, repair], 'f')).toThrow('same id');
  });

  test('a set with one that is wrong changes nothing', async () => {
    const { bus, open, started } = world();
    const triggers = open([repair]);
    for (const wrong of [
      { ...repair, on: 'condition', condition: { kind: 'threshold' } },
      { ...repair, on: 'schedule', schedule: { cron: 'often' } },
    ]) {
      expect(() => triggers.load(parseTriggers([wrong], 'f'))).toThrow();
    }
    await bus.publish(alarm('1', '7'));
    await settle();
    expect(started()).toHaveLength(1);
    triggers.close();
  });
});

describe('what starts a workflow', () => {
  test('an alarm: its data is the input, unless there is a template', async () => {
    const { bus, open, started } = world();
    const input = { cell: '${ .subject }', fixed: [1, '${ .data.alarmId }'] };
    const triggers = open([
      repair,
      { ...repair, id: 'other', input, filter: { with: { subject: 'cell/[0-9]' } } },
    ]);
    await bus.publish(alarm('1', '7'));
    await bus.publish(alarm('2', '77'));
    await bus.publish(event('3', 'netagent.alarm.cleared', { data: { alarmId: '7' } }));
    await settle();
    expect(started()).toEqual([
      ['repair', { alarmId: '7', probableCause: 'cell-down' }],
      ['other', { cell: 'cell/7', fixed: [1, '7'] }],
      ['repair', { alarmId: '77', probableCause: 'cell-down' }],
    ]);
    triggers.close();
  });

  test('any event', async () => {
    const { bus, open, started } = world();
    const filter = { with: { type: 'order', data: '${ .temperature > 38 }' } };
    const triggers = open([{ ...repair, on: 'event', filter }]);
    await bus.publish(event('1', 'order', { data: { temperature: 30 } }));
    await bus.publish(event('2', 'order', { data: { temperature: 40 } }));
    await settle();
    expect(started()).toEqual([['repair', { temperature: 40 }]]);
    triggers.close();
  });

  test('a condition with hysteresis: once for each cell, however the figure flickers', async () => {
    const { clock, bus, open, started, options } = world();
    let load = 50;
    const watch = watchConditions({
      clock,
      bus,
      log: options.log,
      every: 'PT10S',
      read: async () => [{ subject: 'cell/1', value: load }],
    });
    const condition = { kind: 'threshold', enter: { above: 80 }, leave: { below: 70 }, hold: 'PT20S' };
    const triggers = open(
      [{ id: 'full', on: 'condition', condition, workflow: 'ran/balance', input: '${ .data.value }' }],
      { watch },
    );
    for (const value of [85, 75, 85, 78, 85, 86, 87, 75, 85, 71, 90]) {
      load = value;
      await pass(clock, 10_000, 10_000);
    }
    expect(started()).toEqual([['full', 87]]);
    triggers.load([]);
    await pass(clock, 60_000, 10_000);
    triggers.close();
    watch.close();
  });

  test('a schedule, that does not overlap with itself if it may not', async () => {
    const { clock, run, open, started } = world();
    const triggers = open([
      {
        id: 'report',
        on: 'schedule',
        schedule: { every: 'PT1H' },
        workflow: 'w',
        maxConcurrent: 1,
        input: { a: 1 },
      },
    ]);
    await pass(clock, 2 * HOUR);
    expect(started()).toEqual([['report', { a: 1 }]]);
    run.instances.values().next().value?.end();
    await pass(clock, HOUR);
    expect(started()).toHaveLength(2);
    expect(triggers.list()[0]).toMatchObject({ started: 2, refused: { concurrent: 1 } });
    triggers.close();
  });

  test('after: again when what it started has ended, also after a restart', async () => {
    const { clock, run, open, endAll } = world();
    const definition = [{ id: 'loop', on: 'schedule', schedule: { after: 'PT10M' }, workflow: 'w' }];
    const first = open(definition);
    await pass(clock, HOUR);
    expect(run.instances.size).toBe(1);
    first.close();
    const second = open(definition);
    await pass(clock, HOUR);
    expect(run.instances.size).toBe(1);
    await endAll();
    await pass(clock, HOUR);
    expect(run.instances.size).toBe(2);
    second.close();
  });

  test("the central agent's own initiative", async () => {
    const { open, started } = world();
    const triggers = open([
      {
        id: 'own',
        on: 'initiative',
        workflow: 'w',
        filter: { with: { data: '${ .task == "save energy" }' } },
      },
    ]);
    expect(await triggers.propose('save energy', 'night', { region: 'north' })).toEqual(['own']);
    expect(await triggers.propose('something else', 'why not')).toEqual([]);
    await settle();
    expect(started()).toEqual([['own', { region: 'north', task: 'save energy', reason: 'night' }]]);
    triggers.close();
  });

  test('a request by name, once for an id', async () => {
    const { open, started } = world();
    const triggers = open([{ id: 'ask', on: 'request', workflow: 'w' }, repair]);
    const ask = (id: string) => triggers.request('ask', { x: 1 }, { source: '/agents/third', id });
    expect(await ask('1')).toMatchObject({ started: true });
    expect(await ask('1')).toEqual({ started: false, reason: 'repeated' });
    await expect(triggers.request('repair', {}, { source: '/x' })).rejects.toMatchObject({
      code: 'WORKFLOW_TRIGGER_UNKNOWN',
    });
    await settle();
    expect(started()).toEqual([['ask', { x: 1 }]]);
    triggers.close();
  });
});

describe('guards', () => {
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
});

describe('restart', () => {
  test('what was recorded and not begun is begun, what came before does not start again, and guards go on', async () => {
    const { bus, open, run, started } = world();
    const first = open([repair], { start: () => new Promise(() => {}) });
    await bus.publish(alarm('1', '7'));
    first.close();
    const second = open([repair]);
    await bus.publish(alarm('1', '7'));
    await bus.publish(alarm('2', '7'));
    await settle();
    expect(started()).toHaveLength(1);
    expect(second.list()[0]).toMatchObject({
      running: [[...run.instances.keys()][0]],
      refused: { repeated: 1, running: 1 },
    });
    second.close();
  });

  test('a trigger that is gone ends with what it has started', async () => {
    const { bus, store, schedules, open, endAll } = world();
    const scheduled = { id: 's', on: 'schedule', schedule: { every: 'PT1H' }, workflow: 'w' };
    const first = open([repair, scheduled]);
    await bus.publish(alarm('1', '7'));
    await settle();
    first.close();
    const second = open([]);
    expect(schedules.list()).toEqual([]);
    expect(store.list()).toHaveLength(1);
    await endAll();
    second.load([]);
    expect(store.list()).toEqual([]);
    second.close();
  });

  test('on the store of the runtime', async () => {
    const { bus, open, started } = world();
    const { mkdtempSync, rmSync } = await import('node:fs');
    const { tmpdir } = await import('node:os');
    const { join } = await import('node:path');
    const dir = mkdtempSync(join(tmpdir(), 'netagent-triggers-'));
    try {
      for (const id of ['1', '1', '2']) {
        const kept = openStore({ dir, durability: 'write' });
        const triggers = open([{ ...repair, input: '${ .id }' }], {
          store: kept.collection('triggers'),
          schedules: kept.collection('trigger-schedules'),
        });
        await bus.publish(alarm(id, id));
        await settle();
        triggers.close();
        kept.close();
      }
    } finally {
      rmSync(dir, { recursive: true });
    }
    expect(started()).toEqual([
      ['repair', '1'],
      ['repair', '2'],
    ]);
  });
});
