import { describe, expect, it } from 'vitest';
import { PLACES } from '../../src/network/sim/gazetteer.ts';
import { createSimulation } from '../../src/network/sim/index.ts';
import { addConference, booked, FLOW_ID, HOUR, START, SUPI } from './fixture.ts';

const plain = (seed = 1) => createSimulation({ seed, startTime: START, homeRegion: 'Munich', supi: SUPI });

describe('regions and cells', () => {
  it('deploys at least 19 three-sector sites in each of two RATs, with ids of TS 29.571', () => {
    const sim = plain();
    const cells = sim.cells('munich');
    const nr = cells.filter((c) => c.rat === 'NR');
    const lte = cells.filter((c) => c.rat === 'EUTRA');
    expect(nr).toHaveLength(57);
    expect(lte).toHaveLength(57);
    expect(new Set(nr.map((c) => c.siteId)).size).toBe(19);
    expect(new Set(cells.map((c) => c.id)).size).toBe(114);
    for (const cell of nr) expect(cell.id).toMatch(/^[0-9a-f]{9}$/);
    for (const cell of lte) expect(cell.id).toMatch(/^[0-9a-f]{7}$/);
    expect(sim.region('Munich')?.tac).toMatch(/^[0-9a-f]{6}$/);
    expect(nr[0]).toMatchObject({ carrierGHz: 3.5, bandwidthMHz: 100, prbTotal: 273 });
  });

  it('finds cities by name, id and alias, and says which it does not know', () => {
    const sim = plain();
    expect(PLACES.length).toBeGreaterThanOrEqual(80);
    expect(new Set(PLACES.map((p) => p.id)).size).toBe(PLACES.length);
    for (const name of ['Shanghai', 'Hong Kong', 'hongkong', 'São Paulo', "Xi'an", 'Cork']) {
      expect(sim.region(name)?.id, name).toBeDefined();
    }
    expect(sim.region('Atlantis')).toBeUndefined();
    expect(() => sim.bookTrip(trip('Atlantis'))).toThrow(/Atlantis/);
  });

  it('finds a cell of a region that nobody has asked for yet', () => {
    const id = plain().cells('shanghai')[5]?.id ?? '';
    expect(plain().cell(id)?.regionId).toBe('shanghai');
    expect(plain().kpis(id)?.cellId).toBe(id);
    expect(plain().cell('fffffffff')).toBeUndefined();
    expect(plain().cell('zz')).toBeUndefined();
  });

  it('knows the radio of every subscriber', () => {
    const sim = plain();
    const all = sim.subscribers();
    expect(all[0]).toBe(SUPI);
    expect(all.length).toBeGreaterThan(200);
    for (const supi of all) {
      const ue = sim.ue(supi);
      expect(supi).toMatch(/^imsi-\d{15}$/);
      expect(ue?.rsrpDbm).toBeLessThan(-30);
      expect(sim.cell(ue?.cellId ?? '')?.rat).toBe(ue?.rat);
    }
    expect(sim.ue('imsi-999999999999999')).toBeUndefined();
  });
});

const trip = (destination: string) => ({
  tripId: 't',
  supi: SUPI,
  mode: 'fly' as const,
  destination,
  departure: { start: START, end: START + HOUR },
  service: { name: 'x', dlMbps: 1, ulMbps: 1, maxDelayMs: 100, window: { start: START, end: START + HOUR } },
});

