import { createHash, generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { challengesOf, digestAnswer } from '../../../src/workflow/calls/auth/digest.ts';
import { TOKEN_EXCHANGE } from '../../../src/workflow/calls/auth/policies.ts';
import { createCalls } from '../../../src/workflow/calls/index.ts';
import { callContext, faultOf, json, serve, settableEnv, type TestServer } from './kit.ts';

const policy = { allow: ['127.0.0.1'] };
let server: TestServer;
/** What the next request for a token is answered. */
let grant: (form: URLSearchParams, headers: Record<string, unknown>) => [number, unknown];
const md5 = (text: string) => createHash('md5').update(text).digest('hex');
const sha = (text: string) => createHash('sha256').update(text).digest('hex');

beforeAll(async () => {
  server = await serve(({ url, method, headers, body }, response) => {
    if (url === '/token' || url === '/oauth2/token') {
      const [status, answer] = grant(new URLSearchParams(body), headers);
      return json(response, answer, status);
    }
    if (url === '/oidc/.well-known/openid-configuration') {
      return json(response, { issuer: `${server.url}/oidc`, token_endpoint: `${server.url}/token` });
    }
    if (url === '/other/.well-known/openid-configuration') {
      return json(response, { issuer: 'https://evil.example', token_endpoint: `${server.url}/token` });
    }
    if (url.startsWith('/digest')) {
      const algorithm = url.includes('md5') ? 'MD5' : 'SHA-256';
      const [given] = challengesOf(headers.authorization ?? '');
      const hash = algorithm === 'MD5' ? md5 : sha;
      const of = (name: string) => given?.parameters.get(name) ?? '';
      const expected = hash(
        `${hash('me:the realm:pass')}:n0nce:${of('nc')}:${of('cnonce')}:auth:${hash(`${method}:${url}`)}`,
      );
      if (given === undefined || of('response') !== expected) {
        response.setHeader('www-authenticate', [
          'Basic realm="x"',
          `Digest realm="the realm", qop="auth,auth-int", algorithm=${algorithm}, nonce="n0nce"`,
        ]);
        return json(response, {}, 401);
      }
      return json(response, { body });
    }
    if (url === '/leak') return json(response, { you: headers.authorization, pass: 'hunter2' }, 400);
    return json(response, { authorization: headers.authorization });
  });
});
afterAll(() => server.close());

const get = (authentication: unknown, context = callContext(), path = '/', env = settableEnv()) =>
  createCalls({ env, policy }).http(
    { method: 'get', endpoint: { uri: server.url + path, authentication } },
    context,
  );

describe('credentials', () => {
  test('are basic and bearer, filled in from secrets, and told to the task', async () => {
    const told: string[][] = [];
    const context = callContext({
      secrets: { name: 'me', pass: 'pa:ss', token: 't0ken' },
      authorized: (...both) => told.push(both),
    });
    const basic = { username: '${ $secrets.name }', password: '${ $secrets.pass }' };
    expect(await get({ basic }, context)).toEqual({ authorization: `Basic ${btoa('me:pa:ss')}` });
    expect(await get({ bearer: { token: '${ $secrets.token }' } }, context)).toEqual({
      authorization: 'Bearer t0ken',
    });
    expect(told).toEqual([
      ['Basic', btoa('me:pa:ss')],
      ['Bearer', 't0ken'],
    ]);
  });

  test('are found by name, and whole in a secret', async () => {
    const context = callContext({
      authentications: { mine: { bearer: { use: 'stored' } } },
      secrets: { stored: { token: 'kept' }, text: '{"username":"a","password":"b"}' },
    });
    expect(await get({ use: 'mine' }, context)).toEqual({ authorization: 'Bearer kept' });
    expect(await get({ basic: { use: 'text' } }, context)).toEqual({ authorization: `Basic ${btoa('a:b')}` });
    expect(await faultOf(get({ use: 'constructor' }, context))).toMatchObject({ kind: 'configuration' });
  });

  test('that are wrong are told by field, never by value', async () => {
    for (const [authentication, problem] of [
      [{ basic: { username: 'a' } }, 'password'],
      [{ bearer: { token: 'a\r\nx-evil: 1' } }, ''],
      [{ apiKey: {} }, 'basic, bearer, digest'],
      [{ oauth2: { authority: server.url, grant: 'authorization_code' } }, ''],
    ] as const) {
      const fault = await faultOf(get(authentication));
      expect(fault).toMatchObject({ kind: 'configuration', detail: expect.stringContaining(problem) });
      expect(JSON.stringify(fault)).not.toContain('evil');
    }
  });

  test('are taken out of what a peer repeats in its error', async () => {
    const fault = await faultOf(
      get({ basic: { username: 'me', password: 'hunter2' } }, callContext(), '/leak'),
    );
    expect(fault.detail).toBe('{"you":"Basic ***","pass":"***"}');
  });

  test.each(['md5', 'sha'])('answer a digest challenge (%s)', async (hash) => {
    const { http } = createCalls({ env: settableEnv(), policy });
    const authentication = { digest: { username: 'me', password: 'pass' } };
    const call = (password: string) =>
      http(
        {
          method: 'post',
          body: { a: 1 },
          endpoint: {
            uri: `${server.url}/digest-${hash}?q=1`,
            authentication: { digest: { ...authentication.digest, password } },
          },
        },
        callContext(),
      );
    expect(await call('pass')).toEqual({ body: '{"a":1}' });
    expect(await faultOf(call('wrong'))).toMatchObject({ kind: 'communication', status: 401 });
  });

  test('answer a digest as RFC 7616 3.9.1 does', () => {
    const challenge = [
      'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5,',
      'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
    ].join(' ');
    const answer = digestAnswer(challenge, {
      method: 'GET',
      uri: '/dir/index.html',
      username: 'Mufasa',
      password: 'Circle of Life',
      cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
    });
    expect(answer).toContain('response="8ca523f5e9506fed4657c9700eebdbec"');
    const session = digestAnswer(challenge.replace('MD5', 'SHA-256'), {
      method: 'GET',
      uri: '/dir/index.html',
      username: 'Mufasa',
      password: 'Circle of Life',
      cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
    });
    expect(session).toContain('753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1');
    expect(
      digestAnswer('Digest realm="x", nonce="y"', {
        method: 'GET',
        uri: '/',
        username: '',
        password: '',
        cnonce: '',
      }),
    ).toBe(null);
  });
});

describe('tokens', () => {
  const client = { id: 'flow', secret: 's e:cret', authentication: 'client_secret_basic' };

  test('are kept until they expire by the clock, and asked for once by all who wait', async () => {
    let count = 0;
    grant = (form, headers) => {
      expect(headers.authorization).toBe(`Basic ${btoa('flow:s+e%3Acret')}`);
      expect(Object.fromEntries(form)).toEqual({
        grant_type: 'client_credentials',
        scope: 'a b',
        audience: 'x',
      });
      count += 1;
      return [200, { access_token: `token-${count}`, expires_in: 60 }];
    };
    const env = settableEnv();
    const { http } = createCalls({ env, policy });
    const oauth2 = { authority: server.url, client, scopes: ['a', 'b'], audiences: ['x'] };
    const endpoint = {
      uri: `${server.url}/`,
      authentication: { oauth2: { ...oauth2, endpoints: { token: '/oauth2/token' } } },
    };
    const call = () => http({ method: 'get', endpoint }, callContext());
    const token = (number: number) => ({ authorization: `Bearer token-${number}` });
    expect(await Promise.all([call(), call(), call()])).toEqual([token(1), token(1), token(1)]);
    env.set(env.clock.now() + 49_000);
    expect(await call()).toEqual(token(1));
    env.set(env.clock.now() + 2_000);
    expect(await call()).toEqual(token(2));
  });

  test('of a server without metadata come from the default place', async () => {
    grant = (form) => [200, { access_token: form.get('client_secret'), expires_in: 5 }];
    const oauth2 = { authority: server.url, client: { id: 'flow', secret: 'posted' } };
    expect(await get({ oauth2 })).toEqual({ authorization: 'Bearer posted' });
  });

  test('are had for a password, a refresh token and in exchange', async () => {
    const forms: Array<Record<string, string>> = [];
    grant = (form) => {
      forms.push(Object.fromEntries(form));
      return [200, { access_token: 't', expires_in: 60 }];
    };
    const base = { authority: `${server.url}/oidc`, client: { id: 'flow', authentication: 'none' } };
    await get({ oidc: { ...base, grant: 'password', username: 'u', password: 'p' } });
    await get({ oidc: { ...base, grant: 'refresh_token', subject: { token: 'r', type: 'refresh_token' } } });
    await get({
      oidc: {
        ...base,
        grant: TOKEN_EXCHANGE,
        subject: { token: 's', type: 'access_token' },
        actor: { token: 'a', type: 'urn:ietf:params:oauth:token-type:jwt' },
      },
    });
    expect(forms).toEqual([
      { client_id: 'flow', grant_type: 'password', username: 'u', password: 'p' },
      { client_id: 'flow', grant_type: 'refresh_token', refresh_token: 'r' },
      {
        client_id: 'flow',
        grant_type: TOKEN_EXCHANGE,
        subject_token: 's',
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        actor_token: 'a',
        actor_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      },
    ]);
  });

  test('that are refused are an error of authentication without a secret in it', async () => {
    grant = () => [400, { error: 'invalid_client', error_description: 's e:cret is wrong' }];
    const oauth2 = { authority: server.url, client, endpoints: { token: '/token' } };
    expect(await faultOf(get({ oauth2 }))).toEqual({
      kind: 'authentication',
      status: 401,
      title: `No token from ${server.url}/token`,
      detail: 'invalid_client',
    });
    grant = () => [503, {}];
    expect(await faultOf(get({ oauth2 }))).toMatchObject({ kind: 'communication', status: 503 });
  });

  test('are not taken from a server that speaks for another, nor from a place that is not allowed', async () => {
    expect(await faultOf(get({ oidc: { authority: `${server.url}/other`, client } }))).toMatchObject({
      kind: 'authentication',
      detail: 'https://evil.example',
    });
    expect(await faultOf(get({ oidc: { authority: 'http://127.0.0.2:1/', client } }))).toMatchObject({
      kind: 'authorization',
      status: 403,
    });
  });
});

describe('an OpenID provider', () => {
  let http: Server;
  let issuer: string;
  beforeAll(async () => {
    http = createServer();
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    issuer = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    const rows = new Map<string, unknown>();
    class Rows {
      upsert = async (id: string, row: unknown) => void rows.set(id, row);
      find = async (id: string) => rows.get(id);
      destroy = async (id: string) => void rows.delete(id);
    }
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const methods = ['client_secret_basic', 'client_secret_post', 'client_secret_jwt'] as const;
    const provider = new Provider(issuer, {
      features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
      adapter: Rows,
      jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: 'a' }] },
      ttl: { ClientCredentials: 600 },
      scopes: ['read'],
      clientAuthMethods: [...methods],
      clients: methods.map((method) => ({
        client_id: method,
        client_secret: 'a secret of more than thirty-two letters',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        scope: 'read',
        token_endpoint_auth_method: method,
      })),
    });
    http.on('request', provider.callback());
  });
  afterAll(() => {
    http.close();
    http.closeAllConnections();
  });

  test.each(['client_secret_basic', 'client_secret_post', 'client_secret_jwt'])(
    'gives a token to a client by %s',
    async (way) => {
      const env = settableEnv();
      env.set(Date.now());
      const secret = 'a secret of more than thirty-two letters';
      const oidc = { authority: issuer, scopes: ['read'], client: { id: way, secret, authentication: way } };
      expect(await get({ oidc }, callContext(), '/', env)).toEqual({
        authorization: expect.stringMatching(/^Bearer [\w-]{20,}$/),
      });
      const wrong = { ...oidc, client: { ...oidc.client, secret: `${secret}!` } };
      expect(await faultOf(get({ oidc: wrong }, callContext(), '/', env))).toMatchObject({
        kind: 'authentication',
        detail: 'invalid_client',
      });
    },
  );
});
