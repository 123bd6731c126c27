import { expect, test } from 'vitest';
import { changeMachine } from '../../machines/index.ts';
import { verdictOf } from '../../machines/protocols/change.messages.ts';
import { type ModelOptions, modelPaths, runModel } from '../../src/testing/index.ts';

const problem = new Error('boom');
const guard = { below: 10, better: 'higher', clear: 2, looks: 1, bad: 1, missed: 1, periodMs: 1000 };
const input = {
  key: 'k',
  guard,
  onlyRehearse: false,
  undoBlind: false,
  claimAgainMs: 10,
  approvalMs: 10,
  effectMs: 10,
  againMs: 10,
};
const options: ModelOptions = {
  input,
  events: [
    { type: 'CANCEL' },
    { type: 'PREEMPTED', text: 'Cancelled.' } as never,
    { type: 'RESUME', elapsedMs: 5 } as never,
  ],
  effects: {
    measure: {
      outputs: ['within', 'approve', 'refuse'].map((verdict) => ({ verdict, text: verdict })),
      errors: [problem],
    },
    claim: {
      outputs: ['held', 'waiting', 'refused'].map((state) => ({ state, text: state })),
      errors: [problem],
    },
    rehearse: {
      outputs: [
        { ok: true, text: '' },
        { ok: false, text: 'no' },
        { ok: true, text: '', approval: { plan: 'p', question: '?' } },
      ],
      errors: [problem],
    },
    approve: { outputs: [true, false].map((approved) => ({ approved, text: '' })), errors: [problem] },
    before: { outputs: [{ value: 20, at: 1 }], errors: [problem] },
    look: { outputs: [20, 11, 9].map((value) => ({ value, at: 2 })), errors: [problem] },
    apply: {
      outputs: [
        { state: 'applied', result: { id: 'r' } },
        { state: 'refused', text: 'no' },
        { state: 'unknown', text: 'lost' },
      ],
      errors: [problem],
    },
    undo: { outputs: [undefined], errors: [problem] },
    release: { outputs: [undefined], errors: [problem] },
  },
  counters: ['reason', 'reach', 'looks', 'rehearsal', 'token', 'elapsedMs'],
};
/** The way to the change is the first model's; the others have the shortest. */
const short = {
  measure: { outputs: [{ verdict: 'within', text: '' }] },
  claim: { outputs: [{ state: 'held' }] },
  rehearse: { outputs: [{ ok: true, text: '' }] },
  before: { outputs: [{ value: 20, at: 1 }] },
  release: { outputs: [undefined] },
};
/** One model for each input that opens other edges. */
const models: ModelOptions[] = [
  options,
  {
    ...options,
    events: [{ type: 'CANCEL' }],
    input: { ...input, undoBlind: true, guard: { ...guard, looks: 2, bad: 2, missed: 2 } },
    effects: { ...options.effects, ...short },
  },
  {
    ...options,
    input: { ...input, onlyRehearse: true },
    effects: { ...short, release: { outputs: [undefined], errors: [problem] } },
  },
];

test('does on a live actor what its model says, and each of its transitions is taken', async () => {
  const reports = [];
  for (const model of models) reports.push(await runModel(changeMachine, model));
  const [first, ...others] = reports.map(({ uncovered }) => uncovered);
  expect(first?.filter((edge) => others.every((uncovered) => uncovered.includes(edge)))).toEqual([]);
});

test('what was applied is kept by proof, undone, or left for a human: on every path', () => {
  const ends = new Set<unknown>();
  for (const path of models.flatMap((model) => modelPaths(changeMachine, model))) {
    const events = path.map(({ event }) => event as { type: string; output?: { state?: string } });
    const end = path.at(-1)?.value;
    const done = (effect: string) => events.some(({ type }) => type === `xstate.done.actor.${effect}`);
    const applied = events.some(
      ({ type, output }) => type === 'xstate.done.actor.apply' && output?.state === 'applied',
    );
    ends.add(end);
    if (end === 'refused' || end === 'rehearsed') expect(applied).toBe(false);
    if (end === 'kept') expect(applied && done('look')).toBe(true);
    if (end === 'rolledBack') expect(done('undo')).toBe(true);
    if (done('apply')) expect(done('before')).toBe(true);
  }
  expect(
    ['kept', 'rolledBack', 'rollbackFailed', 'rehearsed', 'refused'].filter((end) => !ends.has(end)),
  ).toEqual([]);
});

test('a figure is bad below the limit, good a margin above it, and nothing in between', () => {
  const say = (over: object, values: number[], before = 20) =>
    values.map((value) => verdictOf({ ...guard, better: 'higher', ...over } as never, before, value));
  expect(say({}, [9, 10, 11, 12])).toEqual(['bad', 'between', 'between', 'good']);
  expect(say({ below: undefined, above: 10 }, [11, 10, 9, 8])).toEqual(['bad', 'between', 'between', 'good']);
  expect(say({ below: undefined, worseBy: 5 }, [14, 15, 17])).toEqual(['bad', 'between', 'good']);
  expect(say({ below: undefined, worseBy: 5, better: 'lower' }, [26, 25, 23])).toEqual([
    'bad',
    'between',
    'good',
  ]);
});
