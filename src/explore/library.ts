import type { Clock, Ids } from '../../machines/ports.ts';
import { FACTS } from './facts.ts';
import { notSettable } from './rules.ts';
import type { Bounds, Evidence, Goal, Kpis, Parameters, Situation } from './types.ts';

/** JSON values by id: a collection of the store. */
export interface Cases {
  get(id: string): Case | undefined;
  put(id: string, value: Case): void;
  delete(id: string): boolean;
  list(): Array<{ id: string; value: Case }>;
}

/** One proven experience: in such a situation these parameters did this. */
export interface Case {
  id: string;
  goal: Goal;
  /** Facts of the situations in which it was made. */
  features: Kpis;
  parameters: Parameters;
  evidence: Evidence[];
  /** Why it is not used any more; null while it is. */
  withdrawn: string | null;
}

export interface Found {
  case: Case;
  /** 0 for the same situation, 1 for a difference of the usual range in every fact. */
  distance: number;
  /** Futures and trials behind it, those of long ago counted less. */
  weight: number;
}

export interface Library {
  /** The nearest case whose parameters may be set here, if one is near enough and its evidence not too old. */
  find(situation: Situation, bounds: Bounds): Found | null;
  /** A withdrawn case that says: not these parameters, not here. */
  warning(situation: Situation, parameters: Parameters): Case | null;
  /** Adds evidence to the case of this situation and these parameters, or begins one. */
  keep(situation: Situation, parameters: Parameters, evidence: readonly Evidence[]): Case;
  /** Takes what is near this situation with these parameters out of use; begins a case if there is none. */
  withdraw(situation: Situation, parameters: Parameters, reason: string, evidence: readonly Evidence[]): Case;
  list(): Case[];
}

export interface LibraryOptions {
  clock: Pick<Clock, 'now'>;
  ids: Ids;
  /** Distance up to which a case is taken; default 0.15. */
  near?: number;
  /** Time in which evidence loses half of its weight, ms; default 30 days. */
  halfLifeMs?: number;
  /** Least weight of a case that is taken; default 1. */
  leastWeight?: number;
}

const MOST_CASES = 1000;
const MOST_EVIDENCE = 20;
/** Parameters within this share of their value count as the same. */
const SAME = 0.02;

/** Root mean square of the differences of facts, each in units of its usual range; Infinity without a common fact. */
export function distanceOf(a: Kpis, b: Kpis): number {
  let sum = 0;
  let facts = 0;
  for (const [name, [low, high]] of Object.entries(FACTS)) {
    const here = a[name];
    const there = b[name];
    if (here === undefined && there === undefined) continue;
    facts++;
    // A fact that only one of them knows may be anything.
    sum +=
      here === undefined || there === undefined ? 1 : Math.min(1, Math.abs(here - there) / (high - low)) ** 2;
  }
  return facts === 0 ? Number.POSITIVE_INFINITY : Math.sqrt(sum / facts);
}

const featuresOf = (kpis: Kpis): Kpis =>
  Object.fromEntries(
    Object.keys(FACTS).flatMap((name) => (name in kpis ? [[name, kpis[name] as number]] : [])),
  );

const sameParameters = (a: Parameters, b: Parameters): boolean => {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => {
    const here = a[name] ?? Number.NaN;
    const there = b[name] ?? Number.NaN;
    return Math.abs(here - there) <= SAME * Math.max(Math.abs(here), Math.abs(there), 1e-9);
  });
};
const sameGoal = (a: Goal, b: Goal) => a.kpi === b.kpi && a.direction === b.direction;

/** The library of proven experience on a collection of the store. */
export function openLibrary(cases: Cases, options: LibraryOptions): Library {
  const { clock, ids, near = 0.15, halfLifeMs = 30 * 86_400_000, leastWeight = 1 } = options;
  const all = () => cases.list().map(({ value }) => value);
  const weightOf = ({ evidence }: Case) =>
    evidence.reduce(
      (sum, { at, gain }) => sum + gain.n * 2 ** -(Math.max(0, clock.now() - at) / halfLifeMs),
      0,
    );
  const around = ({ kpis, goal }: Situation) =>
    all()
      .filter((one) => sameGoal(one.goal, goal))
      .map((one) => ({ case: one, distance: distanceOf(kpis, one.features), weight: weightOf(one) }))
      .filter(({ distance }) => distance <= near)
      .sort((a, b) => a.distance - b.distance);
  const here = (situation: Situation, parameters: Parameters) =>
    around(situation).find((found) => sameParameters(found.case.parameters, parameters))?.case;

  function write(
    situation: Situation,
    parameters: Parameters,
    evidence: readonly Evidence[],
    withdrawn: string | null,
  ): Case {
    const known = here(situation, parameters);
    const written: Case = {
      id: known?.id ?? ids.uuid(),
      goal: situation.goal,
      features: known?.features ?? featuresOf(situation.kpis),
      parameters: known?.parameters ?? parameters,
      evidence: [...(known?.evidence ?? []), ...evidence].slice(-MOST_EVIDENCE),
      withdrawn,
    };
    cases.put(written.id, written);
    return written;
  }

  /** The lightest goes when there is no room. */
  function makeRoom(): void {
    const kept = all();
    if (kept.length < MOST_CASES) return;
    const [lightest] = kept.sort((a, b) => weightOf(a) - weightOf(b));
    if (lightest) cases.delete(lightest.id);
  }

  return {
    find: (situation, bounds) =>
      around(situation).find(
        (found) =>
          found.case.withdrawn === null &&
          found.weight >= leastWeight &&
          notSettable(found.case.parameters, bounds).length === 0,
      ) ?? null,
    warning(situation, parameters) {
      const known = here(situation, parameters);
      return known !== undefined && known.withdrawn !== null ? known : null;
    },
    keep(situation, parameters, evidence) {
      makeRoom();
      return write(situation, parameters, evidence, null);
    },
    withdraw(situation, parameters, reason, evidence) {
      makeRoom();
      return write(situation, parameters, evidence, reason);
    },
    list: all,
  };
}
