import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectedImprovement } from '../../src/explore/search/bayesian.ts';
import {
  createSearch,
  latinHypercube,
  minimise,
  type SearchName,
  snap,
} from '../../src/explore/search/index.ts';
import { BRANIN_MIN, branin, HARTMANN3_MIN, hartmann3, rosenbrock, seeded } from './functions.ts';

const seeds = (runs: number) => [fc.integer({ min: 1, max: 1e6 }), { numRuns: runs, seed: 5 }] as const;
type Target = (x: readonly number[]) => number;
const found = (name: SearchName, of: Target, dimensions: number, budget: number, seed: number) =>
  minimise(createSearch(name, { dimensions }, seeded(seed)), of, budget).value;

describe('on functions whose minimum is known', () => {
  const [seed, options] = seeds(5);
  test.each([
    ['Branin', 'bayesian', branin, 2, 40, BRANIN_MIN, 0.05],
    ['Hartmann3', 'bayesian', hartmann3, 3, 40, HARTMANN3_MIN, 0.02],
    ['Branin', 'evolutionary', branin, 2, 300, BRANIN_MIN, 0.02],
    ['Rosenbrock in 5 dimensions', 'evolutionary', rosenbrock, 5, 4000, 0, 1e-3],
  ] as const)(
    '%s: %s comes close, and closer than chance',
    (_, name, of, dimensions, budget, least, within) => {
      fc.assert(
        fc.property(seed, (s) => {
          const value = found(name, of, dimensions, budget, s);
          expect(value - least).toBeLessThan(within);
          expect(value).toBeLessThan(found('uniform', of, dimensions, budget, s));
        }),
        options,
      );
    },
  );
});

test.each(['bayesian', 'evolutionary'] as const)('%s: the same seed asks for the same points', (name) => {
  const ask = () => {
    const asked: string[] = [];
    minimise(
      createSearch(name, { dimensions: 2, steps: [0.25, 0] }, seeded(7)),
      (x) => {
        asked.push(x.join());
        return branin(x);
      },
      20,
    );
    return asked;
  };
  expect(ask()).toEqual(ask());
});

test.each(['bayesian', 'evolutionary'] as const)(
  '%s: keeps to the box and the steps, and finds the best of them',
  (name) => {
    const steps = [0.1, 0];
    const { x } = minimise(
      createSearch(name, { dimensions: 2, steps }, seeded(3)),
      (point) => {
        expect(snap({ dimensions: 2, steps }, point)).toEqual([...point]);
        return ((point[0] as number) - 0.72) ** 2 + ((point[1] as number) - 1.2) ** 2;
      },
      name === 'bayesian' ? 30 : 200,
    );
    expect(x[0]).toBeCloseTo(0.7, 9);
    expect(x[1]).toBeGreaterThan(0.97);
  },
);

test('a Bayesian search takes in what others found', () => {
  const search = createSearch('bayesian', { dimensions: 3 }, seeded(1));
  search.tell([0.1, 0.5556, 0.8525], hartmann3([0.1, 0.5556, 0.8525]));
  expect(minimise(search, hartmann3, 15).value).toBeLessThan(-3.6);
});

test('a small set of values is exhausted without a fault', () => {
  const search = createSearch('bayesian', { dimensions: 1, steps: [0.5] }, seeded(1));
  expect(minimise(search, ([x = 0]) => (x - 0.5) ** 2, 12).value).toBe(0);
});

test('expected improvement grows with the promise and with what is not known', () => {
  expect(expectedImprovement(1, 0, 2)).toBe(1);
  expect(expectedImprovement(3, 0, 2)).toBe(0);
  expect(expectedImprovement(2, 1, 2)).toBeCloseTo(0.398942, 5);
  expect(expectedImprovement(3, 2, 2)).toBeGreaterThan(expectedImprovement(3, 1, 2));
});

test('a Latin hypercube has one point in each slice of each dimension', () => {
  const points = latinHypercube(3, 8, seeded(2));
  for (let d = 0; d < 3; d++) {
    expect(points.map((x) => Math.floor(8 * (x[d] as number))).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  }
});
