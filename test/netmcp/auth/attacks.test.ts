import { createHmac } from 'node:crypto';
import { request } from 'node:http';
import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { exportJWK, exportSPKI, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import { afterEach, expect, test } from 'vitest';
import type { StoredKey } from '../../../src/netmcp/auth/keys.ts';
import {
  agentResource,
  connectNetMcp,
  connectPlain,
  obtainToken,
  startManagementServer,
  startToolServer,
  toolsOf,
} from '../../../src/netmcp/index.ts';
import { METHODS, subscribeResultSchema, type ToolMeta } from '../../../src/netmcp/schema/index.ts';
import { openSession } from '../../../src/netmcp/session/client-session.ts';
import { createHttpPool } from '../../../src/netmcp/session/keep-alive.ts';
import { authOf, authWorld, HOST, SECRETS } from '../support/auth.ts';
import { testEnv } from '../support/env.ts';
import { fakeNetwork } from '../support/nf.ts';
import { create, fakeSbi, ok, read } from '../support/tools.ts';

const open: Array<{ close(): Promise<void> }> = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

const allowed = <T extends { meta: ToolMeta }>(tool: T, permission: ToolMeta['permission']): T => ({
  ...tool,
  meta: { ...tool.meta, permission },
});
const needs = (...scopes: string[]) => ({ mode: 'token' as const, scopes });
const tools = [
  allowed(create, needs('things:write')),
  allowed(read as never, needs('things:read')),
] as never[];

async function world() {
  const made = await authWorld();
  open.push(made);
  return { ...made, issuer: made.server.issuer };
}

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'netagent/test/strong', version: '1' },
  },
};

async function post(url: string, token: string | null, body: object, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: JSON.stringify(body),
  });
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate') ?? '',
    session: response.headers.get('mcp-session-id') ?? '',
    text: await response.text(),
  };
}

async function tokenOf(issuer: string, id: string, resource: string, scope?: string) {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: id,
      client_secret: SECRETS[id] as string,
      resource,
      ...(scope !== undefined && { scope }),
    }),
  });
  return (await response.json()) as { access_token: string; scope: string; error?: string };
}

test('attack 13: tokens that are not for this server, not from this issuer, over, or not signed as they must be', async () => {
  const { env, store, issuer, management, toolServer } = await world();
  const { url } = await toolServer('ran-tools', tools);
  const { access_token: good } = await tokenOf(issuer, 'netagent/test/strong', url);
  expect((await post(url, good, initialize)).status).toBe(200);

  const key = store
    .collection<StoredKey>('auth.keys')
    .list()
    .map(({ value }) => value)
    .find(({ standing }) => standing === 'current')?.jwk as JWK;
  const now = Math.floor(env.clock.now() / 1_000);
  const claims = {
    iss: issuer,
    aud: url,
    sub: 'netagent/test/strong',
    client_id: 'netagent/test/strong',
    scope: 'netmcp:use things:write',
    iat: now,
    exp: now + 300,
  };
  const sign = async (change: object, header: object = {}, by: JWK = key) =>
    new SignJWT({ ...claims, ...change })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: key.kid as string, ...header })
      .sign(await importJWK(by, 'ES256'));
  // The server's own key makes a good one, so each of the others fails for what it says.
  expect((await post(url, await sign({}), initialize)).status).toBe(200);

  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const foreign = await exportJWK(privateKey);
  const pem = await exportSPKI((await importJWK({ ...key, d: undefined } as JWK, 'ES256')) as never);
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const hs256 = `${encode({ alg: 'HS256', typ: 'at+jwt', kid: key.kid })}.${encode(claims)}`;
  const bad: Record<string, string> = {
    'another audience': (await tokenOf(issuer, 'netagent/test/strong', management)).access_token,
    'another issuer': await sign({ iss: 'https://evil.example' }),
    expired: await sign({ iat: now - 900, exp: now - 31 }),
    'never over': await sign({ exp: undefined }),
    'not yet': await sign({ nbf: now + 300 }),
    'no type': await sign({}, { typ: undefined }),
    'an identity token': await sign({}, { typ: 'JWT' }),
    'alg none': `${encode({ alg: 'none', typ: 'at+jwt' })}.${encode(claims)}.`,
    'HS256 with the public key': `${hs256}.${createHmac('sha256', pem).update(hs256).digest('base64url')}`,
    'a foreign key': await sign({}, {}, foreign),
    'an unknown key id': await sign({}, { kid: 'unknown' }),
    'a changed payload': good.replace(/\.[^.]+\./, `.${encode({ ...claims, sub: 'operator' })}.`),
    'a list of audiences without ours': await sign({ aud: [management] }),
    'no subject': await sign({ sub: undefined }),
    'a very long one': `${good}${'a'.repeat(10_000)}`,
  };
  for (const [what, token] of Object.entries(bad)) {
    const answer = await post(url, token, initialize);
    expect({ what, status: answer.status }).toEqual({ what, status: 401 });
    expect(answer.challenge).toMatch(/^Bearer error="invalid_(token|request)".*resource_metadata="http/);
    expect(answer.text + answer.challenge).not.toContain(token.slice(0, 40));
  }
  expect((await post(url, null, initialize)).challenge).not.toContain('error=');
  expect((await post(`${url}?access_token=${good}`, null, initialize)).status).toBe(401);
  // A clock that is 20 s off is no reason to refuse.
  expect((await post(url, await sign({ iat: now - 320, exp: now - 20 }), initialize)).status).toBe(200);
  // Nothing of it is in the log.
  const log = JSON.stringify(env.lines);
  for (const token of [good, ...Object.values(bad)]) expect(log).not.toContain(token.slice(0, 60));
  expect(log).not.toMatch(/eyJ[\w-]{20,}|secret-of-/);
});

