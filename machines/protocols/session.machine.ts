import { assign, fromPromise, setup } from 'xstate';
import { type Agreement, negotiationMachine, type Offer } from './negotiation.machine.ts';

export type LoadState = 'normal' | 'high' | 'overloaded' | 'draining' | 'gone';
export interface Alternate {
  serverId: string;
  url: string;
}

/** What the connection brought: the peer's answer to our offer, unread. */
export interface Connected {
  peer: unknown;
  serverName: string;
  protocolVersion: string;
}

export type SessionEvent =
  | { type: 'LOAD'; state: LoadState; load: number; weight: number; alternates: Alternate[] }
  | { type: 'CALL_STARTED' }
  | { type: 'CALL_ENDED' }
  /** The server answered -32010 (NetMCP 6). */
  | { type: 'REFUSED'; retryAfterMs: number; alternates: Alternate[] }
  | { type: 'LOST'; reason: string }
  | { type: 'CLOSE' };

export interface SessionContext {
  serverId: string;
  offer: Offer;
  maxAttempts: number;
  connected: Connected | null;
  agreement: Agreement | null;
  attempts: number;
  inFlight: number;
  load: number;
  weight: number;
  alternates: Alternate[];
  retryAfterMs: number;
  reason: string;
  ignored: number;
}

const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/**
 * One client session with one server (NetMCP 1 and 6). `connect` and `disconnect` are the effects;
 * `settled` and `releaseTransport` are told to whoever waits for the session.
 */
