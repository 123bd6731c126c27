import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const HERE = import.meta.dirname;
const SUITE = 'node_modules/@modelcontextprotocol/conformance/dist/index.js';

/** Runs one suite of client scenarios against our client; the exit code is 0 if only what is expected fails. */
function run(suite: string): Promise<{ code: number; output: string }> {
  const command = `${process.execPath} ${join(HERE, 'client.ts')}`;
  const args = [SUITE, 'client', '--command', command, '--suite', suite, '--timeout', '90000'];
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [...args, '--expected-failures', join(HERE, 'expected-failures.yml')],
      { timeout: 110_000, maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: `${stdout}${stderr}` }),
    );
  });
}

test.each([
  ['auth', 14],
  ['backcompat', 0],
  ['extensions', 2],
  ['draft', 3],
])(
  'the official %s scenarios pass, but for those that are named with a reason',
  async (suite, passed) => {
    const { code, output } = await run(suite);
    expect({ code, output: code === 0 ? '' : output }).toEqual({ code: 0, output: '' });
    expect(output.match(/^✓ auth\//gmu) ?? []).toHaveLength(passed);
  },
  120_000,
);