test('attack 13: a token with too few scopes gets 403 and what is missing; the tool is not even listed', async () => {
  const { issuer, toolServer } = await world();
  const { port, requests } = fakeSbi(() => ok({}));
  const { url } = await toolServer('ran-tools', tools, port);
  const { access_token: none } = await tokenOf(issuer, 'netagent/test/strong', url, 'things:read');
  expect(await post(url, none, initialize)).toMatchObject({ status: 403 });
  const { access_token: weak, scope } = await tokenOf(
    issuer,
    'netagent/test/weak',
    url,
    'netmcp:use things:read things:write',
  );
  expect(scope).toBe('netmcp:use things:read');
  const { session } = await post(url, weak, initialize);
  const headers = { 'mcp-session-id': session };
  const list = await post(url, weak, { jsonrpc: '2.0', id: 2, method: 'tools/list' }, headers);
  expect(list.text).toContain('test_read');
  expect(list.text).not.toContain('test_create');
  const call = await post(
    url,
    weak,
    { jsonrpc: '2.0', id: 3, method: 'tools/call', params: { name: 'test_create', arguments: { share: 1 } } },
    headers,
  );
  expect(call).toMatchObject({ status: 403 });
  expect(call.challenge).toContain('error="insufficient_scope", scope="netmcp:use things:read things:write"');
  expect(requests).toEqual([]);
});

test('attack 29: a session, and what an idempotency key keeps, belong to their subject', async () => {
  const { issuer, toolServer } = await world();
  const { port, requests } = fakeSbi(() => ok({}));
  const { url } = await toolServer('ran-tools', tools, port);
  const { access_token: a } = await tokenOf(issuer, 'netagent/test/strong', url);
  const { access_token: b } = await tokenOf(issuer, 'netagent/test/relay', url);
  const [sessionA, sessionB] = [await post(url, a, initialize), await post(url, b, initialize)];
  const call = (token: string, session: string, name = 'x') =>
    post(
      url,
      token,
      {
        jsonrpc: '2.0',
        id: 2,
        method: 'tools/call',
        params: {
          name: 'test_create',
          arguments: { share: 1, name },
          _meta: { 'org.gtigroup/netmcp': { idempotencyKey: 'one' } },
        },
      },
      { 'mcp-session-id': session },
    );
  expect(await call(a, sessionA.session)).toMatchObject({ status: 200 });
  // B in A's session, with its own token or with none.
  expect((await call(b, sessionA.session)).status).toBe(404);
  const bare = await new Promise<number>((resolve) => {
    const out = request(
      url,
      { method: 'DELETE', headers: { 'mcp-session-id': sessionA.session } },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      },
    );
    out.end();
  });
  expect(bare).toBe(401);
  expect(await call(a, sessionA.session)).toMatchObject({ status: 200 });
  // The same key of another subject is another key: nothing of A's comes back.
  const other = await call(b, sessionB.session, 'y');
  expect(other.text).not.toContain('replayed');
  expect(other.text).toContain('\\"thing\\":\\"y\\"');
  expect(requests).toHaveLength(2);
});

