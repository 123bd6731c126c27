import { assign, setup } from 'xstate';
import { effect, hostAction } from '../effects.ts';

/** Either the client speaks for itself, or a person consents in a browser (OAuth 2.1 4.1, 4.2). */
export type GrantKind = 'client_credentials' | 'authorization_code';

/** What was found out about a resource; no secret is in it. */
export interface Discovered {
  issuer: string;
  /** The client has no id at that server yet. */
  register: boolean;
  /** What to ask for: of the challenge, else all that the resource names (MCP 2025-11-25, scope selection). */
  scopes: string[];
}

/** What is known of a token; the token itself stays with the host. */
export interface Granted {
  scopes: string[];
  /** ms from now. */
  expiresInMs: number;
  /** It can be renewed without a person. */
  renewable: boolean;
}

export interface AuthorizationFailure {
  problem: string;
  /** Trying again may help. */
  retryable: boolean;
}

export type AuthorizationEvent =
  /** Somebody wants to send a request. */
  | { type: 'WANTED' }
  /** The resource refused the token, or asked for one: 401. */
  | { type: 'CHALLENGED' }
  /** The token has too few scopes: 403 with what is needed. */
  | { type: 'INSUFFICIENT'; scopes: string[] }
  | { type: 'CLOSE' };

export interface AuthorizationInput {
  resource: string;
  grant: GrantKind;
  /** Asked for from the start; empty: what the resource names. */
  scopes?: string[];
  maxAttempts?: number;
  maxStepUps?: number;
}

export interface AuthorizationContext {
  resource: string;
  grant: GrantKind;
  issuer: string;
  registered: boolean;
  scopes: string[];
  granted: string[];
  expiresInMs: number;
  renewable: boolean;
  attempts: number;
  maxAttempts: number;
  stepUps: number;
  maxStepUps: number;
  reason: string;
  ignored: number;
}

const PROBLEM: AuthorizationFailure = { problem: 'unknown', retryable: false };

function failureOf(error: unknown): AuthorizationFailure {
  if (typeof error !== 'object' || error === null) return PROBLEM;
  const { failure, message } = error as { failure?: AuthorizationFailure; message?: unknown };
  return failure ?? { problem: typeof message === 'string' ? message : 'unknown', retryable: false };
}

const errorOf = ({ event }: { event: { error: unknown } }) => event;

/** Where the authorisation server may answer later: waits, and tries the step again. */
const TRY_AGAIN = {
  guard: { type: 'mayRetry', params: errorOf },
  target: 'pausing',
  actions: { type: 'countAttempt', params: errorOf },
} as const;
const GIVE_UP = { target: 'failed', actions: { type: 'keepReason', params: errorOf } } as const;
/** Both grants, and a renewal, end with a token. */
const HOLD = {
  target: 'held',
  actions: {
    type: 'keepGranted',
    params: ({ event }: { event: { output: Granted } }) => event.output,
  },
} as const;

/**
 * How a client comes by the token for one resource, and keeps it (MCP 2025-11-25, authorization; NetMCP 4).
 * One actor a resource, so one request for a token at a time.
 */
