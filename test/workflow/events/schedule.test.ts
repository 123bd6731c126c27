import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { schedulesOf } from '../../../src/workflow/events/index.ts';
import {
  fireDue,
  firstRun,
  MAX_MADE_UP,
  type Missed,
  planOf,
} from '../../../src/workflow/events/schedule.ts';

const HOUR = 3_600_000;
const at = (text: string) => Date.parse(text);
const iso = (times: Array<number | null>) =>
  times.map((time) => (time === null ? null : new Date(time).toISOString()));

/** The times for which a plan fires when it is looked at just then. */
function firings(cron: string, zone: string, from: string, count: number) {
  const plan = planOf('s', { cron }, zone);
  let position = { next: firstRun(plan, at(from)), last: null as number | null };
  const times: number[] = [];
  while (times.length < count && position.next !== null) {
    const { fires, next, last } = fireDue(plan, position, position.next, 'once');
    times.push(...fires.map(({ due }) => due));
    position = { next, last };
  }
  return iso(times);
}

test.each([
  [{}, 'exactly one'],
  [{ every: 'PT1M', cron: '* * * * *' }, 'exactly one'],
  [{ every: '${ .x }' }, 'nothing to evaluate'],
  [{ every: 'PT0.5S' }, 'shorter'],
  [{ every: 'PT1M', read: 'data' }, 'read goes with on'],
  [{ cron: 'often' }, 'cron "often"'],
  [{ cron: '? * * * *' }, '"?"'],
  [{ cron: '0 0 30 2 *' }, 'never comes'],
])('%o is refused', (schedule, problem) => {
  expect(() => planOf('s', schedule)).toThrow(
    expect.objectContaining({ code: 'WORKFLOW_SCHEDULE_INVALID', message: expect.stringContaining(problem) }),
  );
});

test('a document has one schedule for each way that it names, with an id of its own', () => {
  const schedule = { every: 'PT1M', cron: '0 8 * * *', on: { any: [] }, read: 'raw' as const };
  const found = schedulesOf(
    { document: { dsl: '1.0.3', namespace: 'ns', name: 'w', version: '1.0.0' }, schedule },
    'Europe/Berlin',
  );
  expect(found).toEqual([
    { id: 'ns.w.every', definition: { workflow: 'ns/w', schedule: { every: 'PT1M' } } },
    {
      id: 'ns.w.cron',
      definition: { workflow: 'ns/w', schedule: { cron: '0 8 * * *' }, zone: 'Europe/Berlin' },
    },
    { id: 'ns.w.on', definition: { workflow: 'ns/w', schedule: { on: { any: [] }, read: 'raw' } } },
  ]);
  expect(schedulesOf({ document: { dsl: '1.0.3', namespace: 'ns', name: 'w', version: '1.0.0' } })).toEqual(
    [],
  );
});

test('a time zone that is not known is refused', () => {
  expect(() => planOf('s', { cron: '0 8 * * *' }, 'Mars/One')).toThrow('Mars/One');
});

