import type { CoverageForecast, GeoPoint, LoadForecast } from '../model.ts';
import { type Carrier, dlPerPrb, LTE, NR, powerPerRe, ulRate } from '../radio/index.ts';
import { clamp, distance, toLocal } from './geo.ts';
import { ambientMean, trafficAt } from './population.ts';
import { sinrOf, strongest } from './radio-map.ts';
import type { World } from './world.ts';

/** What one more GBR user may hope to get of the PRBs that nobody is expected to need. */
const HOPE = 0.8;
/** Simulated people on top of the ambient demand, on average over a region's cells. */
const PEOPLE_LOAD = 0.06;
const NO_COVERAGE_DBM = -140;

/**
 * Planning data and history: mean path loss, mapped terrain, typical load of that hour. It knows
 * neither the shadowing, nor what is on no map, nor any event; `blind` is a land without any survey.
 */
export function forecastCoverage(
  seed: number,
  worlds: Iterable<World>,
  points: ReadonlyArray<GeoPoint & { t: number }>,
  blind: boolean,
): CoverageForecast[] {
  const known = [...worlds];
  return points.map(({ lat, lon, t }) => {
    const point = { lat, lon };
    const world = known.find((w) => {
      const { centre, radiusM } = w.sim.deployment.region;
      return distance(centre, point) <= 1.15 * radiusM;
    });
    if (!world) return nothing(point, t);
    return atPoint(seed, world, point, t, blind);
  });
}

function nothing(point: GeoPoint, t: number): CoverageForecast {
  return {
    point,
    t,
    cellId: null,
    rsrpDbm: NO_COVERAGE_DBM,
    sinrDb: -20,
    dlMbps: 0,
    ulMbps: 0,
    standby: null,
    confidence: 0.9,
  };
}

function atPoint(seed: number, world: World, point: GeoPoint, t: number, blind: boolean): CoverageForecast {
  const { sim } = world;
  const { deployment, map } = sim;
  const sample = map.expect(toLocal(deployment.region.centre, point));
  const nr = layer(seed, world, NR, sample.nr, sample.nrMw, t);
  const lte = layer(seed, world, LTE, sample.lte, sample.lteMw, t);
  // Shadowing leaves the more doubt the nearer the mean is to the edge of what a link needs.
  const margin = Math.min(1, Math.abs(nr.rsrpDbm + 103) / 20);
  const confidence = blind ? 0.2 : Math.round((0.6 + 0.3 * margin) * 100) / 100;
  const usable = (rsrp: number) => rsrp > -121;
  const { cellId, rsrpDbm, sinrDb, dlMbps, ulMbps } = nr;
  return {
    point,
    t,
    cellId: usable(rsrpDbm) ? cellId : null,
    rsrpDbm,
    sinrDb,
    dlMbps,
    ulMbps,
    standby: usable(lte.rsrpDbm) ? lte : null,
    confidence,
  };
}

function layer(
  seed: number,
  world: World,
  carrier: Carrier,
  rsrp: Float32Array,
  mw: Float32Array,
  t: number,
): { cellId: string; rsrpDbm: number; sinrDb: number; dlMbps: number; ulMbps: number } {
  const { deployment } = world.sim;
  const cells = carrier.rat === 'NR' ? deployment.nr : deployment.lte;
  const offset = carrier.rat === 'NR' ? 0 : cells.length;
  const load = Float64Array.from(cells, (_cell, i) => expectedLoad(seed, world, offset + i, t, 'dl'));
  const best = strongest(rsrp);
  const sinr = sinrOf(carrier, mw, best, load);
  const level = rsrp[best] as number;
  const free = clamp(1 - (load[best] as number), 0, 1) * HOPE;
  const up = expectedLoad(seed, world, offset + best, t, 'ul');
  const usable = sinr > -8 && level > -121;
  const round = (value: number) => Math.round(value * 100) / 100;
  const loss = powerPerRe(carrier) - level + 1 + 4 * up;
  return {
    cellId: (cells[best] as { id: string }).id,
    rsrpDbm: round(level),
    sinrDb: round(sinr),
    dlMbps: usable ? round(free * carrier.prbTotal * dlPerPrb(carrier, sinr)) : 0,
    ulMbps: usable ? round(ulRate(carrier.rat, loss, clamp(1 - up, 0, 1) * HOPE * carrier.prbTotal)) : 0,
  };
}

function expectedLoad(seed: number, world: World, cell: number, t: number, direction: 'dl' | 'ul'): number {
  const { place } = world.sim.deployment;
  const traffic = trafficAt((((t / 1000) % 86400) + 86400) / 3600 + place.utcOffset);
  return Math.min(0.95, ambientMean(seed, place.index, cell, traffic, direction) + PEOPLE_LOAD * traffic);
}

/** Expected load of a cell, from what is usual at that time of day. */
export function forecastLoad(
  seed: number,
  world: World,
  cell: number,
  cellId: string,
  start: number,
  end: number,
): LoadForecast {
  const samples = 5;
  let sum = 0;
  for (let i = 0; i < samples; i++) {
    sum += expectedLoad(seed, world, cell, start + ((end - start) * i) / (samples - 1), 'dl');
  }
  const { people } = world.sim;
  const streams = people.filter((p) => p.habit === 'live').length / Math.max(1, world.sim.cellCount);
  return {
    cellId,
    start,
    end,
    prbRatio: Math.round((1e4 * sum) / samples) / 100,
    gbrPrbRatio: Math.round(1e4 * Math.min(1, 0.05 * streams)) / 100,
    confidence: 0.7,
  };
}
