import { type Carrier, losProbability, pathLoss, type Scenario, SHADOWING } from '../radio/index.ts';
import { probit } from './random.ts';

/**
 * Tables for the hot loop. A distance is looked up by the bits of its square as a 32-bit float: exponent
 * and seven bits of mantissa, that is 256 steps an octave of distance (0.3 %, below 0.06 dB of path
 * loss). No transcendental function is left in the loop, so that results do not depend on the platform's.
 */

const MANTISSA_BITS = 7;
const SHIFT = 23 - MANTISSA_BITS;
/** 2^6 = (8 m)^2 to 2^31 = (46 km)^2. */
const LOWEST = 6;
const OCTAVES = 25;
export const DISTANCE_STEPS = OCTAVES << MANTISSA_BITS;
const FIRST = (127 + LOWEST) << MANTISSA_BITS;

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** Index of a squared horizontal distance, m²; clamped to the ends of the tables. */
export function distanceIndex(d2: number): number {
  float[0] = d2;
  const index = ((bits[0] as number) >> SHIFT) - FIRST;
  return index < 0 ? 0 : index >= DISTANCE_STEPS ? DISTANCE_STEPS - 1 : index;
}

/** Distance in the middle of a step, m. */
export function distanceAt(index: number): number {
  bits[0] = ((index + FIRST) << SHIFT) + (1 << (SHIFT - 1));
  return Math.sqrt(float[0] as number);
}

/** Base station height by scenario, m (TR 38.901 7.2). */
export const HEIGHT_BS: Readonly<Record<Scenario, number>> = { UMa: 25, UMi: 10, RMa: 35, InH: 3 };
export const HEIGHT_UT: Readonly<Record<Scenario, number>> = { UMa: 1.5, UMi: 1.5, RMa: 1.5, InH: 1 };
export const SCENARIOS: readonly Scenario[] = ['UMa', 'UMi', 'RMa', 'InH'];
/** TR 38.901 wants at least 10 m (1 m indoors); nearer points see the loss there. */
const NEAREST: Readonly<Record<Scenario, number>> = { UMa: 10, UMi: 10, RMa: 10, InH: 1 };
/** Correlation distance of the LOS state, table 7.6.3.1-2, m. */
const SIGHT_DISTANCE: Readonly<Record<Scenario, number>> = { UMa: 50, UMi: 50, RMa: 60, InH: 10 };

/** Path loss by scenario and distance step of one carrier: `scenario * DISTANCE_STEPS + step`, dB. */
export interface LossTable {
  los: Float32Array;
  nlos: Float32Array;
}

export function lossTable(carrier: Carrier): LossTable {
  const los = new Float32Array(SCENARIOS.length * DISTANCE_STEPS);
  const nlos = new Float32Array(los.length);
  SCENARIOS.forEach((scenario, s) => {
    for (let i = 0; i < DISTANCE_STEPS; i++) {
      const g = {
        d2D: Math.max(NEAREST[scenario], distanceAt(i)),
        fcGHz: carrier.fcGHz,
        hBS: HEIGHT_BS[scenario],
        hUT: HEIGHT_UT[scenario],
      };
      los[s * DISTANCE_STEPS + i] = pathLoss(scenario, true, g);
      nlos[s * DISTANCE_STEPS + i] = pathLoss(scenario, false, g);
    }
  });
  return { los, nlos };
}

/** What the surroundings make of a link, by scenario and distance step; the same for all carriers. */
export interface SurroundingsTable {
  /** The link has line of sight while its normal variate is below this: P(N < z) = the LOS probability. */
  sight: Float32Array;
  /** Depression of the UE below the horizon at the base station, degrees. */
  depression: Float32Array;
  /** Standard deviation of shadowing, dB, LOS and NLOS. */
  sigmaLos: Float32Array;
  sigmaNlos: Float32Array;
}

