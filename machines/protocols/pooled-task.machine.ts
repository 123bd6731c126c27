import { assign, setup } from 'xstate';

/**
 * One task of a pool as its dispatcher sees it (A2A over MQTT 0.1, shared dispatch): given to one member,
 * given to another when that one is lost, forgotten when it has ended.
 */

export interface PooledTaskInput {
  /** Names the task to the effects. */
  task: string;
  /** Member that had it before a restart of the dispatcher; null for a new task. */
  member: string | null;
  /** How long a lost member may take to come back, ms. */
  graceMs: number;
}

export type PooledTaskEvent =
  /** The answer to `choose`. */
  | { type: 'ASSIGNED'; member: string }
  | { type: 'NONE' }
  /** A requester asks again, or something else, about this task; `live`: its member is there. */
  | { type: 'ASKED'; live: boolean }
  /** The member has taken the task up and goes on with it. */
  | { type: 'RUNNING' }
  /** The task waits for its requester. */
  | { type: 'INTERRUPTED' }
  | { type: 'ENDED' }
  /** The member cannot now. */
  | { type: 'BUSY' }
  /** The connection of the task's member is gone, or back. */
  | { type: 'LOST' }
  | { type: 'BACK' }
  /** Any member of the pool came. */
  | { type: 'JOINED' };

export interface PooledTaskContext {
  task: string;
  member: string | null;
  /** Members that said no since the task was last taken up. */
  avoid: readonly string[];
  /** A member has taken it up: it is not refused from then on. */
  begun: boolean;
  handovers: number;
  ignored: number;
  graceMs: number;
}

export const pooledTaskMachine = setup({
  types: {
    input: {} as PooledTaskInput,
    context: {} as PooledTaskContext,
    events: {} as PooledTaskEvent,
  },
  actions: {
    /** Picks a live member that is not to be avoided; answers ASSIGNED or NONE. */
    choose: (_, _params: { task: string; avoid: readonly string[] }) => {},
    /** Sends every open request of the task to its member. */
    forward: (_, _params: { task: string; member: string | null }) => {},
    /** Sends the requests that came last to its member. */
    forwardNewest: (_, _params: { task: string; member: string | null }) => {},
    /** Ends the task at a member that lost it, when that one comes back. */
    revoke: (_, _params: { task: string; member: string | null }) => {},
    /** Tells every open requester that nobody can serve it now. */
    refuse: (_, _params: { task: string }) => {},
    keepMember: assign({ member: (_, params: { member: string }) => params.member }),
    avoidMember: assign({
      avoid: ({ context }) => (context.member === null ? context.avoid : [...context.avoid, context.member]),
      member: null,
    }),
    begin: assign({ begun: true, avoid: [] }),
    countHandover: assign({ handovers: ({ context }) => context.handovers + 1, avoid: [], member: null }),
    countIgnored: assign({ ignored: ({ context }) => context.ignored + 1 }),
  },
  guards: {
    begun: ({ context }) => context.begun,
    unbegun: ({ context }) => !context.begun,
    restored: ({ context }) => context.member !== null,
    live: (_, params: { live: boolean }) => params.live,
  },
  delays: {
    /** A connection that breaks is usually back at once. */
    grace: ({ context }) => context.graceMs,
    /** How long a task whose member is lost waits for any other. */
    patience: 86_400_000,
    /** How long a task that waits for its requester is known. */
    rest: 86_400_000,
  },
}).createMachine({
  id: 'pooledTask',
  description: 'One task of a pool as its dispatcher sees it.',
  context: ({ input }) => ({
    task: input.task,
    member: input.member,
    graceMs: input.graceMs,
    avoid: [],
    begun: input.member !== null,
    handovers: 0,
    ignored: 0,
  }),
  initial: 'beginning',
  on: { '*': { actions: 'countIgnored' } },
  states: {
    beginning: {
      description: 'New, or known from before a restart.',
      always: [{ guard: 'restored', target: 'lost' }, { target: 'seeking' }],
    },
    seeking: {
      description: 'A live member is looked for, the least busy first.',
      entry: {
        type: 'choose',
        params: ({ context }) => ({ task: context.task, avoid: context.avoid }),
      },
      on: {
        ASSIGNED: {
          target: 'open',
          actions: { type: 'keepMember', params: ({ event }) => ({ member: event.member }) },
        },
        NONE: [{ guard: 'begun', target: 'orphaned' }, { target: 'refused' }],
      },
    },
    open: {
      description: 'One member has the task.',
      entry: {
        type: 'forward',
        params: ({ context }) => ({ task: context.task, member: context.member }),
      },
      on: {
        ASKED: {
          actions: {
            type: 'forwardNewest',
            params: ({ context }) => ({ task: context.task, member: context.member }),
          },
        },
        RUNNING: { actions: 'begin' },
        INTERRUPTED: { target: 'resting', actions: 'begin' },
        ENDED: { target: 'ended' },
        BUSY: { guard: 'unbegun', target: 'seeking', actions: 'avoidMember' },
        LOST: { target: 'lost' },
      },
    },
    lost: {
      description: 'The member is away; it may be back at once, and then it still has the task.',
      on: {
        BACK: { target: 'open' },
        RUNNING: { actions: 'begin' },
        INTERRUPTED: { target: 'resting', actions: 'begin' },
        ENDED: { target: 'ended' },
      },
      after: {
        grace: {
          target: 'seeking',
          actions: [
            { type: 'revoke', params: ({ context }) => ({ task: context.task, member: context.member }) },
            'countHandover',
          ],
        },
      },
    },
    orphaned: {
      description: 'Taken up once, and no member is left; the next that comes gets it.',
      on: { JOINED: { target: 'seeking' } },
      after: { patience: { target: 'refused' } },
    },
    resting: {
      description: 'The task waits for its requester; only the member that has it can go on with it.',
      on: {
        ASKED: [
          { guard: { type: 'live', params: ({ event }) => event }, target: 'open' },
          { actions: { type: 'refuse', params: ({ context }) => ({ task: context.task }) } },
        ],
        ENDED: { target: 'ended' },
      },
      after: { rest: { target: 'ended' } },
    },
    ended: { type: 'final', description: 'Over, or given back to its requester.' },
    refused: {
      type: 'final',
      description: 'Nobody can serve it.',
      entry: { type: 'refuse', params: ({ context }) => ({ task: context.task }) },
    },
  },
  options: { maxIterations: 1000 },
});
