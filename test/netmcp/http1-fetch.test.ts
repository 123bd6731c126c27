import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';
import { afterEach, expect, test } from 'vitest';
import { http1Fetch } from '../../src/netmcp/session/http1-fetch.ts';

const closers: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function post(status: number, headers: Record<string, string>, body: string, signal?: AbortSignal) {
  const http = createServer((request, response) => {
    request.resume();
    response.writeHead(status, headers);
    response.end(body);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', () => resolve()));
  const dispatcher = new Agent();
  closers.push(
    () => new Promise((resolve) => http.close(resolve)),
    () => dispatcher.destroy(),
  );
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
  const init = { method: 'POST', body: '{}', redirect: 'error' as const, ...(signal && { signal }) };
  return http1Fetch(dispatcher, url, init);
}

test('one JSON message: status, headers in any case, the body once', async () => {
  const answer = await post(200, { 'content-type': 'application/json', 'Mcp-Session-Id': 's' }, '{"a":1}');
  expect([answer.ok, answer.status, answer.headers.get('mcp-session-id')]).toEqual([true, 200, 's']);
  expect(answer.headers.has('absent')).toBe(false);
  expect(await answer.json()).toEqual({ a: 1 });
  expect(answer.bodyUsed).toBe(true);
});

test('a Response can be made of it', async () => {
  const answer = await post(200, { 'content-type': 'application/json', 'x-more': 'y' }, '{"a":1}');
  const other = new Response(await answer.text(), answer);
  expect([other.headers.get('content-type'), other.headers.get('x-more')]).toEqual(['application/json', 'y']);
});

test('a stream, a refusal and an empty answer are real responses; a redirect is refused', async () => {
  const stream = await post(200, { 'content-type': 'text/event-stream' }, 'data: {}\n\n');
  expect(stream).toBeInstanceOf(Response);
  expect(await stream.text()).toBe('data: {}\n\n');
  expect(await (await post(404, {}, 'gone')).text()).toBe('gone');
  expect((await post(202, {}, '')).body).toBeNull();
  await expect(post(307, { location: '/other' }, '')).rejects.toThrow(TypeError);
});

test('who has given up already sends nothing', async () => {
  await expect(post(200, {}, '', AbortSignal.abort(new Error('over')))).rejects.toThrow('over');
});
