import { expect, test } from 'vitest';
import type { Collection } from '../../../src/durable/index.ts';
import {
  createEventBus,
  openScheduler,
  openTriggers,
  parseTriggers,
  type ScheduleRecord,
  type StartWorkflow,
  type TriggerRecord,
  type WatchRecord,
  watchConditions,
} from '../../../src/workflow/events/index.ts';
import { settle, testEnv } from '../kit.ts';
import { engine, event, memory, pass, scopeOf, WallClock } from './kit.ts';

const START = Date.parse('2026-05-01T00:00:00Z');
const HOUR = 3_600_000;

/**
 * A process that dies at its `at`th write or start, before or after that takes effect: from then on nothing that it does
 * has any.
 */
function mortal(at: number, after: boolean) {
  let count = 0;
  let dead = false;
  const die = (): never => {
    throw new Error('killed');
  };
  const act = <T>(work: () => T): T => {
    if (dead) die();
    count += 1;
    if (count < at) return work();
    dead = true;
    if (after) work();
    return die();
  };
  return {
    dead: () => dead,
    store: <T>(store: Collection<T>): Collection<T> => ({
      get: store.get,
      list: store.list,
      put: (id, value) => act(() => store.put(id, value)),
      delete: (id) => act(() => store.delete(id)),
    }),
    start:
      (start: StartWorkflow): StartWorkflow =>
      (workflow, input, fire) => {
        try {
          return act(() => start(workflow, input, fire));
        } catch {
          // A dead process waits for ever.
          return new Promise(() => {});
        }
      },
  };
}

const deaths = [false, true].flatMap((after) =>
  Array.from({ length: 14 }, (_, index) => ({ at: index + 1, after })),
);

test.each(deaths)('schedules: killed at act %o, each firing starts once', async ({ at, after }) => {
  const clock = new WallClock(START);
  const { log } = testEnv();
  const bus = createEventBus({ log });
  const store = memory<ScheduleRecord>();
  const run = engine();
  const open = (life: ReturnType<typeof mortal>) => {
    const scheduler = openScheduler({
      clock,
      log,
      bus,
      store: life.store(store),
      evaluate: scopeOf().evaluate,
      start: life.start(run.start),
    });
    const both = { all: ['a', 'b'].map((type) => ({ with: { type } })) };
    scheduler.set('hourly', { workflow: 'w', schedule: { every: 'PT1H' } });
    scheduler.set('both', { workflow: 'v', schedule: { on: both } });
    return scheduler;
  };
  let life = mortal(at, after);
  let scheduler: ReturnType<typeof open> | undefined;
  const immortal = () => {
    scheduler?.close();
    life = mortal(Number.POSITIVE_INFINITY, false);
    scheduler = open(life);
  };
  try {
    scheduler = open(life);
  } catch {
    immortal();
  }
  const publish = async (id: string, type: string) => {
    await bus.publish(event(id, type));
    await settle();
    if (!life.dead()) return;
    // Nobody told the publisher that it was taken over: it tells again.
    immortal();
    await bus.publish(event(id, type));
    await settle();
  };
  for (let hour = 1; hour <= 2; hour += 1) {
    await pass(clock, HOUR, HOUR / 2);
    if (life.dead()) immortal();
    await publish(`${hour}a`, 'a');
    await publish(`${hour}b`, 'b');
  }
  scheduler?.close();
  const starts = run
    .started()
    .map(({ by, due, input }) => [by, by === 'both' ? input : (due - START) / HOUR]);
  expect(starts.filter(([by]) => by === 'both')).toHaveLength(2);
  expect(starts.filter(([by]) => by === 'hourly')).toEqual([
    ['hourly', 1],
    ['hourly', 2],
  ]);
  expect(store.list().map(({ value }) => value.pending)).toEqual([[], []]);
});

test.each(deaths)('triggers: killed at act %o, each event starts one, once', async ({ at, after }) => {
  const clock = new WallClock(START);
  const { log, ids } = testEnv();
  const bus = createEventBus({ log });
  const store = memory<TriggerRecord>();
  const run = engine();
  const open = (life: ReturnType<typeof mortal>) => {
    const triggers = openTriggers({
      clock,
      ids,
      log,
      bus,
      store: life.store(store),
      schedules: memory(),
      evaluate: scopeOf().evaluate,
      start: life.start(run.start),
    });
    const filter = { with: { type: 'a' } };
    triggers.load(parseTriggers([{ id: 't', on: 'event', workflow: 'w', filter }], 'f'));
    return triggers;
  };
  let life = mortal(at, after);
  let triggers = open(life);
  for (const id of ['1', '2', '3', '4']) {
    await bus.publish(event(id, 'a', { data: id }));
    await settle();
    if (life.dead()) {
      triggers.close();
      life = mortal(Number.POSITIVE_INFINITY, false);
      triggers = open(life);
      await bus.publish(event(id, 'a', { data: id }));
      await settle();
    }
    for (const { end } of run.instances.values()) end();
    await settle();
  }
  for (let turn = 0; turn < 3; turn += 1) await settle();
  expect(run.started().map(({ input }) => input)).toEqual(['1', '2', '3', '4']);
  if (!life.dead()) expect(triggers.list()[0]?.running).toEqual([]);
  triggers.close();
});

test.each(deaths.filter(({ at }) => at <= 6))(
  'conditions: killed at act %o, all is told',
  async ({ at, after }) => {
    const clock = new WallClock(START);
    const { log } = testEnv();
    const bus = createEventBus({ log });
    const told: string[] = [];
    bus.subscribe(({ type, id }) => void told.push(`${type.split('.').at(-1)} ${id}`));
    const store = memory<WatchRecord>();
    let value = 0;
    const open = (life: ReturnType<typeof mortal>) => {
      const read = async () => [{ subject: 'c', value }];
      const watch = watchConditions({ clock, log, bus, every: 'PT10S', store: life.store(store), read });
      watch.add({ id: 'q', kind: 'threshold', enter: { above: 80 }, leave: { below: 70 } });
      return watch;
    };
    let life = mortal(at, after);
    let watch = open(life);
    for (const next of [90, 60, 90]) {
      value = next;
      for (let turn = 0; turn < 3; turn += 1) {
        await pass(clock, 10_000, 10_000);
        if (!life.dead()) continue;
        watch.close();
        life = mortal(Number.POSITIVE_INFINITY, false);
        watch = open(life);
      }
    }
    watch.close();
    // What is told twice is told as the same.
    const once = [...new Set(told)];
    expect(once.map((one) => one.split(' ')[0])).toEqual(['entered', 'left', 'entered']);
  },
);
