import { TUNING, type Tuning } from '../grid/index.ts';
import type { DriveModel } from './drive-model.ts';
import { modelOf } from './fit.ts';

/**
 * Fitted by test/bench/network-fit.ts to the calibration half of the measured drives, and to nothing
 * else. docs/grid.md says what was fitted to what.
 */
const OPERATOR = {
  a3OffsetDb: TUNING.a3OffsetDb,
  tttMs: TUNING.tttMs,
  // Some ten decibels above the engine's own: the fitted sites are stronger by as much (`lossDb`).
  fallbackRsrp: -115.4,
  fallbackSinr: TUNING.fallbackSinr,
  returnRsrp: -100.4,
  returnSinr: TUNING.returnSinr,
  returnMs: TUNING.returnMs,
  qoutDb: TUNING.qoutDb,
};

/** `driving-download-8cells`: Cork, 2019. */
export const CITY: DriveModel = modelOf({
  ...OPERATOR,
  isdM: 1172,
  microShare: 0.672,
  nrShare: 1,
  lossDb: -10.8,
  ambientLow: 0.5,
  ambientHigh: 0.791,
  nrPrbs: 189,
  fadingDb: 3.1,
});

/** `driving-download-weak-coverage`: the outskirts, 2020. */
export const WEAK: DriveModel = modelOf({
  ...OPERATOR,
  isdM: 3421,
  microShare: 0,
  nrShare: 0.734,
  lossDb: -6.2,
  ambientLow: 0.599,
  ambientHigh: 1.5,
  nrPrbs: 70,
  fadingDb: 0,
});

/** `s2w_n78_v50_run01` of CICV5G: a test road on n78. */
export const ROUND_TRIP: {
  run: { seconds: number; seed: number; isdM: number; ambient: readonly [number, number]; lossDb: number };
  tuning: Partial<Tuning>;
} = {
  run: { seconds: 120, seed: 11, isdM: 500, ambient: [0.3, 0.3], lossDb: 6 },
  tuning: {},
};
