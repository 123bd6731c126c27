import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  begin,
  type CloudEvent,
  type ConsumptionState,
  type ConsumptionStrategy,
  createConsumer,
  filtersOf,
  type Offer,
  outputOf,
  step,
  strategySchema,
} from '../../../src/workflow/events/index.ts';
import { event, scopeOf } from './kit.ts';

const type = (name: string) => ({ with: { type: name } });
const all = (count: number): ConsumptionStrategy => ({
  all: Array.from({ length: count }, (_, index) => type(`t${index}`)),
});

function play(strategy: ConsumptionStrategy, offers: Offer[], maxHeld?: number) {
  let state = begin(strategy);
  const steps = offers.map((offer) => {
    const next = step(state, strategy, offer, maxHeld === undefined ? {} : { maxHeld });
    state = next.state;
    return next;
  });
  return { state, steps, ids: state.held.map(({ id }) => id) };
}
const offer = (id: string, matched: number[], more: Partial<Offer> = {}): Offer => ({
  event: event(id, 't'),
  matched,
  ...more,
});

test('filters have stable indexes, those of until last; any: [] is one that everything meets', () => {
  const strategy: ConsumptionStrategy = { any: [], until: { all: [type('a'), type('b')] } };
  expect(filtersOf(strategy)).toEqual([
    { index: 0, role: 'take', filter: { with: {} } },
    { index: 1, role: 'until', filter: type('a') },
    { index: 2, role: 'until', filter: type('b') },
  ]);
});

test('the schema takes the strategies of the language, and until without another until', () => {
  const ok = (value: unknown) => strategySchema.safeParse(value).success;
  expect(ok({ any: [], until: '. | length > 3' })).toBe(true);
  expect(ok({ any: [type('a')], until: { one: type('b') } })).toBe(true);
  expect(ok({ any: [], until: { any: [], until: 'x' } })).toBe(false);
  expect(ok({ all: [], until: 'x' })).toBe(false);
  expect(ok({ one: { with: {} } })).toBe(false);
});

test('one and any end with the first event that is met', () => {
  for (const strategy of [{ one: type('a') }, { any: [type('a'), type('b')] }] as ConsumptionStrategy[]) {
    const { ids, state, steps } = play(strategy, [offer('1', []), offer('2', [0]), offer('3', [0])]);
    expect(ids).toEqual(['2']);
    expect(state.done).toBe(true);
    expect(steps.map(({ changed }) => changed)).toEqual([false, true, false]);
  }
});

test('until as an expression: the event with which it holds is part of the output', () => {
  const strategy: ConsumptionStrategy = { any: [type('a')], until: 'x' };
  const { ids, state } = play(strategy, [
    offer('1', [0]),
    offer('2', [0], { untilMet: true }),
    offer('3', [0]),
  ]);
  expect(ids).toEqual(['1', '2']);
  expect(state.done).toBe(true);
});

test('until as a strategy: its events are no part of the output', () => {
  const strategy: ConsumptionStrategy = { any: [], until: { all: [type('a'), type('b')] } };
  const { ids, state, steps } = play(strategy, [
    offer('1', [0]),
    offer('2', [0, 1]),
    // `a` is served already: this one is an event like any other.
    offer('3', [0, 1]),
    offer('4', [0, 2]),
  ]);
  expect(ids).toEqual(['1', '3']);
  expect(steps.map(({ taken }) => taken)).toEqual([true, false, true, false]);
  expect(state.done).toBe(true);
});

test('the same source and id counts once', () => {
  const again = play({ any: [type('a')], until: 'x' }, [offer('1', [0]), offer('1', [0])]);
  expect(again.ids).toEqual(['1']);
  const until = { any: [type('a')], until: { all: [type('b'), type('b')] } };
  expect(play(until, [offer('1', [1, 2]), offer('1', [1, 2])]).state.done).toBe(false);
});

