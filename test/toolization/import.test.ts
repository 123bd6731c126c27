import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { runImport } from '../../src/cli/tools-import.ts';
import { compileTool } from '../../src/netmcp/index.ts';
import { importTools, readBundle, toolsOfBundle } from '../../src/toolization/index.ts';
import { testEnv } from '../netmcp/support/env.ts';
import { DESCRIPTIONS, sessions } from './support.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});
function folder(files: Record<string, unknown>): string {
  const made = mkdtempSync(join(tmpdir(), 'netagent-import-'));
  folders.push(made);
  for (const [name, value] of Object.entries(files))
    writeFileSync(join(made, name), typeof value === 'string' ? value : stringify(value));
  return made;
}
const doc = (paths: object, more: object = {}) => ({
  openapi: '3.0.3',
  info: { title: 'T', version: '1' },
  servers: [{ url: 'http://t.example/t/v1' }],
  paths,
  ...more,
});
const post = (schema: unknown) => ({
  post: {
    operationId: 'doIt',
    requestBody: { required: true, content: { 'application/json': { schema } } },
    responses: { 204: { description: 'ok' } },
  },
});
const only = (root: string) => {
  const { bundle, report } = importTools({ root });
  return { tool: bundle.tools[0], report };
};

test('one operation becomes one tool with name, class, scopes, rules and hidden constants', () => {
  const { tools } = sessions();
  expect(tools.map(({ name, meta, idempotent }) => [name, meta.effects, idempotent])).toEqual([
    ['lane_sessions_list_sessions', 'read', true],
    ['lane_sessions_create_session', 'reversible', false],
    ['lane_sessions_get_session', 'read', true],
    ['lane_sessions_delete_session', 'irreversible', true],
  ]);
  const create = tools.find(({ name }) => name === 'lane_sessions_create_session');
  expect(create?.scopes).toEqual(['lanes:create']);
  expect(create?.meta.defaults).toEqual({ kind: 'LANE', supportedFeatures: '0' });
  expect(create?.description).toMatch(/guaranteed bandwidth.*Needs .*duration.*Gives .*state/);
  expect(create?.inputSchema).toMatchObject({
    properties: {
      flow_5qi: { type: 'integer', minimum: 1, maximum: 255 },
      device_phoneNumber: { pattern: '^\\+[1-9][0-9]{4,14}$' },
      flow_access: {
        type: 'string',
        description: expect.stringContaining('3GPP_ACCESS|NON_3GPP_ACCESS or another'),
      },
    },
  });
  expect(create?.inputSchema.properties).not.toHaveProperty('sessionId');
  expect(create?.meta.constraints.map(({ rule }) => rule)).toContain(
    '((has(args.flow_rate)) ? 1 : 0) + ((has(args.flow_ports)) ? 1 : 0) == 1',
  );
});

test('with tokens the scopes of the description are asked of agents, without them nobody is shut out', () => {
  const bundle = sessions({ url: 'http://127.0.0.1:1' });
  const env = testEnv();
  const permission = (scoped: boolean) => toolsOfBundle(bundle, { env, scoped }).tools[1]?.meta.permission;
  expect(permission(true)).toEqual({ mode: 'token', scopes: ['lanes:create'] });
  expect(permission(false)).toEqual({ mode: 'public' });
});

