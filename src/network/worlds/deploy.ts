import {
  createGrid,
  type Grid,
  type GridOptions,
  type Placement,
  PROFILES,
  type Profile,
} from '../grid/index.ts';
import { draw, NORMAL, streamKey, unit, upper } from '../grid/random.ts';
import type { Cell, Region } from '../model.ts';
import { buildingLoss, CAR_LOSS, PENETRATION_SIGMA } from '../radio/index.ts';
import { toGeo } from '../sim/geo.ts';
import type { WorldFile } from './read.ts';
import { lengthOf, type Polyline } from './routes.ts';
import { type GroupDescription, slug, type WorldDescription } from './schema.ts';
import { type Ground, groundOf } from './sites.ts';

/** UEs `first .. first + count - 1` of the grid. */
export interface DeployedGroup {
  first: number;
  description: GroupDescription;
}

/** A description turned into a grid, with the names of what the grid knows by number. */
export interface Deployed {
  world: WorldFile;
  /** What way points are drawn from; a sandbox draws other futures. */
  seed: number;
  ground: Ground;
  grid: Grid;
  region: Region;
  /** By number of the grid. */
  cells: Cell[];
  /** `macro NR`: what tables put together. */
  cellGroups: string[];
  groups: DeployedGroup[];
  /** First named UE; they come in the order of the description. */
  firstNamed: number;
  profiles: ReadonlyMap<string, number>;
}

/** Random streams of worlds; those of the grid are small numbers. */
const STREAM = { place: 101, speed: 102, loss: 103, traffic: 104, waypoint: 105 } as const;
const SILENT: Profile = { name: '', share: 0, onS: 1e9, offS: 1e9, dlMbps: 0, ulMbps: 0 };

/** Builds the grid of a world as it is at its start. @throws NETWORK_GRID_INVALID */
export function deploy(world: WorldFile): Deployed {
  const { description } = world;
  const ground = groundOf(description);
  const habits = [...PROFILES, ...description.traffic.map((one) => ({ ...one, share: 0 })), SILENT];
  let ues = 0;
  const groups = description.groups.map((group) => {
    const first = ues;
    ues += group.count;
    return { first, description: group };
  });
  const grid = createGrid(ground.layout, optionsOf(description, habits, ues + description.ues.length));
  const deployed: Deployed = {
    world,
    seed: description.seed,
    ground,
    grid,
    region: regionOf(description, ground),
    ...cellsOf(description, ground),
    groups,
    firstNamed: ues,
    // Of two habits of a name the world's own counts.
    profiles: new Map(habits.map(({ name }, i) => [name, i])),
  };
  const crowds = new Set(description.events.flatMap((one) => (one.kind === 'crowd' ? [one.group] : [])));
  for (const group of groups) {
    for (let i = 0; i < group.description.count; i++) {
      settleUe(deployed, group, i);
      if (crowds.has(group.description.name)) grid.setTraffic(group.first + i, 0, 0);
    }
  }
  return deployed;
}

function optionsOf(world: WorldDescription, profiles: Profile[], ues: number): GridOptions {
  const { configuredGrantMs, drx, inactivityS, neighbourSites } = world.radio;
  return {
    seed: world.seed,
    ues,
    population: { profiles },
    tickMs: 1000,
    candidateSites: neighbourSites,
    ambient: world.load,
    tuning: {
      inactivityMs: 1000 * inactivityS,
      // Transport comes with the path to the data network: left are slots and processing, both ways (guess).
      coreMs: 2,
      ...(configuredGrantMs === undefined ? {} : { srPeriodNrMs: configuredGrantMs, grantNrMs: 0 }),
      // Without DRX the monitoring of PDCCH never stops: a cycle as short as nothing.
      ...(drx ? {} : { drxInactivityMs: 1e9, drxShortMs: 1e-3, drxLongMs: 1e-3 }),
    },
  };
}

function regionOf({ place }: WorldDescription, { layout }: Ground): Region {
  const { x0, x1, y0, y1 } = layout.bounds;
  return {
    id: slug(place.name),
    name: place.name,
    centre: { lat: place.lat, lon: place.lon },
    radiusM: Math.max(Math.abs(x0), Math.abs(x1), Math.abs(y0), Math.abs(y1)),
    tac: '000001',
  };
}

/** Cells in the order in which the grid numbers them: site by site, NR before E-UTRA. */
function cellsOf(world: WorldDescription, { layout, sites }: Ground) {
  const cells: Cell[] = [];
  const cellGroups: string[] = [];
  const centre = { lat: world.place.lat, lon: world.place.lon };
  const regionId = slug(world.place.name);
  for (const site of sites) {
    for (const rat of ['NR', 'EUTRA'] as const) {
      const carrier = layout.carriers[rat];
      site.cells
        .filter((cell) => cell.rat === rat)
        .forEach((cell, sector) => {
          const number = 0x1000 + cells.length;
          cells.push({
            id: number.toString(16).padStart(rat === 'NR' ? 9 : 7, '0'),
            rat,
            regionId,
            siteId: site.name,
            sector: (sector % 3) as 0 | 1 | 2,
            position: toGeo(centre, site),
            azimuthDeg: cell.azimuthDeg,
            carrierGHz: carrier.fcGHz,
            bandwidthMHz: carrier.bandwidthMHz,
            prbTotal: carrier.prbTotal,
            txPowerDbm: cell.txPowerDbm ?? carrier.txPowerDbm,
          });
          cellGroups.push(`${site.group} ${rat}`);
        });
    }
  }
  return { cells, cellGroups };
}

