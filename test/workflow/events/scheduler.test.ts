import { describe, expect, test } from 'vitest';
import { fail } from '../../../src/errors.ts';
import {
  createEventBus,
  openScheduler,
  type ScheduleRecord,
  type SchedulerOptions,
} from '../../../src/workflow/events/index.ts';
import { settle, testEnv } from '../kit.ts';
import { engine, event, memory, pass, scopeOf, WallClock } from './kit.ts';

const HOUR = 3_600_000;
const START = Date.parse('2026-05-01T00:00:00Z');

function world(start = START) {
  const clock = new WallClock(start);
  const { log } = testEnv();
  const bus = createEventBus({ log });
  const store = memory<ScheduleRecord>();
  const run = engine();
  const open = (more: Partial<SchedulerOptions> = {}) =>
    openScheduler({ clock, log, bus, store, evaluate: scopeOf().evaluate, start: run.start, ...more });
  return { clock, bus, store, run, open };
}

test('every fires at its interval, whatever the last run does, with the input given', async () => {
  const { clock, run, open } = world();
  const scheduler = open();
  scheduler.set('s', { workflow: 'ns/w', schedule: { every: 'PT1H' }, input: { a: 1 } });
  await pass(clock, 3 * HOUR);
  expect(run.times()).toEqual(['01:00:00', '02:00:00', '03:00:00']);
  expect(run.started()[0]).toMatchObject({ workflow: 'ns/w', input: { a: 1 }, by: 's', missed: 0 });
  expect(scheduler.list()).toMatchObject([{ id: 's', pending: 0, next: START + 4 * HOUR }]);
  scheduler.close();
  await pass(clock, 3 * HOUR);
  expect(run.instances.size).toBe(3);
});

test('after begins at once, and again when the run has ended and the delay has passed', async () => {
  const { clock, run, open } = world();
  const scheduler = open();
  scheduler.set('s', { workflow: 'w', schedule: { after: 'PT10M' } });
  await pass(clock, HOUR);
  expect(run.times()).toEqual(['00:00:00']);
  run.instances.values().next().value?.end();
  await settle();
  await pass(clock, HOUR);
  expect(run.times()).toEqual(['00:00:00', '01:10:00']);
  scheduler.close();
});

describe('restart', () => {
  test('missed firings become one; the schedule set again unchanged keeps its position', async () => {
    const { clock, run, open } = world();
    const definition = { workflow: 'w', schedule: { every: 'PT1H' } };
    const first = open();
    first.set('s', definition);
    await pass(clock, 90 * 60_000);
    first.close();
    await pass(clock, 4 * HOUR);
    const second = open();
    second.set('s', definition);
    await settle();
    expect(run.times()).toEqual(['01:00:00', '05:00:00']);
    expect(run.started()[1]?.missed).toBe(3);
    await pass(clock, HOUR);
    expect(run.times().at(-1)).toBe('06:00:00');
    second.close();
  });

  test.each(['skip', 'all'] as const)('with %s', async (missed) => {
    const { clock, run, open } = world();
    const first = open();
    first.set('s', { workflow: 'w', schedule: { every: 'PT1H' }, missed });
    first.close();
    await pass(clock, 2.5 * HOUR);
    const second = open();
    await settle();
    expect(run.times()).toEqual(missed === 'all' ? ['01:00:00', '02:00:00'] : []);
    second.close();
  });

  test('a firing that was recorded and not begun is begun after it, once', async () => {
    const { clock, run, open } = world();
    // The process dies in the middle of the start: before, or after, the instance exists.
    for (const exists of [false, true]) {
      const hung = open({
        start: async (workflow, input, fire) => {
          if (exists) await run.start(workflow, input, fire);
          return new Promise<never>(() => {});
        },
      });
      hung.set('s', { workflow: 'w', schedule: { every: 'PT1H' } });
      await pass(clock, HOUR);
      hung.close();
      const second = open();
      await settle();
      expect(second.list()[0]?.pending).toBe(0);
      second.close();
    }
    expect(run.times()).toEqual(['01:00:00', '02:00:00']);
  });

  test('after goes on waiting for the run that it began', async () => {
    const { clock, run, open } = world();
    const first = open();
    first.set('s', { workflow: 'w', schedule: { after: 'PT10M' } });
    await settle();
    first.close();
    const second = open();
    await pass(clock, HOUR);
    expect(run.instances.size).toBe(1);
    run.instances.values().next().value?.end();
    await settle();
    await pass(clock, HOUR);
    expect(run.times()).toEqual(['00:00:00', '01:10:00']);
    second.close();
  });

  test('a kept schedule that can no longer be read does not keep the others from running', async () => {
    const { clock, run, store, open } = world();
    const first = open();
    first.set('a', { workflow: 'w', schedule: { every: 'PT1H' } });
    first.set('b', { workflow: 'w', schedule: { every: 'PT1H' } });
    first.close();
    const record = store.get('a') as ScheduleRecord;
    store.put('a', { ...record, definition: { workflow: 'w', schedule: { cron: 'no' } } });
    const second = open();
    await pass(clock, HOUR);
    expect(run.started().map(({ by }) => by)).toEqual(['b']);
    second.close();
  });
});