test('3.1, alternatives, maps and recursion are laid flat', () => {
  const { bundle, report } = importTools({ root: DESCRIPTIONS, files: ['shapes.yaml'] });
  const area = bundle.tools.find(({ name }) => name === 'shapes_create_area');
  expect(area?.inputSchema).toMatchObject({
    properties: {
      area_areaType: { enum: ['CIRCLE', 'POLYGON'] },
      area_radius: { type: 'number', minimum: 1 },
      area_boundary: { type: 'array', minItems: 3, items: { required: ['latitude', 'longitude'] } },
      note: { type: 'string', maxLength: 20 },
    },
    required: ['area_areaType', 'note'],
  });
  const compiled = compileTool(
    toolsOfBundle(bundle, { env: testEnv(), upstream: { url: 'http://x.example' } }).tools[0] as never,
  );
  const verdict = (args: object) => compiled.verify({ note: 'n', ...args }, {} as never).verdict.decision;
  expect(verdict({ area_areaType: 'CIRCLE', area_radius: 5 })).toBe('allow');
  expect(verdict({ area_areaType: 'CIRCLE' })).toBe('refuse');
  // Only the description knows that a polygon has no radius.
  expect(verdict({ area_areaType: 'POLYGON', area_radius: 5 })).toBe('refuse');
  expect(verdict({ area_areaType: 'CIRCLE', area_radius: 5, minLevel: 1 })).toBe('refuse');
  expect(verdict({ area_areaType: 'CIRCLE', area_radius: 5, minLevel: 1, maxLevel: 2 })).toBe('allow');
  const reasons = Object.fromEntries(report.unsupported.map(({ operation, reason }) => [operation, reason]));
  expect(reasons).toMatchObject({
    'GET /pictures': expect.stringContaining('binary'),
    'POST /pictures': expect.stringContaining('multipart'),
    'OPTIONS /pictures': expect.any(String),
    'POST /lost': expect.stringContaining('cannot be read'),
    'webhook changed': expect.any(String),
  });
  expect(report.duplicates).toMatchObject([{ operation: 'GET /twins/{b}', sameAs: 'shapes_read_twin' }]);
  expect(report.problems).toMatchObject(
    [{ problem: 'there is no such file' }, { where: expect.stringContaining('nowhere.yaml') }].slice(
      0,
      report.problems.length,
    ),
  );
  expect(bundle.tools.map(({ name }) => name)).toContain('shapes_put_tree');
});

test('a text that swallowed the next property is mended and named', () => {
  const schema = {
    type: 'object',
    required: ['startTs'],
    properties: {
      areas: {
        type: 'array',
        items: { type: 'string' },
        description: 'In fine granularity.        startTs:\n',
        $ref: '#/components/schemas/Time',
      },
      endTs: { $ref: '#/components/schemas/Time' },
    },
  };
  const root = folder({
    'a.yaml': `${stringify(doc({ '/x': post(schema) }, { components: { schemas: { Time: { type: 'string', format: 'date-time' } } } })).replace(/description: "?In fine[^\n]*\n?/, 'description: >\n                      In fine granularity.        startTs:\n')}`,
  });
  const { tool, report } = only(root);
  expect(report.problems).toMatchObject([{ problem: expect.stringContaining('startTs') }]);
  expect(tool?.inputSchema).toMatchObject({
    properties: { areas: { type: 'array' }, startTs: { format: 'date-time' } },
    required: ['startTs'],
  });
});

test('a request that is too large for one definition keeps what is required, within the limit', () => {
  const properties = Object.fromEntries(
    Array.from({ length: 80 }, (_, n) => [
      `part${n}`,
      {
        type: 'object',
        required: ['value'],
        properties: { value: { type: 'string', description: 'A long text about this value. '.repeat(4) } },
      },
    ]),
  );
  const { bundle, report } = importTools({
    root: folder({
      'a.yaml': doc({ '/x': post({ type: 'object', required: Object.keys(properties), properties }) }),
    }),
  });
  expect(report.bytes.max).toBeLessThanOrEqual(4_096);
  const [tool] = toolsOfBundle(bundle, { env: testEnv(), upstream: { url: 'http://x.example' } }).tools;
  expect(() => compileTool(tool as never)).not.toThrow();
});

