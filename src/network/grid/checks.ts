import { fail } from '../../errors.ts';
import { POLICY_SLOTS } from './columns.ts';
import type { Fault } from './faults.ts';
import type { NewFlow } from './flow-table.ts';
import type { GridPolicy } from './grid.ts';
import type { Layout } from './layout.ts';
import type { GridOptions } from './population.ts';
import type { World } from './world.ts';

const refuse = (field: string, problem: string) => fail('NETWORK_GRID_INVALID', { field, problem });

const within = (field: string, value: number, low: number, high: number): void => {
  if (!(value >= low && value <= high)) throw refuse(field, `${value} is not between ${low} and ${high}`);
};

const index = (field: string, value: number, size: number): void => {
  if (!Number.isInteger(value) || value < 0 || value >= size) {
    throw refuse(field, `${value} is not a number from 0 to ${size - 1}`);
  }
};

export function checkOptions(layout: Layout, options: GridOptions): void {
  if (layout.sites.length === 0) throw refuse('layout.sites', 'there is none');
  layout.routes.forEach(({ points }, i) => {
    if (points.length < 4 || points.length % 2 !== 0) {
      throw refuse(`layout.routes[${i}].points`, 'at least two pairs of x and y are needed');
    }
  });
  index('options.ues', options.ues, 10_000_001);
  within('options.tickMs', options.tickMs ?? 1000, 100, 1000);
  within('options.candidateSites', options.candidateSites ?? 7, 1, 32);
  options.travellers?.forEach(({ route, speedMps }, i) => {
    within(`options.travellers[${i}].speedMps`, speedMps, 0, 150);
    if (route !== undefined) index(`options.travellers[${i}].route`, route, layout.routes.length);
  });
}

export function checkFlow(world: World, flow: Partial<NewFlow>): void {
  if (flow.ue !== undefined) index('flow.ue', flow.ue, world.ues.rrc.length);
  if (flow.fiveQi !== undefined) index('flow.fiveQi', flow.fiveQi, 256);
  if (flow.arp !== undefined) within('flow.arp.priorityLevel', flow.arp.priorityLevel, 1, 15);
  for (const name of [
    'gbrDlMbps',
    'gbrUlMbps',
    'mbrDlMbps',
    'mbrUlMbps',
    'offerDlMbps',
    'offerUlMbps',
  ] as const) {
    const value = flow[name];
    if (value !== undefined) within(`flow.${name}`, value, 0, 1e6);
  }
}

export function checkPolicy(
  world: World,
  policy: GridPolicy,
  slot: number | undefined,
  old: { slot: number } | undefined,
): void {
  within('policy.dedicatedRatio', policy.dedicatedRatio, 0, 100);
  for (const u of policy.ues) index('policy.ues', u, world.ues.rrc.length);
  if (slot === undefined) throw refuse('policy.id', `${POLICY_SLOTS} policies are set already`);
  for (const c of policy.cells) {
    index('policy.cells', c, world.plan.cells);
    let sum = policy.dedicatedRatio;
    for (let s = 0; s < POLICY_SLOTS; s++) {
      if (s !== old?.slot) sum += world.cells.policyRatio[c * POLICY_SLOTS + s] as number;
    }
    if (sum > 100) throw refuse('policy.dedicatedRatio', `${sum} % of cell ${c} would be dedicated`);
  }
}

/** Ranges of TS 38.331: p0-NominalWithGrant, Alpha, Q-OffsetRange. */
export function checkCell(
  world: World,
  cell: number,
  values: { p0Dbm?: number; alpha?: number; offsetDb?: number } | null,
): void {
  index('cell', cell, world.plan.cells);
  within('p0Dbm', values?.p0Dbm ?? 0, -202, 24);
  within('alpha', values?.alpha ?? 1, 0, 1);
  within('offsetDb', values?.offsetDb ?? 0, -24, 24);
}

export function checkFault(world: World, fault: Fault): void {
  index('fault.cell', fault.cell, world.plan.cells);
  if (fault.kind === 'overload') {
    within('fault.dl', fault.dl, 0, 10);
    within('fault.ul', fault.ul, 0, 10);
  } else if (fault.kind === 'misconfiguration') {
    within('fault.tiltDeg', fault.tiltDeg ?? 0, -90, 90);
    within('fault.powerDb', fault.powerDb ?? 0, -60, 30);
  } else if (fault.kind === 'neighbour-missing') {
    for (const c of fault.neighbours) index('fault.neighbours', c, world.plan.cells);
  }
}
