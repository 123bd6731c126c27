/** Losses into buildings and cars, TR 38.901 clause 7.4.3. Carrier in GHz, losses in dB. */

const glass = (f: number) => 2 + 0.2 * f;
const coatedGlass = (f: number) => 23 + 0.3 * f;
const concrete = (f: number) => 5 + 4 * f;
const through = (share: number, a: number, b: number) =>
  5 - 10 * Math.log10(share * 10 ** (-a / 10) + (1 - share) * 10 ** (-b / 10));

/** Standard deviation of the loss, table 7.4.3-2. */
export const PENETRATION_SIGMA = { low: 4.4, high: 6.5 } as const;

/** Mean loss into a building (table 7.4.3-2): outer wall and `depthM` of inside. */
export function buildingLoss(kind: 'low' | 'high', fcGHz: number, depthM: number): number {
  const wall =
    kind === 'low'
      ? through(0.3, glass(fcGHz), concrete(fcGHz))
      : through(0.7, coatedGlass(fcGHz), concrete(fcGHz));
  return wall + 0.5 * depthM;
}

/** Mean and standard deviation of the loss into a car, clause 7.4.3.2. */
export const CAR_LOSS = { mean: 9, sigma: 5 } as const;
