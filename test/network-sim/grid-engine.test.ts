import { describe, expect, it } from 'vitest';
import {
  createGrid,
  EVENT,
  type Grid,
  hexagonLayout,
  motorwayLayout,
  restoreGrid,
} from '../../src/network/grid/index.ts';
import { bearing, decibels, distanceAt, distanceIndex, milliwatts } from '../../src/network/grid/lookup.ts';

const CITY = hexagonLayout({ cells: 21, isdM: 500 });
const OPTIONS = { seed: 7, ues: 1500, population: { routes: 0 } };
const ALWAYS = { name: 'always', share: 1, onS: 1e9, offS: 0, dlMbps: 3, ulMbps: 0.5 };
const ROAD = motorwayLayout({ lengthM: 12_000, isdM: 1700 });
const CAR = { speedMps: 30, route: 0, alongM: 0, profile: ALWAYS };
const ARP = { priorityLevel: 8, preemptCap: 'MAY_PREEMPT', preemptVuln: 'PREEMPTABLE' } as const;

const kinds = (grid: Grid) => {
  const seen: number[] = [];
  grid.events.each((kind) => seen.push(kind));
  return seen;
};

describe('lookups instead of transcendental functions', () => {
  it('stay within their stated errors', () => {
    for (let d = 10; d < 40_000; d *= 1.01) {
      expect(Math.abs(distanceAt(distanceIndex(d * d)) / d - 1)).toBeLessThan(0.003);
    }
    for (let a = -179.9; a < 180; a += 0.37) {
      const r = (a * Math.PI) / 180;
      expect(Math.abs(bearing(50 * Math.sin(r), 50 * Math.cos(r)) - a)).toBeLessThan(0.01);
    }
    for (let dbm = -200; dbm < 50; dbm += 0.91) {
      expect(Math.abs(10 * Math.log10(milliwatts(dbm)) - dbm)).toBeLessThan(0.017);
      expect(Math.abs(decibels(10 ** (dbm / 10)) - dbm)).toBeLessThan(0.003);
    }
  });
});