/** Puts UE `i` of a group where it is at the start, with its habit of traffic. */
export function settleUe(deployed: Deployed, { first, description }: DeployedGroup, i: number): void {
  const { world, grid, profiles, ground } = deployed;
  const { seed } = world.description;
  const u = first + i;
  const bits = (stream: keyof typeof STREAM, k = 0) => draw(streamKey(seed, STREAM[stream]), u, k);
  const { kind, speedKmh, route, spacingM } = description.mobility;
  const [slow, fast] = speedKmh;
  const speedMps = (slow + (fast - slow) * unit(bits('speed'))) / 3.6;
  const common = {
    speedMps,
    lossDb: lossOf(deployed, description, (k) => bits('loss', k)),
    profile: profiles.get(weighted(description.traffic, unit(bits('traffic')))) as number,
  };
  let to: Placement;
  if (kind === 'route' || kind === 'convoy') {
    const { index, line } = ground.routes.get(route as string) as { index: number; line: Polyline };
    const length = lengthOf(line);
    to =
      kind === 'convoy'
        ? // One speed, that of the slowest, and one behind the other.
          {
            ...common,
            motion: 'route',
            route: index,
            speedMps: slow / 3.6,
            alongM: Math.min(length, (description.count - 1 - i) * spacingM),
          }
        : {
            ...common,
            motion: 'route',
            route: index,
            alongM: length * unit(bits('place')),
            heading: bits('place', 1) & 1 ? 1 : -1,
          };
  } else {
    to = {
      ...common,
      ...pointIn(deployed, description, bits('place'), bits('place', 1)),
      motion: kind === 'streets' ? 'streets' : 'still',
      speedMps: kind === 'static' ? 0 : speedMps,
    };
  }
  grid.place(u, to);
}

function lossOf(
  { ground }: Deployed,
  { indoors, vehicle }: GroupDescription,
  bits: (k: number) => number,
): number {
  const normal = NORMAL[upper(bits(0))] as number;
  if (vehicle) return Math.max(0, CAR_LOSS.mean + CAR_LOSS.sigma * normal);
  if (!indoors) return 0;
  const [low, high] = indoors.depthM;
  const depth = low + (high - low) * unit(bits(1));
  const mean = buildingLoss(indoors.building, ground.layout.carriers.NR.fcGHz, depth);
  return Math.max(0, mean + PENETRATION_SIGMA[indoors.building] * normal);
}

function weighted(weights: Readonly<Record<string, number>>, share: number): string {
  const entries = Object.entries(weights);
  let left = share * entries.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [name, weight] of entries) {
    left -= weight;
    if (left < 0) return name;
  }
  return (entries.at(-1) as [string, number])[0];
}

/** A point of where a group is, out of two draws: uniform over it. */
function pointIn(
  { ground }: Deployed,
  { where }: GroupDescription,
  a: number,
  b: number,
): { x: number; y: number } {
  if (where.circle) {
    const { x, y, radiusM } = where.circle;
    const r = radiusM * Math.sqrt(unit(a));
    const angle = 2 * Math.PI * unit(b);
    return { x: x + r * Math.cos(angle), y: y + r * Math.sin(angle) };
  }
  const { x0, x1, y0, y1 } = ground.layout.bounds;
  const [[left, right], [low, high]] = where.rectangle
    ? [where.rectangle.x, where.rectangle.y]
    : [[x0, x1] as const, [y0, y1] as const];
  return { x: left + (right - left) * unit(a), y: low + (high - low) * unit(b) };
}

/** Random way point (straight, without rest): moves those of a group for a second. State is the grid's. */
export function walk(
  deployed: Deployed,
  { first, description }: DeployedGroup,
  present: (i: number) => boolean,
): void {
  const { grid, seed } = deployed;
  const { ues } = grid.columns;
  const key = streamKey(seed, STREAM.waypoint);
  for (let i = 0; i < description.count; i++) {
    if (!present(i)) continue;
    const u = first + i;
    const x = ues.x[u] as number;
    const y = ues.y[u] as number;
    const dx = (ues.targetX[u] as number) - x;
    const dy = (ues.targetY[u] as number) - y;
    const far = Math.hypot(dx, dy);
    const step = ues.speed[u] as number;
    if (far <= step) {
      grid.shift(u, ues.targetX[u] as number, ues.targetY[u] as number);
      const leg = (ues.legs[u] as number) + 1;
      ues.legs[u] = leg;
      const next = pointIn(deployed, description, draw(key, u, 2 * leg), draw(key, u, 2 * leg + 1));
      ues.targetX[u] = next.x;
      ues.targetY[u] = next.y;
    } else grid.shift(u, x + (dx * step) / far, y + (dy * step) / far);
  }
}
