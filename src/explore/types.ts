/** Measured facts and figures by name; units are in the names. */
export type Kpis = Readonly<Record<string, number>>;
/** What to set, by name. */
export type Parameters = Readonly<Record<string, number>>;

/** Range of one parameter; with a step it takes `min`, `min + step`, ... only. */
export interface Bound {
  min: number;
  max: number;
  step?: number | undefined;
}
export type Bounds = Readonly<Record<string, Bound>>;

/** Where parameters are set: cells by id, subscribers by SUPI. */
export interface Scope {
  cells: readonly string[];
  subscribers: readonly string[];
}

export interface Goal {
  kpi: string;
  direction: 'raise' | 'lower';
}

/** What a decision is wanted for. */
export interface Situation {
  scope: Scope;
  goal: Goal;
  kpis: Kpis;
}

/** A KPI that a change may make worse by `most` at most: of its value before, or absolutely. */
export interface Guard {
  kpi: string;
  /** The direction that is better. */
  direction: 'raise' | 'lower';
  most: number;
  by: 'ratio' | 'difference';
}

/** What a proposal must keep to, and what may be spent on finding it. */
export interface Limits {
  guards: readonly Guard[];
  /** Most cells and subscribers that a change may touch. */
  blast: { cells: number; subscribers: number };
  /** Scopes beyond which a person must say yes; absent, nobody is asked. */
  approval?: { cellsAbove: number; subscribersAbove: number } | undefined;
  /** Relative gain of the goal that is worth a change. */
  leastGain: number;
  /** Evaluations of the sandbox that one decision may take, the gate's included. */
  evaluations: number;
  /** Network time of one evaluation, s. */
  seconds: number;
  /** Futures on which the gate compares, 5 or more. */
  futures: number;
  /** Whether expert rules too are tried in the sandbox before they count. */
  tryRules: boolean;
}

/** A mean with its 95 % confidence interval over `n` paired futures. Relative to the value before. */
export interface Interval {
  mean: number;
  low: number;
  high: number;
  n: number;
}

/** What a change did, or is expected to do. Times are ms since the epoch. */
export interface Evidence {
  where: 'sandbox' | 'live';
  at: number;
  kpi: string;
  before: number;
  after: number;
  gain: Interval;
  /** Worst use of a guard, 1 = all that it allows. */
  harm: number;
}

export type Source = 'rule' | 'experience' | 'explorer';

/** What was looked at on the way to a decision, in order. */
export interface Considered {
  source: Source;
  id: string;
  verdict: string;
}

export interface Decision {
  source: Source | 'none';
  /** Rule, case, or `search` / `proposer`. */
  id: string;
  parameters: Parameters | null;
  scope: Scope;
  reason: string;
  /** Relative gain of the goal; null where nothing was evaluated. */
  expected: Interval | null;
  evidence: Evidence[];
  /** A person has to say yes before it is tried. */
  approval: boolean;
  considered: Considered[];
  /** Evaluations of the sandbox that it took. */
  evaluations: number;
}

/** A copy of the network as it is now: parameters set there touch nobody. */
export interface Sandbox {
  /**
   * KPIs of the scope over `seconds` of the future drawn by `seed`; the same arguments give the same.
   * Rejects with EXPLORE_SANDBOX_FAILED, or the reason of the signal.
   */
  evaluate(
    parameters: Parameters,
    options: { scope: Scope; seconds: number; seed: number; signal?: AbortSignal | undefined },
  ): Promise<Kpis>;
}

/** Makes copies of the network as it is when it is asked. */
export interface Sandboxes {
  /** @throws EXPLORE_SANDBOX_NONE where the network cannot be copied. */
  open(): OpenSandbox;
}
export interface OpenSandbox extends Sandbox {
  /** Evaluations on the way are refused. */
  close(): void;
}

/** The network itself. */
export interface Live {
  /** Sets parameters under an id; what the id set before is replaced. */
  apply(id: string, parameters: Parameters, scope: Scope): Promise<void>;
  /** Takes back what the id set, which may be nothing. */
  undo(id: string): Promise<void>;
  /** KPIs of the scope over the next `seconds` of network time. */
  measure(scope: Scope, seconds: number, signal: AbortSignal): Promise<Kpis>;
}

/** Arbitration with other changes of the network: what a trial sets, nobody else sets otherwise. */
export interface Claims {
  /** Claims what is set in the scope. Why not, or null. */
  hold(id: string, parameters: Parameters, scope: Scope): string | null;
  /** At each look. Why the trial must yield, or null. */
  renew(id: string): string | null;
  /** It stays in the network. False: it must yield. */
  keep(id: string): boolean;
  release(id: string): void;
}

/** A model that proposes parameters. What it answers is data: it is checked like any stranger's. */
export interface Proposer {
  propose(question: { situation: Situation; bounds: Bounds }, signal?: AbortSignal): Promise<unknown>;
}
