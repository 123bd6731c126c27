import { assign, setup } from 'xstate';
import { effect } from '../effects.ts';
import {
  type TrialEvent,
  type TrialGate,
  type TrialInput,
  type TrialOutcome,
  type TrialOutput,
  type TrialReading,
  type TrialScope,
  type TrialStage,
  trialVerdict,
} from './trial.messages.ts';

export interface TrialContext extends TrialInput {
  stage: TrialStage;
  floors: TrialGate['floors'];
  ceilings: TrialGate['ceilings'];
  before: TrialReading[];
  /** Of the present stage. */
  readings: TrialReading[];
  bad: number;
  missed: number;
  /** Attempts to roll back that failed. */
  failed: number;
  /** It did harm, or not what the sandbox said: the library must hear of it. */
  harmful: boolean;
  reason: string;
  outcome: TrialOutcome;
  elapsedMs: number;
  ignored: number;
}

/** Looks enough, and the last one not bad: a run of bad ones may have only just begun. */
const stood = ({ readings, looks, bad }: TrialContext) => readings.length >= looks && bad === 0;
const left = (ms: number, { elapsedMs }: TrialContext) => Math.max(0, ms - elapsedMs);

export const trialSetup = setup({
  types: {
    context: {} as TrialContext,
    events: {} as TrialEvent,
    input: {} as TrialInput,
    output: {} as TrialOutput,
    /** It waits for the network: time must pass there. */
    tags: {} as 'network',
  },
  actors: {
    gate: effect<TrialGate, Pick<TrialInput, 'id' | 'parameters' | 'small' | 'wide'>>('gate'),
    /** Sets the parameters in the scope; the same id again replaces what it set before. */
    apply: effect<
      void,
      { id: string; stage: TrialStage; scope: TrialScope; parameters: TrialInput['parameters'] }
    >('apply'),
    measure: effect<
      TrialReading,
      Pick<TrialContext, 'id' | 'stage' | 'small' | 'wide' | 'before' | 'readings'>
    >('measure'),
    /** Takes back all that the id set; nothing to take back is no failure. */
    rollBack: effect<void, { id: string }>('rollBack'),
    /** False where another change took precedence in the last moment. */
    keep: effect<{ held: boolean }, Pick<TrialContext, 'id' | 'parameters' | 'before' | 'readings'>>('keep'),
    withdraw: effect<void, Pick<TrialContext, 'id' | 'parameters' | 'before' | 'readings' | 'reason'>>(
      'withdraw',
    ),
  },
  guards: {
    needsNobody: ({ context }) => !context.approval,
    passed: (_, params: TrialGate) => params.verdict === 'pass',
    untouched: ({ context }) => context.stage === 'before',
    blindBefore: ({ context }) => context.stage === 'before' && context.missed >= context.missedRun,
    seenBefore: ({ context }) => context.stage === 'before' && context.readings.length >= context.looks,
    /** Looks that never settle on good are bad in the end. */
    harmed: ({ context }) =>
      context.bad >= context.badRun || (context.bad > 0 && context.readings.length >= 3 * context.looks),
    outOfSight: ({ context }) => context.missed >= context.missedRun,
    stoodSmall: ({ context }) => context.stage === 'small' && stood(context),
    stoodEverywhere: ({ context }) =>
      stood(context) &&
      (context.stage === 'wide' ||
        (context.stage === 'small' && JSON.stringify(context.small) === JSON.stringify(context.wide))),
    yields: (_, params: { held: boolean }) => !params.held,
    spent: ({ context }) => context.failed >= context.attempts,
    harmful: ({ context }) => context.harmful,
  },
  actions: {
    keepFloors: assign({
      floors: (_, params: TrialGate) => params.floors,
      ceilings: (_, params: TrialGate) => params.ceilings,
    }),
    keepReason: assign({ reason: (_, params: { reason: string }) => params.reason }),
    begin: assign((_, params: { stage: TrialStage }) => ({
      stage: params.stage,
      readings: [],
      bad: 0,
      missed: 0,
      elapsedMs: 0,
    })),
    keepBefore: assign({ before: ({ context }) => context.readings }),
    keepReading: assign(({ context }, params: TrialReading) => {
      const { stage, floors, ceilings, clearHarm } = context;
      const verdict =
        stage === 'before'
          ? 'good'
          : trialVerdict(params, { floor: floors[stage], ceiling: ceilings[stage], clearHarm });
      return {
        readings: [...context.readings, params],
        missed: 0,
        bad: verdict === 'bad' ? context.bad + 1 : verdict === 'good' ? 0 : context.bad,
      };
    }),
    countMissed: assign({ missed: ({ context }) => context.missed + 1 }),
    blameHarm: assign(({ context }) => {
      const { gain, harm } = context.readings.at(-1) as TrialReading;
      const stage = context.stage as 'small' | 'wide';
      return {
        harmful: true,
        reason:
          harm > context.ceilings[stage]
            ? `a guard is broken: ${harm.toFixed(2)} of what is allowed`
            : `the gain is ${(100 * gain).toFixed(1)} %, the sandbox said at least ${(100 * context.floors[stage]).toFixed(1)} %`,
      };
    }),
    blameSight: assign({ reason: ({ context }) => `${context.missed} looks in a row failed` }),
    countFailed: assign({ failed: ({ context }) => context.failed + 1 }),
    keepElapsed: assign({ elapsedMs: (_, params: { elapsedMs: number }) => params.elapsedMs }),
    forgetElapsed: assign({ elapsedMs: 0 }),
    settleAs: assign({ outcome: (_, params: { outcome: TrialOutcome }) => params.outcome }),
    countIgnored: assign({ ignored: ({ context }) => context.ignored + 1 }),
  },
  delays: {
    approval: ({ context }) => left(context.times.approvalMs, context),
    interval: ({ context }) => left(context.times.intervalMs, context),
    settle: ({ context }) => left(context.times.settleMs, context),
    patience: ({ context }) => left(context.times.patienceMs, context),
    retry: ({ context }) => left(context.times.retryMs, context),
  },
});
