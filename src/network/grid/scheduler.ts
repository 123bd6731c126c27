import { POLICY_SLOTS, RRC } from './columns.ts';
import { COUNTER, count } from './counters.ts';
import { EVENT } from './events.ts';
import { shareFairly } from './fair.ts';
import { admit, type Claims, claim, claims, orderBy, RATE_DUST, schedulingOrder } from './flows.ts';
import { dlPerPrbAt } from './tables.ts';
import { towardsOthers, uplinkPrbs, uplinkRate } from './uplink-power.ts';
import type { World } from './world.ts';

/** Subscribers behind the ambient demand of a full cell: their weight against one UE. */
const AMBIENT_USERS = 12;

/** Memory of the scheduler, kept between ticks. */
export interface ShareScratch {
  /** Connected UEs by cell: `order[start[cell] .. start[cell + 1]]`. */
  start: Int32Array;
  order: Int32Array;
  /** Mbit/s of one downlink PRB, by UE, with the share of the tick that the user plane is up. */
  perPrb: Float32Array;
  /** PRBs and Mbit/s granted so far in this cell and direction, by UE. */
  prbs: Float64Array;
  rate: Float64Array;
  needs: Float64Array;
  weights: Float64Array;
  credits: Float64Array;
  grants: Float64Array;
  members: Int32Array;
  claims: Claims;
  /** UEs not connected that were given a flow since the last tick. */
  added: number[];
}

export const shareScratch = (ues: number, cells: number, flows: number): ShareScratch => ({
  start: new Int32Array(cells + 1),
  order: new Int32Array(ues),
  perPrb: new Float32Array(ues),
  prbs: new Float64Array(ues),
  rate: new Float64Array(ues),
  needs: new Float64Array(ues + 1),
  weights: new Float64Array(ues + 1),
  credits: new Float64Array(ues + 1),
  grants: new Float64Array(ues + 1),
  members: new Int32Array(ues),
  claims: claims(flows),
  added: [],
});

/** Sorts the connected UEs by serving cell and looks up what a PRB carries for each. */
export function gather(world: World): void {
  const { ues, cells, scratch, plan, tickMs } = world;
  const { start, order, perPrb } = scratch;
  const { rrc, cell, sinr, rat, gap } = ues;
  start.fill(0);
  scratch.added.length = 0;
  const n = rrc.length;
  for (let u = 0; u < n; u++) {
    if (rrc[u] === RRC.connected) {
      const at = (cell[u] as number) + 1;
      start[at] = (start[at] as number) + 1;
    }
  }
  for (let c = 0; c < plan.cells; c++) {
    cells.connected[c] = start[c + 1] as number;
    start[c + 1] = (start[c + 1] as number) + (start[c] as number);
  }
  // `start[c]` moves to the end of its run, and one back by the shift below.
  for (let u = 0; u < n; u++) {
    if (rrc[u] !== RRC.connected) {
      ues.gotDl[u] = 0;
      ues.gotUl[u] = 0;
      continue;
    }
    const c = cell[u] as number;
    order[start[c] as number] = u;
    start[c] = (start[c] as number) + 1;
    perPrb[u] =
      dlPerPrbAt(world.tables, rat[u] as number, sinr[u] as number) * (1 - (gap[u] as number) / tickMs);
  }
  for (let c = plan.cells; c > 0; c--) start[c] = start[c - 1] as number;
  start[0] = 0;
}

/** Shares the PRBs of every cell in both directions. */
export function share(world: World): void {
  const { cells, plan, scratch, tuning } = world;
  for (let c = 0; c < plan.cells; c++) {
    const from = scratch.start[c] as number;
    const to = scratch.start[c + 1] as number;
    const of = scratch.claims;
    of.count = 0;
    for (let i = from; i < to; i++) {
      const u = scratch.order[i] as number;
      if ((world.ues.firstFlow[u] as number) >= 0) claim(world, of, u);
    }
    if (of.count > 0) {
      const open = (plan.cellPrbs[c] as number) * (1 - dedicated(world, c));
      admit(world, c, of, tuning.gbrLimit * open, tuning.gbrLimit * open);
      orderBy(of, (f, g) => schedulingOrder(world, f, g));
    }
    if (cells.up[c] === 0 || cells.asleep[c] !== 0) {
      cells.usedDl[c] = 0;
      cells.usedUl[c] = 0;
      continue;
    }
    direction(world, c, from, to, true);
    direction(world, c, from, to, false);
    cells.towards[c] = towardsOthers(world, c, from, to);
    judge(world, c);
  }
}

/** Share of a cell's PRBs that RRM policies set aside. */
function dedicated({ cells }: World, c: number): number {
  let sum = 0;
  for (let mask = cells.policies[c] as number, slot = 0; mask !== 0; mask >>>= 1, slot++) {
    if (mask & 1) sum += cells.policyRatio[c * POLICY_SLOTS + slot] as number;
  }
  return Math.min(1, sum / 100);
}

