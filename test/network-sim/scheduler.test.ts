import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NR } from '../../src/network/radio/index.ts';
import { admit, type Claim } from '../../src/network/sim/admission.ts';
import { type GbrFlow, shareCell, type UeTable } from '../../src/network/sim/cell-share.ts';
import { shareByWeight } from '../../src/network/sim/scheduler.ts';

const claim = (over: Partial<Claim>): Claim => ({
  needDl: 10,
  needUl: 10,
  arp: 8,
  mayPreempt: false,
  preemptable: true,
  admitted: false,
  order: 0,
  ...over,
});

describe('best-effort sharing', () => {
  it('never gives more than there is or than is needed, and leaves nothing that is needed', () => {
    const user = fc.record({
      need: fc.nat({ max: 300 }),
      weight: fc.double({ min: 0.1, max: 8, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(user, { maxLength: 30 }), fc.nat({ max: 273 }), (users, capacity) => {
        const needs = Float64Array.from(users, (u) => u.need);
        const weights = Float64Array.from(users, (u) => u.weight);
        const grants = new Float64Array(users.length);
        const used = shareByWeight(capacity, needs, weights, grants, users.length);
        const given = grants.reduce((a, b) => a + b, 0);
        const needed = needs.reduce((a, b) => a + b, 0);
        expect(given).toBeLessThanOrEqual(capacity + 1e-6);
        expect(given).toBeCloseTo(Math.min(capacity, needed), 6);
        expect(used).toBeCloseTo(given, 6);
        grants.forEach((grant, i) => {
          expect(grant).toBeLessThanOrEqual((needs[i] as number) + 1e-9);
          expect(grant).toBeGreaterThanOrEqual(0);
        });
      }),
      { seed: 1 },
    );
  });

  it('shares what is short by weight', () => {
    const grants = new Float64Array(3);
    shareByWeight(100, Float64Array.of(10, 500, 500), Float64Array.of(1, 1, 2), grants, 3);
    expect([...grants]).toEqual([10, 30, 60]);
  });
});

describe('admission by ARP', () => {
  it('refuses whom it cannot serve, and lets in by ARP before arrival', () => {
    const first = claim({ arp: 9, order: 1, needDl: 60 });
    const second = claim({ arp: 3, order: 2, needDl: 60 });
    admit([first, second], 100, 100);
    expect([first.admitted, second.admitted]).toEqual([false, true]);
  });

  it('pre-empts only for who may, only weaker ones, only as many as needed', () => {
    const holders = [6, 7, 8].map((arp, order) => claim({ arp, order, needDl: 30, admitted: true }));
    const meek = claim({ arp: 2, order: 9, needDl: 30 });
    admit([...holders, meek], 90, 90);
    expect(meek.admitted).toBe(false);
    const bold = claim({ arp: 2, order: 9, needDl: 30, mayPreempt: true });
    admit([...holders, bold], 90, 90);
    expect(bold.admitted).toBe(true);
    expect(holders.map((h) => h.admitted)).toEqual([true, true, false]);
  });

  it('leaves everybody in place if even pre-emption does not make room', () => {
    const strong = claim({ arp: 1, needDl: 80, admitted: true });
    const weak = claim({ arp: 9, needDl: 10, admitted: true, order: 1 });
    const bold = claim({ arp: 2, needDl: 50, mayPreempt: true, order: 2 });
    admit([strong, weak, bold], 90, 90);
    expect([strong.admitted, weak.admitted, bold.admitted]).toEqual([true, true, false]);
  });

  it('never promises more than the limit to newcomers', () => {
    const any = fc.record({
      needDl: fc.nat({ max: 80 }),
      needUl: fc.nat({ max: 80 }),
      arp: fc.integer({ min: 1, max: 15 }),
      mayPreempt: fc.boolean(),
      preemptable: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 20 }), (list) => {
        const claims = list.map((over, order) => claim({ ...over, order }));
        admit(claims, 200, 200);
        const sum = (of: (c: Claim) => number) =>
          claims.filter((c) => c.admitted).reduce((total, c) => total + of(c), 0);
        expect(sum((c) => c.needDl)).toBeLessThanOrEqual(200 + 1e-6);
        expect(sum((c) => c.needUl)).toBeLessThanOrEqual(200 + 1e-6);
      }),
      { seed: 2 },
    );
  });
});

