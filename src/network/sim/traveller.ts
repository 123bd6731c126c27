import type {
  Cell,
  NetworkEvent,
  Rat,
  ServiceSecond,
  SteeringPolicy,
  TraceRow,
  Trip,
  UeRadio,
} from '../model.ts';
import { type Air, Connection, type Happening, type Reading, usable } from './connection.ts';
import { toGeo } from './geo.ts';
import { cellKey, mapCells, measuredAir, simulatedAir } from './guest-air.ts';
import { placer, type Whereabouts } from './itinerary.ts';
import type { Guest } from './region.ts';
import type { World } from './world.ts';

/** The conference offers more than its target when it can: a codec that probes upwards. */
const OFFER = 1.5;
const IDLE_DL = 0.5;
const IDLE_UL = 0.05;
/** Blocks lost for good after HARQ and RLC, outside gaps. */
const RESIDUAL_LOSS = 0.0005;
/** What waits longer than this is thrown away by the sender's application. */
const QUEUE_LIMIT_MS = 400;
const IN_FLIGHT = { dlMbps: 3, ulMbps: 0.8, delayMs: 350 };

/** The subscriber under assurance: link, traffic and what the service got out of it. */
export class Traveller {
  readonly supi: string;
  readonly connection = new Connection();
  readonly seconds: ServiceSecond[] = [];
  readonly #seed: number;
  readonly #trace: TraceRow[] | undefined;
  #cellMap: { world: World; cells: Map<string, number> } | null = null;
  #air: Air | null = null;
  #where: Whereabouts | null = null;
  #gap = 0;
  #queueDl = 0;
  #queueUl = 0;
  #got = { dlMbps: 0, ulMbps: 0, delayMs: 0 };

  constructor(supi: string, seed: number, trace: TraceRow[] | undefined) {
    this.supi = supi;
    this.#seed = seed;
    this.#trace = trace;
  }

  get world(): World | null {
    return this.#where?.world ?? null;
  }

  get air(): Air | null {
    return this.#air;
  }

