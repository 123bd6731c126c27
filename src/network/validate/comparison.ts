import { CITY, ROUND_TRIP, WEAK } from './calibration.ts';
import { type Check, judge, rounded, skipped } from './check.ts';
import { type DriveModel, simulateRoundTrips } from './drive-model.ts';
import { type DriveFigures, figuresOf, halfOfSamples, readDrive, readRoundTrips } from './drives.ts';
import { POINTS, simulatedFigures } from './fit.ts';
import { ascending, ksDistance, quantile } from './statistics.ts';

/** Tolerances, set before the comparison: about one deviation of shadowing, and a factor of two. */
const TOLERANCE = { rsrpDb: 6, sinrDb: 4, rateFactor: 2, perKmFactor: 2, nrShare: 0.15 } as const;
const RUN = { cars: 12, seconds: 600, seed: 31 };
/** Fewer kilometres than this give no rate of changes. */
const ENOUGH_KM = 3;

/** The measured drives that are read, and the model that was fitted to one half of each. */
export const DRIVES = {
  'driving-download-8cells': { name: 'city drive', model: CITY },
  'driving-download-weak-coverage': { name: 'weak coverage', model: WEAK },
} as const;
export type DriveName = keyof typeof DRIVES;

const percent = (p: number) => `p${Math.round(100 * p)}`;

/** The half of a measured drive that calibrated nothing, beside cars in the fitted network. */
export function compareDrive(file: DriveName, text: string | undefined): Check[] {
  const { name, model } = DRIVES[file];
  if (text === undefined) return [skipped(name, 'all figures', '-', `no ${file}.csv`)];
  const measured = figuresOf(readDrive(text, `${file}.csv`), 'validation');
  return compareFigures(name, simulated(model, measured), measured);
}

const simulated = (model: DriveModel, measured: DriveFigures): DriveFigures =>
  simulatedFigures(model, measured, RUN);

function compareFigures(group: string, sim: DriveFigures, measured: DriveFigures): Check[] {
  const checks: Check[] = [];
  const compare = (name: string, value: string, goal: string, ok: boolean, detail: string) =>
    checks.push(judge(group, name, value, goal, ok, detail, 'compare'));
  for (const [name, unit, tolerance, got, want] of [
    ['RSRP', 'dBm', TOLERANCE.rsrpDb, sim.rsrp, measured.rsrp],
    ['SINR', 'dB', TOLERANCE.sinrDb, sim.sinr, measured.sinr],
  ] as const) {
    for (const p of POINTS) {
      const [a, b] = [quantile(got, p), quantile(want, p)];
      compare(
        `${name} ${percent(p)}`,
        `${a.toFixed(1)} ${unit}`,
        `${rounded(b)} ± ${tolerance} dB`,
        Math.abs(a - b) <= tolerance,
        `${(a - b).toFixed(1)} dB off`,
      );
    }
    compare(
      `${name} Kolmogorov-Smirnov`,
      ksDistance(got, want).toFixed(2),
      '<= 0.25',
      ksDistance(got, want) <= 0.25,
      '',
    );
  }
  for (const p of POINTS) {
    const [a, b] = [quantile(sim.dl, p), quantile(measured.dl, p)];
    compare(
      `downlink ${percent(p)}`,
      `${rounded(a)} Mbit/s`,
      stalled(b) ? 'stalled (< 0.1)' : `${rounded(b)} within x ${TOLERANCE.rateFactor}`,
      stalled(a, b) || within(a, b, TOLERANCE.rateFactor),
      `x ${(a / b).toFixed(2)}`,
    );
  }
  compare(
    'share of time on 5G',
    sim.nrShare.toFixed(2),
    `${measured.nrShare.toFixed(2)} ± ${TOLERANCE.nrShare}`,
    Math.abs(sim.nrShare - measured.nrShare) <= TOLERANCE.nrShare,
    '',
  );
  for (const [name, a, b] of [
    ['cell changes per km', sim.cellChangesPerKm, measured.cellChangesPerKm],
    ['RAT changes per km', sim.ratChangesPerKm, measured.ratChangesPerKm],
  ] as const) {
    if (measured.km < ENOUGH_KM) {
      checks.push({
        ...skipped(group, name, '-', `only ${measured.km.toFixed(1)} km measured on 4G and 5G in this half`),
        level: 'compare',
      });
      continue;
    }
    compare(
      name,
      rounded(a),
      `${rounded(b)} within x ${TOLERANCE.perKmFactor}`,
      within(a, b, TOLERANCE.perKmFactor),
      `x ${(a / b).toFixed(2)}`,
    );
  }
  return checks;
}

const within = (a: number, b: number, factor: number) => a <= b * factor && a >= b / factor;
/** Below this a download stands still, Mbit/s: both stalled is the same, whatever the ratio. */
const STALLED = 0.1;
const stalled = (...rates: number[]) => rates.every((rate) => rate < STALLED);

/** Round trips of the half of the run that calibrated nothing. */
export function compareRoundTrips(text: string | undefined): Check[] {
  const group = 'round trip';
  if (text === undefined) return [skipped(group, 'all figures', '-', 'no run of cicv5g')];
  const want = halfOfSamples(readRoundTrips(text, 's2w_n78_v50_run01.txt'), 'validation');
  const got = ascending(simulateRoundTrips(ROUND_TRIP.run, ROUND_TRIP.tuning));
  const checks = [0.05, 0.25, 0.5, 0.75, 0.95].map((p) => {
    const [a, b] = [quantile(got, p), quantile(want, p)];
    return judge(
      group,
      percent(p),
      `${a.toFixed(1)} ms`,
      `${rounded(b)} ms ± 20 %`,
      Math.abs(a / b - 1) <= 0.2,
      `x ${(a / b).toFixed(2)}`,
      'compare',
    );
  });
  for (const [name, p] of [
    ['tail, p99', 0.99],
    ['tail, longest of as many', 1 - 1 / want.length],
  ] as const) {
    const b = p === 0.99 ? quantile(want, p) : (want.at(-1) as number);
    const a = quantile(got, p);
    checks.push(
      judge(
        group,
        name,
        `${a.toFixed(0)} ms`,
        `${rounded(b)} ms within x 2`,
        within(a, b, 2),
        `x ${(a / b).toFixed(2)}`,
        'compare',
      ),
    );
  }
  return checks;
}
