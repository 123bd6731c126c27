import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { checkWorkflow } from '../../src/workflow/index.ts';
import { recorder } from '../bus/support.ts';
import { FakeWorkflows } from '../gateway/fake-workflows.ts';
import { stage } from '../gateway/support.ts';

const run = promisify(execFile);
const page = readFileSync(join(import.meta.dirname, '../../docs/workflow-operations.md'), 'utf8');
const lines = page.split('\n').filter((line) => line.startsWith('curl '));
const hasCurl = spawnSync('curl', ['--version']).error === undefined;

test('the document on the page is one that runs', () => {
  const source = /```yaml\n(.*?)```/s.exec(page)?.[1] ?? '';
  expect(checkWorkflow(source)).toMatchObject({
    document: { document: { name: 'busy-cell' } },
    problems: [],
  });
});

test('every line of the page gets an answer that is no error', async ({ skip }) => {
  if (!hasCurl) return skip('curl is not installed');
  const fake = new FakeWorkflows();
  fake.onRun = (id) => fake.end(id, { status: 'completed', output: 1 });
  const at = await stage(recorder(), { workflows: fake });
  onTestFinished(() => at.close());
  expect(lines.length).toBeGreaterThan(5);
  for (const line of lines) {
    const here = line
      .replace('http://127.0.0.1:7400', at.gateway.url)
      .replace('curl ', 'curl --fail-with-body --max-time 10 ');
    const { stdout } = await run('sh', ['-c', here]);
    expect(stdout, line).toMatch(/^(data: )?[[{]/);
    expect(stdout, line).not.toContain('"error":');
  }
});
