import { afterEach, expect, test } from 'vitest';
import { createTokenSource } from '../../../src/netmcp/auth/token-source.ts';
import { createHttpPool, type Fetch } from '../../../src/netmcp/session/keep-alive.ts';
import { authOf, authWorld } from '../support/auth.ts';

const open: Array<{ close(): unknown }> = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

test('many requests at once ask for one token, and it is renewed before it is over', async () => {
  const world = await authWorld();
  open.push(world);
  const pool = createHttpPool(8);
  open.push(pool);
  let requests = 0;
  const source = createTokenSource({
    env: world.env,
    resource: world.management,
    auth: authOf('netagent/test/strong'),
    fetch: (url, init) => {
      if (String(url).endsWith('/token')) requests += 1;
      return pool.fetch(url, init);
    },
  });
  open.push(source);
  expect(await source.token()).toBe(null);
  const challenge = { error: null, scopes: null, resourceMetadata: null };
  const tokens = await Promise.all(Array.from({ length: 20 }, () => source.challenged(challenge, null)));
  expect(new Set(tokens).size).toBe(1);
  expect(requests).toBe(1);
  world.env.pass(269_000);
  expect(await source.token()).toBe(tokens[0]);
  world.env.pass(2_000);
  // Stale: the request goes out with what there is, and the next token is fetched meanwhile.
  expect(await source.token()).toBe(tokens[0]);
  await expect.poll(() => source.state().value, { interval: 5 }).toBe('fresh');
  expect(await source.token()).not.toBe(tokens[0]);
  expect(requests).toBe(2);
  expect(JSON.stringify(world.env.lines)).not.toContain(tokens[0]?.slice(0, 40));
});

test('a server whose metadata speaks of another resource, issuer or server gets nothing', async () => {
  const world = await authWorld();
  open.push(world);
  const sent: string[] = [];
  const evil = 'http://127.0.0.1:2/mcp';
  const answers =
    (documents: Record<string, object>): Fetch =>
    async (url, init) => {
      if (init?.method === 'POST') sent.push(String(url));
      const document = documents[String(url)];
      return document === undefined ? new Response('', { status: 404 }) : Response.json(document);
    };
  const server = { token_endpoint: 'http://127.0.0.1:2/token', code_challenge_methods_supported: ['S256'] };
  const path = 'http://127.0.0.1:2/.well-known/oauth-protected-resource/mcp';
  const at = 'http://127.0.0.1:2/.well-known/oauth-authorization-server';
  const cases: Array<[Record<string, object>, string | undefined, string]> = [
    [
      { [path]: { resource: world.management, authorization_servers: ['http://127.0.0.1:2'] } },
      undefined,
      'another resource',
    ],
    [
      {
        [path]: { resource: evil, authorization_servers: ['http://127.0.0.1:2'] },
        [at]: { ...server, issuer: 'http://127.0.0.1:3' },
      },
      undefined,
      'another issuer',
    ],
    [
      {
        [path]: { resource: evil, authorization_servers: ['http://127.0.0.1:2'] },
        [at]: { ...server, issuer: 'http://127.0.0.1:2' },
      },
      world.server.issuer,
      'not ours',
    ],
    [{}, undefined, 'no metadata'],
  ];
  for (const [documents, issuer, problem] of cases) {
    const source = createTokenSource({
      env: world.env,
      resource: evil,
      auth: { ...authOf('netagent/test/strong'), ...(issuer !== undefined && { issuer }) },
      fetch: answers(documents),
    });
    await expect(
      source.challenged({ error: null, scopes: null, resourceMetadata: null }, null),
    ).rejects.toThrow(problem);
    source.close();
  }
  expect(sent).toEqual([]);
});
