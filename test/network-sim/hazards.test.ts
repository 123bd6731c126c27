import { describe, expect, it } from 'vitest';
import type { UeRadio } from '../../src/network/model.ts';
import { harm, serviceQuality } from '../../src/network/quality.ts';
import { addConference, assure, booked, DEMAND, FLOW_ID, SUPI } from './fixture.ts';

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

/** Longest run of seconds in which `test` holds, with up to `slip` seconds of exception inside it. */
function longest(list: UeRadio[], test: (radio: UeRadio) => boolean, slip = 0): number {
  let best = 0;
  let from = -1;
  let last = -1;
  list.forEach((radio, i) => {
    if (!test(radio)) return;
    if (from < 0 || i - last > slip + 1) from = i;
    last = i;
    best = Math.max(best, last - from + 1);
  });
  return best;
}

const level = (radio: UeRadio, rat: 'NR' | 'EUTRA') =>
  radio.rat === rat
    ? (radio.rsrpDbm ?? -200)
    : radio.standby?.rat === rat
      ? radio.standby.rsrpDbm
      : Number.NEGATIVE_INFINITY;

describe('what the ride meets', () => {
  it.each(SEEDS)('seed %i: weak 5G with usable 4G, a full cell, a tunnel', (seed) => {
    const run = booked({ seed });
    const { sim, trip, events } = run;
    sim.advanceTo(trip.service.start);
    expect(addConference(sim).admitted).toBe(true);
    events.length = 0;
    const seconds: UeRadio[] = [];
    let denied = 0;
    for (let t = trip.service.start + 1000; t < trip.service.end; t += 1000) {
      sim.advanceTo(t);
      const radio = sim.ue(SUPI) as UeRadio;
      seconds.push(radio);
      const kpis = radio.cellId && radio.rat === 'NR' ? sim.kpis(radio.cellId) : undefined;
      // At -98 dBm the radio alone carries more than 4 Mbit/s up, even in a loaded cell.
      const full = (kpis?.['RRU.PrbTotUl'] ?? 0) > 99 && (radio.rsrpDbm ?? -200) > -98;
      if (full && radio.ulMbps < DEMAND.ulMbps && sim.flow(FLOW_ID)?.guaranteed === false) denied++;
    }
    // (a) 5G too weak for 3 Mbit/s up, 4G well received.
    const weak = (r: UeRadio) => level(r, 'NR') < -102 && level(r, 'EUTRA') > -108 && r.medium === 'cellular';
    expect(longest(seconds, weak, 8)).toBeGreaterThanOrEqual(50);
    expect(longest(seconds, weak, 8)).toBeLessThanOrEqual(200);
    // (b) GBR that does not hold in a cell of good radio, because others hold its resources.
    expect(denied).toBeGreaterThanOrEqual(20);
    expect(events.some((e) => e.type === 'qos.not-guaranteed')).toBe(true);
    // (c) neither RAT serves.
    const dark = longest(seconds, (r) => r.medium === 'none');
    expect(dark).toBeGreaterThanOrEqual(18);
    expect(dark).toBeLessThanOrEqual(42);
  });

  it('gives the full cell back to who may pre-empt', () => {
    const run = booked({ seed: 1 });
    const { sim, trip, events } = run;
    sim.advanceTo(trip.service.start);
    addConference(sim);
    const isFull = () => {
      const radio = sim.ue(SUPI);
      const kpis = radio?.cellId ? sim.kpis(radio.cellId) : undefined;
      return (kpis?.['RRU.PrbTotUl'] ?? 0) > 99 && (radio?.rsrpDbm ?? -200) > -86 && radio?.rat === 'NR';
    };
    let t = trip.service.start;
    while (t < trip.service.end && !(isFull() && sim.flow(FLOW_ID)?.guaranteed === false)) {
      t += 1000;
      sim.advanceTo(t);
    }
    expect(t).toBeLessThan(trip.service.end);
    const before = sim.serviceSeconds(SUPI).at(-1);
    expect(before?.ulMbps).toBeLessThan(DEMAND.ulMbps);
    events.length = 0;
    const arp = { priorityLevel: 2, preemptCap: 'MAY_PREEMPT', preemptVuln: 'NOT_PREEMPTABLE' } as const;
    expect(sim.modifyFlow(FLOW_ID, { arp })).toEqual({ admitted: true, guaranteed: true });
    sim.advanceTo(t + 3000);
    expect(sim.serviceSeconds(SUPI).at(-1)?.ulMbps).toBeGreaterThanOrEqual(DEMAND.ulMbps);
    expect(events.map((e) => e.type)).toContain('qos.guaranteed');
  });

  it('is forecast as far as planning data goes: weak zone and tunnel, not the crowd', () => {
    const { sim, trip } = booked({ seed: 1 });
    const ride = trip.segments.find((s) => s.kind === 'drive' && s.regionId === 'shanghai');
    const points = ride?.waypoints ?? [];
    const forecast = sim.forecastCoverage(points);
    expect(forecast).toHaveLength(points.length);
    const weak = forecast.filter((f) => f.rsrpDbm < -105 && (f.standby?.ulMbps ?? 0) >= 3);
    expect(weak.length).toBeGreaterThanOrEqual(5);
    expect(forecast.filter((f) => f.cellId === null && f.standby === null).length).toBeGreaterThanOrEqual(2);
    for (const f of forecast) {
      expect(f.confidence).toBeGreaterThanOrEqual(0.5);
      expect(f.confidence).toBeLessThan(1);
      if (!f.cellId) continue;
      const load = sim.forecastLoad(f.cellId, f.t, f.t + 60_000);
      expect(load.prbRatio).toBeGreaterThan(0);
      expect(load.prbRatio).toBeLessThan(100);
      expect(load.gbrPrbRatio).toBeLessThan(30);
    }
    // The same before and after: no forecast reads what happens meanwhile.
    sim.advanceTo(trip.service.end);
    expect(sim.forecastCoverage(points)).toEqual(forecast);
  });
});

describe('assurance against none', () => {
  it('meets the targets in more seconds on at least 9 of 10 seeds, and costs the others under 3 %', () => {
    let better = 0;
    for (const seed of SEEDS) {
      const [plain, assured] = [booked({ seed }), booked({ seed })];
      plain.sim.advanceTo(plain.trip.service.end);
      assure(assured);
      assured.sim.advanceTo(assured.trip.service.end);
      const without = serviceQuality(plain.sim.serviceSeconds(SUPI), DEMAND);
      const withIt = serviceQuality(assured.sim.serviceSeconds(SUPI), DEMAND);
      expect(withIt.seconds).toBe(without.seconds);
      if (withIt.secondsMet > without.secondsMet) better++;
      const cost = harm(assured.sim.othersMeanDl(SUPI), plain.sim.othersMeanDl(SUPI));
      expect(cost.othersMedianRateChange).toBeGreaterThan(-0.03);
    }
    expect(better).toBeGreaterThanOrEqual(9);
  });
});
