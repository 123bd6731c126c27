import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseVerb } from '../../src/cli/args.ts';
import { runNetwork } from '../../src/cli/network.ts';
import { NETWORK } from '../../src/cli/verbs.ts';
import { figuresOf, halfOfSamples, readDrive, readRoundTrips } from '../../src/network/validate/drives.ts';
import { fitModel, misfit, modelOf, simulatedFigures, type Vector } from '../../src/network/validate/fit.ts';
import { validateNetwork } from '../../src/network/validate/index.ts';
import { ascending, ksDistance, quantile } from '../../src/network/validate/statistics.ts';
import { type NetworkCheck, runNetworkValidation } from '../../src/runtime/network-validation.ts';

const DATA = '../shared/data';
const name = (check: NetworkCheck) => `${check.group}: ${check.name}`;

describe('validation without any data', () => {
  const checks = [...validateNetwork({ drives: {} })];

  it('passes all that must hold', () => {
    expect(checks.filter(({ outcome }) => outcome === 'miss')).toEqual([]);
    const passed = checks.filter(({ outcome }) => outcome === 'pass').map(name);
    for (const must of [
      'path loss: largest error, 72 built-in points',
      'link adaptation: CQI table 5.2.2.1-2',
      'link adaptation: CQI table 5.2.2.1-3',
      'link adaptation: MCS table 5.1.3.1-1',
      'link adaptation: MCS table 5.1.3.1-2',
      'link adaptation: MCS table 5.1.3.1-3',
      'link adaptation: transport block sizes, 5.1.3.2',
      'link adaptation: 38.306 peak, 273 PRB, 4 layers, 256QAM',
      'shadowing: UMa NLOS standard deviation',
      'shadowing: RMa NLOS correlation distance',
      'invariants: guaranteed rates kept while feasible',
      'invariants: same seed, same bytes',
      'invariants: restored half-way, same bytes',
    ]) {
      expect(passed).toContain(must);
    }
  });

  it('says what it skipped for want of data, and why', () => {
    const skipped = checks.filter(({ outcome }) => outcome === 'skip');
    expect(skipped.map(name)).toEqual([
      'path loss: largest error, oracle points',
      'city drive: all figures',
      'weak coverage: all figures',
      'round trip: all figures',
    ]);
    for (const one of skipped) expect(one.detail).toMatch(/^no /);
  });

  it('finds an error of two thousandths of a decibel in an oracle point', () => {
    const head = 'scenario,freq_hz,h_bs,h_ut,d2d_m,cond,pathloss_db';
    const oracle = (dB: number) =>
      `${head}\nUMa,3.5e9,25,1.5,1000,LOS,${dB}\nUMi,3.5e9,10,1.5,35,NLOS,88.9335\n`;
    // It is the second check: the rest need not run.
    const outcome = (dB: number) => {
      const checks = validateNetwork({ oracle: oracle(dB), drives: {} });
      checks.next();
      return checks.next().value as NetworkCheck;
    };
    expect(outcome(109.4119).outcome).toBe('pass');
    expect(outcome(109.4139)).toMatchObject({
      outcome: 'miss',
      detail: expect.stringContaining('UMa,3.5e9'),
    });
  });
});

describe('netagent network validate', () => {
  const run = (argv: string[]) => {
    const lines: string[] = [];
    const values: unknown[] = [];
    const code = runNetwork(parseVerb(NETWORK, argv), {
      json: false,
      text: (line) => lines.push(line),
      value: (value) => values.push(value),
      error: () => undefined,
    });
    return { code, text: lines.join('\n'), values };
  };

  it('prints a table and a summary, and a line of JSON a check', () => {
    const { code, text, values } = run(['validate', '--data', join(tmpdir(), 'there-is-no-such-folder')]);
    expect(code).toBe(0);
    expect(text).toMatch(/^group +outcome +what +ours +goal/);
    expect(text).toMatch(/path loss +pass +largest error, 72 built-in points/);
    expect(text).toMatch(/\d+ pass, 0 outside their tolerance \(0 of what must hold\), 4 skipped\.$/);
    expect(values.at(-1)).toMatchObject({ type: 'result', valid: true, miss: 0, skip: 4 });
    expect(values[0]).toMatchObject({ type: 'check', group: 'path loss', outcome: 'pass', level: 'must' });
  });

  it('says what it can do when asked for something else', () => {
    const refusal = expect.objectContaining({ code: 'CLI_USAGE' });
    expect(() => run([])).toThrow(refusal);
    expect(() => run(['validate', 'more'])).toThrow(refusal);
    expect(() => run(['validate', '--dat', 'x'])).toThrow(refusal);
  });
});

