import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterEach, expect, test } from 'vitest';
import { connectNetMcp } from '../../../src/netmcp/index.ts';
import { authOf, authWorld, SECRETS } from '../support/auth.ts';
import { create, read } from '../support/tools.ts';

const worlds: Array<{ close(): Promise<void> }> = [];
afterEach(async () => {
  for (const world of worlds.splice(0).reverse()) await world.close();
});
const world = async () => {
  const made = await authWorld();
  worlds.push(made);
  return made;
};

const scoped = (name: string, scopes: string[]) => {
  const tool = name === 'test_read' ? read : create;
  return { ...tool, meta: { ...tool.meta, permission: { mode: 'token' as const, scopes } } };
};

test('client credentials: discovery, token, call; the tool server registers the same way', async () => {
  const { env, management, toolServer } = await world();
  await toolServer('ran-tools', [
    scoped('test_create', ['things:write']),
    scoped('test_read', ['things:read']),
  ]);
  const client = await connectNetMcp({
    env,
    agentId: 'whatever',
    management,
    auth: authOf('netagent/test/strong'),
  });
  worlds.push(client);
  const outcome = await client.callTool('test_create', { share: 20, name: 'x' });
  expect(outcome).toMatchObject({ isError: false, output: { thing: 'x' } });
});

test('a client of the MCP SDK gets a token and calls a tool', async () => {
  const { toolServer, server } = await world();
  const tools = await toolServer('ran-tools', [scoped('test_read', ['things:read'])]);
  const provider = new ClientCredentialsProvider({
    clientId: 'netagent/test/weak',
    clientSecret: SECRETS['netagent/test/weak'] as string,
    expectedIssuer: server.issuer,
  });
  const client = new Client({ name: 'sdk', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(tools.url), { authProvider: provider }));
  expect(
    (await client.listTools()).tools.map(({ name }) => name).filter((name) => name.startsWith('test_')),
  ).toEqual(['test_read']);
  expect(await client.callTool({ name: 'test_read', arguments: {} })).toMatchObject({
    structuredContent: {},
  });
  await client.close();
});
