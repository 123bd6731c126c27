import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AnyStateMachine, createActor, getNextTransitions, SimulatedClock } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { bandOf, leaseMachine, loadStateOf, weightOf } from '../../machines/protocols/lease.machine.ts';
import { agree, negotiationMachine } from '../../machines/protocols/negotiation.machine.ts';
import { sessionMachine } from '../../machines/protocols/session.machine.ts';
import { toolCallMachine } from '../../machines/protocols/tool-call.machine.ts';

interface AnyEvent {
  type: string;
}

/** Shortest paths over the production machine: our events, and the outcomes of its actors and timers. */
function walk(
  machine: AnyStateMachine,
  events: AnyEvent[],
  outcomes: Record<string, object[]>,
  input: object,
) {
  const paths = getShortestPaths(machine, {
    input,
    events: ((snapshot: never) => [
      ...events,
      ...getNextTransitions(snapshot).flatMap((transition: { eventType: string }): AnyEvent[] => {
        const type = transition.eventType;
        if (type.startsWith('xstate.after.')) return [{ type }];
        return (outcomes[type] ?? []).map((outcome) => ({ type, ...outcome }));
      }),
    ]) as never,
    // Counters only tell how often; they must not make states of their own.
    serializeState: ((snapshot: { value: unknown; context: Record<string, unknown> }) =>
      JSON.stringify([
        snapshot.value,
        snapshot.context.inFlight,
        snapshot.context.attempts,
        snapshot.context.outcome,
      ])) as never,
    stopWhen: ((snapshot: { context: { inFlight?: unknown; attempts?: number } }) =>
      Number(snapshot.context.inFlight ?? 0) > 1 || Number(snapshot.context.attempts ?? 0) > 3) as never,
    limit: 20_000,
  } as never) as Array<{
    state: { value: unknown; status: string; output: unknown };
    steps: Array<{ event: AnyEvent; state: { value: unknown } }>;
  }>;
  return paths;
}

const leaves = (paths: ReturnType<typeof walk>) =>
  new Set(paths.map((path) => JSON.stringify(path.state.value)));
const timers = (value: unknown) => JSON.stringify(value);

test('negotiation: every path ends with an agreement or a reason', () => {
  const ours = { version: '1.0', features: ['load'] };
  const paths = walk(
    negotiationMachine,
    [
      { type: 'PEER_SPOKE', peer: { version: '1.0', features: ['load', 'other'] } } as AnyEvent,
      { type: 'PEER_SPOKE', peer: { version: '2.0' } } as AnyEvent,
      { type: 'PEER_SPOKE', peer: 'nonsense' } as AnyEvent,
      { type: 'PEER_SPOKE' },
      { type: 'ABANDON' },
      { type: 'UNKNOWN' },
    ],
    {},
    { ours },
  );
  const ends = paths
    .filter((path) => path.state.status === 'done')
    .map((path) => path.state.output as ReturnType<typeof agree>);
  expect(ends.map((end) => end.mode)).toContain('netmcp');
  for (const end of ends)
    expect(end.mode === 'netmcp' ? end.features : [end.reason !== '']).toEqual(
      end.mode === 'netmcp' ? ['load'] : [true],
    );
  expect(leaves(paths)).toEqual(new Set(['waiting', 'netmcp', 'mcp'].map(timers)));
});

test('negotiation agrees the same from both sides, and never on what one side lacks', () => {
  const offer = fc.record({
    version: fc.constantFrom('1.0', '1.1', '2.0'),
    versions: fc.array(fc.constantFrom('0.9', '1.0', '2.0'), { maxLength: 3 }),
    features: fc.uniqueArray(fc.constantFrom('load', 'discover', 'trace')),
  });
  fc.assert(
    fc.property(offer, offer, (a, b) => {
      const one = agree(a, b);
      const two = agree(b, a);
      expect(one.mode).toBe(two.mode);
      expect([...one.features].sort()).toEqual([...two.features].sort());
      if (one.mode === 'netmcp') expect([b.version, ...b.versions]).toContain(one.version);
    }),
  );
  fc.assert(
    fc.property(fc.jsonValue(), (peer) =>
      ['mcp', 'netmcp'].includes(agree({ version: '1.0', features: [] }, peer).mode),
    ),
  );
});

