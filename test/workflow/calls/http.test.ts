import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCalls } from '../../../src/workflow/calls/index.ts';
import { callContext, faultOf, json, PATIENCE, serve, settableEnv, type TestServer } from './kit.ts';

let server: TestServer;
let other: TestServer;
beforeAll(async () => {
  other = await serve(({ headers }, response) => json(response, { place: 'other', headers }));
  server = await serve((seen, response) => {
    const { pathname, searchParams } = new URL(seen.url, 'http://localhost');
    if (pathname.startsWith('/pets/')) return json(response, { id: pathname.slice(6), ok: true });
    if (pathname === '/echo') return json(response, seen);
    if (pathname === '/binary') {
      return response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.from([0x89, 0x50, 0xff]));
    }
    if (pathname === '/text') {
      return response.writeHead(200, { 'content-type': 'text/plain' }).end('plain words');
    }
    if (pathname === '/broken') {
      return response.writeHead(200, { 'content-type': 'application/json' }).end('{"a":');
    }
    if (pathname === '/nothing') return response.writeHead(204).end();
    if (pathname === '/teapot') return json(response, { reason: 'no coffee' }, 418);
    if (pathname === '/redirect') {
      const status = Number(searchParams.get('status') ?? 302);
      return response.writeHead(status, { location: searchParams.get('to') ?? '/echo' }).end();
    }
    if (pathname === '/endless') {
      response.writeHead(200, { 'content-type': 'text/plain' });
      const more = () => {
        if (response.destroyed) return;
        if (response.write(Buffer.alloc(1 << 20, 'x'))) setImmediate(more);
        else response.once('drain', more);
      };
      return more();
    }
    if (pathname === '/slow') return undefined;
    return json(response, {}, 404);
  });
});
afterAll(() => Promise.all([server.close(), other.close()]));

const calls = () => createCalls({ env: settableEnv(), policy: { allow: [`127.0.0.1:${server.port}`] } });
const http = (args: Record<string, unknown>, context = callContext()) =>
  calls().http({ method: 'get', ...args }, context);

describe('a request', () => {
  test('takes names in its address from the input, verbatim and encoded', async () => {
    const context = callContext({ input: { 'pet.id': 'a/../b?c', pet: { id: 'no' } } });
    expect(await http({ endpoint: `${server.url}/pets/{pet.id}` }, context)).toEqual({
      id: 'a%2F..%2Fb%3Fc',
      ok: true,
    });
    expect(await http({ endpoint: { uri: `${server.url}/pets/{missing}` } })).toEqual({ id: '', ok: true });
    const nested = callContext({ input: { pet: {} } });
    expect(await faultOf(http({ endpoint: `${server.url}/pets/{pet}` }, nested))).toMatchObject({
      kind: 'expression',
      status: 400,
    });
  });

  test('carries query, headers and a JSON body, and a key for what it changes', async () => {
    const sent = (await http({
      method: 'POST',
      endpoint: `${server.url}/echo?a=1`,
      query: { b: [2, 3], c: null, d: true },
      headers: { 'X-Trace': 'abc' },
      body: { name: 'x' },
    })) as Record<string, never>;
    expect(sent).toMatchObject({
      method: 'POST',
      url: '/echo?a=1&b=2&b=3&d=true',
      body: '{"name":"x"}',
      headers: {
        'x-trace': 'abc',
        'content-type': 'application/json',
        'idempotency-key': 'instance-1/do/0/call/1',
      },
    });
    const own = await http({
      method: 'put',
      endpoint: `${server.url}/echo`,
      headers: { 'Idempotency-Key': 'k' },
    });
    expect(own).toMatchObject({ headers: { 'idempotency-key': 'k' } });
    const read = (await http({ endpoint: `${server.url}/echo` })) as { headers: object };
    expect(read.headers).not.toHaveProperty('idempotency-key');
    const odd = callContext({ idempotencyKey: 'Schlüssel\r\nX-Evil: 1' });
    const derived = (await http({ method: 'delete', endpoint: `${server.url}/echo` }, odd)) as {
      headers: Record<string, string>;
    };
    expect(derived.headers['idempotency-key']).toMatch(/^[0-9a-f]{64}$/);
    expect(derived.headers).not.toHaveProperty('x-evil');
  });

  test('writes its body as its content type says', async () => {
    const as = async (type: string, body: unknown) =>
      (
        (await http({
          method: 'post',
          endpoint: `${server.url}/echo`,
          headers: { 'content-type': type },
          body,
        })) as { body: string }
      ).body;
    expect(await as('application/x-www-form-urlencoded', { a: 'x y', b: [1, 2] })).toBe('a=x+y&b=1&b=2');
    expect(await as('text/plain', 'words')).toBe('words');
    expect(await as('application/merge-patch+json', { a: null })).toBe('{"a":null}');
    expect(await as('multipart/form-data', { a: 'x' })).toContain('name="a"');
    expect(await faultOf(as('application/xml', { a: 1 }))).toMatchObject({ kind: 'validation', status: 400 });
    expect(await faultOf(http({ endpoint: `${server.url}/echo`, body: {} }))).toMatchObject({
      kind: 'configuration',
    });
  });

  test('that says too little or too much is refused by the name of the field', async () => {
    expect(await faultOf(calls().http({ endpoint: server.url, verb: 1 }, callContext()))).toEqual({
      kind: 'configuration',
      status: 400,
      title: 'call: http is incomplete or wrong',
      detail: expect.stringContaining('with.method'),
    });
    for (const endpoint of ['/relative', 'ftp://127.0.0.1/', 'http://user:pass@127.0.0.1/']) {
      expect(await faultOf(http({ endpoint }))).toMatchObject({ kind: 'configuration' });
    }
  });
});

