import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { openSession } from '../../src/netmcp/session/client-session.ts';
import { createHttpPool } from '../../src/netmcp/session/keep-alive.ts';
import { testEnv } from './support/env.ts';

const closers: Array<() => Promise<unknown> | unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Message {
  id?: number;
  method: string;
}
type Answer = (response: ServerResponse, id: number) => void;
type Resume = (response: ServerResponse, lastEventId: string, nth: number) => void;

/** A plain MCP server written by hand, whose event streams end as a test wants. */
async function session(answer: Answer, resume: Resume = (response) => response.writeHead(405).end()) {
  const resumed: string[] = [];
  const http = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    if (request.method === 'GET') {
      const last = request.headers['last-event-id'];
      if (last === undefined) return response.writeHead(405).end();
      resumed.push(String(last));
      return resume(response, String(last), resumed.length);
    }
    if (request.method === 'DELETE') return response.writeHead(200).end();
    let body = '';
    for await (const chunk of request) body += chunk;
    const { id, method } = JSON.parse(body) as Message;
    if (id === undefined) return response.writeHead(202).end();
    if (method !== 'initialize') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      return answer(response, id);
    }
    const result = {
      protocolVersion: '2025-11-25',
      capabilities: { tools: {} },
      serverInfo: { name: 'raw', version: '1' },
    };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', () => resolve()));
  const pool = createHttpPool();
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
  const opened = openSession({ env: testEnv(), agentId: 'a', serverId: 's', target: { url }, pool });
  closers.push(
    () => new Promise((resolve) => http.close(resolve)),
    () => pool.close(),
    () => http.closeAllConnections(),
    () => opened.close(),
  );
  await opened.ready();
  return { call: () => opened.call('t', {}, {}, { timeoutMs: 600_000 }), resumed };
}

const text = (value: string) => ({ content: [{ type: 'text', text: value }] });
const event = (id: number, value = 'done') =>
  `data: ${JSON.stringify({ jsonrpc: '2.0', id, result: text(value) })}\n\n`;
const lost = (problem: string) => ({
  code: 'NETMCP_LOST',
  details: { executed: 'maybe', problem: expect.stringContaining(problem) },
});

test('a stream that ends without the response, and gave no event id, loses the call at once', async () => {
  const { call } = await session((response) => response.end(': nothing\n\n'));
  await expect(call()).rejects.toMatchObject(lost('ended without it'));
});

test('a stream that is cut off loses the call at once, and half an event is none', async () => {
  const { call } = await session((response, id) => {
    response.write(event(id).trimEnd());
    response.write('\nid: 7', () => response.destroy());
  });
  await expect(call()).rejects.toMatchObject(lost('was cut'));
});

test('a response that comes with the end of its stream counts', async () => {
  const { call } = await session((response, id) => response.end(event(id)));
  expect(await call()).toEqual(text('done'));
});

test('an error of the server that ends its stream is that error', async () => {
  const { call } = await session((response, id) =>
    response.end(
      `data: ${JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32602, message: 'bad' } })}\n\n`,
    ),
  );
  await expect(call()).rejects.toMatchObject({ code: 'NETMCP_REJECTED' });
});

test('a stream with an event id is resumed from it, as often as it is cut', async () => {
  let asked = 0;
  const { call, resumed } = await session(
    (response, id) => {
      asked = id;
      response.write('retry: 1\nid: e1\ndata:\n\n', () => response.destroy());
    },
    (response, _, nth) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      // The second brings nothing new: it goes on from the id of the first.
      if (nth === 1) response.end('id: e2\ndata:\n\n');
      else response.end(nth === 2 ? ': quiet\n\n' : event(asked));
    },
  );
  expect(await call()).toEqual(text('done'));
  expect(resumed).toEqual(['e1', 'e2', 'e2']);
});

test('a failed try to resume is made good by the next; the last that may fail loses the call', async () => {
  let asked = 0;
  const start: Answer = (response, id) => {
    asked = id;
    response.end('retry: 1\nid: e1\ndata:\n\n');
  };
  const good = await session(start, (response, _, nth) => {
    if (nth === 1) return void response.writeHead(503).end();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(event(asked));
  });
  expect(await good.call()).toEqual(text('done'));
  const bad = await session(start, (response) => response.writeHead(503).end());
  await expect(bad.call()).rejects.toMatchObject(lost('HTTP 503'));
  expect(bad.resumed).toEqual(['e1', 'e1']);
});

test('a server that resumes no streams loses the call at the first try', async () => {
  const { call, resumed } = await session((response) => response.end('retry: 1\nid: e1\ndata:\n\n'));
  await expect(call()).rejects.toMatchObject(lost('HTTP 405'));
  expect(resumed).toEqual(['e1']);
});
