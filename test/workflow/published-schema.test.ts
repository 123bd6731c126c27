import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { checkWorkflow } from '../../src/workflow/index.ts';

/** The JSON Schema that is published with the DSL. */
const SCHEMA = resolve(import.meta.dirname, '../../../shared/data/workflow-ctk/workflow.schema.yaml');
const AGENTS = resolve(import.meta.dirname, '../../agents');
const templates = readdirSync(AGENTS, { recursive: true, encoding: 'utf8' })
  .filter((name) => /workflows\/[^/]+\.ya?ml$/.test(name))
  .sort();

const published = () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  return ajv.compile(parse(readFileSync(SCHEMA, 'utf8')) as object);
};

describe.skipIf(!existsSync(SCHEMA))('the published schema (skipped where it is not here)', () => {
  const validate = existsSync(SCHEMA) ? published() : () => true;

  test.each(templates)('accepts %s', (file) => {
    const document = parse(readFileSync(join(AGENTS, file), 'utf8')) as unknown;
    expect(validate(document), JSON.stringify((validate as ReturnType<typeof published>).errors)).toBe(true);
  });

  const body = (task: unknown) => ({
    document: { dsl: '1.0.3', namespace: 'a', name: 'b', version: '1.0.0' },
    do: [{ one: task }],
  });
  const both = [
    { set: { a: 1 } },
    { set: '${ . }' },
    { wait: { seconds: 1 } },
    { wait: 'P1Y2M3DT4H5M6.5S' },
    { call: 'http', with: { method: 'get', endpoint: 'https://x.test/{a}' } },
    {
      call: 'grpc',
      with: { proto: { endpoint: 'file:///a' }, service: { name: 's', host: 'h' }, method: 'm' },
    },
    { call: 'mcp', with: { method: 'tools/list', transport: { stdio: { command: 'x' } } } },
    { call: 'a2a', with: { method: 'message/send', server: 'https://x.test' } },
    { call: 'x:1.0.0@default', with: { any: [1] } },
    {
      listen: { to: { any: [], until: '${ . }' }, read: 'envelope' },
      foreach: { do: [{ a: { set: { b: 1 } } }] },
    },
    { emit: { event: { with: { type: 't', data: { a: 1 } } } } },
    { fork: { compete: true, branches: [{ a: { wait: 'PT1S' } }] } },
    {
      try: [{ a: { wait: 'PT1S' } }],
      catch: { errors: { with: { status: 404 } }, retry: { delay: 'PT1S' } },
    },
    { raise: { error: { type: 'https://x.test/e', status: 400 } } },
    { run: { workflow: { namespace: 'a', name: 'b', version: '1.0.0' } } },
    { for: { in: '${ . }' }, while: '${ . }', do: [{ a: { wait: 'PT1S' } }] },
  ];
  test.each(both.map((task) => [JSON.stringify(task), task]))('and we read %s alike', (_, task) => {
    expect(validate(body(task))).toBe(true);
    const { document } = checkWorkflow(body(task));
    expect(document).toBeDefined();
  });

  const neither = [
    { set: 1 },
    { wait: 'soon' },
    { wait: {} },
    { wait: { hors: 1 } },
    { call: 'http', with: { endpoint: 'https://x.test' } },
    { call: 'http', with: { method: 'get', endpoint: 'https://x.test', wiht: 1 } },
    { call: 'mcp', with: { method: 'tools/list', transport: {} } },
    { call: 'a2a', with: { method: 'no/such' } },
    { listen: { to: { one: { with: { type: 'x' } }, any: [] } } },
    { listen: { to: {} } },
    { emit: { event: {}, more: 1 } },
    { fork: {} },
    { try: [{ a: { wait: 'PT1S' } }] },
    { raise: { error: { status: 400 } } },
    { run: { shell: {} } },
    { switch: [] },
    { switch: [{ a: { when: '${ . }' } }] },
    { nothing: true },
    { set: { a: 1 }, unknown: true },
  ];
  test.each(neither.map((task) => [JSON.stringify(task), task]))('and we refuse %s alike', (_, task) => {
    expect(validate(body(task))).toBe(false);
    expect(checkWorkflow(body(task)).problems.filter(({ severity }) => severity === 'error')).not.toEqual([]);
  });
});
