import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { openContextStore } from '../../src/durable/index.ts';
import { type Contexts, createContexts } from '../../src/netmcp/context/contexts.ts';
import { getKey, setKey } from '../../src/netmcp/context/keys.ts';
import { ack, consume, publish } from '../../src/netmcp/context/queue.ts';
import { addSchedule, advance, dueNow, takeDue } from '../../src/netmcp/context/schedule.ts';
import { createScheduler } from '../../src/netmcp/context/scheduler.ts';
import { CONTEXT_LIMITS, type ContextStore, memoryContextStore } from '../../src/netmcp/index.ts';
import type { Identity } from '../../src/netmcp/session/server-session.ts';
import { testEnv } from './support/env.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
const agent = 'agent';
const identity: Identity = { agent, authenticated: false, scopes: [], actors: [] };

function server(env: ReturnType<typeof testEnv>, serverId: string, store: ContextStore): Contexts {
  const contexts = createContexts({
    env,
    serverId,
    endpoints: () => [`http://127.0.0.1/${serverId}`],
    store,
    limits: CONTEXT_LIMITS,
    leaseMs: 10_000,
  });
  contexts.heartbeat();
  return contexts;
}

type Move =
  | { kind: 'publish' }
  | { kind: 'consume'; group: 'a' | 'b'; max: number }
  | { kind: 'ack'; group: 'a' | 'b'; which: number }
  | { kind: 'pass'; ms: number }
  | { kind: 'crash' };
const group = fc.constantFrom('a' as const, 'b' as const);
const moves: fc.Arbitrary<Move[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant({ kind: 'publish' as const }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('consume' as const),
        group,
        max: fc.integer({ min: 1, max: 3 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('ack' as const), group, which: fc.nat(20) }) },
    fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 1_500 }) }),
    fc.constant({ kind: 'crash' as const }),
  ),
  { maxLength: 40 },
);

/** A crash leaves the file and nothing else; the server that comes after takes the context over. */
function queueHistory(history: Move[], file: boolean): void {
  const env = testEnv();
  const dir = file ? mkdtempSync(join(tmpdir(), 'queue-')) : '';
  if (file) folders.push(dir);
  const open = (): ContextStore =>
    file ? openContextStore({ dir, durability: 'write' }) : memoryContextStore();
  let store = open();
  let runs = 0;
  let contexts = server(env, 's0', store);
  const ref = contexts.open(agent);
  const published: number[] = [];
  const groups = { a: groupState(), b: groupState() };

  for (const move of history) {
    if (move.kind === 'pass') env.pass(move.ms);
    else if (move.kind === 'crash') {
      runs += 1;
      if (file) {
        store.close();
        store = open();
      }
      contexts = server(env, `s${runs}`, store);
      contexts.claim(ref.contextId, true);
    } else if (move.kind === 'publish') {
      published.push(contexts.use(agent, ref, (tx) => publish(tx, 'q', published.length)).seq);
    } else if (move.kind === 'consume') {
      const state = groups[move.group];
      const given = contexts.use(agent, ref, (tx) =>
        consume(tx, { queue: 'q', group: move.group, max: move.max, visibilityMs: 1_000 }),
      );
      for (const { seq, message, attempt, receipt } of given) {
        expect(message).toBe(seq - 1);
        // Acknowledged is over for good; hidden is not given to a second consumer.
        expect(state.acked.has(seq)).toBe(false);
        const before = state.flights.get(seq);
        if (before !== undefined) expect(env.clock.now()).toBeGreaterThanOrEqual(before.until);
        expect(attempt).toBe((before?.attempt ?? 0) + 1);
        if (attempt === 1) state.first.push(seq);
        state.flights.set(seq, { attempt, until: env.clock.now() + 1_000, receipt });
      }
    } else {
      const state = groups[move.group];
      const open = [...state.flights];
      const [seq, flight] = open[move.which % Math.max(1, open.length)] ?? [];
      if (seq === undefined || flight === undefined) continue;
      const { acked } = contexts.use(agent, ref, (tx) =>
        ack(tx, { queue: 'q', group: move.group, receipts: [flight.receipt] }),
      );
      expect(acked).toBe(1);
      state.acked.add(seq);
      state.flights.delete(seq);
    }
  }
  // Whatever is left comes sooner or later, and then nothing is left.
  for (const name of ['a', 'b'] as const) {
    const state = groups[name];
    for (let round = 0; round < 100; round += 1) {
      env.pass(1_000);
      const rest = contexts.use(agent, ref, (tx) =>
        consume(tx, { queue: 'q', group: name, max: 100, visibilityMs: 1_000 }),
      );
      if (rest.length === 0) break;
      for (const { seq, attempt } of rest) {
        if (attempt === 1) state.first.push(seq);
        state.acked.add(seq);
      }
      contexts.use(agent, ref, (tx) =>
        ack(tx, { queue: 'q', group: name, receipts: rest.map(({ receipt }) => receipt) }),
      );
    }
    // Each group is given every message for the first time in the order of publication.
    expect(state.first).toEqual([...state.first].sort((x, y) => x - y));
  }
  // A group that came late begins at what was still there; the two together miss nothing.
  const [longer] = [groups.a.acked, groups.b.acked].sort((x, y) => y.size - x.size);
  expect([...(longer as Set<number>)].sort((x, y) => x - y)).toEqual(published);
  const meta = contexts.use(agent, ref, (tx) => tx.meta);
  if (groups.a.acked.size === published.length && groups.b.acked.size === published.length)
    expect(meta.bytes).toBe(0);
  store.close();
}
const groupState = () => ({
  acked: new Set<number>(),
  first: [] as number[],
  flights: new Map<number, { attempt: number; until: number; receipt: string }>(),
});

