import type { World } from './world.ts';

/** What can be wrong with a cell. */
export type Fault =
  | { kind: 'cell-down'; cell: number }
  /** Demand of others on top, shares of the PRBs. */
  | { kind: 'overload'; cell: number; dl: number; ul: number }
  /** Antenna or power set wrongly: added to the planned values. */
  | { kind: 'misconfiguration'; cell: number; tiltDeg?: number; powerDb?: number }
  /** Neighbours to which no handover is made. */
  | { kind: 'neighbour-missing'; cell: number; neighbours: number[] };

/** Reckons what all faults together do to the cells, from the plan up: so they come and go in any order. */
export function applyFaults(world: World, faults: Iterable<Fault>): void {
  const { cells, plan, missing } = world;
  cells.up.fill(1);
  cells.tilt.set(plan.cellTilt);
  cells.power.set(plan.cellPower);
  cells.overloadDl.fill(0);
  cells.overloadUl.fill(0);
  missing.clear();
  for (const fault of faults) {
    const c = fault.cell;
    if (fault.kind === 'cell-down') cells.up[c] = 0;
    else if (fault.kind === 'overload') {
      cells.overloadDl[c] = (cells.overloadDl[c] as number) + fault.dl;
      cells.overloadUl[c] = (cells.overloadUl[c] as number) + fault.ul;
    } else if (fault.kind === 'misconfiguration') {
      cells.tilt[c] = (cells.tilt[c] as number) + (fault.tiltDeg ?? 0);
      cells.power[c] = (cells.power[c] as number) + (fault.powerDb ?? 0);
    } else for (const other of fault.neighbours) missing.add(c * plan.cells + other);
  }
}