describe('the clock', () => {
  test('is set forward: noticed within a minute, and the missed firings become one', async () => {
    const { clock, run, open } = world();
    const scheduler = open();
    scheduler.set('s', { workflow: 'w', schedule: { cron: '0 * * * *' } });
    clock.set(START + 5.5 * HOUR);
    await pass(clock, 60_000);
    expect(run.times()).toEqual(['05:00:00']);
    scheduler.close();
  });
  test('is set back: nothing comes again', async () => {
    const { clock, run, open } = world();
    const scheduler = open();
    scheduler.set('s', { workflow: 'w', schedule: { cron: '0 * * * *' } });
    await pass(clock, HOUR + 60_000);
    clock.set(START + 50 * 60_000);
    await pass(clock, 71 * 60_000);
    expect(run.times()).toEqual(['01:00:00', '02:00:00']);
    expect(run.asked).toHaveLength(2);
    scheduler.close();
  });
});

test('what cannot be started yet is tried again; what never can be is given up', async () => {
  const { clock, run, open } = world();
  const scheduler = open();
  scheduler.set('s', { workflow: 'w', schedule: { every: 'PT1H' } });
  run.refuse(() => Promise.reject(new Error('busy')));
  await pass(clock, HOUR);
  expect(scheduler.list()[0]?.pending).toBe(1);
  run.refuse(async () => {});
  await pass(clock, 2 * 60_000);
  expect(run.times()).toEqual(['01:00:00']);
  run.refuse(() => Promise.reject(fail('WORKFLOW_NOT_FOUND', { agent: 'a', name: 'w' })));
  await pass(clock, HOUR);
  expect(scheduler.list()[0]?.pending).toBe(0);
  expect(run.asked.filter((id) => id.includes('T02:'))).toHaveLength(1);
  scheduler.close();
});

test('nothing begins that could not be recorded; it begins when it can be', async () => {
  const { clock, run, store, open } = world();
  const scheduler = open();
  scheduler.set('s', { workflow: 'w', schedule: { every: 'PT1H' } });
  store.full = true;
  await pass(clock, HOUR + 60_000, 1_000);
  expect(run.asked).toEqual([]);
  store.full = false;
  await pass(clock, 60_000, 1_000);
  expect(run.times()).toEqual(['01:00:00']);
  scheduler.close();
});

test('a removed schedule fires no more, and one that is replaced begins anew', async () => {
  const { clock, run, open } = world();
  const scheduler = open();
  scheduler.set('a', { workflow: 'w', schedule: { every: 'PT1H' } });
  scheduler.set('b', { workflow: 'w', schedule: { every: 'PT1H' } });
  expect(scheduler.remove('a')).toBe(true);
  await pass(clock, HOUR / 2);
  scheduler.set('b', { workflow: 'v', schedule: { every: 'PT1H' } });
  await pass(clock, HOUR);
  expect(run.started().map(({ workflow, by }) => [by, workflow])).toEqual([['b', 'v']]);
  expect(run.times()).toEqual(['01:30:00']);
  scheduler.close();
});

describe('on', () => {
  const readings = {
    all: ['temperature', 'humidity'].map((type) => ({
      with: { type },
      correlate: { room: { from: '.room' } },
    })),
  };

  test('the input is the array of events, each set of correlated values has its own', async () => {
    const { bus, run, open } = world();
    const scheduler = open();
    scheduler.set('s', { workflow: 'w', schedule: { on: readings, read: 'envelope' } });
    await bus.publish(event('1', 'temperature', { room: 'a' }));
    await bus.publish(event('2', 'temperature', { room: 'b' }));
    await bus.publish(event('3', 'temperature', { room: 'a' }));
    await bus.publish(event('4', 'humidity', { room: 'b' }));
    await bus.publish(event('5', 'humidity', { room: 'a' }));
    await settle();
    const ids = run.started().map(({ input }) => (input as Array<{ id: string }>).map(({ id }) => id));
    expect(ids).toEqual([
      ['2', '4'],
      ['1', '5'],
    ]);
    scheduler.close();
  });

  test('what was consumed before a restart counts after it, and what comes again does not', async () => {
    const { bus, run, open } = world();
    const first = open();
    first.set('s', { workflow: 'w', schedule: { on: readings } });
    first.set('each', { workflow: 'v', schedule: { on: { one: { with: { type: 'temperature' } } } } });
    await bus.publish(event('1', 'temperature', { room: 'a', data: 20 }));
    await settle();
    first.close();
    const second = open();
    await bus.publish(event('1', 'temperature', { room: 'a', data: 20 }));
    await bus.publish(event('2', 'humidity', { room: 'a', data: 70 }));
    await settle();
    expect(run.started().map(({ workflow, input }) => [workflow, input])).toEqual([
      ['v', [20]],
      ['w', [20, 70]],
    ]);
    second.close();
  });

  test('an event is taken over before its publisher goes on', async () => {
    const { bus, store, open } = world();
    const scheduler = open({ start: () => new Promise(() => {}) });
    scheduler.set('s', { workflow: 'w', schedule: { on: { one: { with: { type: 'x' } } } } });
    await bus.publish(event('1', 'x'));
    expect(store.get('s')?.pending).toHaveLength(1);
    scheduler.close();
  });

  test('events that nobody wants are not written', async () => {
    const { bus, store, open } = world();
    const scheduler = open();
    scheduler.set('s', { workflow: 'w', schedule: { on: { one: { with: { type: 'x' } } } } });
    const { puts } = store;
    await bus.publish(event('1', 'y'));
    expect(store.puts).toBe(puts);
    scheduler.close();
  });
});
