import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CATALOG } from '../../machines/catalog.ts';
import { parseVerb } from '../../src/cli/args.ts';
import { runChart, templates } from '../../src/cli/chart.ts';
import { nearestNames } from '../../src/cli/nearest.ts';
import { CHART } from '../../src/cli/verbs.ts';
import { chartToMermaid } from '../../src/testing/index.ts';

/** The folders that ship do not change: they are read once. */
const pools = new Map<string, ReturnType<typeof templates>>();
function pool(folders: string[]) {
  const known = pools.get(folders.join()) ?? templates(folders);
  pools.set(folders.join(), known);
  return known;
}

async function chart(...argv: string[]) {
  const text: string[] = [];
  const values: unknown[] = [];
  const json = argv.includes('--json');
  const code = await runChart(
    parseVerb(CHART, argv),
    {
      json,
      text: (line) => void (json || text.push(line)),
      value: (value) => void (json && values.push(value)),
      error: () => {
        throw new Error('errors are thrown');
      },
    },
    pool,
  );
  return { code, text: text.join('\n'), values };
}

test.each(Object.keys(CATALOG))('%s is printed with and without its version', async (id) => {
  const { machine } = CATALOG[id] as (typeof CATALOG)[string];
  const { text } = await chart(machine.id);
  expect(`${text}\n`).toBe(chartToMermaid(machine));
  expect((await chart(id)).text).toBe(text);
});

test('without a name it lists all, each of which can be printed', async () => {
  const { values } = await chart('--json');
  const list = values[0] as Array<{ id: string; description: string }>;
  expect(list.length).toBeGreaterThan(30);
  for (const { id, description } of list) {
    expect(description).not.toBe('');
    expect((await chart(id)).text).toMatch(/^stateDiagram-v2\n {2}\[\*\] --> /);
  }
});

test('a template is found by its name too, and by its id; a machine of that name comes first', async () => {
  const { text } = await chart('workflow:balance-load');
  for (const name of ['balance-load', 'ran/balance-load', 'workflow:ran/balance-load']) {
    expect((await chart(name)).text).toBe(text);
  }
  expect((await chart('balance-load', '--json')).values).toMatchObject([{ id: 'workflow:balance-load' }]);
  expect((await chart('intent')).text).not.toContain('$input');
});

test("a document of a file is drawn, and a template of the user's folder", async () => {
  const data = mkdtempSync(join(tmpdir(), 'netagent-chart-'));
  onTestFinished(() => rmSync(data, { recursive: true }));
  mkdirSync(join(data, 'workflows'));
  const file = join(data, 'workflows', 'mine.yaml');
  writeFileSync(
    file,
    'document: { dsl: 1.0.3, namespace: me, name: mine, version: 0.1.0 }\ndo: [{ onlyStep: { set: { a: 1 } } }]',
  );
  const { text } = await chart(file);
  expect(text).toContain('state "onlyStep" as scope_onlyStep');
  expect((await chart('mine', '--data', data)).text).toBe(text);
  expect((await chart('me/mine', '--workflows', join(data, 'workflows'))).text).toBe(text);
  writeFileSync(file, 'document: {}');
  await expect(chart(file)).rejects.toMatchObject({ code: 'WORKFLOW_INVALID' });
});

test('a workflow is drawn with its inner scopes, each state named once and before it is used', async () => {
  const { text } = await chart('workflow:travel-assurance');
  const names = [...text.matchAll(/ as (\w+)/g)].map(([, id]) => id);
  expect(new Set(names).size).toBe(names.length);
  for (const [, from, to] of text.matchAll(/^\s*(\w+) --> (\w+):/gm)) {
    expect(names).toContain(from);
    expect(names).toContain(to);
  }
  expect(text.split('{').length).toBe(text.split('}').length);
});

test('as JSON: nodes and edges, the same with --json and --format json', async () => {
  const { text } = await chart('workflow:travel-assurance', '--format', 'json');
  const { values } = await chart('workflow:travel-assurance', '--json');
  expect(values).toEqual([JSON.parse(text)]);
  expect(values[0]).toMatchObject({
    id: 'workflow:travel-assurance',
    nodes: expect.arrayContaining([expect.objectContaining({ type: 'parallel' })]),
    scopes: expect.any(Object),
  });
});

test.each([
  [['tsak'], 'No machine "tsak"; the nearest names are task, trial, lease.'],
  [['task@99'], 'No machine "task@99"; the nearest names are task, lease, trial.'],
  [['task', 'lease'], 'One machine at a time.'],
  [['task', '--format', 'svg'], '--format "svg": one of mermaid, json is needed.'],
])('%j is refused', async (argv, message) => {
  await expect((async () => chart(...argv))()).rejects.toMatchObject({ code: 'CLI_USAGE', message });
});

test('an unknown machine is one line on standard error and exit code 2', async () => {
  const main = resolve(import.meta.dirname, '../../src/cli/main.ts');
  const { code, stdout, stderr } = await new Promise<{ code: unknown; stdout: string; stderr: string }>(
    (done) => {
      execFile(process.execPath, [main, 'chart', 'workflow:asure-qos'], (error, out, err) =>
        done({ code: error?.code, stdout: out, stderr: err }),
      );
    },
  );
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(
    /^error\[CLI_USAGE\] No machine "workflow:asure-qos"; .* workflow:assure-qos, .*\n$/,
  );
});

test('the nearest names come first', () => {
  expect(nearestNames('leas', ['session', 'release', 'lease'], 2)).toEqual(['lease', 'release']);
  expect(nearestNames('x', [], 3)).toEqual([]);
});
