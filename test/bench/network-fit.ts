import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DriveFigures, figuresOf, readDrive } from '../../src/network/validate/drives.ts';
import {
  fitModel,
  modelOf,
  POINTS,
  SURROUNDINGS,
  simulatedFigures,
  type Vector,
} from '../../src/network/validate/fit.ts';
import { quantile } from '../../src/network/validate/statistics.ts';

/**
 * `node test/bench/network-fit.ts [FOLDER]`: fits the constants of src/network/validate/calibration.ts to
 * the calibration half of the measured drives (some minutes), and shows both halves beside the result.
 */
const folder = process.argv[2] ?? '../shared/data/radio/ucc-5g-ireland';
const rounds = Number(process.env.ROUNDS ?? 260);
const print = (line: string) => process.stdout.write(`${line}\n`);

const START: Vector = {
  isdM: 700,
  microShare: 0.3,
  nrShare: 0.95,
  lossDb: -9,
  ambientLow: 0.35,
  ambientHigh: 0.85,
  nrPrbs: 160,
  a3OffsetDb: 3,
  tttMs: 480,
  fadingDb: 1.5,
  fallbackRsrp: -112,
  fallbackSinr: -9,
  returnRsrp: -104,
  returnSinr: 1,
  returnMs: 6000,
  qoutDb: -9.5,
};

function show(name: string, f: DriveFigures): void {
  const row = (of: Float64Array, digits: number) =>
    POINTS.map((p) => quantile(of, p).toFixed(digits)).join('/');
  print(
    `${name.padEnd(22)} ${f.seconds} s, ${f.km.toFixed(1)} km; RSRP ${row(f.rsrp, 0)}; SINR ${row(f.sinr, 1)}; ` +
      `DL ${row(f.dl, 1)}; cells ${f.cellChangesPerKm.toFixed(2)}/km, RATs ${f.ratChangesPerKm.toFixed(2)}/km, ` +
      `5G ${f.nrShare.toFixed(2)}`,
  );
}

function fitDrive(file: string, start: Vector, free: ReadonlyArray<keyof Vector>): Vector {
  const drive = readDrive(readFileSync(join(folder, `${file}.csv`), 'utf8'), file);
  const measured = figuresOf(drive, 'calibration');
  const { vector, cost } = fitModel(measured, start, free, rounds, undefined, (round, now) =>
    print(`${file}: round ${round}, misfit ${now.toFixed(2)}`),
  );
  print(`${file}: misfit ${cost.toFixed(2)}\n${JSON.stringify(vector)}`);
  for (const half of ['calibration', 'validation'] as const) {
    const figures = figuresOf(drive, half);
    show(`measured, ${half}`, figures);
    show(
      `simulated, ${half}`,
      simulatedFigures(modelOf(vector), figures, { cars: 12, seconds: 600, seed: 31 }),
    );
  }
  return vector;
}

const city = fitDrive('driving-download-8cells', START, Object.keys(START) as Array<keyof Vector>);
// The operator's own settings are the same at the edge; the surroundings are not.
fitDrive(
  'driving-download-weak-coverage',
  { ...city, isdM: 2000, microShare: 0, nrShare: 0.5, lossDb: 0, fadingDb: 1 },
  SURROUNDINGS,
);
