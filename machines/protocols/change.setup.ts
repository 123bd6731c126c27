import { assign, setup } from 'xstate';
import { effect } from '../effects.ts';
import {
  type ApplyVerdict,
  type ApprovalVerdict,
  type ChangeEvent,
  type ChangeOutcome,
  type ClaimVerdict,
  type KpiGuard,
  type Look,
  type ReachVerdict,
  type RehearsalVerdict,
  verdictOf,
} from './change.messages.ts';

export interface ChangeInput {
  /** Names the change, also after a restart; every effect is idempotent by it. */
  key: string;
  guard: KpiGuard;
  /** Stop after the rehearsal. */
  onlyRehearse: boolean;
  /** Whether the undo can be written without the result of the change. */
  undoBlind: boolean;
  /** Time between two questions to arbitration, ms. */
  claimAgainMs: number;
  approvalMs: number;
  /** Limit of one effect on the network, ms. */
  effectMs: number;
  /** Before an effect that is in doubt or failed is tried again under the same key, ms. */
  againMs: number;
}

export interface ChangeContext extends ChangeInput {
  needsApproval: boolean;
  reach: string;
  rehearsal: RehearsalVerdict;
  token: string;
  before: Look | null;
  result: unknown;
  looks: Look[];
  seen: number;
  badRun: number;
  missedRun: number;
  tries: number;
  /** Why it must not stay, heard while it was being applied. */
  stopping: string;
  outcome: ChangeOutcome;
  reason: string;
  /** Time of the present state that had passed before a restart, ms. */
  elapsedMs: number;
  ignored: number;
}

export interface ChangeOutput {
  outcome: ChangeOutcome;
  reason: string;
  reach: string;
  before: Look | null;
  looks: Look[];
  result: unknown;
}

/** Tries of an effect in all, under one key. */
const TRIES = 3;
/** Looks that are kept as evidence. */
const KEPT_LOOKS = 100;
export const problemOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
const left = (ms: number, { elapsedMs }: ChangeContext) => Math.max(0, ms - elapsedMs);
const plain = ({ value, at }: Look): Look => ({ value, at });

