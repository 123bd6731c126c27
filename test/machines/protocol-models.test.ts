import { describe, expect, test } from 'vitest';
import type { AnyStateMachine, EventObject } from 'xstate';
import { anchorMachine } from '../../machines/protocols/anchor.machine.ts';
import { leaseMachine } from '../../machines/protocols/lease.machine.ts';
import { negotiationMachine } from '../../machines/protocols/negotiation.machine.ts';
import { pooledTaskMachine } from '../../machines/protocols/pooled-task.machine.ts';
import { presenceMachine } from '../../machines/protocols/presence.machine.ts';
import { qosSessionMachine } from '../../machines/protocols/qos-session.machine.ts';
import { registrationMachine } from '../../machines/protocols/registration.machine.ts';
import { requestMachine } from '../../machines/protocols/request.machine.ts';
import { routeMachine } from '../../machines/protocols/route.machine.ts';
import { sessionMachine } from '../../machines/protocols/session.machine.ts';
import { toolCallMachine } from '../../machines/protocols/tool-call.machine.ts';
import { type ModelOptions, runModel } from '../../src/testing/index.ts';

const event = (type: string, payload: object = {}): EventObject => ({ type, ...payload });
const problem = new Error('boom');
const report = { load: 10, inFlight: 1, queue: 0, p95Ms: 1 };
const ours = { version: '1.0', features: ['load'] };
const load = (state: string, percent = 50) =>
  event('LOAD', { state, load: percent, weight: 50, alternates: [] });
const allow = { decision: 'allow' };
const refusal = { step: 'schema', parameter: 'a', rule: 'maximum', allowed: '<= 1', message: 'a too big' };
const failure = (executed: 'no' | 'maybe', retryable = true) => ({
  failure: { code: 'X', message: 'x', retryable, executed },
});
const call = { effects: 'reversible', idempotent: false, dryRun: false, deadlineMs: 60_000, maxAttempts: 2 };
const verdicts = [allow, { decision: 'refuse', refusal }];
const calling: Omit<ModelOptions, 'input'> = {
  events: [event('CANCEL')],
  effects: {
    verify: { outputs: verdicts, errors: [problem] },
    authorise: { outputs: [...verdicts, { decision: 'ask', question: '?' }], errors: [problem] },
    judge: { outputs: [...verdicts, { decision: 'ask', question: '?' }], errors: [problem] },
    redeem: { outputs: [...verdicts, { decision: 'ask', question: '?' }], errors: [problem] },
    escalate: { outputs: [true, false], errors: [problem] },
    execute: { outputs: [{ done: true }], errors: [problem, failure('no'), failure('maybe')] },
  },
};

const candidates = ['a', 'b'].map((serverId) => ({ serverId, url: `http://127.0.0.1/${serverId}` }));
const steps = [
  { id: 'a', after: [], onError: 'fail', undoable: true },
  { id: 'b', after: ['a'], onError: 'compensate', undoable: false },
  { id: 'c', after: [], onError: 'continue', undoable: false },
];