export function surroundingsTable(): SurroundingsTable {
  const of = () => new Float32Array(SCENARIOS.length * DISTANCE_STEPS);
  const table = { sight: of(), depression: of(), sigmaLos: of(), sigmaNlos: of() };
  SCENARIOS.forEach((scenario, s) => {
    const hBS = HEIGHT_BS[scenario];
    const hUT = HEIGHT_UT[scenario];
    const { sigmaLos, sigmaNlos } = SHADOWING[scenario];
    for (let i = 0; i < DISTANCE_STEPS; i++) {
      const at = s * DISTANCE_STEPS + i;
      const d = distanceAt(i);
      table.sight[at] = probit(Math.min(1 - 1e-7, Math.max(1e-7, losProbability(scenario, d, hUT))));
      table.depression[at] = (Math.atan2(hBS - hUT, d) * 180) / Math.PI;
      // Table 7.4.1-1: 6 dB beyond the break point of RMa, which lies at kilometres.
      const beyond = scenario === 'RMa' && d > (2 * Math.PI * hBS * hUT * 2e9) / 3e8;
      table.sigmaLos[at] = beyond ? 6 : sigmaLos;
      table.sigmaNlos[at] = sigmaNlos;
    }
  });
  return table;
}

/** Metres moved in one step of the decay tables, and their length: beyond it nothing is remembered. */
export const MOVE_STEP_M = 0.25;
export const MOVE_STEPS = 2048;

/** AR(1) coefficients by metres moved (TR 38.901 7.4.4): `keep` = R, `renew` = sqrt(1 − R²). */
export interface DecayTable {
  keep: Float32Array;
  renew: Float32Array;
}

export function decayTable(decorrelationM: number): DecayTable {
  const keep = Float32Array.from({ length: MOVE_STEPS }, (_, i) =>
    Math.exp((-i * MOVE_STEP_M) / decorrelationM),
  );
  return { keep, renew: keep.map((r) => Math.sqrt(1 - r * r)) };
}

/** Index into a decay table. */
export function moveIndex(metres: number): number {
  const index = (metres / MOVE_STEP_M + 0.5) | 0;
  return index < MOVE_STEPS ? index : MOVE_STEPS - 1;
}

/** By scenario: shadowing of LOS links, of NLOS links, and the LOS state. */
export const DECAY = SCENARIOS.map((scenario) => ({
  los: decayTable(SHADOWING[scenario].dcorLos),
  nlos: decayTable(SHADOWING[scenario].dcorNlos),
  sight: decayTable(SIGHT_DISTANCE[scenario]),
}));

const DB_FLOOR = -220;
const DB_STEPS = 32;
const POWERS = Float64Array.from(
  { length: 280 * DB_STEPS },
  (_, i) => 10 ** ((DB_FLOOR + (i + 0.5) / DB_STEPS) / 10),
);

/** Milliwatts of a level from −220 to 60 dBm, to 0.016 dB. */
export function milliwatts(dbm: number): number {
  const index = ((dbm - DB_FLOOR) * DB_STEPS) | 0;
  return POWERS[index < 0 ? 0 : index >= POWERS.length ? POWERS.length - 1 : index] as number;
}

const LOG_BITS = 10;
const LOG_SHIFT = 23 - LOG_BITS;
const MANTISSA_DB = Float64Array.from(
  { length: 1 << LOG_BITS },
  (_, i) => 10 * Math.log10(1 + (i + 0.5) / (1 << LOG_BITS)),
);
const DB_PER_OCTAVE = 10 * Math.log10(2);

/** 10 lg of a positive number within the range of 32-bit floats, to 0.003 dB. */
export function decibels(ratio: number): number {
  float[0] = ratio;
  const raw = bits[0] as number;
  return (
    ((raw >>> 23) - 127) * DB_PER_OCTAVE +
    (MANTISSA_DB[(raw >>> LOG_SHIFT) & ((1 << LOG_BITS) - 1)] as number)
  );
}

/** Bearing of a vector, degrees clockwise from north in (−180, 180], to 0.01 degrees. */
export function bearing(dx: number, dy: number): number {
  const ax = dx < 0 ? -dx : dx;
  const ay = dy < 0 ? -dy : dy;
  const steep = ax > ay;
  const z = steep ? ay / ax : ax === 0 ? 0 : ax / ay;
  const z2 = z * z;
  // Odd minimax polynomial of atan on [0, 1], in degrees.
  let angle = z * (57.27884 + z2 * (-18.9156 + z2 * (10.32147 + z2 * (-4.87824 + z2 * 1.19386))));
  if (steep) angle = 90 - angle;
  if (dy < 0) angle = 180 - angle;
  return dx < 0 ? -angle : angle;
}
