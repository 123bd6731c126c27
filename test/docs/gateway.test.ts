import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { recorder } from '../bus/support.ts';
import { OTHER, stage } from '../gateway/support.ts';

const run = promisify(execFile);
const page = readFileSync(join(import.meta.dirname, '../../docs/gateway.md'), 'utf8');
const lines = page.split('\n').filter((line) => line.startsWith('curl '));
const hasCurl = spawnSync('curl', ['--version']).error === undefined;

test('every line of the page of the gateways gets an answer that is no error', async ({ skip }) => {
  if (!hasCurl) return skip('curl is not installed');
  const at = await stage(recorder());
  onTestFinished(() => at.close());
  await at.add(OTHER, recorder());
  expect(lines.length).toBeGreaterThan(5);
  for (const line of lines) {
    const here = line
      .replace('http://127.0.0.1:7400', at.gateway.url)
      .replace('netagent/domains/ran', OTHER)
      .replace('curl ', 'curl --fail --max-time 10 ');
    const { stdout } = await run('sh', ['-c', here]);
    expect(stdout, line).toMatch(/^(data: )?[[{]/);
    expect(stdout, line).not.toContain('"error"');
    if (line.includes('message')) expect(stdout, line).toMatch(/COMPLETED|completed/);
  }
});
