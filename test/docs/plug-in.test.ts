import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Runtime, startRuntime } from '../../src/runtime/index.ts';
import { freshDataDir, NOW, ROOT } from '../scenario/run-cli.ts';

const missing =
  spawnSync('mosquitto_rr', ['--help']).error === undefined
    ? false
    : 'the Mosquitto clients are not installed';

/** The shell blocks of the page, each with the output that the page shows below it. */
function blocks(): Array<{ script: string; shows: string }> {
  const page = readFileSync(join(ROOT, 'docs/plug-in.md'), 'utf8');
  const found = [...page.matchAll(/```sh\n([\s\S]*?)```(?:\s*```text\n([\s\S]*?)```)?/g)];
  return found.map(([, script = '', shows = '']) => ({ script, shows }));
}

let runtime: Runtime;
beforeAll(async () => {
  if (missing) return;
  runtime = await startRuntime({
    seed: 1,
    host: '127.0.0.1',
    ports: { http: 0, mqtt: 0, ws: 0 },
    dataDir: freshDataDir(),
    home: 'Hangzhou',
    timeZone: 'Asia/Shanghai',
    logLevel: 'error',
    now: Date.parse(NOW),
  });
}, 60_000);
afterAll(() => runtime?.close());

test("the plug-in author's page does what it says, line by line", async ({ skip }) => {
  if (missing) return skip(missing);
  const MARK = '=== end of block';
  const all = blocks();
  const script = all.map(({ script }) => `${script}\necho "${MARK}"\n`).join('');
  const shell = spawn('bash', ['-s'], {
    env: { ...process.env, PORT: new URL(runtime.ready.mqtt).port },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  shell.stdout.on('data', (chunk) => (stdout += chunk));
  shell.stderr.on('data', (chunk) => (stderr += chunk));
  shell.stdin.end(script);
  await new Promise((resolve) => shell.once('close', resolve));
  const shown = stdout.split(`${MARK}\n`).slice(0, -1);
  expect({ shown, stderr: stderr.replace(/^Timed out\n/gm, '') }).toEqual({
    shown: all.map(({ shows }) => shows),
    stderr: '',
  });
}, 60_000);
