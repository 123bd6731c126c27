import { describe, expect, it } from 'vitest';
import { type Carrier, LTE, NR } from '../../src/network/radio/index.ts';
import { deploy } from '../../src/network/sim/deployment.ts';
import { findPlace } from '../../src/network/sim/gazetteer.ts';
import { RadioMap, sinrOf, strongest } from '../../src/network/sim/radio-map.ts';
import { booked, SUPI } from './fixture.ts';

const deployment = deploy(findPlace('Munich') as NonNullable<ReturnType<typeof findPlace>>);
const map = new RadioMap(11, deployment);

/** Places on a grid over the inner sites, where the deployment has neighbours on all sides. */
const places = Array.from({ length: 900 }, (_, i) => ({
  x: -725 + 50 * (i % 30),
  y: -725 + 50 * Math.floor(i / 30),
}));

function quantiles(carrier: Carrier, load: number) {
  const loads = new Float64Array(deployment.nr.length).fill(load);
  const rsrp: number[] = [];
  const sinr: number[] = [];
  for (const p of places) {
    const sample = map.near(p);
    const [dbm, mw] = carrier.rat === 'NR' ? [sample.nr, sample.nrMw] : [sample.lte, sample.lteMw];
    const best = strongest(dbm);
    rsrp.push(dbm[best] as number);
    sinr.push(sinrOf(carrier, mw, best, loads));
  }
  const at = (values: number[], q: number) =>
    values.sort((a, b) => a - b)[Math.floor(q * values.length)] as number;
  return { rsrp: [0.05, 0.5, 0.95].map((q) => at(rsrp, q)), sinr: [0.05, 0.5, 0.95].map((q) => at(sinr, q)) };
}

describe('the radio map of a city', () => {
  it('has the geometry of an urban macro network', () => {
    const half = quantiles(NR, 0.5);
    const full = quantiles(NR, 1);
    // Prototype of 500 m between sites, load 0.5: SINR 0.4 / 8.7 / 27 dB, RSRP -94.5 / -78 / -52 dBm.
    expect(half.sinr[0]).toBeGreaterThan(-4);
    expect(half.sinr[0]).toBeLessThan(5);
    expect(half.sinr[1]).toBeGreaterThan(5);
    expect(half.sinr[1]).toBeLessThan(13);
    expect(half.rsrp[0]).toBeGreaterThan(-104);
    expect(half.rsrp[1]).toBeGreaterThan(-92);
    expect(half.rsrp[1]).toBeLessThan(-72);
    expect(full.sinr[1]).toBeLessThan(half.sinr[1] as number);
    // Driven in the measured set: RSRP -103 / -86 / -66 dBm.
    expect(half.rsrp[2]).toBeGreaterThan(-75);
    expect(quantiles(LTE, 0.5).rsrp[1]).toBeGreaterThan(half.rsrp[1] as number);
  });

  it('shadows consistently: near places alike, far places not', () => {
    const level = (x: number) => {
      const sample = map.measure({ x, y: 130 });
      return sample.nr[strongest(sample.nr)] as number;
    };
    let near = 0;
    let far = 0;
    for (let x = -700; x < 700; x += 35) {
      near += Math.abs(level(x + 2) - level(x));
      far += Math.abs(level(x + 200) - level(x));
    }
    expect(near).toBeLessThan(far / 4);
  });

  it('says the same at a place whatever was asked before', () => {
    const other = new RadioMap(11, deployment);
    other.near({ x: 500, y: 500 });
    expect([...other.near({ x: -40, y: 60 }).nr]).toEqual([...map.near({ x: -40, y: 60 }).nr]);
  });
});

describe('mobility', () => {
  it('hands over a few times a kilometre', () => {
    let handovers = 0;
    let metres = 0;
    for (const seed of [1, 2, 3, 4]) {
      const { sim, trip } = booked({ seed });
      const ride = trip.segments.find((s) => s.kind === 'drive' && s.regionId === 'shanghai');
      sim.advanceTo(trip.service.start);
      const before = sim.ue(SUPI)?.handovers ?? 0;
      for (let t = trip.service.start; t < (ride?.end ?? 0); t += 1000) {
        sim.advanceTo(t);
        metres += sim.ue(SUPI)?.speedMps ?? 0;
      }
      handovers += (sim.ue(SUPI)?.handovers ?? 0) - before;
    }
    const perKm = (1000 * handovers) / metres;
    // Measured: 2.27 a kilometre over town and country; sites stand closer here.
    expect(perKm).toBeGreaterThan(1.5);
    expect(perKm).toBeLessThan(9);
  });
});

describe('what harm looks like', () => {
  it('shows when PRBs are locked without need', () => {
    const [plain, greedy] = [booked({ seed: 1 }), booked({ seed: 1 })];
    for (const { sim, trip } of [plain, greedy]) sim.advanceTo(trip.service.start);
    const cellIds = greedy.sim.cells('shanghai').map((c) => c.id);
    greedy.sim.setRrmPolicy({ id: 'all', cellIds, supis: [SUPI], dedicatedRatio: 80 });
    for (const { sim, trip } of [plain, greedy]) sim.advanceTo(trip.service.start + 300_000);
    const total = (rates: Map<string, number>) => [...rates.values()].reduce((a, b) => a + b, 0);
    const lost = 1 - total(greedy.sim.othersMeanDl(SUPI)) / total(plain.sim.othersMeanDl(SUPI));
    expect(lost).toBeGreaterThan(0.1);
  });
});