describe('a cell in one second', () => {
  const ue = fc.record({
    perPrb: fc.double({ min: 0, max: 6, noNaN: true }),
    ulLoss: fc.double({ min: 80, max: 135, noNaN: true }),
    wantDl: fc.double({ min: 0, max: 200, noNaN: true }),
    wantUl: fc.double({ min: 0, max: 20, noNaN: true }),
    gbr: fc.option(fc.double({ min: 0.1, max: 10, noNaN: true }), { nil: undefined }),
    reserved: fc.nat({ max: 40 }),
  });

  it('conserves PRBs, exceeds no demand, and gives GBR flows no more than is guaranteed as GBR', () => {
    fc.assert(
      fc.property(fc.array(ue, { minLength: 1, maxLength: 25 }), fc.nat({ max: 273 }), (list, ambient) => {
        const column = (of: (u: (typeof list)[number]) => number) => Float64Array.from(list, of);
        const table: UeTable = {
          perPrb: column((u) => u.perPrb),
          ulLoss: column((u) => u.ulLoss),
          wantDl: column((u) => u.wantDl),
          wantUl: column((u) => u.wantUl),
          weight: column(() => 1),
          gotDl: column(() => 0),
          gotUl: column(() => 0),
        };
        const flows: GbrFlow[] = list.flatMap((u, i) =>
          u.gbr === undefined
            ? []
            : [
                {
                  ue: i,
                  priority: 40 + (i % 3),
                  arp: 1 + (i % 9),
                  mayPreempt: i % 2 === 0,
                  preemptable: i % 3 === 0,
                  gbrDl: u.gbr,
                  gbrUl: u.gbr / 2,
                  order: i,
                  admittedAt: -1,
                  served: false,
                },
              ],
        );
        const use = shareCell(table, {
          cell: 0,
          carrier: NR,
          ues: list.map((_u, i) => i),
          flows,
          reservations: list.flatMap((u, i) =>
            u.reserved > 30 ? [{ prbs: u.reserved - 30, ues: new Set([i]) }] : [],
          ),
          ambientDl: ambient,
          ambientUl: ambient,
        });
        expect(use.prbDl).toBeLessThanOrEqual(273 + 1e-6);
        expect(use.prbUl).toBeLessThanOrEqual(273 + 1e-6);
        expect(use.gbrPrbDl).toBeLessThanOrEqual(use.prbDl + 1e-6);
        let spent = 0;
        let promised = 0;
        list.forEach((u, i) => {
          expect(table.gotDl[i]).toBeLessThanOrEqual(u.wantDl + 1e-6);
          expect(table.gotUl[i]).toBeLessThanOrEqual(u.wantUl + 1e-6);
          if (u.perPrb > 1e-3) spent += (table.gotDl[i] as number) / u.perPrb;
        });
        for (const flow of flows) {
          const perPrb = table.perPrb[flow.ue] as number;
          if (flow.admittedAt === 0 && perPrb > 0) promised += flow.gbrDl / perPrb;
          if (flow.served && (table.wantDl[flow.ue] as number) >= flow.gbrDl) {
            expect(table.gotDl[flow.ue]).toBeGreaterThanOrEqual(flow.gbrDl - 2e-6);
          }
        }
        expect(spent).toBeLessThanOrEqual(273 + 0.01);
        expect(use.gbrPrbDl).toBeLessThanOrEqual(promised + 1e-6);
      }),
      { seed: 3, numRuns: 300 },
    );
  });
});
