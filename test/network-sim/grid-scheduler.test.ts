import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shareFairly } from '../../src/network/grid/fair.ts';
import { createGrid, type Grid, hexagonLayout, type NewFlow } from '../../src/network/grid/index.ts';
import { carrierOf, dlPerPrbRepeated, ulPrbsFor, ulRate } from '../../src/network/radio/index.ts';

const ARP = { priorityLevel: 8, preemptCap: 'NOT_PREEMPT', preemptVuln: 'NOT_PREEMPTABLE' } as const;
const ALWAYS = { name: 'always', share: 1, onS: 1e9, offS: 0, dlMbps: Number.POSITIVE_INFINITY, ulMbps: 2 };
const one = () => hexagonLayout({ cells: 3, isdM: 500 });

/** PRBs used by every cell in the last tick, of those that it has. */
function expectConserved(grid: Grid): void {
  const { cells, plan } = grid.columns;
  for (let c = 0; c < grid.cellCount; c++) {
    const total = plan.cellPrbs[c] as number;
    for (const used of [cells.usedDl, cells.usedUl]) {
      expect(used[c]).toBeGreaterThanOrEqual(0);
      expect(used[c]).toBeLessThanOrEqual(total * (1 + 1e-6));
    }
    expect(cells.gbrDl[c]).toBeLessThanOrEqual(cells.usedDl[c] as number);
    expect(cells.gbrUl[c]).toBeLessThanOrEqual(cells.usedUl[c] as number);
  }
}

describe('the proportional fair share of a tick', () => {
  const users = fc.array(
    fc.record({
      need: fc.double({ min: 0, max: 300, noNaN: true }),
      weight: fc.double({ min: 0.1, max: 8, noNaN: true }),
      credit: fc.double({ min: 0, max: 200, noNaN: true }),
    }),
    { minLength: 1, maxLength: 40 },
  );
  const run = (capacity: number, of: Array<{ need: number; weight: number; credit: number }>) => {
    const column = (pick: (user: (typeof of)[number]) => number) => Float64Array.from(of, pick);
    const grants = new Float64Array(of.length);
    const used = shareFairly(
      capacity,
      column((u) => u.need),
      column((u) => u.weight),
      column((u) => u.credit),
      grants,
      of.length,
    );
    return { grants, used };
  };

  it('gives nobody more than it needs, nothing away twice, and leaves nothing while somebody wants', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 300, noNaN: true }), users, (capacity, of) => {
        const { grants, used } = run(capacity, of);
        const wanted = of.reduce((sum, user) => sum + user.need, 0);
        const sum = grants.reduce((a, b) => a + b, 0);
        of.forEach((user, i) => {
          expect(grants[i]).toBeLessThanOrEqual(user.need + 1e-9);
        });
        expect(sum).toBeLessThanOrEqual(capacity + 1e-6);
        expect(Math.abs(sum - used)).toBeLessThan(1e-6);
        expect(used).toBeGreaterThanOrEqual(Math.min(capacity, wanted) - 1e-5 * (1 + capacity));
      }),
    );
  });

  it('raises everybody who is short to one level of (credit + grant) / weight', () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 300, noNaN: true }), users, (capacity, of) => {
        const { grants } = run(capacity, of);
        const level = (i: number) => ((of[i]?.credit ?? 0) + (grants[i] as number)) / (of[i]?.weight ?? 1);
        const short = of.flatMap((user, i) => ((grants[i] as number) < user.need - 1e-6 ? [i] : []));
        for (const i of short) {
          of.forEach((_, j) => {
            // Nobody who has been given something stands above who still wants.
            if ((grants[j] as number) > 1e-6)
              expect(level(j)).toBeLessThanOrEqual(level(i) * (1 + 1e-4) + 1e-4);
          });
        }
      }),
    );
  });

  it('is the equal share where nobody has a history', () => {
    const { grants } = run(
      90,
      [30, 300, 300].map((need) => ({ need, weight: 1, credit: 0 })),
    );
    expect([...grants].map((x) => Math.round(x * 1e6) / 1e6)).toEqual([30, 30, 30]);
  });
});

const cellOf = (grid: Grid, flow: number) => grid.columns.ues.cell[grid.flow(flow)?.ue ?? 0] as number;

