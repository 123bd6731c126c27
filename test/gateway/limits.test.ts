import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { TaskState } from '@a2a-js/sdk';
import { AgentEvent, type AgentExecutor } from '@a2a-js/sdk/server';
import { afterEach, describe, expect, test } from 'vitest';
import { isTooDeep, isValueTooDeep, StreamSlots } from '../../src/gateway/limits.ts';
import { recorder, request, textPart } from '../bus/support.ts';
import { CENTRAL, clientFor, rpc, type Stage, stage } from './support.ts';

let at: Stage;
afterEach(() => at?.close());

const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const send = (data: string) =>
  `{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"data":${data}}]}}}`;
/** Levels of `send` around the data. */
const AROUND = 5;

describe('nesting', () => {
  test('is counted in the bytes; brackets in strings do not count', () => {
    const deep = (text: string, limit = 3) => isTooDeep(Buffer.from(text), limit);
    expect(deep(nested(3))).toBe(false);
    expect(deep(nested(4))).toBe(true);
    expect(deep('[[["[[[[", "\\"[[[["]]]')).toBe(false);
    expect(deep('[[["\\\\",[1]]]]')).toBe(true);
    expect(deep('{"a":[],"b":[],"c":[],"d":[]}')).toBe(false);
  });

  test('is counted in values too', () => {
    expect(isValueTooDeep(JSON.parse(nested(3)), 3)).toBe(false);
    expect(isValueTooDeep(JSON.parse(nested(4)), 3)).toBe(true);
    expect(isValueTooDeep({ raw: Buffer.alloc(1000), n: null }, 3)).toBe(false);
  });

  test('beyond 64 levels is refused on every binding, as is a text in UTF-16', async () => {
    at = await stage(recorder());
    const url = `${at.gateway.url}/a2a`;
    expect((await rpc(url, send(nested(64 - AROUND)))).body.result).toBeDefined();
    const deep = await rpc(url, send(nested(65 - AROUND)));
    expect([deep.status, deep.body.error?.code]).toEqual([400, -32600]);
    expect(deep.body.error?.data?.[0]?.reason).toBe('GATEWAY_TOO_DEEP');
    const huge = await rpc(url, send(nested(50_000)));
    expect(huge.status).toBe(400);
    const rest = await fetch(`${at.gateway.url}/v1/message:send`, {
      method: 'POST',
      headers: { 'content-type': 'application/a2a+json', 'a2a-version': '1.0' },
      body: `{"message":{"messageId":"m","parts":[{"data":${nested(80)}}]}}`,
    });
    expect(rest.status).toBe(400);
    const wide = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-16le', 'a2a-version': '1.0' },
      body: Buffer.from(send(nested(80)), 'utf16le'),
    });
    expect(wide.status).toBe(400);
    const grpc = await clientFor(at.gateway.url, 'GRPC');
    const params = request('x');
    params.message.parts = [
      { ...textPart(''), content: { $case: 'data', value: JSON.parse(nested(80)) } } as never,
    ];
    await expect(grpc.sendMessage(params)).rejects.toThrow(/INVALID_ARGUMENT|deeper/);
  });
});

test('a body beyond the limit is refused with 413, also where it is small on the wire', async () => {
  at = await stage(recorder(), { limits: { bodyBytes: 10_000 } });
  const url = `${at.gateway.url}/a2a`;
  const large = send(`"${'x'.repeat(10_000)}"`);
  const answer = await rpc(url, large);
  expect([answer.status, answer.body.error?.data?.[0]?.reason]).toEqual([413, 'GATEWAY_TOO_LARGE']);
  const zipped = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-encoding': 'gzip', 'a2a-version': '1.0' },
    body: gzipSync(large),
  });
  expect(zipped.status).toBe(413);
  const grpc = await clientFor(at.gateway.url, 'GRPC');
  await expect(grpc.sendMessage(request('x'.repeat(10_001)))).rejects.toThrow(/larger|RESOURCE_EXHAUSTED/);
});

test('slots are counted by client and come back once', () => {
  const slots = new StreamSlots(2);
  const first = slots.take('a');
  slots.take('a');
  slots.take('b');
  expect(() => slots.take('a')).toThrow(/2 open streams/);
  first();
  first();
  slots.take('a');
  expect(() => slots.take('a')).toThrow();
});