  /** Moves, measures and connects for this second; `guest` goes to the region's scheduler. */
  enter(
    where: Whereabouts,
    second: number,
    policy: SteeringPolicy | undefined,
    trip: Trip | undefined,
    traffic: { weight: number; limit: { dl: number; ul: number } },
  ): { guest: Guest | null; happenings: Happening[] } {
    if (where.world !== this.#where?.world) this.connection.reset();
    this.#where = where;
    if (!where.world) {
      this.#air = null;
      return { guest: null, happenings: [] };
    }
    const { sim } = where.world;
    const simulated = simulatedAir(sim, sim.map.measure(where.point), this.#seed, second);
    const air = where.row
      ? measuredAir(where.row, this.#mapped(where.world, where.row), simulated)
      : simulated;
    this.#air = air;
    const { gap, happenings } = this.connection.update(air, policy);
    this.#gap = gap;
    const reading = this.#serving();
    const used = trip && inUse(trip, second * 1000);
    return {
      guest: {
        cell: reading ? globalCell(this.connection.rat as Rat, reading.cell, sim.cellCount) : -1,
        rsrpDbm: reading?.rsrpDbm ?? -140,
        sinrDb: reading?.sinrDb ?? -20,
        cqi: reading?.cqi ?? 0,
        wantDl: used ? Math.min(OFFER * trip.service.dlMbps, traffic.limit.dl) : IDLE_DL,
        wantUl: used ? Math.min(OFFER * trip.service.ulMbps, traffic.limit.ul) : IDLE_UL,
        weight: traffic.weight,
      },
      happenings,
    };
  }

  /** After scheduling: what arrived, how late, and the service's second if it is in use. */
  leave(second: number, pathDelayMs: number, trip: Trip | undefined): void {
    const t = second * 1000;
    const used = trip && inUse(trip, t);
    const world = this.world;
    if (!world) {
      this.#got = IN_FLIGHT;
      // The aircraft's own network carries the service badly, but carries it.
      if (used) this.#record(t, IN_FLIGHT.dlMbps, IN_FLIGHT.ulMbps, IN_FLIGHT.delayMs, 0.01, null);
      return;
    }
    const { sim } = world;
    const u = sim.guestIndex;
    const cell = sim.serving[u] as number;
    const left = cell < 0 ? 0 : 1 - this.#gap;
    // A cell with room to spare sends what waited during a short gap within the same second.
    const caughtUp = left > 0.8 && sim.loadOf(cell) < 0.95;
    const after = (got: number, want: number) => (caughtUp && got >= want ? got : got * left);
    const dl = after(sim.table.gotDl[u] as number, sim.table.wantDl[u] as number);
    const ul = after(sim.table.gotUl[u] as number, sim.table.wantUl[u] as number);
    const needDl = used ? trip.service.dlMbps : IDLE_DL;
    const needUl = used ? trip.service.ulMbps : IDLE_UL;
    const waitDl = wait(this.#queueDl, needDl, dl);
    const waitUl = wait(this.#queueUl, needUl, ul);
    this.#queueDl = waitDl.queue;
    this.#queueUl = waitUl.queue;
    const air = cell < 0 ? QUEUE_LIMIT_MS : sim.airDelay(cell);
    const delayMs =
      Math.round((air + pathDelayMs + Math.max(waitDl.ms, waitUl.ms) + this.#gapDelay()) * 10) / 10;
    this.#got = { dlMbps: dl, ulMbps: ul, delayMs };
    const short = Math.max(waitDl.dropped / Math.max(needDl, 1e-9), waitUl.dropped / Math.max(needUl, 1e-9));
    const loss = Math.min(1, RESIDUAL_LOSS + short);
    const at = cell < 0 ? null : cellAt(world, cell);
    if (used) this.#record(t, dl, ul, delayMs, loss, at);
  }

  /** Mean wait that an interruption adds to the packets of its second, ms. */
  #gapDelay(): number {
    return (1000 * this.#gap * this.#gap) / 2;
  }

  #record(t: number, dlMbps: number, ulMbps: number, delayMs: number, loss: number, cell: Cell | null): void {
    const lossRatio = Math.round(loss * 1e5) / 1e5;
    const rates = { dlMbps: round(dlMbps), ulMbps: round(ulMbps) };
    this.seconds.push({ t, ...rates, delayMs, lossRatio, rat: cell?.rat ?? null, cellId: cell?.id ?? null });
  }

  #mapped(world: World, row: TraceRow): number {
    if (this.#cellMap?.world !== world) {
      const { sim } = world;
      const rows = this.#trace as TraceRow[];
      const place = placer(rows, sim.deployment.region.radiusM);
      this.#cellMap = { world, cells: mapCells(sim, rows, place) };
    }
    return this.#cellMap.cells.get(cellKey(row)) ?? 0;
  }

  #serving(): Reading | null {
    const { rat, cell } = this.connection;
    return rat === null || !this.#air ? null : this.#air.reading(rat, cell);
  }

  radio(t: number): UeRadio {
    const where = this.#where as Whereabouts;
    const { world } = where;
    const reading = this.#serving();
    const rat = reading ? this.connection.rat : null;
    const other: Rat = rat === 'EUTRA' ? 'NR' : 'EUTRA';
    const standby = this.#air ? this.#air.best(other) : null;
    const tenth = (value: number) => Math.round(value * 10) / 10;
    const idOf = (of: Rat, cell: number) => {
      const { deployment } = (world as World).sim;
      return ((of === 'NR' ? deployment.nr : deployment.lte)[cell] as Cell).id;
    };
    return {
      supi: this.supi,
      t,
      medium: world ? (reading ? 'cellular' : 'none') : 'in-flight',
      position: world
        ? toGeo(world.sim.deployment.region.centre, where.point)
        : (where.aloft ?? { lat: 0, lon: 0 }),
      speedMps: where.speedMps,
      rat,
      cellId: reading && rat ? idOf(rat, reading.cell) : null,
      rsrpDbm: reading ? tenth(reading.rsrpDbm) : null,
      rsrqDb: reading?.rsrqDb == null ? null : tenth(reading.rsrqDb),
      sinrDb: reading ? tenth(reading.sinrDb) : null,
      cqi: reading?.cqi ?? null,
      standby:
        standby && world
          ? {
              rat: other,
              cellId: idOf(other, standby.cell),
              rsrpDbm: tenth(standby.rsrpDbm),
              sinrDb: tenth(standby.sinrDb),
            }
          : null,
      dlMbps: round(this.#got.dlMbps),
      ulMbps: round(this.#got.ulMbps),
      delayMs: this.#got.delayMs,
      handovers: this.connection.handovers,
      radioLinkFailures: this.connection.failures,
    };
  }

  canUse(rat: Rat): boolean {
    return this.#air !== null && usable(this.#air, rat) !== null;
  }
}

const round = (mbps: number) => Math.round(mbps * 1e6) / 1e6;

export function inUse(trip: Trip, t: number): boolean {
  return t >= trip.service.start && t < trip.service.end;
}

export function globalCell(rat: Rat, cell: number, cells: number): number {
  return rat === 'NR' ? cell : cells + cell;
}

export function cellAt(world: World, cell: number): Cell {
  const { nr, lte } = world.sim.deployment;
  return (cell < nr.length ? nr[cell] : lte[cell - nr.length]) as Cell;
}

/** A sender's queue over one second: Mbit that wait, the mean wait they cause, Mbit given up. */
function wait(queue: number, need: number, rate: number): { queue: number; ms: number; dropped: number } {
  const left = Math.max(0, queue + need - rate);
  const limit = (Math.max(rate, 0.05) * QUEUE_LIMIT_MS) / 1000;
  const kept = Math.min(left, Math.max(limit, 0));
  const ms = kept <= 0 ? 0 : Math.min(QUEUE_LIMIT_MS, (1000 * kept) / Math.max(rate, 0.05));
  return { queue: kept, ms, dropped: left - kept };
}

/** The events of a second, with the ids that the outside knows. */
export function toEvents(happenings: Happening[], world: World, supi: string, t: number): NetworkEvent[] {
  const { deployment } = world.sim;
  const id = (rat: Rat, cell: number) => ((rat === 'NR' ? deployment.nr : deployment.lte)[cell] as Cell).id;
  return happenings.map((h): NetworkEvent => {
    if (h.type === 'handover') {
      return { type: h.type, t, supi, fromCell: id(h.rat, h.from), toCell: id(h.rat, h.to), rat: h.rat };
    }
    if (h.type === 'rat-change') return { type: h.type, t, supi, from: h.from, to: h.to, cause: h.cause };
    return { type: h.type, t, supi, cellId: id(h.rat, h.cell) };
  });
}
