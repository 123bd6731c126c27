import { fail } from '../../errors.ts';
import type { Admission, QosFlow, Rat } from '../model.ts';
import { account } from './accounts.ts';
import { checkCell, checkFault, checkFlow, checkOptions, checkPolicy } from './checks.ts';
import { bytesOf, POLICY_SLOTS, RRC, type Table } from './columns.ts';
import { connect } from './connection.ts';
import type { EventLog } from './events.ts';
import { applyFaults, type Fault } from './faults.ts';
import {
  type FlowView,
  insertFlow,
  type NewFlow,
  releaseFlow,
  resizeFlows,
  updateFlow,
  viewFlow,
} from './flow-table.ts';
import { follow, roundTrip } from './latency.ts';
import type { Layout } from './layout.ts';
import { measure } from './measure.ts';
import { type CellMeasurements, measurementsOf } from './measurements.ts';
import { applyTruths, type Placement, placeUe, type RadioTruth, shiftUe } from './placement.ts';
import { RATS } from './plan.ts';
import type { GridOptions } from './population.ts';
import { gather, share } from './scheduler.ts';
import {
  columnsLength,
  decodeColumns,
  decodeHead,
  digestOf,
  encodeSnapshot,
  type SnapshotHead,
} from './snapshot.ts';
import { generate } from './traffic.ts';
import { type UeView, viewUe } from './views.ts';
import { createWorld, streamsOf, type World } from './world.ts';

export interface GridPolicy {
  id: string;
  cells: number[];
  ues: number[];
  /** Percent of the PRBs of each of the cells. */
  dedicatedRatio: number;
}

/**
 * The radio and traffic of a city in columns. Synchronous; the same layout, options and calls at the
 * same ticks give the same bytes. UEs and cells are numbers: `0 .. ueCount − 1`, `0 .. cellCount − 1`.
 */
export class Grid {
  readonly #world: World;
  readonly #fingerprint: string;
  readonly #faults = new Map<string, Fault>();
  readonly #policies = new Map<string, { slot: number; cells: number[]; ratio: number }>();
  readonly #truths = new Map<number, RadioTruth>();

