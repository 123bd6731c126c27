/** Where parameters are set. */
export interface TrialScope {
  cells: readonly string[];
  subscribers: readonly string[];
}

/** `before` is the time in which nothing is set yet. */
export type TrialStage = 'before' | 'small' | 'wide';

/** What a look at the network says: figures of both scopes; gain and harm of the stage up to now. */
export interface TrialReading {
  kpis: Readonly<Record<'small' | 'wide', Readonly<Record<string, number>>>>;
  /** Relative gain of the goal against the time before, in its direction; 0 in the stage `before`. */
  gain: number;
  /** Worst use of a guard: 1 is all that is allowed. */
  harm: number;
}

/**
 * What the gate says. Floors are the least gains that do not contradict the sandbox, ceilings the most harm
 * that chance explains, given how much a scope of this size differs from one time to another.
 */
export interface TrialGate {
  verdict: 'pass' | 'refuse';
  reason: string;
  floors: { small: number; wide: number };
  ceilings: { small: number; wide: number };
}

export interface TrialTimes {
  /** From one look to the next. */
  intervalMs: number;
  /** From a change to the first look after it. */
  settleMs: number;
  /** Within which an effect answers. */
  patienceMs: number;
  /** Within which a person says yes. */
  approvalMs: number;
  /** From one attempt to roll back to the next. */
  retryMs: number;
}

export interface TrialInput {
  id: string;
  parameters: Readonly<Record<string, number>>;
  small: TrialScope;
  wide: TrialScope;
  /** A person has to say yes first. */
  approval: boolean;
  times: TrialTimes;
  /** Looks of a stage. */
  looks: number;
  /** Bad looks in a row that roll it back, and looks in a row that may fail before it counts as out of sight. */
  badRun: number;
  missedRun: number;
  /** A look is good again only below this share of the ceiling: what swings around the limit does not reset the count. */
  clearHarm: number;
  /** Attempts to roll back. */
  attempts: number;
}

export type TrialOutcome = 'kept' | 'rolledBack' | 'rollbackFailed' | 'refused';

export interface TrialOutput {
  outcome: TrialOutcome;
  reason: string;
  /** Last looks of the stages that were reached. */
  before: TrialReading[];
  readings: TrialReading[];
  stage: TrialStage;
}

export type TrialEvent =
  | { type: 'APPROVE'; by: string }
  | { type: 'REJECT'; reason: string }
  | { type: 'CANCEL'; reason: string }
  /** Restored from a snapshot that is this old: its timer goes on from there, effects begin again. */
  | { type: 'RESUME'; elapsedMs: number };

/** Between bad and good a look says nothing: it ends no run of bad looks and begins none. */
export function trialVerdict(
  { gain, harm }: Pick<TrialReading, 'gain' | 'harm'>,
  { floor, ceiling, clearHarm }: { floor: number; ceiling: number; clearHarm: number },
): 'bad' | 'good' | 'between' {
  if (harm > ceiling || gain < floor) return 'bad';
  return harm <= clearHarm * ceiling ? 'good' : 'between';
}