test.each([
  [
    'a reference out of the folder',
    { $ref: '../../../etc/passwd#/x' },
    /outside the folder|no such file|cannot be read/,
  ],
  ['a remote reference', { $ref: 'https://evil.example/x.yaml#/x' }, /remote references/],
  ['references in a circle', { $ref: '#/components/schemas/A' }, /circle/],
  [
    'a pattern that takes for ever',
    { type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } } },
    /exponential/,
  ],
])('%s is named and harms nothing', (_, schema, problem) => {
  const root = folder({
    'a.yaml': doc(
      { '/x': post(schema) },
      {
        components: {
          schemas: { A: { $ref: '#/components/schemas/B' }, B: { $ref: '#/components/schemas/A' } },
        },
      },
    ),
    'b.yaml': doc({ '/ok': { get: { operationId: 'fine', responses: { 200: { description: 'ok' } } } } }),
  });
  const { bundle, report } = importTools({ root });
  expect(report.problems.map((one) => one.problem).join()).toMatch(problem);
  expect(bundle.tools.map(({ name }) => name)).toContain('t_fine');
});

test('a link out of the folder, a bomb of aliases and a file that is no description are named', () => {
  const root = folder({
    'a.yaml': doc({ '/x': post({ $ref: 'link.yaml#/components/schemas/A' }) }),
    'bomb.yaml': `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
      .split('')
      .map((letter, n) => `${letter}: &${letter} [${Array(9).fill(`*${'abcdefgh'[n]}`).join(',')}]`)
      .join('\n')}\n`,
    'no.json': '{',
    'swagger.yaml': { swagger: '2.0', info: {}, paths: {} },
  });
  const other = folder({ 'secret.yaml': { components: { schemas: { A: { type: 'string' } } } } });
  symlinkSync(join(other, 'secret.yaml'), join(root, 'link.yaml'));
  const { report } = importTools({ root });
  const named = report.problems.map(({ file }) => file);
  expect(named).toEqual(expect.arrayContaining(['bomb.yaml', 'link.yaml', 'no.json']));
  expect(report.unsupported).toMatchObject([
    { file: 'swagger.yaml', reason: expect.stringContaining('Swagger 2.0') },
  ]);
});

test('names that reach into prototypes are no parameters', () => {
  const root = folder({
    'a.json': `{"openapi":"3.0.0","info":{"title":"T","version":"1"},"servers":[{"url":"http://t/x"}],"paths":{"/x":{"post":{"operationId":"p","requestBody":{"required":true,"content":{"application/json":{"schema":{"type":"object","properties":{"__proto__":{"type":"object","properties":{"polluted":{"type":"string"}}},"a":{"type":"string"}}}}}},"responses":{"204":{"description":"ok"}}}}}}`,
  });
  const { tool } = only(root);
  expect(Object.keys(tool?.inputSchema.properties as object)).toEqual(['a']);
});

test('the command writes a bundle that can be read again, or with --dry-run nothing', async () => {
  const out = join(folder({}), 'lanes.yaml');
  const values: unknown[] = [];
  const output = {
    json: true,
    text: () => {},
    value: (value: unknown) => values.push(value),
    error: () => {},
  };
  const run = (switches: string[]) =>
    runImport(
      {
        positionals: ['import', join(DESCRIPTIONS, 'sessions.yaml')],
        switches: new Set(switches),
        values: { out, server: 'http://127.0.0.1:8080', only: '*session', fill: 'duration=90' },
      },
      output,
    );
  await run(['dry-run']);
  expect(() => readFileSync(out)).toThrow();
  await run([]);
  expect(values.at(-1)).toMatchObject({ type: 'import', out, tools: 3 });
  const bundle = readBundle(out);
  expect(bundle.tools.map(({ name }) => name)).not.toContain('lane_sessions_list_sessions');
  expect(bundle.tools[0]).toMatchObject({
    name: 'lane_sessions_create_session',
    meta: { defaults: { duration: 90 } },
  });
  await expect(
    runImport(
      { positionals: ['import', join(DESCRIPTIONS, 'common.yaml')], switches: new Set(), values: {} },
      output,
    ),
  ).rejects.toMatchObject({ code: 'TOOLS_IMPORT_EMPTY' });
  mkdirSync(join(out, '..', 'x'));
  writeFileSync(join(out, '..', 'bad.json'), '{"netagentTools":2}');
  expect(() => readBundle(join(out, '..', 'bad.json'))).toThrow(/netagentTools/);
});
