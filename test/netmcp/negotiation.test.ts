import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterEach, expect, test } from 'vitest';
import { connectPlain, startManagementServer, startToolServer } from '../../src/netmcp/index.ts';
import { testEnv } from './support/env.ts';
import { create, fakeSbi, ok, read } from './support/tools.ts';

const closers: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function servers() {
  const env = testEnv();
  const host = '127.0.0.1';
  const management = await startManagementServer({ env, host, port: 0 });
  closers.push(management.close);
  const { port } = fakeSbi(() => ok({ value: 1 }));
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
  return { env, management, tools };
}

const everything = {
  command: process.execPath,
  args: ['node_modules/@modelcontextprotocol/server-everything/dist/index.js', 'stdio'],
};

test('NetMCP client and NetMCP server agree on version and common features', async () => {
  const { env, tools } = await servers();
  const client = await connectPlain({ env, target: tools.url });
  closers.push(client.close);
  expect(client.agreement).toMatchObject({
    mode: 'netmcp',
    version: '1.0',
    features: expect.arrayContaining(['trace']),
    reason: null,
  });
});

test('a plain MCP server serves our client, and vendor methods fail before anything is sent', async () => {
  const client = await connectPlain({ env: testEnv(), target: everything });
  closers.push(client.close);
  expect(client.agreement).toMatchObject({ mode: 'mcp', reason: 'the peer speaks plain MCP' });
  const names = (await client.listTools()).map((tool) => tool.name);
  expect(names).toContain('echo');
  const result = await client.callTool('echo', { message: 'hello network' });
  expect(result).toMatchObject({ isError: false, chain: [] });
  expect(result.text).toContain('hello network');
  await expect(client.request('netmcp/servers/discover', {})).rejects.toMatchObject({
    code: 'NETMCP_NO_FEATURE',
  });
});

test('a plain SDK client lists and calls our tools, and uses the registry by plain tools', async () => {
  const { tools, management } = await servers();
  const plain = async (url: string) => {
    const client = new Client({ name: 'plain', version: '1' });
    await client.connect(new StreamableHTTPClientTransport(new URL(url)));
    closers.push(() => client.close());
    return client;
  };
  const client = await plain(tools.url);
  expect((await client.listTools()).tools.map((tool) => tool.name)).toEqual([
    'test_create',
    'test_read',
    'tools_discover',
  ]);
  const result = await client.callTool({ name: 'test_read', arguments: {} });
  expect(result.structuredContent).toEqual({ value: 1 });
  await expect(client.callTool({ name: 'constructor', arguments: {} })).rejects.toMatchObject({
    code: -32602,
  });
  const registry = await plain(management.url);
  await registry.listTools();
  const found = await registry.callTool({
    name: 'servers_discover',
    arguments: { task: 'create a thing with bandwidth' },
  });
  expect(found.structuredContent).toMatchObject({ servers: [{ serverId: 's', endpoints: [tools.url] }] });
  const bad = await registry.callTool({ name: 'servers_discover', arguments: { limit: 0 } });
  expect(bad.isError).toBe(true);
});

test('without a common version both sides speak plain MCP, and say why', async () => {
  const { env, tools } = await servers();
  const client = await connectPlain({
    env,
    target: tools.url,
    offer: { version: '9.0', features: ['load'] },
  });
  closers.push(client.close);
  expect(client.agreement.mode).toBe('mcp');
  expect(client.agreement.reason).toContain("no common NetMCP version: ours 9.0, the peer's 1.0");
  expect(env.lines.some((line) => line.message === 'fell back to plain MCP')).toBe(true);
  expect((await client.callTool('test_read', {})).output).toEqual({ value: 1 });
  await expect(client.request('netmcp/servers/report', {})).rejects.toMatchObject({
    code: 'NETMCP_NO_FEATURE',
  });
});

test('a vendor method from a client that did not negotiate it is unknown', async () => {
  const { management } = await servers();
  const client = new Client({ name: 'plain', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(management.url)));
  closers.push(() => client.close());
  const { ResultSchema } = await import('@modelcontextprotocol/sdk/types.js');
  await expect(
    client.request({ method: 'netmcp/servers/discover', params: {} }, ResultSchema),
  ).rejects.toMatchObject({ code: -32601 });
});
