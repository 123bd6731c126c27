import type { Admission, QosFlow } from '../model.ts';
import { flowColumns, grown, RRC } from './columns.ts';
import { COUNTER, count } from './counters.ts';
import { priorityOf } from './five-qi.ts';
import { admit, claim, claims } from './flows.ts';
import { dlPerPrbAt } from './tables.ts';
import type { World } from './world.ts';

/** A QoS flow to add. Traffic offered on it: `offer`, or else its guaranteed, or else its maximum rates. */
export type NewFlow = Omit<QosFlow, 'id' | 'supi'> & {
  ue: number;
  offerDlMbps?: number;
  offerUlMbps?: number;
};

export type FlowView = NewFlow & { guaranteed: boolean; dlMbps: number; ulMbps: number; cell: number };

/** Adds the flow if the cell of its UE admits it now; a UE in idle is paged, and judged by where it camps. */
export function insertFlow(world: World, flow: NewFlow): Admission & { flow: number } {
  const { ues } = world;
  const u = flow.ue;
  const cell = ues.cell[u] as number;
  count(world, cell, COUNTER.flowAttempts, 1);
  if (ues.rrc[u] === RRC.none) return { admitted: false, cause: 'UE_NOT_REACHABLE', flow: -1 };
  const f = freeRow(world);
  const { flows } = world;
  flows.used[f] = 1;
  flows.ue[f] = u;
  flows.order[f] = world.flowOrder++;
  flows.admittedAt[f] = -1;
  flows.gotDl[f] = 0;
  flows.gotUl[f] = 0;
  flows.served[f] = 1;
  write(world, f, flow);
  flows.next[f] = ues.firstFlow[u] as number;
  ues.firstFlow[u] = f;
  world.flowCount++;
  if (!judged(world, f)) {
    releaseFlow(world, f);
    return { admitted: false, cause: 'NO_RADIO_RESOURCES', flow: -1 };
  }
  count(world, cell, COUNTER.flowSuccesses, 1);
  return { admitted: true, guaranteed: isGbr(world, f), flow: f };
}

/** Changes a flow; where the cell does not admit the new rates, the old ones stay. */
export function updateFlow(
  world: World,
  f: number,
  change: Partial<Omit<QosFlow, 'id' | 'supi'>>,
): Admission {
  const old = viewFlow(world, f);
  if (old === undefined) return { admitted: false, cause: 'UE_NOT_FOUND' };
  const { flows } = world;
  const before = flows.admittedAt[f] as number;
  write(world, f, { ...old, ...change, offerDlMbps: undefined, offerUlMbps: undefined } as NewFlow);
  flows.admittedAt[f] = -1;
  if (!judged(world, f)) {
    write(world, f, old);
    flows.admittedAt[f] = before;
    return { admitted: false, cause: 'NO_RADIO_RESOURCES' };
  }
  return { admitted: true, guaranteed: isGbr(world, f) };
}

export function releaseFlow(world: World, f: number): boolean {
  const { flows, ues } = world;
  if (flows.used[f] !== 1) return false;
  const u = flows.ue[f] as number;
  if (ues.firstFlow[u] === f) ues.firstFlow[u] = flows.next[f] as number;
  else {
    let at = ues.firstFlow[u] as number;
    while (at >= 0 && flows.next[at] !== f) at = flows.next[at] as number;
    if (at >= 0) flows.next[at] = flows.next[f] as number;
  }
  flows.used[f] = 0;
  flows.ue[f] = -1;
  flows.next[f] = -1;
  flows.admittedAt[f] = -1;
  world.flowCount--;
  return true;
}

