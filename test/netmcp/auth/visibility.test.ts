import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { expect, test } from 'vitest';
import { connectNetMcp, connectPlain } from '../../../src/netmcp/index.ts';
import { METHODS, subscribeResultSchema } from '../../../src/netmcp/schema/index.ts';
import { openSession } from '../../../src/netmcp/session/client-session.ts';
import { createHttpPool } from '../../../src/netmcp/session/keep-alive.ts';
import { authOf, SECRETS } from '../support/auth.ts';
import { open, tools, world } from '../support/protected.ts';
import { create } from '../support/tools.ts';

test('attack 30: an unapproved tool server is visible as such, never routed to, and let in by an operator', async () => {
  const { env, management, toolServer } = await world();
  const agent = await connectNetMcp({ env, agentId: 'a', management, auth: authOf('netagent/test/strong') });
  open.push(agent);
  const operator = await connectPlain({ env, target: management, auth: authOf('operator') });
  open.push(operator);
  await toolServer('new-tools', [create]);
  expect(await agent.discover()).toEqual([]);
  await expect(agent.callTool('test_create', { share: 1 })).rejects.toMatchObject({
    code: 'NETMCP_NO_SERVER',
  });
  expect((await operator.callTool('servers_unapproved', {})).output).toMatchObject({
    servers: [{ serverId: 'new-tools', subject: 'new-tools' }],
  });
  expect(env.lines).toContainEqual(expect.objectContaining({ message: 'unapproved tool server appeared' }));
  // An agent is no operator.
  const plain = await connectPlain({ env, target: management, auth: authOf('netagent/test/strong') });
  open.push(plain);
  await expect(plain.callTool('servers_approve', { serverId: 'new-tools' })).rejects.toMatchObject({
    code: 'NETMCP_FORBIDDEN',
  });
  await operator.callTool('servers_approve', { serverId: 'new-tools' });
  env.pass(5_000);
  await expect.poll(() => agent.discover(), { interval: 20 }).toMatchObject([{ serverId: 'new-tools' }]);
  expect(await agent.callTool('test_create', { share: 1, name: 'x' })).toMatchObject({ isError: false });
});

test('attack 30: nobody registers under a foreign id or for a foreign endpoint, nor uses a foreign lease', async () => {
  const { env, management, toolServer } = await world();
  const ran = await toolServer('ran-tools', [create]);
  const core = await connectPlain({ env, target: management, auth: authOf('core-tools') });
  open.push(core);
  const registration = { toolCount: 0, digest: '', tools: [] };
  const register = (serverId: string, endpoint: string) =>
    core.callTool('servers_register', { serverId, endpoints: [endpoint], ...registration });
  expect(await register('ran-tools', 'http://127.0.0.1:1/mcp')).toMatchObject({
    isError: true,
    text: 'core-tools may not register as ran-tools',
  });
  expect(await register('core-tools', ran.url)).toMatchObject({ isError: true });
  const own = await register('core-tools', 'http://127.0.0.1:1/mcp');
  expect(own).toMatchObject({ isError: false });
  const thief = await connectPlain({ env, target: management, auth: authOf('ran-tools') });
  open.push(thief);
  const { lease } = own.output as { lease: string };
  expect(await thief.callTool('servers_deregister', { lease })).toMatchObject({
    isError: true,
    text: 'the lease belongs to another server',
  });
});

test('discovery shows an agent only the servers and tools that it may use', async () => {
  const { env, management, toolServer } = await world();
  await toolServer('ran-tools', [tools[0] as never]);
  await toolServer('core-tools', tools);
  const seen = async (id: string) => {
    const agent = await connectNetMcp({ env, agentId: id, management, auth: authOf(id) });
    open.push(agent);
    return (await agent.discover()).map(({ serverId, tools: names }) => `${serverId}: ${names.join()}`);
  };
  expect(await seen('netagent/test/weak')).toEqual(['core-tools: test_read']);
  expect((await seen('netagent/test/strong')).sort()).toEqual([
    'core-tools: test_create,test_read',
    'ran-tools: test_create',
  ]);
});

test('resources, prompts and completion show no tool that their reader may not use', async () => {
  const { toolServer, server } = await world();
  const { url } = await toolServer('ran-tools', tools);
  const seen = async (id: string) => {
    const provider = new ClientCredentialsProvider({
      clientId: id,
      clientSecret: SECRETS[id] as string,
      expectedIssuer: server.issuer,
    });
    const client = new Client({ name: id, version: '1' });
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { authProvider: provider }));
    open.push(client);
    const uri = 'netmcp://server/ran-tools/tools';
    const all = await Promise.allSettled([
      client.readResource({ uri }),
      client.readResource({ uri: `${uri}/test_create` }),
      client.readResource({ uri: 'netmcp://server/ran-tools/nf' }),
      client.getPrompt({ name: 'correct_call', arguments: { tool: 'test_create' } }),
      client.complete({
        ref: { type: 'ref/prompt', name: 'correct_call' },
        argument: { name: 'tool', value: 'test' },
      }),
      client.listTools(),
    ]);
    return all.map((one) =>
      JSON.stringify(one.status === 'fulfilled' ? one.value : one.status).includes('test_create'),
    );
  };
  expect(await seen('netagent/test/strong')).toEqual([true, true, true, true, true, true]);
  expect(await seen('netagent/test/weak')).toEqual([false, false, false, false, false, false]);
});

test('a subscriber is told of the servers that it may use, and of no other', async () => {
  const { env, management, toolServer } = await world();
  const pool = createHttpPool(4);
  open.push(pool);
  const told = new Map<string, string[]>();
  for (const id of ['netagent/test/weak', 'netagent/test/strong']) {
    const names: string[] = [];
    told.set(id, names);
    const session = openSession({
      env,
      agentId: id,
      serverId: 'management',
      target: { url: management },
      pool,
      auth: authOf(id),
      onNotification: (method, params) =>
        void names.push(`${method} ${(params as { serverId: string }).serverId}`),
    });
    open.push(session);
    await session.request(METHODS.subscribe, {}, subscribeResultSchema);
  }
  const ran = await toolServer('ran-tools', [tools[0] as never]);
  const core = await toolServer('core-tools', tools);
  await ran.close();
  await core.close();
  const gone = 'notifications/netmcp/load core-tools';
  await expect
    .poll(() => [...told.values()].every((names) => names.includes(gone)), { interval: 20 })
    .toBe(true);
  await expect.poll(() => told.get('netagent/test/strong')?.join(), { interval: 20 }).toContain('ran-tools');
  expect(told.get('netagent/test/weak')?.join()).not.toContain('ran-tools');
});
