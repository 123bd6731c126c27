import { createHash } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { connectPlain } from '../../../src/netmcp/index.ts';
import { authWorld, passwords } from '../support/auth.ts';
import { browser } from '../support/browser.ts';
import { create, read } from '../support/tools.ts';

const open: Array<{ close(): Promise<void> }> = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

const scoped = (tool: typeof create, scope: string) => ({
  ...tool,
  meta: { ...tool.meta, permission: { mode: 'token' as const, scopes: [scope] } },
});
const tools = [scoped(create, 'things:write'), scoped(read as never, 'things:read')];

async function world(options: Parameters<typeof authWorld>[0] = {}) {
  const made = await authWorld(options);
  open.push(made);
  const server = await made.toolServer('ran-tools', tools);
  return { ...made, tool: server, issuer: made.server.issuer };
}

const REDIRECT = 'http://127.0.0.1:9/callback';
const VERIFIER = 'v'.repeat(43);
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');

const register = (issuer: string, body: object) =>
  fetch(`${issuer}/reg`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: 'Third party', redirect_uris: [REDIRECT], ...body }),
  });

async function registered(issuer: string, body: object = {}): Promise<Record<string, string>> {
  return (await (await register(issuer, body)).json()) as Record<string, string>;
}

const authAddress = (issuer: string, fields: Record<string, string | undefined>) => {
  const url = new URL('/auth', issuer);
  const all: Record<string, string | undefined> = {
    response_type: 'code',
    redirect_uri: REDIRECT,
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
    state: 'state-of-test',
    scope: 'netmcp:use things:read things:write',
    ...fields,
  };
  for (const [name, value] of Object.entries(all)) if (value !== undefined) url.searchParams.set(name, value);
  return url.href;
};