export function viewFlow({ flows }: World, f: number): FlowView | undefined {
  if (flows.used[f] !== 1) return undefined;
  const rate = (column: Float32Array) => ((column[f] as number) > 0 ? (column[f] as number) : undefined);
  const preemption = flows.preemption[f] as number;
  return {
    ue: flows.ue[f] as number,
    fiveQi: flows.fiveQi[f] as number,
    arp: {
      priorityLevel: flows.arp[f] as number,
      preemptCap: preemption & 1 ? 'MAY_PREEMPT' : 'NOT_PREEMPT',
      preemptVuln: preemption & 2 ? 'PREEMPTABLE' : 'NOT_PREEMPTABLE',
    },
    gbrDlMbps: rate(flows.gbrDl),
    gbrUlMbps: rate(flows.gbrUl),
    mbrDlMbps: rate(flows.mbrDl),
    mbrUlMbps: rate(flows.mbrUl),
    offerDlMbps: flows.offerDl[f] as number,
    offerUlMbps: flows.offerUl[f] as number,
    guaranteed: flows.served[f] === 1,
    dlMbps: flows.gotDl[f] as number,
    ulMbps: flows.gotUl[f] as number,
    cell: flows.admittedAt[f] as number,
  };
}

function write({ flows }: World, f: number, flow: NewFlow): void {
  const { fiveQi, arp, gbrDlMbps = 0, gbrUlMbps = 0, mbrDlMbps = 0, mbrUlMbps = 0 } = flow;
  flows.fiveQi[f] = fiveQi;
  flows.priority[f] = priorityOf(fiveQi);
  flows.arp[f] = arp.priorityLevel;
  flows.preemption[f] =
    (arp.preemptCap === 'MAY_PREEMPT' ? 1 : 0) | (arp.preemptVuln === 'PREEMPTABLE' ? 2 : 0);
  flows.gbrDl[f] = gbrDlMbps;
  flows.gbrUl[f] = gbrUlMbps;
  flows.mbrDl[f] = mbrDlMbps;
  flows.mbrUl[f] = mbrUlMbps;
  flows.offerDl[f] = flow.offerDlMbps ?? (gbrDlMbps || mbrDlMbps);
  flows.offerUl[f] = flow.offerUlMbps ?? (gbrUlMbps || mbrUlMbps);
}

const isGbr = ({ flows }: World, f: number): boolean =>
  (flows.gbrDl[f] as number) > 0 || (flows.gbrUl[f] as number) > 0;

/** Admission of flow `f` among all GBR flows of the cell where its UE is. */
function judged(world: World, f: number): boolean {
  if (!isGbr(world, f)) return true;
  const { flows, ues, cells, plan, tuning, scratch } = world;
  const cell = ues.cell[flows.ue[f] as number] as number;
  const { start, order, added } = scratch;
  const of = claims((start[cell + 1] as number) - (start[cell] as number) + added.length + 16);
  const ask = (u: number) => {
    if (ues.cell[u] !== cell || (ues.firstFlow[u] as number) < 0) return;
    scratch.perPrb[u] = dlPerPrbAt(world.tables, ues.rat[u] as number, ues.sinr[u] as number);
    claim(world, of, u);
  };
  for (let i = start[cell] as number; i < (start[cell + 1] as number); i++) ask(order[i] as number);
  // UEs that connect for their flow at the next tick are not in the cell's list yet.
  for (const u of added) ask(u);
  const own = flows.ue[f] as number;
  if (ues.rrc[own] !== RRC.connected && !added.includes(own)) {
    added.push(own);
    ask(own);
  }
  let aside = 0;
  for (let slot = 0; slot < 32; slot++) aside += cells.policyRatio[cell * 32 + slot] as number;
  const limit = tuning.gbrLimit * (plan.cellPrbs[cell] as number) * Math.max(0, 1 - aside / 100);
  admit(world, cell, of, limit, limit);
  return flows.admittedAt[f] === cell;
}

function freeRow(world: World): number {
  const { flows } = world;
  const rows = flows.used.length;
  if (world.flowCount < rows) {
    // Rows fill up from the front; a hole is looked for only when the end is reached.
    if (flows.used[world.flowCount] === 0) return world.flowCount;
    return flows.used.indexOf(0);
  }
  resizeFlows(world, 2 * rows);
  return rows;
}

/** Gives the flow table that many rows; old rows stay where there is room. */
export function resizeFlows(world: World, rows: number): void {
  const { flows } = world;
  world.flows = rows > flows.used.length ? grown(flows, flowColumns, rows) : flowColumns(rows);
  world.scratch.claims = claims(rows);
}
