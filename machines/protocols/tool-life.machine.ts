import { assign, setup } from 'xstate';
import { effect } from '../effects.ts';

/** What one provider offers under the name of the tool; `hash` is of its content, `version` its own word. */
export interface Offering {
  provider: string;
  version: string;
  hash: string;
}

/** What the checks say: take it, hold it until somebody approves it, or leave things as they are. */
export interface Examination {
  verdict: 'take' | 'hold' | 'refuse';
  reason: string;
}

export type ToolLifeEvent =
  | ({ type: 'PUBLISHED' } & Offering)
  | { type: 'PROVIDER_LOST'; provider: string; reason: string }
  | { type: 'PROBE_FAILED'; provider: string }
  | { type: 'PROBE_OK'; provider: string }
  | { type: 'DEPRECATE'; replacedBy: string }
  | { type: 'REMOVE'; provider: string; replacedBy: string }
  | { type: 'APPROVED'; hash: string }
  | { type: 'REJECTED'; hash: string }
  | { type: 'CLOSE' };

export interface ToolLifeInput {
  name: string;
  offering: Offering;
  /** Failed probes in a row after which a provider counts as lost. */
  maxFailures: number;
  /** From deprecation to withdrawal, ms. */
  graceMs: number;
  /** For how long a withdrawn tool is still explained to its callers, ms. */
  memoryMs: number;
}

export interface ToolLifeContext {
  name: string;
  maxFailures: number;
  graceMs: number;
  memoryMs: number;
  /** What is offered now, or was last; null before the first. */
  current: Offering | null;
  /** What is examined or held. */
  pending: Offering | null;
  /** Who provides `current`; the first one is called. */
  providers: Array<{ id: string; failures: number }>;
  /** Deprecated by its owner, not for want of a provider. */
  intended: boolean;
  replacedBy: string;
  reason: string;
  ignored: number;
}

interface About {
  provider: string;
}

const without = (context: ToolLifeContext, id: string) => context.providers.filter((one) => one.id !== id);
const has = (context: ToolLifeContext, id: string) => context.providers.some((one) => one.id === id);
const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

const verdictOf = ({ event }: { event: { output: Examination } }) => event.output;

/** How an examination ends, whether something was offered before or not. */
const TAKEN = {
  guard: { type: 'taken', params: verdictOf },
  target: 'available',
  actions: 'takePending',
} as const;
const HELD = {
  guard: { type: 'held', params: verdictOf },
  target: 'quarantined',
  actions: { type: 'keepReason', params: verdictOf },
} as const;
const REFUSED = ['dropPending', { type: 'keepReason', params: verdictOf }] as const;
const UNEXAMINED = [
  'dropPending',
  {
    type: 'keepReason',
    params: ({ event }: { event: { error: unknown } }) => ({ reason: textOf(event.error) }),
  },
] as const;