function direction(world: World, c: number, from: number, to: number, dl: boolean): void {
  const { cells, plan, scratch, ues } = world;
  const { order, prbs, rate, needs, weights } = scratch;
  const total = plan.cellPrbs[c] as number;
  for (let i = from; i < to; i++) {
    const u = order[i] as number;
    prbs[u] = 0;
    rate[u] = 0;
  }
  resetFlows(world, dl);
  let left = total;
  let used = 0;
  let guaranteed = 0;

  for (let mask = cells.policies[c] as number, slot = 0; mask !== 0; mask >>>= 1, slot++) {
    if ((mask & 1) === 0) continue;
    const pool = Math.min(left, (total * (cells.policyRatio[c * POLICY_SLOTS + slot] as number)) / 100);
    left -= pool;
    const bit = 1 << slot;
    const gbr = serveGuaranteed(world, c, pool, dl, bit);
    guaranteed += gbr;
    let members = 0;
    for (let i = from; i < to; i++) {
      const u = order[i] as number;
      if ((ues.policies[u] as number) & bit) scratch.members[members++] = u;
    }
    used += gbr + serveFairly(world, scratch.members, 0, members, pool - gbr, dl, 0);
  }

  const gbr = serveGuaranteed(world, c, left, dl, 0);
  guaranteed += gbr;
  left -= gbr;
  const ambient = dl
    ? (cells.ambientDl[c] as number) + (cells.overloadDl[c] as number)
    : (cells.ambientUl[c] as number) + (cells.overloadUl[c] as number);
  needs[to - from] = ambient * total;
  weights[to - from] = Math.max(1e-3, AMBIENT_USERS * ambient);
  used += gbr + serveFairly(world, order, from, to, left, dl, 1);

  if (dl) {
    cells.usedDl[c] = used;
    cells.gbrDl[c] = guaranteed;
  } else {
    cells.usedUl[c] = used;
    cells.gbrUl[c] = guaranteed;
  }
  for (let i = from; i < to; i++) settleUe(world, order[i] as number, dl);
}

function resetFlows({ scratch, flows }: World, dl: boolean): void {
  const { claims: of } = scratch;
  const got = dl ? flows.gotDl : flows.gotUl;
  for (let i = 0; i < of.count; i++) got[of.flow[i] as number] = 0;
}

/** Guaranteed rates in scheduling order out of `pool` PRBs; of a policy's UEs only where `bit` is set. */
function serveGuaranteed(world: World, c: number, pool: number, dl: boolean, bit: number): number {
  const { scratch, flows, ues } = world;
  const { claims: of, prbs, rate } = scratch;
  const got = dl ? flows.gotDl : flows.gotUl;
  const gbr = dl ? flows.gbrDl : flows.gbrUl;
  const offer = dl ? flows.offerDl : flows.offerUl;
  let left = pool;
  for (let i = 0; i < of.count && left > 0; i++) {
    const f = of.flow[i] as number;
    const u = flows.ue[f] as number;
    // A policy's PRBs serve its members whether or not the open part of the cell admitted their flow.
    if (bit === 0 ? flows.admittedAt[f] !== c : ((ues.policies[u] as number) & bit) === 0) continue;
    const due = Math.min(gbr[f] as number, offer[f] as number) - (got[f] as number);
    if (due <= RATE_DUST) continue;
    const before = rate[u] as number;
    const need = widthFor(world, u, before + due, dl) - (prbs[u] as number);
    const grant = Math.max(0, Math.min(left, need));
    prbs[u] = (prbs[u] as number) + grant;
    const after =
      grant === need
        ? Math.min(before + due, rateAt(world, u, prbs[u] as number, dl))
        : rateAt(world, u, prbs[u] as number, dl);
    rate[u] = after;
    got[f] = (got[f] as number) + Math.max(0, after - before);
    left -= grant;
  }
  return pool - left;
}

/** What is left of the demands of `list[from..to]` out of `pool` PRBs, by proportional fairness. */
function serveFairly(
  world: World,
  list: Int32Array,
  from: number,
  to: number,
  pool: number,
  dl: boolean,
  ambient: 0 | 1,
): number {
  const { scratch, ues, plan } = world;
  const { needs, weights, credits, grants, prbs, rate } = scratch;
  const mean = dl ? ues.meanDl : ues.meanUl;
  const count = to - from;
  const memory = world.fairMemory;
  // The ambient demand stands behind the UEs.
  credits[count] = 0;
  const width = count > 0 ? (plan.cellPrbs[ues.cell[list[from] as number] as number] as number) / count : 1;
  for (let i = 0; i < count; i++) {
    const u = list[from + i] as number;
    const want = demand(world, u, dl) - 0;
    const have = rate[u] as number;
    const need = want > have + RATE_DUST ? widthFor(world, u, want, dl) - (prbs[u] as number) : 0;
    needs[i] = Math.max(need, 0);
    weights[i] = ues.weight[u] as number;
    const each = dl ? (scratch.perPrb[u] as number) : rateAt(world, u, width, false) / width;
    credits[i] = each > 0 ? (memory * (mean[u] as number)) / each + (prbs[u] as number) : 0;
  }
  const used = shareFairly(pool, needs, weights, credits, grants, count + ambient);
  for (let i = 0; i < count; i++) {
    const grant = grants[i] as number;
    if (grant <= 0) continue;
    const u = list[from + i] as number;
    prbs[u] = (prbs[u] as number) + grant;
    rate[u] = Math.min(demand(world, u, dl), rateAt(world, u, prbs[u] as number, dl));
  }
  return used;
}

