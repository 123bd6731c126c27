import type { Query } from './data.ts';

export interface Figures {
  r1: number;
  r5: number;
  r10: number;
  ndcg10: number;
  msPerQuery: number;
  /** Recall@5 of each query, 0..1. */
  each: number[];
}

export type Rank = (query: string) => string[];

/**
 * Percent over the queries, each query through every method in turn. A name counts once, at its best place.
 * Recall is over all tools that a query needs, also where they are more than k.
 */
export function measure(
  queries: readonly Query[],
  methods: ReadonlyMap<string, Rank>,
  textOf: (query: Query) => string = ({ text }) => text,
): Map<string, Figures> {
  const sums = new Map(
    [...methods.keys()].map((name) => [
      name,
      { r1: 0, r5: 0, r10: 0, ndcg10: 0, ms: 0, each: [] as number[] },
    ]),
  );
  const list = [...methods];
  queries.forEach((query, at) => {
    const gold = new Set(query.gold);
    for (let turn = 0; turn < list.length; turn += 1) {
      const [name, rank] = list[(turn + at) % list.length] as [string, Rank];
      const began = performance.now();
      const ranked = rank(textOf(query));
      const sum = sums.get(name)!;
      sum.ms += performance.now() - began;
      const top = [...new Set(ranked)].slice(0, 10);
      const recall = (k: number) => top.slice(0, k).filter((tool) => gold.has(tool)).length / gold.size;
      sum.r1 += recall(1);
      sum.r5 += recall(5);
      sum.each.push(recall(5));
      sum.r10 += recall(10);
      let gain = 0;
      let ideal = 0;
      top.forEach((tool, place) => {
        if (gold.has(tool)) gain += 1 / Math.log2(place + 2);
      });
      for (let place = 0; place < Math.min(10, gold.size); place += 1) ideal += 1 / Math.log2(place + 2);
      sum.ndcg10 += gain / ideal;
    }
  });
  const percent = (value: number) => Math.round((value / queries.length) * 1_000) / 10;
  return new Map(
    [...sums].map(([name, { r1, r5, r10, ndcg10, ms, each }]) => [
      name,
      {
        r1: percent(r1),
        r5: percent(r5),
        r10: percent(r10),
        ndcg10: percent(ndcg10),
        msPerQuery: Math.round((ms / queries.length) * 1_000) / 1_000,
        each,
      },
    ]),
  );
}

/** 95 % interval of the mean gain in points, by resampling the queries; the same one every time. */
export function interval(ours: readonly number[], theirs: readonly number[]): [number, number] {
  const gains = ours.map((value, at) => value - (theirs[at] ?? 0));
  let state = 12_345;
  const next = () => {
    // Numerical Recipes' linear congruence: enough to resample.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const means = Array.from({ length: 1_000 }, () => {
    let sum = 0;
    for (let i = 0; i < gains.length; i += 1) sum += gains[Math.floor(next() * gains.length)] ?? 0;
    return (sum / gains.length) * 100;
  }).sort((a, b) => a - b);
  const round = (value: number | undefined) => Math.round((value ?? 0) * 10) / 10;
  return [round(means[25]), round(means[974])];
}
