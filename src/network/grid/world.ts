import {
  type Cells,
  cellColumns,
  type Flows,
  flowColumns,
  MOTION,
  RRC,
  type Ues,
  ueColumns,
} from './columns.ts';
import { COUNTERS } from './counters.ts';
import { EventLog } from './events.ts';
import type { Layout } from './layout.ts';
import { type MeasureScratch, measureScratch } from './measure.ts';
import { nextTarget, placeAtHome, placeOnRoute, type Roads, roadsOf } from './mobility.ts';
import { type Plan, planOf } from './plan.ts';
import type { GridOptions, Population } from './population.ts';
import { draw, NORMAL, STREAM, streamKey, unit, upper } from './random.ts';
import { type ShareScratch, shareScratch } from './scheduler.ts';
import { type Tables, tablesOf } from './tables.ts';
import { PROFILES, type Profile, settle } from './traffic.ts';
import { TUNING, type Tuning } from './tuning.ts';

/** The whole state of a grid: what is in `ues`, `cells`, `flows` and the numbers here is the snapshot. */
export interface World {
  readonly seed: number;
  readonly tickMs: number;
  tick: number;
  readonly layout: Layout;
  readonly plan: Plan;
  readonly tuning: Tuning;
  readonly tables: Tables;
  readonly roads: Roads;
  readonly profiles: readonly Profile[];
  readonly streams: Record<keyof typeof STREAM, number>;
  readonly ues: Ues;
  readonly cells: Cells;
  flows: Flows;
  flowCount: number;
  /** Flows ever added: their order of arrival. */
  flowOrder: number;
  /** Pairs `from * cells + to` that a fault took out of the neighbour relations. */
  readonly missing: Set<number>;
  readonly events: EventLog;
  /** Gain of the proportional fair average in one tick, and what its memory is worth: (1 − g) / g. */
  readonly fairGain: number;
  readonly fairMemory: number;
  readonly scratch: ShareScratch & { measure: MeasureScratch; due: Int32Array };
}

const FIRST_FLOWS = 1024;

export function createWorld(layout: Layout, options: GridOptions): World {
  const tuning = { ...TUNING, ...options.tuning };
  const tickMs = options.tickMs ?? 1000;
  const plan = planOf(layout, options.candidateSites ?? 7);
  const travellers = options.travellers ?? [];
  const n = options.ues + travellers.length;
  const fairGain = 1 - Math.exp(-tickMs / tuning.fairnessMs);
  const world: World = {
    seed: options.seed,
    tickMs,
    tick: 0,
    layout,
    plan,
    tuning,
    tables: tablesOf(layout, [tuning.alwaysOnNr, tuning.alwaysOnLte]),
    roads: roadsOf(layout),
    profiles: [...(options.population?.profiles ?? PROFILES), ...travellers.map((one) => one.profile)],
    streams: streamsOf(options.seed),
    ues: ueColumns(n, plan.candidates),
    cells: cellColumns(plan, COUNTERS),
    flows: flowColumns(FIRST_FLOWS),
    flowCount: 0,
    flowOrder: 0,
    missing: new Set(),
    events: new EventLog(),
    fairGain,
    fairMemory: (1 - fairGain) / fairGain,
    scratch: {
      ...shareScratch(n, plan.cells, FIRST_FLOWS),
      measure: measureScratch(plan.candidates),
      due: new Int32Array(n),
    },
  };
  populate(world, options);
  const [low, high] = options.ambient ?? [0, 0];
  for (let c = 0; c < plan.cells; c++) {
    const share = unit(draw(world.streams.home, ~c, 0));
    world.cells.ambientDl[c] = low + (high - low) * share;
    world.cells.ambientUl[c] = (low + (high - low) * share) / 2;
    world.cells.loadDl[c] = Math.max(
      world.cells.ambientDl[c] as number,
      world.tables.alwaysOn[plan.cellRat[c] as 0 | 1],
    );
  }
  return world;
}

