import {
  createGrid,
  type Grid,
  hexagonLayout,
  type Layout,
  type Profile,
  type Tuning,
} from '../grid/index.ts';
import { LTE, NR } from '../radio/index.ts';
import type { DriveSecond } from './drives.ts';

/** The network around a drive, as far as the measurement does not say: fitted, see `calibration.ts`. */
export interface DriveModel {
  isdM: number;
  /** Share of the sites that are street-level micro sites. */
  microShare: number;
  /** Share of the sites with NR. */
  nrShare: number;
  /** Loss into the car, less what the real carriers have over ours in power and lower frequency, dB. */
  lossDb: number;
  /** Least and most load of the cells by other subscribers. */
  ambient: readonly [number, number];
  /** PRBs of the NR carrier. */
  nrPrbs: number;
  tuning: Partial<Tuning>;
}

const DOWNLOAD: Profile = {
  name: 'download',
  share: 1,
  onS: 1e9,
  offS: 0,
  dlMbps: Number.POSITIVE_INFINITY,
  ulMbps: 0.2,
};
/** Subscribers a cell beside the driving one. */
const OTHERS = 10;
const CELLS = 57;
const WARM_TICKS = 15;

function layoutOf(model: DriveModel): Layout {
  // Sites are dealt out evenly over the spiral: the golden ratio leaves no long runs.
  const spread = (site: number, turn: number) => (site * 0.6180339887 + turn) % 1;
  const carriers = {
    NR: { ...NR, prbTotal: model.nrPrbs, bandwidthMHz: Math.round((model.nrPrbs * 100) / 273) },
    EUTRA: LTE,
  };
  const layout = hexagonLayout({
    cells: CELLS,
    isdM: model.isdM,
    carriers,
    has: (site, rat) => rat === 'EUTRA' || spread(site, 0.3) < model.nrShare,
    streetM: 120,
  });
  layout.sites.forEach((site, i) => {
    if (spread(i, 0.71) < model.microShare) site.scenario = 'UMi';
  });
  return layout;
}

/**
 * Cars that download while they drive through the model's network, each at one of `speedsMps`, for
 * `seconds`. Seconds without a link count with the level of the strongest cell and no rate, as a modem
 * reports them.
 */
export function simulateDrive(
  model: DriveModel,
  run: { speedsMps: readonly number[]; seconds: number; seed: number },
): DriveSecond[][] {
  const grid = createGrid(layoutOf(model), {
    seed: run.seed,
    ues: CELLS * OTHERS,
    travellers: run.speedsMps.map((speedMps) => ({ speedMps, lossDb: model.lossDb, profile: DOWNLOAD })),
    ambient: model.ambient,
    tuning: model.tuning,
  });
  const first = CELLS * OTHERS;
  grid.tick(WARM_TICKS);
  const drives: DriveSecond[][] = run.speedsMps.map(() => []);
  for (let second = 0; second < run.seconds; second++) {
    grid.tick();
    drives.forEach((drive, i) => {
      const sample = secondOf(grid, first + i, second);
      if (sample !== null) drive.push(sample);
    });
  }
  return drives;
}

function secondOf(grid: Grid, u: number, second: number): DriveSecond | null {
  const { ues } = grid.columns;
  const linked = ues.rrc[u] === 2;
  const rsrp = (linked ? ues.rsrp : ues.neighbourRsrp)[u] as number;
  if (rsrp <= -199) return null;
  const speedMps = ues.speed[u] as number;
  return {
    second,
    rat: ues.rat[u] === 0 ? 'NR' : 'EUTRA',
    cell: linked ? String(ues.cell[u]) : 'none',
    rsrp,
    sinr: (linked ? ues.sinr : ues.neighbourSinr)[u] as number,
    dlMbps: linked ? (ues.gotDl[u] as number) : 0,
    speedMps,
    moved: speedMps,
  };
}

/** Radio in which the round trips were measured: dBm and dB. */
const MEASURED_AT = { rsrp: [-96, -80], sinr: [7, 16] } as const;

/**
 * Round trips of cars that send twenty small packets a second over NR, as the measurement did, in the
 * seconds that begin in the radio in which it was made. A packet sent while there is no link arrives when
 * it is back.
 */
export function simulateRoundTrips(
  run: { seconds: number; seed: number; isdM: number; ambient: readonly [number, number]; lossDb: number },
  tuning: Partial<Tuning>,
): number[] {
  const chatter: Profile = { name: 'control', share: 1, onS: 1e9, offS: 0, dlMbps: 0.1, ulMbps: 0.1 };
  const grid = createGrid(hexagonLayout({ cells: 21, isdM: run.isdM }), {
    seed: run.seed,
    ues: 21 * OTHERS,
    travellers: Array.from({ length: 8 }, () => ({ speedMps: 12.5, lossDb: run.lossDb, profile: chatter })),
    ambient: run.ambient,
    tuning,
  });
  grid.tick(5);
  const values: number[] = [];
  const waiting: number[][] = Array.from({ length: 8 }, () => []);
  const { ues } = grid.columns;
  const inside = (value: number, [low, high]: readonly [number, number]) => value >= low && value <= high;
  for (let second = 0; second < run.seconds; second++) {
    const fits = waiting.map((_, i) => {
      const u = 21 * OTHERS + i;
      return (
        ues.rat[u] === 0 &&
        inside(ues.rsrp[u] as number, MEASURED_AT.rsrp) &&
        inside(ues.sinr[u] as number, MEASURED_AT.sinr)
      );
    });
    grid.tick();
    waiting.forEach((held, i) => {
      const u = 21 * OTHERS + i;
      if (!fits[i] && held.length === 0) return;
      const trips = grid.roundTrips(u, 20);
      if (trips.some((ms) => !Number.isFinite(ms))) {
        for (let k = 0; k < 20; k++) held.push(second * 1000 + k * 50);
        return;
      }
      for (const sentAt of held.splice(0)) values.push(second * 1000 - sentAt + (trips[1] as number));
      // The first one carries the outage, which `held` accounts for packet by packet.
      values.push(...trips.slice(1));
    });
  }
  return values;
}
