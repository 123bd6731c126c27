import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { exportJWK, generateKeyPair } from 'jose';
import { afterEach, expect, test } from 'vitest';
import { credentialsFile, makeCredential } from '../../../broker/index.ts';
import { openStore } from '../../../src/durable/index.ts';
import { createAdapters } from '../../../src/netmcp/auth/adapter.ts';
import { registrationOf } from '../../../src/netmcp/auth/registration.ts';
import { subjectToken } from '../../../src/netmcp/auth/resource.ts';
import { startAuthorisationServer } from '../../../src/netmcp/auth/server.ts';
import { createTokenSource } from '../../../src/netmcp/auth/token-source.ts';
import {
  connectPlain,
  passwordsOf,
  startManagementServer,
  startToolServer,
} from '../../../src/netmcp/index.ts';
import { createHttpPool, type Fetch } from '../../../src/netmcp/session/keep-alive.ts';
import { loadQuic } from '../../../src/netmcp/transport/quic-provider.ts';
import {
  authEnv,
  authOf,
  authWorld,
  CLIENTS,
  HOST,
  memoryStore,
  passwords,
  SECRETS,
} from '../support/auth.ts';
import { browser } from '../support/browser.ts';
import { selfSigned } from '../support/certificate.ts';
import { create, fakeSbi, ok, read } from '../support/tools.ts';

const open: Array<{ close(): unknown }> = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});
const quic = (await loadQuic()) !== null;

const tokenFrom = async (issuer: string, resource: string, id = 'netagent/test/strong') => {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: id,
      client_secret: SECRETS[id] as string,
      resource,
    }),
  });
  return ((await response.json()) as { access_token?: string }).access_token ?? '';
};
const statusOf = async (url: string, token: string) =>
  (
    await fetch(url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    })
  ).status;

test('keys rotate while it runs: tokens of before hold, the next ones verify at once, the old key goes', async () => {
  const world = await authWorld();
  open.push(world);
  const { env, server, management } = world;
  const kidOf = (token: string) =>
    JSON.parse(Buffer.from(token.split('.')[0] as string, 'base64url').toString()).kid;
  const published = async () =>
    ((await (await fetch(`${server.issuer}/jwks`)).json()) as { keys: Array<Record<string, string>> }).keys;
  const before = await tokenFrom(server.issuer, management);
  expect(await statusOf(management, before)).toBe(400);
  const [, next] = await published();
  await server.rotateKeys();
  const after = await tokenFrom(server.issuer, management);
  expect(kidOf(after)).toBe(next?.kid);
  expect(kidOf(after)).not.toBe(kidOf(before));
  // 400: authenticated, and there is no session. The verifier knew the next key before it signed.
  expect([await statusOf(management, before), await statusOf(management, after)]).toEqual([400, 400]);
  expect(await published()).toHaveLength(3);
  for (const key of await published()) expect(key).not.toHaveProperty('d');
  env.pass(601_000);
  await server.rotateKeys();
  expect((await published()).map(({ kid }) => kid)).not.toContain(kidOf(before));
});

test('a restart on the same file loses nothing: keys, clients, sign-ins, refresh tokens, resources', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'netmcp-auth-'));
  open.push({ close: () => rmSync(dir, { recursive: true }) });
  const env = authEnv();
  let store = openStore({ dir });
  const start = (port: number) =>
    startAuthorisationServer({ env, host: HOST, port, store, clients: CLIENTS, passwords });
  let server = await start(0);
  const { issuer } = server;
  const resource = 'http://127.0.0.1:1/mcp';
  server.resources.put({ resource, owner: 'ran-tools', name: 'ran-tools', scopes: ['netmcp:use'] });
  const redirect = 'http://127.0.0.1:9/callback';
  const person = browser(issuer);
  const fetchFor: Fetch = (url, init) => fetch(url, init);
  const metadata: Fetch = async (url, init) =>
    String(url).startsWith('http://127.0.0.1:1/')
      ? Response.json({ resource, authorization_servers: [issuer], scopes_supported: ['netmcp:use'] })
      : fetchFor(url, init);
  let asked = 0;
  const source = createTokenSource({
    env,
    resource,
    fetch: metadata,
    auth: {
      redirectUri: redirect,
      interactive: async (url) => {
        asked += 1;
        return person.consent(url);
      },
    },
  });
  open.push(source);
  const challenge = { error: null, scopes: null, resourceMetadata: null };
  const first = await source.challenged(challenge, null);
  const { port } = new URL(issuer);
  await server.close();
  store.close();
  store = openStore({ dir });
  open.push(store);
  server = await start(Number(port));
  open.push(server);
  const pending = source.challenged(challenge, first);
  // The connection that was kept is dead: the first try fails and is repeated after a pause.
  await expect
    .poll(() => {
      env.pass(1_000);
      return source.state().value;
    })
    .toBe('fresh');
  const second = await pending;
  expect(second).not.toBe(first);
  expect(asked).toBe(1);
  expect(server.resources.get(resource)).toMatchObject({ owner: 'ran-tools' });
  // What is on the disk is no use to a thief of the file: codes, refresh tokens and secrets are digests there.
  const kept = store.collection('auth.RefreshToken').list();
  expect(kept.length).toBeGreaterThan(0);
  expect(JSON.stringify(kept)).not.toContain('jti');
});

