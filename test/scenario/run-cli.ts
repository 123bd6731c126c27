import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '../..');
export const SENTENCE =
  'I will fly to Shanghai tomorrow afternoon and have a video conference in the evening. I need network assurance throughout the journey.';
/** A fixed start of network time, so that a run does not depend on the day of the test. */
export const NOW = '2026-11-24T09:00:00+08:00';

export interface CliRun {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the command line as a user does, in a process of its own. */
export function runCli(
  args: string[],
  options: { signal?: AbortSignal; env?: Record<string, string> } = {},
): Promise<CliRun> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, ['src/cli/main.ts', ...args], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', ...options.env },
      ...(options.signal ? { signal: options.signal } : {}),
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', failed);
    child.on('close', (code) => done({ code, stdout, stderr }));
  });
}

export function freshDataDir(): string {
  return mkdtempSync(join(tmpdir(), 'netagent-'));
}

/** The lines of a `--json` run. */
export function lines(run: CliRun): Array<Record<string, unknown>> {
  return run.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** Addresses have free ports and chains have durations: neither is part of the result. */
export function withoutTimes(run: CliRun): string {
  return run.stdout
    .split('\n')
    .filter((line) => !line.startsWith('{"ready"'))
    .join('\n')
    .replaceAll(/"ms":\d+(\.\d+)?/g, '"ms":0');
}
