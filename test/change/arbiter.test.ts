import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Ask,
  conflictOf,
  createArbiter,
  type Entry,
  OPPOSITIONS,
  overlap,
} from '../../src/change/index.ts';
import { openStore } from '../../src/durable/index.ts';
import { memory, START, virtualClock } from './kit.ts';

const claim = (resource: string, parameter: string, value: unknown) => ({ resource, parameter, value });
const ask = (id: string, over: Partial<Ask> = {}): Ask => ({
  id,
  holder: `holder ${id}`,
  claims: [claim('cell:a', 'priority', id)],
  priority: 50,
  window: null,
  leaseMs: 10_000,
  patienceMs: 60_000,
  ...over,
});
function setUp(options: { ageMs?: number; tenureMs?: number } = {}) {
  const clock = virtualClock();
  const entries = memory<Entry>();
  const yields: string[] = [];
  const make = () =>
    createArbiter({ clock, entries, onYield: ({ id }, text) => yields.push(`${id}: ${text}`), ...options });
  return { clock, entries, yields, arbiter: make(), make };
}

test('the older wins a tie, and the loser hears who, why and until when', () => {
  const { arbiter } = setUp();
  expect(arbiter.ask(ask('a'))).toEqual({ state: 'held', until: START + 10_000 });
  expect(arbiter.ask(ask('b'))).toEqual({
    state: 'waiting',
    behind: [
      {
        id: 'a',
        holder: 'holder a',
        resource: 'cell:a',
        why: 'it sets priority to "a", not "b"',
        until: START + 10_000,
      },
    ],
    text: 'cell:a is with holder a: it sets priority to "a", not "b"; until 2026-01-05T00:00:10.000Z if nobody prolongs it.',
  });
  expect(arbiter.ask(ask('c', { patienceMs: 0 })).state).toBe('refused');
  arbiter.release('a');
  expect(arbiter.ask(ask('b')).state).toBe('held');
});

test('higher priority pushes a lower one aside, which holds until it is undone', () => {
  const { arbiter, yields } = setUp();
  arbiter.ask(ask('low'));
  expect(arbiter.ask(ask('high', { priority: 90 })).state).toBe('waiting');
  expect(yields).toEqual(['low: holder high has priority 90 over 50 at cell:a.']);
  expect(arbiter.renew('low')).toEqual({ state: 'ending', text: 'It yields to holder high.' });
  expect(arbiter.ask(ask('high', { priority: 90 })).state).toBe('waiting');
  expect(arbiter.keep('low')).toBe(false);
  arbiter.release('low');
  expect(arbiter.renew('high').state).toBe('held');
});

test('nothing is undone for one that would have to wait all the same', () => {
  const { arbiter, yields } = setUp();
  arbiter.ask(ask('low', { claims: [claim('cell:a', 'priority', 1)] }));
  arbiter.ask(ask('equal', { priority: 90, claims: [claim('cell:b', 'priority', 1)] }));
  const both = ['cell:a', 'cell:b'].map((cell) => claim(cell, 'priority', 2));
  expect(arbiter.ask(ask('high', { priority: 90, claims: both })).state).toBe('waiting');
  expect(yields).toEqual([]);
});

test('what does not conflict is held side by side: same value, other window, other parameter, same holder', () => {
  const { arbiter } = setUp();
  const window = { start: START, end: START + 1000 };
  const later = { start: START + 1000, end: START + 2000 };
  const states = [
    ask('a', { window, claims: [claim('cell:a', 'priority', { x: 1, y: 2 })] }),
    ask('same', { window, claims: [claim('cell:a', 'priority', { y: 2, x: 1 })] }),
    ask('later', { window: later }),
    ask('other', { window, claims: [claim('cell:a', 'tilt', 3)] }),
    ask('own', { window, holder: 'holder other', claims: [claim('cell:a', 'tilt', 4)] }),
  ].map((one) => arbiter.ask(one).state);
  expect(states).toEqual(['held', 'held', 'held', 'held', 'held']);
});