  constructor(layout: Layout, options: GridOptions) {
    checkOptions(layout, options);
    this.#world = createWorld(layout, options);
    this.#fingerprint = digestOf(
      new TextEncoder().encode(JSON.stringify([layout, options, this.#world.tuning])),
    );
  }

  get ueCount(): number {
    return this.#world.ues.rrc.length;
  }
  get cellCount(): number {
    return this.#world.plan.cells;
  }
  get ticks(): number {
    return this.#world.tick;
  }
  get timeMs(): number {
    return this.#world.tick * this.#world.tickMs;
  }
  /** Bytes of all columns that hold state. */
  get bytes(): number {
    return this.#tables().reduce((sum, table) => sum + bytesOf(table), 0);
  }
  /** Columns of the UEs, the cells and the flows, to read. */
  get columns(): Pick<World, 'ues' | 'cells' | 'flows' | 'plan'> {
    return this.#world;
  }
  /** What happened in the last tick. */
  get events(): EventLog {
    return this.#world.events;
  }

  /** Advances by `n` ticks. */
  tick(n = 1): void {
    for (let i = 0; i < n; i++) step(this.#world, this.#truths);
  }

  /** Puts a UE elsewhere, with other habits. */
  place(u: number, to: Placement): void {
    placeUe(this.#world, u, to);
  }

  /** Moves a UE that stands still for the grid. */
  shift(u: number, x: number, y: number): void {
    shiftUe(this.#world, u, x, y);
  }

  /** Measured radio of a UE for the ticks to come; null gives it back to the channel model. Not in the snapshot. */
  setTruth(u: number, truth: RadioTruth | null): void {
    if (truth === null) this.#truths.delete(u);
    else this.#truths.set(u, truth);
  }

  ue(u: number): UeView | undefined {
    return u >= 0 && u < this.ueCount ? viewUe(this.#world, u) : undefined;
  }

  /** `n` round trips (at most 64) of packets that the UE sends within this tick, ms; Infinity without link. */
  roundTrips(u: number, n: number): number[] {
    return Array.from({ length: Math.min(64, n) }, (_, sample) => roundTrip(this.#world, u, sample));
  }

  measurements(cell: number): CellMeasurements | undefined {
    return cell >= 0 && cell < this.cellCount ? measurementsOf(this.#world, cell) : undefined;
  }

  /** Begins a new granularity period of the measurements. */
  resetCounters(): void {
    this.#world.cells.counters.fill(0);
  }

  /**
   * Adds a QoS flow; its number is `flow`. Not admitted flows are not kept.
   * @throws NETWORK_GRID_INVALID for values out of range.
   */
  addFlow(flow: NewFlow): Admission & { flow: number } {
    checkFlow(this.#world, flow);
    return insertFlow(this.#world, flow);
  }

  modifyFlow(flow: number, change: Partial<Omit<QosFlow, 'id' | 'supi'>>): Admission {
    checkFlow(this.#world, change);
    return updateFlow(this.#world, flow, change);
  }

  removeFlow(flow: number): boolean {
    return releaseFlow(this.#world, flow);
  }

  flow(flow: number): FlowView | undefined {
    return viewFlow(this.#world, flow);
  }

  /** RRMPolicyRatio of TS 28.541 for a group of UEs on some cells; replaces one of the same id. */
  setRrmPolicy(policy: GridPolicy): void {
    const { cells, ues } = this.#world;
    const old = this.#policies.get(policy.id);
    const taken = new Set([...this.#policies.values()].map(({ slot }) => slot));
    const slot = old?.slot ?? Array.from({ length: POLICY_SLOTS }, (_, i) => i).find((i) => !taken.has(i));
    checkPolicy(this.#world, policy, slot, old);
    if (slot === undefined) return;
    this.removeRrmPolicy(policy.id);
    const bit = (1 << slot) >>> 0;
    for (const c of policy.cells) {
      cells.policies[c] = (cells.policies[c] as number) | bit;
      cells.policyRatio[c * POLICY_SLOTS + slot] = policy.dedicatedRatio;
    }
    for (const u of policy.ues) ues.policies[u] = (ues.policies[u] as number) | bit;
    this.#policies.set(policy.id, { slot, cells: [...policy.cells], ratio: policy.dedicatedRatio });
  }

  removeRrmPolicy(id: string): boolean {
    const { cells, ues } = this.#world;
    const policy = this.#policies.get(id);
    if (policy === undefined) return false;
    const rest = ~(1 << policy.slot);
    for (const c of policy.cells) {
      cells.policies[c] = (cells.policies[c] as number) & rest;
      cells.policyRatio[c * POLICY_SLOTS + policy.slot] = 0;
    }
    for (let u = 0; u < ues.policies.length; u++) ues.policies[u] = (ues.policies[u] as number) & rest;
    this.#policies.delete(id);
    return true;
  }

  /** Weight in the proportional fair share, and the priority level of the UE's GBR flows; null undoes it. */
  setUePriority(u: number, priorityLevel: number | null): void {
    const { ues } = this.#world;
    if (priorityLevel !== null && !(priorityLevel >= 1 && priorityLevel <= 127)) {
      throw fail('NETWORK_GRID_INVALID', { field: 'priorityLevel', problem: 'it is not between 1 and 127' });
    }
    ues.priority[u] = priorityLevel ?? 128;
    // 5QI 9 has level 90: half the level is twice the share.
    ues.weight[u] = priorityLevel === null ? 1 : Math.max(1, Math.min(8, 90 / priorityLevel));
  }

  /** Thresholds of an A1 traffic-steering policy for one UE; null undoes it. */
  setSteering(
    u: number,
    policy: {
      toStandbyBelow: { rsrpDbm: number; sinrDb: number };
      returnAbove: { rsrpDbm: number; sinrDb: number };
    } | null,
  ): void {
    const { ues } = this.#world;
    ues.steerRsrp[u] = policy?.toStandbyBelow.rsrpDbm ?? Number.NaN;
    ues.steerSinr[u] = policy?.toStandbyBelow.sinrDb ?? Number.NaN;
    ues.returnRsrp[u] = policy?.returnAbove.rsrpDbm ?? Number.NaN;
    ues.returnSinr[u] = policy?.returnAbove.sinrDb ?? Number.NaN;
  }

  /** Orders a change of RAT, taken at the next tick; null lets the UE go where the radio leads. */
  orderRat(u: number, rat: Rat | null): void {
    this.#world.ues.ordered[u] = rat === null ? 0 : RATS.indexOf(rat) + 1;
  }

  /** Sets what the UE's default flow offers from now on, Mbit/s. */
  setTraffic(u: number, dlMbps: number, ulMbps: number): void {
    const { ues } = this.#world;
    ues.on[u] = dlMbps > 0 || ulMbps > 0 ? 1 : 0;
    ues.wantDl[u] = dlMbps;
    ues.wantUl[u] = ulMbps;
    ues.switchAt[u] = 0x7fffffff;
    if (dlMbps === 0) ues.queueDl[u] = 0;
  }

  /** Puts a cell to sleep, or wakes it: an operator's measure, no fault. */
  setSleep(cell: number, asleep: boolean): void {
    this.#world.cells.asleep[cell] = asleep ? 1 : 0;
  }

  /** Uplink power control of a cell's UEs, dBm in 180 kHz; null lets them send at full power. */
  setUplinkPower(cell: number, control: { p0Dbm: number; alpha: number } | null): void {
    checkCell(this.#world, cell, control);
    this.#world.cells.p0[cell] = control?.p0Dbm ?? Number.NaN;
    this.#world.cells.alpha[cell] = control?.alpha ?? 1;
  }

  /** Cell individual offset of event A3 and of reselection, dB: above 0 the cell draws UEs in. */
  setCellOffset(cell: number, offsetDb: number): void {
    checkCell(this.#world, cell, { offsetDb });
    this.#world.cells.offset[cell] = offsetDb;
  }

  /** Draws all that is still to come from another seed: another future of the same present. */
  reseed(seed: number): void {
    Object.assign(this.#world.streams, streamsOf(seed));
  }

  setFault(id: string, fault: Fault): void {
    checkFault(this.#world, fault);
    this.#faults.set(id, fault);
    applyFaults(this.#world, this.#faults.values());
  }

  clearFault(id: string): boolean {
    const had = this.#faults.delete(id);
    if (had) applyFaults(this.#world, this.#faults.values());
    return had;
  }

  /** The whole state as bytes. */
  snapshot(): Uint8Array {
    const { tick, flows, flowCount, flowOrder } = this.#world;
    const head: SnapshotHead = {
      version: 1,
      fingerprint: this.#fingerprint,
      tick,
      flowRows: flows.used.length,
      flowCount,
      flowOrder,
      faults: [...this.#faults],
      policies: [...this.#policies].map(([id, { slot, cells, ratio }]) => [id, slot, cells, ratio]),
    };
    return encodeSnapshot(head, this.#tables());
  }

  /**
   * Takes the state out of a snapshot of a grid with the same layout and options.
   * @throws NETWORK_SNAPSHOT_INVALID; nothing is changed then.
   */
  restore(bytes: Uint8Array): void {
    const refuse = (problem: string) => fail('NETWORK_SNAPSHOT_INVALID', { problem });
    const found = decodeHead(bytes);
    if (found === null) throw refuse('it is not a snapshot of this format');
    const { head, at } = found;
    if (head.fingerprint !== this.#fingerprint) throw refuse('it is of another layout or other options');
    const world = this.#world;
    const rows = head.flowRows;
    const perRow = bytesOf(world.flows) / world.flows.used.length;
    const size = columnsLength([world.ues, world.cells]) + perRow * rows;
    if (bytes.length - at !== size)
      throw refuse(`its columns have ${bytes.length - at} bytes instead of ${size}`);
    if (rows !== world.flows.used.length) resizeFlows(world, rows);
    decodeColumns(bytes, at, this.#tables());
    world.tick = head.tick;
    world.flowCount = head.flowCount;
    world.flowOrder = head.flowOrder;
    world.events.clear();
    this.#faults.clear();
    for (const [id, fault] of head.faults) this.#faults.set(id, fault);
    applyFaults(world, this.#faults.values());
    this.#policies.clear();
    for (const [id, slot, cells, ratio] of head.policies) this.#policies.set(id, { slot, cells, ratio });
    gather(world);
    for (let f = 0; f < rows; f++) {
      const u = world.flows.ue[f] as number;
      if (u >= 0 && world.ues.rrc[u] !== RRC.connected) world.scratch.added.push(u);
    }
  }

  /** Hash of the state: equal for equal states. */
  digest(): string {
    return digestOf(this.snapshot());
  }

  #tables(): Table[] {
    return [this.#world.ues, this.#world.cells, this.#world.flows];
  }
}

function step(world: World, truths: ReadonlyMap<number, RadioTruth>): void {
  world.tick++;
  world.events.clear();
  const { due } = world.scratch;
  const length = generate(world, due);
  measure(world, due, length);
  if (truths.size > 0) applyTruths(world, truths);
  connect(world, due, length);
  gather(world);
  share(world);
  follow(world);
  account(world);
}

/** Builds the grid of a layout. @throws NETWORK_GRID_INVALID naming the option. */
export function createGrid(layout: Layout, options: GridOptions): Grid {
  return new Grid(layout, options);
}

/** A grid with the state of a snapshot. @throws NETWORK_GRID_INVALID, NETWORK_SNAPSHOT_INVALID. */
export function restoreGrid(layout: Layout, options: GridOptions, bytes: Uint8Array): Grid {
  const grid = new Grid(layout, options);
  grid.restore(bytes);
  return grid;
}