/** PRBs that a flow's guarantees take by the formulas of radio/, apart from the scheduler's tables. */
function needOf(grid: Grid, flow: number): { dl: number; ul: number } {
  const { ues } = grid.columns;
  const { ue, gbrDlMbps = 0, gbrUlMbps = 0 } = grid.flow(flow) as NonNullable<ReturnType<Grid['flow']>>;
  const rat = ues.rat[ue] === 0 ? 'NR' : 'EUTRA';
  // The grid reads its tables at tenths of a dB.
  const sinr = Math.floor((ues.sinr[ue] as number) * 10) / 10;
  const loss = ues.ulLoss[ue] as number;
  const wide = ulPrbsFor(rat, loss, gbrUlMbps);
  return {
    dl: gbrDlMbps / dlPerPrbRepeated(carrierOf(rat), sinr),
    ul: gbrUlMbps === 0 ? 0 : ulRate(rat, loss, wide) < gbrUlMbps - 1e-9 ? Number.POSITIVE_INFINITY : wide,
  };
}

describe('the scheduler of a cell', () => {
  it('never gives away a PRB twice, whatever flows, policies and faults there are', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 31 }),
        fc.array(
          fc.record({
            ue: fc.integer({ min: 0, max: 39 }),
            fiveQi: fc.constantFrom(1, 2, 3, 9, 71),
            gbrDlMbps: fc.double({ min: 0, max: 60, noNaN: true }),
            gbrUlMbps: fc.double({ min: 0, max: 8, noNaN: true }),
            priorityLevel: fc.integer({ min: 1, max: 15 }),
            strong: fc.boolean(),
          }),
          { maxLength: 25 },
        ),
        fc.array(
          fc.record({ cell: fc.integer({ min: 0, max: 5 }), ratio: fc.integer({ min: 0, max: 45 }) }),
          {
            maxLength: 2,
          },
        ),
        fc.double({ min: 0, max: 2, noNaN: true }),
        (seed, flows, policies, overload) => {
          const grid = createGrid(one(), { seed, ues: 40, population: { profiles: [ALWAYS] } });
          grid.tick(2);
          for (const { priorityLevel, strong, ...flow } of flows) {
            grid.addFlow({
              ...flow,
              arp: {
                priorityLevel,
                preemptCap: strong ? 'MAY_PREEMPT' : 'NOT_PREEMPT',
                preemptVuln: strong ? 'NOT_PREEMPTABLE' : 'PREEMPTABLE',
              },
            });
          }
          policies.forEach(({ cell, ratio }, i) => {
            grid.setRrmPolicy({
              id: `p${i}`,
              cells: [cell],
              ues: [i, i + 10, i + 20],
              dedicatedRatio: ratio,
            });
          });
          grid.setFault('busy', { kind: 'overload', cell: 0, dl: overload, ul: overload });
          for (let i = 0; i < 4; i++) {
            grid.tick();
            expectConserved(grid);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('keeps every guaranteed rate while their PRBs fit, however crowded the cell is', () => {
    let checked = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 31 }),
        fc.array(
          fc.record({
            ue: fc.integer({ min: 0, max: 59 }),
            gbrDlMbps: fc.double({ min: 0.1, max: 25, noNaN: true }),
            gbrUlMbps: fc.double({ min: 0, max: 0.5, noNaN: true }),
          }),
          { minLength: 1, maxLength: 12 },
        ),
        (seed, wishes) => {
          const still = { indoor: 1, profiles: [ALWAYS] };
          // Without fading a tick finds the radio that the admission saw.
          const grid = createGrid(one(), { seed, ues: 60, population: still, tuning: { fadingDb: 0 } });
          grid.tick(6);
          const taken: number[] = [];
          for (const wish of wishes) {
            const answer = grid.addFlow({ ...wish, fiveQi: 2, arp: ARP });
            if (answer.admitted) taken.push(answer.flow);
          }
          for (let i = 0; i < 5; i++) {
            grid.tick();
            const needs = new Map<number, { dl: number; ul: number }>();
            for (const flow of taken) {
              const sum = needs.get(cellOf(grid, flow)) ?? { dl: 0, ul: 0 };
              const need = needOf(grid, flow);
              needs.set(cellOf(grid, flow), { dl: sum.dl + need.dl, ul: sum.ul + need.ul });
            }
            for (const flow of taken) {
              const cell = cellOf(grid, flow);
              const { dl, ul } = needs.get(cell) as { dl: number; ul: number };
              const limit = 0.9 * (grid.columns.plan.cellPrbs[cell] as number);
              if (dl > limit || ul > limit) continue;
              checked++;
              const view = grid.flow(flow);
              expect(view?.guaranteed).toBe(true);
              expect(view?.dlMbps).toBeGreaterThan((view?.gbrDlMbps ?? 0) - 1e-4);
              expect(view?.ulMbps).toBeGreaterThan((view?.gbrUlMbps ?? 0) - 1e-4);
            }
          }
        },
      ),
      { numRuns: 60 },
    );
    expect(checked).toBeGreaterThan(500);
  });

  /** The UE of the best radio in a grid where everybody is still, and its cell's others. */
  function crowd() {
    const grid = createGrid(one(), {
      seed: 5,
      ues: 60,
      population: { indoor: 1, profiles: [ALWAYS] },
      tuning: { fadingDb: 0 },
    });
    grid.tick(5);
    const { ues } = grid.columns;
    const byCell = new Map<number, number[]>();
    for (let u = 0; u < grid.ueCount; u++) {
      if (ues.rrc[u] !== 2 || ues.rat[u] !== 0) continue;
      const list = byCell.get(ues.cell[u] as number) ?? [];
      list.push(u);
      byCell.set(ues.cell[u] as number, list);
    }
    const [cell, members] = [...byCell].sort((a, b) => b[1].length - a[1].length)[0] as [number, number[]];
    return { grid, cell, members: members.sort((a, b) => (ues.sinr[b] as number) - (ues.sinr[a] as number)) };
  }
  const flow = (ue: number, gbrDlMbps: number, priorityLevel: number, preempt = false): NewFlow => ({
    ue,
    fiveQi: 2,
    gbrDlMbps,
    arp: {
      priorityLevel,
      preemptCap: preempt ? 'MAY_PREEMPT' : 'NOT_PREEMPT',
      preemptVuln: 'PREEMPTABLE',
    },
  });

  it('admits by ARP, and pre-empts the weakest for who may', () => {
    const { grid, members } = crowd();
    const [a, b, c] = members as [number, number, number];
    const perPrb = (u: number) => (grid.ue(u)?.dlMbps ?? 0) / 1;
    expect(perPrb(a)).toBeGreaterThan(0);
    // Ask for more and more until the cell is full of two flows.
    let size = 10;
    let first = grid.addFlow(flow(a, size, 10));
    while (first.admitted) {
      grid.removeFlow(first.flow);
      size *= 1.1;
      first = grid.addFlow(flow(a, size, 10));
    }
    expect(first).toMatchObject({ admitted: false, cause: 'NO_RADIO_RESOURCES' });
    const big = grid.addFlow(flow(a, size / 1.2, 10));
    expect(big.admitted).toBe(true);
    expect(grid.addFlow(flow(b, size / 2, 9)).admitted).toBe(false);
    const strong = grid.addFlow(flow(c, size / 3, 3, true));
    expect(strong.admitted).toBe(true);
    expect(grid.flow(big.flow)?.cell).toBe(-1);
    grid.tick();
    expect(grid.flow(strong.flow)?.guaranteed).toBe(true);
  });

  it('keeps dedicated PRBs for the members of a policy', () => {
    const { grid, cell, members } = crowd();
    const [ue] = members as [number];
    const before = grid.ue(ue)?.dlMbps ?? 0;
    grid.setRrmPolicy({ id: 'p', cells: [cell], ues: [ue], dedicatedRatio: 40 });
    grid.tick(3);
    expect(grid.ue(ue)?.dlMbps).toBeGreaterThan(2 * before);
    expect(grid.removeRrmPolicy('p')).toBe(true);
    grid.tick(6);
    expect(grid.ue(ue)?.dlMbps).toBeLessThan(1.5 * before);
  });

  it('gives a UE of a better priority level a larger share', () => {
    const { grid, members } = crowd();
    const ue = members.at(-1) as number;
    const before = grid.ue(ue)?.dlMbps ?? 0;
    grid.setUePriority(ue, 22);
    grid.tick(6);
    expect(grid.ue(ue)?.dlMbps).toBeGreaterThan(2 * before);
  });

  it('leaves the old rates of a flow where the new ones do not fit', () => {
    const { grid, members } = crowd();
    const answer = grid.addFlow(flow(members[0] as number, 5, 8));
    expect(grid.modifyFlow(answer.flow, { gbrDlMbps: 5000 })).toMatchObject({ admitted: false });
    expect(grid.flow(answer.flow)?.gbrDlMbps).toBe(5);
    expect(grid.modifyFlow(answer.flow, { gbrDlMbps: 6 })).toMatchObject({ admitted: true });
    expect(grid.removeFlow(answer.flow)).toBe(true);
    expect(grid.removeFlow(answer.flow)).toBe(false);
    expect(grid.flow(answer.flow)).toBeUndefined();
  });
});
