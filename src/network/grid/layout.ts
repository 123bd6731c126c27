import type { Rat } from '../model.ts';
import { type Carrier, LTE, NR, type Scenario } from '../radio/index.ts';

/** A cell of a site, before it becomes a row of the grid's columns. */
export interface CellPlan {
  rat: Rat;
  azimuthDeg: number;
  /** Default: that of the carrier. */
  tiltDeg?: number;
  /** Default: that of the carrier. */
  txPowerDbm?: number;
}

export interface SitePlan {
  /** m, east and north. */
  x: number;
  y: number;
  scenario: Scenario;
  cells: CellPlan[];
}

/** A road or rail line: `points` are x, y pairs, m. Vehicles run to its end and back. */
export interface Route {
  points: number[];
}

/** Where the network stands and the UEs move: the part of the world that no tick changes. */
export interface Layout {
  sites: SitePlan[];
  /** Carrier of each RAT; the E-UTRA layer is the standby network. */
  carriers: Readonly<Record<Rat, Carrier>>;
  bounds: { x0: number; y0: number; x1: number; y1: number };
  /** Distance between parallel streets, m. */
  streetM: number;
  routes: Route[];
}

const SECTORS = [30, 150, 270] as const;

export interface HexagonOptions {
  /** At least this many NR cells, in whole sites. */
  cells: number;
  /** Inter-site distance, m. */
  isdM: number;
  scenario?: Scenario;
  /** Whether site number `i` has an NR layer, an E-UTRA layer; default both on all. */
  has?: (site: number, rat: Rat) => boolean;
  carriers?: Partial<Record<Rat, Carrier>>;
  streetM?: number;
  routes?: Route[];
}

/**
 * Three-sector sites on a hexagonal grid, filled ring by ring from the middle. A small random shift a
 * site is left out on purpose: the layout of TR 38.901 7.2 is regular.
 */
export function hexagonLayout(options: HexagonOptions): Layout {
  const { cells, isdM, scenario = 'UMa', has = () => true } = options;
  const count = Math.ceil(cells / SECTORS.length);
  const sites = spiral(count, isdM).map(
    ({ x, y }, i): SitePlan => ({
      x,
      y,
      scenario,
      cells: (['NR', 'EUTRA'] as const).flatMap((rat) =>
        has(i, rat) ? SECTORS.map((azimuthDeg) => ({ rat, azimuthDeg })) : [],
      ),
    }),
  );
  return {
    sites,
    carriers: { NR: options.carriers?.NR ?? NR, EUTRA: options.carriers?.EUTRA ?? LTE },
    bounds: around(sites, isdM / 2),
    streetM: options.streetM ?? 100,
    routes: options.routes ?? [],
  };
}

/** Sites along a straight motorway of `lengthM`, alternating sides; its two lanes are the routes. */
export function motorwayLayout(options: {
  lengthM: number;
  isdM: number;
  scenario?: Scenario;
  has?: (site: number, rat: Rat) => boolean;
  carriers?: Partial<Record<Rat, Carrier>>;
}): Layout {
  const { lengthM, isdM, scenario = 'RMa', has = () => true } = options;
  const count = Math.ceil(lengthM / isdM) + 1;
  const sites = Array.from(
    { length: count },
    (_, i): SitePlan => ({
      x: i * isdM,
      y: i % 2 === 0 ? 35 : -35,
      scenario,
      cells: (['NR', 'EUTRA'] as const).flatMap((rat) =>
        // Two sectors look along the road.
        has(i, rat) ? [90, 270].map((azimuthDeg) => ({ rat, azimuthDeg })) : [],
      ),
    }),
  );
  return {
    sites,
    carriers: { NR: options.carriers?.NR ?? NR, EUTRA: options.carriers?.EUTRA ?? LTE },
    bounds: around(sites, isdM / 2),
    streetM: 100,
    routes: [6, -6].map((y) => ({ points: [0, y, lengthM, y] })),
  };
}

/** The first `count` points of a hexagonal grid, from the middle outwards. */
function spiral(count: number, isdM: number): Array<{ x: number; y: number }> {
  const rows = Math.sqrt(3) / 2;
  const points: Array<{ x: number; y: number; ring: number }> = [];
  for (let ring = 0; points.length < count; ring++) {
    for (let q = -ring; q <= ring; q++) {
      for (let r = Math.max(-ring, -q - ring); r <= Math.min(ring, -q + ring); r++) {
        if (Math.max(Math.abs(q), Math.abs(r), Math.abs(q + r)) !== ring) continue;
        points.push({ x: isdM * (q + r / 2), y: isdM * r * rows, ring });
      }
    }
  }
  return points.slice(0, count);
}

function around(sites: readonly SitePlan[], margin: number): Layout['bounds'] {
  const xs = sites.map((site) => site.x);
  const ys = sites.map((site) => site.y);
  return {
    x0: Math.min(...xs) - margin,
    y0: Math.min(...ys) - margin,
    x1: Math.max(...xs) + margin,
    y1: Math.max(...ys) + margin,
  };
}
