import {
  bearing,
  DECAY,
  DISTANCE_STEPS,
  decibels,
  distanceIndex,
  MOVE_STEPS,
  milliwatts,
  moveIndex,
  SCENARIOS,
} from './lookup.ts';
import { NR_, squareOf } from './plan.ts';
import { draw, lower, mix, NORMAL, upper } from './random.ts';
import type { World } from './world.ts';

/** How fast line of sight comes and goes around its threshold, in standard deviations of its variate. */
const SIGHT_WIDTH = 0.5;
const ABSENT = -200;

/** AR(1) coefficients of all scenarios in one array: shadowing LOS, NLOS, line of sight. */
const flat = (of: 'keep' | 'renew') => {
  const all = new Float32Array(SCENARIOS.length * 3 * MOVE_STEPS);
  DECAY.forEach((tables, s) => {
    for (const [i, kind] of (['los', 'nlos', 'sight'] as const).entries()) {
      all.set(tables[kind][of], (3 * s + i) * MOVE_STEPS);
    }
  });
  return all;
};
const KEEP = flat('keep');
const RENEW = flat('renew');

/** Memory of one call; a UE sees no more cells than this. */
export interface MeasureScratch {
  shadow: Float32Array;
  sight: Float32Array;
}

export const measureScratch = (candidates: number): MeasureScratch => ({
  shadow: new Float32Array(candidates),
  sight: new Float32Array(candidates),
});

/**
 * Measures the cells of the nearest sites for the UEs in `list`: advances shadowing and line of sight of
 * their links by the metres moved, and writes the serving cell's levels, the best neighbour of its RAT
 * and the best cell of the other RAT.
 */
