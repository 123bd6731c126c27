import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Alarm,
  type AlarmChange,
  alarmChanges,
  type CloudEvent,
  type Condition,
  createEventBus,
  observe,
  publishAlarms,
  type Reading,
  unknownState,
  type WatchOptions,
  type WatchRecord,
  watchConditions,
} from '../../../src/workflow/events/index.ts';
import { settle, testEnv } from '../kit.ts';
import { memory, pass, WallClock } from './kit.ts';

const START = Date.parse('2026-05-01T00:00:00Z');
const full: Condition = {
  id: 'full',
  kind: 'threshold',
  enter: { above: 80 },
  leave: { below: 70 },
  hold: 'PT20S',
  cooldown: 'PT1M',
};

/** What is said of figures that come every ten seconds, as `+` and `-` at their place. */
function said(condition: Condition, values: Array<number | null>, everyMs = 10_000): string {
  let state = unknownState();
  return values
    .map((value, index) => {
      const { state: next, change } = observe(state, condition, { at: index * everyMs, value });
      state = next;
      return change === null ? '.' : change.to === 'entered' ? '+' : '-';
    })
    .join('');
}

describe('threshold', () => {
  test('is entered above, left below, and nothing is said between', () => {
    const quick: Condition = { id: 'q', kind: 'threshold', enter: { above: 80 }, leave: { below: 70 } };
    expect(said(quick, [79, 80, 81, 75, 71, 85, 70, 69, 75, 79, 81])).toBe('..+....-..+');
  });
  test('downwards the same', () => {
    const weak: Condition = { id: 'w', kind: 'threshold', enter: { below: -110 }, leave: { above: -105 } };
    expect(said(weak, [-100, -111, -108, -105, -104])).toBe('.+..-');
  });
  test('without leave it is left where it is not entered', () => {
    expect(said({ id: 'q', kind: 'threshold', enter: { above: 80 } }, [81, 80, 80, 81])).toBe('+-.+');
  });
  test('must hold, without a break', () => {
    expect(said(full, [81, 81, 79, 81, 81, 81, 81])).toBe('.....+.');
  });
  test('a reading without a figure says nothing', () => {
    expect(said(full, [81, null, 81, 60, null, null, 60])).toBe('..+...-');
  });
  test('after leaving it is not entered before the cool-down, and at once then if it has held', () => {
    expect(said(full, [90, 90, 90, 60, 60, 60, 90, 90, 90, 90, 90, 90])).toBe('..+..-.....+');
  });
});

test('rate: the change over the window, told per unit', () => {
  const rising: Condition = {
    id: 'r',
    kind: 'rate',
    enter: { above: 5 },
    leave: { below: 1 },
    window: 'PT1M',
    per: 'PT1M',
  };
  // One a ten seconds is six a minute; two near readings are no slope yet.
  expect(said(rising, [0, 1, 2, 3, 4, 5, 6, 6, 6, 6, 6, 6, 6])).toBe('...+........-');
});

test('rate: a long window needs few samples, however often it is read', () => {
  const slow: Condition = { id: 'r', kind: 'rate', enter: { above: 5 }, window: 'PT1H', per: 'PT1H' };
  let state = unknownState();
  const said: number[] = [];
  for (let at = 0; at <= 2 * 3_600_000; at += 1_000) {
    const next = observe(state, slow, { at, value: at < 3_600_000 ? 0 : (at - 3_600_000) / 100_000 });
    state = next.state;
    if (next.change !== null) said.push(at / 1_000);
  }
  // Ten in a thousand seconds: more than five in the hour from about the 500th second on.
  expect(said).toHaveLength(1);
  expect(said[0]).toBeGreaterThanOrEqual(4_050);
  expect(said[0]).toBeLessThan(4_200);
  expect(state.samples.length).toBeLessThan(110);
});

test('absence: entered when nothing has been read for so long, left when something is', () => {
  const silent: Condition = { id: 's', kind: 'absence', after: 'PT25S' };
  expect(said(silent, [1, null, null, null, null, 1, null, null, null])).toBe('...+.-..+');
  expect(said(silent, [null, null, null, null])).toBe('...+');
});

test('the evidence shows the figures that decided', () => {
  let state = unknownState();
  let change = null;
  for (const [index, value] of [60, 85, 90, 95].entries()) {
    ({ state, change } = observe(state, full, { at: index * 10_000, value }));
  }
  expect(change).toEqual({
    to: 'entered',
    evidence: {
      figure: 95,
      bound: { above: 80 },
      since: 10_000,
      samples: [60, 85, 90, 95].map((value, index) => ({ at: index * 10_000, value })),
    },
  });
});

