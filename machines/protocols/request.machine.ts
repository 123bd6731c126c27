import { assign, fromPromise, setup } from 'xstate';

/**
 * One operation as its requester sees it (A2A over MQTT 0.1, timers and retry): publish, wait for the
 * first reply, publish again under a new correlation, follow a stream, ask after a silent one.
 */

export interface RequestInput {
  /** Names the operation to the effects; nothing else of it is in the chart. */
  operation: string;
  maxAttempts: number;
  firstReplyTimeoutMs: number;
  streamIdleTimeoutMs: number;
  /** Pause before attempt 2, 3, ...; the last one repeats. Jitter is already in. */
  backoffMs: readonly number[];
}

export type RequestEvent =
  /** The broker has taken the attempt, or will not. */
  | { type: 'TAKEN' }
  | { type: 'NOT_TAKEN'; problem: unknown }
  /** A valid reply; `last` ends the operation, also when it is an error. */
  | { type: 'REPLY'; last: boolean; item: unknown }
  /** The responder says that it cannot now: counts as no reply, until an item was seen. */
  | { type: 'BUSY'; item: unknown }
  /** The connection is back without its session: items may have been lost. */
  | { type: 'RECONNECTED' }
  | { type: 'ABORT' };

export type RequestFailure = 'no-reply' | 'busy' | 'stalled' | 'not-published' | 'aborted';

export interface RequestContext extends RequestInput {
  attempt: number;
  failure: RequestFailure | null;
  problem: unknown;
}

export interface RequestOutput {
  failure: RequestFailure | null;
  attempts: number;
  problem: unknown;
}

/** `live`: the task goes on. `settled`: the effect has handed over the final state itself. */
export type ProbeResult = { state: 'live' | 'settled' };

export const requestMachine = setup({
  types: {
    input: {} as RequestInput,
    context: {} as RequestContext,
    events: {} as RequestEvent,
    output: {} as RequestOutput,
  },
  actors: {
    /** Asks for the state of the task of a silent stream. */
    probe: fromPromise<ProbeResult, { operation: string }>(async () => ({ state: 'live' })),
  },
  actions: {
    /** Publishes one attempt; answers TAKEN or NOT_TAKEN. */
    publish: (_, _params: { operation: string; attempt: number }) => {},
    deliver: () => {},
    countUnexpected: () => {},
    nextAttempt: assign({ attempt: ({ context }) => context.attempt + 1 }),
    failBusy: assign({
      failure: 'busy',
      problem: ({ event }) => (event.type === 'BUSY' ? event.item : null),
    }),
    failSilent: assign({ failure: ({ context }) => context.failure ?? 'no-reply' }),
    failStalled: assign({ failure: 'stalled' }),
    failAborted: assign({ failure: 'aborted' }),
    failPublish: assign({
      failure: 'not-published',
      problem: ({ event }) => (event.type === 'NOT_TAKEN' ? event.problem : null),
    }),
    forgetFailure: assign({ failure: null, problem: null }),
  },
  guards: {
    isLast: ({ event }) => event.type === 'REPLY' && event.last,
    attemptsLeft: ({ context }) => context.attempt < context.maxAttempts,
    settled: ({ event }) => 'output' in event && (event.output as ProbeResult).state === 'settled',
  },
  delays: {
    firstReply: ({ context }) => context.firstReplyTimeoutMs,
    idle: ({ context }) => context.streamIdleTimeoutMs,
    backoff: ({ context }) =>
      context.backoffMs[Math.min(context.attempt - 1, context.backoffMs.length - 1)] ?? 0,
  },
}).createMachine({
  id: 'request',
  description: 'One operation as its requester sees it: attempts, replies, a stream.',
  context: ({ input }) => ({ ...input, attempt: 0, failure: null, problem: null }),
  output: ({ context }) => ({
    failure: context.failure,
    attempts: context.attempt,
    problem: context.problem,
  }),
  initial: 'unanswered',
  on: {
    ABORT: { target: '.failed', actions: 'failAborted' },
    '*': { actions: 'countUnexpected' },
  },
  states: {
    unanswered: {
      description: 'No reply to any attempt yet; a reply to an earlier attempt counts as well.',
      initial: 'publishing',
      on: {
        REPLY: [
          { guard: 'isLast', target: 'done', actions: ['forgetFailure', 'deliver'] },
          { target: 'streaming', actions: ['forgetFailure', 'deliver'] },
        ],
        BUSY: [
          { guard: 'attemptsLeft', target: '.backingOff', actions: 'failBusy' },
          { target: 'failed', actions: 'failBusy' },
        ],
      },
      states: {
        publishing: {
          description: 'The attempt is on its way to the broker.',
          entry: [
            'nextAttempt',
            {
              type: 'publish',
              params: ({ context }) => ({ operation: context.operation, attempt: context.attempt }),
            },
          ],
          on: {
            TAKEN: { target: 'waiting' },
            NOT_TAKEN: [
              { guard: 'attemptsLeft', target: 'backingOff', actions: 'failPublish' },
              { target: '#request.failed', actions: 'failPublish' },
            ],
          },
        },
        waiting: {
          description: 'The broker has the attempt; the responder has not answered.',
          entry: 'forgetFailure',
          after: {
            firstReply: [
              { guard: 'attemptsLeft', target: 'backingOff' },
              { target: '#request.failed', actions: 'failSilent' },
            ],
          },
        },
        backingOff: {
          description: 'Pause before the next attempt.',
          after: { backoff: { target: 'publishing' } },
        },
      },
    },
    streaming: {
      description: 'Items arrive; nothing is published again from here on.',
      on: {
        RECONNECTED: { target: 'probing' },
        REPLY: [
          { guard: 'isLast', target: 'done', actions: 'deliver' },
          { target: 'streaming', reenter: true, actions: 'deliver' },
        ],
      },
      after: { idle: { target: 'probing' } },
    },
    probing: {
      description: 'The stream is silent; the task is asked for by its id.',
      on: {
        REPLY: [
          { guard: 'isLast', target: 'done', actions: 'deliver' },
          { target: 'streaming', actions: 'deliver' },
        ],
      },
      invoke: {
        src: 'probe',
        id: 'probe',
        input: ({ context }) => ({ operation: context.operation }),
        onDone: [{ guard: 'settled', target: 'done' }, { target: 'streaming' }],
        onError: { target: 'failed', actions: 'failStalled' },
      },
    },
    done: { type: 'final', description: 'The last reply was handed over.' },
    failed: { type: 'final', description: 'Given up; the reason is in the output.' },
  },
  options: { maxIterations: 1000 },
});