/** Effects, names and judgements of the `change` chart. */
export const changeSetup = setup({
  types: {
    context: {} as ChangeContext,
    events: {} as ChangeEvent,
    input: {} as ChangeInput,
    output: {} as ChangeOutput,
  },
  actors: {
    measure: effect<ReachVerdict, { key: string }>('measure'),
    /** All claims of the change, or none. */
    claim: effect<ClaimVerdict, { key: string }>('claim'),
    rehearse: effect<RehearsalVerdict, { key: string }>('rehearse'),
    approve: effect<ApprovalVerdict, { key: string; reach: string; rehearsal: RehearsalVerdict }>('approve'),
    look: effect<Look, { key: string; number: number }>('look'),
    apply: effect<ApplyVerdict, { key: string; token: string }>('apply'),
    undo: effect<void, { key: string; result: unknown; before: Look | null }>('undo'),
    /** Gives the claims back, or keeps them for the time of a change that stays. */
    release: effect<void, { key: string; outcome: ChangeOutcome; result: unknown; before: Look | null }>(
      'release',
    ),
  },
  actions: {
    keepReach: assign({
      reach: (_, params: ReachVerdict) => params.text,
      needsApproval: (_, params: ReachVerdict) => params.verdict === 'approve',
    }),
    keepRehearsal: assign({
      rehearsal: (_, params: RehearsalVerdict) => params,
      needsApproval: ({ context }, params: RehearsalVerdict) =>
        context.needsApproval || params.approval !== undefined,
    }),
    keepRehearsed: assign({ outcome: 'rehearsed', reason: (_, params: { text: string }) => params.text }),
    keepToken: assign({ token: (_, params: ApprovalVerdict) => params.token ?? '' }),
    keepBefore: assign({ before: (_, params: Look) => params, tries: 0 }),
    keepResult: assign({ result: (_, params: { result: unknown }) => params.result, tries: 0, elapsedMs: 0 }),
    keepLook: assign({
      looks: ({ context }, params: Look) => [...context.looks, plain(params)].slice(-KEPT_LOOKS),
      seen: ({ context }) => context.seen + 1,
      missedRun: 0,
      elapsedMs: 0,
      badRun: ({ context }, params: Look) => {
        const verdict = verdictOf(context.guard, context.before?.value ?? params.value, params.value);
        if (verdict === 'between') return context.badRun;
        return verdict === 'bad' ? context.badRun + 1 : 0;
      },
    }),
    countMissed: assign({
      missedRun: ({ context }) => context.missedRun + 1,
      seen: ({ context }) => context.seen + 1,
      elapsedMs: 0,
    }),
    countTry: assign({ tries: ({ context }) => context.tries + 1, elapsedMs: 0 }),
    keepElapsed: assign({ elapsedMs: (_, params: { elapsedMs: number }) => params.elapsedMs }),
    beginAgain: assign({ elapsedMs: 0 }),
    keepStopping: assign({ stopping: (_, params: { text: string }) => params.text }),
    keepRefusal: assign({ outcome: 'refused', reason: (_, params: { text: string }) => params.text }),
    keepKept: assign({
      outcome: 'kept',
      reason: ({ context }) => `The figure held over ${context.seen} looks.`,
    }),
    keepUndone: assign({ outcome: 'rolledBack', elapsedMs: 0 }),
    keepNotUndone: assign({
      outcome: 'rollbackFailed',
      reason: ({ context }, params: { text: string }) => `${context.reason} ${params.text}`.trim(),
    }),
    /** Why it goes back. */
    keepReason: assign({ reason: (_, params: { text: string }) => params.text, tries: 0, elapsedMs: 0 }),
    keepHarm: assign({
      reason: ({ context }) =>
        context.missedRun >= context.guard.missed
          ? `The figure could not be read ${context.missedRun} times in a row.`
          : `The figure was bad in ${context.badRun} looks in a row: ${context.looks.at(-1)?.value}, before ${context.before?.value}.`,
      tries: 0,
      elapsedMs: 0,
    }),
    /** Leaving the state stops what is under way. */
    stopWork: () => undefined,
    countIgnored: assign({ ignored: ({ context }) => context.ignored + 1 }),
  },
  guards: {
    isTooWide: (_, params: ReachVerdict) => params.verdict === 'refuse',
    isHeld: (_, params: ClaimVerdict) => params.state === 'held',
    isWaiting: (_, params: ClaimVerdict) => params.state === 'waiting',
    failedRehearsal: (_, params: RehearsalVerdict) => !params.ok,
    onlyRehearsal: ({ context }) => context.onlyRehearse,
    wantsApproval: ({ context }, params: RehearsalVerdict) =>
      context.needsApproval || params.approval !== undefined,
    isApproved: (_, params: ApprovalVerdict) => params.approved,
    isAppliedInVain: ({ context }, params: ApplyVerdict) =>
      params.state === 'applied' && context.stopping !== '',
    isApplied: (_, params: ApplyVerdict) => params.state === 'applied',
    isNotApplied: (_, params: ApplyVerdict) => params.state === 'refused',
    mayTryAgain: ({ context }) => context.tries + 1 < TRIES,
    canUndoBlind: ({ context }) => context.undoBlind,
    isHarm: ({ context }) => context.badRun >= context.guard.bad || context.missedRun >= context.guard.missed,
    /** Long enough, and the last word was not a bad one. */
    isProven: ({ context }) =>
      context.seen >= context.guard.looks && context.badRun === 0 && context.missedRun === 0,
    isUnclear: ({ context }) => context.seen >= context.guard.looks + context.guard.bad,
    endsAs: ({ context }, params: { outcome: ChangeOutcome }) => context.outcome === params.outcome,
  },
  delays: {
    claimAgain: ({ context }) => left(context.claimAgainMs, context),
    approval: ({ context }) => left(context.approvalMs, context),
    effect: ({ context }) => left(context.effectMs, context),
    again: ({ context }) => left(context.againMs, context),
    period: ({ context }) => left(context.guard.periodMs, context),
  },
});
