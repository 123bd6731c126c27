import { MOTION } from './columns.ts';
import type { Layout } from './layout.ts';
import { draw, STREAM, streamKey, unit } from './random.ts';
import type { World } from './world.ts';

/** Routes as columns: points in sequence, with the distance from the start of their route, m. */
export interface Roads {
  start: Int32Array;
  x: Float32Array;
  y: Float32Array;
  along: Float32Array;
}

export function roadsOf(layout: Layout): Roads {
  const start = new Int32Array(layout.routes.length + 1);
  layout.routes.forEach(({ points }, i) => {
    start[i + 1] = (start[i] as number) + points.length / 2;
  });
  const total = start[layout.routes.length] as number;
  const roads = {
    start,
    x: new Float32Array(total),
    y: new Float32Array(total),
    along: new Float32Array(total),
  };
  layout.routes.forEach(({ points }, i) => {
    for (let j = 0; j < points.length / 2; j++) {
      const at = (start[i] as number) + j;
      roads.x[at] = points[2 * j] as number;
      roads.y[at] = points[2 * j + 1] as number;
      if (j > 0) {
        const step = Math.sqrt(
          ((roads.x[at] as number) - (roads.x[at - 1] as number)) ** 2 +
            ((roads.y[at] as number) - (roads.y[at - 1] as number)) ** 2,
        );
        roads.along[at] = (roads.along[at - 1] as number) + step;
      }
    }
  });
  return roads;
}

/** A trip on the streets ends at most this many blocks away. */
const REACH_BLOCKS = 12;

/** Moves a UE for `seconds`; adds to the metres since its last measurement. */
export function move(world: World, ue: number, seconds: number): void {
  const { ues } = world;
  const distance = (ues.speed[ue] as number) * seconds;
  if (distance <= 0) return;
  if (ues.motion[ue] === MOTION.streets) onStreets(world, ue, distance);
  else if (ues.motion[ue] === MOTION.route) onRoute(world, ue, distance);
  else return;
  ues.moved[ue] = (ues.moved[ue] as number) + distance;
}

/** Random way point on the street grid: along one axis, then along the other, then the next trip. */
function onStreets(world: World, ue: number, distance: number): void {
  const { ues } = world;
  let left = distance;
  for (let turns = 0; left > 0 && turns < 32; turns++) {
    const dx = (ues.targetX[ue] as number) - (ues.x[ue] as number);
    const dy = (ues.targetY[ue] as number) - (ues.y[ue] as number);
    if (dx === 0 && dy === 0) {
      nextTarget(world, ue);
      continue;
    }
    const first = (ues.heading[ue] as number) > 0;
    const along = first ? dx !== 0 : dy === 0;
    const way = along ? dx : dy;
    const length = way < 0 ? -way : way;
    const coordinate = along ? ues.x : ues.y;
    if (length <= left) {
      coordinate[ue] = (along ? ues.targetX : ues.targetY)[ue] as number;
      left -= length;
    } else {
      coordinate[ue] = (coordinate[ue] as number) + (way < 0 ? -left : left);
      left = 0;
    }
  }
}

/** Draws the crossing at which the next trip of a UE on the streets ends. */
export function nextTarget(world: World, ue: number): void {
  const { ues, layout } = world;
  const { x0, y0, x1, y1 } = layout.bounds;
  const block = layout.streetM;
  const leg = (ues.legs[ue] as number) + 1;
  ues.legs[ue] = leg;
  const bits = draw(world.streams.motion, ue, leg);
  const span = 2 * REACH_BLOCKS + 1;
  const across = ((bits & 0xffff) % span) - REACH_BLOCKS;
  const down = ((bits >>> 16) % span) - REACH_BLOCKS;
  const within = (value: number, low: number, high: number) =>
    value < low ? low + ((low - value) % block) : value > high ? high - ((value - high) % block) : value;
  ues.targetX[ue] = Math.fround(within(snap((ues.x[ue] as number) + across * block, x0, block), x0, x1));
  ues.targetY[ue] = Math.fround(within(snap((ues.y[ue] as number) + down * block, y0, block), y0, y1));
  ues.heading[ue] = bits & 1 ? 1 : -1;
}

const snap = (value: number, origin: number, block: number) =>
  origin + Math.round((value - origin) / block) * block;

/** To the end of the route and back. `targetX` is the distance from its start. */
function onRoute(world: World, ue: number, distance: number): void {
  const { ues, roads } = world;
  const route = ues.route[ue] as number;
  const last = (roads.start[route + 1] as number) - 1;
  const length = roads.along[last] as number;
  let at = (ues.targetX[ue] as number) + distance * (ues.heading[ue] as number);
  for (let turns = 0; (at < 0 || at > length) && turns < 4; turns++) {
    at = at < 0 ? -at : 2 * length - at;
    ues.heading[ue] = -(ues.heading[ue] as number);
  }
  placeOnRoute(world, ue, Math.max(0, Math.min(length, at)));
}

/** Puts a UE on its route, `along` metres from the start. */
export function placeOnRoute(world: World, ue: number, along: number): void {
  const { ues, roads } = world;
  const route = ues.route[ue] as number;
  const first = roads.start[route] as number;
  const last = (roads.start[route + 1] as number) - 1;
  // `targetY` remembers the segment, so that a step looks at its neighbours only.
  let i = Math.max(first, Math.min(last - 1, first + (ues.targetY[ue] as number)));
  while (i < last - 1 && (roads.along[i + 1] as number) < along) i++;
  while (i > first && (roads.along[i] as number) > along) i--;
  const from = roads.along[i] as number;
  const span = (roads.along[i + 1] as number) - from;
  const share = span > 0 ? (along - from) / span : 0;
  ues.x[ue] = (roads.x[i] as number) + share * ((roads.x[i + 1] as number) - (roads.x[i] as number));
  ues.y[ue] = (roads.y[i] as number) + share * ((roads.y[i + 1] as number) - (roads.y[i] as number));
  ues.targetX[ue] = along;
  ues.targetY[ue] = i - first;
}

/**
 * A place for UE `ue` at the start, near a site and on a street if it moves on them. Of a population of
 * `of` UEs, those with near numbers get near sites: the rows that a cell works on then lie together in
 * memory. Others (`of` = 0) get a site at random.
 */
export function placeAtHome(world: World, ue: number, of: number): void {
  const { ues, plan, layout } = world;
  const key = streamKey(world.seed, STREAM.home);
  const random = unit(draw(key, ue, 0));
  const site = Math.floor((of > 0 ? (ue + random) / of : random) * plan.sites);
  const { x0, y0, x1, y1 } = layout.bounds;
  // The area of a site as a square: uniform over the plane when the sites are regular.
  const side = Math.sqrt(((x1 - x0) * (y1 - y0)) / plan.sites);
  const clamp = (value: number, low: number, high: number) => Math.max(low, Math.min(high, value));
  let x = clamp((plan.siteX[site] as number) + side * (unit(draw(key, ue, 1)) - 0.5), x0, x1);
  let y = clamp((plan.siteY[site] as number) + side * (unit(draw(key, ue, 2)) - 0.5), y0, y1);
  if (ues.motion[ue] === MOTION.streets) {
    if (draw(key, ue, 3) & 1) x = clamp(snap(x, x0, layout.streetM), x0, x1);
    else y = clamp(snap(y, y0, layout.streetM), y0, y1);
  }
  ues.x[ue] = x;
  ues.y[ue] = y;
  ues.targetX[ue] = ues.x[ue] as number;
  ues.targetY[ue] = ues.y[ue] as number;
}