/** The life of one tool at a tool server (NetMCP 5): from publication to withdrawal, and back. */
export const toolLifeMachine = setup({
  types: {
    context: {} as ToolLifeContext,
    events: {} as ToolLifeEvent,
    input: {} as ToolLifeInput,
    output: {} as { reason: string },
  },
  actors: {
    examine: effect<Examination, { name: string; offering: Offering; current: Offering | null }>('examine'),
  },
  guards: {
    taken: (_, params: Examination) => params.verdict === 'take',
    held: (_, params: Examination) => params.verdict === 'hold',
    asCurrent: ({ context }, params: Offering) => context.current?.hash === params.hash,
    asCurrentIntended: ({ context }, params: Offering) =>
      context.intended && context.current?.hash === params.hash,
    asPending: ({ context }, params: { hash: string }) => context.pending?.hash === params.hash,
    fromPending: ({ context }, params: About) => context.pending?.provider === params.provider,
    redundant: ({ context }, params: About) => has(context, params.provider) && context.providers.length > 1,
    lastProvider: ({ context }, params: About) =>
      has(context, params.provider) && context.providers.length === 1,
    probedOut: ({ context }, params: About) =>
      context.providers.some(
        ({ id, failures }) => id === params.provider && failures + 1 >= context.maxFailures,
      ),
    unprovided: ({ context }) => context.providers.length === 0,
  },
  actions: {
    keepPending: assign({
      pending: (_, { provider, version, hash }: Offering) => ({ provider, version, hash }),
    }),
    takePending: assign({
      current: ({ context }) => context.pending,
      providers: ({ context }) =>
        context.pending === null ? [] : [{ id: context.pending.provider, failures: 0 }],
      pending: null,
      intended: false,
      replacedBy: '',
      reason: '',
    }),
    dropPending: assign({ pending: null }),
    addProvider: assign({
      providers: ({ context }, params: About) =>
        has(context, params.provider)
          ? context.providers.map((one) => (one.id === params.provider ? { ...one, failures: 0 } : one))
          : [...context.providers, { id: params.provider, failures: 0 }],
    }),
    revive: assign({ intended: false, replacedBy: '', reason: '' }),
    dropProvider: assign({ providers: ({ context }, params: About) => without(context, params.provider) }),
    countFailure: assign({
      providers: ({ context }, params: About) =>
        context.providers.map((one) =>
          one.id === params.provider ? { ...one, failures: one.failures + 1 } : one,
        ),
    }),
    clearFailures: assign({
      providers: ({ context }, params: About) =>
        context.providers.map((one) => (one.id === params.provider ? { ...one, failures: 0 } : one)),
    }),
    keepReplacement: assign({
      replacedBy: (_, params: { replacedBy: string }) => params.replacedBy,
      intended: true,
    }),
    keepReason: assign({ reason: (_, params: { reason: string }) => params.reason }),
    countIgnored: assign({ ignored: ({ context }) => context.ignored + 1 }),
  },
  delays: {
    grace: ({ context }) => context.graceMs,
    memory: ({ context }) => context.memoryMs,
  },
}).createMachine({
  id: 'toolLife',
  description: 'The life of a tool: taken, renewed, held, deprecated, withdrawn, revived.',
  context: ({ input: { offering, ...rest } }) => ({
    ...rest,
    current: null,
    pending: offering,
    providers: [],
    intended: false,
    replacedBy: '',
    reason: '',
    ignored: 0,
  }),
  output: ({ context }) => ({ reason: context.reason }),
  initial: 'candidate',
  on: {
    CLOSE: { target: '.forgotten' },
    '*': { actions: 'countIgnored' },
  },
  states: {
    candidate: {
      description: 'Published: its definition is checked and matched with the scope of the server.',
      invoke: {
        src: 'examine',
        id: 'examine',
        input: ({ context }) => ({
          name: context.name,
          offering: context.pending as Offering,
          current: context.current,
        }),
        onDone: [TAKEN, HELD, { target: 'withdrawn', actions: REFUSED }],
        onError: { target: 'withdrawn', actions: UNEXAMINED },
      },
      on: {
        PROVIDER_LOST: {
          guard: { type: 'fromPending', params: ({ event }) => event },
          target: 'withdrawn',
          actions: ['dropPending', { type: 'keepReason', params: ({ event }) => event }],
        },
      },
    },
    available: {
      description: 'Offered; the first healthy provider executes it, the others stand by.',
      always: { guard: 'unprovided', target: 'deprecated' },
      on: {
        PUBLISHED: [
          {
            guard: { type: 'asCurrent', params: ({ event }) => event },
            actions: { type: 'addProvider', params: ({ event }) => event },
          },
          { target: 'renewing', actions: { type: 'keepPending', params: ({ event }) => event } },
        ],
        PROVIDER_LOST: {
          actions: [
            { type: 'dropProvider', params: ({ event }) => event },
            { type: 'keepReason', params: ({ event }) => event },
          ],
        },
        PROBE_FAILED: [
          {
            guard: { type: 'probedOut', params: ({ event }) => event },
            actions: [
              { type: 'dropProvider', params: ({ event }) => event },
              {
                type: 'keepReason',
                params: ({ event }) => ({ reason: `${event.provider} fails its probes` }),
              },
            ],
          },
          { actions: { type: 'countFailure', params: ({ event }) => event } },
        ],
        PROBE_OK: { actions: { type: 'clearFailures', params: ({ event }) => event } },
        DEPRECATE: {
          target: 'deprecated',
          actions: [
            { type: 'keepReplacement', params: ({ event }) => event },
            { type: 'keepReason', params: { reason: 'deprecated by its owner' } },
          ],
        },
        REMOVE: [
          {
            guard: { type: 'redundant', params: ({ event }) => event },
            actions: { type: 'dropProvider', params: ({ event }) => event },
          },
          {
            guard: { type: 'lastProvider', params: ({ event }) => event },
            target: 'withdrawn',
            actions: [
              { type: 'dropProvider', params: ({ event }) => event },
              { type: 'keepReplacement', params: ({ event }) => event },
              { type: 'keepReason', params: { reason: 'removed by its provider' } },
            ],
          },
        ],
      },
    },
    renewing: {
      description: 'Another content is published under the name: the old one is offered while it is checked.',
      invoke: {
        src: 'examine',
        id: 'renewal',
        input: ({ context }) => ({
          name: context.name,
          offering: context.pending as Offering,
          current: context.current,
        }),
        onDone: [TAKEN, HELD, { target: 'available', actions: REFUSED }],
        onError: { target: 'available', actions: UNEXAMINED },
      },
      on: {
        PROVIDER_LOST: [
          {
            guard: { type: 'fromPending', params: ({ event }) => event },
            target: 'available',
            actions: [
              'dropPending',
              { type: 'dropProvider', params: ({ event }) => event },
              { type: 'keepReason', params: ({ event }) => event },
            ],
          },
          { actions: { type: 'dropProvider', params: ({ event }) => event } },
        ],
      },
    },
    deprecated: {
      description: 'Still offered, marked as going: no provider is left, or its owner wants it gone.',
      on: {
        PUBLISHED: [
          {
            guard: { type: 'asCurrentIntended', params: ({ event }) => event },
            actions: { type: 'addProvider', params: ({ event }) => event },
          },
          {
            guard: { type: 'asCurrent', params: ({ event }) => event },
            target: 'available',
            actions: [{ type: 'addProvider', params: ({ event }) => event }, 'revive'],
          },
          { target: 'renewing', actions: { type: 'keepPending', params: ({ event }) => event } },
        ],
        PROVIDER_LOST: { actions: { type: 'dropProvider', params: ({ event }) => event } },
        DEPRECATE: { actions: { type: 'keepReplacement', params: ({ event }) => event } },
        REMOVE: {
          target: 'withdrawn',
          actions: [
            { type: 'dropProvider', params: ({ event }) => event },
            { type: 'keepReplacement', params: ({ event }) => event },
          ],
        },
      },
      after: { grace: { target: 'withdrawn' } },
    },
    quarantined: {
      description: 'Changed, renamed or suspicious: calls are blocked until somebody approves it.',
      on: {
        APPROVED: {
          guard: { type: 'asPending', params: ({ event }) => event },
          target: 'available',
          actions: 'takePending',
        },
        REJECTED: {
          guard: { type: 'asPending', params: ({ event }) => event },
          target: 'withdrawn',
          actions: ['dropPending', { type: 'keepReason', params: { reason: 'rejected by the operator' } }],
        },
        PUBLISHED: [
          {
            guard: { type: 'asCurrent', params: ({ event }) => event },
            target: 'available',
            actions: ['dropPending', { type: 'addProvider', params: ({ event }) => event }, 'revive'],
          },
          {
            guard: { type: 'asPending', params: ({ event }) => event },
            actions: { type: 'keepPending', params: ({ event }) => event },
          },
          { target: 'candidate', actions: { type: 'keepPending', params: ({ event }) => event } },
        ],
        PROVIDER_LOST: {
          guard: { type: 'fromPending', params: ({ event }) => event },
          target: 'withdrawn',
          actions: ['dropPending', { type: 'keepReason', params: ({ event }) => event }],
        },
        REMOVE: {
          guard: { type: 'fromPending', params: ({ event }) => event },
          target: 'withdrawn',
          actions: [
            'dropPending',
            { type: 'keepReplacement', params: ({ event }) => event },
            { type: 'keepReason', params: { reason: 'removed by its provider' } },
          ],
        },
      },
    },
    withdrawn: {
      description: 'Not offered; callers are told why, and what replaces it.',
      on: {
        PUBLISHED: { target: 'candidate', actions: { type: 'keepPending', params: ({ event }) => event } },
      },
      after: { memory: { target: 'forgotten' } },
    },
    forgotten: { type: 'final', description: 'The name is free again.' },
  },
  options: { maxIterations: 1000 },
});
