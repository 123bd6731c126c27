import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { ElicitResultSchema, type JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { createEventLog } from '../../src/netmcp/transport/event-log.ts';
import { createStreamable, type StreamableOptions } from '../../src/netmcp/transport/streamable.ts';
import { testEnv, until } from './support/env.ts';
import { fakeExchange } from './support/exchange.ts';

function session(options: Partial<StreamableOptions> = {}) {
  const env = testEnv();
  const streamable = createStreamable({
    env,
    sessionId: 's',
    streamAfterMs: 5_000,
    retryMs: 1_000,
    keepAliveMs: 15_000,
    onStream: () => {},
    ...options,
  });
  return { env, streamable };
}

const notice = (n: number): JSONRPCMessage => ({ jsonrpc: '2.0', method: 'notifications/n', params: { n } });
const VERSION = '2025-11-25';

test('whatever breaks, a client that comes back by its last id hears each message once and in order', async () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.constant({ kind: 'tell' as const }) },
    // The connection breaks, and some of what was written never arrived.
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('cut' as const), lost: fc.nat(4) }) },
    { weight: 2, arbitrary: fc.constant({ kind: 'return' as const }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { streamable } = session();
      const heard: number[] = [];
      let told = 0;
      let last = '';
      let connection: ReturnType<typeof fakeExchange> | null = null;
      const connect = () => {
        connection = fakeExchange(last === '' ? {} : { 'last-event-id': last });
        streamable.get(connection, VERSION);
        expect(connection.status).toBe(200);
      };
      const arrive = (lost: number) => {
        const events = connection?.events() ?? [];
        for (const { id, data } of events.slice(0, Math.max(last === '' ? 1 : 0, events.length - lost))) {
          last = id;
          if (data !== '') heard.push((JSON.parse(data) as { params: { n: number } }).params.n);
        }
        connection?.cut();
        connection = null;
      };
      for (const { kind, ...more } of [...steps, { kind: 'return' as const }]) {
        if (kind === 'tell') {
          told += 1;
          await streamable.transport.send(notice(told));
        } else if (kind === 'cut' && connection !== null) {
          arrive('lost' in more ? more.lost : 0);
        } else if (kind === 'return' && connection === null) connect();
      }
      arrive(0);
      expect(heard).toEqual(Array.from({ length: told }, (_, i) => i + 1));
    }),
    { numRuns: 300 },
  );
});

test('a log keeps within its limits, and knows what it forgot', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(30), fc.nat(40)), { maxLength: 80 }),
      fc.nat(80),
      (appends, asked) => {
        const env = testEnv();
        const log = createEventLog(env.clock, { events: 10, size: 150, ageMs: 100 });
        const all = new Map<string, string[]>();
        for (const [stream, length, ms] of appends) {
          env.pass(ms);
          const data = 'x'.repeat(length);
          all.set(stream, [...(all.get(stream) ?? []), data]);
          log.append(stream, data);
        }
        let kept = 0;
        let size = 0;
        for (const [stream, texts] of all) {
          const { events, gap } = log.from(stream, 1);
          kept += events.length;
          size += events.reduce((sum, { data }) => sum + data.length, 0);
          expect(events.map(({ data }) => data)).toEqual(texts.slice(texts.length - events.length));
          expect(gap).toBe(events.length < texts.length);
          const after = log.after(`${stream}-${asked}`);
          if (asked > texts.length) expect(after).toBeNull();
          else expect(after?.gap).toBe(texts.length - events.length > asked);
        }
        expect(kept).toBeLessThanOrEqual(10);
        expect(size).toBeLessThanOrEqual(150);
      },
    ),
  );
});

/** A server of the SDK on our transport, with a tool that asks the user and one that lets go of its stream. */
async function sdkServer() {
  const { env, streamable } = session();
  const server = new Server({ name: 's', version: '1' }, { capabilities: { tools: {} } });
  server.setRequestHandler(
    z.object({ method: z.literal('x/ask'), params: z.unknown() }),
    async (_, extra) => ({
      answer: await extra.sendRequest(
        { method: 'elicitation/create', params: { message: 'sure?' } } as never,
        ElicitResultSchema,
      ),
    }),
  );
  server.setRequestHandler(
    z.object({ method: z.literal('x/poll'), params: z.unknown() }),
    async (_, extra) => {
      extra.closeSSEStream?.();
      await extra.sendNotification({
        method: 'notifications/progress',
        params: { progressToken: 1, progress: 1 },
      });
      return { polled: true };
    },
  );
  await server.connect(streamable.transport);
  const post = (message: object, exchange = fakeExchange()) => {
    streamable.post(
      exchange,
      { messages: [{ jsonrpc: '2.0', ...message } as JSONRPCMessage], batch: false },
      undefined,
      VERSION,
    );
    return exchange;
  };
  return { env, streamable, post };
}

test('a request of the server that belongs to a call makes its answer a stream', async () => {
  const { post } = await sdkServer();
  const exchange = post({ id: 1, method: 'x/ask', params: {} });
  const asked = await until(() => exchange.events().find(({ data }) => data.includes('elicitation/create')));
  const { id } = JSON.parse(asked.data) as { id: number };
  expect(post({ id, result: { action: 'accept', content: {} } }).status).toBe(202);
  const answer = await until(() => exchange.events().find(({ data }) => data.includes('"result"')));
  expect(JSON.parse(answer.data)).toMatchObject({ id: 1, result: { answer: { action: 'accept' } } });
  expect(exchange.open()).toBe(false);
});

test('a server that lets go of a stream is polled for the rest', async () => {
  const { post, streamable } = await sdkServer();
  const exchange = post({ id: 1, method: 'x/poll', params: {} });
  await until(() => !exchange.open());
  expect(exchange.events()).toEqual([{ id: 'c1-0', data: '' }]);
  const poll = fakeExchange({ 'last-event-id': 'c1-0' });
  streamable.get(poll, VERSION);
  await until(() => !poll.open());
  expect(poll.events().map(({ id }) => id)).toEqual(['c1-1', 'c1-2']);
  expect(poll.events()[1]?.data).toContain('"polled":true');
});

test('a batch is answered as a batch, and calls in flight are counted', async () => {
  const { post, streamable } = await sdkServer();
  const exchange = fakeExchange();
  const request = (id: number) => ({ jsonrpc: '2.0' as const, id, method: 'x/none', params: {} });
  streamable.post(exchange, { messages: [request(1), request(2)], batch: true }, undefined, '2025-03-26');
  await until(() => !exchange.open());
  expect(exchange.json).toMatchObject([{ id: 1 }, { id: 2 }]);
  for (let id = 10; id < 266; id += 1) post({ id, method: 'x/ask', params: {} });
  expect(post({ id: 999, method: 'x/ask', params: {} }).status).toBe(503);
});
