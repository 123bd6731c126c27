import { fail } from '../../errors.ts';
import type { Grid } from '../grid/index.ts';
import type { Admission, QosFlow, RrmPolicy, SteeringPolicy, UePriorityPolicy } from '../model.ts';
import { type CellSetting, CellTuning } from './cell-tuning.ts';

export interface ControlState {
  flows: Array<[id: string, flow: QosFlow, row: number]>;
  reservations: RrmPolicy[];
  steering: SteeringPolicy[];
  priorities: UePriorityPolicy[];
  applied: string[];
  cells: CellSetting[];
}

const within = (t: number, { start, end }: { start?: number; end?: number }) =>
  t >= (start ?? t) && t < (end ?? t + 1);
const overlap = (a: RrmPolicy, b: RrmPolicy) =>
  (a.start ?? 0) < (b.end ?? Number.POSITIVE_INFINITY) &&
  (b.start ?? 0) < (a.end ?? Number.POSITIVE_INFINITY);
/** Policies that the grid takes at once. */
const MOST_POLICIES = 32;

/** What the core and the RAN's management asked for: flows and policies, by the names they have there. */
export class Control {
  readonly #grid: Grid;
  /** Number of a subscriber in the grid. */
  readonly ueOf: (supi: string) => number | undefined;
  readonly cells: CellTuning;
  readonly #cellOf: (id: string) => number | undefined;
  readonly #flows = new Map<string, { flow: QosFlow; row: number }>();
  readonly #reservations = new Map<string, RrmPolicy>();
  readonly #steering = new Map<string, SteeringPolicy>();
  readonly #priorities = new Map<string, UePriorityPolicy>();
  /** RRM policies in force in the grid. */
  readonly #applied = new Set<string>();

  constructor(
    grid: Grid,
    ueOf: (supi: string) => number | undefined,
    cellOf: (id: string) => number | undefined,
  ) {
    this.#grid = grid;
    this.ueOf = ueOf;
    this.#cellOf = cellOf;
    this.cells = new CellTuning(grid, cellOf);
  }

  addFlow(flow: QosFlow): Admission {
    const ue = this.ueOf(flow.supi);
    if (ue === undefined) return { admitted: false, cause: 'UE_NOT_FOUND' };
    const { id, supi, ...rest } = flow;
    this.removeFlow(id);
    const { flow: row, ...admission } = this.#grid.addFlow({ ...rest, ue });
    if (admission.admitted) this.#flows.set(id, { flow: structuredClone({ id, supi, ...rest }), row });
    return admission;
  }

  modifyFlow(id: string, change: Partial<Omit<QosFlow, 'id' | 'supi'>>): Admission {
    const booked = this.#flows.get(id);
    if (!booked) return { admitted: false, cause: 'UE_NOT_FOUND' };
    const arp = { ...booked.flow.arp, ...change.arp };
    const admission = this.#grid.modifyFlow(booked.row, { ...change, arp });
    if (admission.admitted) booked.flow = { ...booked.flow, ...change, arp };
    return admission;
  }

  removeFlow(id: string): boolean {
    const booked = this.#flows.get(id);
    if (!booked) return false;
    this.#grid.removeFlow(booked.row);
    return this.#flows.delete(id);
  }

  flow(id: string): (QosFlow & { guaranteed: boolean }) | undefined {
    const booked = this.#flows.get(id);
    const view = booked && this.#grid.flow(booked.row);
    return booked && view && { ...structuredClone(booked.flow), guaranteed: view.guaranteed };
  }

