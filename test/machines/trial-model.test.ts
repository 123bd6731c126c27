import { describe, expect, test } from 'vitest';
import { trialMachine } from '../../machines/protocols/trial.machine.ts';
import { trialVerdict } from '../../machines/protocols/trial.messages.ts';
import { type ModelOptions, modelPaths, runModel } from '../../src/testing/index.ts';

const few = { cells: ['a'], subscribers: [] };
const many = { cells: ['a', 'b'], subscribers: [] };
const input = {
  id: 't',
  parameters: { ulP0Dbm: -90 },
  small: few,
  wide: many,
  approval: false,
  times: { intervalMs: 1000, settleMs: 2000, patienceMs: 60_000, approvalMs: 3_600_000, retryMs: 500 },
  looks: 1,
  badRun: 1,
  missedRun: 1,
  clearHarm: 0.8,
  attempts: 2,
};
const gate = (verdict: 'pass' | 'refuse') => ({
  verdict,
  reason: 'because',
  floors: { small: -0.1, wide: 0 },
  ceilings: { small: 2, wide: 1 },
});
const reading = (gain: number, harm: number) => ({ kpis: { small: {}, wide: {} }, gain, harm });
const boom = { errors: [new Error('boom')] };
const modelOf = (change: Partial<typeof input>): ModelOptions => ({
  input: { ...input, ...change },
  events: [
    { type: 'APPROVE', by: 'x' } as never,
    { type: 'REJECT', reason: 'no' } as never,
    { type: 'CANCEL', reason: 'stop' } as never,
    { type: 'RESUME', elapsedMs: 0 } as never,
  ],
  effects: {
    gate: { outputs: [gate('pass'), gate('refuse')], ...boom },
    applySmall: { outputs: [undefined], ...boom },
    applyWide: { outputs: [undefined], ...boom },
    measure: { outputs: [reading(0.2, 0), reading(-1, 0), reading(0.2, 5)], ...boom },
    rollBack: { outputs: [undefined], ...boom },
    keep: { outputs: [{ held: true }, { held: false }], ...boom },
    withdraw: { outputs: [undefined], ...boom },
  },
  counters: ['readings', 'before', 'reason'],
});
/** Runs of looks, an approval, and a scope that cannot be widened are models of their own. */
const variants: Array<[string, ModelOptions]> = [
  ['at once', modelOf({})],
  ['by runs', modelOf({ approval: true, looks: 1, badRun: 2, missedRun: 2, wide: few })],
];

describe.each(variants)('%s', (_, options) => {
  test('whatever happens, what was set is kept on purpose, taken back, or reported', () => {
    for (const path of modelPaths(trialMachine, options)) {
      const set = path.some(({ value }) => JSON.stringify(value).includes('setting'));
      const end = path.at(-1)?.value;
      if (set) expect(end).not.toBe('refused');
      else if (typeof end === 'string') expect(['kept', 'rolledBack']).not.toContain(end);
      for (const { value, context } of path) if (value === 'keeping') expect(context.bad).toBe(0);
    }
  });
});

test('the chart does on a live actor what its model says, and each of its transitions is taken', async () => {
  const reports = [];
  for (const [, options] of variants) reports.push(await runModel(trialMachine, options));
  const [first, ...rest] = reports.map(({ uncovered }) => uncovered);
  expect(first?.filter((edge) => rest.every((one) => one.includes(edge)))).toEqual([]);
});

test('between bad and good a look says nothing', () => {
  const bounds = { floor: 0, ceiling: 1, clearHarm: 0.8 };
  expect(trialVerdict({ gain: 0.1, harm: 0.5 }, bounds)).toBe('good');
  expect(trialVerdict({ gain: 0.1, harm: 0.9 }, bounds)).toBe('between');
  expect(trialVerdict({ gain: 0.1, harm: 1.1 }, bounds)).toBe('bad');
  expect(trialVerdict({ gain: -0.1, harm: 0 }, bounds)).toBe('bad');
});
