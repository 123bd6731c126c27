import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { connectNetMcp, startManagementServer } from '../../../src/netmcp/index.ts';
import { openSession } from '../../../src/netmcp/session/client-session.ts';
import { createHttpPool } from '../../../src/netmcp/session/keep-alive.ts';
import { authOf, authWorld, CLIENTS, HOST, SECRETS } from '../support/auth.ts';
import { read } from '../support/tools.ts';

const closers: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const PEER = 'management-2';

async function world() {
  const made = await authWorld({
    clients: [...CLIENTS, { id: PEER, scopes: ['netmcp:use', 'netmcp:replicate'] }],
    passwords: {
      knows: (name) => name === PEER || Object.hasOwn(SECRETS, name),
      verify: async (name, password) =>
        name === PEER
          ? password === 'secret-of-peer'
          : Object.hasOwn(SECRETS, name) && SECRETS[name] === password,
    },
  });
  closers.push(made.close);
  return made;
}

test('management servers share one registry as holders of a scope of their own', async () => {
  const { env, server, management, toolServer } = await world();
  const second = await startManagementServer({
    env,
    host: HOST,
    port: 0,
    peers: [management],
    auth: {
      issuer: server.issuer,
      resources: server.resources,
      client: { clientId: PEER, clientSecret: 'secret-of-peer' },
    },
  });
  closers.push(second.close);
  await toolServer('ran-tools', [read]);
  const client = await connectNetMcp({
    env,
    agentId: 'netagent/test/strong',
    management: second.url,
    auth: authOf('netagent/test/strong'),
  });
  closers.push(client.close);
  let found = await client.discover({});
  for (let i = 0; i < 200 && found.length === 0; i += 1) found = await client.discover({});
  expect(found.map(({ serverId }) => serverId)).toEqual(['ran-tools']);
});

test('attack: an agent that asks for the registry as a peer, or brings a server into it, is refused', async () => {
  const { env, management } = await world();
  const pool = createHttpPool(4);
  closers.push(pool.close);
  for (const id of ['netagent/test/strong', 'ran-tools']) {
    const session = openSession({
      env,
      agentId: id,
      serverId: 'management',
      target: { url: management },
      pool,
      auth: authOf(id),
    });
    closers.push(session.close);
    await session.ready();
    const page = { records: [], vector: {}, more: false };
    await expect(
      session.request('netmcp/registry/sync', { from: id, known: {}, page }, z.unknown()),
    ).rejects.toMatchObject({ code: 'NETMCP_REJECTED', details: { rpcCode: -32012 } });
  }
});
