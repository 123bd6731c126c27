import { fail } from '../../errors.ts';
import type { GeoPoint, TraceRow, Trip, TripRequest, TripSegment } from '../model.ts';
import { between, distance, type Point, toGeo } from './geo.ts';
import { hash, PURPOSE, uniform } from './hash.ts';
import { along, timetable } from './route.ts';
import type { World } from './world.ts';

/** Where the traveller is in one second. */
export interface Whereabouts {
  world: World | null;
  point: Point;
  /** In the air, where no region has a local frame. */
  aloft?: GeoPoint;
  speedMps: number;
  /** Row of the measured drive that this second replays. */
  row: TraceRow | null;
}

/** A stage of a trip with the place at each of its times. */
interface Stage {
  segment: TripSegment;
  at(t: number): Whereabouts;
}

export interface Itinerary {
  trip: Trip;
  stages: Stage[];
}

const MINUTE = 60_000;
const AT_AIRPORT = 75 * MINUTE;
const AFTER_LANDING = 25 * MINUTE;
const CRUISE_MPS = 230;
const EVENT_HALF = 4 * MINUTE;
/** Length of the way of the measured drive within the region, as a share of its radius each way. */
const TRACE_SHARE = 0.85;

export interface Planning {
  seed: number;
  now: number;
  from: World;
  to: World;
  trace: TraceRow[] | undefined;
}

/**
 * Lays the trip out in time. The service starts inside its window, with the traveller still on the
 * road where the mode has one; only if no departure in its window allows that, as soon as possible.
 */
export function planTrip(request: TripRequest, planning: Planning): Itinerary {
  const { seed, now, from, to, trace } = planning;
  const { window } = request.service;
  if (!(window.end > window.start) || !(request.departure.end >= request.departure.start)) {
    throw fail('NETWORK_TRIP_INVALID', { trip: request.tripId, problem: 'a window ends before it starts' });
  }
  const drawn = (k: number) => uniform(seed, PURPOSE.trip, to.sim.deployment.place.index, k);
  const second = (ms: number) => Math.round(ms / 1000) * 1000;
  const last = trace?.at(-1);
  const lasts = last ? (last.second + 1) * 1000 : second((25 + 5 * drawn(0)) * MINUTE);
  const slack = Math.max(0, window.end - window.start - lasts);
  const wished = second(Math.max(now, window.start) + drawn(1) * Math.min(slack, 40 * MINUTE));
  const lead = trace ? 0 : second((1 + drawn(2)) * MINUTE);
  const stages: Stage[] = [];
  const id = (kind: string) => `${request.tripId}/${stages.length + 1}-${kind}`;
  const stay = (world: World, point: Point, name: string, start: number, end: number) => {
    if (end <= start) return;
    stages.push(stayAt(id('stay'), world, point, name, start, end));
  };

  let rideStart = second(wished - lead);
  if (request.mode === 'fly') {
    const home = timetable(from.ride, true);
    const homeDrive = (home.length - 1) * 1000;
    const air = flightTime(from, to);
    const latest = rideStart - AFTER_LANDING - air - AT_AIRPORT - homeDrive;
    const earliest = Math.max(now, request.departure.start);
    const departs = second(Math.min(Math.max(latest, earliest), Math.max(earliest, request.departure.end)));
    stages.push(rideOver(id('drive'), from, home, departs, ['home', 'airport']));
    const takeOff = departs + homeDrive + AT_AIRPORT;
    stay(from, along(from.ride.road, 0), 'airport', departs + homeDrive, takeOff);
    const landing = takeOff + air;
    stages.push(flight(id('fly'), from, to, takeOff, landing));
    rideStart = Math.max(rideStart, second(landing + AFTER_LANDING));
    stay(to, along(to.ride.road, 0), 'airport', landing, rideStart);
  } else if (request.mode === 'drive') rideStart = Math.max(rideStart, second(now));

  const start = request.mode === 'stay' && !trace ? Math.max(wished, second(now)) : rideStart + lead;
  const end = start + lasts;
  if (trace) {
    stages.push(replay(id('drive'), to, trace, start, end));
    to.event = busyPart(start, end);
  } else if (request.mode === 'stay') {
    stay(to, to.venue, 'venue', Math.min(second(now), start), end + 10 * MINUTE);
    to.event = busyPart(start, end);
  } else {
    // Within a region the ride goes the other way: from home out of town.
    const reversed = request.mode === 'drive';
    const metres = timetable(to.ride, reversed);
    stages.push(
      rideOver(id('drive'), to, metres, rideStart, reversed ? ['home', 'outskirts'] : ['airport', 'hotel']),
    );
    const arrival = rideStart + (metres.length - 1) * 1000;
    stay(
      to,
      along(to.ride.road, metres.at(-1) as number),
      reversed ? 'outskirts' : 'hotel',
      arrival,
      Math.max(arrival, end) + 10 * MINUTE,
    );
    const middle = (to.ride.jam.from + to.ride.jam.to) / 2;
    const pass = metres.findIndex((m) => (reversed ? m <= middle : m >= middle));
    const passes = rideStart + pass * 1000;
    to.event = { start: passes - EVENT_HALF, end: passes + EVENT_HALF };
  }
  const { dlMbps, ulMbps, maxDelayMs, name } = request.service;
  const trip: Trip = {
    tripId: request.tripId,
    supi: request.supi,
    segments: stages.map((stage) => stage.segment),
    service: { name, dlMbps, ulMbps, maxDelayMs, start, end },
  };
  return { trip, stages };
}

