import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildingLoss,
  CQI_EFFICIENCY,
  cqiOf,
  dlPerPrb,
  dlPerPrbRepeated,
  LTE,
  layersOf,
  losProbability,
  losProbabilityOpenOffice,
  MCS_TABLES,
  NR,
  nextShadow,
  noiseDbm,
  pathLoss,
  peakRateMbps,
  powerPerRe,
  type Scenario,
  sectorGain,
  sinrOfCqi,
  transportBlockSize,
  ulPrbsFor,
  ulRate,
} from '../../src/network/radio/index.ts';
import { normal } from '../../src/network/sim/hash.ts';

const ORACLE = '../shared/data/radio/tr38901-pathloss-oracle.csv';

describe('path loss of TR 38.901', () => {
  it.skipIf(!existsSync(ORACLE))('equals an independent simulator on every point', () => {
    const [, ...lines] = readFileSync(ORACLE, 'utf8').trim().split('\n');
    expect(lines).toHaveLength(234);
    for (const line of lines) {
      const [scenario, hz, hBS, hUT, d2D, condition, loss] = line.split(',');
      const got = pathLoss(scenario as Scenario, condition === 'LOS', {
        d2D: Number(d2D),
        fcGHz: Number(hz) / 1e9,
        hBS: Number(hBS),
        hUT: Number(hUT),
      });
      expect(Math.abs(got - Number(loss)), line).toBeLessThan(1e-3);
    }
  });

  it.each([
    ['UMa', true, 25, 1000, 109.4119],
    ['UMa', false, 25, 300, 121.2792],
    ['UMi', true, 10, 3000, 138.2374],
    ['UMi', false, 10, 35, 88.9335],
    ['RMa', true, 35, 5000, 125.969],
    ['RMa', false, 35, 1000, 130.4243],
  ] as const)('%s, line of sight %s, base station %i m, %i m: %f dB', (scenario, los, hBS, d2D, loss) => {
    expect(pathLoss(scenario, los, { d2D, fcGHz: 3.5, hBS, hUT: 1.5 })).toBeCloseTo(loss, 3);
  });

  it('has a probability of line of sight that falls with distance', () => {
    expect(losProbability('UMa', 18)).toBe(1);
    expect(losProbability('UMa', 100)).toBeCloseTo(0.18 + Math.exp(-100 / 63) * 0.82, 9);
    expect(losProbability('UMi', 100)).toBeCloseTo(0.18 + Math.exp(-100 / 36) * 0.82, 9);
    expect(losProbability('RMa', 1010)).toBeCloseTo(Math.exp(-1), 9);
    expect(losProbability('UMa', 100, 23)).toBeGreaterThan(losProbability('UMa', 100, 13));
  });

  it('knows the office: InH loss and line of sight, mixed and open', () => {
    const g = { d2D: Math.sqrt(100 - 4), fcGHz: 3.5, hBS: 3, hUT: 1 };
    expect(pathLoss('InH', true, g)).toBeCloseTo(60.5814, 3);
    expect(pathLoss('InH', false, g)).toBeCloseTo(69.1474, 3);
    expect(losProbability('InH', 1)).toBe(1);
    expect(losProbability('InH', 5.9)).toBeCloseTo(Math.exp(-1), 9);
    expect(losProbability('InH', 39.1)).toBeCloseTo(0.32 * Math.exp(-1), 9);
    expect(losProbabilityOpenOffice(5)).toBe(1);
    expect(losProbabilityOpenOffice(40)).toBeCloseTo(Math.exp(-35 / 70.8), 9);
    expect(losProbabilityOpenOffice(60.7)).toBeCloseTo(0.54 * Math.exp(-11.7 / 211.7), 9);
  });

  it('loses more into a building of coated glass than into an old one', () => {
    expect(buildingLoss('low', 3.5, 10)).toBeCloseTo(17.698, 2);
    expect(buildingLoss('high', 3.5, 0)).toBeCloseTo(26.85, 2);
    expect(buildingLoss('high', 3.5, 10) - buildingLoss('high', 3.5, 0)).toBeCloseTo(5, 9);
  });

  it('draws shadowing of the right spread and autocorrelation', () => {
    const n = 20_000;
    let s = 0;
    let squares = 0;
    let products = 0;
    for (let i = 0; i < n; i++) {
      const next = nextShadow(s, 10, 50, 6, normal(7, 99, i));
      squares += next * next;
      products += next * s;
      s = next;
    }
    expect(Math.sqrt(squares / n)).toBeGreaterThan(5.6);
    expect(Math.sqrt(squares / n)).toBeLessThan(6.4);
    expect(products / squares).toBeCloseTo(Math.exp(-10 / 50), 1);
  });
});

describe('antenna and noise', () => {
  const panel = { azimuthDeg: 30, tiltDeg: 0, maxGainDbi: 8 };
  it('follows table 7.3-1', () => {
    expect(sectorGain(panel, 30, 90)).toBe(8);
    expect(sectorGain(panel, 95, 90)).toBeCloseTo(8 - 12, 9);
    expect(sectorGain(panel, -330, 90)).toBe(8);
    expect(sectorGain(panel, 210, 90)).toBe(8 - 30);
    expect(sectorGain(panel, 30, 90 + 65)).toBeCloseTo(8 - 12, 9);
  });

  it('has thermal noise and power for one resource element', () => {
    expect(noiseDbm(30_000, 9)).toBeCloseTo(-120.23, 2);
    expect(powerPerRe(NR)).toBeCloseTo(13.85, 2);
    expect(powerPerRe(LTE)).toBeCloseTo(15.21, 2);
  });
});