test('what the server keeps is bounded and expires', async () => {
  let now = 0;
  const store = memoryStore();
  const adapter = createAdapters(store, () => now, 3)('RefreshToken');
  for (const id of ['a', 'b', 'c', 'd']) await adapter.upsert(id, { grantId: 'g', uid: id }, 10);
  expect(await adapter.find('a')).toBeUndefined();
  expect(await adapter.find('d')).toMatchObject({ grantId: 'g', jti: 'd' });
  await adapter.consume('d');
  expect(await adapter.find('d')).toMatchObject({ consumed: 0 });
  expect(store.collections.get('auth.RefreshToken')?.size).toBe(3);
  now = 10_000;
  expect(await adapter.find('d')).toBeUndefined();
  await adapter.upsert('e', { grantId: 'h' }, 10);
  await adapter.upsert('f', { grantId: 'g' }, 10);
  await adapter.revokeByGrantId('g');
  expect([await adapter.find('e'), await adapter.find('f')]).toEqual([expect.anything(), undefined]);
});

test('registration never lets a redirect through that a browser would run or send elsewhere', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.webUrl({ withFragments: true }),
        fc.string(),
        fc.constantFrom('javascript:alert(1)', 'JaVaScRiPt:a.b:x'),
      ),
      (uri) => {
        const read = registrationOf({ redirect_uris: [uri] });
        if ('error' in read) return;
        const { protocol, hostname, hash } = new URL(uri);
        expect(hash).toBe('');
        if (protocol === 'http:') expect(['127.0.0.1', '[::1]', 'localhost']).toContain(hostname);
        expect(protocol).toMatch(/^(https?:|[a-z][a-z0-9+-]*\.)/);
      },
    ),
  );
});

