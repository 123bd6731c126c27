import { fail } from '../../errors.ts';
import type {
  Admission,
  Cell,
  CellKpis,
  CoverageForecast,
  GeoPoint,
  LoadForecast,
  NetworkEvent,
  QosFlow,
  Rat,
  Region,
  RrmPolicy,
  ServiceSecond,
  Simulation,
  SimulationOptions,
  SteeringPolicy,
  Trip,
  TripRequest,
  UePriorityPolicy,
  UeRadio,
} from '../model.ts';
import { toGeo } from '../sim/geo.ts';
import { Control } from './control.ts';
import { type Deployed, deploy, walk } from './deploy.ts';
import { eventsOf } from './events.ts';
import { Happenings } from './happenings.ts';
import { Journey } from './journeys.ts';
import { Planning } from './planning.ts';
import type { WorldFile } from './read.ts';
import { slug } from './schema.ts';
import { ServiceRecord } from './services.ts';
import { decodeWorld, encodeWorld } from './snapshot.ts';
import { Transport } from './transport.ts';

/** A longer time in which nothing is used is passed over; the population is in a steady state. */
const JUMP_S = 120;
/** Ticks before time begins, after a leap, and before a service. */
const SETTLE_S = 5;
const WARM_UP_S = 60;
/** Set-up of a connection out of RRC idle, ms (guess), and what stands for no link at all. */
const SET_UP_MS = 60;
const NO_LINK_MS = 5000;
const BACKGROUND = 'imsi-00101';

/** A scenario world on the grid, as the network functions see it: `Simulation` of `../model.ts`. */
export class GridNetwork implements Simulation {
  now: number;
  readonly world: WorldFile;
  readonly deployed: Deployed;
  readonly happenings: Happenings;
  /** Network time at the start. */
  readonly start: number;
  readonly control: Control;
  readonly #transport: Transport;
  readonly #planning: Planning;
  readonly #journeys: Journey[];
  readonly #services: ServiceRecord[];
  readonly #cellOf = new Map<string, number>();
  readonly #supis = new Map<string, number>();
  readonly #listeners = new Set<(event: NetworkEvent) => void>();
  /** Called after every second. */
  readonly observers = new Set<() => void>();
  /** Seconds since the start of the world. */
  #second = 0;

  /** `startTime` in place of that of the description, ms since the epoch. @throws NETWORK_GRID_INVALID */
  constructor(world: WorldFile, options: Partial<Pick<SimulationOptions, 'startTime' | 'shapePath'>> = {}) {
    const { description } = world;
    const start = options.startTime ?? Date.parse(description.start);
    this.world = world;
    this.start = Math.floor(start / 1000) * 1000;
    this.now = start;
    this.deployed = deploy(world);
    const { grid, cells, firstNamed } = this.deployed;
    cells.forEach((cell, c) => {
      this.#cellOf.set(cell.id, c);
    });
    for (let u = 0; u < firstNamed; u++) this.#supis.set(`${BACKGROUND}${2_000_000_000 + u}`, u);
    description.ues.forEach(({ supi }, i) => {
      this.#supis.set(supi, firstNamed + i);
    });
    this.happenings = new Happenings(this.deployed);
    this.control = new Control(
      grid,
      (supi) => this.#supis.get(supi),
      (id) => this.#cellOf.get(id),
    );
    this.#transport = new Transport(description, options.shapePath);
    this.#planning = new Planning(this.deployed);
    this.#journeys = description.ues.map((_, i) => new Journey(this.deployed, i, this.start));
    this.#services = this.#journeys.map((one) => new ServiceRecord(this.deployed, one, this.#transport));
    this.#settle(SETTLE_S);
  }

  advanceTo(t: number): void {
    const target = Math.floor((t - this.start) / 1000);
    while (this.#second < target) {
      const until = this.#until(target);
      if (until - this.#second > JUMP_S) {
        this.#second = until - SETTLE_S - 1;
        this.#settle(SETTLE_S);
      }
      this.#tick();
    }
    this.now = Math.max(this.now, t);
  }

  /** Where the next leap may go at most. */
  #until(target: number): number {
    let until = target;
    for (const { trip } of this.#journeys) {
      if (trip === null) continue;
      const from = Math.floor((trip.service.start - this.start) / 1000) - WARM_UP_S;
      const to = Math.ceil((trip.service.end - this.start) / 1000);
      if (this.#second >= from && this.#second < to) return this.#second + 1;
      if (this.#second < from) until = Math.min(until, from);
    }
    return until;
  }

  /** Ticks in which the clock stands: the population finds its cells. */
  #settle(ticks: number): void {
    for (let i = 0; i < ticks; i++) {
      this.#before();
      this.deployed.grid.tick();
    }
  }

