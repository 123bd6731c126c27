import { connect } from 'node:http2';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { createSbiServer, operationOf, problem, recording, SbiClient } from '../../src/sbi/index.ts';
import { closing, testEnv } from './support.ts';

async function setUp() {
  const env = testEnv();
  const server = closing(await createSbiServer({ nf: 'PCF', host: '127.0.0.1', log: env.log }));
  const client = closing(new SbiClient({ env, timeoutMs: 1000 }));
  const ask = (
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    more: { body?: unknown; contentType?: string } = {},
  ) => client.request({ nf: 'PCF', base: server.url, method, path, ...more });
  return { env, server, client, ask };
}
const code = (name: string) => expect.objectContaining({ code: name });
const failed = (status: number, cause: string) =>
  expect.objectContaining({ code: 'SBI_FAILED', details: expect.objectContaining({ status, cause }) });

test('a route gets its parameters, query and checked body; its answer comes back', async () => {
  const { server, client } = await setUp();
  server.route('POST', '/x/v1/things/{id}/Part={part}', { body: z.object({ n: z.number() }) }, (call) => ({
    status: 201,
    body: { ...call.params, ...call.query, n: call.body.n + 1 },
    headers: { location: '/x/v1/things/7' },
  }));
  const answer = await client.request({
    nf: 'PCF',
    base: server.url,
    method: 'POST',
    path: '/x/v1/things/a%20b/Part=c',
    query: { q: 'ä&' },
    body: { n: 1 },
  });
  expect(answer).toMatchObject({ status: 201, body: { id: 'a b', part: 'c', q: 'ä&', n: 2 } });
  expect(answer.headers.location).toBe('/x/v1/things/7');
});

test('what a server refuses is a problem with a cause', async () => {
  const { env, server, ask } = await setUp();
  server.route('POST', '/x/v1/things', { body: z.object({ n: z.number() }) }, () => {
    throw problem(409, 'TAKEN');
  });
  server.route('GET', '/x/v1/broken', {}, () => {
    throw new Error('boom');
  });
  await expect(ask('GET', '/x/v1/none')).rejects.toEqual(failed(404, 'RESOURCE_URI_STRUCTURE_NOT_FOUND'));
  await expect(ask('PUT', '/x/v1/things')).rejects.toEqual(failed(405, 'METHOD_NOT_ALLOWED'));
  await expect(ask('POST', '/x/v1/things', { body: { n: 'x' } })).rejects.toEqual(
    failed(400, 'MANDATORY_IE_INCORRECT'),
  );
  await expect(ask('POST', '/x/v1/things', { body: { n: 1 }, contentType: 'text/plain' })).rejects.toEqual(
    failed(415, 'UNSUPPORTED_MEDIA_TYPE'),
  );
  await expect(ask('POST', '/x/v1/things', { body: { n: 1, x: 'x'.repeat(2 ** 20) } })).rejects.toEqual(
    failed(413, 'PAYLOAD_TOO_LARGE'),
  );
  await expect(ask('POST', '/x/v1/things', { body: { n: 1 } })).rejects.toEqual(failed(409, 'TAKEN'));
  expect(env.errors).toEqual([]);
  await expect(ask('GET', '/x/v1/broken')).rejects.toEqual(failed(500, 'SYSTEM_FAILURE'));
  expect(env.errors).toHaveLength(1);
});

test('a body that is no JSON is refused', async () => {
  const { server } = await setUp();
  server.route('POST', '/x/v1/things', { body: z.object({}) }, () => ({ status: 204 }));
  const session = connect(server.url);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/x/v1/things',
    'content-type': 'application/json',
  });
  stream.end('{"a":');
  const status = await new Promise((resolve) => stream.on('response', (got) => resolve(got[':status'])));
  session.destroy();
  expect(status).toBe(400);
});

