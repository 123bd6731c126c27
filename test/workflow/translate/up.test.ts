import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkedWording,
  insightSchema,
  MAX_INSIGHT,
  phraseOf,
  type RunRecord,
  translateUp,
  untrue,
} from '../../../src/workflow/translate/index.ts';

const START = Date.UTC(2026, 0, 5, 8);
const document = {
  document: { dsl: '1.0.3', namespace: 'policies', name: 'p', version: '1.0.0', title: 'Keep video usable' },
};
const run = (over: Partial<RunRecord> = {}): RunRecord => ({
  id: 'i-1',
  document,
  events: [
    { type: 'task.started', at: START, pointer: '/do/0/begin', name: 'begin' },
    { type: 'task.completed', at: START + 60_000, pointer: '/do/5/answer', name: 'answer' },
  ],
  output: {
    outcome: 'fulfilled',
    before: { DlThptPerUE: 5, AveDLPrbLoad: 90 },
    after: { DlThptPerUE: 10.0444, AveDLPrbLoad: 70 },
    missed: [],
    done: ['reserve'],
    problems: [],
  },
  actions: [{ tool: 'ran_reserve_prbs', agent: 'ran', chain: [{ status: 201 }] }],
  scope: { area: 'shanghai', cells: ['000000a', '000000b'], subscribers: ['imsi-1'] },
  ...over,
});

describe('a run becomes an insight', () => {
  test('with what, where, when, the effect in figures, and what to do next time', () => {
    expect(translateUp(run())).toEqual({
      what: 'Keep video usable',
      where: { area: 'shanghai', cells: ['000000a', '000000b'], cellCount: 2, subscribers: 1 },
      when: { start: START, end: START + 60_000 },
      outcome: 'fulfilled',
      effect: [
        { kpi: 'DlThptPerUE', before: 5, after: 10, change: 5, percent: 100, better: true },
        { kpi: 'AveDLPrbLoad', before: 90, after: 70, change: -20, percent: -22, better: true },
      ],
      anomalies: [],
      anomalyCount: 0,
      suggestions: ['Use reserve first where this comes again.'],
      confidence: 0.9,
      evidence: ['run i-1', 'measure reserve', 'tool ran_reserve_prbs'],
    });
  });

  test('with what was odd: faults, exceptions of other agents, network functions that refuse', () => {
    const insight = translateUp(
      run({
        output: undefined,
        fault: {
          type: 'runtime',
          status: 408,
          title: 'The time is over.',
          detail: '',
          instance: '/do/2/reserve',
        },
        events: [
          { type: 'task.exception', at: START, pointer: '/do/1/ask', text: 'ran cannot be reached now.' },
          { type: 'task.faulted', at: START + 1, pointer: '/do/2/reserve', name: 'reserve' },
        ],
        actions: [{ tool: 'ran_reserve_prbs', chain: [{ status: 503 }] }],
      }),
    );
    expect(insight).toMatchObject({
      outcome: 'failed',
      anomalies: [
        { task: '/do/2/reserve', what: 'The time is over.' },
        { task: '/do/1/ask', what: 'ran cannot be reached now.' },
        { task: 'ran_reserve_prbs', what: 'status 503' },
      ],
      suggestions: ['It took too long: give it more time, or less to do.'],
    });
  });

  test.each<[string, Partial<RunRecord>, string, string]>([
    [
      'worse figures',
      { output: null, kpis: { before: { DlLatency: 10 }, after: { DlLatency: 20 } } },
      'worse',
      'Take it back',
    ],
    [
      'figures within noise',
      { output: null, kpis: { before: { DlLatency: 100 }, after: { DlLatency: 101 } } },
      'unchanged',
      '',
    ],
    ['nothing measured', { output: null }, 'unseen', 'Read the figures'],
    ['a cancelled run', { cancelled: true }, 'cancelled', 'still wanted'],
    ['a guarded change that went back', { output: { outcome: 'rolledBack' } }, 'undone', 'Do not repeat'],
    [
      'a goal that is half reached',
      {
        output: {
          outcome: 'missed',
          before: { DlThptPerUE: 5 },
          after: { DlThptPerUE: 7 },
          missed: ['DlThptPerUE'],
        },
      },
      'improved',
      'Still missed: DlThptPerUE',
    ],
    [
      'an undo that failed',
      { output: { outcome: 'undone', problems: [{ task: 'undo of reserve', what: 'no' }] } },
      'undone',
      'A human must look: the undo of reserve failed.',
    ],
  ])('%s', (_, over, outcome, suggestion) => {
    const insight = translateUp(run(over));
    expect(insight.outcome).toBe(outcome);
    expect(insight.suggestions.join(' ')).toContain(suggestion);
  });

  test('that is at most 1 kB, whatever the run was', () => {
    const text = fc.string({ maxLength: 300, unit: 'binary' });
    const figures = fc.dictionary(text, fc.double({ noNaN: false }), { maxKeys: 30 });
    const runs = fc.record({
      title: text,
      events: fc.array(
        fc.record({
          type: fc.constantFrom('task.exception', 'task.faulted', 'task.started'),
          at: fc.integer(),
          pointer: text,
          text,
        }),
        { maxLength: 20 },
      ),
      output: fc.oneof(
        fc.jsonValue(),
        fc.record({ before: figures, after: figures, missed: fc.array(text), done: fc.array(text) }),
      ),
      cells: fc.array(text, { maxLength: 200 }),
      area: text,
      kpis: fc.option(fc.record({ before: figures, after: figures }), { nil: undefined }),
    });
    fc.assert(
      fc.property(runs, ({ title, events, output, cells, area, kpis }) => {
        const insight = translateUp(
          run({
            document: { document: { ...document.document, title } },
            events,
            output,
            scope: { cells, area },
            ...(kpis && { kpis }),
          }),
        );
        expect(Buffer.byteLength(JSON.stringify(insight))).toBeLessThanOrEqual(MAX_INSIGHT);
        expect(insightSchema.parse(insight)).toEqual(insight);
        expect(untrue(phraseOf(insight), insight) ?? 'fine').toMatch(/fine|longer|line|empty/);
      }),
      { numRuns: 40 },
    );
  });
});

