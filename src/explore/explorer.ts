import type { Random } from '../../machines/ports.ts';
import { type Comparison, type Futures, gate } from './gate.ts';
import { createSearch, type SearchName } from './search/index.ts';
import { snap } from './search/types.ts';
import { spaceOf } from './space.ts';
import type { Bounds, Limits, Parameters } from './types.ts';

/** Futures on which a point of the search is rated; the gate takes others. */
const SEARCH_FUTURES = 2;
/** Points of the search that may knock at the gate. */
const CANDIDATES = 2;
/** What a guard that is broken by all that it allows costs, in gains of 100 %. */
const PENALTY = 5;

/** Parameters that were tried, and by whom they were proposed. */
export interface Tried {
  by: 'search' | 'proposer';
  parameters: Parameters;
  comparison: Comparison;
}

export interface Explored {
  /** What came through the gate; null if nothing did. */
  passed: Tried | null;
  tried: Tried[];
  /** What the best of the rest failed by. */
  problems: string[];
}

/** What is minimised: the gain with its sign changed, and the guards that are broken. */
const costOf = ({ gain, harm }: Comparison) => -gain.mean + PENALTY * Math.max(0, harm - 1);

/** A seed of a future. */
export const drawSeed = (random: Random): number => Math.floor(random.next() * 0x7fffffff);

/**
 * Looks for parameters within bounds: proposals first, then a search that learns from them. The best go
 * through the gate on futures that the search has not seen, since of many points one looks good by luck.
 */
export async function explore(options: {
  futures: Futures;
  bounds: Bounds;
  limits: Limits;
  random: Random;
  proposals: readonly Parameters[];
  /** Points to begin with. */
  hints: readonly Parameters[];
  refused: (parameters: Parameters) => boolean;
  search: SearchName;
}): Promise<Explored> {
  const { futures, bounds, limits, random, refused } = options;
  const space = spaceOf(bounds);
  const search = space.dimensions === 0 ? null : createSearch(options.search, space, random);
  const seeds = Array.from({ length: SEARCH_FUTURES }, () => drawSeed(random));
  const reserve = (1 + CANDIDATES) * limits.futures;
  const tried: Tried[] = [];

  async function attempt(by: Tried['by'], parameters: Parameters): Promise<Comparison> {
    const comparison = await futures.compare(parameters, seeds);
    if (!refused(parameters)) tried.push({ by, parameters, comparison });
    return comparison;
  }
  const left = () => limits.evaluations - futures.evaluations - reserve >= SEARCH_FUTURES;

  const given = [
    ...options.proposals.map((parameters) => ({ by: 'proposer' as const, parameters })),
    ...options.hints.map((parameters) => ({ by: 'search' as const, parameters })),
  ];
  for (const { by, parameters } of given) {
    if (!left()) break;
    const comparison = await attempt(by, parameters);
    const x = space.encode(parameters);
    if (x) search?.tell(snap(space, x), costOf(comparison));
  }
  while (search !== null && left()) {
    const x = search.ask();
    search.tell(x, costOf(await attempt('search', space.decode(x))));
  }

  const fresh = Array.from({ length: limits.futures }, () => drawSeed(random));
  const best = [...tried]
    .filter(({ comparison }) => costOf(comparison) < 0)
    .sort((a, b) => costOf(a.comparison) - costOf(b.comparison));
  const problems: string[] =
    best.length === 0 ? ['nothing that was tried is better than what is set now'] : [];
  for (const candidate of best.slice(0, CANDIDATES)) {
    const comparison = await futures.compare(candidate.parameters, fresh);
    const failed = gate(comparison, limits);
    if (failed.length === 0) return { passed: { ...candidate, comparison }, tried, problems: [] };
    problems.push(...failed);
  }
  return { passed: null, tried, problems };
}
