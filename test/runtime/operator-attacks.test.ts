import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createProcesses } from '../../src/runtime/workflows/processes.ts';
import { bench, workflow } from '../workflow/attack/kit.ts';

const run = createProcesses({ shell: true, scripts: ['js'] });
const context = (signal: AbortSignal) => ({ signal }) as never;
const alive = new AbortController().signal;

test('a document cannot lift the limits of its script by its environment', async () => {
  const script = {
    language: 'js',
    code: "import { readFileSync } from 'node:fs'; console.log(readFileSync('/etc/hostname', 'utf8').length > 0);",
  };
  expect((await run({ script }, context(alive))).code).not.toBe(0);
  await expect(
    run({ script: { ...script, environment: { NODE_OPTIONS: '--allow-fs-read=*' } } }, context(alive)),
  ).rejects.toMatchObject({ fault: { status: 403 } });
});

test('what a command leaves behind in its group ends with it, and is not waited for', async () => {
  const begun = performance.now();
  const { stdout } = await run({ shell: { command: 'sleep 60 & echo $!' } }, context(alive));
  expect(performance.now() - begun).toBeLessThan(20_000);
  const pid = Number(stdout);
  // Gone, or dead and not yet collected by its new parent.
  const state = existsSync(`/proc/${pid}/stat`)
    ? readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[2]
    : 'Z';
  expect(['Z', 'X']).toContain(state);
});

test('a task that was left begins no process', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'netagent-left-'));
  const left = new AbortController();
  left.abort(new Error('left'));
  await expect(
    run({ shell: { command: `touch ${join(dir, 'made')}` } }, context(left.signal)),
  ).rejects.toThrow('left');
  expect(existsSync(join(dir, 'made'))).toBe(false);
  rmSync(dir, { recursive: true });
});

test('a failing expression tells nothing of a secret', async () => {
  const on = bench({ secret: () => 'hunter2' });
  const flow = workflow(
    `  - a: { input: { from: '\${ $secrets.key + 1 }' }, set: { x: 1 } }`,
    'use: { secrets: [key] }',
  );
  const problem = await on.kept.engine.run(flow, {}, { id: 'x' }).catch((error: unknown) => error);
  expect(problem).toMatchObject({ code: 'WORKFLOW_FAULTED', details: { fault: { instance: '/do/0/a' } } });
  expect(JSON.stringify([problem, String(problem), on.kept.engine.show('x')])).not.toContain('hunter');
  await on.end();
});
