import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matchFilter } from '../../../src/workflow/events/index.ts';
import { compilePattern } from '../../../src/workflow/events/pattern.ts';
import { type EventFilter, strategySchema } from '../../../src/workflow/events/strategy.ts';
import { event, scopeOf } from './kit.ts';

const alarm = event('1', 'netagent.alarm.raised', {
  subject: 'cell/7',
  roomid: 'r1',
  urgent: true,
  data: { temperature: 39, cell: { id: 7 } },
});
const met = async (filter: EventFilter, input?: unknown, variables?: Record<string, unknown>) =>
  (await matchFilter(filter, alarm, scopeOf(input, variables))).matched;

test.each<[string, Record<string, unknown>, boolean]>([
  ['equality', { type: 'netagent.alarm.raised' }, true],
  ['another value', { type: 'netagent.alarm.cleared' }, false],
  ['a dot stands for itself', { type: 'netagent-alarm.raised' }, false],
  ['all attributes', { type: 'netagent.alarm.raised', subject: 'cell/8' }, false],
  ['an attribute that is not there', { dataschema: '.*' }, false],
  ['a name of the prototype', { constructor: '.*' }, false],
  ['a pattern', { type: 'netagent\\.alarm\\.(raised|cleared)' }, true],
  ['a pattern must meet the whole', { type: 'alarm.*' }, false],
  ['a boolean extension', { urgent: true }, true],
  ['data by equality', { data: { temperature: 39, cell: { id: 7 } } }, true],
  ['data is not compared in part', { data: { temperature: 39 } }, false],
  ['an expression of data', { data: '${ .temperature > 38 }' }, true],
  ['an expression of data with a value that is no boolean', { data: '${ .cell }' }, false],
  ['an expression that fails', { data: '${ error }' }, false],
])('%s', async (_, wanted, expected) => {
  expect(await met({ with: wanted })).toBe(expected);
});

test('an expression of another attribute is evaluated on the input of the task, and is no pattern', async () => {
  expect(await met({ with: { subject: '${ .cell }' } }, { cell: 'cell/7' })).toBe(true);
  expect(await met({ with: { subject: '${ .cell }' } }, { cell: '.*' })).toBe(false);
  expect(await met({ with: { subject: '${ $context.cell }' } }, null, { context: { cell: 'cell/7' } })).toBe(
    true,
  );
});

test('text of an event is never evaluated', async () => {
  const hostile = event('1', '${ .cell }', { data: '${ .cell }' });
  const found = await matchFilter({ with: { type: 'x', data: 'x' } }, hostile, scopeOf({ cell: 'x' }));
  expect(found.matched).toBe(false);
});

test('problems of expressions are told', async () => {
  const problems: unknown[] = [];
  await matchFilter({ with: { data: '${ error }' } }, alarm, scopeOf(), (problem) => problems.push(problem));
  expect(problems).toHaveLength(1);
});

describe('correlation', () => {
  const correlate = (from: string, expect?: string) => ({
    with: { type: alarm.type },
    correlate: { room: { from, ...(expect !== undefined && { expect }) } },
  });

  test('without expectation the value is handed on', async () => {
    expect(await matchFilter(correlate('.roomid'), alarm, scopeOf())).toEqual({
      matched: true,
      correlations: { room: 'r1' },
    });
  });
  test('a value that is missing correlates with nothing', async () => {
    expect(await met(correlate('.floorid'))).toBe(false);
  });
  test('a constant is compared as text, an expression on the input of the task as value', async () => {
    expect(await met(correlate('.data.cell.id', '7'))).toBe(true);
    expect(await met(correlate('.data.cell.id', '8'))).toBe(false);
    expect(await met(correlate('${ .data.cell.id }', '${ .wanted }'), { wanted: 7 })).toBe(true);
    expect(await met(correlate('.data.cell.id', '${ .wanted }'), { wanted: '7' })).toBe(false);
  });
});

describe('patterns', () => {
  test.each([
    '(a+)+b',
    '(a|a)*b',
    '(?:a|ab){2,9}',
    '(.*){1,3}x',
    '.*.*.*.*.*.*x',
    'a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?aaaa',
    '(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)b',
    'x{9999}',
    '(',
    'a'.repeat(300),
  ])('%s is refused', (source) => {
    expect(typeof compilePattern(source)).toBe('string');
  });

  test('a document with such a pattern is refused; one that only looks like a pattern is not', () => {
    const problem = strategySchema.safeParse({ one: { with: { type: '(a+)+' } } });
    expect(problem.success).toBe(false);
    expect(strategySchema.safeParse({ one: { with: { subject: 'why (not' } } }).success).toBe(true);
  });

  test('a hostile text is judged in time', () => {
    const pattern = compilePattern('.*a.*a.*b');
    if (typeof pattern === 'string') throw new Error(pattern);
    const before = performance.now();
    expect(pattern.matches('a'.repeat(160))).toBe(false);
    expect(pattern.matches('a'.repeat(100_000))).toBe(false);
    expect(performance.now() - before).toBeLessThan(1_000);
  });

  test('what is taken matches as the language has it', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      '[ab]',
      '.',
      'a*',
      '[ab]+',
      '(?:ab)?',
      '(a|b)',
      'a{1,2}',
      '(?:a|b.)?',
      '\\.',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 5 }), fc.stringMatching(/^[ab.]{0,8}$/), (pieces, text) => {
        const source = pieces.join('');
        const pattern = compilePattern(source);
        // Refused for the number of its choices: nothing to compare.
        if (typeof pattern === 'string') return;
        expect(pattern.matches(text)).toBe(new RegExp(`^(?:${source})$`, 'u').test(text));
      }),
    );
  });
});
