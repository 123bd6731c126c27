import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { connectPlain } from '../../src/netmcp/index.ts';
import { openSession } from '../../src/netmcp/session/client-session.ts';
import { type HostOptions, listenMcp } from '../../src/netmcp/session/host.ts';
import { createHttpPool } from '../../src/netmcp/session/keep-alive.ts';
import type { CallRequest } from '../../src/netmcp/session/server-session.ts';
import { testEnv, until } from './support/env.ts';
import { gate, sideOf } from './support/side.ts';
import { all, events, type RawEvent, rawSession } from './support/sse.ts';

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type Tools = Parameters<typeof sideOf>[0];

async function serve(tools: Tools, options: Partial<HostOptions> = {}) {
  const env = testEnv();
  const side = sideOf(tools);
  const host = await listenMcp({ env, host: '127.0.0.1', port: 0, side, ...options });
  closers.push(host.close);
  return { env, side, host, url: host.url };
}

const call = (id: number, name: string, meta: object = {}) => ({
  id,
  method: 'tools/call',
  params: { name, arguments: {}, _meta: meta },
});
const dataOf = (event: RawEvent) => JSON.parse(event.data) as Record<string, unknown>;
const textOf = (event: RawEvent) =>
  z.object({ result: z.object({ content: z.array(z.object({ text: z.string() })) }) }).parse(dataOf(event))
    .result.content[0]?.text;

/** Goes half, waits for the gate, then says the rest. */
function halfway() {
  const rest = gate();
  const begun = gate();
  const tool = async (request: CallRequest) => {
    request.progress({ progress: 1, total: 3 });
    begun.open();
    await rest.passed;
    request.progress({ progress: 2, total: 3 });
    return 'done';
  };
  return { rest, begun, tool };
}

test('an answer alone is JSON; with a progress token it is a stream with an id to resume from', async () => {
  const { url } = await serve({ quick: () => 'at once', told: (request) => halfwayless(request) });
  const session = await rawSession(url);
  const plain = await session.post(call(1, 'quick'));
  expect(plain.headers.get('content-type')).toBe('application/json');
  expect(await plain.json()).toMatchObject({ id: 1, result: { content: [{ text: 'at once' }] } });

  const streamed = await session.post(call(2, 'told', { progressToken: 't' }));
  expect(streamed.headers.get('content-type')).toBe('text/event-stream');
  const heard = await all(events(streamed));
  expect(heard.map(({ id }) => id)).toEqual(['c4-0', 'c4-1', 'c4-2']);
  expect(heard[0]).toMatchObject({ data: '', retry: '1000' });
  expect(dataOf(heard[1] as RawEvent)).toMatchObject({
    method: 'notifications/progress',
    params: { progress: 1 },
  });
  expect(textOf(heard[2] as RawEvent)).toBe('told');
});

function halfwayless(request: CallRequest): string {
  request.progress({ progress: 1, total: 1 });
  return 'told';
}

test('a client before 2025-11-25 gets no event without data', async () => {
  const { url } = await serve({ told: halfwayless });
  const session = await rawSession(url, '2025-06-18');
  const heard = await all(events(await session.post(call(1, 'told', { progressToken: 't' }))));
  expect(heard.map(({ id }) => id)).toEqual([null, null]);
});

test('a call that takes long becomes a stream, so that its answer can be fetched after a break', async () => {
  const work = halfway();
  const { url, env } = await serve({ long: work.tool });
  const session = await rawSession(url);
  const cut = new AbortController();
  const answer = session.post(call(1, 'long'), cut.signal);
  await work.begun.passed;
  env.pass(5_000);
  const first = await events(await answer).next();
  expect(first.value).toMatchObject({ data: '' });
  cut.abort();
  work.rest.open();
  const heard = await all(events(await session.get((first.value as RawEvent).id ?? '')));
  expect(heard.map(textOf)).toEqual(['done']);
});

test('a broken stream of a call resumes after the last event, nothing lost and nothing twice', async () => {
  const work = halfway();
  const { url } = await serve({ work: work.tool });
  const session = await rawSession(url);
  const cut = new AbortController();
  const stream = events(await session.post(call(1, 'work', { progressToken: 't' }), cut.signal));
  await stream.next();
  const heard = (await stream.next()).value as RawEvent;
  expect(dataOf(heard)).toMatchObject({ params: { progress: 1 } });
  cut.abort();

  // Comes back while the call runs, hears on, and the answer ends the stream.
  const resumed = events(await session.get(heard.id ?? ''));
  const next = resumed.next();
  work.rest.open();
  const second = (await next).value as RawEvent;
  expect(dataOf(second)).toMatchObject({ params: { progress: 2 } });
  const rest = await all(resumed);
  expect(rest.map(textOf)).toEqual(['done']);
  // And once more, after everything is over.
  const again = await all(events(await session.get(second.id ?? '')));
  expect(again.map(({ id }) => id)).toEqual(rest.map(({ id }) => id));
});

test('an event that is unknown, of another session or too old is refused', async () => {
  const { url, env } = await serve({ told: halfwayless });
  const session = await rawSession(url);
  const heard = await all(events(await session.post(call(1, 'told', { progressToken: 't' }))));
  const id = heard.at(0)?.id ?? '';
  const other = await rawSession(url);
  for (const [asker, asked] of [
    [other, id],
    [session, 'c99-1'],
    [session, 'c2-99'],
    [session, '__proto__-1'],
    [session, `${'9'.repeat(400)}`],
  ] as const) {
    expect((await asker.get(asked)).status).toBe(400);
  }
  expect((await all(events(await session.get(id)))).length).toBe(2);
  env.pass(300_001);
  await all(events(await session.post(call(2, 'told', { progressToken: 't' }))));
  expect((await session.get(id)).status).toBe(400);
});

