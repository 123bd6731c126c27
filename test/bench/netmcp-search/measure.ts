import type { Query } from './data.ts';

export interface Figures {
  r1: number;
  r5: number;
  r10: number;
  ndcg10: number;
  msPerQuery: number;
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
  const sums = new Map([...methods.keys()].map((name) => [name, { r1: 0, r5: 0, r10: 0, ndcg10: 0, ms: 0 }]));
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
    [...sums].map(([name, { r1, r5, r10, ndcg10, ms }]) => [
      name,
      {
        r1: percent(r1),
        r5: percent(r5),
        r10: percent(r10),
        ndcg10: percent(ndcg10),
        msPerQuery: Math.round((ms / queries.length) * 1_000) / 1_000,
      },
    ]),
  );
}