test('attack 14: the token of the caller is in nothing that an NF receives, on no hop', async () => {
  const { env, issuer, management } = await world();
  const network = await fakeNetwork(() => ({ status: 201, body: {}, location: '/npcf-test/v1/things/1' }));
  open.push(network);
  const server = await startToolServer({
    env,
    host: HOST,
    port: 0,
    id: 'ran-tools',
    management,
    nrf: network.nrf,
    tools: [...tools, ...toolsOf('core')],
    auth: { issuer, client: authOf('ran-tools') },
  });
  open.push(server);
  const { access_token: token } = await tokenOf(issuer, 'netagent/test/strong', server.url);
  const { session } = await post(server.url, token, initialize);
  const answer = await post(
    server.url,
    token,
    {
      jsonrpc: '2.0',
      id: 2,
      method: 'tools/call',
      params: { name: 'test_create', arguments: { share: 1, name: 'x' } },
    },
    { 'mcp-session-id': session },
  );
  expect(network.seen).toHaveLength(1);
  const everything = JSON.stringify([network.seen, network.headers]);
  expect(everything).not.toContain(token);
  expect(everything).not.toMatch(/authorization|bearer/i);
  expect(answer.text).not.toContain(token.slice(0, 40));
});

test('attack 15: two hops of delegation keep the subject, and a weak agent gains nothing by strong ones', async () => {
  const { env, issuer, toolServer } = await world();
  const { port, requests } = fakeSbi(() => ok({ value: 42 }));
  const { url } = await toolServer('ran-tools', tools, port);
  const pool = createHttpPool(4);
  open.push(pool);
  const signal = AbortSignal.timeout(20_000);
  const hand = (from: string, to: string, onBehalfOf?: string) =>
    obtainToken({
      env,
      issuer,
      client: authOf(from),
      resource: to.startsWith('http') ? to : agentResource(to),
      scopes: ['netmcp:use', 'things:read', 'things:write'],
      ...(onBehalfOf !== undefined && { onBehalfOf }),
      fetch: pool.fetch,
      signal,
    });
  const through = async (subject: string) => {
    const first = await hand(subject, 'netagent/test/relay');
    const second = await hand('netagent/test/relay', 'netagent/test/strong', first);
    return connectPlain({
      env,
      target: url,
      auth: { ...authOf('netagent/test/strong'), issuer, onBehalfOf: second },
    });
  };
  const weak = await through('netagent/test/weak');
  open.push(weak);
  expect((await weak.listTools()).map(({ name }) => name).filter((name) => name.startsWith('test_'))).toEqual(
    ['test_read'],
  );
  expect(await weak.callTool('test_read', {})).toMatchObject({ isError: false });
  await expect(weak.callTool('test_create', { share: 1 })).rejects.toMatchObject({
    code: 'NETMCP_FORBIDDEN',
  });
  expect(requests).toHaveLength(1);

  // What arrives is who it is for, and who acted, the nearest first.
  const first = await hand('netagent/test/weak', 'netagent/test/relay');
  const second = await hand('netagent/test/relay', 'netagent/test/strong', first);
  const third = await hand('netagent/test/strong', url, second);
  expect(JSON.parse(Buffer.from(third.split('.')[1] as string, 'base64url').toString())).toMatchObject({
    sub: 'netagent/test/weak',
    client_id: 'netagent/test/strong',
    aud: url,
    scope: 'netmcp:use things:read',
    act: { sub: 'netagent/test/strong', act: { sub: 'netagent/test/relay' } },
  });
  // The other way round nothing is gained either: the weak one does not get the strong one's rights.
  const given = await hand('netagent/test/strong', 'netagent/test/weak');
  const used = await hand('netagent/test/weak', url, given);
  expect(JSON.parse(Buffer.from(used.split('.')[1] as string, 'base64url').toString())).toMatchObject({
    sub: 'netagent/test/strong',
    scope: 'netmcp:use things:read',
  });
  // A token that was made for somebody else is good for nobody else.
  await expect(hand('netagent/test/strong', url, first)).rejects.toMatchObject({
    code: 'NETMCP_UNAUTHORISED',
  });
  await expect(hand('netagent/test/relay', url, third)).rejects.toMatchObject({
    code: 'NETMCP_UNAUTHORISED',
  });
  await expect(hand('netagent/test/relay', url, `${first}x`)).rejects.toMatchObject({
    code: 'NETMCP_UNAUTHORISED',
  });
});

