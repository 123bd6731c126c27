import { createHmac } from 'node:crypto';
import { request } from 'node:http';
import { exportJWK, exportSPKI, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import { expect, test } from 'vitest';
import type { StoredKey } from '../../../src/netmcp/auth/keys.ts';
import {
  agentResource,
  connectPlain,
  obtainToken,
  startManagementServer,
  startToolServer,
  toolsOf,
} from '../../../src/netmcp/index.ts';
import { createHttpPool } from '../../../src/netmcp/session/keep-alive.ts';
import { authOf, HOST } from '../support/auth.ts';
import { testEnv } from '../support/env.ts';
import { fakeNetwork } from '../support/nf.ts';
import { allowed, initialize, open, post, tokenOf, tools, world } from '../support/protected.ts';
import { create, fakeSbi, ok } from '../support/tools.ts';

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
