import {
  type Carrier,
  LTE,
  losProbability,
  NR,
  pathLoss,
  powerPerRe,
  SHADOWING,
  sectorGain,
} from '../radio/index.ts';
import { type Deployment, HEIGHT_BS, HEIGHT_UT } from './deployment.ts';
import type { Point } from './geo.ts';
import { normal, PURPOSE } from './hash.ts';
import { type Zone, zoneLoss } from './terrain.ts';

/** RSRP of every cell at one place, dBm and mW; sectors in the order of the deployment. */
export interface Sample {
  nr: Float32Array;
  lte: Float32Array;
  nrMw: Float32Array;
  lteMw: Float32Array;
}

/** TR 38.901 wants at least 10 m; nearer points see the loss at 10 m. */
const MIN_DISTANCE_M = 10;
/** Common to all sites: they share the surroundings of the UE (correlation 0.5 between sites). */
const SHARED = Math.SQRT1_2;
const SHADOW_STEP_M = 45;
const SIGHT_STEP_M = 50;
const GRID_M = 20;
/** How softly line of sight fades, in units of probability (TR 38.901 7.6.3.3 asks for a soft one). */
const SIGHT_SOFTNESS = 0.06;

/**
 * The radio of a region as a function of place alone: path loss, spatially consistent line of sight
 * and shadowing, antennas and terrain. Time enters through load and fading, elsewhere.
 */
export class RadioMap {
  readonly zones: Zone[] = [];
  readonly #seed: number;
  readonly #deployment: Deployment;
  readonly #grid = new Map<number, Sample>();

  constructor(seed: number, deployment: Deployment) {
    this.#seed = seed;
    this.#deployment = deployment;
  }

  empty(): Sample {
    const cells = this.#deployment.nr.length;
    return {
      nr: new Float32Array(cells),
      lte: new Float32Array(cells),
      nrMw: new Float32Array(cells),
      lteMw: new Float32Array(cells),
    };
  }

  /** The sample of the 20 m square in which `p` lies, computed once. Zones must be set before. */
  near(p: Point): Sample {
    const ix = Math.round(p.x / GRID_M);
    const iy = Math.round(p.y / GRID_M);
    const key = (ix + 2048) * 4096 + iy + 2048;
    let sample = this.#grid.get(key);
    if (!sample) {
      sample = this.measure({ x: ix * GRID_M, y: iy * GRID_M });
      this.#grid.set(key, sample);
    }
    return sample;
  }