test('beyond the limit an event is not taken, and that is said', () => {
  const { ids, steps } = play({ any: [type('a')], until: 'x' }, [offer('1', [0]), offer('2', [0])], 1);
  expect(ids).toEqual(['1']);
  expect(steps[1]).toMatchObject({ full: true, changed: false });
});

describe('all', () => {
  test('nothing to wait for is done at once', () => {
    expect(begin({ all: [] }).done).toBe(true);
  });

  test('an event that fits two filters leaves the one that nobody else fits', () => {
    const { ids, state } = play(all(2), [offer('1', [0, 1]), offer('2', [0])]);
    expect(ids).toEqual(['1', '2']);
    expect(state.done).toBe(true);
  });

  const offers = fc.array(fc.uniqueArray(fc.nat(3), { maxLength: 4 }), { maxLength: 8 });
  /** By trying everything: the most filters that can each have an event of their own. */
  const most = (fits: number[][]): number => {
    const [first, ...rest] = fits;
    if (first === undefined) return 0;
    return Math.max(most(rest), ...first.map((f) => 1 + most(rest.map((one) => one.filter((g) => g !== f)))));
  };

  test('is done exactly when each filter can have an event of its own', () => {
    fc.assert(
      fc.property(offers, (fits) => {
        const { state } = play(
          all(4),
          fits.map((matched, id) => offer(String(id), matched)),
        );
        expect(state.held.length).toBe(most(fits));
        expect(state.done).toBe(most(fits) === 4);
      }),
    );
  });

  test('whether it is done does not depend on the order of arrival', () => {
    fc.assert(
      fc.property(
        offers.chain((fits) =>
          fc.tuple(fc.constant(fits), fc.shuffledSubarray(fits, { minLength: fits.length })),
        ),
        ([one, other]) => {
          const done = (fits: number[][]) =>
            play(
              all(4),
              fits.map((matched, id) => offer(String(id), matched)),
            ).state.done;
          expect(done(other)).toBe(done(one));
        },
      ),
    );
  });
});

describe('correlation', () => {
  const room = (value: unknown, ...indexes: number[]) => ({
    correlations: Object.fromEntries(indexes.map((index) => [index, { room: value }])),
  });

  test('the first value fixes it for all filters', () => {
    const { ids, state } = play(all(2), [
      offer('1', [0], room('a', 0)),
      offer('2', [1], room('b', 1)),
      offer('3', [1], room('a', 1)),
    ]);
    expect(ids).toEqual(['1', '3']);
    expect(state).toMatchObject({ correlations: { room: 'a' }, done: true });
  });

  test('also for until', () => {
    const strategy: ConsumptionStrategy = { any: [type('a')], until: { one: type('b') } };
    const { state } = play(strategy, [offer('1', [0], room('a', 0)), offer('2', [1], room('b', 1))]);
    expect(state.done).toBe(false);
  });

  test('an event that is not taken fixes nothing', () => {
    const { state } = play(all(2), [offer('1', [0]), offer('2', [0], room('b', 0))]);
    expect(state.correlations).toEqual({});
  });
});

const anyOffer = fc
  .tuple(
    fc.nat(5),
    fc.uniqueArray(fc.nat(3), { maxLength: 4 }),
    fc.boolean(),
    fc.constantFrom('a', 'b', null),
  )
  .map(([id, matched, untilMet, value]) =>
    offer(String(id), matched, {
      untilMet,
      ...(value !== null && {
        correlations: Object.fromEntries(matched.map((index) => [index, { k: value }])),
      }),
    }),
  );
const anyStrategy = fc.constantFrom<ConsumptionStrategy>(
  { one: type('a') },
  { any: [] },
  { any: [type('a'), type('b')], until: 'x' },
  { any: [type('a'), type('b')], until: { all: [type('c'), type('d')] } },
  all(4),
);