/** A key for each purpose of drawing. */
export const streamsOf = (seed: number): World['streams'] =>
  Object.fromEntries(
    Object.entries(STREAM).map(([name, purpose]) => [name, streamKey(seed, purpose)]),
  ) as World['streams'];

const DEFAULTS: Required<Population> = {
  indoor: 0.5,
  pedestrians: 0.2,
  routes: 0,
  vehicleMps: [5, 15],
  routeMps: [22, 36],
  profiles: PROFILES,
};

function populate(world: World, options: GridOptions): void {
  const { ues, layout } = world;
  const mix = { ...DEFAULTS, ...options.population };
  const key = world.streams.indoor;
  const toRoutes = layout.routes.length > 0 ? mix.routes : 0;
  const between = ([low, high]: readonly [number, number], bits: number) => low + (high - low) * unit(bits);
  for (let u = 0; u < options.ues; u++) {
    const kind = unit(draw(key, u, 0));
    const bits = draw(key, u, 1);
    if (kind < mix.indoor) {
      ues.motion[u] = MOTION.still;
      ues.indoor[u] = intoBuilding(bits);
    } else if (kind < mix.indoor + mix.pedestrians) {
      ues.motion[u] = MOTION.streets;
      ues.speed[u] = between([0.8, 1.6], bits);
    } else if (kind < mix.indoor + mix.pedestrians + toRoutes) {
      ues.motion[u] = MOTION.route;
      ues.route[u] = draw(key, u, 2) % layout.routes.length;
      ues.speed[u] = between(mix.routeMps, bits);
    } else {
      ues.motion[u] = MOTION.streets;
      ues.speed[u] = between(mix.vehicleMps, bits);
    }
    if (kind >= mix.indoor + mix.pedestrians) ues.indoor[u] = intoCar(draw(key, u, 3));
    ues.profile[u] = profileOf(world.profiles, unit(draw(world.streams.profile, u, 0)));
    place(world, u, options.ues);
  }
  const first = world.profiles.length - (options.travellers?.length ?? 0);
  options.travellers?.forEach((one, i) => {
    const u = options.ues + i;
    ues.motion[u] = one.route === undefined ? MOTION.streets : MOTION.route;
    ues.route[u] = one.route ?? 0;
    ues.speed[u] = one.speedMps;
    ues.indoor[u] = one.lossDb ?? 0;
    ues.profile[u] = first + i;
    place(world, u, 0, one.alongM);
  });
}

function place(world: World, u: number, of: number, alongM?: number): void {
  const { ues, roads } = world;
  ues.rrc[u] = RRC.none;
  if (ues.motion[u] === MOTION.route) {
    const last = (roads.start[(ues.route[u] as number) + 1] as number) - 1;
    const length = roads.along[last] as number;
    const bits = draw(world.streams.home, u, 4);
    ues.heading[u] = alongM === undefined && bits & 1 ? -1 : 1;
    placeOnRoute(world, u, alongM ?? length * unit(bits));
  } else {
    placeAtHome(world, u, of);
    if (ues.motion[u] === MOTION.streets) nextTarget(world, u);
  }
  settle(world, u);
}

function profileOf(profiles: readonly Profile[], share: number): number {
  let sum = 0;
  for (let i = 0; i < profiles.length; i++) {
    sum += (profiles[i] as Profile).share;
    if (share < sum) return i;
  }
  return 0;
}

/** Loss into a building, the simple model of TR 38.901 7.4.3.1 below 6 GHz: 20 dB and 0.5 dB a metre. */
const intoBuilding = (bits: number) => 20 + 0.5 * 25 * unit(bits);
/** Mean 9 dB, standard deviation 5 dB (7.4.3.2). */
const intoCar = (bits: number) => Math.max(0, 9 + 5 * (NORMAL[upper(bits)] as number));