describe('trips', () => {
  it('starts the service inside the window, on the road, and ends it at the hotel', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { trip: it } = booked({ seed });
      const { start, end } = it.service;
      expect(start).toBeGreaterThanOrEqual(START + 8 * HOUR);
      expect(start).toBeLessThanOrEqual(START + 12 * HOUR);
      expect(end - start).toBeGreaterThanOrEqual(25 * 60_000);
      expect(end - start).toBeLessThanOrEqual(30 * 60_000);
      const at = (t: number) => it.segments.find((s) => t >= s.start && t < s.end);
      expect(at(start)).toMatchObject({ kind: 'drive', regionId: 'shanghai', from: 'airport', to: 'hotel' });
      expect(at(start + 8 * 60_000)?.kind).toBe('drive');
      expect(at(end)).toMatchObject({ kind: 'stay', from: 'hotel' });
      const [first] = it.segments;
      expect(first?.start).toBeGreaterThanOrEqual(START + HOUR);
      expect(first?.start).toBeLessThanOrEqual(START + 7 * HOUR);
      it.segments.forEach((segment, i) => {
        if (i > 0) expect(segment.start).toBe(it.segments[i - 1]?.end);
        segment.waypoints.forEach((w, k) => {
          if (k > 0) expect(w.t).toBeGreaterThan(segment.waypoints[k - 1]?.t ?? 0);
        });
      });
    }
  });

  it('puts the traveller in the air, out of reach of the operator', () => {
    const { sim, trip: it } = booked({ seed: 1 });
    const fly = it.segments.find((s) => s.kind === 'fly');
    sim.advanceTo(((fly?.start ?? 0) + (fly?.end ?? 0)) / 2);
    expect(sim.ue(SUPI)).toMatchObject({ medium: 'in-flight', rat: null, cellId: null });
    expect(addConference(sim)).toEqual({ admitted: false, cause: 'UE_NOT_REACHABLE' });
    expect(sim.paths(SUPI)).toEqual([]);
  });

  it('refuses a trip of somebody else and windows that end before they start', () => {
    const sim = plain();
    expect(() => sim.bookTrip({ ...trip('berlin'), supi: 'imsi-1' })).toThrow(/imsi-1/);
    const bad = { ...trip('berlin'), departure: { start: 5, end: 1 } };
    expect(() => sim.bookTrip(bad)).toThrow(/window/);
  });
});

describe('determinism', () => {
  it('gives the same seconds for the same seed, bit by bit, and others for another seed', () => {
    const run = (seed: number) => {
      const { sim, trip: it, events } = booked({ seed });
      sim.advanceTo(it.service.end);
      return JSON.stringify([it, sim.serviceSeconds(SUPI), [...sim.othersMeanDl(SUPI)], events]);
    };
    expect(run(4)).toBe(run(4));
    expect(run(4)).not.toBe(run(5));
  });

  it('does not depend on how time got there', () => {
    const straight = booked({ seed: 3 });
    straight.sim.advanceTo(straight.trip.service.end);
    const halting = booked({ seed: 3 });
    for (let t = START; t < halting.trip.service.end; t += 613_700) halting.sim.advanceTo(t);
    for (const cell of halting.sim.cells('guangzhou').slice(0, 3)) halting.sim.kpis(cell.id);
    halting.sim.advanceTo(halting.trip.service.end);
    expect(halting.sim.serviceSeconds(SUPI)).toEqual(straight.sim.serviceSeconds(SUPI));
  });

  it('depends on the time of day, not on the date', () => {
    const later = 17 * 24 * HOUR;
    const today = booked({ seed: 6 });
    const then = booked({ seed: 6, start: START + later });
    today.sim.advanceTo(today.trip.service.end);
    then.sim.advanceTo(then.trip.service.end);
    const shifted = then.sim.serviceSeconds(SUPI).map((s) => ({ ...s, t: s.t - later }));
    expect(shifted).toEqual(today.sim.serviceSeconds(SUPI));
  });

  it('keeps a twin comparable: a flow of the subscriber moves nobody else in the radio', () => {
    const [a, b] = [booked({ seed: 2 }), booked({ seed: 2 })];
    for (const run of [a, b]) run.sim.advanceTo(run.trip.service.start);
    expect(addConference(b.sim)).toEqual({ admitted: true, guaranteed: true });
    let sinrMoved = 0;
    for (let i = 1; i <= 120; i++) {
      for (const run of [a, b]) run.sim.advanceTo(run.trip.service.start + i * 1000);
      if (i % 20 !== 0) continue;
      for (const supi of a.sim.subscribers().slice(1, 400)) {
        const [x, y] = [a.sim.ue(supi), b.sim.ue(supi)];
        expect(y).toMatchObject({ position: x?.position, cellId: x?.cellId, rsrpDbm: x?.rsrpDbm });
        // The flow's PRBs are load, and load is interference: nothing else may move the SINR.
        sinrMoved = Math.max(sinrMoved, Math.abs((x?.sinrDb ?? 0) - (y?.sinrDb ?? 0)));
      }
    }
    expect(sinrMoved).toBeLessThan(1);
  });
});