test('however figures and time run: entering and leaving alternate, hold and cool-down are kept', () => {
  const figures = fc.array(
    fc.record({
      step: fc.integer({ min: 1, max: 30_000 }),
      value: fc.option(fc.integer({ min: 50, max: 100 })),
    }),
    { maxLength: 80 },
  );
  fc.assert(
    fc.property(figures, (list) => {
      let state = unknownState();
      let at = 0;
      const log: Array<{ to: string; at: number }> = [];
      const seen: Array<{ at: number; value: number }> = [];
      for (const { step, value } of list) {
        at += step;
        const before = JSON.stringify(state);
        const next = observe(JSON.parse(before), full, { at, value });
        if (value !== null) seen.push({ at, value });
        if (next.change !== null) {
          const last = log.at(-1);
          expect(next.change.to).toBe(last?.to === 'entered' ? 'left' : 'entered');
          if (next.change.to === 'entered' && last !== undefined)
            expect(at - last.at).toBeGreaterThanOrEqual(60_000);
          // For the whole hold every figure spoke for it.
          const held = seen.filter((one) => one.at >= at - 20_000);
          for (const one of held) {
            if (next.change.to === 'entered') expect(one.value).toBeGreaterThan(80);
            else expect(one.value).toBeLessThan(70);
          }
          log.push({ to: next.change.to, at });
        }
        state = next.state;
      }
    }),
  );
});

describe('watch', () => {
  function world(more: Partial<WatchOptions> = {}) {
    const clock = new WallClock(START);
    const { log } = testEnv();
    const bus = createEventBus({ log });
    const events: CloudEvent[] = [];
    bus.subscribe((event) => void events.push(event));
    const figures: { now: Reading[] } = { now: [] };
    const store = memory<WatchRecord>();
    const options = { clock, log, bus, every: 'PT10S', store, read: async () => figures.now, ...more };
    return { clock, bus, events, figures, store, options };
  }
  const quick = { id: 'q', kind: 'threshold', enter: { above: 80 }, leave: { below: 70 } };

  test('tells of each subject for itself', async () => {
    const { clock, events, figures, options } = world();
    const watch = watchConditions(options);
    watch.add(quick);
    figures.now = [
      { subject: 'cell/1', value: 90 },
      { subject: 'cell/2', value: 10 },
    ];
    await pass(clock, 30_000, 10_000);
    figures.now = [
      { subject: 'cell/1', value: 60 },
      { subject: 'cell/2', value: 99 },
    ];
    await pass(clock, 10_000, 10_000);
    expect(events.map(({ type, subject }) => [type, subject])).toEqual([
      ['netagent.condition.entered', 'cell/1'],
      ['netagent.condition.left', 'cell/1'],
      ['netagent.condition.entered', 'cell/2'],
    ]);
    expect(events[0]).toMatchObject({
      source: '/netagent/conditions/q',
      data: { condition: 'q', value: 90, evidence: { bound: { above: 80 } } },
    });
    expect(watch.entered()).toEqual([{ condition: 'q', subject: 'cell/2', since: START + 40_000 }]);
    watch.close();
  });

  test('a condition that is added again, or with other bounds, does not tell again what is entered', async () => {
    const { clock, events, figures, options } = world();
    const watch = watchConditions(options);
    watch.add(quick);
    figures.now = [{ subject: 'cell/1', value: 90 }];
    await pass(clock, 20_000, 10_000);
    watch.add(quick);
    watch.add({ ...quick, leave: { below: 75 } });
    await pass(clock, 20_000, 10_000);
    figures.now = [{ subject: 'cell/1', value: 74 }];
    await pass(clock, 10_000, 10_000);
    expect(events.map(({ type }) => type.split('.').at(-1))).toEqual(['entered', 'left']);
    watch.close();
  });

  test('after a restart it does not tell again what is entered still, and tells that it is left', async () => {
    const { clock, events, figures, options } = world();
    figures.now = [{ subject: 'cell/1', value: 90 }];
    const first = watchConditions(options);
    first.add(quick);
    await pass(clock, 10_000, 10_000);
    first.close();
    const second = watchConditions(options);
    second.add(quick);
    await pass(clock, 20_000, 10_000);
    figures.now = [{ subject: 'cell/1', value: 50 }];
    await pass(clock, 10_000, 10_000);
    expect(events.map(({ type }) => type.split('.').at(-1))).toEqual(['entered', 'left']);
    second.close();
  });

  test('what was written and not told is told after a restart, under the same id', async () => {
    const { clock, bus, events, figures, options } = world();
    figures.now = [{ subject: 'cell/1', value: 90 }];
    const told: string[] = [];
    const dying = {
      ...bus,
      publish: ({ id }: CloudEvent) => {
        told.push(id);
        return new Promise<never>(() => {});
      },
    };
    const first = watchConditions({ ...options, bus: dying });
    first.add(quick);
    await pass(clock, 10_000, 10_000);
    first.close();
    const second = watchConditions(options);
    second.add(quick);
    await settle();
    expect(events.map(({ id }) => id)).toEqual(told);
    second.close();
  });

  test('a read that fails or hangs is one that read nothing: absence is noticed', async () => {
    const { clock, events, options } = world({ read: () => new Promise(() => {}) });
    const watch = watchConditions(options);
    watch.add({ id: 'silent', kind: 'absence', after: 'PT30S', subjects: ['cell/1'] });
    await pass(clock, 120_000, 5_000);
    expect(events.map(({ type, subject }) => [type, subject])).toEqual([
      ['netagent.condition.entered', 'cell/1'],
    ]);
    watch.close();
  });

  test('a condition that is removed is not read', async () => {
    let reads = 0;
    const { clock, store, options, figures } = world();
    figures.now = [{ subject: 'c', value: 90 }];
    const watch = watchConditions({
      ...options,
      read: async () => {
        reads += 1;
        return figures.now;
      },
    });
    watch.add(quick);
    await pass(clock, 10_000, 10_000);
    expect(store.list()).toHaveLength(1);
    watch.remove('q');
    await pass(clock, 60_000, 10_000);
    expect(reads).toBe(1);
    expect(store.list()).toEqual([]);
  });

  test.each([
    [{ ...quick, leave: { below: 90 } }, 'leave'],
    [{ ...quick, leave: { above: 90 } }, 'leave'],
    [{ ...quick, id: 'a b' }, 'plain name'],
    [{ id: 'x', kind: 'magic' }, ''],
  ])('%o is refused', (condition, problem) => {
    const { options } = world();
    expect(() => watchConditions(options).add(condition)).toThrow(
      expect.objectContaining({
        code: 'WORKFLOW_CONDITION_INVALID',
        message: expect.stringContaining(problem),
      }),
    );
  });
});