  /** What a UE measures at exactly `p`. */
  measure(p: Point, into: Sample = this.empty()): Sample {
    const shared = this.#field(PURPOSE.shadowCommon, 0, p, SHADOW_STEP_M);
    return this.#fill(p, into, false, (site, d2D) => {
      const own = this.#field(PURPOSE.shadowSite, site + 1, p, SHADOW_STEP_M);
      const sight = gaussianToUniform(this.#field(PURPOSE.sight, site + 1, p, SIGHT_STEP_M));
      const los = 1 / (1 + Math.exp((sight - losProbability('UMa', d2D)) / SIGHT_SOFTNESS));
      return { los, shadow: SHARED * (shared + own) };
    });
  }

  /** What planning data expects at `p`: mean line of sight, no shadowing, mapped terrain only. */
  expect(p: Point, into: Sample = this.empty()): Sample {
    return this.#fill(p, into, true, (_site, d2D) => ({ los: losProbability('UMa', d2D), shadow: 0 }));
  }

  #fill(
    p: Point,
    into: Sample,
    mappedOnly: boolean,
    surroundings: (site: number, d2D: number) => { los: number; shadow: number },
  ): Sample {
    const { sites, nr, lte } = this.#deployment;
    const zoneNr = zoneLoss(this.zones, p, 'NR', mappedOnly);
    const zoneLte = zoneLoss(this.zones, p, 'EUTRA', mappedOnly);
    for (let s = 0; s < sites.length; s++) {
      const site = sites[s] as Point;
      const dx = p.x - site.x;
      const dy = p.y - site.y;
      const d2D = Math.max(MIN_DISTANCE_M, Math.hypot(dx, dy));
      const azimuth = (Math.atan2(dx, dy) * 180) / Math.PI;
      const zenith = 90 + (Math.atan2(HEIGHT_BS - HEIGHT_UT, d2D) * 180) / Math.PI;
      const { los, shadow } = surroundings(s, d2D);
      const { sigmaLos, sigmaNlos } = SHADOWING.UMa;
      const shadowDb = shadow * (los * sigmaLos + (1 - los) * sigmaNlos);
      const nrLoss = meanLoss(NR, d2D, los) + shadowDb + zoneNr;
      const lteLoss = meanLoss(LTE, d2D, los) + shadowDb + zoneLte;
      for (let sector = 0; sector < 3; sector++) {
        const i = 3 * s + sector;
        const at = (nr[i] ?? lte[i])?.azimuthDeg ?? 0;
        set(into.nr, into.nrMw, i, POWER_NR - nrLoss + gain(NR, at, azimuth, zenith));
        set(into.lte, into.lteMw, i, POWER_LTE - lteLoss + gain(LTE, at, azimuth, zenith));
      }
    }
    return into;
  }

  /** N(0, 1) lattice noise, bilinear and scaled back to unit variance. */
  #field(purpose: number, entity: number, p: Point, step: number): number {
    const gx = p.x / step;
    const gy = p.y / step;
    const ix = Math.floor(gx);
    const iy = Math.floor(gy);
    const fx = gx - ix;
    const fy = gy - iy;
    const at = (x: number, y: number) => normal(this.#seed, purpose, entity, x, y);
    const w00 = (1 - fx) * (1 - fy);
    const w10 = fx * (1 - fy);
    const w01 = (1 - fx) * fy;
    const w11 = fx * fy;
    const sum = w00 * at(ix, iy) + w10 * at(ix + 1, iy) + w01 * at(ix, iy + 1) + w11 * at(ix + 1, iy + 1);
    return sum / Math.sqrt(w00 * w00 + w10 * w10 + w01 * w01 + w11 * w11);
  }
}

const POWER_NR = powerPerRe(NR);
const POWER_LTE = powerPerRe(LTE);

function meanLoss(carrier: Carrier, d2D: number, los: number): number {
  const g = { d2D, fcGHz: carrier.fcGHz, hBS: HEIGHT_BS, hUT: HEIGHT_UT };
  return los * pathLoss('UMa', true, g) + (1 - los) * pathLoss('UMa', false, g);
}

function gain(carrier: Carrier, panelAzimuth: number, azimuth: number, zenith: number): number {
  return sectorGain(
    { azimuthDeg: panelAzimuth, tiltDeg: carrier.tiltDeg, maxGainDbi: carrier.gainDbi },
    azimuth,
    zenith,
  );
}

function set(dbm: Float32Array, mw: Float32Array, i: number, value: number): void {
  dbm[i] = value;
  mw[i] = 10 ** (value / 10);
}

/** Normal distribution function (Abramowitz and Stegun 26.2.17). */
function gaussianToUniform(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const tail =
    0.3989423 *
    Math.exp((-z * z) / 2) *
    t *
    (0.3193815 + t * (-0.3565638 + t * (1.781478 + t * (-1.821256 + t * 1.330274))));
  return z > 0 ? 1 - tail : tail;
}

/** Index of the strongest cell. */
export function strongest(rsrp: Float32Array): number {
  let best = 0;
  for (let i = 1; i < rsrp.length; i++) if ((rsrp[i] as number) > (rsrp[best] as number)) best = i;
  return best;
}

/** Mean SINR in dB of a cell where the others transmit in the share `load` of their resources. */
export function sinrOf(carrier: Carrier, mw: Float32Array, cell: number, load: Float64Array): number {
  let interference = 0;
  for (let i = 0; i < mw.length; i++) interference += (mw[i] as number) * (load[i] as number);
  const own = mw[cell] as number;
  interference = Math.max(0, interference - own * (load[cell] as number));
  return 10 * Math.log10(own / (interference + (carrier.rat === 'NR' ? NOISE_NR : NOISE_LTE)));
}

const NOISE_NR = 10 ** (NR.noisePerReDbm / 10);
const NOISE_LTE = 10 ** (LTE.noisePerReDbm / 10);
