import { ulPrbRate, ulPrbsFor, ulRate } from '../radio/index.ts';
import { milliwatts } from './lookup.ts';
import { RATS } from './plan.ts';
import type { World } from './world.ts';

/** Most that a UE sends with (power class 3, TS 38.101-1 table 6.2.1-1), dBm. */
const UE_POWER_DBM = 23;
/** 10 log10(2^mu): P0 is for 180 kHz, a PRB at 30 kHz spacing has twice that (TS 38.213 7.1.1). */
const PRB_DB = [10 * Math.log10(2), 0] as const;

/**
 * Power in one PRB that P0 and alpha of the serving cell allow, dBm: P0 + 10 log10(2^mu) + alpha PL, TS
 * 38.213 7.1.1 (TS 36.213 5.1.1.1 for E-UTRA). The closed loop is taken as settled, its offset as part of
 * P0; Infinity where the cell leaves its UEs at full power.
 */
function density({ ues, cells }: World, u: number): number {
  const c = ues.cell[u] as number;
  const p0 = cells.p0[c] as number;
  if (Number.isNaN(p0)) return Number.POSITIVE_INFINITY;
  const pathLoss = (ues.ulLoss[u] as number) - (cells.iot[c] as number);
  return p0 + (PRB_DB[ues.rat[u] as 0 | 1] as number) + (cells.alpha[c] as number) * pathLoss;
}

const ratOf = (world: World, u: number) => RATS[world.ues.rat[u] as number] as (typeof RATS)[number];

/**
 * Uplink Mbit/s of a UE over `prbs` PRBs, all tick long. The lower of what its whole power carries and of what
 * the allowed power in each PRB does; where the two meet, a little more than either alone.
 */
export function uplinkRate(world: World, u: number, prbs: number): number {
  const loss = world.ues.ulLoss[u] as number;
  const whole = ulRate(ratOf(world, u), loss, prbs);
  const allowed = density(world, u);
  return allowed === Number.POSITIVE_INFINITY
    ? whole
    : Math.min(whole, prbs * ulPrbRate(ratOf(world, u), allowed - loss));
}

/** PRBs for an uplink rate; where power does not suffice, those that still help. */
export function uplinkPrbs(world: World, u: number, mbps: number): number {
  const loss = world.ues.ulLoss[u] as number;
  const whole = ulPrbsFor(ratOf(world, u), loss, mbps);
  const allowed = density(world, u);
  if (allowed === Number.POSITIVE_INFINITY) return whole;
  const each = ulPrbRate(ratOf(world, u), allowed - loss);
  // Wider than the whole power is worth, nothing is won.
  const useful = ulPrbsFor(ratOf(world, u), loss, Number.POSITIVE_INFINITY);
  return each > 0 ? Math.max(whole, Math.min(useful, mbps / each)) : 0;
}

/**
 * Power that the UEs of a cell send towards their strongest neighbours, against full power: 1 where the
 * cell sets no power control, or nobody sends. Call it while `scratch.prbs` holds the uplink's grants.
 */
export function towardsOthers(world: World, c: number, from: number, to: number): number {
  const { cells, ues, scratch } = world;
  if (Number.isNaN(cells.p0[c] as number)) return 1;
  let full = 0;
  let sent = 0;
  for (let i = from; i < to; i++) {
    const u = scratch.order[i] as number;
    const prbs = scratch.prbs[u] as number;
    const neighbour = ues.neighbour[u] as number;
    if (prbs <= 0 || neighbour < 0) continue;
    const gain = milliwatts((ues.neighbourRsrp[u] as number) - (cells.power[neighbour] as number));
    full += gain;
    const below = density(world, u) + 10 * Math.log10(prbs) - UE_POWER_DBM;
    sent += gain * Math.min(1, 10 ** (below / 10));
  }
  return full > 0 ? sent / full : 1;
}
