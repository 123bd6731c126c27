import { assign, setup } from 'xstate';
import { hostAction } from '../effects.ts';

export interface RestartPolicy {
  /** Restarts allowed in one period; one more crash gives up. */
  intensity: number;
  /** Length of that period, ms. */
  periodMs: number;
  /** Pause before the first restart, ms; doubles with each crash in the period. */
  backoffMs: number;
  maxBackoffMs: number;
}

export const DEFAULT_RESTARTS: RestartPolicy = {
  intensity: 5,
  periodMs: 60_000,
  backoffMs: 100,
  maxBackoffMs: 10_000,
};

export type SupervisionEvent =
  /** `at`: when it crashed, ms since the epoch. */
  { type: 'CRASHED'; at: number; reason: string } | { type: 'STOP' };

interface Context extends RestartPolicy {
  /** Times of the crashes in the current period. */
  crashes: number[];
  reason: string;
  ignored: number;
}

const recent = ({ crashes, periodMs }: Context, at: number) => crashes.filter((time) => at - time < periodMs);

/** Supervision of one root actor: restart it fresh, with growing pauses, and give up when that does not help. */
export const supervisionMachine = setup({
  types: {
    context: {} as Context,
    events: {} as SupervisionEvent,
    input: {} as RestartPolicy,
    output: {} as { reason: string },
  },
  actions: {
    startFresh: hostAction('startFresh'),
    stopSupervised: hostAction('stopSupervised'),
    tellGivenUp: hostAction<{ reason: string; crashes: number }>('tellGivenUp'),
    keepCrash: assign({
      crashes: ({ context }, params: { at: number; reason: string }) => [
        ...recent(context, params.at),
        params.at,
      ],
      reason: (_, params) => params.reason,
    }),
    countIgnored: assign({ ignored: ({ context }) => context.ignored + 1 }),
  },
  guards: {
    exhausted: ({ context }, params: { at: number }) =>
      recent(context, params.at).length >= context.intensity,
  },
  delays: {
    backoff: ({ context }) =>
      Math.min(context.maxBackoffMs, context.backoffMs * 2 ** Math.max(0, context.crashes.length - 1)),
  },
}).createMachine({
  id: 'supervision',
  description: 'Keeps one actor alive.',
  context: ({ input }) => ({ ...input, crashes: [], reason: '', ignored: 0 }),
  output: ({ context }) => ({ reason: context.reason }),
  initial: 'running',
  on: { STOP: { target: '.stopped' }, '*': { actions: 'countIgnored' } },
  states: {
    running: {
      description: 'The actor was started fresh and works.',
      entry: 'startFresh',
      on: {
        CRASHED: [
          {
            target: 'givenUp',
            guard: { type: 'exhausted', params: ({ event }) => event },
            actions: { type: 'keepCrash', params: ({ event }) => event },
          },
          { target: 'backingOff', actions: { type: 'keepCrash', params: ({ event }) => event } },
        ],
      },
    },
    backingOff: {
      description: 'The actor crashed; it is started again after a pause.',
      after: { backoff: { target: 'running' } },
    },
    givenUp: {
      type: 'final',
      description: 'It crashed too often: someone has to look.',
      entry: {
        type: 'tellGivenUp',
        params: ({ context }) => ({ reason: context.reason, crashes: context.crashes.length }),
      },
    },
    stopped: { type: 'final', description: 'Ended on purpose.', entry: 'stopSupervised' },
  },
  options: { maxIterations: 1000 },
});