describe('alarms', () => {
  const alarm = (alarmId: string, more: Partial<Alarm> = {}): Alarm => ({
    alarmId,
    probableCause: 'cell-down',
    objectInstance: `cell/${alarmId}`,
    ...more,
  });

  test('notifications become events, the same one the same', async () => {
    const { log } = testEnv();
    const bus = createEventBus({ log });
    const events: CloudEvent[] = [];
    bus.subscribe((event) => void events.push(event));
    let tell: (change: AlarmChange) => void | Promise<void> = () => {};
    const stop = publishAlarms({
      bus,
      log,
      source: {
        subscribe: (listener) => {
          tell = listener;
          return () => {
            tell = () => {};
          };
        },
      },
    });
    await tell({ kind: 'new', alarm: alarm('7'), eventTime: START });
    await tell({ kind: 'new', alarm: alarm('7'), eventTime: START });
    await tell({ kind: 'cleared', alarm: alarm('7', { objectInstance: '' }), eventTime: START + 1 });
    stop();
    expect(events.map(({ type, subject }) => [type, subject])).toEqual([
      ['netagent.alarm.raised', 'cell/7'],
      ['netagent.alarm.raised', 'cell/7'],
      ['netagent.alarm.cleared', undefined],
    ]);
    expect(events[0]?.id).toBe(events[1]?.id);
    expect(events[0]?.data).toEqual({ ...alarm('7'), eventTime: '2026-05-01T00:00:00.000Z' });
  });

  test('two lists give what came, changed and went', () => {
    const known = new Map(
      ['1', '2', '3'].map((id) => [id, { kind: 'new', alarm: alarm(id), eventTime: 1 } as AlarmChange]),
    );
    const changes = alarmChanges(
      known,
      [alarm('2'), alarm('3', { perceivedSeverity: 'CRITICAL' }), alarm('4')],
      9,
    );
    expect(changes.map(({ kind, alarm: { alarmId } }) => `${kind} ${alarmId}`)).toEqual([
      'cleared 1',
      'changed 3',
      'new 4',
    ]);
  });
});
