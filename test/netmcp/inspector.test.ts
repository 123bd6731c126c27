import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { atEnd, oneServer } from './support/one-server.ts';

/** The official inspector, by its command line and its load test, against a tool server of ours. */
const ROOT = resolve(import.meta.dirname, '../..');
const CLI = join(ROOT, 'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js');

async function inspected() {
  const { server, sbi } = await oneServer();
  const home = mkdtempSync(join(tmpdir(), 'netagent-inspector-'));
  atEnd(() => rmSync(home, { recursive: true, force: true }));
  const inspect = (...args: string[]) =>
    new Promise<{ code: number; value: Record<string, never> }>((done) => {
      const command = [CLI, '--cli', server.url, '--transport', 'http', '--format', 'json', '--method'];
      execFile(
        process.execPath,
        [...command, ...args],
        { env: { ...process.env, HOME: home }, maxBuffer: 4_000_000 },
        (error, stdout) => {
          const { result } = JSON.parse(stdout || '{}') as { result?: Record<string, never> };
          done({ code: Number(error?.code ?? 0), value: result ?? {} });
        },
      );
    });
  return { inspect, sbi };
}

test('tools, resources, prompts and messages, by the inspector', async () => {
  const { inspect } = await inspected();
  const [tools, called, refused, read, prompts, prompt, level] = await Promise.all([
    inspect('tools/list', '--strict'),
    inspect('tools/call', '--tool-name', 'test_create', '--tool-args-json', '{"share":5,"name":"x"}'),
    inspect('tools/call', '--tool-name', 'test_create', '--tool-args-json', '{"share":500}'),
    inspect('resources/read', '--uri', 'netmcp://server/tools-a/nf'),
    inspect('prompts/list'),
    inspect('prompts/get', '--prompt-name', 'correct_call', '--prompt-args', 'tool=test_create'),
    inspect('logging/setLevel', '--log-level', 'debug'),
  ]);
  expect(tools).toMatchObject({
    code: 0,
    value: { tools: expect.arrayContaining([expect.objectContaining({ name: 'test_create' })]) },
  });
  expect(called).toMatchObject({ code: 0, value: { structuredContent: { thing: 'x' } } });
  // 5: the tool said that it is an error.
  expect(refused).toMatchObject({ code: 5, value: { isError: true } });
  expect(read).toMatchObject({ code: 0, value: { contents: [{ mimeType: 'application/json' }] } });
  expect(prompts).toMatchObject({ code: 0, value: { prompts: [{ name: 'correct_call' }] } });
  expect(prompt).toMatchObject({ code: 0, value: { messages: [{ role: 'user' }, { role: 'user' }] } });
  expect(level).toEqual({ code: 0, value: {} });
}, 60_000);

test('the load test of the inspector: every call is answered, none twice', async () => {
  const { inspect, sbi } = await inspected();
  const load = ['--load', '--load-requests', '200', '--load-concurrency', '10'];
  const run = await inspect('tools/call', '--tool-name', 'test_create', '--tool-arg', 'share=5', ...load);
  expect(run).toMatchObject({ code: 0, value: { requests: 200, ok: 200, toolErrors: 0, errors: 0 } });
  expect(sbi.requests).toHaveLength(200);
}, 60_000);