test('a step changes nothing that it was given, is JSON, and goes on after a restart as without one', () => {
  fc.assert(
    fc.property(anyStrategy, fc.array(anyOffer, { maxLength: 12 }), fc.nat(12), (strategy, offers, at) => {
      const freeze = (value: unknown): void => {
        if (value !== null && typeof value === 'object') {
          Object.freeze(value);
          Object.values(value).forEach(freeze);
        }
      };
      let state: ConsumptionState = begin(strategy);
      let restarted: ConsumptionState = state;
      for (const [index, one] of offers.entries()) {
        freeze(state);
        freeze(one);
        const next = step(state, strategy, one);
        if (state.done) expect(next.changed).toBe(false);
        if (next.taken) expect(next.state.held).toEqual([...state.held, one.event]);
        else expect(next.state.held).toEqual(state.held);
        if (!next.changed) expect(next.state).toBe(state);
        state = next.state;
        if (index === at) restarted = JSON.parse(JSON.stringify(restarted));
        restarted = step(restarted, strategy, one).state;
      }
      expect(restarted).toEqual(state);
      const ids = state.held.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
    }),
  );
});

describe('consumer', () => {
  test('evaluates until on what has been consumed, and takes events one after the other', async () => {
    const consumer = createConsumer({
      strategy: { any: [{ with: { data: '${ .temperature > 38 }' } }], until: 'length >= 3' },
      scope: scopeOf(),
    });
    const results = await Promise.all(
      [39, 20, 40, 41, 42].map((temperature, id) =>
        consumer.offer(event(String(id), 't', { data: { temperature } })),
      ),
    );
    expect(results.map(({ taken }) => taken)).toEqual([true, false, true, true, false]);
    expect(outputOf(consumer.state())).toEqual([
      { temperature: 39 },
      { temperature: 40 },
      { temperature: 41 },
    ]);
  });

  test('what the journal keeps is enough to go on, and what it refuses does not count', async () => {
    const strategy: ConsumptionStrategy = {
      all: ['a', 'b'].map((one) => ({ ...type(one), correlate: { room: { from: '.roomid' } } })),
    };
    const kept: Offer[] = [];
    let full = true;
    const first = createConsumer({
      strategy,
      scope: scopeOf(),
      journal: (one) => {
        if (full) throw new Error('disk full');
        kept.push(JSON.parse(JSON.stringify(one)));
      },
    });
    const a = event('1', 'a', { roomid: 'r' });
    await expect(first.offer(a)).rejects.toThrow('disk full');
    full = false;
    expect(await first.offer(a)).toEqual({ taken: true, done: false });
    const state = kept.reduce((held, one) => step(held, strategy, one).state, begin(strategy));
    const second = createConsumer({ strategy, scope: scopeOf(), state });
    expect(await second.offer(a)).toEqual({ taken: false, done: false });
    expect(await second.offer(event('2', 'b', { roomid: 'other' }))).toEqual({ taken: false, done: false });
    expect(await second.offer(event('3', 'b', { roomid: 'r' }))).toEqual({ taken: true, done: true });
  });

  test('too many held events are an error of the standard', async () => {
    const consumer = createConsumer({ strategy: { any: [], until: 'error' }, scope: scopeOf(), maxHeld: 0 });
    await expect(consumer.offer(event('1', 't'))).rejects.toMatchObject({
      fault: { type: expect.stringMatching(/\/runtime$/), status: 500 },
    });
  });

  test('an event is read as data, as envelope, or raw', async () => {
    const consumer = createConsumer({
      strategy: { all: [type('a'), type('b'), type('c')] },
      scope: scopeOf(),
    });
    const events: CloudEvent[] = [
      event('1', 'a', { data: { x: 1 } }),
      event('2', 'b', { data_base64: 'AAE=' }),
      event('3', 'c'),
    ];
    for (const one of events) await consumer.offer(one);
    expect(outputOf(consumer.state(), 'data')).toEqual([{ x: 1 }, 'AAE=', null]);
    expect(outputOf(consumer.state(), 'envelope')).toEqual(events);
    expect(outputOf(consumer.state(), 'raw')).toEqual(['{"x":1}', 'AAE=', 'null']);
  });
});
