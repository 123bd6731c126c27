import { type TrialContext, trialSetup } from './trial.setup.ts';

export type { TrialContext } from './trial.setup.ts';

type At = { context: TrialContext };

const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
const because = (reason: string) => ({ type: 'keepReason' as const, params: { reason } });
const becauseOfError = {
  type: 'keepReason' as const,
  params: ({ event }: { event: { error: unknown } }) => ({ reason: textOf(event.error) }),
};
const byEvent = {
  type: 'keepReason' as const,
  params: ({ event }: { event: { reason: string } }) => ({ reason: event.reason }),
};
/** Restored: the state begins anew, its timer with the time that is left to it. */
const keepElapsed = {
  type: 'keepElapsed' as const,
  params: ({ event }: { event: { elapsedMs: number } }) => event,
};
const TOO_LATE = 'the network did not take the parameters in time';

/**
 * Parameters tried on the live network: gated, looked at before, set in a small scope, watched, set in the
 * whole scope, watched, kept; rolled back as soon as a guard breaks or the gain is not what the sandbox said. Every
 * way out once something was set leads through `keeping` or `rollingBack`.
 */
export const trialMachine = trialSetup.createMachine({
  id: 'trial',
  description: 'The trial of a proposal: small first, watched, and back on harm.',
  context: ({ input }) => ({
    ...input,
    stage: 'before',
    floors: { small: 0, wide: 0 },
    ceilings: { small: 1, wide: 1 },
    before: [],
    readings: [],
    bad: 0,
    missed: 0,
    failed: 0,
    harmful: false,
    reason: '',
    outcome: 'refused',
    elapsedMs: 0,
    ignored: 0,
  }),
  output: ({ context: { outcome, reason, before, readings, stage } }) => ({
    outcome,
    reason,
    before,
    readings,
    stage,
  }),
  initial: 'proposed',
  on: { '*': { actions: 'countIgnored' } },
  states: {
    proposed: {
      description: 'A person is asked, where the policy wants it.',
      always: { guard: 'needsNobody', target: 'gating' },
      on: {
        APPROVE: { target: 'gating', actions: 'forgetElapsed' },
        REJECT: { target: 'refused', actions: byEvent },
        CANCEL: { target: 'refused', actions: byEvent },
        RESUME: { target: 'proposed', reenter: true, actions: keepElapsed },
      },
      after: { approval: { target: 'refused', actions: because('nobody approved it in time') } },
    },
    gating: {
      description: 'Both scopes are tried in the sandbox; what they promise is what the trial is held to.',
      invoke: {
        src: 'gate',
        id: 'gate',
        input: ({ context: { id, parameters, small, wide } }: At) => ({ id, parameters, small, wide }),
        onDone: [
          {
            guard: { type: 'passed', params: ({ event }) => event.output },
            target: 'watching',
            actions: [
              { type: 'keepFloors', params: ({ event }) => event.output },
              { type: 'begin', params: { stage: 'before' } },
            ],
          },
          {
            target: 'refused',
            actions: { type: 'keepReason', params: ({ event }) => event.output },
          },
        ],
        onError: { target: 'refused', actions: becauseOfError },
      },
      on: {
        CANCEL: { target: 'refused', actions: byEvent },
        RESUME: { target: 'gating', reenter: true, actions: keepElapsed },
      },
      after: { patience: { target: 'refused', actions: because('the gate did not answer in time') } },
    },
    watching: {
      description: 'The network is looked at, before the trial and in each of its scopes.',
      initial: 'looking',
      on: {
        CANCEL: [
          { guard: 'untouched', target: 'refused', actions: byEvent },
          { target: 'rollingBack', actions: byEvent },
        ],
      },
      states: {
        looking: {
          description: 'Figures are read, and held against those of before.',
          tags: 'network',
          invoke: {
            src: 'measure',
            id: 'measure',
            input: ({ context: { id, stage, small, wide, before, readings } }: At) => ({
              id,
              stage,
              small,
              wide,
              before,
              readings,
            }),
            onDone: {
              target: 'judging',
              actions: ['forgetElapsed', { type: 'keepReading', params: ({ event }) => event.output }],
            },
            onError: { target: 'judging', actions: ['forgetElapsed', 'countMissed'] },
          },
          on: { RESUME: { target: 'looking', reenter: true, actions: keepElapsed } },
          after: { patience: { target: 'judging', actions: ['forgetElapsed', 'countMissed'] } },
        },
        judging: {
          description: 'Goes on, on to the next scope, or back.',
          always: [
            { guard: 'blindBefore', target: '#trial.refused', actions: 'blameSight' },
            { guard: 'outOfSight', target: '#trial.rollingBack', actions: 'blameSight' },
            { guard: 'harmed', target: '#trial.rollingBack', actions: 'blameHarm' },
            { guard: 'seenBefore', target: '#trial.small', actions: 'keepBefore' },
            { guard: 'stoodEverywhere', target: '#trial.keeping' },
            { guard: 'stoodSmall', target: '#trial.widened' },
            { target: 'waiting' },
          ],
        },
        waiting: {
          description: 'Until the next look.',
          tags: 'network',
          on: { RESUME: { target: 'waiting', reenter: true, actions: keepElapsed } },
          after: { interval: { target: 'looking', actions: 'forgetElapsed' } },
        },
      },
    },
    small: {
      description: 'The parameters are set in few cells, for few subscribers.',
      entry: { type: 'begin', params: { stage: 'small' } },
      initial: 'setting',
      on: { CANCEL: { target: 'rollingBack', actions: byEvent } },
      states: {
        setting: {
          description: 'The network takes the parameters.',
          invoke: {
            src: 'apply',
            id: 'applySmall',
            input: ({ context: { id, stage, small, parameters } }: At) => ({
              id,
              stage,
              scope: small,
              parameters,
            }),
            onDone: { target: 'settling', actions: 'forgetElapsed' },
            onError: { target: '#trial.rollingBack', actions: becauseOfError },
          },
          on: { RESUME: { target: 'setting', reenter: true, actions: keepElapsed } },
          after: { patience: { target: '#trial.rollingBack', actions: because(TOO_LATE) } },
        },
        settling: {
          description: 'Averages and handovers settle.',
          tags: 'network',
          on: { RESUME: { target: 'settling', reenter: true, actions: keepElapsed } },
          after: { settle: { target: '#trial.watching', actions: 'forgetElapsed' } },
        },
      },
    },
    widened: {
      description: 'The parameters are set in the whole scope.',
      entry: { type: 'begin', params: { stage: 'wide' } },
      initial: 'setting',
      on: { CANCEL: { target: 'rollingBack', actions: byEvent } },
      states: {
        setting: {
          description: 'The network takes the parameters.',
          invoke: {
            src: 'apply',
            id: 'applyWide',
            input: ({ context: { id, stage, wide, parameters } }: At) => ({
              id,
              stage,
              scope: wide,
              parameters,
            }),
            onDone: { target: 'settling', actions: 'forgetElapsed' },
            onError: { target: '#trial.rollingBack', actions: becauseOfError },
          },
          on: { RESUME: { target: 'setting', reenter: true, actions: keepElapsed } },
          after: { patience: { target: '#trial.rollingBack', actions: because(TOO_LATE) } },
        },
        settling: {
          description: 'Averages and handovers settle.',
          tags: 'network',
          on: { RESUME: { target: 'settling', reenter: true, actions: keepElapsed } },
          after: { settle: { target: '#trial.watching', actions: 'forgetElapsed' } },
        },
      },
    },
    keeping: {
      description: 'The library takes in what the trial showed; the parameters stay in any case.',
      entry: { type: 'settleAs', params: { outcome: 'kept' } },
      invoke: {
        src: 'keep',
        id: 'keep',
        input: ({ context: { id, parameters, before, readings } }: At) => ({
          id,
          parameters,
          before,
          readings,
        }),
        onDone: [
          {
            guard: { type: 'yields', params: ({ event }) => event.output },
            target: 'rollingBack',
            actions: because('another change takes precedence'),
          },
          { target: 'kept' },
        ],
        onError: { target: 'kept', actions: becauseOfError },
      },
      on: { RESUME: { target: 'keeping', reenter: true, actions: keepElapsed } },
      after: { patience: { target: 'kept', actions: because('the library did not answer in time') } },
    },
    rollingBack: {
      description: 'All that was set is taken back, as often as it takes.',
      entry: 'forgetElapsed',
      initial: 'trying',
      states: {
        trying: {
          description: 'The network takes the parameters back.',
          invoke: {
            src: 'rollBack',
            id: 'rollBack',
            input: ({ context: { id } }: At) => ({ id }),
            onDone: { target: 'done' },
            onError: { target: 'judging', actions: 'countFailed' },
          },
          on: { RESUME: { target: 'trying', reenter: true, actions: keepElapsed } },
          after: { patience: { target: 'judging', actions: 'countFailed' } },
        },
        judging: {
          description: 'Once more, or a person must see to it.',
          always: [{ guard: 'spent', target: '#trial.rollbackFailed' }, { target: 'waiting' }],
        },
        waiting: {
          description: 'Until the next attempt.',
          tags: 'network',
          on: { RESUME: { target: 'waiting', reenter: true, actions: keepElapsed } },
          after: { retry: { target: 'trying', actions: 'forgetElapsed' } },
        },
        done: {
          description: 'As it was before.',
          always: [{ guard: 'harmful', target: '#trial.withdrawing' }, { target: '#trial.rolledBack' }],
        },
      },
    },
    withdrawing: {
      description: 'The library hears that these parameters are not for such a situation.',
      invoke: {
        src: 'withdraw',
        id: 'withdraw',
        input: ({ context: { id, parameters, before, readings, reason } }: At) => ({
          id,
          parameters,
          before,
          readings,
          reason,
        }),
        onDone: { target: 'rolledBack' },
        onError: { target: 'rolledBack' },
      },
      on: { RESUME: { target: 'withdrawing', reenter: true, actions: keepElapsed } },
      after: { patience: { target: 'rolledBack' } },
    },
    kept: { type: 'final', description: 'Set everywhere, and known to help.' },
    rolledBack: {
      type: 'final',
      description: 'Nothing of it is set any more.',
      entry: { type: 'settleAs', params: { outcome: 'rolledBack' } },
    },
    rollbackFailed: {
      type: 'final',
      description: 'Some of it may still be set: a person must see to it.',
      entry: { type: 'settleAs', params: { outcome: 'rollbackFailed' } },
    },
    refused: {
      type: 'final',
      description: 'Nothing was ever set.',
      entry: { type: 'settleAs', params: { outcome: 'refused' } },
    },
  },
  options: { maxIterations: 1000 },
});
