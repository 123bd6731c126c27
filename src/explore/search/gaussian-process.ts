import { CholeskyDecomposition, Matrix } from 'ml-matrix';
import type { Point } from './types.ts';

/** Length scales and noise as logarithms, in the order [scale of each dimension..., noise ratio]. */
export type Hyper = readonly number[];

export interface Process {
  /** Mean and standard deviation of the function (without noise) at a point. */
  at(x: Point): { mean: number; deviation: number };
  hyper: Hyper;
}

const SQRT5 = Math.sqrt(5);
/** Matern 5/2 of a scaled distance. */
const matern = (r: number) => (1 + SQRT5 * r + (5 / 3) * r * r) * Math.exp(-SQRT5 * r);
/** Bounds of the logarithms: length scales, and noise against the signal. */
const SCALE = [Math.log(0.03), Math.log(5)] as const;
const NOISE = [Math.log(1e-6), Math.log(0.5)] as const;
/** Prior of a length scale: around 0.4, within a factor of e. */
const PRIOR = Math.log(0.4);
/** Each halves the step of the pattern search. */
const ROUNDS = 5;

function correlation(a: Point, b: Point, scales: readonly number[]): number {
  let sum = 0;
  for (let d = 0; d < a.length; d++) {
    const difference = ((a[d] as number) - (b[d] as number)) / (scales[d] as number);
    sum += difference * difference;
  }
  return matern(Math.sqrt(sum));
}

interface Fit {
  lower: Matrix;
  /** (R + noise I)^-1 y. */
  alpha: Float64Array;
  variance: number;
  /** Negative logarithm of the posterior of the hyperparameters, but for a constant. */
  cost: number;
}

function fitted(points: readonly Point[], y: readonly number[], hyper: Hyper): Fit | null {
  const n = points.length;
  const scales = hyper.slice(0, -1).map(Math.exp);
  const noise = Math.exp(hyper.at(-1) as number);
  const r = new Matrix(n, n);
  for (let i = 0; i < n; i++) {
    r.set(i, i, 1 + noise);
    for (let j = 0; j < i; j++) {
      const value = correlation(points[i] as Point, points[j] as Point, scales);
      r.set(i, j, value);
      r.set(j, i, value);
    }
  }
  const cholesky = new CholeskyDecomposition(r);
  if (!cholesky.isPositiveDefinite()) return null;
  const alpha = Float64Array.from(cholesky.solve(Matrix.columnVector(y as number[])).to1DArray());
  const lower = cholesky.lowerTriangularMatrix;
  // The signal's variance has a closed form given the rest.
  const variance = Math.max(1e-12, y.reduce((sum, value, i) => sum + value * (alpha[i] as number), 0) / n);
  let logDeterminant = 0;
  for (let i = 0; i < n; i++) logDeterminant += 2 * Math.log(lower.get(i, i));
  const prior = hyper.slice(0, -1).reduce((sum, scale) => sum + 0.5 * (scale - PRIOR) ** 2, 0);
  return { lower, alpha, variance, cost: 0.5 * (n * Math.log(variance) + logDeterminant) + prior };
}

/**
 * A Gaussian process with a Matern 5/2 kernel, a length scale a dimension and noise, fitted to values at
 * points by the mode of its hyperparameters; the search for them begins at `start`, if given.
 */
export function gaussianProcess(points: readonly Point[], values: readonly number[], start?: Hyper): Process {
  const n = values.length;
  const centre = values.reduce((sum, value) => sum + value, 0) / n;
  const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / n) || 1;
  const y = values.map((value) => (value - centre) / spread);
  const dimensions = (points[0] as Point).length;
  const begin = start ?? [...Array<number>(dimensions).fill(PRIOR), Math.log(1e-3)];
  const { hyper, fit } = mode(points, y, begin);
  const scales = hyper.slice(0, -1).map(Math.exp);
  const { lower, alpha, variance } = fit;
  const rows = lower.to2DArray();
  const solved = new Float64Array(n);
  return {
    hyper,
    at(x) {
      let mean = 0;
      let explained = 0;
      for (let i = 0; i < n; i++) {
        const k = correlation(points[i] as Point, x, scales);
        mean += k * (alpha[i] as number);
        const row = rows[i] as number[];
        let rest = k;
        for (let j = 0; j < i; j++) rest -= (row[j] as number) * (solved[j] as number);
        const z = rest / (row[i] as number);
        solved[i] = z;
        explained += z * z;
      }
      const deviation = Math.sqrt(Math.max(0, variance * (1 - explained)));
      return { mean: centre + spread * mean, deviation: spread * deviation };
    },
  };
}

/** Pattern search: a step up and down in each hyperparameter, smaller from round to round. */
function mode(points: readonly Point[], y: readonly number[], start: Hyper): { hyper: Hyper; fit: Fit } {
  let hyper = [...start];
  let fit = fitted(points, y, hyper);
  // Points that are all but equal make the matrix singular: noise mends it.
  while (fit === null) {
    hyper = [...hyper.slice(0, -1), (hyper.at(-1) as number) + 1];
    fit = fitted(points, y, hyper);
  }
  let step = 1;
  for (let round = 0; round < ROUNDS; ) {
    let better = false;
    for (let d = 0; d < hyper.length; d++) {
      const [low, high] = d === hyper.length - 1 ? NOISE : SCALE;
      for (const move of [step, -step]) {
        const to = Math.max(low, Math.min(high, (hyper[d] as number) + move));
        if (to === hyper[d]) continue;
        const other = fitted(points, y, hyper.with(d, to));
        if (other === null || other.cost >= fit.cost - 1e-9) continue;
        hyper = hyper.with(d, to);
        fit = other;
        better = true;
        break;
      }
    }
    if (better) continue;
    step /= 2;
    round++;
  }
  return { hyper, fit };
}