test('lease: live, suspect, draining and gone are reached, and gone from everywhere', () => {
  const report = { load: 10, inFlight: 1, queue: 0, p95Ms: 1 };
  const paths = walk(
    leaseMachine,
    [
      { type: 'REPORT', ...report } as AnyEvent,
      { type: 'REPORT', ...report, inFlight: 0 } as AnyEvent,
      { type: 'RENEW' },
      { type: 'DRAIN' },
      { type: 'LEAVE' },
    ],
    {},
    { serverId: 's', leaseMs: 15, graceMs: 30, drainMs: 30 },
  );
  expect(leaves(paths)).toEqual(new Set(['live', 'suspect', 'draining', 'gone'].map(timers)));
});

test('lease on a virtual clock: reports keep it, silence makes it suspect and then gone', () => {
  const clock = new SimulatedClock();
  const actor = createActor(leaseMachine, {
    input: { serverId: 's', leaseMs: 15_000, graceMs: 30_000, drainMs: 10_000 },
    clock,
  });
  actor.start();
  const report = () => actor.send({ type: 'REPORT', load: 95, inFlight: 3, queue: 0, p95Ms: 1 });
  for (let i = 0; i < 5; i += 1) {
    clock.increment(14_999);
    report();
  }
  expect(actor.getSnapshot().value).toBe('live');
  clock.increment(15_000);
  expect(actor.getSnapshot().value).toBe('suspect');
  report();
  expect(actor.getSnapshot().value).toBe('live');
  clock.increment(15_000);
  clock.increment(30_000);
  expect(actor.getSnapshot()).toMatchObject({ value: 'gone', output: { reason: 'the lease expired' } });
});

test('load bands have hysteresis, and weights follow the state', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1 }), (loads) => {
      let band: ReturnType<typeof bandOf> = 'normal';
      for (const load of loads) {
        const next = bandOf(load, band);
        if (load >= 90) expect(next).toBe('overloaded');
        if (load < 60) expect(next).toBe('normal');
        if (load >= 70 && load < 80) expect(next).toBe('high');
        expect(bandOf(load, next)).toBe(next);
        band = next;
      }
    }),
  );
  expect(weightOf('normal', 0)).toBe(100);
  expect(weightOf('overloaded', 95)).toBeLessThan(weightOf('high', 89));
  expect(weightOf('draining', 0)).toBe(0);
  expect(loadStateOf('suspect', 'normal')).toBe('high');
});

test('session: every load state, closing and gone are reached; a drained session leaves by itself', () => {
  const load = (state: string) => ({ type: 'LOAD', state, load: 50, weight: 50, alternates: [] }) as AnyEvent;
  const agreement = { mode: 'netmcp', version: '1.0', features: [], reason: null };
  const paths = walk(
    sessionMachine,
    [
      ...['normal', 'high', 'overloaded', 'draining', 'gone'].map(load),
      { type: 'CALL_STARTED' },
      { type: 'CALL_ENDED' },
      { type: 'REFUSED', retryAfterMs: 100, alternates: [] } as AnyEvent,
      { type: 'LOST', reason: 'reset' } as AnyEvent,
      { type: 'CLOSE' },
    ],
    {
      'xstate.done.actor.connect': [{ output: { peer: undefined, serverName: 's', protocolVersion: '' } }],
      'xstate.error.actor.connect': [{ error: new Error('refused') }],
      'xstate.done.actor.negotiation': [{ output: agreement }],
      'xstate.error.actor.negotiation': [{ error: new Error('broken') }],
      'xstate.done.actor.disconnect': [{ output: undefined }],
      'xstate.error.actor.disconnect': [{ error: new Error('broken') }],
    },
    { serverId: 's', offer: { version: '1.0', features: [] } },
  );
  const seen = leaves(paths);
  for (const state of ['connecting', 'backingOff', 'negotiating', 'closing', 'closed', 'gone'])
    expect(seen).toContain(timers(state));
  for (const ready of ['normal', 'high', 'overloaded', 'draining']) expect(seen).toContain(timers({ ready }));
  const drained = paths.find(
    (path) =>
      path.state.value === 'closing' &&
      path.steps.some((step) => JSON.stringify(step.state.value) === timers({ ready: 'draining' })),
  );
  expect(drained?.steps.at(-1)?.event.type ?? 'CALL_ENDED').toMatch(/CALL_ENDED|LOAD|CLOSE/);
});

