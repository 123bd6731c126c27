/**
 * Counter-based randomness: a draw is a function of what it is for, never of how many came before,
 * so that an action on one UE cannot shift the draws of another.
 */

/** Purposes keep draws of the same entity and second apart. */
export const PURPOSE = {
  shadowCommon: 1,
  shadowSite: 2,
  sight: 3,
  ueHome: 4,
  ueMotion: 5,
  ueService: 6,
  ueActive: 7,
  ambientBase: 8,
  ambientNow: 9,
  fading: 10,
  route: 11,
  event: 12,
  trip: 13,
  crowd: 14,
  path: 15,
  ambientUl: 16,
  fadingStandby: 17,
} as const;

/** 32 uniform bits out of up to five integers. */
export function hash(seed: number, purpose: number, a: number, b = 0, c = 0): number {
  let h = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(purpose + 0x7f4a7c15, 0xc2b2ae35);
  h = mix(h ^ Math.imul(a | 0, 0x27d4eb2f));
  h = mix(h ^ Math.imul((b | 0) + 0x165667b1, 0x9e3779b1));
  h = mix(h ^ Math.imul((c | 0) + 0x2c1b3c6d, 0x297a2d39));
  return h >>> 0;
}

function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return h ^ (h >>> 16);
}

/** Uniform in [0, 1). */
export function uniform(seed: number, purpose: number, a: number, b = 0, c = 0): number {
  return hash(seed, purpose, a, b, c) / 4294967296;
}

/** N(0, 1), Box-Muller on one hash split in two. */
export function normal(seed: number, purpose: number, a: number, b = 0, c = 0): number {
  const h = hash(seed, purpose, a, b, c);
  const u = ((h >>> 16) + 0.5) / 65536;
  const v = (h & 0xffff) / 65536;
  return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
}