export const authorizationMachine = setup({
  types: {
    context: {} as AuthorizationContext,
    events: {} as AuthorizationEvent,
    input: {} as AuthorizationInput,
  },
  actors: {
    /** Metadata of the resource, then of its authorisation server (RFC 9728, RFC 8414). */
    discover: effect<Discovered, undefined>('discover'),
    /** Dynamic registration (RFC 7591). */
    register: effect<void, undefined>('register'),
    /** Sends a person to the authorisation server and waits for the redirect, with PKCE (RFC 7636). */
    ask: effect<void, { scopes: string[] }>('ask'),
    /** Client credentials, or the code for tokens, with the resource indicator (RFC 8707). */
    request: effect<Granted, { scopes: string[] }>('request'),
    /** The refresh token, or client credentials again. */
    renew: effect<Granted, { scopes: string[] }>('renew'),
  },
  guards: {
    unregistered: ({ context }) => !context.registered,
    asksPerson: ({ context }) => context.grant === 'authorization_code',
    renewable: ({ context }) => context.renewable,
    mayRetry: ({ context }, params: { error: unknown }) =>
      failureOf(params.error).retryable && context.attempts < context.maxAttempts,
    /** A wider token is worth asking for; a server that keeps asking for more is cut off. */
    mayStepUp: ({ context }, params: { scopes: string[] }) =>
      context.stepUps < context.maxStepUps && params.scopes.some((scope) => !context.scopes.includes(scope)),
  },
  actions: {
    keepDiscovered: assign({
      issuer: (_, params: Discovered) => params.issuer,
      registered: (_, params) => !params.register,
      scopes: ({ context }, params) => [...new Set([...context.scopes, ...params.scopes])],
    }),
    keepRegistered: assign({ registered: true }),
    keepGranted: assign({
      granted: (_, params: Granted) => params.scopes,
      expiresInMs: (_, params) => params.expiresInMs,
      renewable: (_, params) => params.renewable,
      attempts: 0,
      reason: '',
    }),
    widen: assign({
      stepUps: ({ context }) => context.stepUps + 1,
      scopes: ({ context }, params: { scopes: string[] }) => [
        ...new Set([...context.scopes, ...params.scopes]),
      ],
    }),
    countAttempt: assign({
      attempts: ({ context }) => context.attempts + 1,
      reason: (_, params: { error: unknown }) => failureOf(params.error).problem,
    }),
    keepReason: assign({ reason: (_, params: { error: unknown }) => failureOf(params.error).problem }),
    noteProblem: assign({ reason: (_, params: { problem: string }) => params.problem }),
    /** The way to renew it is no good any more. */
    forgetRenewal: assign({ renewable: false }),
    beginAgain: assign({ attempts: 0, stepUps: 0 }),
    countIgnored: assign({ ignored: ({ context }) => context.ignored + 1 }),
    /** The host forgets the token: it is no good. */
    dropToken: hostAction('dropToken'),
  },
  delays: {
    /** A tenth of its life, at least 10 s, before the token is over it is renewed with the next request. */
    fresh: ({ context }) => Math.max(0, context.expiresInMs - Math.max(10_000, context.expiresInMs / 10)),
    /** What is left of the token once it is stale. */
    stale: ({ context }) => Math.min(context.expiresInMs, Math.max(10_000, context.expiresInMs / 10)),
    pause: ({ context }) => Math.min(30_000, 500 * 2 ** context.attempts),
    step: 30_000,
    consent: 600_000,
  },
}).createMachine({
  id: 'authorization',
  description: 'How a client comes by the token for one resource, and keeps it.',
  context: ({ input }) => ({
    resource: input.resource,
    grant: input.grant,
    issuer: '',
    registered: false,
    scopes: input.scopes ?? [],
    granted: [],
    expiresInMs: 0,
    renewable: false,
    attempts: 0,
    maxAttempts: input.maxAttempts ?? 3,
    stepUps: 0,
    maxStepUps: input.maxStepUps ?? 5,
    reason: '',
    ignored: 0,
  }),
  initial: 'idle',
  on: { CLOSE: { target: '.closed', actions: 'dropToken' }, '*': { actions: 'countIgnored' } },
  states: {
    idle: {
      description: 'No token, and nobody has asked for one.',
      on: { CHALLENGED: { target: 'discovering' } },
    },
    discovering: {
      description: 'Reads the metadata of the resource and of its authorisation server.',
      invoke: {
        id: 'discover',
        src: 'discover',
        onDone: {
          target: 'choosing',
          actions: { type: 'keepDiscovered', params: ({ event }) => event.output },
        },
        onError: [TRY_AGAIN, GIVE_UP],
      },
      after: {
        step: {
          target: 'failed',
          actions: { type: 'noteProblem', params: { problem: 'the metadata did not come in time' } },
        },
      },
    },
    choosing: {
      description: 'What comes next depends on the grant, and on whether the client is known there.',
      always: [
        { guard: 'unregistered', target: 'registering' },
        { guard: 'asksPerson', target: 'asking' },
        { target: 'requesting' },
      ],
    },
    registering: {
      description: 'Registers the client at the authorisation server.',
      invoke: {
        id: 'register',
        src: 'register',
        onDone: { target: 'choosing', actions: 'keepRegistered' },
        onError: [TRY_AGAIN, GIVE_UP],
      },
      after: {
        step: {
          target: 'failed',
          actions: { type: 'noteProblem', params: { problem: 'the registration was not answered' } },
        },
      },
    },
    asking: {
      description: 'A person signs in and consents in a browser; the code comes with the redirect.',
      invoke: {
        id: 'ask',
        src: 'ask',
        input: ({ context }) => ({ scopes: context.scopes }),
        onDone: { target: 'requesting' },
        onError: GIVE_UP,
      },
      after: {
        consent: {
          target: 'failed',
          actions: { type: 'noteProblem', params: { problem: 'nobody consented in time' } },
        },
      },
    },
    requesting: {
      description: 'Asks the token endpoint for a token for this resource alone.',
      invoke: {
        id: 'request',
        src: 'request',
        input: ({ context }) => ({ scopes: context.scopes }),
        onDone: HOLD,
        onError: [TRY_AGAIN, GIVE_UP],
      },
      after: {
        step: {
          target: 'failed',
          actions: { type: 'noteProblem', params: { problem: 'the token did not come in time' } },
        },
      },
    },
    held: {
      description: 'A token is at hand.',
      initial: 'fresh',
      on: {
        CHALLENGED: [
          { guard: 'renewable', target: 'renewing', actions: 'dropToken' },
          { target: 'discovering', actions: 'dropToken' },
        ],
        INSUFFICIENT: [
          {
            guard: { type: 'mayStepUp', params: ({ event }) => event },
            target: 'choosing',
            actions: { type: 'widen', params: ({ event }) => event },
          },
          { actions: { type: 'noteProblem', params: { problem: 'more scopes cannot be had' } } },
        ],
      },
      states: {
        fresh: {
          description: 'The token holds for a good while.',
          after: { fresh: { target: 'stale' } },
        },
        stale: {
          description: 'The token still holds, but not for long: the next request has it renewed.',
          on: { WANTED: { guard: 'renewable', target: '#authorization.renewing' } },
          after: { stale: { target: '#authorization.expired', actions: 'dropToken' } },
        },
      },
    },
    renewing: {
      description: 'Gets the next token; requests go on with the one there is, while it holds.',
      invoke: {
        id: 'renew',
        src: 'renew',
        input: ({ context }) => ({ scopes: context.scopes }),
        onDone: HOLD,
        onError: [
          TRY_AGAIN,
          {
            target: 'discovering',
            actions: ['forgetRenewal', { type: 'keepReason', params: ({ event }) => event }],
          },
        ],
      },
      after: { step: { target: 'discovering', actions: 'forgetRenewal' } },
    },
    expired: {
      description: 'The token is over, and nobody has asked for another.',
      on: {
        WANTED: [{ guard: 'renewable', target: 'renewing' }, { target: 'discovering' }],
      },
    },
    pausing: {
      description: 'The authorisation server did not answer: waits and tries again.',
      after: { pause: [{ guard: 'renewable', target: 'renewing' }, { target: 'discovering' }] },
    },
    failed: {
      description: 'No token can be had, and the reason is known; the next request tries anew.',
      on: { WANTED: { target: 'discovering', actions: 'beginAgain' } },
    },
    closed: { type: 'final', description: 'The session is over and the token forgotten.' },
  },
  options: { maxIterations: 1000 },
});
