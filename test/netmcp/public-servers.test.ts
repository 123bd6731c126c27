import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { connectPlain, type OnElicit } from '../../src/netmcp/index.ts';
import { testEnv } from './support/env.ts';
import { atEnd } from './support/one-server.ts';

/** Public plain MCP servers, driven by our client over standard streams. */
const ROOT = resolve(import.meta.dirname, '../..');
const program = (name: string) => join(ROOT, 'node_modules/@modelcontextprotocol', name, 'dist/index.js');

async function drive(script: string, args: string[] = [], onElicit?: OnElicit) {
  const client = await connectPlain({
    env: testEnv(),
    target: { command: process.execPath, args: [script, ...args] },
    ...(onElicit && { onElicit }),
  });
  atEnd(client.close);
  expect(client.agreement).toMatchObject({ mode: 'mcp', reason: 'the peer speaks plain MCP' });
  return client;
}

test('server-everything: tools, resources, prompts, completion, progress, log level, ping', async () => {
  const client = await drive(program('server-everything'), ['stdio']);
  const { mcp } = client;
  const tools = (await client.listTools()).map(({ name }) => name);
  expect(tools).toContain('echo');
  // Nothing was offered, so nothing that would ask us is there.
  expect(tools.filter((name) => /sampling|elicitation/.test(name))).toEqual([]);
  expect((await client.callTool('echo', { message: 'hello' })).text).toBe('Echo: hello');
  expect((await client.callTool('get-structured-content', { location: 'Chicago' })).output).toMatchObject({
    temperature: expect.any(Number),
  });
  expect((await client.callTool('get-tiny-image', {})).text).toContain('[image]');
  // The SDK's own server class makes this a result; ours makes it a protocol error, as MCP says.
  expect(await client.callTool('no-such-tool', {})).toMatchObject({ isError: true });

  const [first] = await mcp.resources();
  expect((await mcp.read(first?.uri ?? ''))[0]?.text).toContain('Everything Server');
  expect((await mcp.templates()).length).toBeGreaterThan(0);
  await expect(mcp.read('demo://nothing')).rejects.toMatchObject({ code: 'NETMCP_REJECTED' });

  expect((await mcp.prompts()).map(({ name }) => name)).toContain('args-prompt');
  const [message] = await mcp.prompt('args-prompt', { city: 'Shanghai' });
  expect(message?.content.text).toContain('Shanghai');
  expect(await mcp.complete({ prompt: 'completable-prompt' }, 'department', 'Eng')).toEqual(['Engineering']);

  const steps: number[] = [];
  await client.callTool(
    'trigger-long-running-operation',
    { duration: 0.2, steps: 4 },
    { onProgress: ({ progress }) => steps.push(progress) },
  );
  expect(steps.slice(0, 3)).toEqual([1, 2, 3]);
  await mcp.setLogLevel('warning');
  await mcp.ping();
});

test('server-everything: its question reaches the human where there is one, and a no stays a no', async () => {
  const asked: string[] = [];
  const client = await drive(program('server-everything'), ['stdio'], async ({ message }) => {
    asked.push(message);
    return { action: 'decline' };
  });
  const result = await client.callTool('trigger-elicitation-request', {});
  expect(asked).toHaveLength(1);
  expect(result.text).toContain('declined');
});

test('server-filesystem: list, call, structured results, and its own refusals', async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'netagent-files-')));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const client = await drive(program('server-filesystem'), [folder]);
  const file = join(folder, 'plan.txt');
  expect((await client.listTools()).map(({ name }) => name)).toContain('write_file');
  expect((await client.callTool('write_file', { path: file, content: 'cells' })).isError).toBe(false);
  expect((await client.callTool('read_text_file', { path: file })).output).toEqual({ content: 'cells' });
  const outside = await client.callTool('read_text_file', { path: join(folder, '..', 'other.txt') });
  expect(outside.isError).toBe(true);
  expect(outside.text).toContain('Access denied');
  // It has neither of these parts, and says so.
  for (const ask of [client.mcp.resources, client.mcp.prompts])
    await expect(ask()).rejects.toMatchObject({ code: 'NETMCP_REJECTED', details: { rpcCode: -32601 } });
  expect((await client.callTool('list_directory', { path: folder })).text).toContain('plan.txt');
});

test('a server that samples, elicits or asks for roots unasked gets "method not found", and the session lives', async () => {
  const client = await drive(join(import.meta.dirname, 'support/rude-server.ts'));
  for (const name of ['sample', 'elicit', 'roots']) {
    expect((await client.callTool(name, {})).text).toBe('-32601');
  }
  await client.mcp.ping();
});