describe('wording', () => {
  const insight = translateUp(run());
  test('offline, in both languages', () => {
    expect(phraseOf(insight)).toBe(
      'Keep video usable (shanghai, 2 cells) reached its goal: DlThptPerUE went from 5 to 10.',
    );
    expect(phraseOf(insight, 'zh')).toBe(
      'Keep video usable（shanghai，2个小区）达到目标：DlThptPerUE 由 5 变为 10。',
    );
  });

  test.each<[string, string | null]>([
    ['The rate doubled from 5 to 10 in 2 cells.', null],
    ['Up by 100 %, load down to 70.0.', null],
    ['The rate rose to 12.', 'the figure 12 is not in the insight'],
    ['速率提升到 １２ Mbit/s。', 'the figure 12 is not in the insight'],
    ['It helped twenty users.', 'the number "twenty" is not in the insight'],
    ['速率翻倍。', 'the number "倍" is not in the insight'],
    ['', 'it is empty'],
    ['One.\nTwo.', 'it is more than one line'],
    ['x'.repeat(401), 'it is longer than 400 characters'],
  ])('%s', (sentence, reason) => {
    expect(untrue(sentence, insight)).toBe(reason);
  });

  test('of a model is believed only as far as the insight goes', async () => {
    const refused: string[] = [];
    const say = (phrase: () => Promise<string>, signal?: AbortSignal) =>
      checkedWording(
        { phrase },
        { onRefused: (reason) => refused.push(reason), ...(signal && { signal }) },
      ).phrase(insight);
    expect(await say(async () => ' The rate went from 5 to 10. ')).toBe('The rate went from 5 to 10.');
    const offline = phraseOf(insight);
    expect(await say(async () => 'The rate went to 99.')).toBe(offline);
    expect(await say(async () => Promise.reject(new Error('no model')))).toBe(offline);
    expect(await say(() => new Promise(() => undefined), AbortSignal.abort())).toBe(offline);
    expect(refused).toEqual(['the figure 99 is not in the insight', 'no model', 'no answer in time']);
  });
});