test('a client has only so many streams; a closed one makes room', async () => {
  const executor = recorder();
  at = await stage(executor, { limits: { streamsPerClient: 2 } });
  const client = await clientFor(at.gateway.url, 'HTTP+JSON');
  const open = [client.sendMessageStream(request('wait')), client.sendMessageStream(request('wait'))];
  for (const stream of open) await stream.next();
  const third = client.sendMessageStream(request('wait'));
  await expect(third.next()).rejects.toMatchObject({ message: expect.stringMatching(/2 open streams|429/) });
  const rest = await fetch(`${at.gateway.url}/v1/message:stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'a2a-version': '1.0' },
    body: '{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"wait"}]}}',
  });
  expect(rest.status).toBe(429);
  executor.release();
  for (const stream of open) for await (const _ of stream);
  expect((await client.sendMessageStream(request('more')).next()).done).toBe(false);
});

test('a blocking send that takes too long is 504 and names the task, which goes on', async () => {
  const executor = recorder();
  at = await stage(executor, { limits: { requestMs: 150 } });
  const post = (path: string, body: string) =>
    fetch(`${at.gateway.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'a2a-version': '1.0' },
      body,
    });
  const late = await post(
    '/v1/message:send',
    '{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"wait"}]}}',
  );
  expect(late.status).toBe(504);
  const { error } = (await late.json()) as {
    error: { details: Array<{ reason: string; metadata: { taskId: string } }> };
  };
  expect(error.details[0]?.reason).toBe('GATEWAY_TIMEOUT');
  const id = error.details[0]?.metadata.taskId as string;
  const client = await at.door.client(CENTRAL);
  const watching = client.resubscribeTask({ tenant: '', id });
  await watching.next();
  executor.release();
  for await (const _ of watching);
  const task = await client.getTask({ tenant: '', id });
  expect(task.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
});

test('a client that does not read is cut off, and the others are served', async () => {
  const FLOOD = 100;
  const CHUNK = 'x'.repeat(200_000);
  const flood: AgentExecutor = {
    async execute({ taskId, contextId, userMessage }, bus) {
      const status = (state: TaskState) =>
        AgentEvent.statusUpdate({
          taskId,
          contextId,
          status: { state, message: undefined, timestamp: undefined },
          metadata: undefined,
        });
      bus.publish(status(TaskState.TASK_STATE_WORKING));
      const content = userMessage.parts[0]?.content;
      const chunks = content?.value === 'flood' ? FLOOD : 3;
      for (let n = 0; n < chunks; n += 1) {
        const artifact = {
          artifactId: `a${n}`,
          name: '',
          description: '',
          parts: [textPart(CHUNK)],
          metadata: undefined,
          extensions: [],
        };
        bus.publish(
          AgentEvent.artifactUpdate({
            taskId,
            contextId,
            artifact,
            append: false,
            lastChunk: true,
            metadata: undefined,
          }),
        );
      }
      bus.publish(status(TaskState.TASK_STATE_COMPLETED));
    },
    cancelTask: async () => undefined,
  };
  at = await stage(flood, { limits: { slowReaderMs: 1_000 } });
  const { hostname, port } = new URL(at.gateway.url);
  const socket = connect(Number(port), hostname);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  const body =
    '{"jsonrpc":"2.0","id":1,"method":"SendStreamingMessage","params":{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":"flood"}]}}}';
  socket.pause();
  socket.write(
    `POST /a2a HTTP/1.1\r\nhost: ${hostname}:${port}\r\ncontent-type: application/json\r\na2a-version: 1.0\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  const client = await clientFor(at.gateway.url, 'JSONRPC');
  let size = 0;
  for await (const { payload } of client.sendMessageStream(request('go'))) {
    if (payload?.$case === 'artifactUpdate') size += 1;
  }
  expect(size).toBe(3);
  // What the kernel holds is still read; the end is not a whole stream.
  let text = '';
  await cutOff(at);
  socket.setEncoding('utf8').on('data', (chunk) => {
    text = text.slice(-1_000) + chunk;
  });
  socket.resume();
  await closed;
  expect(text).not.toContain('TASK_STATE_COMPLETED');
});

/** Resolves when no stream is open at the gateway any more. */
async function cutOff({ gateway }: Stage): Promise<void> {
  while (gateway.openStreams > 0) await new Promise((resolve) => setImmediate(resolve));
}
