import { COUNTER, count } from './counters.ts';
import { uplinkPrbs, uplinkRate } from './uplink-power.ts';
import type { World } from './world.ts';

/** Rates to 1 bit/s: rounding must not decide whether a guaranteed rate was met. */
export const RATE_DUST = 1e-6;
/** A claim that no number of PRBs meets. */
const INFEASIBLE = Number.POSITIVE_INFINITY;

/** PRBs that `mbps` take beyond those for `ahead` Mbit/s of the same UE; Infinity if the radio cannot. */
export function prbsDl(world: World, u: number, mbps: number): number {
  if (mbps <= 0) return 0;
  const perPrb = world.scratch.perPrb[u] as number;
  return perPrb > 0 ? mbps / perPrb : INFEASIBLE;
}

export function prbsUl(world: World, u: number, ahead: number, mbps: number): number {
  if (mbps <= 0) return 0;
  const { ues, tickMs } = world;
  const share = 1 - (ues.gap[u] as number) / tickMs;
  if (share <= 0) return INFEASIBLE;
  const rate = (ahead + mbps) / share;
  const prbs = uplinkPrbs(world, u, rate);
  if (uplinkRate(world, u, prbs) < rate - RATE_DUST) return INFEASIBLE;
  return ahead > 0 ? Math.max(0, prbs - uplinkPrbs(world, u, ahead / share)) : prbs;
}

/** The GBR flows of one cell, gathered for a tick. */
export interface Claims {
  count: number;
  flow: Int32Array;
  needDl: Float64Array;
  needUl: Float64Array;
  /** Scratch of the admission. */
  victims: Int32Array;
}

export const claims = (size: number): Claims => ({
  count: 0,
  flow: new Int32Array(size),
  needDl: new Float64Array(size),
  needUl: new Float64Array(size),
  victims: new Int32Array(size),
});

function enlarge(of: Claims): void {
  const bigger = claims(2 * of.flow.length);
  bigger.flow.set(of.flow);
  bigger.needDl.set(of.needDl);
  bigger.needUl.set(of.needUl);
  of.flow = bigger.flow;
  of.needDl = bigger.needDl;
  of.needUl = bigger.needUl;
  of.victims = bigger.victims;
}

/** Adds the GBR flows of a UE to the claims of its cell. */
export function claim(world: World, into: Claims, u: number): void {
  const { flows, ues } = world;
  for (let f = ues.firstFlow[u] as number; f >= 0; f = flows.next[f] as number) {
    if ((flows.gbrDl[f] as number) <= 0 && (flows.gbrUl[f] as number) <= 0) continue;
    if (into.count === into.flow.length) enlarge(into);
    const i = into.count++;
    into.flow[i] = f;
    into.needDl[i] = prbsDl(world, u, flows.gbrDl[f] as number);
    into.needUl[i] = prbsUl(world, u, 0, flows.gbrUl[f] as number);
  }
}

/**
 * Admission by allocation and retention priority (TS 23.501 5.7.2.2): who is in stays, also where its
 * need has grown; others come in by ARP while there is room, and weaker ones are pre-empted for who may.
 */
export function admit(world: World, cell: number, of: Claims, limitDl: number, limitUl: number): void {
  const { flows } = world;
  let dl = 0;
  let ul = 0;
  let waiting = 0;
  for (let i = 0; i < of.count; i++) {
    if (flows.admittedAt[of.flow[i] as number] !== cell) {
      waiting++;
      continue;
    }
    // What the radio cannot carry now takes nothing.
    if (of.needDl[i] !== INFEASIBLE) dl += of.needDl[i] as number;
    if (of.needUl[i] !== INFEASIBLE) ul += of.needUl[i] as number;
  }
  if (waiting === 0) return;
  orderBy(of, (f, g) => arpOf(world, f, g));
  for (let i = 0; i < of.count; i++) {
    const f = of.flow[i] as number;
    if (flows.admittedAt[f] === cell) continue;
    const needDl = of.needDl[i] as number;
    const needUl = of.needUl[i] as number;
    flows.admittedAt[f] = -1;
    if (needDl > limitDl || needUl > limitUl) continue;
    let victims = 0;
    let freeDl = dl;
    let freeUl = ul;
    const fits = () => freeDl + needDl <= limitDl + 1e-9 && freeUl + needUl <= limitUl + 1e-9;
    if (!fits() && ((flows.preemption[f] as number) & 1) !== 0) {
      // The claims are in order of ARP: the weakest are at the end.
      for (let j = of.count - 1; j > i && !fits(); j--) {
        const other = of.flow[j] as number;
        const weaker = (flows.arp[other] as number) > (flows.arp[f] as number);
        if (flows.admittedAt[other] !== cell || !weaker || ((flows.preemption[other] as number) & 2) === 0)
          continue;
        of.victims[victims++] = other;
        if (of.needDl[j] !== INFEASIBLE) freeDl -= of.needDl[j] as number;
        if (of.needUl[j] !== INFEASIBLE) freeUl -= of.needUl[j] as number;
      }
    }
    if (!fits()) continue;
    for (let v = 0; v < victims; v++) {
      flows.admittedAt[of.victims[v] as number] = -1;
      count(world, cell, COUNTER.flowsPreempted, 1);
    }
    flows.admittedAt[f] = cell;
    dl = freeDl + needDl;
    ul = freeUl + needUl;
  }
}

/** Insertion sort: a cell has few GBR flows, and mostly in order. */
export function orderBy(of: Claims, before: (f: number, g: number) => number): void {
  for (let i = 1; i < of.count; i++) {
    const f = of.flow[i] as number;
    const dl = of.needDl[i] as number;
    const ul = of.needUl[i] as number;
    let j = i - 1;
    while (j >= 0 && before(of.flow[j] as number, f) > 0) {
      of.flow[j + 1] = of.flow[j] as number;
      of.needDl[j + 1] = of.needDl[j] as number;
      of.needUl[j + 1] = of.needUl[j] as number;
      j--;
    }
    of.flow[j + 1] = f;
    of.needDl[j + 1] = dl;
    of.needUl[j + 1] = ul;
  }
}

function arpOf({ flows }: World, f: number, g: number): number {
  return (
    (flows.arp[f] as number) - (flows.arp[g] as number) ||
    (flows.order[f] as number) - (flows.order[g] as number)
  );
}

/** Order of scheduling: 5QI priority level or the better one of a policy, ARP, arrival. */
export function schedulingOrder(world: World, f: number, g: number): number {
  return level(world, f) - level(world, g) || arpOf(world, f, g);
}

function level({ flows, ues }: World, f: number): number {
  const own = flows.priority[f] as number;
  const policy = ues.priority[flows.ue[f] as number] as number;
  return Math.min(own, policy);
}