describe('an answer', () => {
  test('is its content, its bytes, or all of it', async () => {
    expect(await http({ endpoint: `${server.url}/text` })).toBe('plain words');
    expect(await http({ endpoint: `${server.url}/nothing` })).toBe(null);
    expect(await http({ endpoint: `${server.url}/binary` })).toBe('iVD/');
    expect(await http({ endpoint: `${server.url}/text`, output: 'raw' })).toBe(btoa('plain words'));
    expect(
      await http({
        endpoint: `${server.url}/pets/7`,
        headers: { authorization: 'Bearer secret', accept: 'application/json' },
        output: 'response',
      }),
    ).toEqual({
      request: { method: 'GET', uri: `${server.url}/pets/7`, headers: { accept: 'application/json' } },
      statusCode: 200,
      headers: expect.objectContaining({ 'content-type': 'application/json' }),
      content: { id: '7', ok: true },
    });
  });

  test('outside 200-299 is an error of its status; so is JSON that is none', async () => {
    expect(await faultOf(http({ endpoint: `${server.url}/teapot?key=secret` }))).toEqual({
      kind: 'communication',
      status: 418,
      title: `GET ${server.url}/teapot was answered with 418`,
      detail: '{"reason":"no coffee"}',
    });
    expect(await faultOf(http({ endpoint: `${server.url}/broken` }))).toMatchObject({
      kind: 'communication',
      status: 502,
    });
  });

  test('that nobody gives is 503', async () => {
    const gone = await serve(() => {});
    await gone.close();
    const { http: call } = createCalls({ env: settableEnv(), policy: { allow: ['*'] } });
    expect(await faultOf(call({ method: 'get', endpoint: gone.url }, callContext()))).toMatchObject({
      kind: 'communication',
      status: 503,
      detail: 'ECONNREFUSED',
    });
  });

  test('without end is cut off', async () => {
    expect(await faultOf(http({ endpoint: `${server.url}/endless` }))).toMatchObject({
      kind: 'communication',
      status: 502,
      title: expect.stringContaining('larger than'),
    });
  });

  test('that does not come is not waited for after the task is left', async () => {
    const controller = new AbortController();
    const call = http({ endpoint: `${server.url}/slow` }, callContext({ signal: controller.signal }));
    const before = server.seen.length;
    await expect.poll(() => server.seen.length, PATIENCE).toBe(before + 1);
    controller.abort(new Error('left'));
    await expect(call).rejects.toThrow('left');
  });
});

