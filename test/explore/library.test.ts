import { expect, test } from 'vitest';
import type { Evidence, Kpis } from '../../src/explore/index.ts';
import { distanceOf, openLibrary } from '../../src/explore/library.ts';
import { harmOf, pairedGain, unpairedGain } from '../../src/explore/statistics.ts';
import { casesInMemory, ids, uplinkBounds, uplinkSituation } from './kit.ts';

const DAY = 86_400_000;
const scope = { cells: ['a'], subscribers: [] };
const at = (kpis: Kpis) => uplinkSituation(scope, { rsrpP5Dbm: -95, iotDb: 5, prbUlPercent: 80, ...kpis });
const parameters = { ulP0Dbm: -90, ulAlpha: 0.8 };
const evidence = (when: number, n = 5): Evidence => ({
  where: 'live',
  at: when,
  kpi: 'edgeUlMbps',
  before: 2,
  after: 3,
  gain: { mean: 0.5, low: 0.3, high: 0.7, n },
  harm: 0,
});
function open() {
  let now = 0;
  const library = openLibrary(casesInMemory(), { clock: { now: () => now }, ids: ids() });
  return { library, pass: (ms: number) => (now += ms) };
}

test('the nearest case is found, within a distance', () => {
  const { library } = open();
  library.keep(at({}), parameters, [evidence(0)]);
  const other = library.keep(at({ iotDb: 7.5, prbUlPercent: 30 }), { ulP0Dbm: -100, ulAlpha: 1 }, [
    evidence(0),
  ]);
  expect(library.find(at({ iotDb: 5.4 }), uplinkBounds)).toMatchObject({ case: { parameters }, weight: 5 });
  expect(library.find(at({ iotDb: 7.4, prbUlPercent: 35 }), uplinkBounds)?.case.id).toBe(other.id);
  expect(library.find(at({ iotDb: 0.2, rsrpP5Dbm: -120 }), uplinkBounds)).toBeNull();
});

test('of another goal, or out of bounds, it is none', () => {
  const { library } = open();
  library.keep(at({}), parameters, [evidence(0)]);
  expect(
    library.find({ ...at({}), goal: { kpi: 'meanUlMbps', direction: 'raise' } }, uplinkBounds),
  ).toBeNull();
  expect(library.find(at({}), { ulP0Dbm: { min: -80, max: -60 }, ulAlpha: { min: 0, max: 1 } })).toBeNull();
});

test('evidence loses its weight with time, and gains it again', () => {
  const { library, pass } = open();
  const { id } = library.keep(at({}), parameters, [evidence(0)]);
  pass(30 * DAY);
  expect(library.find(at({}), uplinkBounds)?.weight).toBeCloseTo(2.5);
  pass(60 * DAY);
  expect(library.find(at({}), uplinkBounds)).toBeNull();
  expect(library.keep(at({}), parameters, [evidence(90 * DAY, 3)]).id).toBe(id);
  expect(library.find(at({}), uplinkBounds)?.weight).toBeCloseTo(3.625);
});

test('a withdrawn case warns of its parameters where it is near, and is not found', () => {
  const { library } = open();
  library.keep(at({}), parameters, [evidence(0)]);
  library.withdraw(at({ iotDb: 5.2 }), parameters, 'harm', [evidence(1)]);
  expect(library.list()).toHaveLength(1);
  expect(library.list()[0]?.evidence).toHaveLength(2);
  expect(library.find(at({}), uplinkBounds)).toBeNull();
  expect(library.warning(at({}), { ulP0Dbm: -90.5, ulAlpha: 0.8 })?.withdrawn).toBe('harm');
  expect(library.warning(at({}), { ulP0Dbm: -80, ulAlpha: 0.8 })).toBeNull();
  expect(library.warning(at({ iotDb: 0, rsrpP5Dbm: -120 }), parameters)).toBeNull();
});

test('distance: nothing for the same, more where a fact is unknown, without end where none is common', () => {
  expect(distanceOf({ iotDb: 4 }, { iotDb: 4 })).toBe(0);
  expect(distanceOf({ iotDb: 4 }, { iotDb: 0 })).toBe(0.5);
  expect(distanceOf({ iotDb: 4, sinrP5Db: 0 }, { iotDb: 4 })).toBeCloseTo(Math.SQRT1_2);
  expect(distanceOf({ other: 1 }, { other: 1 })).toBe(Number.POSITIVE_INFINITY);
});

test('gains have the interval of Student, paired or not, in the direction of the goal', () => {
  const paired = pairedGain([10, 20, 30], [11, 22, 33], 'raise');
  expect(paired.mean).toBeCloseTo(0.1);
  expect(paired.high - paired.mean).toBeCloseTo((4.303 * 0.05) / Math.sqrt(3), 4);
  expect(pairedGain([2, 2], [1, 1], 'lower')).toEqual({ mean: 0.5, low: 0.5, high: 0.5, n: 2 });
  const apart = unpairedGain([10, 20, 30], [11, 22, 33], 'raise');
  expect(apart.mean).toBeCloseTo(0.1);
  expect(apart.low).toBeLessThan(paired.low);
  expect(JSON.parse(JSON.stringify(unpairedGain([1], [2], 'raise'))).low).toBeLessThan(-1e300);
});

test('harm is counted in what a guard allows', () => {
  const guard = { kpi: 'x', direction: 'raise', most: 0.1, by: 'ratio' } as const;
  expect(harmOf(guard, [10, 10], [9, 9])).toBeCloseTo(1);
  expect(harmOf(guard, [10], [12])).toBe(0);
  expect(harmOf({ ...guard, direction: 'lower', by: 'difference', most: 0.02 }, [0], [0.01])).toBeCloseTo(
    0.5,
  );
  expect(harmOf({ ...guard, most: 0 }, [10], [9])).toBe(1e6);
});