describe('link adaptation of TS 38.214', () => {
  it('carries a half, a third, a quarter of the lowest CQI by repetition, and then nothing', () => {
    const lowest = dlPerPrb(NR, -6.936);
    expect(dlPerPrbRepeated(NR, 12)).toBe(dlPerPrb(NR, 12));
    expect(dlPerPrbRepeated(NR, -8)).toBeCloseTo(lowest / 2, 9);
    expect(dlPerPrbRepeated(NR, -11)).toBeCloseTo(lowest / 3, 9);
    expect(dlPerPrbRepeated(NR, -12.9)).toBeCloseTo(lowest / 4, 9);
    expect(dlPerPrbRepeated(NR, -13)).toBe(0);
  });

  it('reports the CQI whose threshold is reached', () => {
    expect(cqiOf(-7)).toBe(0);
    expect(cqiOf(-6.936)).toBe(1);
    expect(cqiOf(10.4)).toBe(7);
    expect(cqiOf(40)).toBe(15);
    for (let cqi = 1; cqi <= 15; cqi++) {
      expect(cqiOf(sinrOfCqi(cqi))).toBe(cqi);
      expect(cqiOf(sinrOfCqi(cqi, LTE.cqiTable), LTE.cqiTable)).toBe(cqi);
    }
  });

  it('has the efficiencies of the modulation and coding of each CQI', () => {
    const rows = [
      [2, 78],
      [2, 193],
      [2, 449],
      [4, 378],
      [4, 490],
      [4, 616],
      [6, 466],
      [6, 567],
      [6, 666],
      [6, 772],
      [6, 873],
      [8, 711],
      [8, 797],
      [8, 885],
      [8, 948],
    ] as const;
    rows.forEach(([qm, rate], i) => {
      expect(CQI_EFFICIENCY[i + 1]).toBeCloseTo((qm * rate) / 1024, 3);
    });
  });

  it.each([
    [0, 1, 1, 32],
    [0, 10, 1, 368],
    [4, 10, 1, 1864],
    [9, 20, 1, 7424],
    [13, 51, 2, 53288],
    [19, 106, 2, 167976],
    [27, 106, 4, 491800],
    [27, 273, 1, 319784],
    [27, 273, 4, 1277992],
    [15, 273, 2, 335976],
    [0, 273, 1, 9984],
  ])('MCS %i over %i PRBs and %i layers is a block of %i bits', (mcs, prbs, layers, bits) => {
    expect(transportBlockSize({ mcs, prbs, layers })).toBe(bits);
  });

  it('knows the blocks of table 1 and the sizes of the tables', () => {
    expect(transportBlockSize({ table: 1, mcs: 10, prbs: 25, layers: 1 })).toBe(5120);
    expect(transportBlockSize({ table: 1, mcs: 28, prbs: 106, layers: 2 })).toBe(184424);
    expect([1, 2, 3].map((t) => MCS_TABLES[t as 1 | 2 | 3].length)).toEqual([29, 28, 29]);
  });

  it('has the peak rate of TS 38.306', () => {
    expect(Math.round(peakRateMbps(4, 8, 273, 1))).toBe(2337);
  });

  it('carries more per PRB the better the SINR', () => {
    expect(dlPerPrb(NR, -8)).toBe(0);
    expect(layersOf(30, 4)).toBe(4);
    expect(layersOf(30, 2)).toBe(2);
    for (let sinr = -10; sinr < 30; sinr += 0.5) {
      for (const carrier of [NR, LTE]) {
        expect(dlPerPrb(carrier, sinr + 0.5)).toBeGreaterThanOrEqual(dlPerPrb(carrier, sinr));
      }
    }
    // The whole cell at its best: SE x layers x PRBs x 12 x 14 x slots x overhead x TDD share.
    expect(273 * dlPerPrb(NR, 30)).toBeCloseTo((7.4063 * 4 * 273 * 168 * 2000 * 0.86 * 0.74) / 1e6, 6);
  });

  it('spends uplink PRBs consistently with what they carry', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('NR' as const, 'EUTRA' as const),
        fc.double({ min: 80, max: 140, noNaN: true }),
        fc.double({ min: 0.05, max: 8, noNaN: true }),
        (rat, loss, mbps) => {
          const prbs = ulPrbsFor(rat, loss, mbps);
          const rate = ulRate(rat, loss, prbs);
          const total = rat === 'NR' ? NR.prbTotal : LTE.prbTotal;
          expect(prbs).toBeLessThanOrEqual(total);
          // Either the rate is reached, or more PRBs would not help.
          if (rate < mbps - 1e-6) expect(ulRate(rat, loss, total)).toBeCloseTo(rate, 6);
        },
      ),
      { seed: 5 },
    );
  });

  it('reaches further on 1.8 GHz than on 3.5 GHz in the uplink', () => {
    const at = (rat: 'NR' | 'EUTRA', rsrp: number) =>
      ulRate(rat, powerPerRe(rat === 'NR' ? NR : LTE) - rsrp + 2, 273);
    expect(at('NR', -90)).toBeGreaterThan(3);
    expect(at('NR', -112)).toBeLessThan(1);
    expect(at('EUTRA', -102)).toBeGreaterThan(3);
  });
});