describe('measured drives', () => {
  const head = 'Timestamp,Longitude,Latitude,Speed,CellID,NetworkMode,RSRP,SNR,DL_bitrate,RAWCELLID';
  const row = (second: number, lat: number, mode: string, cell: string) => {
    const clock = new Date(second * 1000).toISOString().slice(11, 19).replaceAll(':', '.');
    return `2020.01.01_${clock},8,${lat},36,1,${mode},-90,-,20000,${cell}`;
  };

  it('count changes of cell and RAT by the kilometre, not over holes or on 3G', () => {
    const step = 10 / 111_195;
    const lines = [
      row(0, 50, '5G', 'a'),
      row(1, 50 + step, '5G', 'a'),
      row(1, 50 + step, '5G', 'b'),
      row(2, 50 + 2 * step, 'LTE', 'b'),
      row(3, 50 + 3 * step, 'HSPA+', 'c'),
      row(9, 50 + 9 * step, '5G', 'd'),
      row(10, 50 + 10 * step, '5G', 'd'),
    ];
    const drive = readDrive([head, ...lines].join('\n'), 'x.csv');
    expect(drive).toHaveLength(5);
    const figures = figuresOf(drive);
    expect(figures.km).toBeCloseTo(0.03, 4);
    expect(figures.cellChangesPerKm).toBeCloseTo(1 / 0.03, 1);
    expect(figures.ratChangesPerKm).toBeCloseTo(1 / 0.03, 1);
    expect(figures.sinr).toHaveLength(0);
    expect(figures.nrShare).toBe(0.8);
    expect(quantile(figures.dl, 0.5)).toBe(20);
  });

  it('are cut into halves that share no second', () => {
    const lines = Array.from({ length: 500 }, (_, i) => row(i, 50, '5G', 'a'));
    const drive = readDrive([head, ...lines].join('\n'), 'x.csv');
    const sizes = [figuresOf(drive, 'calibration').seconds, figuresOf(drive, 'validation').seconds];
    expect(sizes).toEqual([260, 240]);
    const trips = Array.from({ length: 120 }, (_, i) => i);
    expect([...halfOfSamples(trips, 'validation')]).toEqual(trips.slice(50, 100));
  });

  it('of another form are refused by column', () => {
    const malformed = (column: string) =>
      expect.objectContaining({ code: 'TRACE_MALFORMED', message: expect.stringContaining(column) });
    expect(() => readDrive('a,b\n1,2', 'x.csv')).toThrow(malformed('Timestamp'));
    expect(() => readRoundTrips('a b\n1 2', 'x.txt')).toThrow(malformed('delay(ms)'));
    const dir = mkdtempSync(join(tmpdir(), 'validate-'));
    mkdirSync(join(dir, 'radio', 'ucc-5g-ireland'), { recursive: true });
    writeFileSync(join(dir, 'radio', 'ucc-5g-ireland', 'driving-download-8cells.csv'), 'a,b\n1,2');
    expect(() => [...runNetworkValidation(dir)]).toThrow(malformed('Timestamp'));
    rmSync(dir, { recursive: true });
  });

  it('compare by quantiles and by the largest gap of their distributions', () => {
    const even = ascending(Array.from({ length: 100 }, (_, i) => i));
    expect(quantile(even, 0.5)).toBe(50);
    expect(ksDistance(even, even)).toBe(0);
    expect(ksDistance(even, ascending([...even].map((x) => x + 25)))).toBeCloseTo(0.25, 9);
    expect(ksDistance(ascending([1, 2]), ascending([5, 6]))).toBe(1);
  });

  it('draw a model nearer by fitting it', () => {
    const start: Vector = {
      isdM: 600,
      microShare: 0.2,
      nrShare: 0.9,
      lossDb: 0,
      ambientLow: 0.3,
      ambientHigh: 0.6,
      nrPrbs: 150,
      fadingDb: 1,
      a3OffsetDb: 3,
      tttMs: 640,
      fallbackRsrp: -116,
      fallbackSinr: -9,
      returnRsrp: -104,
      returnSinr: 0,
      returnMs: 5000,
      qoutDb: -9,
    };
    const lines = Array.from({ length: 300 }, (_, i) => row(i, 50 + i * 5e-5, '5G', 'a'));
    const shape = figuresOf(readDrive([head, ...lines].join('\n'), 'x.csv'));
    const run = { cars: 4, seconds: 120, seed: 3 };
    const target = {
      ...simulatedFigures(modelOf({ ...start, lossDb: 8 }), shape, run),
      speed: shape.speed,
      km: shape.km,
      seconds: shape.seconds,
    };
    const before = misfit(simulatedFigures(modelOf(start), target, run), target);
    const { vector } = fitModel(target, start, ['lossDb'], 6, { cars: 4, seconds: 120, seeds: [3] });
    expect(misfit(simulatedFigures(modelOf(vector), target, run), target)).toBeLessThan(before);
  });
});

describe.skipIf(!existsSync(join(DATA, 'radio')))('validation against the measured data', () => {
  const checks = existsSync(join(DATA, 'radio')) ? [...runNetworkValidation(DATA)] : [];

  it('equals the independent simulator on every oracle point', () => {
    expect(checks.find((one) => one.name === 'largest error, 234 oracle points')?.outcome).toBe('pass');
  });

  it('misses what docs/grid.md says that it misses, and nothing else', () => {
    const documented = readFileSync('docs/grid.md', 'utf8');
    const list = /<!-- misses -->([\s\S]*?)<!-- end -->/.exec(documented)?.[1] ?? '';
    const misses = [...list.matchAll(/^- \*\*(.+?)\*\*, (.+?): /gm)].map(
      ([, group, what]) => `${group}: ${what}`,
    );
    const found = checks.filter(({ outcome }) => outcome === 'miss');
    expect(found.map(({ level }) => level).filter((level) => level === 'must')).toEqual([]);
    expect(found.map(name)).toEqual(misses);
  });
});
