import { expect, test } from 'vitest';
import { coverageOf, FACTS, judgeRule, type Kpis, type Rule, readRules } from '../../src/explore/index.ts';
import { PARAMETERS } from '../../src/network/index.ts';
import { seeded } from './functions.ts';
import { shippedRules, uplinkSituation } from './kit.ts';

const scope = { cells: ['a'], subscribers: ['imsi-1'] };
const bounds = { ulP0Dbm: { min: -110, max: -60 }, ulAlpha: { min: 0.4, max: 1 } };
const uplink = shippedRules.find(({ id }) => id === 'uplink-interference') as Rule;
const judge = (kpis: Kpis, within: Parameters<typeof judgeRule>[2] = bounds) => {
  const { verdict, facts } = judgeRule(uplink, uplinkSituation(scope, kpis), within);
  return { verdict, facts };
};

test('the shipped rules set what there is to set, for the five situations', () => {
  expect(shippedRules.map(({ id }) => id)).toEqual([
    'weak-coverage',
    'uplink-interference',
    'high-load',
    'many-users',
    'mobility',
  ]);
  for (const { parameters } of shippedRules) {
    for (const [name, value] of Object.entries(parameters)) {
      const { min, max } = PARAMETERS[name as keyof typeof PARAMETERS];
      expect(value).toBeGreaterThanOrEqual(min);
      expect(value).toBeLessThanOrEqual(max);
    }
  }
});

test('a rule says whether it reaches, and if not by which facts', () => {
  expect(judge({ iotDb: 2, rsrpP5Dbm: -95, connectedPerCell: 5 })).toEqual({
    verdict: 'reaches',
    facts: ['iotDb'],
  });
  expect(judge({ iotDb: 0.5, rsrpP5Dbm: -95, connectedPerCell: 5 })).toEqual({
    verdict: 'condition',
    facts: ['iotDb'],
  });
  expect(judge({ iotDb: 5, rsrpP5Dbm: -120, connectedPerCell: 5 })).toEqual({
    verdict: 'outside',
    facts: ['iotDb', 'rsrpP5Dbm'],
  });
  expect(judge({ rsrpP5Dbm: -95, connectedPerCell: 5 })).toEqual({
    verdict: 'facts-missing',
    facts: ['iotDb'],
  });
  expect(judge({ iotDb: 2 })).toEqual({ verdict: 'facts-missing', facts: ['rsrpP5Dbm', 'connectedPerCell'] });
  expect(judge({ iotDb: 2, rsrpP5Dbm: -95, connectedPerCell: 5 }, { ulAlpha: { min: 0, max: 0.5 } })).toEqual(
    {
      verdict: 'not-settable',
      facts: ['ulP0Dbm', 'ulAlpha'],
    },
  );
});

test('a rule for subscribers wants some in the scope', () => {
  const rule = shippedRules.find(({ id }) => id === 'many-users') as Rule;
  const situation = {
    ...uplinkSituation(
      { cells: ['a'], subscribers: [] },
      { connectedPerCell: 50, prbDlPercent: 95, sinrP5Db: 5 },
    ),
    goal: { kpi: 'meanDlMbps', direction: 'raise' },
  } as const;
  expect(judgeRule(rule, situation, { prbPercent: { min: 0, max: 30 } })).toMatchObject({
    verdict: 'scope',
    text: 'needs subscribers in the scope',
  });
});

test('how much of the space of conditions the rules reach is measured', () => {
  const random = seeded(1);
  const ranges = { ...FACTS, changesPerMinute: [0, 10] } as const;
  const { covered, byRule } = coverageOf(shippedRules, 'edgeUlMbps', ranges, { random });
  // iotDb in 1 .. 3 of 0 .. 8, rsrpP5Dbm above -110 of -125 .. -85, connectedPerCell up to 10 of 60.
  expect(Math.abs(covered - (2 / 8) * (25 / 40) * (10 / 60))).toBeLessThan(0.01);
  expect(byRule.filter(({ share }) => share > 0).map(({ id }) => id)).toEqual(['uplink-interference']);
});

const one = (change: string) => `
rules:
  - { id: own, goals: [meanDlMbps], scope: cells, when: 'facts.prbDlPercent > 50', parameters: { priorityLevel: 10 }, reason: ours, ${change} }`;

test('an operator writes rules of the same form', () => {
  const [rule] = readRules(one('priority: 7'), 'own.yaml');
  expect(rule).toMatchObject({ id: 'own', priority: 7, reads: ['prbDlPercent'] });
  expect(rule?.holds({ prbDlPercent: 60 })).toBe(true);
});

test.each([
  [one('wen: 1'), /own.yaml.*Unrecognized key.*wen/],
  [one('priority: 7').replace("'facts.prbDlPercent > 50'", "'facts.'"), /when of own/],
  [one('priority: 7') + one('priority: 7').replace('\nrules:', ''), /own is there twice/],
  [one('reach: { iotDb: [3, 1] }'), /must not be above/],
  ['rules: [', /own.yaml/],
])('a rule that is wrong is refused with file and place: %#', (text, message) => {
  expect(() => readRules(text, 'own.yaml')).toThrow(message);
});
