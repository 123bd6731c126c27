import type { Random } from '../../../machines/ports.ts';
import { bayesian } from './bayesian.ts';
import { evolutionary } from './evolutionary.ts';
import { type Cube, type Search, snap } from './types.ts';

export { latinHypercube } from './latin-hypercube.ts';
export type { Cube, Point, Search } from './types.ts';
export { snap } from './types.ts';

/** Uniform points: what any other search has to be better than. */
const uniform = (cube: Cube, random: Random): Search => ({
  ask: () =>
    snap(
      cube,
      Array.from({ length: cube.dimensions }, () => random.next()),
    ),
  tell() {},
});

const SEARCHES = { bayesian, evolutionary, uniform };
export type SearchName = keyof typeof SEARCHES;

/** A search of the cube; the same random numbers and values told give the same points. */
export const createSearch = (name: SearchName, cube: Cube, random: Random): Search =>
  SEARCHES[name](cube, random);

/** Lets a search ask `budget` times for a synchronous function. */
export function minimise(
  search: Search,
  of: (x: readonly number[]) => number,
  budget: number,
): { x: readonly number[]; value: number } {
  let best: { x: readonly number[]; value: number } | null = null;
  for (let i = 0; i < budget; i++) {
    const x = search.ask();
    const value = of(x);
    search.tell(x, value);
    if (best === null || value < best.value) best = { x, value };
  }
  return best as { x: readonly number[]; value: number };
}