describe('conservation in the running network', () => {
  it('uses no more PRBs than a cell has, with reservations, flows and a crowd', () => {
    const { sim, trip: it } = booked({ seed: 1 });
    sim.advanceTo(it.service.start);
    addConference(sim);
    const cells = sim.cells('shanghai');
    const cellIds = cells.map((c) => c.id);
    sim.setRrmPolicy({ id: 'r', cellIds, supis: [SUPI], dedicatedRatio: 20 });
    for (let t = it.service.start; t < it.service.start + 600_000; t += 30_000) {
      sim.advanceTo(t);
      for (const id of cellIds) {
        const k = sim.kpis(id);
        expect(k?.['RRU.PrbTotDl']).toBeLessThanOrEqual(100);
        expect(k?.['RRU.PrbTotUl']).toBeLessThanOrEqual(100);
        expect(k?.gbrPrbRatioDl).toBeLessThanOrEqual((k?.['RRU.PrbTotDl'] ?? 0) + 0.01);
      }
    }
    expect(sim.removeRrmPolicy('r')).toBe(true);
    expect(sim.removeRrmPolicy('r')).toBe(false);
  });

  it('never lets a flow go beyond its maximum rate', () => {
    const { sim, trip: it } = booked({ seed: 1 });
    sim.advanceTo(it.service.start);
    addConference(sim);
    sim.modifyFlow(FLOW_ID, { mbrDlMbps: 4.2, mbrUlMbps: 3.1 });
    sim.advanceTo(it.service.start + 60_000);
    for (const second of sim.serviceSeconds(SUPI).slice(2)) {
      expect(second.dlMbps).toBeLessThanOrEqual(4.2);
      expect(second.ulMbps).toBeLessThanOrEqual(3.1);
    }
  });
});

describe('actions', () => {
  it('follows flows through their life', () => {
    const sim = plain();
    expect(sim.addFlow({ ...flow('x'), supi: 'imsi-1' })).toEqual({ admitted: false, cause: 'UE_NOT_FOUND' });
    expect(sim.addFlow(flow('x'))).toEqual({ admitted: true, guaranteed: true });
    expect(sim.flow('x')).toMatchObject({ gbrDlMbps: 4, guaranteed: true });
    expect(sim.addFlow({ ...flow('huge'), gbrDlMbps: 5000 })).toEqual({
      admitted: false,
      cause: 'NO_RADIO_RESOURCES',
    });
    expect(sim.flow('huge')).toBeUndefined();
    expect(sim.modifyFlow('x', { gbrDlMbps: 5 })).toEqual({ admitted: true, guaranteed: true });
    expect(sim.removeFlow('x')).toBe(true);
    expect(sim.removeFlow('x')).toBe(false);
    expect(sim.modifyFlow('x', {})).toEqual({ admitted: false, cause: 'UE_NOT_FOUND' });
  });

  it('switches the RAT by order and tells of it', () => {
    const { sim, trip: it, events } = booked({ seed: 1 });
    sim.advanceTo(it.service.start);
    events.length = 0;
    expect(sim.ue(SUPI)?.rat).toBe('NR');
    expect(sim.switchRat(SUPI, 'EUTRA')).toBe(true);
    expect(events).toMatchObject([{ type: 'rat-change', from: 'NR', to: 'EUTRA', cause: 'order' }]);
    sim.advanceTo(it.service.start + 30_000);
    expect(sim.ue(SUPI)?.rat).toBe('EUTRA');
    expect(sim.ue(SUPI)?.standby?.rat).toBe('NR');
    expect(sim.switchRat('imsi-1', 'NR')).toBe(false);
  });

  it('obeys a steering policy within the second', () => {
    const { sim, trip: it } = booked({ seed: 1 });
    sim.advanceTo(it.service.start);
    const always = { rsrpDbm: 0, sinrDb: 60 };
    sim.setSteering({ id: 's', supi: SUPI, toStandbyBelow: always, returnAbove: always });
    sim.advanceTo(it.service.start + 1000);
    expect(sim.ue(SUPI)?.rat).toBe('EUTRA');
    expect(sim.removeSteering('s')).toBe(true);
    sim.advanceTo(it.service.start + 20_000);
    expect(sim.ue(SUPI)?.rat).toBe('NR');
  });

  it('sends the traffic over another path, with its delay', () => {
    const sim = plain();
    const [first] = sim.paths(SUPI);
    expect(first).toMatchObject({ active: true });
    expect(sim.routeVia(SUPI, 'edge-munich')).toBe(true);
    expect(sim.paths(SUPI).find((p) => p.active)?.dnai).toBe('edge-munich');
    expect(sim.routeVia(SUPI, 'edge-nowhere')).toBe(false);
  });
});

const flow = (id: string) => ({
  id,
  supi: SUPI,
  fiveQi: 2,
  arp: { priorityLevel: 8, preemptCap: 'NOT_PREEMPT' as const, preemptVuln: 'NOT_PREEMPTABLE' as const },
  gbrDlMbps: 4,
  gbrUlMbps: 1,
});