const token = async (issuer: string, fields: Record<string, string>) => {
  const response = await fetch(`${issuer}/token`, { method: 'POST', body: new URLSearchParams(fields) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

test('a third party: registration, sign-in, consent, code with PKCE, refresh; a person may give less', async () => {
  const { env, tool, issuer } = await world();
  const person = browser(issuer);
  const opened: string[] = [];
  const client = await connectPlain({
    env,
    target: tool.url,
    auth: {
      clientName: 'A <b>bold</b> program',
      redirectUri: REDIRECT,
      interactive: async (url) => {
        opened.push(url);
        return person.consent(url, (scopes) => scopes.filter((scope) => scope !== 'things:write'));
      },
    },
  });
  open.push(client);
  expect(
    (await client.listTools()).map(({ name }) => name).filter((name) => name.startsWith('test_')),
  ).toEqual(['test_read']);
  expect(await client.callTool('test_read', {})).toMatchObject({ isError: false });
  // Nobody is asked again while there is a refresh token.
  env.pass(275_000);
  expect(await client.callTool('test_read', {})).toMatchObject({ isError: false });
  expect(opened).toHaveLength(1);
  // What the person did not give is not asked for again and again.
  await expect(client.callTool('test_create', { share: 20, name: 'x' })).rejects.toMatchObject({
    code: 'NETMCP_FORBIDDEN',
  });
  expect(opened).toHaveLength(1);
});

test('the browser may come back to a port of ours on loopback', async () => {
  const { env, tool, issuer } = await world();
  const person = browser(issuer);
  const client = await connectPlain({
    env,
    target: tool.url,
    auth: {
      interactive: async (url) => {
        const back = await person.consent(url);
        await fetch(back);
        return undefined;
      },
    },
  });
  open.push(client);
  expect(
    (await client.listTools()).map(({ name }) => name).filter((name) => name.startsWith('test_')),
  ).toEqual(['test_create', 'test_read']);
});

test('consent page: names are text, the target is shown, nothing comes from elsewhere', async () => {
  const { tool, issuer } = await world();
  const { client_id } = await registered(issuer, { client_name: '<script>alert(1)</script>' });
  const person = browser(issuer);
  const login = await person.go(authAddress(issuer, { client_id, resource: tool.url }));
  expect(login.status).toBe(200);
  const page = await person.submit(login, 'login', [
    ['name', 'alice'],
    ['password', 'password-of-alice'],
  ]);
  expect(page.html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(page.html).not.toContain('<script');
  expect(page.html).toContain(tool.url);
  expect(page.html).toContain(REDIRECT);
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  expect(person.scopesOn(page)).toEqual(['netmcp:use', 'things:read', 'things:write']);
});

test('a forged form is refused: foreign origin, no token, another interaction, no cookie', async () => {
  const { tool, issuer } = await world();
  const { client_id } = await registered(issuer);
  const person = browser(issuer);
  const login = await person.go(authAddress(issuer, { client_id, resource: tool.url }));
  const fields: Array<[string, string]> = [
    ['name', 'alice'],
    ['password', 'password-of-alice'],
  ];
  const page = await person.submit(login, 'login', fields);
  const scopes: Array<[string, string]> = [['scope', 'netmcp:use']];
  expect((await person.submit(page, 'consent', scopes, { origin: 'https://evil.example' })).status).toBe(403);
  const noToken = { ...page, html: page.html.replaceAll(/name="csrf" value="[^"]*"/g, '') };
  expect((await person.submit(noToken, 'consent', scopes)).status).toBe(403);
  // The token of the attacker's own interaction does not fit the victim's.
  const attacker = browser(issuer);
  const other = await attacker.go(authAddress(issuer, { client_id, resource: tool.url }));
  const csrf = /name="csrf" value="([^"]*)"/.exec(other.html)?.[1] ?? '';
  const swapped = {
    ...page,
    html: page.html.replaceAll(/name="csrf" value="[^"]*"/g, `name="csrf" value="${csrf}"`),
  };
  expect((await person.submit(swapped, 'consent', scopes)).status).toBe(403);
  // And whoever has the page but not the cookie has nothing.
  expect((await browser(issuer).submit(page, 'consent', scopes)).status).toBe(400);
  expect((await person.submit(page, 'consent', scopes)).url).toContain('code=');
});

test('sign-in: wrong passwords are counted, and a secret of a client is no password', async () => {
  const { env, tool, issuer } = await world();
  const { client_id } = await registered(issuer);
  const person = browser(issuer);
  let page = await person.go(authAddress(issuer, { client_id, resource: tool.url }));
  const attempt = async (name: string, password: string) => {
    const next = await person.submit(page, 'login', [
      ['name', name],
      ['password', password],
    ]);
    if (next.status === 401) page = next;
    return next.status;
  };
  expect(await attempt('netagent/test/strong', 'secret-of-strong')).toBe(401);
  for (let i = 0; i < 10; i += 1) expect(await attempt('alice', `guess ${i}`)).toBe(401);
  expect(await attempt('alice', 'password-of-alice')).toBe(401);
  env.pass(900_000);
  page = await person.go(authAddress(issuer, { client_id, resource: tool.url }));
  expect(await attempt('alice', 'password-of-alice')).toBe(200);
});

test('no PKCE, plain PKCE, a foreign redirect, a foreign resource: no code, and no open redirect', async () => {
  const { tool, issuer } = await world();
  const { client_id } = await registered(issuer);
  const person = browser(issuer);
  const ask = (fields: Record<string, string | undefined>) =>
    person.go(authAddress(issuer, { client_id, resource: tool.url, ...fields }));
  for (const fields of [
    { code_challenge: undefined, code_challenge_method: undefined },
    { code_challenge_method: 'plain' },
  ]) {
    const page = await ask(fields);
    expect(page.left).toBe(true);
    expect(page.url).toMatch(/^http:\/\/127\.0\.0\.1:9\/callback\?error=invalid_request/);
  }
  expect((await ask({ resource: 'https://evil.example/mcp' })).url).toContain('error=invalid_target');
  expect((await ask({ resource: undefined })).url).toContain('error=invalid_target');
  for (const redirect_uri of [
    'https://evil.example/callback',
    `${REDIRECT}.evil.example`,
    'http://127.0.0.1:9/other',
    `${REDIRECT}?next=https://evil.example`,
  ]) {
    const page = await ask({ redirect_uri });
    expect(page).toMatchObject({ left: false, status: 400 });
    expect(page.html).not.toContain('evil.example/callback"');
  }
  expect(await ask({ client_id: 'unknown' })).toMatchObject({ left: false, status: 400 });
});

test('a code is good once, for its client, its verifier and its redirect; used twice, all it gave is revoked', async () => {
  const { tool, issuer } = await world();
  const { client_id = '' } = await registered(issuer);
  const { client_id: other = '' } = await registered(issuer);
  const person = browser(issuer);
  const codeOf = async () =>
    new URL(await person.consent(authAddress(issuer, { client_id, resource: tool.url }))).searchParams.get(
      'code',
    ) ?? '';
  const redeem = async (fields: Record<string, string>) =>
    token(issuer, {
      grant_type: 'authorization_code',
      client_id,
      redirect_uri: REDIRECT,
      code_verifier: VERIFIER,
      ...fields,
    });
  expect((await redeem({ code: await codeOf(), code_verifier: 'w'.repeat(43) })).body.error).toBe(
    'invalid_grant',
  );
  expect((await redeem({ code: await codeOf(), client_id: other })).body.error).toBe('invalid_grant');
  expect((await redeem({ code: await codeOf(), redirect_uri: 'http://127.0.0.1:9/x' })).body.error).toBe(
    'invalid_grant',
  );
  expect((await redeem({ code: await codeOf(), resource: 'http://127.0.0.1:1/mcp' })).body.error).toBe(
    'invalid_target',
  );
  const code = await codeOf();
  const first = await redeem({ code });
  expect(first.status).toBe(200);
  expect((await redeem({ code })).body.error).toBe('invalid_grant');
  const refreshed = await token(issuer, {
    grant_type: 'refresh_token',
    client_id,
    refresh_token: String(first.body.refresh_token),
  });
  expect(refreshed.body.error).toBe('invalid_grant');
});

test('refresh tokens rotate, reuse ends the family, revocation and the loss of the account end it at once', async () => {
  let there = true;
  const { tool, issuer } = await world({
    passwords: { ...passwords, knows: (name) => there && passwords.knows(name) },
  });
  const { client_id = '' } = await registered(issuer);
  const person = browser(issuer);
  const begin = async () => {
    const back = new URL(await person.consent(authAddress(issuer, { client_id, resource: tool.url })));
    const code = back.searchParams.get('code') ?? '';
    expect(back.searchParams.get('iss')).toBe(issuer);
    const { body } = await token(issuer, {
      grant_type: 'authorization_code',
      client_id,
      code,
      redirect_uri: REDIRECT,
      code_verifier: VERIFIER,
    });
    return String(body.refresh_token);
  };
  const refresh = (refresh_token: string) =>
    token(issuer, { grant_type: 'refresh_token', client_id, refresh_token });
  const one = await begin();
  const next = await refresh(one);
  expect(next.status).toBe(200);
  expect(next.body.refresh_token).not.toBe(one);
  expect((await refresh(one)).body.error).toBe('invalid_grant');
  expect((await refresh(String(next.body.refresh_token))).body.error).toBe('invalid_grant');
  const two = await begin();
  const revoked = await fetch(`${issuer}/token/revocation`, {
    method: 'POST',
    body: new URLSearchParams({ client_id, token: two }),
  });
  expect(revoked.status).toBe(200);
  expect((await refresh(two)).body.error).toBe('invalid_grant');
  const three = await begin();
  there = false;
  expect((await refresh(three)).body.error).toBe('invalid_grant');
});

test('registration takes safe redirects and grants that need a person, and is limited', async () => {
  const { env, issuer } = await world();
  for (const redirect_uris of [
    ['http://evil.example/callback'],
    ['javascript:alert(1)'],
    ['data:text/html,x'],
    ['https://a.example/#fragment'],
    ['https://user:password@a.example/'],
    [],
  ]) {
    const response = await register(issuer, { redirect_uris });
    expect({ redirect_uris, status: response.status }).toEqual({ redirect_uris, status: 400 });
  }
  for (const body of [
    { grant_types: ['client_credentials'] },
    { grant_types: ['urn:ietf:params:oauth:grant-type:token-exchange'] },
    { response_types: ['token'] },
    { token_endpoint_auth_method: 'private_key_jwt' },
  ])
    expect((await register(issuer, body)).status).toBe(400);
  const made = await registered(issuer, {
    scope: 'netmcp:admin',
    jwks_uri: 'http://127.0.0.1/',
    token_endpoint_auth_method: 'client_secret_post',
  });
  expect(made).not.toHaveProperty('scope');
  expect(made).not.toHaveProperty('jwks_uri');
  expect(made.client_secret).toMatch(/^[\w-]{40,}$/);
  let refused = 0;
  for (let i = 0; i < 40; i += 1) refused += (await register(issuer, {})).status === 429 ? 1 : 0;
  expect(refused).toBeGreaterThan(15);
  env.pass(60_000);
  expect((await register(issuer, {})).status).toBe(201);
});

test('reserved scopes cannot be consented to', async () => {
  const { management, issuer } = await world();
  const { client_id } = await registered(issuer);
  const person = browser(issuer);
  const page = await person.submit(
    await person.go(
      authAddress(issuer, {
        client_id,
        resource: management,
        scope: 'netmcp:use netmcp:admin netmcp:register',
      }),
    ),
    'login',
    [
      ['name', 'alice'],
      ['password', 'password-of-alice'],
    ],
  );
  expect(person.scopesOn(page)).toEqual(['netmcp:use']);
});