  /** Id and subscriber of a flow by its row in the grid. */
  flowAt(row: number): { id: string; supi: string } | undefined {
    for (const [id, booked] of this.#flows) if (booked.row === row) return { id, supi: booked.flow.supi };
    return undefined;
  }

  /** Rates that a subscriber's flows carry by themselves, Mbit/s. */
  carried(supi: string): { dl: number; ul: number } {
    let dl = 0;
    let ul = 0;
    for (const { flow, row } of this.#flows.values()) {
      if (flow.supi !== supi) continue;
      const view = this.#grid.flow(row);
      dl += view?.offerDlMbps ?? 0;
      ul += view?.offerUlMbps ?? 0;
    }
    return { dl, ul };
  }

  /** @throws NETWORK_GRID_INVALID where a cell would be promised twice. */
  setRrmPolicy(policy: RrmPolicy, now: number): void {
    const others = [...this.#reservations.values()].filter(
      (one) => one.id !== policy.id && overlap(one, policy),
    );
    const refuse = (field: string, problem: string) => fail('NETWORK_GRID_INVALID', { field, problem });
    if (others.length >= MOST_POLICIES)
      throw refuse('policy.id', `${MOST_POLICIES} policies are set in that time already`);
    for (const id of policy.cellIds) {
      const sum = others
        .filter((one) => one.cellIds.includes(id))
        .reduce((total, one) => total + one.dedicatedRatio, policy.dedicatedRatio);
      if (sum > 100) throw refuse('policy.dedicatedRatio', `${sum} % of cell ${id} would be dedicated`);
    }
    this.#withdraw(policy.id);
    this.#reservations.set(policy.id, structuredClone(policy));
    this.apply(now);
  }

  removeRrmPolicy(id: string): boolean {
    this.#withdraw(id);
    return this.#reservations.delete(id);
  }

  #withdraw(id: string): void {
    if (this.#applied.delete(id)) this.#grid.removeRrmPolicy(id);
  }

  setSteering(policy: SteeringPolicy, now: number): void {
    this.removeSteering(policy.id);
    this.#steering.set(policy.id, policy);
    this.apply(now);
  }

  removeSteering(id: string): boolean {
    const policy = this.#steering.get(id);
    const ue = policy && this.ueOf(policy.supi);
    if (ue !== undefined) this.#grid.setSteering(ue, null);
    return this.#steering.delete(id);
  }

  setUePriority(policy: UePriorityPolicy): void {
    this.removeUePriority(policy.id);
    const ue = this.ueOf(policy.supi);
    if (ue !== undefined) this.#grid.setUePriority(ue, policy.priorityLevel);
    this.#priorities.set(policy.id, policy);
  }

  removeUePriority(id: string): boolean {
    const policy = this.#priorities.get(id);
    const ue = policy && this.ueOf(policy.supi);
    const known = this.#priorities.delete(id);
    // What somebody else set for the same subscriber is in force again.
    const other = [...this.#priorities.values()].findLast(({ supi }) => supi === policy?.supi);
    if (ue !== undefined) this.#grid.setUePriority(ue, other?.priorityLevel ?? null);
    return known;
  }

  /** Brings policies with a window in and out of force. */
  apply(t: number): void {
    for (const policy of this.#reservations.values()) {
      const on = within(t, policy);
      if (on === this.#applied.has(policy.id)) continue;
      if (!on) {
        this.#withdraw(policy.id);
        continue;
      }
      const { id, dedicatedRatio } = policy;
      const cells = policy.cellIds.flatMap((one) => this.#cellOf(one) ?? []);
      const ues = policy.supis.flatMap((one) => this.ueOf(one) ?? []);
      this.#grid.setRrmPolicy({ id, cells, ues, dedicatedRatio });
      this.#applied.add(id);
    }
    for (const policy of this.#steering.values()) {
      const ue = this.ueOf(policy.supi);
      if (ue !== undefined) this.#grid.setSteering(ue, within(t, policy) ? policy : null);
    }
  }

  save(): ControlState {
    return {
      flows: [...this.#flows].map(([id, { flow, row }]) => [id, flow, row]),
      reservations: [...this.#reservations.values()],
      steering: [...this.#steering.values()],
      priorities: [...this.#priorities.values()],
      applied: [...this.#applied],
      cells: this.cells.save(),
    };
  }

  restore(state: ControlState): void {
    this.#flows.clear();
    for (const [id, flow, row] of state.flows) this.#flows.set(id, { flow, row });
    const fill = <T extends { id: string }>(map: Map<string, T>, list: readonly T[]) => {
      map.clear();
      for (const one of list) map.set(one.id, one);
    };
    fill(this.#reservations, state.reservations);
    fill(this.#steering, state.steering);
    fill(this.#priorities, state.priorities);
    this.#applied.clear();
    for (const id of state.applied) this.#applied.add(id);
    this.cells.restore(state.cells);
  }
}