test('a private key in place of a secret; an assertion is good once', async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const id = 'netagent/test/keyed';
  const publicJwk = { ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'one' };
  const world = await authWorld({
    clients: [...CLIENTS, { id, scopes: ['netmcp:use'], keys: [publicJwk] }],
  });
  open.push(world);
  const bodies: string[] = [];
  const pool = createHttpPool(2);
  open.push(pool);
  const source = createTokenSource({
    env: world.env,
    resource: world.management,
    auth: { clientId: id, privateKey: { ...(await exportJWK(privateKey)), alg: 'ES256', kid: 'one' } },
    fetch: (url, init) => {
      if (String(url).endsWith('/token')) bodies.push(String(init?.body));
      return pool.fetch(url, init);
    },
  });
  open.push(source);
  const token = await source.challenged({ error: null, scopes: null, resourceMetadata: null }, null);
  expect(await statusOf(world.management, token)).toBe(400);
  const again = await fetch(`${world.server.issuer}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: bodies[0] as string,
  });
  expect(again.status).toBe(401);
});

test('persons and clients from a credentials file, read again when it changes', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'netmcp-users-'));
  open.push({ close: () => rmSync(dir, { recursive: true }) });
  const file = join(dir, 'users.yaml');
  const write = async (password: string) => {
    const cheap = { N: 2 ** 10, r: 8, p: 1 };
    const bob = await makeCredential(password, 'guest', cheap);
    const agent = await makeCredential('agent-secret', 'agent', cheap);
    writeFileSync(file, JSON.stringify({ bob, 'netagent/test/strong': agent }));
  };
  await write('first');
  const env = authEnv();
  const credentials = credentialsFile({ file, log: env.log });
  open.push(credentials);
  const { verify } = passwordsOf(credentials);
  expect(
    await Promise.all([
      verify('bob', 'first'),
      verify('bob', 'second'),
      verify('nobody', 'first'),
      verify('bob', ''),
    ]),
  ).toEqual([true, false, false, false]);
  expect(await verify('netagent/test/strong', 'agent-secret')).toBe(true);
  expect(await verify('constructor', 'first')).toBe(false);
  await write('second');
  credentials.reload();
  expect([await verify('bob', 'first'), await verify('bob', 'second')]).toEqual([false, true]);
});

test('over TLS: metadata, token and call, by HTTP/2 and HTTP/3; in plain words only on loopback', async () => {
  const tls = selfSigned();
  const world = await authWorld({ tls, hosts: ['localhost'] });
  open.push({ close: () => world.server.close() });
  const { env, server } = world;
  expect(server.issuer).toMatch(/^https:\/\/localhost:/);
  await expect(
    startAuthorisationServer({ env, host: '0.0.0.0', port: 0, store: memoryStore(), clients: [], passwords }),
  ).rejects.toMatchObject({ code: 'NETMCP_NO_TLS' });
  const management = await startManagementServer({
    env,
    host: HOST,
    port: 0,
    listen: { tls, hosts: ['localhost'] },
    auth: { issuer: server.issuer, resources: server.resources, ca: tls.cert },
  });
  open.push(management);
  const tools = await startToolServer({
    env,
    host: HOST,
    port: 0,
    id: 'ran-tools',
    management: management.url,
    nrf: fakeSbi(() => ok({ value: 1 })).port,
    tools: [
      { ...read, meta: { ...read.meta, permission: { mode: 'token' as const, scopes: ['things:read'] } } },
    ],
    listen: { tls, ...(quic && { h3: { port: 0 } }) },
    trust: { ca: tls.cert },
    auth: { issuer: server.issuer, ca: tls.cert, client: authOf('ran-tools') },
  });
  open.push(tools);
  const agent = await connectPlain({
    env,
    target: { endpoints: [management.url], tls: { ca: tls.cert } },
    auth: { ...authOf('netagent/test/weak'), issuer: server.issuer },
  });
  open.push(agent);
  const found = (await agent.callTool('servers_discover', {})).output as {
    servers: Array<{ endpoints: string[] }>;
  };
  const h3 = found.servers[0]?.endpoints.find((endpoint) => endpoint.startsWith('https+h3:'));
  const endpoints = [tools.url, ...(quic ? [h3 as string] : [])];
  for (const [at, kind] of endpoints.map((_, index) => [index, index === 0 ? 'https' : 'http/3'] as const)) {
    const client = await connectPlain({
      env,
      target: { endpoints: endpoints.slice(0, at + 1), tls: { ca: tls.cert } },
      auth: { ...authOf('netagent/test/weak'), issuer: server.issuer },
    });
    open.push(client);
    expect(client.state().transport).toBe(kind);
    expect(await client.callTool('test_read', {})).toMatchObject({ isError: false });
  }
});

test('a server in the middle calls on for its caller, with a token of its own audience', async () => {
  const world = await authWorld();
  open.push(world);
  const { env, server, management } = world;
  const scoped = {
    ...create,
    meta: { ...create.meta, permission: { mode: 'token' as const, scopes: ['things:write'] } },
  };
  const last = await world.toolServer('core-tools', [scoped]);
  const { listenMcp } = await import('../../../src/netmcp/session/host.ts');
  const { protect } = await import('../../../src/netmcp/auth/resource.ts');
  const seen: unknown[] = [];
  const middle = await listenMcp({
    env,
    host: HOST,
    port: 0,
    protect: (url) =>
      protect({ env, auth: { issuer: server.issuer }, url, name: 'middle', scopes: () => ['things:write'] }),
    side: {
      name: 'middle',
      instructions: '',
      parts: [],
      listTools: () => [],
      async callTool(_, { identity }) {
        seen.push(identity);
        const onBehalfOf = subjectToken(identity) as string;
        const next = await connectPlain({
          env,
          target: last.url,
          auth: { ...authOf('ran-tools'), issuer: server.issuer, onBehalfOf },
        });
        open.push(next);
        const { text, isError } = await next.callTool('test_create', { share: 1, name: 'x' });
        return { content: [{ type: 'text', text }], isError };
      },
    },
  });
  open.push(middle);
  server.resources.put({
    resource: middle.url,
    owner: 'ran-tools',
    name: 'middle',
    scopes: ['netmcp:use', 'things:write'],
  });
  const through = async (id: string) => {
    const client = await connectPlain({ env, target: middle.url, auth: authOf(id) });
    open.push(client);
    return client.callTool('anything', {});
  };
  expect(await through('netagent/test/strong')).toMatchObject({ isError: false });
  await expect(through('netagent/test/weak')).rejects.toMatchObject({ code: 'NETMCP_REJECTED' });
  // The identity holds no token that a log or an answer could show.
  expect(JSON.stringify(seen)).not.toMatch(/eyJ/);
  expect(seen).toMatchObject([
    { agent: 'netagent/test/strong', actors: [] },
    { agent: 'netagent/test/weak', actors: [] },
  ]);
  expect(JSON.stringify(env.lines)).not.toMatch(/eyJ[\w-]{20,}|secret-of-/);
  void management;
});
