import { HEIGHT_BS, HEIGHT_UT } from '../grid/lookup.ts';
import type { CoverageForecast, GeoPoint, LoadForecast } from '../model.ts';
import { dlPerPrb, losProbability, pathLoss, powerPerRe, sectorGain, ulRate } from '../radio/index.ts';
import { toLocal } from '../sim/geo.ts';
import type { Deployed } from './deploy.ts';

/** What one more GBR user may hope to get of the PRBs that nobody is expected to need. */
const HOPE = 0.8;
/** Weight of a second in the history of a cell's load: a memory of about five minutes. */
const GAIN = 1 / 300;
const NO_COVERAGE_DBM = -140;

/**
 * Planning data and history: the mean path loss as it was planned, and the load that was observed so
 * far. It knows neither shadowing, nor faults, nor any event to come.
 */
export class Planning {
  readonly #deployed: Deployed;
  /** Observed loads, smoothed; shares of the PRBs. */
  readonly dl: Float64Array;
  readonly ul: Float64Array;
  readonly gbr: Float64Array;
  seconds = 0;

  constructor(deployed: Deployed) {
    this.#deployed = deployed;
    const n = deployed.cells.length;
    const { ambientDl, ambientUl } = deployed.grid.columns.cells;
    this.dl = Float64Array.from(ambientDl);
    this.ul = Float64Array.from(ambientUl);
    this.gbr = new Float64Array(n);
  }

  /** Takes the last second into the history. */
  observe(): void {
    const { cells, plan } = this.#deployed.grid.columns;
    this.seconds++;
    const gain = Math.max(GAIN, 1 / this.seconds);
    for (let c = 0; c < this.dl.length; c++) {
      const prbs = plan.cellPrbs[c] as number;
      const mix = (old: Float64Array, used: number) => {
        old[c] = (old[c] as number) + gain * (used / prbs - (old[c] as number));
      };
      mix(this.dl, cells.usedDl[c] as number);
      mix(this.ul, cells.usedUl[c] as number);
      mix(this.gbr, cells.gbrDl[c] as number);
    }
  }

  coverage(point: GeoPoint & { t: number }): CoverageForecast {
    const { region, ground } = this.#deployed;
    const at = { lat: point.lat, lon: point.lon };
    const { x, y } = toLocal(region.centre, at);
    const { x0, x1, y0, y1 } = ground.layout.bounds;
    const margin = 0.15 * region.radiusM;
    if (x < x0 - margin || x > x1 + margin || y < y0 - margin || y > y1 + margin) {
      const none = { rsrpDbm: NO_COVERAGE_DBM, sinrDb: -20, dlMbps: 0, ulMbps: 0 };
      return { point: at, t: point.t, cellId: null, ...none, standby: null, confidence: 0.9 };
    }
    const nr = this.#layer('NR', x, y);
    const standby = this.#layer('EUTRA', x, y);
    const usable = (level: number) => level > -121;
    const margins = nr ? Math.min(1, Math.abs(nr.rsrpDbm + 103) / 20) : 1;
    const { cellId = null, rsrpDbm = NO_COVERAGE_DBM, sinrDb = -20, dlMbps = 0, ulMbps = 0 } = nr ?? {};
    return {
      point: at,
      t: point.t,
      cellId: usable(rsrpDbm) ? cellId : null,
      rsrpDbm,
      sinrDb,
      dlMbps,
      ulMbps,
      standby: standby && usable(standby.rsrpDbm) ? standby : null,
      confidence: Math.round((0.6 + 0.3 * margins) * 100) / 100,
    };
  }

  #layer(rat: 'NR' | 'EUTRA', x: number, y: number) {
    const { cells, ground, grid } = this.#deployed;
    const carrier = ground.layout.carriers[rat];
    const { plan } = grid.columns;
    let best = -1;
    let bestDbm = Number.NEGATIVE_INFINITY;
    let total = 0;
    let bestMw = 0;
    for (let c = 0; c < cells.length; c++) {
      const cell = cells[c] as (typeof cells)[number];
      if (cell.rat !== rat) continue;
      const dbm = this.#mean(c, x, y);
      const mw = 10 ** (dbm / 10);
      total += mw * Math.max(0.05, this.dl[c] as number);
      if (dbm <= bestDbm) continue;
      best = c;
      bestDbm = dbm;
      bestMw = mw;
    }
    if (best < 0) return undefined;
    const interference = total - bestMw * Math.max(0.05, this.dl[best] as number);
    const sinr = 10 * Math.log10(bestMw / (interference + 10 ** (carrier.noisePerReDbm / 10)));
    const usable = sinr > -8 && bestDbm > -121;
    const free = (load: number) =>
      Math.max(0, Math.min(1, 1 - load)) * HOPE * (plan.cellPrbs[best] as number);
    const loss = powerPerRe(carrier) - bestDbm + 1 + 4 * (this.ul[best] as number);
    const round = (value: number) => Math.round(value * 100) / 100;
    return {
      cellId: (cells[best] as { id: string }).id,
      rsrpDbm: round(bestDbm),
      sinrDb: round(sinr),
      dlMbps: usable ? round(free(this.dl[best] as number) * dlPerPrb(carrier, sinr)) : 0,
      ulMbps: usable ? round(ulRate(rat, loss, free(this.ul[best] as number))) : 0,
    };
  }

  /** Mean RSRP of a cell at a point, dBm, as planned. */
  #mean(c: number, x: number, y: number): number {
    const { ground, cells, grid } = this.#deployed;
    const { plan } = grid.columns;
    const site = ground.sites[plan.cellSite[c] as number] as (typeof ground.sites)[number];
    const { fcGHz } = ground.layout.carriers[(cells[c] as { rat: 'NR' | 'EUTRA' }).rat];
    const hBS = HEIGHT_BS[site.scenario];
    const hUT = HEIGHT_UT[site.scenario];
    const dx = x - site.x;
    const dy = y - site.y;
    const d2D = Math.max(site.scenario === 'InH' ? 1 : 10, Math.hypot(dx, dy));
    const link = { d2D, fcGHz, hBS, hUT };
    const p = losProbability(site.scenario, d2D, hUT);
    const loss = p * pathLoss(site.scenario, true, link) + (1 - p) * pathLoss(site.scenario, false, link);
    const down = 90 + (Math.atan2(hBS - hUT, d2D) * 180) / Math.PI;
    const panel = {
      azimuthDeg: plan.cellAzimuth[c] as number,
      tiltDeg: plan.cellTilt[c] as number,
      maxGainDbi: 0,
    };
    const towards = (Math.atan2(dx, dy) * 180) / Math.PI;
    return (plan.cellPower[c] as number) - loss + sectorGain(panel, towards, down);
  }

  /** Load as it was lately: no time of day is modelled, so that is what is expected at any time. */
  load(c: number, cellId: string, start: number, end: number): LoadForecast {
    const percent = (share: number) => Math.round(1e4 * Math.min(1, share)) / 100;
    return {
      cellId,
      start,
      end,
      prbRatio: percent(this.dl[c] as number),
      gbrPrbRatio: percent(this.gbr[c] as number),
      confidence: this.seconds < 60 ? 0.4 : 0.7,
    };
  }

  save(): { seconds: number; loads: number[][] } {
    return { seconds: this.seconds, loads: [this.dl, this.ul, this.gbr].map((one) => [...one]) };
  }

  restore({ seconds, loads }: { seconds: number; loads: number[][] }): void {
    this.seconds = seconds;
    [this.dl, this.ul, this.gbr].forEach((column, i) => {
      column.set(loads[i] as number[]);
    });
  }
}