/** One model for each input that opens other edges. */
const models: [AnyStateMachine, ModelOptions[]][] = [
  [
    qosSessionMachine,
    [
      {
        input: { duration: 60 },
        events: [
          event('GRANTED', { grant: 'g', at: 1 }),
          event('EXTEND', { duration: 120 }),
          ...['REFUSED', 'EXPIRE', 'TERMINATED', 'DELETE'].map((type) => event(type, { at: 1 })),
          event('RELEASED'),
          event('REMOVE'),
        ],
        effects: {},
      },
    ],
  ],
  [
    presenceMachine,
    [
      {
        input: undefined,
        events: ['CONNECTED', 'LOST', 'REFUSED', 'CARD_CHANGED', 'LEAVE'].map((type) => event(type)),
        effects: {
          announce: { outputs: [undefined], errors: [problem] },
          withdraw: { outputs: [undefined], errors: [problem] },
        },
      },
    ],
  ],
  [
    requestMachine,
    [
      {
        input: {
          operation: 'op',
          maxAttempts: 2,
          firstReplyTimeoutMs: 15_000,
          streamIdleTimeoutMs: 30_000,
          backoffMs: [1_000],
        },
        events: [
          event('TAKEN'),
          event('NOT_TAKEN', { problem }),
          event('REPLY', { last: true, item: 'last' }),
          event('REPLY', { last: false, item: 'item' }),
          event('BUSY', { item: 'busy' }),
          event('RECONNECTED'),
          event('ABORT'),
        ],
        effects: {
          probe: { outputs: [{ state: 'live' }, { state: 'settled' }], errors: [problem] },
        },
      },
    ],
  ],
  [
    pooledTaskMachine,
    [null, 'org/unit/a'].map((member) => ({
      input: { task: 't', member, graceMs: 2_000 },
      events: [
        event('ASSIGNED', { member: 'org/unit/b' }),
        event('ASKED', { live: true }),
        event('ASKED', { live: false }),
        ...['NONE', 'RUNNING', 'INTERRUPTED', 'ENDED', 'BUSY', 'LOST', 'BACK', 'JOINED'].map((type) =>
          event(type),
        ),
      ],
      effects: {},
      within: ({ handovers, avoid, ignored }) =>
        Number(handovers) < 2 && (avoid as unknown[]).length < 2 && Number(ignored) < 2,
    })),
  ],
  [
    registrationMachine,
    [true, false].map((auto) => ({
      input: { fingerprint: 'a', auto },
      events: [
        event('SEEN', { fingerprint: 'a' }),
        event('SEEN', { fingerprint: 'b' }),
        event('APPROVE'),
        event('REVOKE'),
      ],
      effects: {},
      within: ({ ignored }) => Number(ignored) < 2,
    })),
  ],
  [
    negotiationMachine,
    [undefined, true].map((heard) => ({
      input: { ours, peer: ours, heard },
      events: [
        event('PEER_SPOKE', { peer: ours }),
        event('PEER_SPOKE', { peer: { version: '2.0' } }),
        event('PEER_SPOKE', { peer: 'nonsense' }),
        event('PEER_SPOKE', { peer: undefined }),
        event('ABANDON'),
      ],
      effects: {},
    })),
  ],
  [
    leaseMachine,
    [
      {
        input: { serverId: 's', leaseMs: 15_000, graceMs: 30_000, drainMs: 20_000 },
        events: [
          event('REPORT', report),
          event('REPORT', { ...report, load: 95 }),
          event('REPORT', { ...report, load: 75 }),
          event('REPORT', { ...report, inFlight: 0 }),
          event('RENEW'),
          event('DRAIN'),
          event('LEAVE'),
        ],
        effects: {},
      },
    ],
  ],
  [
    sessionMachine,
    [
      {
        input: { serverId: 's', offer: ours, maxAttempts: 2 },
        events: [
          ...['normal', 'high', 'draining', 'gone'].map((state) => load(state)),
          load('overloaded', 95),
          load('overloaded', 60),
          event('CALL_STARTED'),
          event('CALL_ENDED'),
          event('REFUSED', { retryAfterMs: 100, alternates: [] }),
          event('LOST', { reason: 'reset' }),
          event('CLOSE'),
        ],
        effects: {
          connect: { outputs: [{ peer: ours, serverName: 's', protocolVersion: '1' }], errors: [problem] },
          negotiation: {
            outputs: [{ mode: 'netmcp', version: '1.0', features: [], reason: null }],
            errors: [problem],
          },
          disconnect: { outputs: [undefined], errors: [problem] },
        },
        within: ({ inFlight }) => Number(inFlight) < 2,
      },
    ],
  ],
  [
    anchorMachine,
    [
      {
        input: { maxAttempts: 2 },
        events: [event('LOST', { reason: 'reset' }), event('MOVE', { reason: 'drains' }), event('CLOSE')],
        effects: {
          elect: { outputs: [candidates, candidates.slice(1), []], errors: [problem] },
          bind: { outputs: [undefined], errors: [problem] },
        },
        within: ({ bindings }) => Number(bindings) < 2,
      },
    ],
  ],
  [
    routeMachine,
    ['all', 'any'].map((join) => ({
      input: { plan: steps, join, deadlineMs: 60_000 },
      events: [
        ...['done', 'failed'].flatMap((mark) => ['a', 'b'].map((id) => event('STEP_ENDED', { id, mark }))),
        event('STEP_ENDED', { id: 'c', mark: 'unknown' }),
        event('STEP_ENDED', { id: 'no step', mark: 'done' }),
        event('CANCEL'),
        event('FENCED'),
      ],
      effects: {
        claim: { outputs: [{}, { a: 'done', c: 'done' }], errors: [problem] },
        undo: { outputs: [['a']], errors: [problem] },
      },
      limit: 20_000,
    })),
  ],
  [
    toolCallMachine,
    [call, { ...call, idempotent: true }, { ...call, effects: 'read' }, { ...call, dryRun: true }].map(
      (input) => ({ ...calling, input }),
    ),
  ],
];

describe.each(models.map(([machine, options]) => ({ name: machine.id, machine, options })))(
  'the chart $name',
  ({ machine, options }) => {
    test('does on a live actor what its models say, and each of its transitions is taken', async () => {
      const reports = [];
      for (const one of options) reports.push(await runModel(machine, one));
      const [first, ...others] = reports.map(({ uncovered }) => uncovered);
      expect(first?.filter((edge) => others.every((uncovered) => uncovered.includes(edge)))).toEqual([]);
    });
  },
);
