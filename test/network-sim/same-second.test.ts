import { describe, expect, it } from 'vitest';
import { NR } from '../../src/network/radio/index.ts';
import { type CellInput, type GbrFlow, shareCell, type UeTable } from '../../src/network/sim/cell-share.ts';
import { createSimulation } from '../../src/network/sim/index.ts';
import { START, SUPI } from './fixture.ts';

const plain = () =>
  createSimulation({ seed: 3, startTime: START, homeRegion: 'munich', supi: SUPI, uesPerRegion: 30 });
const flow = (id: string, gbrDlMbps: number) => ({
  id,
  supi: SUPI,
  fiveQi: 2,
  arp: { priorityLevel: 8, preemptCap: 'NOT_PREEMPT' as const, preemptVuln: 'NOT_PREEMPTABLE' as const },
  gbrDlMbps,
});

/** The largest of some rates that a fresh network admits: more than half of what may be promised. */
function largest(): number {
  const rates = Array.from({ length: 30 }, (_, i) => 3000 / 1.2 ** i);
  const rate = rates.find((mbps) => plain().addFlow(flow('probe', mbps)).admitted);
  if (rate === undefined) throw new Error('nothing is admitted');
  return rate;
}

describe('flows that come in the same second', () => {
  it('count against each other, and leave their place at once', () => {
    const rate = largest();
    const sim = plain();
    expect(sim.addFlow(flow('a', rate))).toMatchObject({ admitted: true });
    expect(sim.addFlow(flow('b', rate))).toEqual({ admitted: false, cause: 'NO_RADIO_RESOURCES' });
    expect(sim.flow('b')).toBeUndefined();
    expect(sim.removeFlow('a')).toBe(true);
    expect(sim.addFlow(flow('b', rate))).toMatchObject({ admitted: true });
    // Put anew under its own id, a flow does not stand in its own way.
    expect(sim.addFlow(flow('b', rate))).toMatchObject({ admitted: true });
    expect(sim.addFlow(flow('a', rate))).toMatchObject({ admitted: false });
  });

  it('free what they give back when they are changed', () => {
    const rate = largest();
    const sim = plain();
    sim.addFlow(flow('a', rate));
    sim.modifyFlow('a', { gbrDlMbps: 0 });
    expect(sim.addFlow(flow('b', rate))).toMatchObject({ admitted: true });
    expect(sim.modifyFlow('a', { gbrDlMbps: rate })).toEqual({ admitted: true, guaranteed: false });
    sim.removeFlow('b');
    expect(sim.modifyFlow('a', { gbrDlMbps: rate })).toMatchObject({ admitted: true });
    expect(sim.addFlow(flow('b', rate))).toMatchObject({ admitted: false });
  });

  it('gives the same admissions as flows a second apart', () => {
    const rate = largest();
    const answers = (gapMs: number) => {
      const sim = plain();
      return [0.3, 0.4, 0.5, 0.1].map((part, i) => {
        const { admitted } = sim.addFlow(flow(`f${i}`, part * rate));
        sim.advanceTo(START + (i + 1) * gapMs);
        return admitted;
      });
    };
    expect(answers(0)).toEqual(answers(1000));
    expect(answers(0)).toContain(true);
  });
});

describe('flows of one UE', () => {
  const one = (order: number, gbrDl: number): GbrFlow => ({
    ue: 0,
    priority: 40,
    arp: 8,
    mayPreempt: false,
    preemptable: false,
    gbrDl,
    gbrUl: 0,
    order,
    admittedAt: 0,
    served: false,
  });
  const table = (perPrb: number, wantDl: number): UeTable => ({
    perPrb: Float64Array.of(perPrb, 1),
    ulLoss: Float64Array.of(90, 90),
    wantDl: Float64Array.of(wantDl, 1000),
    wantUl: new Float64Array(2),
    weight: Float64Array.of(1, 1),
    gotDl: new Float64Array(2),
    gotUl: new Float64Array(2),
  });
  const share = (rates: UeTable, flows: GbrFlow[]) => {
    const input: CellInput = {
      cell: 0,
      carrier: NR,
      ues: [0, 1],
      flows,
      reservations: [],
      ambientDl: 0,
      ambientUl: 0,
    };
    return shareCell(rates, input);
  };

  it('are scheduled and served together while the cell carries both', () => {
    const rates = table(1, 1000);
    const flows = [one(1, 10), one(2, 8)];
    const use = share(rates, flows);
    expect(use.gbrPrbDl).toBeCloseTo(18, 9);
    expect(rates.gotDl[0]).toBeGreaterThanOrEqual(18);
    expect(flows.map(({ served }) => served)).toEqual([true, true]);
  });

  it('are not both served by a rate that is enough for each alone', () => {
    // 0.07 Mbit/s a PRB: both admitted when the radio was better, and the cell carries only the first.
    const rates = table(0.07, 1000);
    const flows = [one(1, 10), one(2, 12)];
    share(rates, flows);
    const got = rates.gotDl[0] ?? 0;
    expect(got).toBeGreaterThanOrEqual(12);
    expect(got).toBeLessThan(22);
    expect(flows.map(({ served }) => served)).toEqual([true, false]);
  });
});