/** Somebody who stays draws the event into the middle of the service. */
function busyPart(start: number, end: number): { start: number; end: number } {
  const middle = start + Math.round((end - start) / 2000) * 1000;
  return { start: middle - EVENT_HALF / 2, end: middle + EVENT_HALF / 2 };
}

/** Where the itinerary has the traveller at `t`; before it begins undefined, after it its last place. */
export function whereabouts(itinerary: Itinerary, t: number): Whereabouts | undefined {
  const { stages } = itinerary;
  if (t < (stages[0] as Stage).segment.start) return undefined;
  for (const stage of stages) if (t < stage.segment.end) return stage.at(t);
  const end = stages.at(-1) as Stage;
  return { ...end.at(end.segment.end), speedMps: 0, row: null };
}

function flightTime(from: World, to: World): number {
  const metres = distance(from.sim.deployment.region.centre, to.sim.deployment.region.centre);
  return Math.round(metres / CRUISE_MPS) * 1000 + 30 * MINUTE;
}

const idOf = (world: World) => world.sim.deployment.region.id;

function stayAt(id: string, world: World, point: Point, name: string, start: number, end: number): Stage {
  const where = toGeo(world.sim.deployment.region.centre, point);
  return {
    segment: {
      id,
      kind: 'stay',
      regionId: idOf(world),
      from: name,
      to: name,
      start,
      end,
      waypoints: [
        { ...where, t: start },
        { ...where, t: end },
      ],
    },
    at: () => ({ world, point, speedMps: 0, row: null }),
  };
}

function flight(id: string, from: World, to: World, start: number, end: number): Stage {
  return {
    segment: { id, kind: 'fly', regionId: null, from: idOf(from), to: idOf(to), start, end, waypoints: [] },
    at(t) {
      const share = (t - start) / Math.max(1, end - start);
      const a = from.sim.deployment.region.centre;
      const b = to.sim.deployment.region.centre;
      const aloft = { lat: between(a.lat, b.lat, share), lon: between(a.lon, b.lon, share) };
      return { world: null, point: { x: 0, y: 0 }, aloft, speedMps: CRUISE_MPS, row: null };
    },
  };
}

function rideOver(
  id: string,
  world: World,
  metres: Float64Array,
  start: number,
  names: [string, string],
): Stage {
  const { centre } = world.sim.deployment.region;
  const lastIndex = metres.length - 1;
  const end = start + lastIndex * 1000;
  const waypoints = [];
  for (let i = 0; i <= lastIndex; i = i === lastIndex ? i + 1 : Math.min(i + 10, lastIndex)) {
    waypoints.push({ ...toGeo(centre, along(world.ride.road, metres[i] as number)), t: start + i * 1000 });
  }
  return {
    segment: {
      id,
      kind: 'drive',
      regionId: idOf(world),
      from: names[0],
      to: names[1],
      start,
      end,
      waypoints,
    },
    at(t) {
      const i = Math.max(0, Math.min(lastIndex, Math.floor((t - start) / 1000)));
      const here = metres[i] as number;
      const next = metres[Math.min(lastIndex, i + 1)] as number;
      return { world, point: along(world.ride.road, here), speedMps: Math.abs(next - here), row: null };
    },
  };
}

/** The measured drive, moved and scaled into the region; rows hold until the next one. */
function replay(id: string, world: World, trace: TraceRow[], start: number, end: number): Stage {
  const { region } = world.sim.deployment;
  const place = placer(trace, region.radiusM);
  const rowAt = (t: number): TraceRow => {
    const want = (t - start) / 1000;
    let low = 0;
    let high = trace.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((trace[middle] as TraceRow).second <= want) low = middle;
      else high = middle - 1;
    }
    return trace[low] as TraceRow;
  };
  const waypoints = [];
  for (let t = start; t <= end; t += 10_000) {
    waypoints.push({ ...toGeo(region.centre, place(rowAt(t))), t });
  }
  return {
    segment: {
      id,
      kind: 'drive',
      regionId: region.id,
      from: 'start of the measured drive',
      to: 'end of the measured drive',
      start,
      end,
      waypoints,
    },
    at(t) {
      const row = rowAt(t);
      return { world, point: place(row), speedMps: row.speedMps, row };
    },
  };
}

export function placer(trace: TraceRow[], radiusM: number): (row: TraceRow) => Point {
  const lats = trace.map((row) => row.position.lat);
  const lons = trace.map((row) => row.position.lon);
  const middle = (v: number[]) =>
    (v.reduce((a, b) => Math.min(a, b)) + v.reduce((a, b) => Math.max(a, b))) / 2;
  const centre = { lat: middle(lats), lon: middle(lons) };
  const metres = (row: TraceRow): Point => ({
    x: (row.position.lon - centre.lon) * 111_320 * Math.cos((centre.lat * Math.PI) / 180),
    y: (row.position.lat - centre.lat) * 111_320,
  });
  const reach = trace.reduce((far, row) => Math.max(far, Math.hypot(metres(row).x, metres(row).y)), 1);
  const scale = Math.min(1, (TRACE_SHARE * radiusM) / reach);
  return (row) => ({ x: metres(row).x * scale, y: metres(row).y * scale });
}

/** A stable number for a name: cells of a trace are mapped by it where geometry leaves a choice. */
export const numberOf = (text: string): number =>
  [...text].reduce((h, char) => hash(h, PURPOSE.path, char.codePointAt(0) ?? 0), 7);