test('attack 15: specified tools look at the subject and at everybody who acts for it', async () => {
  const { env, issuer, toolServer } = await world();
  const only = (...agents: string[]) => [allowed(create, { mode: 'specified', agents })];
  const one = await toolServer('ran-tools', only('netagent/test/strong'));
  const both = await toolServer('core-tools', only('netagent/test/strong', 'netagent/test/relay'));
  const pool = createHttpPool(4);
  open.push(pool);
  const onBehalfOf = await obtainToken({
    env,
    issuer,
    client: authOf('netagent/test/strong'),
    resource: agentResource('netagent/test/relay'),
    fetch: pool.fetch,
    signal: AbortSignal.timeout(20_000),
  });
  const call = async (url: string, auth: Parameters<typeof connectPlain>[0]['auth']) => {
    // The name that it gives itself does not matter.
    const client = await connectPlain({
      env,
      target: url,
      agentId: 'netagent/test/strong',
      ...(auth && { auth }),
    });
    open.push(client);
    const { isError, text } = await client.callTool('test_create', { share: 1, name: 'x' });
    return isError ? text : 'done';
  };
  expect(await call(one.url, authOf('netagent/test/strong'))).toBe('done');
  expect(await call(one.url, authOf('netagent/test/relay'))).toContain('permission');
  expect(await call(one.url, { ...authOf('netagent/test/relay'), issuer, onBehalfOf })).toContain(
    'permission',
  );
  expect(await call(both.url, { ...authOf('netagent/test/relay'), issuer, onBehalfOf })).toBe('done');
  // Where nobody is authenticated, a name is only a name.
  const management = await startManagementServer({ env, host: HOST, port: 0 });
  open.push(management);
  const unguarded = await startToolServer({
    env,
    host: HOST,
    port: 0,
    id: 'open',
    management: management.url,
    nrf: fakeSbi(() => ok()).port,
    tools: only('netagent/test/strong'),
  });
  open.push(unguarded);
  expect(await call(unguarded.url, undefined)).toContain('permission');
});

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

test('loopback is open as before; any other address wants authentication', async () => {
  const env = testEnv();
  await expect(startManagementServer({ env, host: '0.0.0.0', port: 0 })).rejects.toMatchObject({
    code: 'RUNTIME_ADDRESS_OPEN',
  });
  const { issuer, server } = await world();
  const guarded = await startManagementServer({
    env,
    host: '0.0.0.0',
    port: 0,
    auth: { issuer, resources: server.resources },
  });
  open.push(guarded);
  const unguarded = await startManagementServer({ env, host: HOST, port: 0 });
  open.push(unguarded);
  expect((await post(unguarded.url, null, initialize)).status).toBe(200);
  const { port } = new URL(guarded.url);
  expect((await post(`http://127.0.0.1:${port}/mcp`, null, initialize)).status).toBe(401);
});

test('credentials are shown to no authorisation server but the one of the management server', async () => {
  const home = await world();
  const evil = await world();
  const stolen = await evil.toolServer('ran-tools', tools);
  const client = await connectPlain({
    env: home.env,
    target: stolen.url,
    auth: { ...authOf('netagent/test/strong'), issuer: home.issuer },
  }).catch((error: unknown) => error);
  expect(client).toMatchObject({ code: 'NETMCP_UNREACHABLE', message: expect.stringContaining('not ours') });
});
