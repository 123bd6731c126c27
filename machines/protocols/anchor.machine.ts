import { assign, fromPromise, setup } from 'xstate';
import type { Alternate } from './session.machine.ts';

export interface AnchorContext {
  candidates: Alternate[];
  anchor: Alternate | null;
  /** The server that was lost last; another one is preferred. */
  lost: string;
  attempts: number;
  maxAttempts: number;
  /** How often an anchor was bound. */
  bindings: number;
  reason: string;
  ignored: number;
}

export type AnchorEvent =
  /** The session with the anchor is lost. */
  | { type: 'LOST'; reason: string }
  /** The anchor drains or is past its limit. */
  | { type: 'MOVE'; reason: string }
  | { type: 'CLOSE' };

const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/**
 * The anchor of one agent (NetMCP 6): elected by the order of the management server, bound by a session,
 * elected anew when it is lost. `elect`, `bind` and `release` are the effects.
 */
export const anchorMachine = setup({
  types: {
    context: {} as AnchorContext,
    events: {} as AnchorEvent,
    input: {} as { maxAttempts?: number },
    output: {} as { reason: string },
  },
  actors: {
    /** Servers in the order of the management server, without the lost one where there is another. */
    elect: fromPromise<Alternate[], { lost: string }>(() =>
      Promise.reject(new Error('elect is not provided')),
    ),
    /** Opens the session and finds that the server can be an anchor. */
    bind: fromPromise<void, { candidate: Alternate | undefined }>(() =>
      Promise.reject(new Error('bind is not provided')),
    ),
  },
  guards: {
    exhausted: ({ context }) => context.attempts >= context.maxAttempts,
    someone: (_, params: { candidates: Alternate[] }) => params.candidates.length > 0,
    another: ({ context }) => context.candidates.length > 1,
  },
  actions: {
    countAttempt: assign({ attempts: ({ context }) => context.attempts + 1 }),
    keepCandidates: assign({ candidates: (_, params: { candidates: Alternate[] }) => params.candidates }),
    dropCandidate: assign({ candidates: ({ context }) => context.candidates.slice(1) }),
    keepAnchor: assign({
      anchor: ({ context }) => context.candidates[0] ?? null,
      attempts: 0,
      bindings: ({ context }) => context.bindings + 1,
    }),
    loseAnchor: assign({
      anchor: null,
      lost: ({ context }) => context.anchor?.serverId ?? context.lost,
      reason: (_, params: { reason: string }) => params.reason,
    }),
    keepReason: assign({ reason: (_, params: { reason: string }) => params.reason }),
    countIgnored: assign({ ignored: ({ context }) => context.ignored + 1 }),
    /** Effect: ends the session with the anchor that is left. */
    release: () => {},
  },
  delays: {
    backoff: ({ context }) => Math.min(5_000, 100 * 2 ** (context.attempts - 1)),
  },
}).createMachine({
  id: 'anchor',
  description: 'Which tool server is the anchor of an agent.',
  context: ({ input }) => ({
    candidates: [],
    anchor: null,
    lost: '',
    attempts: 0,
    maxAttempts: input.maxAttempts ?? 3,
    bindings: 0,
    reason: '',
    ignored: 0,
  }),
  output: ({ context }) => ({ reason: context.reason }),
  initial: 'electing',
  on: {
    CLOSE: { target: '.released' },
    '*': { actions: 'countIgnored' },
  },
  states: {
    electing: {
      description: 'Asks the management server who could be the anchor.',
      entry: 'countAttempt',
      invoke: {
        src: 'elect',
        id: 'elect',
        input: ({ context }) => ({ lost: context.lost }),
        onDone: [
          {
            target: 'binding',
            guard: { type: 'someone', params: ({ event }) => ({ candidates: event.output }) },
            actions: { type: 'keepCandidates', params: ({ event }) => ({ candidates: event.output }) },
          },
          {
            target: 'pausing',
            actions: { type: 'keepReason', params: { reason: 'no tool server can be an anchor' } },
          },
        ],
        onError: {
          target: 'pausing',
          actions: { type: 'keepReason', params: ({ event }) => ({ reason: textOf(event.error) }) },
        },
      },
    },
    binding: {
      description: 'Opens a session with the first candidate.',
      invoke: {
        src: 'bind',
        id: 'bind',
        input: ({ context }) => ({ candidate: context.candidates[0] }),
        onDone: { target: 'bound', actions: 'keepAnchor' },
        onError: [
          { target: 'binding', guard: 'another', reenter: true, actions: 'dropCandidate' },
          {
            target: 'pausing',
            actions: { type: 'keepReason', params: ({ event }) => ({ reason: textOf(event.error) }) },
          },
        ],
      },
    },
    bound: {
      description: 'The agent has an anchor.',
      on: {
        LOST: {
          target: 'electing',
          actions: ['release', { type: 'loseAnchor', params: ({ event }) => ({ reason: event.reason }) }],
        },
        MOVE: {
          target: 'electing',
          actions: ['release', { type: 'loseAnchor', params: ({ event }) => ({ reason: event.reason }) }],
        },
      },
    },
    pausing: {
      description: 'Nobody could be bound: waits before the next election, or gives up.',
      always: { target: 'without', guard: 'exhausted' },
      after: { backoff: { target: 'electing' } },
    },
    released: { type: 'final', description: 'Ended on purpose.', entry: 'release' },
    without: { type: 'final', description: 'No tool server could be the anchor.' },
  },
  options: { maxIterations: 1000 },
});