test('opposites conflict although they set different parameters', () => {
  const sleep = claim('cell:a', 'sleep', true);
  const why = (other: ReturnType<typeof claim>) => conflictOf(sleep, other, OPPOSITIONS);
  expect(why(claim('cell:a', 'reservation/imsi-1', 20))).toBe('a sleeping cell keeps no reservation');
  expect(why(claim('cell:a', 'load', 'in'))).toBe('load cannot be moved into a sleeping cell');
  expect(why(claim('cell:a', 'load', 'out'))).toBeNull();
  expect(why(claim('cell:b', 'reservation/imsi-1', 20))).toBeNull();
  expect(
    conflictOf(claim('cell:a', 'sleep', false), claim('cell:a', 'reservation', 1), OPPOSITIONS),
  ).toBeNull();
});

test('a lease that nobody prolongs ends, and with it the claims', () => {
  const { arbiter, clock } = setUp();
  arbiter.ask(ask('a'));
  arbiter.ask(ask('b'));
  clock.increment(6000);
  arbiter.renew('a');
  arbiter.ask(ask('b'));
  clock.increment(6000);
  expect(arbiter.renew('a').state).toBe('held');
  expect(arbiter.ask(ask('b')).state).toBe('waiting');
  clock.increment(10_000);
  expect(arbiter.renew('a').state).toBe('lost');
});

test('a change that stays holds to the end of its window', () => {
  const { arbiter, clock } = setUp();
  arbiter.ask(ask('a', { window: { end: START + 60_000 } }));
  expect(arbiter.keep('a')).toBe(true);
  clock.increment(59_000);
  expect(arbiter.ask(ask('b')).state).toBe('waiting');
  clock.increment(1000);
  expect(arbiter.renew('b').state).toBe('waiting');
  expect(arbiter.ask(ask('b')).state).toBe('held');
});

test('two holders that would wait for each other: the one that closes the circle is refused', () => {
  const { arbiter } = setUp();
  const of = (id: string, holder: string, cell: string) =>
    ask(id, { holder, claims: [claim(`cell:${cell}`, 'priority', holder)] });
  arbiter.ask(of('a1', 'A', 'a'));
  arbiter.ask(of('b1', 'B', 'b'));
  expect(arbiter.ask(of('a2', 'A', 'b')).state).toBe('waiting');
  const refused = arbiter.ask(of('b2', 'B', 'a'));
  expect(refused).toMatchObject({ state: 'refused' });
  expect('text' in refused && refused.text).toContain('waits for B: waiting would never end');
});

test('one that waits for a holder does not stand in that holder’s way', () => {
  const { arbiter } = setUp();
  const cells = ['a', 'b'].map((cell) => claim(`cell:${cell}`, 'priority', 'A'));
  arbiter.ask(ask('b1', { holder: 'B', claims: [claim('cell:a', 'priority', 'B')] }));
  expect(arbiter.ask(ask('a1', { holder: 'A', claims: cells })).state).toBe('waiting');
  expect(arbiter.ask(ask('b2', { holder: 'B', claims: [claim('cell:b', 'priority', 'B')] })).state).toBe(
    'held',
  );
});

test('an id stands for one ask; asking again changes nothing', () => {
  const { arbiter } = setUp();
  arbiter.ask(ask('a'));
  expect(arbiter.ask(ask('a')).state).toBe('held');
  expect(() => arbiter.ask(ask('a', { priority: 60 }))).toThrow('other terms');
  expect(() => arbiter.ask(ask('x', { claims: [claim('nowhere', 'p', 1)] }))).toThrow('KIND:ID');
});

