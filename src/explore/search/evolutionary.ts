import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import type { Random } from '../../../machines/ports.ts';
import { normal } from '../statistics.ts';
import { type Cube, type Search, snap } from './types.ts';

const FIRST_SIGMA = 0.3;
/** A distribution this narrow has converged, or is stuck: a larger one begins elsewhere. */
const LEAST_SIGMA = 1e-9;
/** Weight of the squared distance from the cube, in units of the spread of the values. */
const OUTSIDE = 10;

interface Sample {
  /** Where it was drawn, outside the cube perhaps. */
  x: number[];
  asked: number[];
  value: number;
}

/**
 * Evolution by covariance matrix adaptation (CMA-ES with rank-one and rank-mu updates), begun anew with twice the
 * samples once it is stuck. For functions that cost little, or have many dimensions.
 */
export function evolutionary(cube: Cube, random: Random): Search {
  const n = cube.dimensions;
  let size = 4 + Math.floor(3 * Math.log(n));
  let state = begin(n, size, Array<number>(n).fill(0.5));
  let open: Sample[] = [];
  let told: Sample[] = [];

  function draw(): Sample {
    const z = Array.from({ length: n }, () => normal(random));
    const x = state.mean.map((centre, i) => {
      let along = 0;
      for (let j = 0; j < n; j++) {
        along += state.axes.get(i, j) * (state.lengths[j] as number) * (z[j] as number);
      }
      // A step that is wider than the distribution would never be left again.
      const step = cube.steps?.[i] ?? 0;
      const floor = step > 0 ? 0.25 * step * normal(random) : 0;
      return centre + state.sigma * along + floor;
    });
    return { x, asked: snap(cube, x), value: Number.NaN };
  }

  return {
    ask() {
      const sample = draw();
      open.push(sample);
      return sample.asked;
    },
    tell(x, value) {
      const sample = open.find((one) => one.asked === x || one.asked.every((v, d) => v === x[d]));
      // What others found counts as a sample of this generation.
      told.push(sample ? { ...sample, value } : { x: [...x], asked: [...x], value });
      open = open.filter((one) => one !== sample);
      if (told.length < size) return;
      state = updated(state, ranked(told, cube));
      told = [];
      open = [];
      if (state.sigma * Math.max(...state.lengths) > LEAST_SIGMA) return;
      size *= 2;
      state = begin(
        n,
        size,
        Array.from({ length: n }, () => random.next()),
      );
    },
  };
}

/** Best first; samples outside the cube are worth less the further out they are. */
function ranked(samples: readonly Sample[], { dimensions }: Cube): Sample[] {
  const values = samples.map(({ value }) => value);
  const spread = Math.max(...values) - Math.min(...values) || 1;
  const cost = ({ x, value }: Sample) => {
    let outside = 0;
    for (let d = 0; d < dimensions; d++) {
      const at = x[d] as number;
      outside += (at - Math.max(0, Math.min(1, at))) ** 2;
    }
    return value + OUTSIDE * spread * outside;
  };
  return [...samples].sort((a, b) => cost(a) - cost(b));
}

interface State {
  mean: number[];
  sigma: number;
  covariance: Matrix;
  /** Principal axes of the covariance as columns, and their lengths. */
  axes: Matrix;
  lengths: number[];
  pathSigma: number[];
  pathC: number[];
  generation: number;
  weights: number[];
}

function begin(n: number, size: number, mean: number[]): State {
  const raw = Array.from(
    { length: Math.floor(size / 2) },
    (_, i) => Math.log((size + 1) / 2) - Math.log(i + 1),
  );
  const sum = raw.reduce((total, weight) => total + weight, 0);
  return {
    mean,
    sigma: FIRST_SIGMA,
    covariance: Matrix.eye(n),
    axes: Matrix.eye(n),
    lengths: Array<number>(n).fill(1),
    pathSigma: Array<number>(n).fill(0),
    pathC: Array<number>(n).fill(0),
    generation: 0,
    weights: raw.map((weight) => weight / sum),
  };
}

/** One generation; constants are the usual ones of the method. */
function updated(state: State, samples: readonly Sample[]): State {
  const { mean, sigma, axes, lengths, weights } = state;
  const n = mean.length;
  const best = samples.slice(0, weights.length);
  const mueff = 1 / weights.reduce((sum, weight) => sum + weight * weight, 0);
  const cSigma = (mueff + 2) / (n + mueff + 5);
  const damping = 1 + 2 * Math.max(0, Math.sqrt((mueff - 1) / (n + 1)) - 1) + cSigma;
  const cC = (4 + mueff / n) / (n + 4 + (2 * mueff) / n);
  const c1 = 2 / ((n + 1.3) ** 2 + mueff);
  const cMu = Math.min(1 - c1, (2 * (mueff - 2 + 1 / mueff)) / ((n + 2) ** 2 + mueff));
  const expected = Math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));

  const steps = best.map(({ x }) => x.map((value, i) => (value - (mean[i] as number)) / sigma));
  const move = mean.map((_, i) =>
    steps.reduce((sum, step, k) => sum + (weights[k] as number) * (step[i] as number), 0),
  );
  // C^(-1/2) times the move.
  const along = lengths.map((length, j) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += axes.get(i, j) * (move[i] as number);
    return sum / length;
  });
  const whitened = mean.map((_, i) => along.reduce((sum, value, j) => sum + axes.get(i, j) * value, 0));
  const keep = Math.sqrt(cSigma * (2 - cSigma) * mueff);
  const pathSigma = state.pathSigma.map((p, i) => (1 - cSigma) * p + keep * (whitened[i] as number));
  const length = Math.hypot(...pathSigma);
  const generation = state.generation + 1;
  const short =
    length / Math.sqrt(1 - (1 - cSigma) ** (2 * generation)) / expected < 1.4 + 2 / (n + 1) ? 1 : 0;
  const keepC = Math.sqrt(cC * (2 - cC) * mueff);
  const pathC = state.pathC.map((p, i) => (1 - cC) * p + short * keepC * (move[i] as number));

  const old = 1 - c1 - cMu + c1 * (1 - short) * cC * (2 - cC);
  const covariance = new Matrix(n, n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let value = old * state.covariance.get(i, j) + c1 * (pathC[i] as number) * (pathC[j] as number);
      steps.forEach((step, k) => {
        value += cMu * (weights[k] as number) * (step[i] as number) * (step[j] as number);
      });
      covariance.set(i, j, value);
      covariance.set(j, i, value);
    }
  }
  const eigen = new EigenvalueDecomposition(covariance, { assumeSymmetric: true });
  return {
    mean: mean.map((value, i) => value + sigma * (move[i] as number)),
    sigma: sigma * Math.exp(Math.min(1, (cSigma / damping) * (length / expected - 1))),
    covariance,
    axes: eigen.eigenvectorMatrix,
    lengths: eigen.realEigenvalues.map((value) => Math.sqrt(Math.max(value, 1e-20))),
    pathSigma,
    pathC,
    generation,
    weights,
  };
}