const allow = { decision: 'allow' } as const;
const refusal = {
  step: 'schema',
  parameter: 'a',
  rule: 'maximum',
  allowed: '<= 1',
  message: 'a too big',
} as const;
const failure = (executed: 'no' | 'maybe') => ({
  error: { failure: { code: 'X', message: 'x', retryable: true, executed } },
});

test.each([
  ['reversible', false],
  ['read', true],
] as const)(
  'tool call with %s effects: all ends are reached, and only safe executions are repeated',
  (effects, repeats) => {
    const paths = walk(
      toolCallMachine,
      [{ type: 'CANCEL' }],
      {
        'xstate.done.actor.verify': [{ output: allow }, { output: { decision: 'refuse', refusal } }],
        'xstate.error.actor.verify': [{ error: new Error('broken') }],
        'xstate.done.actor.authorise': [
          { output: allow },
          { output: { decision: 'refuse', refusal } },
          { output: { decision: 'ask', question: '?' } },
        ],
        'xstate.error.actor.authorise': [{ error: new Error('broken') }],
        'xstate.done.actor.judge': [
          { output: allow },
          { output: { decision: 'refuse', refusal } },
          { output: { decision: 'ask', question: '?' } },
        ],
        'xstate.error.actor.judge': [{ error: new Error('broken') }],
        'xstate.done.actor.redeem': [
          { output: allow },
          { output: { decision: 'refuse', refusal } },
          { output: { decision: 'ask', question: '?' } },
        ],
        'xstate.error.actor.redeem': [{ error: new Error('broken') }],
        'xstate.done.actor.escalate': [{ output: true }, { output: false }],
        'xstate.error.actor.escalate': [{ error: new Error('nobody') }],
        'xstate.done.actor.execute': [{ output: { done: true } }],
        'xstate.error.actor.execute': [failure('maybe')],
      },
      { effects, idempotent: effects === 'read', dryRun: false, deadlineMs: 1_000 },
    );
    const ends = new Set(
      paths.filter((p) => p.state.status === 'done').map((p) => (p.state.output as { end: string }).end),
    );
    expect(ends).toEqual(new Set(['succeeded', 'refused', 'failed', 'cancelled', 'expired']));
    expect(leaves(paths).has(timers({ working: 'retrying' }))).toBe(repeats);
  },
);

test('tool call: a dry run never executes', () => {
  const paths = walk(
    toolCallMachine,
    [],
    {
      'xstate.done.actor.verify': [{ output: allow }],
      'xstate.done.actor.authorise': [{ output: allow }, { output: { decision: 'ask', question: '?' } }],
      'xstate.done.actor.judge': [{ output: allow }],
      'xstate.done.actor.redeem': [{ output: allow }, { output: { decision: 'ask', question: '?' } }],
    },
    { effects: 'reversible', idempotent: false, dryRun: true, deadlineMs: 1_000 },
  );
  expect(leaves(paths)).toContain(timers('rehearsed'));
  expect([...leaves(paths)].some((state) => /executing|escalating/.test(state))).toBe(false);
});

test('tool call: what the operator wants a human for is never executed on the word of the expert alone', () => {
  const ask = (by: 'human' | 'expert') => ({ output: { decision: 'ask', question: '?', by } });
  const run = (by: 'human' | 'expert') =>
    leaves(
      walk(
        toolCallMachine,
        [],
        {
          'xstate.done.actor.verify': [{ output: allow }],
          'xstate.done.actor.authorise': [ask(by)],
          'xstate.done.actor.judge': [{ output: allow }],
          'xstate.done.actor.redeem': [{ output: { decision: 'ask', question: '?' } }],
          'xstate.done.actor.escalate': [{ output: false }],
        },
        { effects: 'reversible', idempotent: false, dryRun: false, deadlineMs: 60_000 },
      ),
    );
  expect(run('human').has(timers({ working: 'executing' }))).toBe(false);
  expect(run('expert').has(timers({ working: 'executing' }))).toBe(true);
});
