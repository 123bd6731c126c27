import type { CellPlan, Layout, SitePlan } from '../grid/index.ts';
import type { Rat } from '../model.ts';
import { type Carrier, LTE, NR } from '../radio/index.ts';
import { alongRoute, lengthOf, type Polyline, polylineOf } from './routes.ts';
import { EUTRA_BANDS, EUTRA_PRBS, NR_BANDS, NR_PRBS, type WorldDescription } from './schema.ts';

type SiteDescription = WorldDescription['sites'][number];

export interface NamedSite extends SitePlan {
  name: string;
  /** Entry of the description that made it. */
  group: string;
}

export interface Ground {
  layout: Layout;
  sites: NamedSite[];
  routes: ReadonlyMap<string, { index: number; line: Polyline }>;
}

/** Lays the sites, carriers and roads of a description out on the plane. */
export function groundOf(world: WorldDescription): Ground {
  const routes = new Map(
    world.routes.map(({ name, points }, index) => [name, { index, line: polylineOf(points) }] as const),
  );
  const sites = world.sites.flatMap((site) => sitesOf(site, routes));
  const layout: Layout = {
    sites: sites.map(({ x, y, scenario, cells }) => ({ x, y, scenario, cells })),
    carriers: carriersOf(world),
    bounds: boundsOf(world, sites),
    streetM: world.streetM,
    routes: world.routes.map(({ points }) => ({ points: points.flat() })),
  };
  return { layout, sites, routes };
}

function carriersOf({ carriers }: WorldDescription): Record<Rat, Carrier> {
  const { nr, eutra } = carriers;
  const settings = (of: typeof nr) => ({
    bandwidthMHz: of.bandwidthMHz,
    txPowerDbm: of.powerDbm,
    gainDbi: of.gainDbi,
    tiltDeg: of.tiltDeg,
  });
  return {
    NR: {
      ...NR,
      ...settings(nr),
      fcGHz: NR_BANDS[nr.band as keyof typeof NR_BANDS],
      prbTotal: NR_PRBS[nr.bandwidthMHz as keyof typeof NR_PRBS],
    },
    EUTRA: {
      ...LTE,
      ...settings(eutra),
      fcGHz: EUTRA_BANDS[eutra.band as keyof typeof EUTRA_BANDS],
      prbTotal: EUTRA_PRBS[eutra.bandwidthMHz as keyof typeof EUTRA_PRBS],
    },
  };
}

const THREE = [30, 150, 270];

function sitesOf(site: SiteDescription, routes: Ground['routes']): NamedSite[] {
  const cells = (azimuths: readonly number[]): CellPlan[] =>
    site.layers.flatMap((rat) =>
      (site.azimuthsDeg ?? azimuths).map((azimuthDeg) => ({
        rat,
        azimuthDeg: azimuthDeg % 360,
        ...(site.tiltDeg === undefined ? {} : { tiltDeg: site.tiltDeg }),
        ...(site.powerDbm === undefined ? {} : { txPowerDbm: site.powerDbm }),
      })),
    );
  const make = (
    points: ReadonlyArray<{ x: number; y: number; azimuths?: number[] }>,
    scenario: SitePlan['scenario'],
  ) =>
    points.map(({ x, y, azimuths = THREE }, i) => ({
      x,
      y,
      scenario: site.environment ?? scenario,
      cells: cells(azimuths),
      name: site.at ? site.name : `${site.name}-${i}`,
      group: site.name,
    }));
  if (site.hexagon) {
    const { sites, isdM, at } = site.hexagon;
    return make(
      spiral(sites, isdM).map(({ x, y }) => ({ x: x + at.x, y: y + at.y })),
      'UMa',
    );
  }
  if (site.indoor) {
    const { at, rows, columns, spacingM } = site.indoor;
    const points = Array.from({ length: rows * columns }, (_, i) => ({
      x: at.x + ((i % columns) - (columns - 1) / 2) * spacingM,
      y: at.y + (Math.floor(i / columns) - (rows - 1) / 2) * spacingM,
    }));
    return make(points, 'InH');
  }
  if (site.along) {
    const { isdM, offsetM } = site.along;
    const line = (routes.get(site.along.route) as { line: Polyline }).line;
    const count = Math.floor(lengthOf(line) / isdM) + 1;
    const points = Array.from({ length: count }, (_, i) => {
      const { x, y, bearingDeg } = alongRoute(line, i * isdM);
      const side = ((bearingDeg + (i % 2 === 0 ? 90 : -90)) * Math.PI) / 180;
      return {
        x: x + offsetM * Math.sin(side),
        y: y + offsetM * Math.cos(side),
        azimuths: [bearingDeg, (bearingDeg + 180) % 360],
      };
    });
    return make(points, 'RMa');
  }
  return make([site.at as { x: number; y: number }], 'UMa');
}

/** The first `count` points of a hexagonal grid, ring by ring from the middle. */
function spiral(count: number, isdM: number): Array<{ x: number; y: number }> {
  const points: Array<{ x: number; y: number }> = [];
  for (let ring = 0; points.length < count; ring++) {
    for (let q = -ring; q <= ring; q++) {
      for (let r = Math.max(-ring, -q - ring); r <= Math.min(ring, -q + ring); r++) {
        if (Math.max(Math.abs(q), Math.abs(r), Math.abs(q + r)) !== ring) continue;
        points.push({ x: isdM * (q + r / 2), y: (isdM * r * Math.sqrt(3)) / 2 });
      }
    }
  }
  return points.slice(0, count);
}

/** The area, or what holds all sites and routes with some room around. */
function boundsOf(world: WorldDescription, sites: readonly NamedSite[]): Layout['bounds'] {
  if (world.area) {
    const { x, y } = world.area;
    return { x0: x[0], x1: x[1], y0: y[0], y1: y[1] };
  }
  const points = [...sites.map(({ x, y }) => [x, y] as const), ...world.routes.flatMap((one) => one.points)];
  const margin = 250;
  const bounds = { x0: Infinity, y0: Infinity, x1: -Infinity, y1: -Infinity };
  for (const [x, y] of points) {
    bounds.x0 = Math.min(bounds.x0, x - margin);
    bounds.y0 = Math.min(bounds.y0, y - margin);
    bounds.x1 = Math.max(bounds.x1, x + margin);
    bounds.y1 = Math.max(bounds.y1, y + margin);
  }
  return bounds;
}
