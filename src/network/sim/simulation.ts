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
import { Atlas } from './atlas.ts';
import { backgroundRadio } from './background.ts';
import { admitFlows, type GbrFlow, isFeasible } from './cell-share.ts';
import { FlowBook } from './flow-book.ts';
import { forecastCoverage, forecastLoad } from './forecast.ts';
import { findPlace } from './gazetteer.ts';
import { type Itinerary, planTrip, type Whereabouts, whereabouts } from './itinerary.ts';
import { pathsOf } from './paths.ts';
import { cellAt, globalCell, inUse, Traveller, toEvents } from './traveller.ts';
import type { World } from './world.ts';

/** A jump longer than this is one step, unless the service is in use. */
const JUMP_S = 120;
/** Ticks before the service starts, so that its first second finds a settled network. */
const WARM_UP_S = 60;

/** See `Simulation` in `../model.ts`. */
export class RadioNetwork implements Simulation {
  now: number;
  readonly #options: SimulationOptions;
  readonly #atlas: Atlas;
  readonly #book = new FlowBook();
  readonly #steering = new Map<string, SteeringPolicy>();
  readonly #routes = new Map<string, string>();
  readonly #listeners = new Set<(event: NetworkEvent) => void>();
  readonly #traveller: Traveller;
  readonly #others = new Map<string, { sum: number; seconds: number }>();
  #home: World;
  #itinerary: Itinerary | null = null;
  #active: World | null = null;
  #second: number;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.now = options.startTime;
    this.#second = Math.floor(options.startTime / 1000);
    this.#atlas = new Atlas(options);
    this.#home = this.#atlas.deployed(options.homeRegion);
    this.#traveller = new Traveller(options.supi, options.seed, options.trace);
    this.#tick(this.#second, true);
  }

  advanceTo(t: number): void {
    const target = Math.floor(t / 1000);
    while (this.#second < target) {
      const service = this.#itinerary?.trip.service;
      const starts = service ? Math.floor(service.start / 1000) - WARM_UP_S : Number.POSITIVE_INFINITY;
      const ends = service ? Math.ceil(service.end / 1000) : 0;
      if (this.#second >= starts && this.#second < ends) {
        this.#tick(this.#second + 1, false);
        continue;
      }
      const until = this.#second < starts ? Math.min(target, starts) : target;
      // The start of the warm-up is always a fresh draw: how time got there must not matter.
      if (until - this.#second > JUMP_S || until === starts) this.#tick(until, true);
      else this.#tick(this.#second + 1, false);
    }
    this.now = Math.max(this.now, t);
  }

  #tick(second: number, fresh: boolean): void {
    this.#second = second;
    const t = second * 1000;
    this.now = Math.max(this.now, t);
    const where = this.#whereabouts(t);
    const trip = this.#itinerary?.trip;
    const policy = this.#policyAt(t);
    const { supi } = this.#options;
    const anew = where.world !== null && (fresh || where.world !== this.#active);
    if (anew) where.world?.sim.reset(second);
    if (fresh) this.#traveller.connection.reset();
    this.#active = where.world;
    const traffic = { weight: this.#book.weightOf(supi), limit: this.#book.limitOf(supi) };
    const { guest, happenings } = this.#traveller.enter(where, second, policy, trip, traffic);
    if (where.world) this.#step(where.world, second, guest);
    const active = this.#paths(supi).find((path) => path.active);
    this.#traveller.leave(second, active?.delayMs ?? 0, trip);
    if (trip && inUse(trip, t) && where.world) this.#countOthers(where.world);
    // Listeners come last: they see the whole second, and what they do counts from the next one.
    if (!where.world) return;
    this.#emit(toEvents(happenings, where.world, supi, t));
    this.#judge(t, where.world);
  }

  #step(world: World, second: number, guest: Parameters<World['sim']['step']>[0]['guest']): void {
    const t = second * 1000;
    const { event, sim } = world;
    const ueOf = (supi: string) => this.#ueIn(world, supi);
    const prbsOf = (id: string) => {
      const at = this.#atlas.cellAt(id);
      return at?.world === world ? { index: at.index, prbs: cellAt(world, at.index).prbTotal } : undefined;
    };
    sim.step({
      second,
      guest,
      crowd: event !== null && t >= event.start && t < event.end,
      flows: this.#book.gbrIn(ueOf),
      reservations: this.#book.reservedIn(t, prbsOf, ueOf),
      weights: this.#book.weightsIn(ueOf),
    });
  }

  #ueIn(world: World, supi: string): number {
    if (supi === this.#options.supi) return world === this.#active ? world.sim.guestIndex : -1;
    const person = this.#atlas.people.get(supi);
    return person?.world === world ? person.ue : -1;
  }

  #judge(t: number, world: World): void {
    for (const { flow, guaranteed } of this.#book.judge((supi) => this.#ueIn(world, supi) >= 0)) {
      const cell = world.sim.serving[this.#ueIn(world, flow.supi)] as number;
      this.#emit([
        {
          type: guaranteed ? 'qos.guaranteed' : 'qos.not-guaranteed',
          t,
          supi: flow.supi,
          flowId: flow.id,
          cellId: cell < 0 ? null : cellAt(world, cell).id,
        },
      ]);
    }
  }

  #countOthers(world: World): void {
    const { people, table } = world.sim;
    for (let u = 0; u < people.length; u++) {
      const supi = (people[u] as { supi: string }).supi;
      const entry = this.#others.get(supi) ?? { sum: 0, seconds: 0 };
      entry.sum += table.gotDl[u] as number;
      entry.seconds++;
      this.#others.set(supi, entry);
    }
  }

  #emit(events: NetworkEvent[]): void {
    for (const event of events) for (const listener of this.#listeners) listener(event);
  }

  onEvent(listener: (event: NetworkEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #whereabouts(t: number): Whereabouts {
    const home: Whereabouts = { world: this.#home, point: this.#home.hotel, speedMps: 0, row: null };
    return (this.#itinerary && whereabouts(this.#itinerary, t)) ?? home;
  }

  #policyAt(t: number): SteeringPolicy | undefined {
    for (const policy of this.#steering.values()) {
      if (policy.supi !== this.#options.supi) continue;
      if (t >= (policy.start ?? t) && t < (policy.end ?? t + 1)) return policy;
    }
    return undefined;
  }

  /** A region that the traveller is not in stands still until somebody looks at it. */
  #fresh(world: World): World {
    if (world.sim.lastSecond !== this.#second) {
      world.sim.reset(this.#second);
      this.#step(world, this.#second, null);
    }
    return world;
  }

  regions(): Region[] {
    return [...this.#atlas.worlds.values()].map((world) => world.sim.deployment.region);
  }

  region(nameOrId: string): Region | undefined {
    const place = findPlace(nameOrId);
    return place && this.#atlas.deployed(place.id).sim.deployment.region;
  }

  cells(regionId: string): Cell[] {
    const place = findPlace(regionId);
    if (!place) return [];
    const { nr, lte } = this.#atlas.deployed(place.id).sim.deployment;
    return [...nr, ...lte];
  }

  cell(cellId: string): Cell | undefined {
    const at = this.#atlas.cellAt(cellId);
    return at && cellAt(at.world, at.index);
  }

  kpis(cellId: string): CellKpis | undefined {
    const at = this.#atlas.cellAt(cellId);
    return at && this.#fresh(at.world).sim.kpis(at.index, this.#second * 1000);
  }

  ue(supi: string): UeRadio | undefined {
    if (supi === this.#options.supi) return this.#traveller.radio(this.#second * 1000);
    const person = this.#atlas.people.get(supi);
    return person && backgroundRadio(this.#fresh(person.world), person.ue, supi, this.#second * 1000);
  }

  subscribers(): string[] {
    return [this.#options.supi, ...this.#atlas.people.keys()];
  }

  #worldOf(supi: string): World | null | undefined {
    if (supi === this.#options.supi) return this.#traveller.world;
    return this.#atlas.people.get(supi)?.world;
  }

  addFlow(flow: QosFlow): Admission {
    const world = this.#worldOf(flow.supi);
    if (world === undefined) return { admitted: false, cause: 'UE_NOT_FOUND' };
    if (!world) return { admitted: false, cause: 'UE_NOT_REACHABLE' };
    const ue = this.#ueIn(this.#fresh(world), flow.supi);
    if ((world.sim.serving[ue] as number) < 0) return { admitted: false, cause: 'UE_NOT_REACHABLE' };
    const booked = this.#book.draft({ ...flow, arp: { ...flow.arp } }, ue);
    this.removeFlow(flow.id);
    this.#book.flows.set(flow.id, booked);
    if (booked.gbr) world.sim.replaceFlow(null, booked.gbr);
    if (booked.gbr && !this.#admitNow(world, booked.gbr)) {
      this.removeFlow(flow.id);
      return { admitted: false, cause: 'NO_RADIO_RESOURCES' };
    }
    booked.guaranteed = booked.gbr === null || this.#isFeasible(world, booked.gbr);
    return { admitted: true, guaranteed: booked.guaranteed };
  }

  /** Asks the serving cell between two ticks; pre-emption takes effect at once. */
  #admitNow({ sim }: World, gbr: GbrFlow): boolean {
    const cell = sim.serving[gbr.ue] as number;
    const input = sim.inputOf(cell);
    if (!input) return false;
    admitFlows(sim.table, input);
    return gbr.admittedAt === cell;
  }

  #isFeasible({ sim }: World, gbr: GbrFlow): boolean {
    const input = sim.inputOf(sim.serving[gbr.ue] as number);
    return input !== undefined && isFeasible(sim.table, input, gbr);
  }

  modifyFlow(id: string, change: Partial<Omit<QosFlow, 'id' | 'supi'>>): Admission {
    const before = this.#book.flows.get(id);
    if (!before) return { admitted: false, cause: 'UE_NOT_FOUND' };
    const world = this.#worldOf(before.flow.supi);
    const flow = { ...before.flow, ...change, arp: { ...before.flow.arp, ...change.arp } };
    const ue = world ? this.#ueIn(this.#fresh(world), flow.supi) : -1;
    const booked = this.#book.draft(flow, ue);
    booked.guaranteed = before.guaranteed;
    booked.against = before.against;
    this.#book.flows.set(id, booked);
    if (before.gbr && world) world.sim.replaceFlow(before.gbr, null);
    if (!booked.gbr) return { admitted: true, guaranteed: true };
    const grown = booked.gbr.gbrDl > (before.gbr?.gbrDl ?? 0) || booked.gbr.gbrUl > (before.gbr?.gbrUl ?? 0);
    // An admitted flow keeps its place unless it asks for more than it was admitted with.
    if (before.gbr && !grown) booked.gbr.admittedAt = before.gbr.admittedAt;
    if (!world || ue < 0 || (world.sim.serving[ue] as number) < 0)
      return { admitted: true, guaranteed: false };
    world.sim.replaceFlow(null, booked.gbr);
    // The verdict itself turns only when a window's worth of seconds confirms it.
    const guaranteed = this.#admitNow(world, booked.gbr) && this.#isFeasible(world, booked.gbr);
    return { admitted: true, guaranteed };
  }

  removeFlow(id: string): boolean {
    const booked = this.#book.flows.get(id);
    // Its place in the cell is free at once.
    if (booked?.gbr) this.#worldOf(booked.flow.supi)?.sim.replaceFlow(booked.gbr, null);
    return this.#book.flows.delete(id);
  }

  flow(id: string): (QosFlow & { guaranteed: boolean }) | undefined {
    const booked = this.#book.flows.get(id);
    return booked && { ...booked.flow, guaranteed: booked.guaranteed };
  }

  setRrmPolicy(policy: RrmPolicy): void {
    this.#book.reservations.set(policy.id, policy);
  }

  removeRrmPolicy(id: string): boolean {
    return this.#book.reservations.delete(id);
  }

  setSteering(policy: SteeringPolicy): void {
    this.#steering.set(policy.id, policy);
  }

  removeSteering(id: string): boolean {
    return this.#steering.delete(id);
  }

  setUePriority(policy: UePriorityPolicy): void {
    for (const [id, other] of this.#book.priorities)
      if (other.id === policy.id) this.#book.priorities.delete(id);
    this.#book.priorities.set(policy.supi, policy);
  }

  removeUePriority(id: string): boolean {
    for (const [supi, policy] of this.#book.priorities) {
      if (policy.id === id) return this.#book.priorities.delete(supi);
    }
    return false;
  }

  switchRat(supi: string, rat: Rat): boolean {
    const { air, connection, world } = this.#traveller;
    if (supi !== this.#options.supi || !air || !world) return false;
    const happenings = connection.order(rat, air);
    if (!happenings) return false;
    if (connection.rat !== null) {
      world.sim.serving[world.sim.guestIndex] = globalCell(
        connection.rat,
        connection.cell,
        world.sim.cellCount,
      );
    }
    this.#emit(toEvents(happenings, world, supi, this.now));
    return true;
  }

  routeVia(supi: string, dnai: string): boolean {
    if (!this.#paths(supi).some((path) => path.dnai === dnai)) return false;
    this.#routes.set(supi, dnai);
    return true;
  }

  paths(supi: string): Array<{ dnai: string; delayMs: number; healthy: boolean; active: boolean }> {
    return this.#paths(supi);
  }

  #paths(supi: string) {
    const world = this.#worldOf(supi);
    if (!world) return [];
    const { id, index } = world.sim.deployment.place;
    const drawn = pathsOf(this.#options.seed, id, index, this.#second);
    const paths = drawn.map((path) => this.#options.shapePath?.(path) ?? path);
    // A choice made in another region ends with it: the default path is the first.
    const chosen = paths.find((path) => path.dnai === this.#routes.get(supi)) ?? paths[0];
    return paths.map((path) => ({ ...path, active: path === chosen }));
  }

  forecastCoverage(points: Array<GeoPoint & { t: number }>): CoverageForecast[] {
    const blind = this.#options.trace !== undefined;
    return forecastCoverage(this.#options.seed, this.#atlas.worlds.values(), points, blind);
  }

  forecastLoad(cellId: string, start: number, end: number): LoadForecast {
    const at = this.#atlas.cellAt(cellId);
    if (!at) return { cellId, start, end, prbRatio: 0, gbrPrbRatio: 0, confidence: 0 };
    return forecastLoad(this.#options.seed, at.world, at.index, cellId, start, end);
  }

  bookTrip(request: TripRequest): Trip {
    if (request.supi !== this.#options.supi) {
      throw fail('NETWORK_SUBSCRIBER_UNKNOWN', { supi: request.supi });
    }
    const to = this.#atlas.deployed(request.destination);
    const from = this.#traveller.world ?? this.#home;
    const { seed, trace } = this.#options;
    this.#home = from;
    this.#traveller.seconds.length = 0;
    this.#others.clear();
    this.#itinerary = planTrip(request, { seed, now: this.now, from, to, trace });
    return structuredClone(this.#itinerary.trip);
  }

  trip(supi: string): Trip | undefined {
    return supi === this.#options.supi && this.#itinerary ? structuredClone(this.#itinerary.trip) : undefined;
  }

  serviceSeconds(supi: string): ServiceSecond[] {
    return supi === this.#options.supi ? this.#traveller.seconds.map((second) => ({ ...second })) : [];
  }

  othersMeanDl(supi: string): Map<string, number> {
    if (supi !== this.#options.supi) return new Map();
    return new Map([...this.#others].map(([id, { sum, seconds }]) => [id, sum / seconds]));
  }
}
