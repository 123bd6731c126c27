import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../../src/durable/index.ts';
import { fail } from '../../../src/errors.ts';
import {
  compileWorkflow,
  createEngine,
  parseTriggers,
  readTriggers,
  startOn,
  triggersOf,
  watchConditions,
} from '../../../src/workflow/index.ts';
import { settle, testEnv } from '../kit.ts';
import { event, pass } from './kit.ts';
import { alarm, repair, world } from './trigger-world.ts';

const HOUR = 3_600_000;

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
    const first = await ask('1');
    expect(first).toMatchObject({ started: true });
    expect(await ask('1')).toEqual({ started: false, reason: 'repeated', fire: first.fire });
    await expect(triggers.request('repair', {}, { source: '/x' })).rejects.toMatchObject({
      code: 'WORKFLOW_TRIGGER_UNKNOWN',
    });
    await settle();
    expect(started()).toEqual([['ask', { x: 1 }]]);
    triggers.close();
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

test('on the engine: an alarm runs a workflow to its end, and the trigger knows', async () => {
  const { bus, open, options } = world();
  const workflow = compileWorkflow(`
document: { dsl: '1.0.3', namespace: ops, name: repair, version: '1.0.0' }
do:
  - say:
      set: { repaired: '\${ .alarmId }' }
`);
  const engine = createEngine({ env: { ...testEnv(), ...options }, functions: {}, events: bus });
  const find = (reference: string) => (reference === 'ops/repair' ? workflow : undefined);
  const triggers = open([repair, { ...repair, id: 'lost', workflow: 'ops/none' }], {
    start: startOn(engine, find),
  });
  await bus.publish(alarm('1', '7'));
  const [id] = triggers.list()[0]?.running ?? [];
  expect(await engine.result(id ?? '')).toEqual({ output: { repaired: '7' } });
  await settle();
  expect(engine.show(id ?? '')?.labels).toEqual({ by: 'repair' });
  expect(triggers.list().map(({ running }) => running)).toEqual([[], []]);
  triggers.close();
  await engine.close();
});

test('on the engine: a workflow that emits what starts it is not started by that', async () => {
  const { bus, open, options } = world();
  const workflow = compileWorkflow({
    document: { dsl: '1.0.3', namespace: 'ops', name: 'repair', version: '1.0.0' },
    do: [{ say: { emit: { event: { with: { type: 'netagent.alarm.raised', data: { alarmId: '8' } } } } } }],
  });
  const engine = createEngine({ env: { ...testEnv(), ...options }, functions: {}, events: bus });
  const triggers = open([repair], { start: startOn(engine, () => workflow) });
  await bus.publish(alarm('1', '7'));
  const [id = ''] = triggers.list()[0]?.running ?? [];
  await engine.result(id);
  expect(triggers.list()[0]).toMatchObject({ started: 1, refused: { loop: 1 } });
  triggers.close();
  await engine.close();
});

test('an engine that closes ends nothing: its instances are waited for after a restart', async () => {
  const { bus, open, store } = world();
  const closing = { ended: Promise.reject(fail('WORKFLOW_INTERRUPTED', { name: 'w' })) };
  const triggers = open([repair], { start: async () => closing });
  await bus.publish(alarm('1', '7'));
  await settle();
  expect(store.get('repair')?.running).toHaveLength(1);
  triggers.close();
});
