import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ServiceSecond } from '../../src/network/model.ts';
import { harm, serviceQuality } from '../../src/network/quality.ts';
import { parseTrace } from '../../src/network/trace.ts';
import { assure, booked, DEMAND, SUPI } from './fixture.ts';

const HEADER =
  'Timestamp,Longitude,Latitude,Speed,Operatorname,CellID,NetworkMode,RSRP,RSRQ,SNR,CQI,RSSI,DL_bitrate,UL_bitrate,State';
const row = (second: number, over: Record<string, string> = {}) => {
  const cells: Record<string, string> = {
    Timestamp: `2020.02.14_12.58.${String(second).padStart(2, '0')}`,
    Longitude: '-8.39',
    Latitude: '51.92',
    Speed: '36',
    Operatorname: 'B',
    CellID: '13',
    NetworkMode: '5G',
    RSRP: '-98',
    RSRQ: '-11',
    SNR: '4.0',
    CQI: '10',
    RSSI: '-105',
    DL_bitrate: '3900',
    UL_bitrate: '80',
    State: 'D',
    ...over,
  };
  return HEADER.split(',')
    .map((column) => cells[column])
    .join(',');
};
const file = (...rows: string[]) => [HEADER, ...rows, ''].join('\n');

describe('parseTrace', () => {
  it('reads rows, merges a repeated second, leaves gaps, and takes - for not measured', () => {
    const rows = parseTrace(
      file(
        row(17),
        row(17, { RSRP: '-99', DL_bitrate: '10' }),
        row(20, { SNR: '-', CQI: '-', RSRQ: '-', NetworkMode: 'HSPA+' }),
      ),
      'a.csv',
    );
    expect(rows).toHaveLength(2);
    expect(rows[0]).toEqual({
      second: 0,
      position: { lat: 51.92, lon: -8.39 },
      speedMps: 10,
      cellId: '13',
      networkMode: '5G',
      rsrpDbm: -99,
      rsrqDb: -11,
      snrDb: 4,
      cqi: 10,
      dlMbps: 3.9,
      ulMbps: 0.08,
    });
    expect(rows[1]).toMatchObject({ second: 3, snrDb: null, cqi: null, rsrqDb: null, networkMode: 'HSPA+' });
  });

  it('reads files of other line ends and with a byte order mark', () => {
    expect(parseTrace(`\uFEFF${file(row(1)).replaceAll('\n', '\r\n')}`, 'a.csv')).toHaveLength(1);
  });

  const code = (text: string) => {
    try {
      parseTrace(text, 'drive.csv');
      return 'none';
    } catch (error) {
      const { code: c, message } = error as { code: string; message: string };
      return `${c} ${message}`;
    }
  };

  it('says which line and column is wrong', () => {
    const bad = code(file(row(1), row(2, { RSRP: 'loud' })));
    expect(bad).toMatch(/^TRACE_MALFORMED .*drive\.csv.*line 3, column RSRP.*"loud" is not a number/);
    expect(code(file(row(1, { CQI: '16' })))).toMatch(/line 2, column CQI.*not between 0 and 15/);
    expect(code(file(row(1, { Timestamp: 'noon' })))).toMatch(/line 2, column Timestamp/);
    expect(code(file(row(1, { Timestamp: '2020.02.31_99.58.17' })))).toMatch(/line 2, column Timestamp/);
    expect(code(file(row(5), row(4)))).toMatch(/line 3, column Timestamp.*earlier/);
    expect(code(file('2020.02.14_12.58.17,-8.3'))).toMatch(/line 2, column Latitude.*ends before/);
    expect(code('a,b\n1,2\n')).toMatch(/TRACE_MALFORMED.*line 1, column Timestamp/);
  });

  it('says that a file is empty', () => {
    expect(code('')).toMatch(/^TRACE_EMPTY .*drive\.csv/);
    expect(code(`${HEADER}\n\n`)).toMatch(/^TRACE_EMPTY .*drive\.csv/);
  });
});

