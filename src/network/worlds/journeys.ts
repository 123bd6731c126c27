import { fail } from '../../errors.ts';
import type { GeoPoint, Trip, TripRequest, TripSegment } from '../model.ts';
import { toGeo } from '../sim/geo.ts';
import type { Deployed } from './deploy.ts';
import { Drive } from './drive.ts';
import { alongRoute, lengthOf, type Polyline } from './routes.ts';
import { slug, type WorldDescription } from './schema.ts';

/** A movement along the route: from and to in metres, between two times in ms. */
interface Leg {
  fromM: number;
  toM: number;
  start: number;
  end: number;
}

export interface JourneyState {
  leg: Leg | null;
  trip: Trip | null;
}

const WAYPOINT_MS = 10_000;
/** A service is used this long at most. */
const LONGEST_MS = 30 * 60_000;
/** Traffic of a named UE without a service, Mbit/s: it stays connected. */
export const KEEP_ALIVE_MBPS = 0.01;

/** Where one named UE is, and the trip that was booked for it. */
export class Journey {
  readonly u: number;
  readonly supi: string;
  readonly description: WorldDescription['ues'][number];
  readonly #deployed: Deployed;
  readonly #line: Polyline | undefined;
  readonly #drive: Drive | undefined;
  #leg: Leg | null = null;
  #trip: Trip | null = null;

  constructor(deployed: Deployed, index: number, start: number) {
    const { world, grid, ground, profiles, firstNamed } = deployed;
    const description = world.description.ues[index] as WorldDescription['ues'][number];
    this.#deployed = deployed;
    this.description = description;
    this.supi = description.supi;
    this.u = firstNamed + index;
    this.#line = description.route === undefined ? undefined : ground.routes.get(description.route)?.line;
    const rows = description.trace === undefined ? undefined : world.traces.get(description.trace);
    if (rows) this.#drive = new Drive(deployed, rows);
    const departs = description.departs ?? (rows ? 0 : undefined);
    if (departs !== undefined) this.#leg = this.#legFrom(start + 1000 * departs);
    const { x, y } = this.at(start);
    const profile = profiles.get(description.traffic ?? '') as number;
    grid.place(this.u, { motion: 'still', speedMps: 0, x, y, lossDb: description.lossDb, profile });
    if (description.traffic === undefined) grid.setTraffic(this.u, KEEP_ALIVE_MBPS, KEEP_ALIVE_MBPS);
  }

  /** The way to the other end, from where it is at `t`. */
  #legFrom(t: number): Leg | null {
    if (this.#drive) return { fromM: 0, toM: 0, start: t, end: t + 1000 * this.#drive.seconds };
    if (!this.#line) return null;
    const fromM = this.#metres(t);
    const length = lengthOf(this.#line);
    const toM = fromM > length / 2 ? 0 : length;
    const seconds = Math.ceil((Math.abs(toM - fromM) * 3.6) / this.description.speedKmh);
    return { fromM, toM, start: t, end: t + 1000 * seconds };
  }

  #metres(t: number): number {
    if (this.#leg === null) return 0;
    const { fromM, toM, start, end } = this.#leg;
    const share = end > start ? Math.max(0, Math.min(1, (t - start) / (end - start))) : 1;
    return fromM + share * (toM - fromM);
  }

  /** Place and speed at `t`. */
  at(t: number): { x: number; y: number; speedMps: number } {
    if (this.#drive) return this.#drive.at(t - (this.#leg?.start ?? t));
    if (!this.#line) return { ...(this.description.at as { x: number; y: number }), speedMps: 0 };
    const { x, y } = alongRoute(this.#line, this.#metres(t));
    const moves = this.#leg !== null && t >= this.#leg.start && t < this.#leg.end;
    return { x, y, speedMps: moves ? this.description.speedKmh / 3.6 : 0 };
  }

  /** Takes the UE to where it is at `t`, with its measured radio if it has one. */
  move(t: number): void {
    const { grid } = this.#deployed;
    const { x, y, speedMps } = this.at(t);
    grid.shift(this.u, x, y);
    grid.columns.ues.speed[this.u] = speedMps;
    if (this.#drive) grid.setTruth(this.u, this.#drive.truth(t - (this.#leg?.start ?? t)));
  }

  get trip(): Trip | null {
    return this.#trip;
  }

  /** @throws NETWORK_TRIP_INVALID, NETWORK_REGION_UNKNOWN; nothing is booked then. */
  book(request: TripRequest, now: number): Trip {
    const { region } = this.#deployed;
    const invalid = (problem: string) => fail('NETWORK_TRIP_INVALID', { trip: request.tripId, problem });
    const { window } = request.service;
    if (request.mode === 'fly') throw invalid(`the world is ${region.name} alone: nobody flies in it`);
    if (slug(request.destination) !== region.id)
      throw fail('NETWORK_REGION_UNKNOWN', { region: request.destination });
    if (!(window.end > window.start) || !(request.departure.end >= request.departure.start))
      throw invalid('a window ends before it starts');
    if (request.mode === 'drive' && !this.#line && !this.#drive)
      throw invalid(`${this.supi} has no route in this world`);
    const whole = (ms: number) => Math.ceil(ms / 1000) * 1000;
    const drives = request.mode === 'drive' || this.#drive !== undefined;
    const wished = Math.max(whole(now), window.start);
    const latest = Math.max(whole(now), request.departure.end);
    const departs = whole(Math.min(Math.max(wished - 60_000, request.departure.start, now), latest));
    const leg = drives ? this.#legFrom(departs) : null;
    const start = whole(Math.max(wished, leg?.start ?? 0));
    const end = Math.min(Math.max(window.end, start + 60_000), start + LONGEST_MS);
    if (leg) this.#leg = leg;
    const { name, dlMbps, ulMbps, maxDelayMs } = request.service;
    const last = Math.max(end, leg?.end ?? 0) + 10 * 60_000;
    const segments: TripSegment[] = [];
    if (leg) segments.push(this.#segment(request.tripId, 'drive', leg.start, leg.end, segments.length));
    segments.push(this.#segment(request.tripId, 'stay', leg?.end ?? whole(now), last, segments.length));
    this.#trip = {
      tripId: request.tripId,
      supi: this.supi,
      segments,
      service: { name, dlMbps, ulMbps, maxDelayMs, start, end },
    };
    return this.#trip;
  }

  #segment(trip: string, kind: 'drive' | 'stay', start: number, end: number, index: number): TripSegment {
    const { region } = this.#deployed;
    const waypoints: Array<GeoPoint & { t: number }> = [];
    const times = kind === 'stay' ? [start, end] : [];
    if (kind === 'drive')
      for (let t = start; t < end + WAYPOINT_MS; t += WAYPOINT_MS) times.push(Math.min(t, end));
    for (const t of times) {
      if (t === waypoints.at(-1)?.t) continue;
      waypoints.push({ ...toGeo(region.centre, this.at(t)), t });
    }
    const way = this.description.route ?? this.description.trace ?? 'place';
    const [from, to] = kind === 'drive' ? [`start of ${way}`, `end of ${way}`] : [way, way];
    return { id: `${trip}/${index + 1}-${kind}`, kind, regionId: region.id, from, to, start, end, waypoints };
  }

  save(): JourneyState {
    return { leg: this.#leg, trip: this.#trip };
  }

  restore({ leg, trip }: JourneyState): void {
    this.#leg = leg;
    this.#trip = trip;
  }
}
