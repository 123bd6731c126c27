import type { Carrier } from '../radio/index.ts';
import { ulPrbsFor, ulRate } from '../radio/index.ts';
import { admit, type Claim } from './admission.ts';
import { shareByWeight } from './scheduler.ts';

/** Share of the PRBs that GBR flows may be promised; the rest answers for the radio's ups and downs. */
const GBR_LIMIT = 0.9;
/** No single flow is promised more of a cell than this. */
const ONE_FLOW_LIMIT = 0.7;

/** A GBR flow as the scheduler sees it; `ue` is an index into the region's arrays. */
export interface GbrFlow {
  ue: number;
  /** 5QI priority level, or the smaller one that a policy sets. */
  priority: number;
  arp: number;
  mayPreempt: boolean;
  preemptable: boolean;
  gbrDl: number;
  gbrUl: number;
  order: number;
  /** Cell that admitted it, -1 for none. */
  admittedAt: number;
  /** Whether its guaranteed rates were available in the last second. */
  served: boolean;
}

/** PRBs set aside for some UEs in a cell, whether they use them or not. */
export interface Reservation {
  prbs: number;
  ues: ReadonlySet<number>;
}

/** What each UE of a region has and wants; results are written to `gotDl` and `gotUl` (Mbit/s). */
export interface UeTable {
  /** Mbit/s of one downlink PRB; 0 where nothing can be decoded. */
  perPrb: Float64Array;
  /** Coupling loss of the uplink with the interference over thermal, dB. */
  ulLoss: Float64Array;
  wantDl: Float64Array;
  wantUl: Float64Array;
  weight: Float64Array;
  gotDl: Float64Array;
  gotUl: Float64Array;
}

export interface CellUse {
  prbDl: number;
  prbUl: number;
  gbrPrbDl: number;
}

export interface CellInput {
  cell: number;
  carrier: Carrier;
  ues: readonly number[];
  flows: readonly GbrFlow[];
  reservations: readonly Reservation[];
  /** Demand of the subscribers that are not simulated one by one, in PRBs. */
  ambientDl: number;
  ambientUl: number;
}

/** A claim of a flow, with the PRBs that others have not already set aside for its UE. */
interface FlowClaim extends Claim {
  flow: GbrFlow;
}

// Scratch of one call, kept between calls: a cell is shared some hundred times a second.
let needs = new Float64Array(256);
let weights = new Float64Array(256);
let grants = new Float64Array(256);

function makeRoom(ues: number): void {
  if (ues < needs.length) return;
  needs = new Float64Array(2 * ues);
  weights = new Float64Array(2 * ues);
  grants = new Float64Array(2 * ues);
}

/** Which of the flows the cell admits now; pre-empted ones lose their place. */
export function admitFlows(table: UeTable, input: CellInput): void {
  const { carrier, cell, flows } = input;
  if (flows.length === 0) return;
  const aside = input.reservations.reduce((sum, r) => sum + r.prbs, 0);
  const open = Math.max(0, carrier.prbTotal - aside);
  const claims: FlowClaim[] = flows.map((flow) => {
    const own = input.reservations.reduce((sum, r) => sum + (r.ues.has(flow.ue) ? r.prbs : 0), 0);
    return {
      flow,
      needDl: Math.max(0, prbsDl(carrier, table, flow.ue, flow.gbrDl) - own),
      needUl: Math.max(0, prbsUl(carrier, table, flow.ue, flow.gbrUl) - own),
      arp: flow.arp,
      mayPreempt: flow.mayPreempt,
      preemptable: flow.preemptable,
      admitted: flow.admittedAt === cell,
      order: flow.order,
    };
  });
  admit(claims, GBR_LIMIT * open, GBR_LIMIT * open);
  for (const claim of claims) claim.flow.admittedAt = claim.admitted ? cell : -1;
}

/** Shares the PRBs of one cell in one second: reserved ones, then GBR by priority, then best effort. */
export function shareCell(table: UeTable, input: CellInput): CellUse {
  makeRoom(input.ues.length + 1);
  admitFlows(table, input);
  const down = shareDirection(table, input, 'dl');
  const up = shareDirection(table, input, 'ul');
  for (const flow of input.flows) flow.served = isServed(table, input, withAhead(input, flow));
  return { prbDl: down.used, prbUl: up.used, gbrPrbDl: down.gbr };
}

