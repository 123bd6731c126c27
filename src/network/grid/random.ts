/**
 * Counter-based randomness for the hot loops: a draw is a function of the seed and of what it is for,
 * never of how many draws came before. Normal and exponential variates come out of tables by 12 bits.
 */

const BITS = 12;
const SIZE = 1 << BITS;

/** Avalanche of 32 bits. */
export function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return h ^ (h >>> 16);
}

/** Key of one stream: combine it with a counter by `draw`. */
export function streamKey(seed: number, purpose: number): number {
  return mix(Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(purpose + 1, 0xc2b2ae35));
}

/** 32 uniform bits out of a stream, an entity and a counter. */
export function draw(key: number, entity: number, counter: number): number {
  return mix(mix(key ^ Math.imul(entity, 0x27d4eb2f)) ^ Math.imul(counter + 0x165667b1, 0x9e3779b1)) >>> 0;
}

/** Uniform in [0, 1) out of 32 bits. */
export const unit = (bits: number): number => (bits >>> 0) / 4294967296;

/** Index into the tables below: the upper, and the next lower, 12 bits of a draw. */
export const upper = (bits: number): number => bits >>> (32 - BITS);
export const lower = (bits: number): number => (bits >>> (32 - 2 * BITS)) & (SIZE - 1);

/** Quantiles of N(0, 1), of unit variance. */
export const NORMAL = unitVariance(Float32Array.from({ length: SIZE }, (_, i) => probit((i + 0.5) / SIZE)));

/** Quantiles of the exponential distribution of mean 1. */
export const EXPONENTIAL = Float32Array.from({ length: SIZE }, (_, i) => -Math.log(1 - (i + 0.5) / SIZE));

function unitVariance(values: Float32Array): Float32Array {
  let squares = 0;
  for (const value of values) squares += value * value;
  const scale = 1 / Math.sqrt(squares / values.length);
  return values.map((value) => value * scale);
}

/** Inverse of the normal distribution function (Acklam's rational approximation, 1e-9). */
export function probit(p: number): number {
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p));
    return (
      (((((-7.784894002430293e-3 * q - 0.3223964580411365) * q - 2.400758277161838) * q - 2.549732539343734) *
        q +
        4.374664141464968) *
        q +
        2.938163982698783) /
      ((((7.784695709041462e-3 * q + 0.3224671290700398) * q + 2.445134137142996) * q + 3.754408661907416) *
        q +
        1)
    );
  }
  if (p > 1 - 0.02425) return -probit(1 - p);
  const q = p - 0.5;
  const r = q * q;
  return (
    ((((((-39.69683028665376 * r + 220.9460984245205) * r - 275.9285104469687) * r + 138.357751867269) * r -
      30.66479806614716) *
      r +
      2.506628277459239) *
      q) /
    (((((-54.47609879822406 * r + 161.5858368580409) * r - 155.6989798598866) * r + 66.80131188771972) * r -
      13.28068155288572) *
      r +
      1)
  );
}

/** Purposes keep the streams of one seed apart. */
export const STREAM = {
  home: 1,
  motion: 2,
  indoor: 3,
  link: 4,
  common: 5,
  fresh: 6,
  traffic: 7,
  profile: 8,
  fading: 9,
  roundTrip: 10,
  execution: 11,
  flow: 12,
} as const;
