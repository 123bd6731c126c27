import type { Random } from '../../../machines/ports.ts';
import { normal } from '../statistics.ts';
import { gaussianProcess, type Hyper, type Process } from './gaussian-process.ts';
import { latinHypercube } from './latin-hypercube.ts';
import { type Cube, type Point, type Search, snap } from './types.ts';

/** Points at which the expected improvement is looked at, and those around the best known ones. */
const SCATTERED = 400;
const AROUND = 20;
const BEST = 5;
/** Widths of the clouds around them, and of the last steps. */
const CLOUDS = [0.1, 0.02] as const;
const LAST_STEPS = [0.02, 0.005, 0.001] as const;

/** Expected improvement below `best` of a normal variate. */
export function expectedImprovement(mean: number, deviation: number, best: number): number {
  if (deviation <= 0) return Math.max(0, best - mean);
  const z = (best - mean) / deviation;
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  return (best - mean) * distribution(z) + deviation * density;
}

/** Standard normal distribution function: Zelen and Severo's polynomial, to 7.5e-8. */
function distribution(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const tail =
    (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) *
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return z >= 0 ? 1 - tail : tail;
}

/**
 * Bayesian optimisation: a Gaussian process over what was told, the next point where the expected improvement is
 * greatest. For functions that cost much: it fits the process anew for every point, some ms at 60 points.
 */
export function bayesian(cube: Cube, random: Random): Search {
  const points: number[][] = [];
  const values: number[] = [];
  const first = latinHypercube(cube.dimensions, 2 * cube.dimensions + 2, random).map((x) => snap(cube, x));
  let hyper: Hyper | undefined;
  const known = (x: Point) => points.some((point) => point.every((value, d) => value === x[d]));

  function* candidates(): Generator<number[]> {
    for (let i = 0; i < SCATTERED; i++) {
      yield Array.from({ length: cube.dimensions }, () => random.next());
    }
    const order = values.map((_, i) => i).sort((a, b) => (values[a] as number) - (values[b] as number));
    for (const i of order.slice(0, BEST)) {
      for (const width of CLOUDS) {
        for (let k = 0; k < AROUND; k++) {
          yield (points[i] as number[]).map((value) => value + width * normal(random));
        }
      }
    }
  }

  function next(process: Process): number[] {
    // Under noise the best value told is luck: the process says what it is worth.
    const best = Math.min(...points.map((point) => process.at(point).mean));
    const worth = (x: Point) => {
      const { mean, deviation } = process.at(x);
      return expectedImprovement(mean, deviation, best);
    };
    let top: { x: number[]; worth: number } | null = null;
    for (const candidate of candidates()) {
      const x = snap(cube, candidate);
      const value = worth(x);
      if ((top === null || value > top.worth) && !known(x)) top = { x, worth: value };
    }
    // Everything on the steps is known: any point will do.
    if (top === null)
      return snap(
        cube,
        Array.from({ length: cube.dimensions }, () => random.next()),
      );
    for (const step of LAST_STEPS) {
      for (let d = 0; d < cube.dimensions; d++) {
        for (const move of [step, -step]) {
          const x = snap(cube, top.x.with(d, (top.x[d] as number) + move));
          const value = worth(x);
          if (value > top.worth && !known(x)) top = { x, worth: value };
        }
      }
    }
    return top.x;
  }

  return {
    ask() {
      const begin = first.shift();
      if (begin !== undefined) return begin;
      const process = gaussianProcess(points, values, hyper);
      hyper = process.hyper;
      return next(process);
    },
    tell(x, value) {
      points.push([...x]);
      values.push(value);
    },
  };
}
