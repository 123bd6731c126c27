import { draw, streamKey, unit } from '../grid/random.ts';
import { type DriveModel, simulateDrive } from './drive-model.ts';
import { type DriveFigures, figuresOf } from './drives.ts';
import { quantile } from './statistics.ts';

/** Quantiles that a simulated drive is compared at. */
export const POINTS = [0.05, 0.25, 0.5, 0.75, 0.95] as const;

/** Speeds of the cars that stand for a drive: its own, scaled to the way that its positions show. */
export function speedsOf(measured: DriveFigures, cars: number): number[] {
  const mean = measured.speed.reduce((sum, v) => sum + v, 0) / measured.seconds;
  const scale = (1000 * measured.km) / measured.seconds / mean;
  return Array.from({ length: cars }, (_, i) =>
    Math.max(0.5, scale * quantile(measured.speed, (i + 0.5) / cars)),
  );
}

/** The figures of cars in the model's network, taken together. */
export function simulatedFigures(
  model: DriveModel,
  measured: DriveFigures,
  run: { cars: number; seconds: number; seed: number },
): DriveFigures {
  const drives = simulateDrive(model, {
    speedsMps: speedsOf(measured, run.cars),
    seconds: run.seconds,
    seed: run.seed,
  });
  // One car after another, with a hole between, so that no change is counted from one to the next.
  return figuresOf(
    drives.flatMap((drive, i) => drive.map((one) => ({ ...one, second: one.second + i * 10 * run.seconds }))),
  );
}

/** How far a simulated drive is from a measured one: squares of differences in units of the tolerance. */
export function misfit(sim: DriveFigures, measured: DriveFigures): number {
  let sum = 0;
  const add = (difference: number, tolerance: number, weight = 1) => {
    sum += weight * Math.min(25, (difference / tolerance) ** 2);
  };
  const octaves = (a: number, b: number) => Math.log2((a + 0.3) / (b + 0.3));
  for (const p of POINTS) {
    add(quantile(sim.rsrp, p) - quantile(measured.rsrp, p), 6);
    add(quantile(sim.sinr, p) - quantile(measured.sinr, p), 4);
    if (p > 0.05) add(octaves(quantile(sim.dl, p), quantile(measured.dl, p)), 1);
  }
  add(octaves(sim.cellChangesPerKm, measured.cellChangesPerKm), 0.6, 3);
  add(octaves(sim.ratChangesPerKm, measured.ratChangesPerKm), 0.8, 2);
  add(sim.nrShare - measured.nrShare, 0.15, 2);
  return sum;
}

/** Ranges within which a model is fitted. */
const RANGES = {
  isdM: [180, 4000],
  microShare: [0, 0.9],
  nrShare: [0.2, 1],
  lossDb: [-15, 20],
  ambientLow: [0, 0.6],
  ambientHigh: [0.3, 1.5],
  nrPrbs: [51, 273],
  a3OffsetDb: [1, 6],
  tttMs: [100, 2500],
  fadingDb: [0, 5],
  fallbackRsrp: [-120, -100],
  fallbackSinr: [-12, 0],
  returnRsrp: [-112, -90],
  returnSinr: [-6, 6],
  returnMs: [1000, 12_000],
  qoutDb: [-14, -6],
} as const;
type Name = keyof typeof RANGES;
export type Vector = Record<Name, number>;
const JUDGED_ON = { cars: 10, seconds: 400, seeds: [101, 202, 303] } as const;

/** What the surroundings differ in; the rest is the operator's and the same everywhere. */
export const SURROUNDINGS: readonly Name[] = [
  'isdM',
  'microShare',
  'nrShare',
  'lossDb',
  'ambientLow',
  'ambientHigh',
  'nrPrbs',
  'fadingDb',
];

export const modelOf = (v: Vector): DriveModel => ({
  isdM: v.isdM,
  microShare: v.microShare,
  nrShare: v.nrShare,
  lossDb: v.lossDb,
  ambient: [v.ambientLow, Math.max(v.ambientLow, v.ambientHigh)],
  nrPrbs: Math.round(v.nrPrbs),
  tuning: {
    a3OffsetDb: v.a3OffsetDb,
    tttMs: v.tttMs,
    fadingDb: v.fadingDb,
    fallbackRsrp: v.fallbackRsrp,
    fallbackSinr: v.fallbackSinr,
    returnRsrp: v.returnRsrp,
    returnSinr: v.returnSinr,
    returnMs: v.returnMs,
    qoutDb: v.qoutDb,
    qinDb: v.qoutDb + 2,
  },
});

/**
 * Seeded random search with shrinking steps around the best vector so far, over the `free` names.
 * Each vector is judged on the same seeds, so that the noise of one run decides little.
 */
export function fitModel(
  measured: DriveFigures,
  start: Vector,
  free: readonly Name[],
  rounds: number,
  run: { cars: number; seconds: number; seeds: readonly number[] } = JUDGED_ON,
  report: (round: number, cost: number) => void = () => undefined,
): { vector: Vector; cost: number } {
  const { seeds, ...each } = run;
  const cost = (v: Vector) =>
    seeds.reduce(
      (sum, seed) => sum + misfit(simulatedFigures(modelOf(v), measured, { ...each, seed }), measured),
      0,
    ) / seeds.length;
  const key = streamKey(1, 99);
  let best = { vector: start, cost: cost(start) };
  for (let round = 0; round < rounds; round++) {
    const width = 0.25 * (1 - round / rounds) + 0.02;
    const vector = { ...best.vector };
    free.forEach((name, i) => {
      // A third of the coordinates move at a time.
      if (draw(key, i, 2 * round) % 3 !== 0) return;
      const [low, high] = RANGES[name];
      const step = (2 * unit(draw(key, i, 2 * round + 1)) - 1) * width * (high - low);
      vector[name] = Math.min(high, Math.max(low, vector[name] + step));
    });
    const found = cost(vector);
    if (found < best.cost) {
      best = { vector, cost: found };
      report(round, found);
    }
  }
  return best;
}