  #tick(): void {
    this.#second++;
    const t = this.start + 1000 * this.#second;
    this.now = Math.max(this.now, t);
    this.#before();
    this.#services.forEach((service, i) => {
      service.offer(t, this.control.carried((this.#journeys[i] as Journey).supi));
    });
    const { grid } = this.deployed;
    grid.resetCounters();
    grid.tick();
    this.#planning.observe();
    this.#services.forEach((service, i) => {
      const { u, supi } = this.#journeys[i] as Journey;
      service.record(t, this.#delay(u, supi));
    });
    for (const observe of this.observers) observe();
    if (this.#listeners.size === 0) return;
    const heard = eventsOf(this.deployed, t, this.control, (u) => this.#supiOf(u));
    for (const event of heard) for (const listener of this.#listeners) listener(event);
  }

  /** What is due before a tick: events, policies, and those that the grid does not move itself. */
  #before(): void {
    const t = this.start + 1000 * this.#second;
    this.happenings.at(this.#second);
    this.#transport.at(this.#second);
    this.control.apply(t);
    for (const journey of this.#journeys) journey.move(t);
    for (const group of this.deployed.groups) {
      const { name, mobility } = group.description;
      if (mobility.kind === 'waypoint') walk(this.deployed, group, (i) => this.happenings.present(name, i));
    }
  }

  onEvent(listener: (event: NetworkEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  regions(): Region[] {
    return [this.deployed.region];
  }

  region(nameOrId: string): Region | undefined {
    return slug(nameOrId) === this.deployed.region.id ? this.deployed.region : undefined;
  }

  cells(regionId: string): Cell[] {
    return this.region(regionId) ? [...this.deployed.cells] : [];
  }

  cell(cellId: string): Cell | undefined {
    const c = this.#cellOf.get(cellId);
    return c === undefined ? undefined : this.deployed.cells[c];
  }

  kpis(cellId: string): CellKpis | undefined {
    const c = this.#cellOf.get(cellId);
    const measured = c === undefined ? undefined : this.deployed.grid.measurements(c);
    if (!measured) return undefined;
    return {
      cellId,
      t: this.start + 1000 * this.#second,
      'RRU.PrbTotDl': measured['RRU.PrbTotDl'],
      'RRU.PrbTotUl': measured['RRU.PrbTotUl'],
      'DRB.MeanActiveUeDl': measured['DRB.MeanActiveUeDl'],
      'DRB.UEThpDl': measured['DRB.UEThpDl'],
      'DRB.UEThpUl': measured['DRB.UEThpUl'],
      'RRC.ConnMean': measured['RRC.ConnMean'],
      'DRB.AirIfDelayDl': measured['DRB.AirIfDelayDl'],
      gbrPrbRatioDl: measured.gbrPrbRatioDl,
    };
  }

  ue(supi: string): UeRadio | undefined {
    const u = this.#supis.get(supi);
    const view = u === undefined ? undefined : this.deployed.grid.ue(u);
    if (u === undefined || !view) return undefined;
    const { cells, region } = this.deployed;
    const tenth = (value: number | null) => (value === null ? null : Math.round(value * 10) / 10);
    const idOf = (c: number) => (cells[c] as Cell).id;
    return {
      supi,
      t: this.start + 1000 * this.#second,
      medium: view.cell === null ? 'none' : 'cellular',
      position: toGeo(region.centre, view),
      speedMps: view.speedMps,
      rat: view.rat,
      cellId: view.cell === null ? null : idOf(view.cell),
      rsrpDbm: tenth(view.rsrpDbm),
      rsrqDb: tenth(view.rsrqDb),
      sinrDb: tenth(view.sinrDb),
      cqi: view.cqi,
      standby: view.standby && {
        rat: view.standby.rat,
        cellId: idOf(view.standby.cell),
        rsrpDbm: tenth(view.standby.rsrpDbm) as number,
        sinrDb: tenth(view.standby.sinrDb) as number,
      },
      dlMbps: view.dlMbps,
      ulMbps: view.ulMbps,
      delayMs: this.#delay(u, supi),
      handovers: view.handovers,
      radioLinkFailures: view.radioLinkFailures,
    };
  }

  /** One way: half of the radio's round trip, and the path to the data network. */
  #delay(u: number, supi: string): number {
    const { ues } = this.deployed.grid.columns;
    const path = this.#transport.active(supi)?.delayMs ?? 0;
    const [roundTrip] = this.deployed.grid.roundTrips(u, 1);
    const air = Number.isFinite(roundTrip)
      ? (roundTrip as number) / 2
      : (ues.cell[u] as number) >= 0
        ? SET_UP_MS
        : NO_LINK_MS;
    return Math.round(10 * (air + path)) / 10;
  }

  subscribers(): string[] {
    const named = this.#journeys.map((one) => one.supi);
    return [...named, ...[...this.#supis.keys()].filter((supi) => !named.includes(supi))];
  }

  #supiOf(u: number): string {
    const { firstNamed } = this.deployed;
    return u < firstNamed
      ? `${BACKGROUND}${2_000_000_000 + u}`
      : (this.#journeys[u - firstNamed] as Journey).supi;
  }

  addFlow(flow: QosFlow): Admission {
    return this.control.addFlow(flow);
  }
  modifyFlow(id: string, change: Partial<Omit<QosFlow, 'id' | 'supi'>>): Admission {
    return this.control.modifyFlow(id, change);
  }
  removeFlow(id: string): boolean {
    return this.control.removeFlow(id);
  }
  flow(id: string): (QosFlow & { guaranteed: boolean }) | undefined {
    return this.control.flow(id);
  }
  /** @throws NETWORK_GRID_INVALID where more than a cell would be dedicated. */
  setRrmPolicy(policy: RrmPolicy): void {
    this.control.setRrmPolicy(policy, this.now);
  }
  removeRrmPolicy(id: string): boolean {
    return this.control.removeRrmPolicy(id);
  }
  setSteering(policy: SteeringPolicy): void {
    this.control.setSteering(policy, this.now);
  }
  removeSteering(id: string): boolean {
    return this.control.removeSteering(id);
  }
  setUePriority(policy: UePriorityPolicy): void {
    this.control.setUePriority(policy);
  }
  removeUePriority(id: string): boolean {
    return this.control.removeUePriority(id);
  }

  setCellState(cellId: string, up: boolean): boolean {
    const cell = this.#cellOf.get(cellId);
    if (cell === undefined) return false;
    const fault = `switched-off/${cellId}`;
    if (up) this.deployed.grid.clearFault(fault);
    else this.deployed.grid.setFault(fault, { kind: 'cell-down', cell });
    return true;
  }

  /** The order is carried out in the next second. */
  switchRat(supi: string, rat: Rat): boolean {
    const u = this.#supis.get(supi);
    const view = u === undefined ? undefined : this.deployed.grid.ue(u);
    if (u === undefined || !view || (view.rat !== rat && view.standby?.rat !== rat)) return false;
    this.deployed.grid.orderRat(u, rat);
    return true;
  }

  routeVia(supi: string, dnai: string): boolean {
    return this.#supis.has(supi) && this.#transport.route(supi, dnai);
  }

  paths(supi: string): Array<{ dnai: string; delayMs: number; healthy: boolean; active: boolean }> {
    return this.#supis.has(supi) ? this.#transport.paths(supi) : [];
  }

  forecastCoverage(points: Array<GeoPoint & { t: number }>): CoverageForecast[] {
    return points.map((point) => this.#planning.coverage(point));
  }

  forecastLoad(cellId: string, start: number, end: number): LoadForecast {
    const c = this.#cellOf.get(cellId);
    if (c === undefined) return { cellId, start, end, prbRatio: 0, gbrPrbRatio: 0, confidence: 0 };
    return this.#planning.load(c, cellId, start, end);
  }

  /** @throws NETWORK_SUBSCRIBER_UNKNOWN, NETWORK_TRIP_INVALID, NETWORK_REGION_UNKNOWN */
  bookTrip(request: TripRequest): Trip {
    const i = this.#indexOf(request.supi);
    if (i < 0) throw fail('NETWORK_SUBSCRIBER_UNKNOWN', { supi: request.supi });
    const trip = (this.#journeys[i] as Journey).book(request, this.now);
    this.#services[i]?.reset();
    return structuredClone(trip);
  }

  #indexOf(supi: string): number {
    return this.#journeys.findIndex((one) => one.supi === supi);
  }

  trip(supi: string): Trip | undefined {
    const trip = this.#journeys[this.#indexOf(supi)]?.trip;
    return trip ? structuredClone(trip) : undefined;
  }

  serviceSeconds(supi: string): ServiceSecond[] {
    return (this.#services[this.#indexOf(supi)]?.seconds ?? []).map((one) => ({ ...one }));
  }

  othersMeanDl(supi: string): Map<string, number> {
    return this.#services[this.#indexOf(supi)]?.othersMean((u) => this.#supiOf(u)) ?? new Map();
  }

  /** The whole world as bytes. */
  save(): Uint8Array {
    const { description, digest } = this.world;
    return encodeWorld(
      {
        world: description.name,
        digest,
        seed: description.seed,
        start: this.start,
        second: this.#second,
        now: this.now,
        happenings: this.happenings.save(),
        control: this.control.save(),
        transport: this.#transport.save(),
        planning: this.#planning.save(),
        journeys: this.#journeys.map((one) => one.save()),
        services: this.#services.map((one) => one.save()),
      },
      this.deployed.grid.snapshot(),
    );
  }

  /** Takes the state out of a snapshot of this world. @throws NETWORK_SNAPSHOT_INVALID; nothing is changed then. */
  restore(bytes: Uint8Array): void {
    const { state, grid } = decodeWorld(bytes, this.world, this.start);
    this.deployed.grid.restore(grid);
    this.#second = state.second;
    this.now = state.now;
    this.happenings.restore(state.happenings);
    this.control.restore(state.control);
    this.#transport.restore(state.transport);
    this.#transport.at(state.second);
    this.#planning.restore(state.planning);
    this.#journeys.forEach((one, i) => {
      one.restore(state.journeys[i] as (typeof state.journeys)[number]);
    });
    this.#services.forEach((one, i) => {
      one.restore(state.services[i] as (typeof state.services)[number]);
    });
  }
}