describe('the grid', () => {
  it('gives the same bytes for the same seed, and others for another', () => {
    const run = (seed: number) => {
      const grid = createGrid(CITY, { ...OPTIONS, seed });
      grid.tick(5);
      grid.addFlow({ ue: 3, fiveQi: 2, gbrDlMbps: 2, arp: ARP });
      grid.tick(20);
      return grid.snapshot();
    };
    expect(Buffer.from(run(7)).equals(Buffer.from(run(7)))).toBe(true);
    expect(Buffer.from(run(7)).equals(Buffer.from(run(8)))).toBe(false);
  });

  it('goes on from a snapshot as if nothing had happened', () => {
    const grid = createGrid(CITY, OPTIONS);
    grid.tick(6);
    for (let u = 0; u < 1500; u++)
      grid.addFlow({ ue: u, fiveQi: 1, gbrDlMbps: 0.1, gbrUlMbps: 0.1, arp: ARP });
    grid.setRrmPolicy({ id: 'slice', cells: [0, 1], ues: [1, 2, 3], dedicatedRatio: 20 });
    grid.setFault('down', { kind: 'cell-down', cell: 4 });
    grid.setFault('lost', { kind: 'neighbour-missing', cell: 6, neighbours: [7, 8] });
    grid.tick(5);
    const bytes = grid.snapshot();
    const other = restoreGrid(CITY, OPTIONS, bytes);
    expect(other.digest()).toBe(grid.digest());
    for (const one of [grid, other]) {
      one.tick(5);
      one.clearFault('down');
      one.removeRrmPolicy('slice');
      one.addFlow({ ue: 9, fiveQi: 3, gbrDlMbps: 1, arp: ARP });
      one.tick(10);
    }
    expect(Buffer.from(other.snapshot()).equals(Buffer.from(grid.snapshot()))).toBe(true);
  });

  it('refuses a snapshot of something else and stays as it was', () => {
    const grid = createGrid(CITY, OPTIONS);
    grid.tick(3);
    const before = grid.digest();
    const bytes = createGrid(CITY, { ...OPTIONS, seed: 8 }).snapshot();
    for (const bad of [new Uint8Array(3), bytes, grid.snapshot().subarray(0, 5000)]) {
      expect(() => grid.restore(bad)).toThrow(expect.objectContaining({ code: 'NETWORK_SNAPSHOT_INVALID' }));
      expect(grid.digest()).toBe(before);
    }
  });

  it('names what it refuses, and changes nothing', () => {
    const refusal = expect.objectContaining({ code: 'NETWORK_GRID_INVALID' });
    expect(() => createGrid({ ...CITY, sites: [] }, OPTIONS)).toThrow(refusal);
    expect(() => createGrid({ ...CITY, routes: [{ points: [1, 2, 3] }] }, OPTIONS)).toThrow(refusal);
    expect(() => createGrid(CITY, { ...OPTIONS, ues: -1 })).toThrow(refusal);
    expect(() => createGrid(CITY, { ...OPTIONS, tickMs: 5 })).toThrow(refusal);
    const grid = createGrid(CITY, OPTIONS);
    grid.tick(3);
    const before = grid.digest();
    const calls: Array<() => void> = [
      () => grid.addFlow({ ue: 99_999, fiveQi: 9, arp: ARP }),
      () => grid.addFlow({ ue: 0, fiveQi: 9, gbrDlMbps: Number.NaN, arp: ARP }),
      () => grid.addFlow({ ue: 0, fiveQi: 9, arp: { ...ARP, priorityLevel: 16 } }),
      () => grid.setRrmPolicy({ id: 'a', cells: [999], ues: [], dedicatedRatio: 10 }),
      () => grid.setRrmPolicy({ id: 'a', cells: [0], ues: [0], dedicatedRatio: 101 }),
      () => grid.setFault('x', { kind: 'cell-down', cell: -1 }),
      () => grid.setFault('x', { kind: 'overload', cell: 0, dl: -1, ul: 0 }),
      () => grid.setUePriority(0, 0),
    ];
    for (const call of calls) expect(call).toThrow(refusal);
    expect(grid.digest()).toBe(before);
  });

  it('moves UEs on the streets at their speed, inside the bounds', () => {
    const grid = createGrid(CITY, { ...OPTIONS, population: { indoor: 0, pedestrians: 0 } });
    const { x, y, speed } = grid.columns.ues;
    const { x0, y0, x1, y1 } = CITY.bounds;
    for (let i = 0; i < 60; i++) {
      const before = [...x.subarray(0, 50)].map((value, u) => [value, y[u] as number] as const);
      const tick = grid.ticks;
      grid.tick();
      before.forEach(([px, py], u) => {
        const walked = Math.abs((x[u] as number) - px) + Math.abs((y[u] as number) - py);
        // One in idle moves for five ticks at once.
        expect(walked, `UE ${u} at ${tick}`).toBeLessThan(5 * (speed[u] as number) + 0.1);
        expect(x[u]).toBeGreaterThan(x0 - 1);
        expect(x[u]).toBeLessThan(x1 + 1);
        expect(y[u]).toBeGreaterThan(y0 - 1);
        expect(y[u]).toBeLessThan(y1 + 1);
      });
    }
  });

  it('hands a car over along the motorway, and tells of it', () => {
    const grid = createGrid(ROAD, { seed: 3, ues: 0, travellers: [CAR] });
    let told = 0;
    for (let i = 0; i < 380; i++) {
      grid.tick();
      told += kinds(grid).filter((kind) => kind === EVENT.handover).length;
    }
    const view = grid.ue(0);
    expect(view?.handovers).toBe(told);
    expect(told).toBeGreaterThanOrEqual(6);
    expect(view?.rrc).toBe('connected');
    const sums = Array.from({ length: grid.cellCount }, (_, c) => grid.measurements(c));
    const total = (name: 'MM.HoExeInterReq' | 'MM.HoExeInterSucc' | 'MM.HoExeInterFail') =>
      sums.reduce((sum, one) => sum + (one?.[name] ?? 0), 0);
    expect(total('MM.HoExeInterSucc')).toBe(told);
    expect(total('MM.HoExeInterReq')).toBe(total('MM.HoExeInterSucc') + total('MM.HoExeInterFail'));
  });

  it('falls back to E-UTRA where NR ends, and returns', () => {
    const layout = motorwayLayout({
      lengthM: 14_000,
      isdM: 2000,
      has: (site, rat) => rat === 'EUTRA' || site % 7 === 0,
    });
    const grid = createGrid(layout, { seed: 2, ues: 0, travellers: [{ ...CAR, lossDb: 6 }] });
    const rats: string[] = [];
    for (let i = 0; i < 460; i++) {
      grid.tick();
      const { rat } = grid.ue(0) as { rat: string | null };
      if (rat !== null && rat !== rats.at(-1)) rats.push(rat);
    }
    expect(rats.slice(0, 3)).toEqual(['NR', 'EUTRA', 'NR']);
    expect(grid.ue(0)?.ratChanges).toBeGreaterThanOrEqual(2);
  });

  it('loses the link where there is no cell, and tells how long it was gone', () => {
    const layout = motorwayLayout({ lengthM: 20_000, isdM: 20_000 });
    const grid = createGrid(layout, { seed: 2, ues: 0, travellers: [{ ...CAR, lossDb: 35 }] });
    let longest = 0;
    let lost = 0;
    for (let i = 0; i < 660; i++) {
      grid.tick();
      lost += kinds(grid).filter((kind) => kind === EVENT.radioLinkFailure).length;
      const [ms] = grid.roundTrips(0, 1) as [number];
      if (Number.isFinite(ms)) longest = Math.max(longest, ms);
    }
    expect(lost).toBeGreaterThan(0);
    expect(longest).toBeGreaterThan(10_000);
  });

  it('starts T310 after N310 indications and forgets it after N311', () => {
    const at = (qoutDb: number, qinDb: number) => {
      const grid = createGrid(CITY, {
        seed: 1,
        ues: 300,
        population: { profiles: [ALWAYS], indoor: 1 },
        tuning: { qoutDb: -100, qinDb: -100, fadingDb: 0 },
      });
      grid.tick(3);
      Object.assign((grid.columns as unknown as { tuning: object }).tuning, { qoutDb, qinDb });
      return grid;
    };
    // Everybody is out of sync from now on: five indications of 200 ms, then 1000 ms of T310.
    const failing = at(100, 100);
    const connected = (grid: Grid) =>
      grid.columns.ues.rrc.reduce((sum, state) => sum + (state === 2 ? 1 : 0), 0);
    const before = connected(failing);
    failing.tick();
    expect(kinds(failing).filter((kind) => kind === EVENT.radioLinkFailure)).toHaveLength(0);
    failing.tick();
    expect(connected(failing)).toBeLessThan(before / 10);
    const healing = at(100, 100);
    healing.tick();
    Object.assign((healing.columns as unknown as { tuning: object }).tuning, { qoutDb: -100, qinDb: -100 });
    healing.tick(3);
    expect(connected(healing)).toBeGreaterThanOrEqual(before);
  });
});