test('what the server says while no stream is open is told when one opens', async () => {
  const { url, host, side } = await serve({});
  const session = await rawSession(url);
  const [peer] = host.peers();
  for (const n of [1, 2]) peer?.notify('notifications/test', { n });
  const cut = new AbortController();
  const stream = events(await session.get(undefined, cut.signal));
  const ns: unknown[] = [];
  let last = '';
  const hear = async () => {
    const event = (await stream.next()).value as RawEvent;
    last = event.id ?? last;
    if (event.data !== '') ns.push((dataOf(event).params as { n: number }).n);
  };
  for (let i = 0; i < 3; i += 1) await hear();
  peer?.notify('notifications/test', { n: 3 });
  await hear();
  expect(ns).toEqual([1, 2, 3]);
  expect(side.streams).toBe(1);
  cut.abort();
  await stream.next().catch(() => {});
  for (const n of [4, 5]) peer?.notify('notifications/test', { n });
  const resumed = events(await session.get(last));
  for (let i = 0; i < 2; i += 1) {
    ns.push((dataOf((await resumed.next()).value as RawEvent).params as { n: number }).n);
  }
  expect(ns).toEqual([1, 2, 3, 4, 5]);
  // Nothing was lost, so nothing has to be told anew.
  expect(side.streams).toBe(1);
});

test('a client that missed more than is kept hears what is left, and the state anew', async () => {
  const limits = { events: { events: 3, size: 10_000, ageMs: 60_000 } };
  const { url, host, side } = await serve({}, { limits });
  const session = await rawSession(url);
  const cut = new AbortController();
  const first = (await events(await session.get(undefined, cut.signal)).next()).value as RawEvent;
  cut.abort();
  expect(side.streams).toBe(1);
  for (let n = 1; n <= 5; n += 1) host.peers()[0]?.notify('notifications/test', { n });
  const resumed = events(await session.get(first.id ?? ''));
  const ns: number[] = [];
  for (let i = 0; i < 3; i += 1) {
    ns.push((dataOf((await resumed.next()).value as RawEvent).params as { n: number }).n);
  }
  expect(ns).toEqual([3, 4, 5]);
  await until(() => side.streams === 2);
});

test('one stream for the server at a time, and one id for each request in flight', async () => {
  const work = halfway();
  const { url } = await serve({ work: work.tool });
  const session = await rawSession(url);
  const stream = await session.get();
  expect(stream.status).toBe(200);
  expect((await session.get()).status).toBe(409);
  const first = session.post(call(7, 'work'));
  await work.begun.passed;
  expect((await session.post(call(7, 'work'))).status).toBe(400);
  work.rest.open();
  expect(await (await first).json()).toMatchObject({ id: 7 });
  expect((await session.drop()).status).toBe(200);
  expect((await session.post(call(8, 'work'))).status).toBe(404);
  await stream.body?.cancel();
});

test('progress of a call and of a vendor method reaches an SDK client and ours', async () => {
  const { url, env } = await serve({ told: halfwayless });
  const sdk = new Client({ name: 'sdk', version: '1' });
  closers.push(() => sdk.close());
  await sdk.connect(new StreamableHTTPClientTransport(new URL(url)));
  const heard: unknown[] = [];
  await sdk.callTool({ name: 'told', arguments: {} }, undefined, {
    onprogress: (progress) => heard.push(progress),
  });
  expect(heard).toEqual([{ progress: 1, total: 1 }]);

  const ours = await connectPlain({ env, target: url });
  closers.push(ours.close);
  const told: unknown[] = [];
  await ours.callTool('told', {}, { onProgress: (progress) => told.push(progress) });
  expect(told).toEqual([{ progress: 1, total: 1 }]);

  const pool = createHttpPool(2);
  const session = openSession({ env, agentId: 'a', serverId: 's', target: { url }, pool });
  closers.push(pool.close, session.close);
  await session.request('netmcp/servers/discover', {}, z.object({}), {
    onProgress: (progress) => told.push(progress),
  });
  expect(told.at(-1)).toEqual({ progress: 1, message: 'half' });
});

test('whoever lacks scopes hears it in the head of the answer, and documents are for everybody', async () => {
  const identity = { agent: 'netagent/a', authenticated: true, scopes: ['use'], actors: [] };
  const document = { resource: 'x' };
  const { url } = await serve(
    {},
    {
      side: {
        ...sideOf({}),
        async callTool(_, request) {
          expect(request.identity).toEqual(identity);
          return { content: [{ type: 'text', text: 'no' }], isError: true };
        },
      },
      protect: (resource) => ({
        authenticate: async ({ headers }) =>
          headers.authorization === 'Bearer t'
            ? { identity }
            : { status: 401, challenge: `Bearer resource="${resource}"`, message: 'who are you' },
        insufficient: (scopes) => `Bearer scope="${scopes.join(' ')}"`,
        documents: new Map([['/.well-known/oauth-protected-resource/mcp', document]]),
      }),
    },
  );
  const found = await fetch(new URL('/.well-known/oauth-protected-resource/mcp', url));
  expect(await found.json()).toEqual(document);
  const refused = await fetch(url, { method: 'POST' });
  expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
    401,
    `Bearer resource="${url}"`,
  ]);
  const sdk = new Client({ name: 'sdk', version: '1' });
  closers.push(() => sdk.close());
  await sdk.connect(
    new StreamableHTTPClientTransport(new URL(url), {
      requestInit: { headers: { authorization: 'Bearer t' } },
    }),
  );
  expect(await sdk.callTool({ name: 'x', arguments: {} })).toMatchObject({ isError: true });
});
