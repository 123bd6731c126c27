import { assign, setup } from 'xstate';
import { effect } from '../effects.ts';

/** What the terminal measures of its serving 5G cell. */
export interface RadioLevels {
  rsrpDbm: number;
  sinrDb: number;
}

export interface HandoverInput {
  supi: string;
  /** Weak coverage: one of the two is lower. */
  toStandbyBelow: RadioLevels;
  /** Good again: both are higher. */
  returnAbove: RadioLevels;
  /** The condition must hold that long before the switch, ms (TS 38.331 5.5.4: time to trigger). */
  holdMs: number;
}

export type HandoverEvent = { type: 'MEASURED'; levels: RadioLevels } | { type: 'END' };

interface Context extends HandoverInput {
  switches: number;
  /** Switches in a row that did not work. */
  failures: number;
  reason: string;
  ignored: number;
}

/** Attempts in a row before the switch-over counts as broken. */
const ATTEMPTS = 3;

/** A switch that takes longer counts as failed. */
const SWITCH_MS = 10_000;

const problemOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** Switch-over to the standby network in weak coverage, and back: preset before, taken when it is needed. */
export const handoverMachine = setup({
  types: {
    context: {} as Context,
    events: {} as HandoverEvent,
    input: {} as HandoverInput,
    output: {} as { switches: number; reason: string },
  },
  actors: {
    preset: effect<void, HandoverInput>('preset'),
    switchNetwork: effect<void, { supi: string; to: 'standby' | 'home' }>('switchNetwork'),
  },
  actions: {
    countSwitch: assign({ switches: ({ context }) => context.switches + 1, failures: 0 }),
    countFailure: assign({
      failures: ({ context }) => context.failures + 1,
      reason: (_, params: { error: unknown }) => problemOf(params.error),
    }),
    countIgnored: assign({ ignored: ({ context }) => context.ignored + 1 }),
  },
  guards: {
    weak: ({ context: { toStandbyBelow } }, { levels }: { levels: RadioLevels }) =>
      levels.rsrpDbm < toStandbyBelow.rsrpDbm || levels.sinrDb < toStandbyBelow.sinrDb,
    good: ({ context: { returnAbove } }, { levels }: { levels: RadioLevels }) =>
      levels.rsrpDbm > returnAbove.rsrpDbm && levels.sinrDb > returnAbove.sinrDb,
    lastAttempt: ({ context }) => context.failures + 1 >= ATTEMPTS,
  },
  delays: { hold: ({ context }) => context.holdMs, switchTime: SWITCH_MS },
}).createMachine({
  id: 'handover',
  description: 'One terminal between its 5G cell and the standby network.',
  context: ({ input }) => ({ ...input, switches: 0, failures: 0, reason: '', ignored: 0 }),
  output: ({ context: { switches, reason } }) => ({ switches, reason }),
  initial: 'presetting',
  on: { '*': { actions: 'countIgnored' } },
  states: {
    presetting: {
      description: 'Sets the conditions in the network before departure.',
      invoke: {
        src: 'preset',
        id: 'preset',
        input: ({ context: { supi, toStandbyBelow, returnAbove, holdMs } }) => ({
          supi,
          toStandbyBelow,
          returnAbove,
          holdMs,
        }),
        onDone: { target: 'armed' },
        onError: {
          target: 'failed',
          actions: { type: 'countFailure', params: ({ event }) => event },
        },
      },
      on: { END: { target: 'ended' } },
    },
    armed: {
      description: 'On 5G; weak coverage would switch.',
      initial: 'good',
      on: { END: { target: 'ended' } },
      states: {
        good: {
          description: 'Coverage is good enough.',
          on: { MEASURED: { target: 'weak', guard: { type: 'weak', params: ({ event }) => event } } },
        },
        weak: {
          description: 'Coverage is weak; it may be for a moment only.',
          on: {
            MEASURED: [{ guard: { type: 'weak', params: ({ event }) => event } }, { target: 'good' }],
          },
          after: { hold: { target: '#handover.switching' } },
        },
      },
    },
    switching: {
      description: 'Moves the terminal to the standby network.',
      invoke: {
        src: 'switchNetwork',
        id: 'switchNetwork',
        input: ({ context: { supi } }) => ({ supi, to: 'standby' }),
        onDone: { target: 'switched', actions: 'countSwitch' },
        onError: [
          {
            target: 'failed',
            guard: 'lastAttempt',
            actions: { type: 'countFailure', params: ({ event }) => event },
          },
          { target: 'armed', actions: { type: 'countFailure', params: ({ event }) => event } },
        ],
      },
      after: {
        switchTime: [
          {
            target: 'failed',
            guard: 'lastAttempt',
            actions: { type: 'countFailure', params: { error: 'it took too long' } },
          },
          { target: 'armed', actions: { type: 'countFailure', params: { error: 'it took too long' } } },
        ],
      },
    },
    switched: {
      description: 'On the standby network.',
      initial: 'away',
      on: { END: { target: 'ended' } },
      states: {
        away: {
          description: '5G is not good enough to return.',
          on: { MEASURED: { target: 'better', guard: { type: 'good', params: ({ event }) => event } } },
        },
        better: {
          description: '5G is good again; it may be for a moment only.',
          on: {
            MEASURED: [{ guard: { type: 'good', params: ({ event }) => event } }, { target: 'away' }],
          },
          after: { hold: { target: '#handover.returning' } },
        },
      },
    },
    returning: {
      description: 'Moves the terminal back to 5G.',
      invoke: {
        src: 'switchNetwork',
        id: 'returnNetwork',
        input: ({ context: { supi } }) => ({ supi, to: 'home' }),
        onDone: { target: 'armed', actions: 'countSwitch' },
        onError: [
          {
            target: 'failed',
            guard: 'lastAttempt',
            actions: { type: 'countFailure', params: ({ event }) => event },
          },
          { target: 'switched', actions: { type: 'countFailure', params: ({ event }) => event } },
        ],
      },
      after: {
        switchTime: [
          {
            target: 'failed',
            guard: 'lastAttempt',
            actions: { type: 'countFailure', params: { error: 'it took too long' } },
          },
          { target: 'switched', actions: { type: 'countFailure', params: { error: 'it took too long' } } },
        ],
      },
    },
    ended: { type: 'final', description: 'The trip is over; the preset is no longer needed.' },
    failed: { type: 'final', description: 'The switch-over does not work: other measures must help.' },
  },
  options: { maxIterations: 1000 },
});