test('ten streams at once, the others in order of arrival', async () => {
  const { server, ask } = await setUp();
  const arrived: number[] = [];
  const { promise: gate, resolve: release } = Promise.withResolvers<void>();
  const { promise: ten, resolve: full } = Promise.withResolvers<void>();
  server.route('GET', '/x/v1/n/{n}', {}, async ({ params }) => {
    arrived.push(Number(params.n));
    if (arrived.length === 10) full();
    await gate;
    return { status: 204 };
  });
  const all = Array.from({ length: 25 }, (_, n) => ask('GET', `/x/v1/n/${n}`));
  await ten;
  await new Promise((resolve) => setImmediate(resolve));
  expect(arrived).toHaveLength(10);
  release();
  await Promise.all(all);
  expect(arrived).toEqual(Array.from({ length: 25 }, (_, n) => n));
});

test('a late answer is a timeout, a withdrawn request is cancelled, and the connection lives on', async () => {
  const { env, server, client, ask } = await setUp();
  const seen: Array<() => void> = [];
  server.route('GET', '/x/v1/slow', {}, () => {
    seen.shift()?.();
    return new Promise((resolve) => late.push(() => resolve({ status: 204 })));
  });
  server.route('GET', '/x/v1/fast', {}, () => ({ status: 204 }));
  const late: Array<() => void> = [];
  const arrives = () => new Promise<void>((resolve) => seen.push(resolve));

  let there = arrives();
  const slow = ask('GET', '/x/v1/slow');
  await there;
  env.clock.advance(1000);
  await expect(slow).rejects.toEqual(code('SBI_TIMEOUT'));

  there = arrives();
  const stop = new AbortController();
  const dropped = client.request({
    nf: 'PCF',
    base: server.url,
    method: 'GET',
    path: '/x/v1/slow',
    signal: stop.signal,
  });
  await there;
  stop.abort();
  await expect(dropped).rejects.toEqual(code('SBI_CANCELLED'));
  expect((await ask('GET', '/x/v1/fast')).status).toBe(204);
  expect(env.clock.pending()).toBe(0);
  for (const end of late) end();
});

test('nobody there is unreachable; a server that comes back is reached again', async () => {
  const { env, client } = await setUp();
  const first = await createSbiServer({ nf: 'SMF', host: '127.0.0.1' });
  first.route('GET', '/x/v1/a', {}, () => ({ status: 200, body: 1 }));
  const ask = () => client.request({ nf: 'SMF', base: first.url, method: 'GET', path: '/x/v1/a' });
  expect((await ask()).body).toBe(1);
  await first.close();
  await expect(ask()).rejects.toEqual(code('SBI_UNREACHABLE'));
  const second = closing(await createSbiServer({ nf: 'SMF', host: '127.0.0.1', port: first.port }));
  second.route('GET', '/x/v1/a', {}, () => ({ status: 200, body: 2 }));
  expect((await ask()).body).toBe(2);
  expect(env.errors).toEqual([]);
});

test('a recording names every request without its ids', async () => {
  const { env, server, client } = await setUp();
  server.route('GET', '/x/v1/ues/{supi}', {}, () => ({ status: 200, body: {} }));
  const { client: recorded, chain } = recording(client, env.clock);
  const about = { nf: 'PCF', base: server.url, method: 'GET' } as const;
  await recorded.request({ ...about, path: '/x/v1/ues/imsi-00101' });
  await expect(recorded.request({ ...about, path: '/x/v1/none' })).rejects.toEqual(code('SBI_FAILED'));
  expect(chain).toEqual([
    { nf: 'PCF', operation: 'GET /x/v1/ues/{id}', status: 200, ms: 0 },
    { nf: 'PCF', operation: 'GET /x/v1/none', status: 404, ms: 0 },
  ]);
  expect(operationOf('PUT', '/ProvMnS/v1/RRMPolicyRatio=prb-1')).toBe('PUT /ProvMnS/v1/RRMPolicyRatio={id}');
  expect(operationOf('GET', '/A1-P/v2/policytypes/steering/policies/steer-1')).toBe(
    'GET /A1-P/v2/policytypes/steering/policies/{id}',
  );
});
