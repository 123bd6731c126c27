import { execFile } from 'node:child_process';
import { request } from 'node:http';
import { promisify } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { startManagementServer, startToolServer } from '../../src/netmcp/index.ts';
import { testEnv } from './support/env.ts';
import { create, fakeSbi, ok, read } from './support/tools.ts';

const closers: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function server() {
  const env = testEnv();
  const host = '127.0.0.1';
  const management = await startManagementServer({ env, host, port: 0 });
  closers.push(management.close);
  const { port } = fakeSbi(() => ok({ value: 42 }));
  const tools = await startToolServer({
    env,
    host,
    port: 0,
    id: 's',
    management: management.url,
    nrf: port,
    tools: [create, read],
  });
  closers.push(tools.close);
  return tools.url;
}

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};

function post(url: string, headers: Record<string, string>, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...headers,
        },
      },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

test('foreign pages and rebound names are refused, local ones pass', async () => {
  const url = await server();
  const { host, port } = new URL(url);
  const body = JSON.stringify(initialize);
  expect(await post(url, {}, body)).toBe(200);
  expect(await post(url, { origin: `http://${host}` }, body)).toBe(200);
  expect(await post(url, { origin: 'https://evil.example' }, body)).toBe(403);
  expect(await post(url, { origin: 'null' }, body)).toBe(403);
  expect(await post(url, { origin: `http://${host}.evil.example` }, body)).toBe(403);
  expect(await post(url, { host: `evil.example:${port}` }, body)).toBe(403);
});

test('bodies have a limit, broken JSON and unknown sessions an answer', async () => {
  const url = await server();
  const huge = { ...initialize, params: { ...initialize.params, padding: 'x'.repeat(2_000_000) } };
  expect(await post(url, {}, JSON.stringify(huge))).toBe(413);
  expect(await post(url, {}, '{')).toBe(400);
  expect(await post(url, { 'mcp-session-id': 'constructor' }, JSON.stringify(initialize))).toBe(404);
  expect(await post(url.replace('/mcp', '/other'), {}, JSON.stringify(initialize))).toBe(404);
});

test('the official inspector lists and calls a tool', async () => {
  const url = await server();
  const inspect = async (...args: string[]) => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['node_modules/.bin/mcp-inspector', '--cli', url, '--transport', 'http', ...args],
      { timeout: 25_000 },
    );
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const list = await inspect('--method', 'tools/list');
  expect((list.tools as Array<{ name: string }>).map(({ name }) => name)).toEqual(
    expect.arrayContaining(['test_create', 'test_read']),
  );
  const result = await inspect(
    '--method',
    'tools/call',
    '--tool-name',
    'test_create',
    '--tool-arg',
    'share=20',
    'name=x',
  );
  expect(result).toMatchObject({ structuredContent: { thing: 'x' } });
});
