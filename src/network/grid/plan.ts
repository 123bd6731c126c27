import type { Rat } from '../model.ts';
import type { Layout } from './layout.ts';
import { SCENARIOS } from './lookup.ts';

export const RATS = ['NR', 'EUTRA'] as const satisfies readonly Rat[];
/** Index of a RAT in the columns. */
export const NR_ = 0;
export const LTE_ = 1;

/** The layout as columns; nothing here changes after the start. */
export interface Plan {
  sites: number;
  cells: number;
  siteX: Float32Array;
  siteY: Float32Array;
  siteScenario: Uint8Array;
  /** First cell and number of cells of a site on a RAT: `2 * site + rat`. */
  siteFirst: Int32Array;
  siteCount: Uint8Array;
  cellSite: Int32Array;
  cellRat: Uint8Array;
  cellAzimuth: Float32Array;
  cellPrbs: Float32Array;
  /** As planned; faults change the copies in the cell columns. */
  cellTilt: Float32Array;
  /** Power of one resource element with the antenna's maximum gain, dBm. */
  cellPower: Float32Array;
  /** Squares of the plane, each with its nearest sites: `square * candidates + k`. */
  candidates: number;
  squareM: number;
  squaresX: number;
  squaresY: number;
  squareX0: number;
  squareY0: number;
  near: Int32Array;
  /** Cells of the same RAT on the nearest sites, with which a cell interferes: CSR. */
  ringStart: Int32Array;
  ring: Int32Array;
}

const MAX_SQUARES_A_SITE = 64;

/** Turns a layout into columns, with the nearest sites of every square of the plane. */
export function planOf(layout: Layout, candidates: number): Plan {
  const sites = layout.sites.length;
  const k = Math.min(candidates, sites);
  const cells = layout.sites.reduce((sum, site) => sum + site.cells.length, 0);
  const { x0, y0, x1, y1 } = layout.bounds;
  const area = (x1 - x0) * (y1 - y0);
  const squareM = Math.max(20, Math.sqrt(area / (MAX_SQUARES_A_SITE * sites)));
  const plan: Plan = {
    sites,
    cells,
    siteX: Float32Array.from(layout.sites, (site) => site.x),
    siteY: Float32Array.from(layout.sites, (site) => site.y),
    siteScenario: Uint8Array.from(layout.sites, (site) => SCENARIOS.indexOf(site.scenario)),
    siteFirst: new Int32Array(2 * sites),
    siteCount: new Uint8Array(2 * sites),
    cellSite: new Int32Array(cells),
    cellRat: new Uint8Array(cells),
    cellAzimuth: new Float32Array(cells),
    cellPrbs: new Float32Array(cells),
    cellTilt: new Float32Array(cells),
    cellPower: new Float32Array(cells),
    candidates: k,
    squareM,
    squaresX: Math.max(1, Math.ceil((x1 - x0) / squareM)),
    squaresY: Math.max(1, Math.ceil((y1 - y0) / squareM)),
    squareX0: x0,
    squareY0: y0,
    near: new Int32Array(0),
    ringStart: new Int32Array(cells + 1),
    ring: new Int32Array(0),
  };
  fillCells(plan, layout);
  plan.near = nearestSites(plan);
  fillRings(plan);
  return plan;
}

function fillCells(plan: Plan, layout: Layout): void {
  let cell = 0;
  layout.sites.forEach((site, s) => {
    for (const [r, rat] of RATS.entries()) {
      const carrier = layout.carriers[rat];
      plan.siteFirst[2 * s + r] = cell;
      for (const one of site.cells) {
        if (one.rat !== rat) continue;
        plan.cellSite[cell] = s;
        plan.cellRat[cell] = r;
        plan.cellAzimuth[cell] = one.azimuthDeg;
        plan.cellPrbs[cell] = carrier.prbTotal;
        plan.cellTilt[cell] = one.tiltDeg ?? carrier.tiltDeg;
        plan.cellPower[cell] =
          (one.txPowerDbm ?? carrier.txPowerDbm) - 10 * Math.log10(12 * carrier.prbTotal) + carrier.gainDbi;
        cell++;
      }
      plan.siteCount[2 * s + r] = cell - (plan.siteFirst[2 * s + r] as number);
    }
  });
}