describe('faults and measures of the operator', () => {
  const busy = () => {
    const grid = createGrid(CITY, { ...OPTIONS, population: { profiles: [ALWAYS] } });
    grid.tick(4);
    return grid;
  };

  it('empties a cell that goes down, fills it again, and leaves no trace of the fault', () => {
    const grid = busy();
    const connected = () => grid.columns.cells.connected[0] as number;
    expect(connected()).toBeGreaterThan(5);
    grid.setFault('down', { kind: 'cell-down', cell: 0 });
    grid.tick(2);
    expect(connected()).toBe(0);
    grid.resetCounters();
    grid.tick();
    expect(grid.measurements(0)).toMatchObject({ 'PEE.AvgPower': 0, 'RRU.PrbTotDl': 0 });
    expect(grid.clearFault('down')).toBe(true);
    grid.tick(20);
    expect(connected()).toBeGreaterThan(0);
  });

  it('slows a cell that is overloaded', () => {
    const [plain, loaded] = [createGrid(CITY, OPTIONS), createGrid(CITY, OPTIONS)];
    loaded.setFault('crowd', { kind: 'overload', cell: 0, dl: 3, ul: 3 });
    for (const grid of [plain, loaded]) {
      grid.resetCounters();
      grid.tick(10);
    }
    const [before, after] = [plain.measurements(0), loaded.measurements(0)];
    expect(after?.['RRU.PrbTotDl']).toBeGreaterThan(99);
    expect(after?.['DRB.UEThpDl']).toBeLessThan(before?.['DRB.UEThpDl'] as number);
    expect(after?.['DRB.AirIfDelayDl']).toBeGreaterThan(before?.['DRB.AirIfDelayDl'] as number);
    expect(after?.['PEE.AvgPower']).toBeGreaterThan(before?.['PEE.AvgPower'] as number);
  });

  it('weakens what a tilt or a power set wrongly covers, and undoes it', () => {
    const grid = createGrid(CITY, {
      ...OPTIONS,
      population: { indoor: 1, profiles: [ALWAYS] },
      tuning: { fadingDb: 0 },
    });
    grid.tick(4);
    const { ues, plan } = grid.columns;
    const { cell, rsrp, neighbourRsrp, x, y } = ues;
    // At the horizon, where more tilt means less, and far from a handover.
    const ue = cell.findIndex(
      (c, u) =>
        c === 0 &&
        Math.hypot(
          (x[u] as number) - (plan.siteX[0] as number),
          (y[u] as number) - (plan.siteY[0] as number),
        ) > 200 &&
        (neighbourRsrp[u] as number) < (rsrp[u] as number) - 2,
    );
    expect(ue).toBeGreaterThanOrEqual(0);
    const before = rsrp[ue] as number;
    grid.setFault('power', { kind: 'misconfiguration', cell: 0, powerDb: -2 });
    grid.tick();
    expect(rsrp[ue]).toBeCloseTo(before - 2, 3);
    grid.setFault('tilt', { kind: 'misconfiguration', cell: 0, tiltDeg: 15 });
    grid.clearFault('power');
    grid.tick();
    expect(rsrp[ue]).toBeLessThan(before);
    grid.clearFault('tilt');
    grid.tick();
    expect(rsrp[ue]).toBeCloseTo(before, 3);
  });

  it('makes no handover to a neighbour that is missing', () => {
    const grid = createGrid(ROAD, { seed: 3, ues: 0, travellers: [CAR] });
    const cells = Array.from({ length: grid.cellCount }, (_, c) => c);
    for (const c of cells) {
      grid.setFault(`n${c}`, {
        kind: 'neighbour-missing',
        cell: c,
        neighbours: cells.filter((other) => other !== c),
      });
    }
    grid.tick(380);
    expect(grid.ue(0)?.handovers).toBe(0);
    expect((grid.ue(0)?.radioLinkFailures ?? 0) + (grid.ue(0)?.ratChanges ?? 0)).toBeGreaterThan(0);
  });

  it('sends a UE to E-UTRA by order and by steering, and lets it return', () => {
    const grid = createGrid(CITY, {
      ...OPTIONS,
      population: { indoor: 1, profiles: [ALWAYS] },
      tuning: { fadingDb: 0 },
    });
    grid.tick(4);
    const { rat, rrc, sinr, standbySinr } = grid.columns.ues;
    const ue = rat.findIndex(
      (r, u) => r === 0 && rrc[u] === 2 && (sinr[u] as number) > 10 && (standbySinr[u] as number) > 3,
    );
    grid.orderRat(ue, 'EUTRA');
    grid.tick();
    expect(grid.ue(ue)?.rat).toBe('EUTRA');
    grid.tick(10);
    expect(grid.ue(ue)?.rat).toBe('EUTRA');
    grid.orderRat(ue, 'NR');
    grid.tick();
    expect(grid.ue(ue)?.rat).toBe('NR');
    grid.setSteering(ue, {
      toStandbyBelow: { rsrpDbm: 0, sinrDb: 99 },
      returnAbove: { rsrpDbm: 0, sinrDb: 99 },
    });
    grid.tick(8);
    expect(grid.ue(ue)?.rat).toBe('EUTRA');
    grid.setSteering(ue, null);
    grid.tick(12);
    expect(grid.ue(ue)?.rat).toBe('NR');
  });

  it('puts a UE without traffic into longer and longer sleep', () => {
    const grid = busy();
    const ue = grid.columns.ues.rrc.indexOf(2);
    expect(grid.ue(ue)?.drx).toBe('active');
    grid.setTraffic(ue, 0, 0);
    grid.columns.ues.queueUl[ue] = 0;
    const seen: string[] = [];
    const awake: number[] = [];
    for (let i = 0; i < 13; i++) {
      grid.tick();
      const view = grid.ue(ue);
      if (view?.drx !== seen.at(-1)) {
        seen.push(view?.drx as string);
        awake.push(view?.awakeRatio as number);
      }
    }
    expect(seen.slice(-2)).toEqual(['long', 'idle']);
    expect([...awake].sort((a, b) => b - a)).toEqual(awake);
  });

  it('saves energy in a cell that sleeps', () => {
    const grid = busy();
    grid.setSleep(0, true);
    grid.tick(2);
    grid.resetCounters();
    grid.tick(3);
    const m = grid.measurements(0);
    expect(m?.['PEE.AvgPower']).toBe(120);
    expect(m?.['PEE.Energy']).toBeCloseTo((120 * 3) / 3.6e6, 12);
    expect(m?.sleepRatio).toBe(1);
    grid.setSleep(0, false);
    grid.tick(20);
    expect(grid.columns.cells.connected[0]).toBeGreaterThan(0);
  });
});
