import { request as httpRequest } from 'node:http';
import { TaskState } from '@a2a-js/sdk';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openGateway } from '../../src/gateway/index.ts';
import { env, join, type Recorder, recorder } from '../bus/support.ts';
import { CENTRAL, OTHER, rpc, type Stage, stage, statusOf, until } from './support.ts';

const EXTENSION = 'https://example.com/extensions/tone/v1';
let at: Stage;
let executor: Recorder;

beforeEach(async () => {
  executor = recorder();
  at = await stage(executor, {
    card: {
      capabilities: {
        streaming: true,
        pushNotifications: false,
        extendedAgentCard: false,
        extensions: [{ uri: EXTENSION, description: 'Tone.', required: false, params: undefined }],
      },
    },
  });
});
afterEach(() => at.close());

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${at.gateway.url}${path}`, { headers });
const message = (text: string, more: object = {}) => ({
  message: { messageId: 'm1', role: 'ROLE_USER', parts: [{ text }], ...more },
});

test('the central card lists JSON-RPC, REST, gRPC and version 0.3, then the bus', async () => {
  const response = await get('/.well-known/agent-card.json', { 'a2a-version': '1.0' });
  const card = (await response.json()) as { supportedInterfaces: Array<Record<string, string>> };
  const { url, grpc } = at.gateway;
  expect(card.supportedInterfaces.slice(0, -1)).toEqual([
    { url: `${url}/a2a`, protocolBinding: 'JSONRPC', protocolVersion: '1.0' },
    { url: `${url}/v1`, protocolBinding: 'HTTP+JSON', protocolVersion: '1.0' },
    { url: grpc, protocolBinding: 'GRPC', protocolVersion: '1.0' },
    { url: `${url}/a2a`, protocolBinding: 'JSONRPC', protocolVersion: '0.3' },
    { url: `${url}/v1`, protocolBinding: 'HTTP+JSON', protocolVersion: '0.3' },
  ]);
  expect(card.supportedInterfaces.at(-1)?.url).toMatch(/^mqtt:/);
  expect(card).not.toHaveProperty('protocolVersion');
  const old = (await (await get('/.well-known/agent-card.json')).json()) as Record<string, unknown>;
  expect(old).toMatchObject({ protocolVersion: '0.3', url: `${url}/a2a`, preferredTransport: 'JSONRPC' });
  expect(old.supportedInterfaces).toEqual(card.supportedInterfaces);
});

test('a card can be kept: ETag, Last-Modified, Cache-Control; it changes with the card', async () => {
  const path = '/.well-known/agent-card.json';
  const first = await get(path);
  const etag = first.headers.get('etag') as string;
  expect(first.headers.get('cache-control')).toContain('max-age=');
  expect(first.headers.get('vary')).toBe('A2A-Version');
  expect(Date.parse(first.headers.get('last-modified') as string)).not.toBeNaN();
  expect((await get(path, { 'if-none-match': etag })).status).toBe(304);
  expect((await get(path, { 'if-none-match': etag, 'a2a-version': '1.0' })).status).toBe(200);
  const member = at.members[0];
  const card = at.door.agents().find(({ id }) => id === CENTRAL)?.card;
  if (member === undefined || card === undefined) throw new Error('no central agent');
  member.updateCard({ ...card, description: 'Changed.' });
  await until(at.door, () =>
    at.door.agents().some(({ card: { description } }) => description === 'Changed.'),
  );
  const changed = await get(path, { 'if-none-match': etag });
  expect(changed.status).toBe(200);
  expect(changed.headers.get('etag')).not.toBe(etag);
});

test('agents appear, go offline with 503 and a reason, and come back', async () => {
  const path = `/agents/${OTHER}/.well-known/agent-card.json`;
  const absent = await get(path);
  expect([absent.status, ((await absent.json()) as { error: string }).error]).toEqual([
    404,
    'GATEWAY_NOT_FOUND',
  ]);
  const member = await join(at.bus, OTHER, recorder());
  await until(at.door, () => statusOf(at.door, OTHER) === 'online');
  expect((await get(path)).status).toBe(200);
  const list = (await (await get('/agents')).json()) as Array<Record<string, unknown>>;
  expect(list.find(({ id }) => id === OTHER)).toMatchObject({
    status: 'online',
    url: `${at.gateway.url}/agents/${OTHER}`,
  });
  await member.close();
  await until(at.door, () => statusOf(at.door, OTHER) === 'offline');
  const gone = await get(path);
  expect(gone.status).toBe(503);
  expect(gone.headers.get('retry-after')).not.toBeNull();
  expect(await gone.json()).toMatchObject({ error: 'GATEWAY_AGENT_OFFLINE', message: /offline/ });
  const asked = await rpc(`${at.gateway.url}/agents/${OTHER}/a2a`, {});
  expect(asked.status).toBe(503);
  expect(asked.body.error).toMatchObject({ code: -32603, data: [{ reason: 'GATEWAY_AGENT_OFFLINE' }] });
  const rest = await get(`/agents/${OTHER}/v1/tasks`, { 'a2a-version': '1.0' });
  expect(rest.status).toBe(503);
  expect(await rest.json()).toMatchObject({ error: { status: 'UNAVAILABLE' } });
  const again = await join(at.bus, OTHER, recorder());
  await until(at.door, () => statusOf(at.door, OTHER) === 'online');
  expect((await get(path)).status).toBe(200);
  await again.close();
});

test('ids that are none, and names of objects, are not found', async () => {
  for (const id of ['constructor/__proto__/toString', 'a/b/c', 'a%2Fb/c/d', 'a/+/%23']) {
    expect((await get(`/agents/${id}/.well-known/agent-card.json`)).status).toBe(404);
  }
});

test('JSON-RPC errors have their codes', async () => {
  const url = `${at.gateway.url}/a2a`;
  const code = async (body: unknown, headers?: Record<string, string>) =>
    (await rpc(url, body, headers)).body.error?.code;
  const call = (method: string, params?: unknown) => ({ jsonrpc: '2.0', id: 1, method, params });
  expect(await code('{bad')).toBe(-32700);
  expect(await code([])).toBe(-32600);
  expect(await code({ id: 1, method: 'GetTask' })).toBe(-32600);
  expect(await code({ ...call('GetTask'), id: {} })).toBe(-32600);
  expect(await code(call('Nothing', {}))).toBe(-32601);
  expect(await code(call('GetTask'))).toBe(-32602);
  expect(await code(call('SendMessage', { message: { messageId: 'm', role: 'ROLE_USER' } }))).toBe(-32602);
  expect(await code(call('ListTasks', { pageSize: 101 }))).toBe(-32602);
  expect(await code(call('GetTask', { id: 'nothing' }))).toBe(-32001);
  expect(await code(call('SubscribeToTask', { id: 'nothing' }))).toBe(-32001);
  expect(await code(call('GetExtendedAgentCard'))).toBe(-32004);
  expect(await code(call('GetTask', { id: 'x' }), { 'content-type': 'text/plain' })).toBe(-32005);
  expect(await code(call('GetTask', { id: 'x' }), { 'a2a-version': '9.9' })).toBe(-32009);
  const answer = await rpc(url, call('GetTask', { id: 'nothing' }));
  expect(answer.body).toMatchObject({ id: 1, error: { data: [{ reason: 'TASK_NOT_FOUND' }] } });
  expect(await code(call('tasks/get', { id: 'nothing' }), { 'a2a-version': '' })).toBe(-32001);
});

test('REST errors have their statuses, in application/a2a+json', async () => {
  const v1 = { 'a2a-version': '1.0' };
  const missing = await get('/v1/tasks/nothing', v1);
  expect(missing.status).toBe(404);
  expect(missing.headers.get('content-type')).toContain('application/a2a+json');
  expect(await missing.json()).toMatchObject({
    error: { code: 404, status: 'NOT_FOUND', details: [{ reason: 'TASK_NOT_FOUND' }] },
  });
  expect((await get('/v1/tasks?pageSize=1000', v1)).status).toBe(400);
  expect((await get('/v1/extendedAgentCard', v1)).status).toBe(400);
  expect((await get('/v1/tasks', { 'a2a-version': '9.9' })).status).toBe(400);
  expect((await get('/v1/nothing', v1)).status).toBe(404);
  const post = (body: string, type: string) =>
    fetch(`${at.gateway.url}/v1/message:send`, {
      method: 'POST',
      headers: { ...v1, 'content-type': type },
      body,
    });
  expect((await post('{bad', 'application/json')).status).toBe(400);
  expect((await post('x', 'text/plain')).status).toBe(400);
  const sent = await post(JSON.stringify(message('hi')), 'application/a2a+json');
  expect(sent.status).toBe(200);
  expect(await sent.json()).toMatchObject({ task: { status: { state: 'TASK_STATE_COMPLETED' } } });
});

test('extensions go to the agent and those that are active come back; the tenant too', async () => {
  const headers = { 'a2a-extensions': `${EXTENSION}, https://example.com/unknown` };
  const params = { tenant: 'acme', ...message('hi') };
  const call = { jsonrpc: '2.0', id: 'a', method: 'SendMessage', params };
  const sent = await rpc(`${at.gateway.url}/a2a`, call, headers);
  expect(sent.headers.get('a2a-extensions')).toBe(EXTENSION);
  const { id } = sent.body.result?.task ?? { id: '' };
  const found = async (tenant: string) => {
    const body = { jsonrpc: '2.0', id: 'b', method: 'GetTask', params: { tenant, id } };
    return (await rpc(`${at.gateway.url}/a2a`, body)).body;
  };
  expect(await found('acme')).toMatchObject({ result: { id } });
  const rest = await get(`/v1/acme/tasks/${id}`, { 'a2a-version': '1.0' });
  expect(await rest.json()).toMatchObject({ id, status: { state: 'TASK_STATE_COMPLETED' } });
  const stream = await fetch(`${at.gateway.url}/a2a`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'a2a-version': '1.0', ...headers },
    body: JSON.stringify({ ...call, method: 'SendStreamingMessage' }),
  });
  expect(stream.headers.get('a2a-extensions')).toBe(EXTENSION);
  expect(stream.headers.get('content-type')).toContain('text/event-stream');
  const events = (await stream.text()).split('\n\n').filter((event) => event !== '');
  expect(events.every((event) => event.startsWith('data: {"jsonrpc":"2.0","id":"a"'))).toBe(true);
  expect(events.at(-1)).toContain('TASK_STATE_COMPLETED');
});

