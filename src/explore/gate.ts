import { fail } from '../errors.ts';
import { harmOf, meanOf, noiseOf, pairedGain, unpairedGain } from './statistics.ts';
import type { Evidence, Interval, Kpis, Limits, Parameters, Sandbox, Scope, Situation } from './types.ts';

/** A change against none, on the same futures. */
export interface Comparison {
  before: number;
  after: number;
  gain: Interval;
  /** The same as if the futures were no pairs: what a look before and one after may differ by. */
  apart: Interval;
  /** Worst use of a guard, 1 = all that it allows, and which one. */
  harm: number;
  harmed: string;
  /** How much of what a guard allows may come and go between two times for no reason. */
  noise: number;
}

/** A sandbox for one situation: counts evaluations, and keeps those of the network as it is. */
export class Futures {
  evaluations = 0;
  readonly #sandbox: Sandbox;
  readonly #situation: Situation;
  readonly #limits: Limits;
  readonly #signal: AbortSignal | undefined;
  readonly #untouched = new Map<number, Kpis>();

  constructor(sandbox: Sandbox, situation: Situation, limits: Limits, signal?: AbortSignal) {
    this.#sandbox = sandbox;
    this.#situation = situation;
    this.#limits = limits;
    this.#signal = signal;
  }

  /** What `parameters` do to goal and guards on the futures of these seeds. @throws EXPLORE_INPUT_INVALID for a KPI that is none. */
  async compare(parameters: Parameters, seeds: readonly number[]): Promise<Comparison> {
    const before: Kpis[] = [];
    const after: Kpis[] = [];
    for (const seed of seeds) {
      let untouched = this.#untouched.get(seed);
      if (untouched === undefined) {
        untouched = await this.#evaluate({}, seed);
        this.#checkNames(untouched);
        this.#untouched.set(seed, untouched);
      }
      before.push(untouched);
      after.push(await this.#evaluate(parameters, seed));
    }
    return compared(this.#situation, this.#limits, before, after);
  }

  #checkNames(kpis: Kpis): void {
    const { kpi } = this.#situation.goal;
    const missing = [kpi, ...this.#limits.guards.map((guard) => guard.kpi)].find((name) => !(name in kpis));
    if (missing !== undefined) throw fail('EXPLORE_INPUT_INVALID', { problem: `there is no KPI ${missing}` });
  }

  #evaluate(parameters: Parameters, seed: number): Promise<Kpis> {
    this.evaluations++;
    const { scope } = this.#situation;
    const { seconds } = this.#limits;
    return this.#sandbox.evaluate(parameters, { scope, seconds, seed, signal: this.#signal });
  }
}

/** Gain and harm of KPIs on the same futures, or, of unequal number, before and after. */
export function compared(
  { goal }: Pick<Situation, 'goal'>,
  { guards }: Pick<Limits, 'guards'>,
  before: readonly Kpis[],
  after: readonly Kpis[],
  paired = true,
): Comparison {
  const of = (list: readonly Kpis[], kpi: string) => list.map((kpis) => kpis[kpi] ?? 0);
  const harms = guards.map((guard) => ({
    kpi: guard.kpi,
    harm: harmOf(guard, of(before, guard.kpi), of(after, guard.kpi)),
  }));
  const goals = [of(before, goal.kpi), of(after, goal.kpi), goal.direction] as const;
  const apart = unpairedGain(...goals);
  const worst = harms.reduce((a, b) => (b.harm > a.harm ? b : a), { kpi: '', harm: 0 });
  return {
    before: meanOf(goals[0]),
    after: meanOf(goals[1]),
    gain: paired ? pairedGain(...goals) : apart,
    apart,
    harm: worst.harm,
    harmed: worst.kpi,
    noise: Math.max(0, ...guards.map((guard) => noiseOf(guard, of(before, guard.kpi), of(after, guard.kpi)))),
  };
}

const percent = (ratio: number) => `${(100 * ratio).toFixed(1)} %`;

/** Why a compared change may not be tried; empty where it may. */
export function gate({ gain, harm, harmed }: Comparison, limits: Limits): string[] {
  const problems: string[] = [];
  if (!(gain.low > 0)) {
    problems.push(
      `the gain is not certain: ${percent(gain.mean)}, from ${percent(gain.low)} to ${percent(gain.high)}`,
    );
  } else if (gain.mean < limits.leastGain) {
    problems.push(`a gain of ${percent(gain.mean)} is below ${percent(limits.leastGain)}`);
  }
  if (harm > 1) problems.push(`${harmed} gets worse by ${percent(harm)} of what is allowed`);
  return problems;
}

/** Why a scope may not be touched at all; null where it may. */
export function blastProblem({ cells, subscribers }: Scope, { blast }: Limits): string | null {
  if (cells.length > blast.cells) return `${cells.length} cells are more than the ${blast.cells} allowed`;
  if (subscribers.length > blast.subscribers) {
    return `${subscribers.length} subscribers are more than the ${blast.subscribers} allowed`;
  }
  return null;
}

/** Whether the policy wants a person's yes. */
export const needsApproval = ({ cells, subscribers }: Scope, { approval }: Limits): boolean =>
  approval !== undefined &&
  (cells.length > approval.cellsAbove || subscribers.length > approval.subscribersAbove);

export const evidenceOf = (
  where: Evidence['where'],
  at: number,
  kpi: string,
  { before, after, gain, harm }: Comparison,
): Evidence => ({ where, at, kpi, before, after, gain, harm });