export const sessionMachine = setup({
  types: {
    context: {} as SessionContext,
    events: {} as SessionEvent,
    input: {} as { serverId: string; offer: Offer; maxAttempts?: number },
    output: {} as { reason: string },
  },
  actors: {
    connect: fromPromise<Connected>(() => Promise.reject(new Error('connect is not provided'))),
    disconnect: fromPromise<void>(() => Promise.reject(new Error('disconnect is not provided'))),
    negotiation: negotiationMachine,
  },
  guards: {
    attemptsLeft: ({ context }) => context.attempts < context.maxAttempts,
    saysGone: (_, params: { state: LoadState }) => params.state === 'gone',
    saysDraining: (_, params: { state: LoadState }) => params.state === 'draining',
    saysOverloaded: (_, params: { state: LoadState }) => params.state === 'overloaded',
    saysHigh: (_, params: { state: LoadState }) => params.state === 'high',
    idle: ({ context }) => context.inFlight === 0,
    stillBusy: ({ context }) => context.load >= 70,
  },
  actions: {
    countAttempt: assign({ attempts: ({ context }) => context.attempts + 1 }),
    keepConnection: assign({ connected: (_, params: Connected) => params }),
    keepAgreement: assign({ agreement: (_, params: Agreement) => params }),
    keepReason: assign({ reason: (_, params: { reason: string }) => params.reason }),
    keepLoad: assign({
      load: (_, params: { load: number; weight: number; alternates: Alternate[] }) => params.load,
      weight: (_, params) => params.weight,
      alternates: (_, params) => params.alternates,
      retryAfterMs: 0,
    }),
    keepRefusal: assign({
      retryAfterMs: (_, params: { retryAfterMs: number; alternates: Alternate[] }) => params.retryAfterMs,
      alternates: ({ context }, params) =>
        params.alternates.length > 0 ? params.alternates : context.alternates,
    }),
    countStart: assign({ inFlight: ({ context }) => context.inFlight + 1 }),
    countEnd: assign({ inFlight: ({ context }) => Math.max(0, context.inFlight - 1) }),
    countIgnored: assign({ ignored: ({ context }) => context.ignored + 1 }),
    /** Effect: the session has settled in a mode, or is over. */
    settled: () => {},
    /** Effect: drops the transport without ceremony. */
    releaseTransport: () => {},
  },
  delays: {
    backoff: ({ context }) => Math.min(5_000, 100 * 2 ** (context.attempts - 1)),
    calm: ({ context }) => (context.retryAfterMs > 0 ? context.retryAfterMs : 5_000),
    disconnectTimeout: 2_000,
    drainTimeout: 60_000,
    doubtTimeout: 5_000,
  },
}).createMachine({
  id: 'session',
  description: 'A NetMCP client session: connects, negotiates, follows the load of its server, ends.',
  context: ({ input }) => ({
    serverId: input.serverId,
    offer: input.offer,
    maxAttempts: input.maxAttempts ?? 3,
    connected: null,
    agreement: null,
    attempts: 0,
    inFlight: 0,
    load: 0,
    weight: 100,
    alternates: [],
    retryAfterMs: 0,
    reason: '',
    ignored: 0,
  }),
  output: ({ context }) => ({ reason: context.reason }),
  initial: 'connecting',
  on: {
    CALL_ENDED: { actions: 'countEnd' },
    '*': { actions: 'countIgnored' },
  },
  states: {
    connecting: {
      description: 'Opens the transport and sends `initialize` with our offer.',
      entry: 'countAttempt',
      invoke: {
        src: 'connect',
        id: 'connect',
        onDone: {
          target: 'negotiating',
          actions: { type: 'keepConnection', params: ({ event }) => event.output },
        },
        onError: [
          {
            target: 'backingOff',
            guard: 'attemptsLeft',
            actions: { type: 'keepReason', params: ({ event }) => ({ reason: textOf(event.error) }) },
          },
          {
            target: 'gone',
            actions: { type: 'keepReason', params: ({ event }) => ({ reason: textOf(event.error) }) },
          },
        ],
      },
      on: { CLOSE: { target: 'closed', actions: 'releaseTransport' } },
    },
    backingOff: {
      description: 'Waits before the next attempt to connect.',
      after: { backoff: { target: 'connecting' } },
      on: { CLOSE: { target: 'closed' } },
    },
    negotiating: {
      description: 'Reads the answer of the server to our offer.',
      invoke: {
        src: 'negotiation',
        id: 'negotiation',
        input: ({ context }) => ({ ours: context.offer, peer: context.connected?.peer, heard: true }),
        onDone: {
          target: 'ready',
          actions: { type: 'keepAgreement', params: ({ event }) => event.output },
        },
        onError: {
          target: 'gone',
          actions: { type: 'keepReason', params: ({ event }) => ({ reason: textOf(event.error) }) },
        },
      },
      on: { CLOSE: { target: 'closing' } },
    },
    ready: {
      description: 'Calls can be made; the sub-state says how willingly (NetMCP 6).',
      entry: 'settled',
      initial: 'normal',
      on: {
        CALL_STARTED: { actions: 'countStart' },
        LOAD: [
          {
            target: '.doubted',
            guard: { type: 'saysGone', params: ({ event }) => event },
            actions: {
              type: 'keepReason',
              params: { reason: 'the management server says the server is gone' },
            },
          },
          {
            target: '.draining',
            guard: { type: 'saysDraining', params: ({ event }) => event },
            actions: { type: 'keepLoad', params: ({ event }) => event },
          },
          {
            target: '.overloaded',
            guard: { type: 'saysOverloaded', params: ({ event }) => event },
            actions: { type: 'keepLoad', params: ({ event }) => event },
          },
          {
            target: '.high',
            guard: { type: 'saysHigh', params: ({ event }) => event },
            actions: { type: 'keepLoad', params: ({ event }) => event },
          },
          { target: '.normal', actions: { type: 'keepLoad', params: ({ event }) => event } },
        ],
        REFUSED: {
          target: '.overloaded',
          actions: { type: 'keepRefusal', params: ({ event }) => event },
        },
        LOST: {
          target: 'gone',
          actions: { type: 'keepReason', params: ({ event }) => ({ reason: event.reason }) },
        },
        CLOSE: { target: 'closing' },
      },
      states: {
        normal: { description: 'New calls are welcome.' },
        high: { description: 'New calls prefer other servers that offer the same tool.' },
        overloaded: {
          description: 'New calls move to alternates until the server recovers.',
          after: { calm: [{ target: 'high', guard: 'stillBusy' }, { target: 'normal' }] },
        },
        draining: {
          description: 'Calls in flight finish, then the session leaves.',
          always: { target: '#session.closing', guard: 'idle' },
          on: {
            REFUSED: { actions: { type: 'keepRefusal', params: ({ event }) => event } },
          },
          after: { drainTimeout: { target: '#session.closing' } },
        },
        doubted: {
          description:
            'The registry has lost the server: no new calls, and those in flight have a little time to prove it wrong.',
          always: { target: '#session.gone', guard: 'idle' },
          on: {
            REFUSED: { actions: { type: 'keepRefusal', params: ({ event }) => event } },
          },
          after: { doubtTimeout: { target: '#session.gone' } },
        },
      },
    },
    closing: {
      description: 'Ends the session at the server.',
      invoke: {
        src: 'disconnect',
        id: 'disconnect',
        onDone: { target: 'closed' },
        onError: { target: 'closed' },
      },
      after: { disconnectTimeout: { target: 'closed', actions: 'releaseTransport' } },
    },
    closed: { type: 'final', description: 'Ended on purpose.', entry: 'settled' },
    gone: {
      type: 'final',
      description: 'The server is lost: its calls fail over, and only what is safe is sent again.',
      entry: ['releaseTransport', 'settled'],
    },
  },
  options: { maxIterations: 1000 },
});