describe('a redirect', () => {
  test('is an error, unless it may be followed', async () => {
    expect(await faultOf(http({ endpoint: `${server.url}/redirect` }))).toMatchObject({ status: 302 });
    expect(await http({ endpoint: `${server.url}/redirect`, redirect: true })).toMatchObject({
      url: '/echo',
    });
    const posted = await http({
      method: 'post',
      endpoint: `${server.url}/redirect?status=303`,
      body: { a: 1 },
      redirect: true,
    });
    expect(posted).toMatchObject({ method: 'GET', body: '' });
    const kept = await http({
      method: 'post',
      endpoint: `${server.url}/redirect?status=307`,
      body: { a: 1 },
      redirect: true,
    });
    expect(kept).toMatchObject({ method: 'POST', body: '{"a":1}' });
  });

  test('round and round ends', async () => {
    const to = encodeURIComponent('/redirect?to=/redirect');
    const loop = await serve((_, response) => response.writeHead(302, { location: '/' }).end());
    const { http: call } = createCalls({ env: settableEnv(), policy: { allow: ['*'] } });
    expect(
      await faultOf(call({ method: 'get', endpoint: `${loop.url}/?${to}`, redirect: true }, callContext())),
    ).toMatchObject({ status: 508 });
    await loop.close();
  });

  test('does not lead to a place that the policy does not allow', async () => {
    const to = encodeURIComponent(`${other.url}/`);
    expect(
      await faultOf(http({ endpoint: `${server.url}/redirect?to=${to}`, redirect: true })),
    ).toMatchObject({
      kind: 'authorization',
      status: 403,
      detail: expect.stringContaining(`:${other.port}`),
    });
    expect(other.seen).toEqual([]);
  });

  test('to another origin carries no keys', async () => {
    const { http: call } = createCalls({ env: settableEnv(), policy: { allow: ['127.0.0.1'] } });
    const to = encodeURIComponent(`${other.url}/`);
    const reached = (await call(
      {
        method: 'get',
        endpoint: {
          uri: `${server.url}/redirect?to=${to}`,
          authentication: { bearer: { token: 'secret' } },
        },
        headers: { 'x-api-key': 'key', cookie: 'a=b', accept: 'application/json' },
        redirect: true,
      },
      callContext(),
    )) as { headers: Record<string, string> };
    expect(reached.headers.accept).toBe('application/json');
    for (const name of ['authorization', 'x-api-key', 'cookie']) {
      expect(reached.headers).not.toHaveProperty(name);
    }
    expect(server.seen.at(-1)?.headers.authorization).toBe('Bearer secret');
  });
});

test('a network that is handed in is judged by the addresses as they are written', async () => {
  const asked: string[] = [];
  const { http: call } = createCalls({
    env: settableEnv(),
    policy: { allow: [] },
    fetch: async (url) => {
      asked.push(String(url));
      return Response.json({ id: 1 });
    },
  });
  const to = (endpoint: string) => call({ method: 'get', endpoint }, callContext());
  expect(await to('https://petstore.example/v2/pet/1')).toEqual({ id: 1 });
  for (const endpoint of ['http://localhost/', 'http://0x7f.1/', 'http://[::1]/', 'http://a.localhost./']) {
    expect(await faultOf(to(endpoint))).toMatchObject({ kind: 'authorization', status: 403 });
  }
  expect(asked).toEqual(['https://petstore.example/v2/pet/1']);
});

describe('headers', () => {
  test('cannot smuggle others, nor speak past the client', async () => {
    for (const headers of [{ a: 'b\r\nx-evil: 1' }, { 'a\nb': 'c' }, { 'bad name': 'x' }]) {
      expect(await faultOf(http({ endpoint: `${server.url}/echo`, headers }))).toMatchObject({
        kind: 'validation',
      });
    }
    for (const name of ['Host', 'Content-Length', 'Transfer-Encoding']) {
      expect(await faultOf(http({ endpoint: `${server.url}/echo`, headers: { [name]: 'x' } }))).toMatchObject(
        { kind: 'configuration' },
      );
    }
  });
});
