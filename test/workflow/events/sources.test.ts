import { afterEach, describe, expect, test } from 'vitest';
import { connectNetMcp, startManagementServer, startToolServer, toolsOf } from '../../../src/netmcp/index.ts';
import { startNetwork } from '../../../src/network/index.ts';
import { wallClock } from '../../../src/runtime/env.ts';
import { type AlarmRecord, toolAlarms, toolReadings } from '../../../src/runtime/workflows/sources.ts';
import {
  type CloudEvent,
  createEventBus,
  openTriggers,
  parseTriggers,
  publishAlarms,
  watchConditions,
} from '../../../src/workflow/events/index.ts';
import { createEvaluator } from '../../../src/workflow/expressions.ts';
import { settle, testEnv } from '../kit.ts';
import { engine, memory, pass, scopeOf, WallClock } from './kit.ts';

const START = Date.parse('2026-05-01T06:00:00Z');
const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const answer = (output: Record<string, unknown>) => ({
  output,
  isError: false,
  text: '',
  server: 's',
  chain: [],
});

describe('alarms from a list', () => {
  const alarm = (alarmId: string) => ({
    alarmId,
    probableCause: 'link-cut',
    objectInstance: `link-${alarmId}`,
  });

  function world() {
    const clock = new WallClock(START);
    const { log } = testEnv();
    const bus = createEventBus({ log });
    const events: CloudEvent[] = [];
    bus.subscribe((event) => void events.push(event));
    const there: { alarms: object[] | null } = { alarms: [] };
    const store = memory<AlarmRecord>();
    const call = async () => {
      if (there.alarms === null) throw new Error('unreachable');
      return answer({ alarms: there.alarms });
    };
    const open = () => {
      const source = toolAlarms({ clock, log, call: call as never, store, every: 5_000 });
      publishAlarms({ source, bus, log });
      closers.push(source.close);
      return source;
    };
    const said = () => events.map(({ type, subject }) => `${type.split('.').at(-1)} ${subject}`);
    return { clock, there, store, open, events, said };
  }

  test('what comes and goes is told once; a list that cannot be read clears nothing', async () => {
    const { clock, there, open, said } = world();
    open();
    there.alarms = [alarm('1')];
    await pass(clock, 10_000, 1_000);
    there.alarms = null;
    await pass(clock, 10_000, 1_000);
    there.alarms = [alarm('1'), alarm('2')];
    await pass(clock, 10_000, 1_000);
    there.alarms = [alarm('2')];
    await pass(clock, 10_000, 1_000);
    expect(said()).toEqual(['raised link-1', 'raised link-2', 'cleared link-1']);
  });

  test('after a restart: what went meanwhile is told as gone, what was not told is told, what is there still is not', async () => {
    const { clock, there, store, open, events, said } = world();
    there.alarms = [alarm('1'), alarm('2')];
    const first = open();
    await pass(clock, 5_000, 1_000);
    first.close();
    // The process died after it had written what came, and before it had told it.
    const record = store.get('2') as AlarmRecord;
    store.put('2', { ...record, told: false });
    there.alarms = [alarm('2')];
    open();
    await pass(clock, 5_000, 1_000);
    expect(said()).toEqual(['raised link-1', 'raised link-2', 'raised link-2', 'cleared link-1']);
    expect(events[2]).toEqual(events[1]);
    expect(store.list().map(({ id }) => id)).toEqual(['2']);
  });
});

test('conditions that ask the same of a tool at the same time share a call', async () => {
  let calls = 0;
  const read = toolReadings({
    call: (async () => {
      calls += 1;
      await settle();
      return answer({ cells: [{ subject: 'c', value: 1 }] });
    }) as never,
    evaluate: scopeOf().evaluate,
  });
  const condition = (id: string, more: object = {}) =>
    ({ id, kind: 'absence', after: 'PT1M', read: { tool: 't', select: '.cells', ...more } }) as const;
  const { signal } = new AbortController();
  const both = await Promise.all([read(condition('a'), signal), read(condition('b'), signal)]);
  expect(both).toEqual([[{ subject: 'c', value: 1 }], [{ subject: 'c', value: 1 }]]);
  expect(calls).toBe(1);
  await expect(read(condition('c', { tool: 1 }), signal)).rejects.toMatchObject({
    code: 'WORKFLOW_CONDITION_INVALID',
  });
});

test('on the network: a fault starts its repair, and a figure of a cell a condition', async () => {
  const env = { ...testEnv(), clock: wallClock };
  const host = '127.0.0.1';
  const supi = 'imsi-001010000000001';
  const net = await startNetwork({
    env,
    host,
    simulation: {
      seed: 7,
      startTime: START,
      homeRegion: 'shanghai',
      supi,
      uesPerRegion: 5,
    },
  });
  closers.push(net.close);
  const management = await startManagementServer({ env, host, port: 0 });
  closers.push(management.close);
  for (const area of ['operations', 'ran'] as const) {
    const server = await startToolServer({
      env,
      host,
      port: 0,
      id: `${area}-tools`,
      management: management.url,
      nrf: net.nrf,
      tools: toolsOf(area),
    });
    closers.push(server.close);
  }
  const client = await connectNetMcp({ env, agentId: 'netagent/test', management: management.url });
  closers.push(client.close);
  const { evaluate, close } = createEvaluator({ clock: wallClock });
  closers.push(close);

  const { log, ids } = env;
  const clock = new WallClock(START);
  const bus = createEventBus({ log });
  const { promise: told, resolve } = Promise.withResolvers<void>();
  const source = toolAlarms({ clock, log, call: client.callTool, store: memory(), every: 5_000 });
  closers.push(source.close);
  const watch = watchConditions({
    clock,
    log,
    bus,
    every: 'PT5S',
    read: toolReadings({ call: client.callTool, evaluate }),
  });
  closers.push(watch.close);
  const run = engine();
  const triggers = openTriggers({
    clock,
    ids,
    log,
    bus,
    evaluate,
    watch,
    store: memory(),
    schedules: memory(),
    start: async (workflow, input, fire) => {
      const begun = await run.start(workflow, input, fire);
      if (run.instances.size === 2) resolve();
      return begun;
    },
  });
  closers.push(triggers.close);
  const { output } = await client.callTool('ran_read_ue_radio', { supi });
  const { cellId } = (output as { radio: { cellId: string } }).radio;
  triggers.load(
    parseTriggers(
      [
        { id: 'repair', on: 'alarm', workflow: 'ops/repair', input: { alarm: '${ .data.alarmId }' } },
        {
          id: 'load',
          on: 'condition',
          workflow: 'ran/balance',
          condition: {
            kind: 'threshold',
            enter: { above: -1 },
            read: {
              tool: 'ran_collect_cell_kpis',
              arguments: { cellIds: [cellId] },
              select: '.cells | map({subject: .cellId, value: .["RRU.PrbTotDl"]})',
            },
          },
          input: { cell: '${ .subject }' },
        },
      ],
      'test',
    ),
  );
  const fault = await net.faults.inject({ kind: 'link-cut', link: 'link-edge-shanghai' });
  publishAlarms({ source, bus, log });
  clock.increment(5_000);
  await told;
  const started = run.started().map(({ workflow, input }) => [workflow, input]);
  expect(started).toContainEqual(['ops/repair', { alarm: fault.id }]);
  expect(started).toContainEqual(['ran/balance', { cell: cellId }]);
});