/** Mbit/s that a UE could use in this tick: its queue, and its flows up to their maximum rates. */
function demand(world: World, u: number, dl: boolean): number {
  const { ues, flows, tickMs } = world;
  let sum = ((dl ? ues.queueDl : ues.queueUl)[u] as number) / (tickMs / 1000);
  for (let f = ues.firstFlow[u] as number; f >= 0; f = flows.next[f] as number) sum += offered(world, f, dl);
  return sum;
}

function offered({ flows }: World, f: number, dl: boolean): number {
  const offer = (dl ? flows.offerDl : flows.offerUl)[f] as number;
  const most = (dl ? flows.mbrDl : flows.mbrUl)[f] as number;
  return most > 0 && most < offer ? most : offer;
}

/** PRBs for a rate; all that help where the radio cannot carry it. */
function widthFor(world: World, u: number, mbps: number, dl: boolean): number {
  const { ues, tickMs, plan, scratch } = world;
  const most = plan.cellPrbs[ues.cell[u] as number] as number;
  if (dl) {
    const perPrb = scratch.perPrb[u] as number;
    return perPrb > 0 ? Math.min(most, mbps / perPrb) : 0;
  }
  const up = 1 - (ues.gap[u] as number) / tickMs;
  return up > 0 ? uplinkPrbs(world, u, mbps / up) : 0;
}

function rateAt(world: World, u: number, prbs: number, dl: boolean): number {
  const { ues, tickMs, scratch } = world;
  if (prbs <= 0) return 0;
  if (dl) return prbs * (scratch.perPrb[u] as number);
  const up = 1 - (ues.gap[u] as number) / tickMs;
  return up * uplinkRate(world, u, prbs);
}

/** Divides what the UE got among its flows and its default queue; updates queue and average. */
function settleUe(world: World, u: number, dl: boolean): void {
  const { ues, flows, scratch, tickMs, fairGain } = world;
  const total = scratch.rate[u] as number;
  const queue = dl ? ues.queueDl : ues.queueUl;
  const mean = dl ? ues.meanDl : ues.meanUl;
  (dl ? ues.gotDl : ues.gotUl)[u] = total;
  mean[u] = (1 - fairGain) * (mean[u] as number) + fairGain * total;
  const seconds = tickMs / 1000;
  const backlog = queue[u] as number;
  if ((ues.firstFlow[u] as number) < 0) {
    if (backlog !== Number.POSITIVE_INFINITY) {
      const rest = backlog - total * seconds;
      queue[u] = rest > 1e-9 ? rest : 0;
    }
    return;
  }
  const got = dl ? flows.gotDl : flows.gotUl;
  let guaranteed = 0;
  let excess = backlog / seconds;
  for (let f = ues.firstFlow[u] as number; f >= 0; f = flows.next[f] as number) {
    const isGbr = (flows.gbrDl[f] as number) > 0 || (flows.gbrUl[f] as number) > 0;
    if (!isGbr) got[f] = 0;
    guaranteed += got[f] as number;
    excess += Math.max(0, offered(world, f, dl) - (got[f] as number));
  }
  const best = Math.max(0, total - guaranteed);
  // Flows beyond their guarantee and the default queue share in proportion to what they still want.
  const ratio = excess === Number.POSITIVE_INFINITY ? 0 : excess > 0 ? Math.min(1, best / excess) : 0;
  for (let f = ues.firstFlow[u] as number; f >= 0; f = flows.next[f] as number) {
    const had = got[f] as number;
    got[f] = had + ratio * Math.max(0, offered(world, f, dl) - had);
  }
  if (backlog !== Number.POSITIVE_INFINITY) queue[u] = Math.max(0, backlog * (1 - ratio));
}

/** Says of every GBR flow of the cell whether it had its guarantee, and tells of changes (QNC). */
function judge(world: World, c: number): void {
  const { scratch, flows } = world;
  const { claims: of } = scratch;
  for (let i = 0; i < of.count; i++) {
    const f = of.flow[i] as number;
    const enough =
      (flows.gotDl[f] as number) >=
        Math.min(flows.gbrDl[f] as number, flows.offerDl[f] as number) - RATE_DUST * 10 &&
      (flows.gotUl[f] as number) >=
        Math.min(flows.gbrUl[f] as number, flows.offerUl[f] as number) - RATE_DUST * 10;
    const served = enough ? 1 : 0;
    if (served === flows.served[f]) continue;
    flows.served[f] = served;
    world.events.push(enough ? EVENT.guaranteed : EVENT.notGuaranteed, flows.ue[f] as number, f, c);
    if (!enough) count(world, c, COUNTER.flowFailures, 1);
  }
}