describe.each([
  ['driving-download-8cells', 2592, 2950],
  ['driving-download-weak-coverage', 844, 997],
])('the measured drive %s', (name, rows, seconds) => {
  const path = `../shared/data/radio/ucc-5g-ireland/${name}.csv`;

  it.skipIf(!existsSync(path))('parses, replays, and is served better with assurance', () => {
    const trace = parseTrace(readFileSync(path, 'utf8'), name);
    expect(trace).toHaveLength(rows);
    const [plain, assured] = [booked({ seed: 1, trace }), booked({ seed: 1, trace })];
    const { service } = plain.trip;
    expect(service.end - service.start).toBe(seconds * 1000);

    const [forecast] = plain.sim.forecastCoverage(plain.trip.segments.at(-1)?.waypoints.slice(0, 1) ?? []);
    expect(forecast?.confidence).toBeLessThanOrEqual(0.3);

    let next = 0;
    for (let t = service.start; t < service.end; t += 50_000) {
      plain.sim.advanceTo(t);
      const second = (t - service.start) / 1000;
      while ((trace[next + 1]?.second ?? Number.POSITIVE_INFINITY) <= second) next++;
      const now = trace[next];
      const radio = plain.sim.ue(SUPI);
      expect(radio?.rat).toBe(now?.networkMode === '5G' ? radio?.rat : 'EUTRA');
      if (radio?.rat === (now?.networkMode === '5G' ? 'NR' : 'EUTRA')) {
        expect(radio?.rsrpDbm).toBe(now?.rsrpDbm);
        expect(plain.sim.cell(radio?.cellId ?? '')?.regionId).toBe('shanghai');
      }
    }
    plain.sim.advanceTo(service.end);
    assure(assured);
    assured.sim.advanceTo(service.end);
    const without = serviceQuality(plain.sim.serviceSeconds(SUPI), DEMAND);
    const withIt = serviceQuality(assured.sim.serviceSeconds(SUPI), DEMAND);
    expect(without.seconds).toBe(seconds);
    expect(withIt.secondsMet).toBeGreaterThan(without.secondsMet);
  });
});

describe('quality', () => {
  const at = (i: number, over: Partial<ServiceSecond> = {}): ServiceSecond => ({
    t: i * 1000,
    dlMbps: 6,
    ulMbps: 4,
    delayMs: 25,
    lossRatio: 0,
    rat: 'NR',
    cellId: '000000001',
    ...over,
  });
  const many = (n: number, over?: Partial<ServiceSecond>) => Array.from({ length: n }, (_, i) => at(i, over));

  it('counts a second only if rate down, rate up and delay all meet the target', () => {
    const seconds = [at(0), at(1, { dlMbps: 3.99 }), at(2, { ulMbps: 2.9 }), at(3, { delayMs: 151 })];
    expect(serviceQuality(seconds, DEMAND).secondsMet).toBe(0.25);
    expect(serviceQuality([at(0, { dlMbps: 4, ulMbps: 3, delayMs: 150 })], DEMAND).secondsMet).toBe(1);
  });

  it('counts freezes as spells', () => {
    const stop = { dlMbps: 0, ulMbps: 0, delayMs: 400, lossRatio: 1 };
    const seconds = [...many(5), ...many(3, stop), ...many(5), ...many(2, stop), ...many(5)];
    expect(serviceQuality(seconds, DEMAND)).toMatchObject({ freezes: 2, freezeSeconds: 5, seconds: 20 });
  });

  it('estimates a MOS between 1 and 4.5 that falls with loss, rate and delay', () => {
    const mos = (over?: Partial<ServiceSecond>) => serviceQuality(many(60, over), DEMAND).mos;
    expect(mos()).toBe(4.5);
    expect(mos({ lossRatio: 0.05 })).toBeLessThan(mos({ lossRatio: 0.01 }));
    expect(mos({ dlMbps: 1 })).toBeLessThan(mos({ dlMbps: 2 }));
    expect(mos({ delayMs: 500 })).toBeLessThan(mos({ delayMs: 200 }));
    expect(mos({ dlMbps: 0, ulMbps: 0, lossRatio: 1, delayMs: 2000 })).toBe(1);
  });

  it('has figures for no seconds at all', () => {
    expect(serviceQuality([], DEMAND)).toEqual({
      service: 'conference',
      seconds: 0,
      secondsMet: 0,
      freezes: 0,
      freezeSeconds: 0,
      mos: 1,
      medianDlMbps: 0,
      p5DlMbps: 0,
      medianUlMbps: 0,
      p95DelayMs: 0,
    });
  });

  it('measures harm by median, 5 % quantile and fairness of those who wanted anything', () => {
    const rates = (...values: number[]) => new Map(values.map((v, i) => [`u${i}`, v]));
    const cost = harm(rates(8, 9, 9, 0), rates(10, 10, 10, 0));
    expect(cost.othersMedianRateChange).toBeCloseTo(-0.1, 5);
    expect(cost.othersP5RateChange).toBeCloseTo(-0.19, 5);
    expect(cost.jainUnassured).toBe(1);
    expect(cost.jainAssured).toBeLessThan(1);
    expect(harm(new Map(), new Map()).othersMedianRateChange).toBe(0);
  });
});
