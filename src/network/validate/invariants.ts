import { createGrid, type Grid, hexagonLayout, restoreGrid } from '../grid/index.ts';
import { draw, streamKey, unit } from '../grid/random.ts';
import { carrierOf, dlPerPrbRepeated, ulPrbsFor, ulRate } from '../radio/index.ts';
import { type Check, judge } from './check.ts';

const LAYOUT = hexagonLayout({ cells: 57, isdM: 500 });
const UES = 5700;
const TICKS = 20;
const LIMIT = 0.9;

function busyGrid(seed: number): { grid: Grid; flows: number[] } {
  const grid = createGrid(LAYOUT, { seed, ues: UES, ambient: [0.2, 0.9] });
  grid.tick(6);
  const key = streamKey(seed, 77);
  const flows: number[] = [];
  for (let u = 0; u < UES; u += 7) {
    const answer = grid.addFlow({
      ue: u,
      fiveQi: [1, 2, 3, 71][draw(key, u, 0) % 4] as number,
      arp: {
        priorityLevel: 1 + (draw(key, u, 1) % 15),
        preemptCap: draw(key, u, 2) & 1 ? 'MAY_PREEMPT' : 'NOT_PREEMPT',
        preemptVuln: draw(key, u, 3) & 1 ? 'PREEMPTABLE' : 'NOT_PREEMPTABLE',
      },
      gbrDlMbps: 0.1 + 6 * unit(draw(key, u, 4)),
      gbrUlMbps: unit(draw(key, u, 5)),
    });
    if (answer.admitted) flows.push(answer.flow);
  }
  grid.setRrmPolicy({ id: 'slice', cells: [0, 1, 2], ues: [0, 7, 14], dedicatedRatio: 25 });
  grid.setFault('crowd', { kind: 'overload', cell: 3, dl: 2, ul: 2 });
  return { grid, flows };
}

/** PRBs are given away once; guarantees are kept while their PRBs fit; equal seeds give equal bytes. */
export function invariants(seed: number): Check[] {
  const { grid, flows } = busyGrid(seed);
  const { ues, cells, plan } = grid.columns;
  let excess = 0;
  let feasible = 0;
  let kept = 0;
  let middle: Uint8Array | null = null;
  for (let t = 0; t < TICKS; t++) {
    if (t === TICKS / 2) middle = grid.snapshot();
    grid.tick();
    for (let c = 0; c < grid.cellCount; c++) {
      const total = plan.cellPrbs[c] as number;
      excess = Math.max(excess, (cells.usedDl[c] as number) - total, (cells.usedUl[c] as number) - total);
    }
    const needs = needsByCell(grid, flows);
    for (const flow of flows) {
      const view = grid.flow(flow);
      // One that a better ARP pre-empted, or no cell took over after a handover, has no guarantee to keep.
      if (view === undefined || view.cell < 0 || (ues.gap[view.ue] as number) > 0) continue;
      const { dl, ul } = needs.get(view.cell) ?? { dl: 0, ul: 0 };
      const limit = LIMIT * (plan.cellPrbs[view.cell] as number) * (view.cell < 3 ? 0.75 : 1);
      if (dl > limit || ul > limit || needOf(grid, flow).ul === Number.POSITIVE_INFINITY) continue;
      if (ues.cell[view.ue] !== view.cell) continue;
      feasible++;
      if (view.guaranteed) kept++;
    }
  }
  const again = busyGrid(seed).grid;
  again.tick(TICKS);
  const restored = restoreGrid(LAYOUT, { seed, ues: UES, ambient: [0.2, 0.9] }, middle as Uint8Array);
  restored.tick(TICKS / 2);
  const digest = grid.digest();
  return [
    judge(
      'invariants',
      'PRBs given away beyond a cell’s',
      `${Math.max(0, excess).toFixed(6)}`,
      '0',
      excess < 1e-3,
    ),
    judge(
      'invariants',
      'guaranteed rates kept while feasible',
      `${kept} of ${feasible}`,
      'all',
      kept === feasible && feasible > 0,
    ),
    judge('invariants', 'same seed, same bytes', digest, again.digest(), digest === again.digest()),
    judge(
      'invariants',
      'restored half-way, same bytes',
      restored.digest(),
      digest,
      restored.digest() === digest,
    ),
  ];
}

function needsByCell(grid: Grid, flows: readonly number[]): Map<number, { dl: number; ul: number }> {
  const needs = new Map<number, { dl: number; ul: number }>();
  for (const flow of flows) {
    const view = grid.flow(flow);
    if (view === undefined || view.cell < 0) continue;
    const sum = needs.get(view.cell) ?? { dl: 0, ul: 0 };
    const need = needOf(grid, flow);
    needs.set(view.cell, {
      dl: sum.dl + (Number.isFinite(need.dl) ? need.dl : 0),
      ul: sum.ul + (Number.isFinite(need.ul) ? need.ul : 0),
    });
  }
  return needs;
}

/** PRBs of a flow's guarantees by the formulas of radio/, apart from the scheduler's own tables. */
function needOf(grid: Grid, flow: number): { dl: number; ul: number } {
  const { ues } = grid.columns;
  const view = grid.flow(flow);
  if (view === undefined) return { dl: 0, ul: 0 };
  const { ue, gbrDlMbps = 0, gbrUlMbps = 0 } = view;
  const rat = ues.rat[ue] === 0 ? 'NR' : 'EUTRA';
  const perPrb = dlPerPrbRepeated(carrierOf(rat), Math.floor((ues.sinr[ue] as number) * 10) / 10);
  const wide = ulPrbsFor(rat, ues.ulLoss[ue] as number, gbrUlMbps);
  const reached = ulRate(rat, ues.ulLoss[ue] as number, wide) >= gbrUlMbps - 1e-6;
  return { dl: gbrDlMbps / perPrb, ul: reached && perPrb > 0 ? wide : Number.POSITIVE_INFINITY };
}
