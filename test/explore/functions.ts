import type { Random } from '../../machines/ports.ts';

/** Functions whose minimum is known, on the unit cube. */
export const branin = ([a = 0, b = 0]: readonly number[]): number => {
  const x = 15 * a - 5;
  const y = 15 * b;
  return (
    (y - (5.1 * x * x) / (4 * Math.PI ** 2) + (5 * x) / Math.PI - 6) ** 2 +
    10 * (1 - 1 / (8 * Math.PI)) * Math.cos(x) +
    10
  );
};
export const BRANIN_MIN = 0.397887;

const ALPHA = [1, 1.2, 3, 3.2];
const A = [
  [3, 10, 30],
  [0.1, 10, 35],
  [3, 10, 30],
  [0.1, 10, 35],
];
const P = [
  [0.3689, 0.117, 0.2673],
  [0.4699, 0.4387, 0.747],
  [0.1091, 0.8732, 0.5547],
  [0.03815, 0.5743, 0.8828],
];
export const hartmann3 = (x: readonly number[]): number =>
  -ALPHA.reduce((sum, alpha, i) => {
    const inner = x.reduce(
      (total, value, j) =>
        total + ((A[i] as number[])[j] as number) * (value - ((P[i] as number[])[j] as number)) ** 2,
      0,
    );
    return sum + alpha * Math.exp(-inner);
  }, 0);
export const HARTMANN3_MIN = -3.86278;

/** On [-2, 2] in each dimension; the minimum is 0. */
export const rosenbrock = (unit: readonly number[]): number => {
  const x = unit.map((value) => 4 * value - 2);
  let sum = 0;
  for (let i = 0; i + 1 < x.length; i++) {
    sum += 100 * ((x[i + 1] as number) - (x[i] as number) ** 2) ** 2 + (1 - (x[i] as number)) ** 2;
  }
  return sum;
};

/** Uniform numbers from a seed (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = state;
      t = Math.imul(t ^ (t >>> 15), t | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    },
  };
}