test('a client that leaves ends its stream; the task goes on', async () => {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'SendStreamingMessage',
    params: message('wait'),
  });
  const left = new AbortController();
  const response = await fetch(`${at.gateway.url}/a2a`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'a2a-version': '1.0' },
    body,
    signal: left.signal,
  });
  const reader = response.body?.getReader();
  const chunk = new TextDecoder().decode((await reader?.read())?.value);
  const id = (/"id":"([0-9a-f-]{36})"/.exec(chunk) as RegExpExecArray)[1] as string;
  left.abort();
  executor.release();
  const client = await at.door.client(CENTRAL);
  const task = await client.getTask({ tenant: '', id });
  if (task.status?.state !== TaskState.TASK_STATE_COMPLETED) {
    for await (const _ of client.resubscribeTask({ tenant: '', id }));
  }
  const ended = await client.getTask({ tenant: '', id });
  expect(ended.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
});

test('foreign hosts and origins are refused', async () => {
  const { hostname, port } = new URL(at.gateway.url);
  const asked = (headers: Record<string, string>) =>
    new Promise<number | undefined>((resolve, reject) => {
      httpRequest({ hostname, port, path: '/a2a', method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
  expect(await asked({ host: 'evil.example' })).toBe(403);
  expect(await asked({ host: `${hostname}:${port}`, origin: 'http://evil.example' })).toBe(403);
  expect(await asked({ host: `${hostname}:${port}`, origin: at.gateway.url })).toBe(200);
});

test('before it serves, paths answer 503; a port in use is named', async () => {
  const early = await openGateway({ host: '127.0.0.1', port: 0, env });
  try {
    expect((await fetch(`${early.url}/a2a`, { method: 'POST' })).status).toBe(503);
    expect((await fetch(`${early.url}/agents/${OTHER}/a2a`, { method: 'POST' })).status).toBe(503);
    expect((await fetch(`${early.url}/startup`)).status).toBe(503);
    const port = Number(new URL(early.url).port);
    const taken = openGateway({ host: '127.0.0.1', port, env });
    await expect(taken).rejects.toMatchObject({ code: 'RUNTIME_PORT_IN_USE' });
    const grpc = openGateway({ host: '127.0.0.1', port: 0, grpcPort: port, env });
    await expect(grpc).rejects.toMatchObject({ code: 'GATEWAY_PORT_UNUSABLE' });
  } finally {
    await early.close();
  }
});