test('survives its process in the store', () => {
  const dir = mkdtempSync(join(tmpdir(), 'claims-'));
  try {
    const clock = virtualClock();
    const open = () => {
      const store = openStore({ dir, durability: 'write' });
      return { store, arbiter: createArbiter({ clock, entries: store.collection<Entry>('claims') }) };
    };
    const first = open();
    first.arbiter.ask(ask('a'));
    first.arbiter.ask(ask('b'));
    first.store.close();
    const second = open();
    expect(second.arbiter.list().map(({ id, state }) => [id, state])).toEqual([
      ['a', 'held'],
      ['b', 'waiting'],
    ]);
    second.arbiter.release('a');
    expect(second.arbiter.renew('b').state).toBe('held');
    second.store.close();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

const resources = ['cell:a', 'cell:b', 'subscriber:imsi-1'];
const settings = fc.record({
  resource: fc.constantFrom(...resources),
  parameter: fc.constantFrom('priority', 'sleep', 'reservation/x'),
  value: fc.constantFrom<unknown>(1, 2, true),
});
const windows = fc.option(
  fc.record({ start: fc.integer({ min: 0, max: 50_000 }), length: fc.integer({ min: 1, max: 50_000 }) }),
);
const asks = fc
  .record({
    id: fc.integer({ min: 0, max: 9 }),
    holder: fc.integer({ min: 0, max: 4 }),
    claims: fc.array(settings, { minLength: 1, maxLength: 3 }),
    priority: fc.integer({ min: 1, max: 100 }),
    window: windows,
    patienceMs: fc.constantFrom(0, 20_000, 100_000),
  })
  .map(({ id, holder, window, ...rest }) => ({
    ...rest,
    id: `${id}`,
    holder: `h${holder}`,
    window:
      window === null ? null : { start: START + window.start, end: START + window.start + window.length },
    leaseMs: 10_000,
  }));
const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: asks.map((given) => ({ kind: 'ask' as const, given })) },
    {
      weight: 2,
      arbitrary: fc.integer({ min: 0, max: 9 }).map((id) => ({ kind: 'renew' as const, id: `${id}` })),
    },
    {
      weight: 2,
      arbitrary: fc.integer({ min: 0, max: 9 }).map((id) => ({ kind: 'release' as const, id: `${id}` })),
    },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 0, max: 9 }).map((id) => ({ kind: 'keep' as const, id: `${id}` })),
    },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 8000 }).map((ms) => ({ kind: 'pass' as const, ms })) },
    { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
  ),
  { maxLength: 60 },
);

test('never are two conflicting claims held, whatever is asked in whatever order; all of an ask or none', () => {
  fc.assert(
    fc.property(steps, (list) => {
      const { clock, make, entries } = setUp({ ageMs: 5000 });
      let { arbiter } = { arbiter: make() };
      for (const step of list) {
        if (step.kind === 'ask') {
          try {
            const decision = arbiter.ask(step.given);
            const row = entries.get(step.given.id);
            // The answer and the row say the same of every claim of the ask.
            if (decision.state === 'held') expect(row?.claims.length).toBe(step.given.claims.length);
            if (decision.state === 'waiting') expect(row?.state).toBe('waiting');
          } catch (error) {
            expect(String(error)).toContain('other terms');
          }
        } else if (step.kind === 'pass') clock.increment(step.ms);
        else if (step.kind === 'restart') arbiter = make();
        else arbiter[step.kind](step.id);
        const held = arbiter.list().filter(({ state }) => state !== 'waiting');
        for (const [index, a] of held.entries()) {
          for (const b of held.slice(index + 1)) {
            if (a.holder === b.holder || !overlap(a.window, b.window)) continue;
            for (const mine of a.claims) {
              for (const theirs of b.claims) expect(conflictOf(mine, theirs, OPPOSITIONS)).toBeNull();
            }
          }
        }
      }
    }),
    { numRuns: 200 },
  );
});

test('nobody starves: one of the lowest priority is served in time, however many of the highest come', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 3, maxLength: 8 }), (priorities) => {
      // Every holder holds for 4 s and asks again at once; a step of priority is gained each second.
      const { arbiter, clock } = setUp({ ageMs: 1000 });
      const patienceMs = 1_000_000;
      const meek = ask('meek', { priority: 1, patienceMs });
      const round = new Map(priorities.map((_, index) => [index, 0]));
      const heldFor = new Map<string, number>();
      for (let second = 0; ; second += 1) {
        expect(second).toBeLessThan(100 + 4 * (priorities.length + 1));
        for (const [index, priority] of priorities.entries()) {
          const id = `${index}.${round.get(index)}`;
          const given = ask(id, { holder: `h${index}`, priority: Math.max(2, priority), patienceMs });
          if (arbiter.ask(given).state === 'held') heldFor.set(id, (heldFor.get(id) ?? 0) + 1);
          if ((heldFor.get(id) ?? 0) >= 4 || arbiter.renew(id).state === 'ending') {
            arbiter.release(id);
            round.set(index, (round.get(index) ?? 0) + 1);
          }
        }
        if (arbiter.ask(meek).state === 'held') break;
        clock.increment(1000);
      }
    }),
    { numRuns: 8 },
  );
});