describe('cron over a change of the clocks', () => {
  test('without a zone it is UTC', () => {
    expect(firings('0 8 * * *', 'UTC', '2026-03-28T12:00:00Z', 2)).toEqual([
      '2026-03-29T08:00:00.000Z',
      '2026-03-30T08:00:00.000Z',
    ]);
  });
  test('the hour of the day stays', () => {
    expect(firings('0 8 * * *', 'Europe/Berlin', '2026-03-27T12:00:00Z', 3)).toEqual([
      '2026-03-28T07:00:00.000Z',
      '2026-03-29T06:00:00.000Z',
      '2026-03-30T06:00:00.000Z',
    ]);
  });
  test('an hour that is left out: the firing comes with the next', () => {
    expect(firings('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 2)).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ]);
  });
  test('an hour that comes twice: once for a fixed time, each half hour for an interval', () => {
    expect(firings('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]);
    expect(firings('*/30 * * * *', 'Europe/Berlin', '2026-10-24T23:40:00Z', 4)).toEqual([
      '2026-10-25T00:00:00.000Z',
      '2026-10-25T00:30:00.000Z',
      '2026-10-25T01:00:00.000Z',
      '2026-10-25T01:30:00.000Z',
    ]);
  });
});

describe('missed firings', () => {
  const hourly = planOf('s', { every: 'PT1H' });
  const late = 3 * HOUR + 600_000;
  const fire = (missed: Missed, now: number) => fireDue(hourly, { next: HOUR, last: null }, now, missed);

  test('once: the latest stands for all', () => {
    expect(fire('once', late)).toEqual({
      fires: [{ due: 3 * HOUR, missed: 2 }],
      next: 4 * HOUR,
      last: 3 * HOUR,
    });
  });
  test('all: each is made', () => {
    expect(fire('all', late).fires.map(({ due }) => due)).toEqual([HOUR, 2 * HOUR, 3 * HOUR]);
  });
  test('skip: none is made, unless it is not late', () => {
    expect(fire('skip', late)).toEqual({ fires: [], next: 4 * HOUR, last: 3 * HOUR });
    expect(fire('skip', 3 * HOUR + 1_000).fires).toEqual([{ due: 3 * HOUR, missed: 0 }]);
  });
  test('a year of missed minutes is one firing, or the latest thousand', () => {
    const plan = planOf('s', { cron: '* * * * *' });
    const start = at('2026-01-01T00:00:00Z');
    const now = at('2027-01-01T00:00:30Z');
    const once = fireDue(plan, { next: start, last: null }, now, 'once');
    expect(iso([once.fires[0]?.due ?? null, once.next])).toEqual([
      '2027-01-01T00:00:00.000Z',
      '2027-01-01T00:01:00.000Z',
    ]);
    const { fires } = fireDue(plan, { next: start, last: null }, now, 'all');
    expect(fires).toHaveLength(MAX_MADE_UP);
    expect(iso([fires.at(-1)?.due ?? null])).toEqual(['2027-01-01T00:00:00.000Z']);
    expect(new Set(fires.map(({ due }) => due)).size).toBe(MAX_MADE_UP);
  });
});

describe('a clock that is set back', () => {
  const daily = planOf('s', { cron: '0 10 * * *' });
  const ten = at('2026-05-01T10:00:00Z');

  test('does not fire again what has been fired', () => {
    const { next, last } = fireDue(daily, { next: ten, last: null }, ten, 'once');
    const again = fireDue(daily, { next, last }, ten - 1_800_000, 'once');
    expect(again).toEqual({ fires: [], next: at('2026-05-02T10:00:00Z'), last: ten });
  });
  test('that was wrong by a year does not stop the schedule for a year', () => {
    const wrong = at('2027-05-01T10:00:00Z');
    const { next, last } = fireDue(daily, { next: ten, last: null }, wrong, 'once');
    expect(iso([fireDue(daily, { next, last }, ten + HOUR, 'once').next])).toEqual([
      '2026-05-02T10:00:00.000Z',
    ]);
  });
  test('every waits its interval, and no longer', () => {
    const plan = planOf('s', { every: 'PT1H' });
    expect(fireDue(plan, { next: 50 * HOUR, last: 49 * HOUR }, 10 * HOUR, 'once').next).toBe(11 * HOUR);
  });
});

test('however the clock runs and is corrected, no firing comes twice, and none before its time', () => {
  const schedules = [{ every: 'PT90S' }, { cron: '*/7 * * * *' }, { cron: '0 */2 * * *' }];
  const steps = fc.array(fc.integer({ min: -1_800_000, max: 4 * HOUR }), { maxLength: 40 });
  const policies = fc.constantFrom<Missed>('once', 'all', 'skip');
  fc.assert(
    fc.property(fc.constantFrom(...schedules), policies, steps, (schedule, missed, moves) => {
      const plan = planOf('s', schedule);
      let now = at('2026-03-01T00:00:00Z');
      let furthest = now;
      let position: { next: number | null; last: number | null } = { next: firstRun(plan, now), last: null };
      const fired: number[] = [];
      for (const move of moves) {
        // An interval begins anew where the clock is set back; what goes by the clock must not.
        now = plan.kind === 'every' ? now + Math.abs(move) : Math.max(now + move, furthest - 1_800_000);
        furthest = Math.max(furthest, now);
        const { fires, ...rest } = fireDue(plan, position, now, missed);
        position = rest;
        for (const { due } of fires) expect(due).toBeLessThanOrEqual(now);
        fired.push(...fires.map(({ due }) => due));
        expect(position.next).toBeGreaterThan(now);
      }
      expect(new Set(fired).size).toBe(fired.length);
    }),
    { numRuns: 60 },
  );
});
