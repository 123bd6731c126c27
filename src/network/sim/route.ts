import { between, clamp, type Point } from './geo.ts';
import { PURPOSE, uniform } from './hash.ts';

/** A road as a polyline with its length along it. */
export interface Road {
  points: Point[];
  /** Metres from the start to each point. */
  at: number[];
  length: number;
}

/** A stretch of a road, metres from its start. */
export interface Stretch {
  from: number;
  to: number;
}

/** What the ride along the road of a region meets; found on the road by `seed`. */
export interface Ride {
  road: Road;
  cruiseMps: number;
  weak: Stretch;
  /** A second weak spot, on no map. */
  dip: Stretch;
  tunnel: Stretch;
  /** Slow traffic past the venue of the event. */
  jam: Stretch;
}

const JAM_MPS = 2.2;
const JAM_LENGTH_M = 320;

function roadOf(points: Point[]): Road {
  const at = [0];
  for (let i = 1; i < points.length; i++) {
    const a = points[i - 1] as Point;
    const b = points[i] as Point;
    at.push((at[i - 1] as number) + Math.hypot(b.x - a.x, b.y - a.y));
  }
  return { points, at, length: at.at(-1) as number };
}

/** The road up to `s` metres from its start. */
export function cut(road: Road, s: number): Road {
  const kept = road.points.filter((_point, i) => (road.at[i] as number) < s);
  return roadOf([...kept, along(road, s)]);
}

/** Position `s` metres along the road, clamped to its ends. */
export function along(road: Road, s: number): Point {
  const { points, at, length } = road;
  const where = clamp(s, 0, length);
  let low = 0;
  let high = at.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((at[middle] as number) <= where) low = middle;
    else high = middle;
  }
  const a = points[low] as Point;
  const b = points[high] as Point;
  const span = (at[high] as number) - (at[low] as number);
  const share = span > 0 ? (where - (at[low] as number)) / span : 0;
  return { x: between(a.x, b.x, share), y: between(a.y, b.y, share) };
}

/** The points of a stretch, one each `step` metres. */
export function pointsOf(road: Road, stretch: Stretch, step: number): Point[] {
  const count = Math.max(1, Math.round((stretch.to - stretch.from) / step));
  return Array.from({ length: count + 1 }, (_, i) =>
    along(road, between(stretch.from, stretch.to, i / count)),
  );
}

/**
 * The road from the airport at the western edge to the hotel, through a grid of streets, with the
 * order of what lies on it drawn by the seed.
 */
export function drawRide(seed: number, region: number, radiusM: number): Ride {
  const u = (i: number) => uniform(seed, PURPOSE.route, region, i);
  const columns = 6;
  const west = -0.9 * radiusM;
  const east = between(0.45, 0.6, u(0)) * radiusM;
  const points: Point[] = [{ x: west, y: between(-0.2, 0.2, u(1)) * radiusM }];
  let y = (points[0] as Point).y;
  for (let i = 1; i <= columns; i++) {
    const x = between(west, east, i / columns);
    points.push({ x, y });
    if (i === columns) break;
    // Streets lead up and down in turn, never out of the deployment.
    const reach = between(0.2, 0.42, u(10 + i)) * radiusM;
    y = i % 2 === 1 ? clamp(y + reach, -0.55 * radiusM, 0.55 * radiusM) : y - reach;
    y = clamp(y, -0.55 * radiusM, 0.55 * radiusM);
    points.push({ x, y });
  }
  const road = roadOf(points);
  const cruiseMps = between(5.5, 6.5, u(2));
  const slots = shuffle([0.26, 0.46, 0.66, 0.85], seed, region);
  const stretch = (slot: number, seconds: number): Stretch => {
    const middle = (slots[slot] as number) * road.length;
    const half = (seconds * cruiseMps) / 2;
    return { from: middle - half, to: middle + half };
  };
  const jamMiddle = (slots[3] as number) * road.length;
  return {
    road,
    cruiseMps,
    weak: stretch(0, between(80, 130, u(3))),
    dip: stretch(1, between(30, 45, u(4))),
    tunnel: stretch(2, between(23, 37, u(5))),
    jam: { from: jamMiddle - JAM_LENGTH_M / 2, to: jamMiddle + JAM_LENGTH_M / 2 },
  };
}

function shuffle(values: number[], seed: number, region: number): number[] {
  const list = [...values];
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(uniform(seed, PURPOSE.route, region, 100 + i) * (i + 1));
    [list[i], list[j]] = [list[j] as number, list[i] as number];
  }
  return list;
}

/** Metres along the road at each second of the ride, first second 0, last at the far end. */
export function timetable(ride: Ride, reversed: boolean): Float64Array {
  const { road, jam, cruiseMps } = ride;
  const metres: number[] = [0];
  let s = 0;
  while (s < road.length) {
    const here = reversed ? road.length - s : s;
    s += here >= jam.from && here < jam.to ? JAM_MPS : cruiseMps;
    metres.push(Math.min(s, road.length));
  }
  return Float64Array.from(metres, (m) => (reversed ? road.length - m : m));
}