export function measure(world: World, list: Int32Array, count: number): void {
  const { ues, cells, plan, tuning, tables, missing } = world;
  const { near, candidates, siteX, siteY, siteScenario, siteFirst, siteCount, cellAzimuth } = plan;
  const { surroundings, loss, noise } = tables;
  const { sight: sightAt, depression, sigmaLos, sigmaNlos } = surroundings;
  const rho = Math.sqrt(tuning.siteCorrelation);
  const own = Math.sqrt(1 - tuning.siteCorrelation);
  const { up, asleep, tilt, power, loadDl, iot, offset } = cells;
  const key = world.streams.link;
  const fadingKey = world.streams.fading;
  const tick = world.tick;
  const [lossNr, lossLte] = loss;
  const gains = tables.gain;

  for (let n = 0; n < count; n++) {
    const u = list[n] as number;
    const x = ues.x[u] as number;
    const y = ues.y[u] as number;
    const square = squareOf(plan, x, y);
    if (square !== ues.square[u]) enterSquare(world, u, square);
    const base = square * candidates;
    const row = u * candidates;
    const step = moveIndex(ues.moved[u] as number);
    ues.moved[u] = 0;
    const bits = draw(key, u, tick);
    const moving = step > 0;
    if (moving) {
      const at = (3 * (siteScenario[near[base] as number] as number) + 1) * MOVE_STEPS + step;
      ues.common[u] =
        (KEEP[at] as number) * (ues.common[u] as number) +
        (RENEW[at] as number) * (NORMAL[upper(bits)] as number);
    }
    const shared = rho * (ues.common[u] as number);
    const serving = ues.cell[u] as number;
    const servingRat = ues.rat[u] as number;
    const indoor = ues.indoor[u] as number;

    let servingDbm = ABSENT;
    let servingMw = 0;
    let bestDbm = ABSENT;
    let bestMw = 0;
    let bestBiased = ABSENT;
    let best = -1;
    let otherDbm = ABSENT;
    let otherMw = 0;
    let other = -1;
    let total = 0;
    let otherTotal = 0;

    for (let k = 0; k < candidates; k++) {
      const site = near[base + k] as number;
      const dx = x - (siteX[site] as number);
      const dy = y - (siteY[site] as number);
      const scenario = siteScenario[site] as number;
      const at = scenario * DISTANCE_STEPS + distanceIndex(dx * dx + dy * dy);
      let g = ues.sight[row + k] as number;
      let s = ues.shadow[row + k] as number;
      const threshold = sightAt[at] as number;
      if (moving) {
        const fresh = mix(bits + Math.imul(k + 1, 0x9e3779b9)) >>> 0;
        // Line of sight is redrawn with the odds that give it its correlation distance, and held otherwise:
        // an AR(1) of it would flicker around the threshold every metre.
        const sightStep = (3 * scenario + 2) * MOVE_STEPS + step;
        if (upper(fresh) >= (KEEP[sightStep] as number) * 4096) g = NORMAL[upper(mix(fresh))] as number;
        const shadowStep = (3 * scenario + (g < threshold ? 0 : 1)) * MOVE_STEPS + step;
        s =
          (KEEP[shadowStep] as number) * s + (RENEW[shadowStep] as number) * (NORMAL[lower(fresh)] as number);
        ues.sight[row + k] = g;
        ues.shadow[row + k] = s;
      }
      const soft = 0.5 + (threshold - g) / SIGHT_WIDTH;
      const los = soft < 0 ? 0 : Math.min(soft, 1);
      const extra =
        (shared + own * s) * (los * (sigmaLos[at] as number) + (1 - los) * (sigmaNlos[at] as number)) +
        indoor;
      const down = depression[at] as number;
      const towards = bearing(dx, dy);
      for (let rat = 0; rat < 2; rat++) {
        const sectors = siteCount[2 * site + rat] as number;
        if (sectors === 0) continue;
        const table = rat === NR_ ? lossNr : lossLte;
        const pathLoss = los * (table.los[at] as number) + (1 - los) * (table.nlos[at] as number) + extra;
        const first = siteFirst[2 * site + rat] as number;
        for (let cell = first; cell < first + sectors; cell++) {
          if (up[cell] === 0 || asleep[cell] !== 0) continue;
          // Antenna pattern of TR 38.901 table 7.3-1, as in radio/antenna.ts.
          const v = (down - (tilt[cell] as number)) / 65;
          const vertical = 12 * v * v;
          let phi = towards - (cellAzimuth[cell] as number);
          if (phi > 180) phi -= 360;
          else if (phi < -180) phi += 360;
          const h = phi / 65;
          const horizontal = 12 * h * h;
          const both = Math.min(vertical, 30) + Math.min(horizontal, 30);
          const dbm = (power[cell] as number) - pathLoss - Math.min(both, 30);
          const mw = milliwatts(dbm);
          if (rat === servingRat) {
            total += mw * (loadDl[cell] as number);
            if (cell === serving) {
              servingDbm = dbm;
              servingMw = mw;
            } else if (
              dbm + (offset[cell] as number) > bestBiased &&
              !(missing.size > 0 && missing.has(serving * plan.cells + cell))
            ) {
              bestBiased = dbm + (offset[cell] as number);
              bestDbm = dbm;
              bestMw = mw;
              best = cell;
            }
          } else {
            otherTotal += mw * (loadDl[cell] as number);
            if (dbm > otherDbm) {
              otherDbm = dbm;
              otherMw = mw;
              other = cell;
            }
          }
        }
      }
    }

    const floor = noise[servingRat] as number;
    const otherFloor = noise[1 - servingRat] as number;
    const fading = tuning.fadingDb * (NORMAL[upper(draw(fadingKey, u, tick))] as number);
    ues.neighbour[u] = best;
    ues.neighbourRsrp[u] = bestDbm;
    ues.neighbourSinr[u] =
      best < 0 ? ABSENT : decibels(bestMw / (total - bestMw * (loadDl[best] as number) + floor)) + fading;
    ues.standby[u] = other;
    ues.standbyRsrp[u] = otherDbm;
    ues.standbySinr[u] =
      other < 0
        ? ABSENT
        : decibels(otherMw / (otherTotal - otherMw * (loadDl[other] as number) + otherFloor)) + fading;
    ues.rsrp[u] = servingDbm;
    if (servingMw === 0) {
      ues.sinr[u] = ABSENT;
      ues.rsrq[u] = ABSENT;
      ues.ulLoss[u] = -ABSENT;
    } else {
      const load = loadDl[serving] as number;
      const interference = total - servingMw * load + floor;
      ues.sinr[u] = decibels(servingMw / interference) + fading;
      ues.rsrq[u] = decibels(servingMw / (12 * (interference + servingMw * load)));
      ues.ulLoss[u] =
        (power[serving] as number) - (gains[servingRat] as number) - servingDbm + (iot[serving] as number);
    }
  }
}

/** Links to sites that stay among the nearest are kept; those to new ones are drawn. */
function enterSquare(world: World, u: number, square: number): void {
  const { ues, plan, scratch } = world;
  const { near, candidates } = plan;
  const { shadow, sight } = scratch.measure;
  const old = ues.square[u] as number;
  const row = u * candidates;
  for (let k = 0; k < candidates; k++) {
    const site = near[square * candidates + k] as number;
    let from = -1;
    if (old >= 0) {
      for (let j = 0; j < candidates; j++) {
        if (near[old * candidates + j] === site) {
          from = j;
          break;
        }
      }
    }
    if (from >= 0) {
      shadow[k] = ues.shadow[row + from] as number;
      sight[k] = ues.sight[row + from] as number;
    } else {
      const bits = draw(world.streams.fresh, u, Math.imul(site + 1, 0x2c1b3c6d) ^ world.tick);
      shadow[k] = NORMAL[upper(bits)] as number;
      sight[k] = NORMAL[lower(bits)] as number;
    }
  }
  for (let k = 0; k < candidates; k++) {
    ues.shadow[row + k] = shadow[k] as number;
    ues.sight[row + k] = sight[k] as number;
  }
  if (old < 0) ues.common[u] = NORMAL[upper(draw(world.streams.common, u, 0))] as number;
  ues.square[u] = square;
}