/** Square of a point; points outside belong to the square at the edge. */
export function squareOf(plan: Plan, x: number, y: number): number {
  const ix = ((x - plan.squareX0) / plan.squareM) | 0;
  const iy = ((y - plan.squareY0) / plan.squareM) | 0;
  const cx = ix < 0 ? 0 : ix >= plan.squaresX ? plan.squaresX - 1 : ix;
  const cy = iy < 0 ? 0 : iy >= plan.squaresY ? plan.squaresY - 1 : iy;
  return cy * plan.squaresX + cx;
}

/** Coarse buckets of sites, searched ring by ring around each square. */
function nearestSites(plan: Plan): Int32Array {
  const { sites, siteX, siteY, candidates: k, squareM, squaresX, squaresY } = plan;
  const side = squareM * Math.sqrt(MAX_SQUARES_A_SITE) * 1.5;
  const across = Math.max(1, Math.ceil((squaresX * squareM) / side));
  const down = Math.max(1, Math.ceil((squaresY * squareM) / side));
  const bucketOf = (value: number, origin: number, count: number) =>
    Math.max(0, Math.min(count - 1, Math.floor((value - origin) / side)));
  const buckets: number[][] = Array.from({ length: across * down }, () => []);
  for (let s = 0; s < sites; s++) {
    const bx = bucketOf(siteX[s] as number, plan.squareX0, across);
    const by = bucketOf(siteY[s] as number, plan.squareY0, down);
    buckets[by * across + bx]?.push(s);
  }
  const near = new Int32Array(squaresX * squaresY * k);
  const best = new Float64Array(k);
  for (let iy = 0; iy < squaresY; iy++) {
    for (let ix = 0; ix < squaresX; ix++) {
      const x = plan.squareX0 + (ix + 0.5) * squareM;
      const y = plan.squareY0 + (iy + 0.5) * squareM;
      const bx = bucketOf(x, plan.squareX0, across);
      const by = bucketOf(y, plan.squareY0, down);
      const from = (iy * squaresX + ix) * k;
      best.fill(Number.POSITIVE_INFINITY);
      const widest = Math.max(across, down);
      for (let reach = 0; reach <= widest; reach++) {
        // Sites in further buckets are at least this far away.
        const safe = Math.max(0, reach - 1) * side;
        if ((best[k - 1] as number) <= safe * safe) break;
        for (let j = by - reach; j <= by + reach; j++) {
          for (let i = bx - reach; i <= bx + reach; i++) {
            if (Math.max(Math.abs(i - bx), Math.abs(j - by)) !== reach) continue;
            if (i < 0 || j < 0 || i >= across || j >= down) continue;
            for (const s of buckets[j * across + i] as number[]) {
              const d = ((siteX[s] as number) - x) ** 2 + ((siteY[s] as number) - y) ** 2;
              insert(near, best, from, k, s, d);
            }
          }
        }
      }
    }
  }
  return near;
}

function insert(
  near: Int32Array,
  best: Float64Array,
  from: number,
  k: number,
  site: number,
  d: number,
): void {
  if (d >= (best[k - 1] as number)) return;
  let at = k - 1;
  while (at > 0 && (best[at - 1] as number) > d) {
    best[at] = best[at - 1] as number;
    near[from + at] = near[from + at - 1] as number;
    at--;
  }
  best[at] = d;
  near[from + at] = site;
}

function fillRings(plan: Plan): void {
  const ring: number[] = [];
  for (let cell = 0; cell < plan.cells; cell++) {
    plan.ringStart[cell] = ring.length;
    const site = plan.cellSite[cell] as number;
    const rat = plan.cellRat[cell] as number;
    const square = squareOf(plan, plan.siteX[site] as number, plan.siteY[site] as number);
    for (let k = 0; k < plan.candidates; k++) {
      const other = plan.near[square * plan.candidates + k] as number;
      const first = plan.siteFirst[2 * other + rat] as number;
      for (let c = first; c < first + (plan.siteCount[2 * other + rat] as number); c++) {
        if (c !== cell) ring.push(c);
      }
    }
  }
  plan.ringStart[plan.cells] = ring.length;
  plan.ring = Int32Array.from(ring);
}