function shareDirection(table: UeTable, input: CellInput, direction: 'dl' | 'ul') {
  const { carrier, ues } = input;
  const dl = direction === 'dl';
  const want = dl ? table.wantDl : table.wantUl;
  const got = dl ? table.gotDl : table.gotUl;
  const prbsFor = (ue: number, rate: number) =>
    dl ? prbsDl(carrier, table, ue, rate) : prbsUl(carrier, table, ue, rate);
  const rateOf = (ue: number, prbs: number) =>
    dl ? prbs * (table.perPrb[ue] as number) : ulRate(carrier.rat, table.ulLoss[ue] as number, prbs);
  // `got` holds PRBs until the last step.
  for (const ue of ues) got[ue] = 0;
  let left = carrier.prbTotal;
  let used = 0;
  let gbr = 0;

  for (const reservation of input.reservations) {
    const pool = Math.min(reservation.prbs, left);
    left -= pool;
    const members = ues.filter((ue) => reservation.ues.has(ue));
    members.forEach((ue, i) => {
      needs[i] = prbsFor(ue, want[ue] as number);
      weights[i] = 1;
    });
    used += shareByWeight(pool, needs, weights, grants, members.length);
    members.forEach((ue, i) => {
      got[ue] = grants[i] as number;
    });
  }

  const admitted = input.flows
    .filter((flow) => flow.admittedAt === input.cell)
    .sort(inOrder)
    .map((flow) => withAhead(input, flow));
  for (const flow of admitted) {
    const rate = Math.min(dl ? flow.gbrDl : flow.gbrUl, want[flow.ue] as number);
    const grant = Math.min(left, Math.max(0, prbsFor(flow.ue, rate) - (got[flow.ue] as number)));
    got[flow.ue] = (got[flow.ue] as number) + grant;
    left -= grant;
    used += grant;
    gbr += grant;
  }

  let count = 0;
  for (const ue of ues) {
    const need = (want[ue] as number) > 0 ? prbsFor(ue, want[ue] as number) - (got[ue] as number) : 0;
    needs[count] = Math.max(0, need);
    weights[count++] = table.weight[ue] as number;
  }
  const ambient = dl ? input.ambientDl : input.ambientUl;
  needs[count] = ambient;
  weights[count] = AMBIENT_USERS * (ambient / carrier.prbTotal);
  used += shareByWeight(left, needs, weights, grants, count + 1);
  for (let i = 0; i < count; i++) {
    const ue = ues[i] as number;
    const prbs = (got[ue] as number) + (grants[i] as number);
    got[ue] = round(Math.min(want[ue] as number, rateOf(ue, prbs)));
  }
  return { used: Math.min(used, carrier.prbTotal), gbr };
}

const inOrder = (a: GbrFlow, b: GbrFlow) => a.priority - b.priority || a.arp - b.arp || a.order - b.order;

/** The flow with the rates of its UE's flows that are served before it: they share one link. */
function withAhead({ cell, flows }: Pick<CellInput, 'cell' | 'flows'>, flow: GbrFlow): GbrFlow {
  let sum = flow;
  for (const other of flows) {
    if (other.ue !== flow.ue || other.admittedAt !== cell || inOrder(other, flow) >= 0) continue;
    sum = { ...sum, gbrDl: sum.gbrDl + other.gbrDl, gbrUl: sum.gbrUl + other.gbrUl };
  }
  return sum;
}

/** Users behind the ambient demand of a full cell: their weight against one simulated UE. */
const AMBIENT_USERS = 12;
/** Rates to 1 bit/s: float dust must not decide whether a guaranteed rate was met. */
const round = (mbps: number) => Math.round(mbps * 1e6) / 1e6;

function prbsDl(carrier: Carrier, table: UeTable, ue: number, rate: number): number {
  if (rate <= 0) return 0;
  const perPrb = table.perPrb[ue] as number;
  const cap = ONE_FLOW_LIMIT * carrier.prbTotal;
  return perPrb > 0 ? Math.min(rate / perPrb, rate > GREEDY_MBPS ? carrier.prbTotal : cap) : 0;
}

/** Above this a demand is bulk traffic, which may fill the cell. */
const GREEDY_MBPS = 20;

function prbsUl(carrier: Carrier, table: UeTable, ue: number, rate: number): number {
  if (rate <= 0) return 0;
  return Math.min(
    ulPrbsFor(carrier.rat, table.ulLoss[ue] as number, rate),
    ONE_FLOW_LIMIT * carrier.prbTotal,
  );
}

/** What the radio alone lets the flow have of a cell with room: Mbit/s down and up. */
function reach(table: UeTable, carrier: Carrier, { ue, gbrDl, gbrUl }: GbrFlow): { dl: number; ul: number } {
  return {
    dl: prbsDl(carrier, table, ue, gbrDl) * (table.perPrb[ue] as number),
    ul: ulRate(carrier.rat, table.ulLoss[ue] as number, prbsUl(carrier, table, ue, gbrUl) + 1e-9),
  };
}

/** Whether the radio of its UE can carry the guaranteed rates at all, after those of its flows before it. */
export function isFeasible(table: UeTable, input: CellInput, flow: GbrFlow): boolean {
  const sum = withAhead(input, flow);
  const could = reach(table, input.carrier, sum);
  return could.dl >= sum.gbrDl - 1e-6 && could.ul >= sum.gbrUl - 1e-6;
}

function isServed(table: UeTable, input: CellInput, flow: GbrFlow): boolean {
  const { ue } = flow;
  const could = reach(table, input.carrier, flow);
  // A flow with less traffic than is guaranteed is judged by what it could have had.
  const enough = (want: number, got: number, gbr: number, possible: number) =>
    (want >= gbr ? got : possible) >= gbr - 1e-6;
  const ok =
    enough(table.wantDl[ue] as number, table.gotDl[ue] as number, flow.gbrDl, could.dl) &&
    enough(table.wantUl[ue] as number, table.gotUl[ue] as number, flow.gbrUl, could.ul);
  const reserved = input.reservations.some((r) => r.ues.has(ue));
  return ok && (flow.admittedAt === input.cell || reserved);
}
