import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { scoped, toolsOf } from '../../src/netmcp/tools/index.ts';
import { MAX_DEFINITION } from '../../src/netmcp/toolserver/verify.ts';
import { oneServer } from '../netmcp/support/one-server.ts';
import { ALL, compiledOf } from './tool-bench.ts';

const KINDS = [
  'data collection',
  'resource management',
  'connection control',
  'performance assurance',
  'status perception',
  'redundancy recovery',
];
type Schema = { [name: string]: unknown; properties?: Record<string, Schema>; items?: Schema };
const schemaOf = (name: string) => compiledOf(name).definition.inputSchema as Schema;
const cases = ALL.map((tool) => [tool.name, tool] as const);

test('at least sixty tools ship, at least five of each kind, four of several functions that undo', () => {
  expect(ALL.length).toBeGreaterThanOrEqual(60);
  expect(new Set(ALL.map(({ name }) => name)).size).toBe(ALL.length);
  for (const kind of KINDS)
    expect(ALL.filter(({ meta }) => meta.kind === kind).length).toBeGreaterThanOrEqual(5);
  expect(ALL.every(({ meta }) => KINDS.includes(meta.kind ?? ''))).toBe(true);
  expect(ALL.filter(({ meta }) => meta.nf.length >= 2).length).toBeGreaterThanOrEqual(4);
});

test.each(cases)('%s is small, flat and said in plain words', (name, tool) => {
  const { definition } = compiledOf(name);
  expect(Buffer.byteLength(JSON.stringify(definition))).toBeLessThanOrEqual(MAX_DEFINITION);
  expect(name).toMatch(/^(ran|core|transport|compute|storage|recovery)_[a-z]+(_[a-z0-9]+)*$/);
  expect(tool.description).toMatch(/^[A-Z].{19,}\.$/);
  expect(tool.meta.labels.length).toBeGreaterThanOrEqual(2);
  expect(tool.meta.nf.length).toBeGreaterThan(0);
  for (const [parameter, schema] of Object.entries(schemaOf(name).properties ?? {})) {
    // One level of objects at the most, in what a person can read.
    const inner = Object.values(schema.properties ?? schema.items?.properties ?? {});
    expect(
      inner.every(({ type }) => type !== 'object'),
      `${name}.${parameter}`,
    ).toBe(true);
  }
});

/** Patterns that look ahead are beyond the generator: those are of addresses and names. */
function matching(pattern: RegExp): string | undefined {
  const known = ['10.45.0.2', 'a-1', 'notes.txt'].find((text) => pattern.test(text));
  return known ?? fc.sample(fc.stringMatching(pattern), { numRuns: 1, seed: 1 })[0];
}

/** Valid arguments out of a schema: every parameter, so that each can be spoilt alone. */
function sample(schema: Schema): unknown {
  const { examples, default: standard, enum: values, pattern, type } = schema;
  if (Array.isArray(examples)) return examples[0];
  if (standard !== undefined) return standard;
  if (Array.isArray(values)) return values[0];
  if (typeof pattern === 'string') return matching(new RegExp(pattern));
  if (type === 'boolean') return true;
  if (type === 'number' || type === 'integer') return schema.minimum ?? 1;
  if (type === 'string') return 'x'.repeat(Number(schema.minLength ?? 1));
  if (type === 'array') return [sample(schema.items ?? {})];
  return Object.fromEntries(
    Object.entries(schema.properties ?? {}).map(([name, one]) => [name, sample(one)]),
  );
}

/** A value next to those that a parameter takes. */
function spoilt(schema: Schema): unknown {
  const { type, minimum, maximum, exclusiveMinimum, maxLength, enum: values, pattern } = schema;
  if (typeof maximum === 'number' && Math.abs(maximum) < Number.MAX_SAFE_INTEGER) return maximum + 1;
  if (typeof minimum === 'number') return minimum - 1;
  if (typeof exclusiveMinimum === 'number') return exclusiveMinimum;
  if (Array.isArray(values)) return 'NO_SUCH_VALUE';
  if (typeof pattern === 'string') return ' ';
  if (typeof maxLength === 'number') return 'x'.repeat(maxLength + 1);
  if (type === 'array') return schema.minItems === undefined ? 'no list' : [];
  if (type === 'boolean') return 'yes';
  return 17;
}

test('one bad value in any parameter of any tool is refused by its name, and nothing reaches the network', async () => {
  const { client, sbi } = await oneServer({ tools: ALL, policy: [] });
  const one = await client();
  let tried = 0;
  for (const [name] of cases) {
    const good = sample(schemaOf(name)) as Record<string, unknown>;
    for (const [parameter, schema] of Object.entries(schemaOf(name).properties ?? {})) {
      for (const bad of [spoilt(schema), { not: 'this' }]) {
        const result = await one.callTool(name, { ...good, [parameter]: bad });
        expect(result.isError, `${name}.${parameter}`).toBe(true);
        expect(result.text, `${name}.${parameter} = ${JSON.stringify(bad)}`).toContain(parameter);
        tried += 1;
      }
    }
    const result = await one.callTool(name, { ...good, unheardOf: 1 });
    expect(result.text).toContain('unheardOf');
  }
  expect(tried).toBeGreaterThan(300);
  expect(sbi.requests).toEqual([]);
});

test('where tokens are asked for, what can hurt many subscribers wants one with its scope', () => {
  const operations = toolsOf('operations');
  const guarded = scoped(operations).filter(({ meta }) => meta.permission.mode === 'token');
  expect(guarded.map(({ name }) => name).sort()).toEqual([
    'recovery_prefer_function',
    'recovery_repair_fault',
    'recovery_restart_function',
    'recovery_restore_policies',
  ]);
  expect(guarded.every(({ meta }) => JSON.stringify(meta.permission).includes('netmcp:operate'))).toBe(true);
  expect(operations.every(({ meta }) => meta.permission.mode === 'public')).toBe(true);
});

test('no tool makes a function call a URL for who has no scope of its own for that', () => {
  const calling = ALL.filter(
    (tool) => 'notifyTo' in ((tool.input as never as { shape: object }).shape ?? {}),
  );
  expect(calling.length).toBeGreaterThanOrEqual(6);
  for (const { name, scope } of calling) expect({ name, scope }).toEqual({ name, scope: 'netmcp:notify' });
});
