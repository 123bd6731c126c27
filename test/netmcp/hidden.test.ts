import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { TOOL_AREAS, toolsOf } from '../../src/netmcp/index.ts';
import { createApprovals } from '../../src/netmcp/life/approvals.ts';
import { canonical, compareVersions, differenceOf, hashOf } from '../../src/netmcp/life/content.ts';
import { findHidden, findHiddenIn, visible } from '../../src/netmcp/life/hidden.ts';
import { lookalikeOf, mentioned, skeletonOf } from '../../src/netmcp/life/names.ts';
import { readForeignSchema } from '../../src/netmcp/toolserver/foreign-schema.ts';
import { testEnv } from './support/env.ts';

const own = TOOL_AREAS.flatMap(toolsOf);

test('honest texts are clean: our own definitions, emoji, dates, hashes, other scripts', () => {
  for (const { name, title, description } of own)
    expect(findHiddenIn([name, title, description], '')).toEqual([]);
  for (const text of [
    'A family 👨‍👩‍👧‍👦 and a flag 🏴‍☠️, ❤️ and 5️⃣.',
    'Reserviert Ressourcen für Züge – «schnell».',
    '预留沿途的无线资源，保障视频会议。',
    '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    '/npcf-policyauthorization/v1/app-sessions/00000000-0000-4000-8000-000000000001',
    'Call it before the handover; you must give start and end.',
    'line one\n\tline two',
  ])
    expect(findHidden(text, ''), text).toEqual([]);
});

test('what hides in any text is found, and shown', () => {
  const hidden = fc.constantFrom(
    '\u200b',
    '\u2060',
    '\ufeff',
    '\u202e',
    '\u2066',
    '\u{e0041}',
    '\u{e0101}',
    '\u0007',
  );
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme-ascii' }),
      hidden,
      fc.string({ unit: 'grapheme-ascii' }),
      (a, sign, b) => {
        const found = findHidden(`${a}x${sign}${b}`, '/description');
        expect(found.length).toBeGreaterThan(0);
        expect(visible(`${a}${sign}${b}`)).not.toContain(sign);
      },
    ),
  );
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => visible(visible(text)) === visible(text)));
});

test('nothing that is searched takes long, whatever it is', () => {
  for (const text of [
    '<!--'.repeat(20_000),
    'a'.repeat(200_000),
    'ignore '.repeat(20_000),
    'before using '.repeat(10_000),
  ])
    expect(findHidden(text, '').length).toBeLessThanOrEqual(16);
  let deep: unknown = 'x';
  for (let i = 0; i < 10_000; i += 1) deep = [deep];
  expect(findHiddenIn(deep, '')).toEqual([]);
});

test('names that look alike have one skeleton, and our own names are told apart', () => {
  const names = own.map(({ name }) => name);
  expect(new Set(names.map(skeletonOf)).size).toBe(names.length);
  for (const fake of ['test_reаd', 'test-read', 'TEST_READ', 'testread', 'tеst_rеad', 'test_read\u0301'])
    expect(lookalikeOf(fake, ['test_read']), fake).toBe('test_read');
  expect(lookalikeOf('test_1ist', ['test_list'])).toBe('test_list');
  expect(lookalikeOf('test_read', ['test_read', 'test_write'])).toBeUndefined();
  expect(mentioned('Use it instead of test_read or search.', ['test_read', 'search', 'test_write'])).toEqual([
    'test_read',
  ]);
});

test('a content has one hash, whatever the order of its keys, and a difference names what moved', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const turned = Object.fromEntries(Object.entries(value).reverse());
      expect(hashOf(turned)).toBe(hashOf(value));
      expect(differenceOf(value, turned)).toEqual([]);
      expect(JSON.parse(canonical(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
  expect(differenceOf({ a: { b: 1, c: 2 } }, { a: { b: 1, c: '\u200b' }, d: 3 })).toEqual([
    { path: '/a/c', before: '2', after: '"\\u{200b}"' },
    { path: '/d', before: '', after: '3' },
  ]);
  expect(compareVersions('1.10', '1.9')).toBeGreaterThan(0);
  expect(compareVersions('2', '2.0.0')).toBe(0);
});

test('patterns that backtrack are refused, plain ones pass', () => {
  const withPattern = (pattern: string) => () =>
    readForeignSchema({ type: 'object', properties: { a: { type: 'string', pattern } } }, false);
  for (const bad of ['^(a+)+$', '(a|aa)*b', '(x*)*', '((a)b)+', '(.)\\1', 'x'.repeat(201), '('])
    expect(withPattern(bad), bad).toThrow();
  for (const good of ['^imsi-[0-9]{5,15}$', '^[a-z]+(-[a-z]{2})?$', '^\\d+\\.\\d+$', '[(+]+'])
    expect(withPattern(good), good).not.toThrow();
});

test('what waits for approval is bounded, and the newest stays', () => {
  const env = testEnv();
  const approvals = createApprovals(env.clock);
  const offer = (i: number) => ({
    name: `tool_${i}`,
    provider: 'agent:x',
    origin: 'direct' as const,
    version: '1.0',
    hash: `h${i}`,
    body: `b${i}`,
    content: { i },
    taint: [],
    doubts: [],
    summary: '',
    tool: own[0] as (typeof own)[0],
  });
  for (let i = 0; i < 515; i += 1) {
    env.pass(1);
    approvals.hold(offer(i), ['because']);
  }
  const names = approvals.pending().map(({ name }) => name);
  expect(names).toHaveLength(512);
  expect(names).toContain('tool_514');
  expect(names).not.toContain('tool_2');
});