test('queue: at least once, in order for each group, nothing lost over take-overs', () => {
  fc.assert(
    fc.property(moves, (history) => queueHistory(history, false)),
    { numRuns: 300 },
  );
});

test('queue: the same over crashes, from the file alone', () => {
  fc.assert(
    fc.property(moves, (history) => queueHistory(history, true)),
    { numRuns: 15 },
  );
});

test('compare-and-set is linearisable: of those that saw one revision, one wins, and none is lost', () => {
  const step = fc.record({ who: fc.nat(3), act: fc.constantFrom('read', 'write', 'move') });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (history) => {
      const env = testEnv();
      const store = memoryContextStore();
      const servers = ['s0', 's1'].map((id) => server(env, id, store));
      let owner = servers[0] as Contexts;
      const ref = owner.open(agent);
      const seen = new Map<number, { revision: number; value: number }>();
      let wins = 0;
      for (const { who, act } of history) {
        if (act === 'move') {
          // The other server takes over: the old owner is fenced from then on.
          const old = owner;
          owner = servers[who % 2] as Contexts;
          owner.claim(ref.contextId, true);
          if (old !== owner) expect(() => old.use(agent, ref, (tx) => setKey(tx, 'n', -1))).toThrow(/own/);
        } else if (act === 'read') {
          const { value, revision } = owner.use(agent, ref, (tx) => getKey(tx, 'n'));
          seen.set(who, { revision, value: Number(value ?? 0) });
        } else {
          const mine = seen.get(who) ?? { revision: 0, value: 0 };
          const current = owner.use(agent, ref, (tx) => getKey(tx, 'n').revision);
          const attempt = () => owner.use(agent, ref, (tx) => setKey(tx, 'n', mine.value + 1, mine.revision));
          if (current === mine.revision) {
            attempt();
            wins += 1;
          } else expect(attempt).toThrow(/revision/);
        }
      }
      // Every increment that was told to have won is in the value.
      expect(Number(owner.use(agent, ref, (tx) => getKey(tx, 'n').value) ?? 0)).toBe(wins);
    }),
  );
});

test('scheduler: each firing is published once, whoever owns it and however often it changes hands', () => {
  const plan = fc.record({
    after: fc.integer({ min: 0, max: 5_000 }),
    every: fc.option(fc.integer({ min: 100, max: 2_000 })),
    count: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(
      fc.array(plan, { minLength: 1, maxLength: 5 }),
      fc.array(fc.oneof(fc.integer({ min: 1, max: 3_000 }), fc.constant('crash' as const)), {
        maxLength: 20,
      }),
      (plans, history) => {
        const env = testEnv();
        const store = memoryContextStore();
        let runs = 0;
        const start = () => {
          const contexts = server(env, `s${runs}`, store);
          const call = () => Promise.reject(new Error('no call'));
          return { contexts, scheduler: createScheduler({ env, contexts, call, lookMs: 1_000 }) };
        };
        let now = start();
        const ref = now.contexts.open(agent);
        for (const [index, { after, every, count }] of plans.entries()) {
          now.contexts.use(agent, ref, (tx) =>
            addSchedule(
              tx,
              {
                scheduleId: `p${index}`,
                at: env.clock.now() + after,
                ...(every !== null && { every, count }),
                action: { kind: 'publish', queue: 'q', message: index },
                retries: { max: 0, backoffMs: 10 },
              },
              identity,
            ),
          );
        }
        now.scheduler.heed();
        for (const move of history) {
          if (move === 'crash') {
            now.scheduler.close();
            runs += 1;
            now = start();
            now.contexts.claim(ref.contextId, true);
            now.scheduler.heed();
          } else env.pass(move);
        }
        for (let i = 0; i < 60; i += 1) env.pass(1_000);
        const got = now.contexts.use(agent, ref, (tx) =>
          consume(tx, { queue: 'q', group: 'g', max: 100, visibilityMs: 1_000 }),
        );
        for (const [index, { every, count }] of plans.entries()) {
          const fired = got.filter(({ message }) => message === index).length;
          expect(fired).toBe(every === null ? 1 : count);
        }
        expect(now.contexts.use(agent, ref, (tx) => tx.meta.schedules)).toBe(0);
        now.scheduler.close();
      },
    ),
    { numRuns: 60 },
  );
});

test('a firing that is taken is hidden from others, and comes back if it is never settled', () => {
  const env = testEnv();
  const contexts = server(env, 's', memoryContextStore());
  const ref = contexts.open(agent);
  const action = { kind: 'call' as const, tool: 't', arguments: {} };
  const retries = { max: 0, backoffMs: 10 };
  contexts.use(agent, ref, (tx) => addSchedule(tx, { scheduleId: 'x', after: 0, action, retries }, identity));
  const due = () => contexts.rows((rows) => dueNow(rows, env.clock.now())).length;
  expect(due()).toBe(1);
  const taken = contexts.use(agent, ref, (tx) => takeDue(tx, 'x', 1_000));
  expect(due()).toBe(0);
  env.pass(1_000);
  expect(due()).toBe(1);
  contexts.use(agent, ref, (tx) => advance(tx, 'x', (taken?.firing ?? 0) + 1));
  expect(due()).toBe(1);
  contexts.use(agent, ref, (tx) => advance(tx, 'x', taken?.firing ?? 0));
  expect(due()).toBe(0);
});
