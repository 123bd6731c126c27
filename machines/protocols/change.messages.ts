/** What a change is judged by: a figure that is read before and after. */
export interface KpiGuard {
  /** Bad below this figure, or above it; or that much worse than before the change. One of the three. */
  below?: number;
  above?: number;
  worseBy?: number;
  /** Which way is good, for `worseBy`. */
  better: 'higher' | 'lower';
  /** A look counts as good again only this far on the good side of the limit. */
  clear: number;
  /** Looks after which the change is kept. */
  looks: number;
  /** Bad looks in a row that roll it back. */
  bad: number;
  /** Looks in a row that may fail before the change counts as out of sight and is rolled back. */
  missed: number;
  periodMs: number;
}

/** How far a change reaches, as `src/change/blast.ts` finds it. */
export interface ReachVerdict {
  verdict: 'within' | 'approve' | 'refuse';
  text: string;
}

/** What arbitration says. */
export type ClaimVerdict =
  | { state: 'held' }
  | { state: 'waiting'; text: string }
  | { state: 'refused'; text: string };

export interface RehearsalVerdict {
  ok: boolean;
  text: string;
  /** What a human must approve, where the tool server says so. */
  approval?: { plan: string; question: string };
}

export interface ApprovalVerdict {
  approved: boolean;
  text: string;
  /** Token that the tool server wants with the call. */
  token?: string;
}

/** `unknown`: it may or may not have been executed. */
export type ApplyVerdict =
  | { state: 'applied'; result: unknown }
  | { state: 'refused'; text: string }
  | { state: 'unknown'; text: string };

/** A figure, and when it was read, ms. `whole` is all that was read. */
export interface Look {
  value: number;
  at: number;
  whole?: unknown;
}

export type ChangeOutcome = 'kept' | 'rolledBack' | 'rollbackFailed' | 'refused' | 'rehearsed';

export type ChangeEvent =
  /** Another change takes precedence. */
  | { type: 'PREEMPTED'; text: string }
  | { type: 'CANCEL' }
  /** Restored from a snapshot that is this old: the timer of the state goes on from there. */
  | { type: 'RESUME'; elapsedMs: number };

/**
 * What one look says. Between the limit and the clear side of it, it says nothing: it ends no run of bad looks and
 * begins none.
 */
export function verdictOf(guard: KpiGuard, before: number, value: number): 'bad' | 'good' | 'between' {
  const { below, above, worseBy = 0, better, clear } = guard;
  const lowIsBad = below !== undefined || (above === undefined && better === 'higher');
  const limit = below ?? above ?? (lowIsBad ? before - worseBy : before + worseBy);
  const margin = lowIsBad ? value - limit : limit - value;
  if (margin < 0) return 'bad';
  return margin >= clear ? 'good' : 'between';
}
