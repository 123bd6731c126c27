/**
 * Path loss and line-of-sight probability of TR 38.901, clauses 7.4.1 and 7.4.2. Distances in m,
 * carrier in GHz, result in dB. Validity: UMa and UMi 10 m to 5 km; RMa 10 m to 10 km (LOS), 5 km (NLOS);
 * InH (office) 1 m to 150 m.
 */

export type Scenario = 'UMa' | 'UMi' | 'RMa' | 'InH';

export interface LinkGeometry {
  /** Horizontal distance. */
  d2D: number;
  fcGHz: number;
  hBS: number;
  hUT: number;
}

const C = 3e8;
/** RMa: mean building height and street width, the defaults of table 7.4.1-1. */
const RMA_H = 5;
const RMA_W = 20;
const lg = Math.log10;

/** Shadowing sigma (dB), LOS and NLOS, and decorrelation distance (m): tables 7.4.1-1 and 7.5-6. */
export const SHADOWING = {
  UMa: { sigmaLos: 4, sigmaNlos: 6, dcorLos: 37, dcorNlos: 50 },
  UMi: { sigmaLos: 4, sigmaNlos: 7.82, dcorLos: 10, dcorNlos: 13 },
  RMa: { sigmaLos: 4, sigmaNlos: 8, dcorLos: 37, dcorNlos: 120 },
  InH: { sigmaLos: 3, sigmaNlos: 8.03, dcorLos: 10, dcorNlos: 6 },
} as const;

/** Mean path loss with (`los`) or without line of sight. */
export function pathLoss(scenario: Scenario, los: boolean, g: LinkGeometry): number {
  const d3D = Math.hypot(g.d2D, g.hBS - g.hUT);
  if (scenario === 'RMa') return los ? rmaLos(g, d3D) : Math.max(rmaLos(g, d3D), rmaNlos(g, d3D));
  if (scenario === 'InH') return indoor(los, g.fcGHz, d3D);
  const direct = scenario === 'UMa' ? dualSlope(g, d3D, 28, 22, 9) : dualSlope(g, d3D, 32.4, 21, 9.5);
  if (los) return direct;
  const f = lg(g.fcGHz);
  const blocked =
    scenario === 'UMa'
      ? 13.54 + 39.08 * lg(d3D) + 20 * f - 0.6 * (g.hUT - 1.5)
      : 35.3 * lg(d3D) + 22.4 + 21.3 * f - 0.3 * (g.hUT - 1.5);
  return Math.max(direct, blocked);
}

function indoor(los: boolean, fcGHz: number, d3D: number): number {
  const direct = 32.4 + 17.3 * lg(d3D) + 20 * lg(fcGHz);
  return los ? direct : Math.max(direct, 17.3 + 38.3 * lg(d3D) + 24.9 * lg(fcGHz));
}

function dualSlope(g: LinkGeometry, d3D: number, a: number, slope: number, far: number): number {
  // Effective antenna heights: an environment height of 1 m is taken off both (note 1 of the table).
  const breakPoint = (4 * (g.hBS - 1) * (g.hUT - 1) * g.fcGHz * 1e9) / C;
  const base = a + 20 * lg(g.fcGHz);
  if (g.d2D <= breakPoint) return base + slope * lg(d3D);
  return base + 40 * lg(d3D) - far * lg(breakPoint ** 2 + (g.hBS - g.hUT) ** 2);
}

function rmaLos(g: LinkGeometry, d3D: number): number {
  const breakPoint = (2 * Math.PI * g.hBS * g.hUT * g.fcGHz * 1e9) / C;
  const pl1 = (d: number) =>
    20 * lg((40 * Math.PI * d * g.fcGHz) / 3) +
    Math.min(0.03 * RMA_H ** 1.72, 10) * lg(d) -
    Math.min(0.044 * RMA_H ** 1.72, 14.77) +
    0.002 * lg(RMA_H) * d;
  return g.d2D <= breakPoint ? pl1(d3D) : pl1(breakPoint) + 40 * lg(d3D / breakPoint);
}

function rmaNlos(g: LinkGeometry, d3D: number): number {
  return (
    161.04 -
    7.1 * lg(RMA_W) +
    7.5 * lg(RMA_H) -
    (24.37 - 3.7 * (RMA_H / g.hBS) ** 2) * lg(g.hBS) +
    (43.42 - 3.1 * lg(g.hBS)) * (lg(d3D) - 3) +
    20 * lg(g.fcGHz) -
    (3.2 * lg(11.75 * g.hUT) ** 2 - 4.97)
  );
}

/** Probability of line of sight (table 7.4.2-1): outdoors, and in a mixed office for InH. */
export function losProbability(scenario: Scenario, d2D: number, hUT = 1.5): number {
  if (scenario === 'InH') {
    if (d2D <= 1.2) return 1;
    return d2D < 6.5 ? Math.exp(-(d2D - 1.2) / 4.7) : 0.32 * Math.exp(-(d2D - 6.5) / 32.6);
  }
  if (scenario === 'RMa') return d2D <= 10 ? 1 : Math.exp(-(d2D - 10) / 1000);
  if (d2D <= 18) return 1;
  const near = 18 / d2D + Math.exp(-d2D / (scenario === 'UMa' ? 63 : 36)) * (1 - 18 / d2D);
  if (scenario === 'UMi' || hUT <= 13) return near;
  const c = ((hUT - 13) / 10) ** 1.5;
  return near * (1 + c * 1.25 * (d2D / 100) ** 3 * Math.exp(-d2D / 150));
}

/** Line of sight in an open office (table 7.4.2-1). */
export function losProbabilityOpenOffice(d2D: number): number {
  if (d2D <= 5) return 1;
  return d2D <= 49 ? Math.exp(-(d2D - 5) / 70.8) : 0.54 * Math.exp(-(d2D - 49) / 211.7);
}
