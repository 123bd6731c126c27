import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { recorder } from '../bus/support.ts';
import { FakeWorkflows, HASH, ID, T0 } from './fake-workflows.ts';
import { type Stage, stage } from './support.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const DOCUMENT =
  'document: { dsl: 1.0.3, namespace: a, name: b, version: 0.1.0 }\ndo: [{ c: { set: { d: 1 } } }]';
const seg = encodeURIComponent;

let at: Stage;
let fake: FakeWorkflows;
/** The same served object for all tests, with a new inside for each. */
const served = new Proxy({} as FakeWorkflows, {
  get: (_, name) => {
    const value = Reflect.get(fake, name);
    return typeof value === 'function' ? value.bind(fake) : value;
  },
});

beforeAll(async () => {
  at = await stage(recorder(), { workflows: served, limits: { bodyBytes: 4_096, streamsPerClient: 2 } });
});
afterAll(() => at.close());
beforeEach(() => {
  fake = new FakeWorkflows();
});

const url = (path: string) => `${at.gateway.url}/workflows${path}`;
async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = JSON_TYPE,
) {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(url(path), { method, headers, ...(text === undefined ? {} : { body: text }) });
  return { status: response.status, headers: response.headers, body: (await response.json()) as unknown };
}
const get = (path: string) => call('GET', path);
const refused = (status: number, error: string) =>
  expect.objectContaining({ status, body: expect.objectContaining({ error }) });

test('templates are listed, and found by name, by id in one segment or two, and by version', async () => {
  expect((await get('')).body).toMatchObject([{ id: 'core/locate' }, { id: 'ran/balance-load' }]);
  for (const path of ['locate', 'core%2Flocate', 'core/locate', 'core/locate?version=1.0.0']) {
    expect((await get(`/templates/${path}`)).body).toMatchObject({ id: 'core/locate', document: { do: [] } });
  }
  expect(await get('/templates/nowhere')).toEqual(refused(404, 'WORKFLOW_NOT_FOUND'));
  expect(await get('/templates/locate?version=9.0.0')).toEqual(refused(404, 'WORKFLOW_NOT_FOUND'));
});

test('a task is matched and a document is checked', async () => {
  const task = { text: 'where is she', known: { supi: 'x' } };
  expect((await call('POST', '/match', task)).body).toMatchObject([{ id: 'core/locate', missing: ['supi'] }]);
  expect(fake.asked).toEqual([{ match: task }]);
  const { body } = await call('POST', '/check', { source: 'a: [' });
  expect(body).toMatchObject([{ line: 1, severity: 'error' }, { line: 9 }]);
});

test('a policy is translated, or refused with the reasons', async () => {
  expect((await call('POST', '/translate', { policy: { goal: 'x' } })).body).toMatchObject({
    kind: 'workflow',
  });
  expect((await call('POST', '/translate', { policy: {} })).body).toMatchObject({ kind: 'refused' });
  expect(await call('POST', '/translate', { policy: 'less load' })).toEqual(
    refused(400, 'GATEWAY_REQUEST_INVALID'),
  );
});

test('a run is accepted, a dry run is not one', async () => {
  const started = await call('POST', '/runs', { workflow: 'locate', input: { supi: 'x' }, id: ID });
  expect(started).toMatchObject({ status: 202, body: { id: ID, dryRun: false } });
  expect(started.headers.get('location')).toBe(`/workflows/runs/${seg(ID)}`);
  expect((await get(`/runs/${seg(ID)}`)).body).toMatchObject({
    id: ID,
    status: 'running',
    steps: [{ rev: 1 }],
  });
  expect(await call('POST', '/runs', { source: DOCUMENT, dryRun: true })).toMatchObject({
    status: 200,
    body: { dryRun: true },
  });
  expect([...fake.runs.keys()]).toEqual([ID]);
});

test('instances are filtered', async () => {
  fake.add('a', { status: 'faulted' });
  fake.add('b');
  expect((await get('/runs?status=faulted&workflow=core%2Flocate&limit=5')).body).toMatchObject([
    { id: 'a' },
  ]);
  expect(fake.asked).toEqual([{ instances: { status: 'faulted', workflow: 'core/locate', limit: 5 } }]);
});

test.each(['cancel', 'pause', 'resume', 'restart'])('%s reaches the instance, with any id', async (verb) => {
  fake.add(ID);
  expect(await call('POST', `/runs/${seg(ID)}/${verb}`)).toMatchObject({ status: 200, body: { id: ID } });
  expect(fake.asked).toEqual([{ act: verb, id: ID }]);
});

test('restart says from where; an ended instance is not cancelled; an unknown one is said', async () => {
  fake.add(ID, { endedAt: T0, status: 'completed' });
  await call('POST', `/runs/${seg(ID)}/restart`, { from: '/do/0/locate' });
  expect(fake.asked).toEqual([{ act: 'restart', id: ID, from: '/do/0/locate' }]);
  expect(await call('POST', `/runs/${seg(ID)}/cancel`)).toEqual(refused(409, 'WORKFLOW_INSTANCE_STATE'));
  for (const [method, path] of [
    ['GET', '/runs/none'],
    ['GET', '/runs/none/events'],
    ['POST', '/runs/none/cancel'],
    ['DELETE', '/runs/none'],
  ] as const) {
    expect(await call(method, path)).toEqual(refused(404, 'WORKFLOW_INSTANCE_UNKNOWN'));
  }
});

test('instances are purged by id, or by when they ended, and never all by omission', async () => {
  fake.add(ID, { endedAt: T0, status: 'completed' });
  expect((await call('DELETE', `/runs/${seg(ID)}`)).body).toEqual({ purged: 1 });
  await call('DELETE', `/runs?endedBefore=${T0}`);
  await call('DELETE', `/runs?endedBefore=${seg('2026-11-24T10:00:00+01:00')}`);
  await call('DELETE', '/runs?olderThan=60000');
  expect(fake.asked.slice(1)).toEqual(Array(3).fill({ purge: { endedBefore: T0 } }));
  for (const path of ['/runs', '/runs?endedBefore=', '/runs?endedBefore=soon']) {
    expect(await call('DELETE', path)).toEqual(refused(400, 'GATEWAY_REQUEST_INVALID'));
  }
});

test('a decision is bound to the plan', async () => {
  expect((await get('/approvals')).body).toMatchObject([{ id: 'plan/1', hash: HASH, plan: { moves: 3 } }]);
  const path = `/approvals/${seg('plan/1')}`;
  expect(await call('POST', `${path}/approve`, { hash: 'b'.repeat(64) })).toEqual(
    refused(404, 'WORKFLOW_APPROVAL_UNKNOWN'),
  );
  expect(await call('POST', `${path}/approve`, {})).toEqual(refused(400, 'GATEWAY_REQUEST_INVALID'));
  expect((await call('POST', `${path}/approve`, { hash: HASH })).body).toMatchObject({ verdict: 'approve' });
  expect((await get('/approvals')).body).toEqual([]);
});

test('triggers are listed', async () => {
  expect((await get('/triggers')).body).toMatchObject([{ id: 'cell-alarm', starts: 4 }, { lastAt: null }]);
});

const EVENT = { specversion: '1.0', id: '1', source: '/test', type: 'org.example.alarm' };
const CE = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/test', 'ce-type': 'org.example.alarm' };

test.each([
  [
    'structured',
    { 'content-type': 'application/cloudevents+json; charset=utf-8' },
    JSON.stringify(EVENT),
    EVENT,
  ],
  [
    'structured as plain JSON',
    JSON_TYPE,
    JSON.stringify({ ...EVENT, data: { a: 1 } }),
    { ...EVENT, data: { a: 1 } },
  ],
  [
    'binary with JSON',
    { ...CE, ...JSON_TYPE, 'ce-subject': 'Euro%20%E2%82%AC' },
    '{"a":1}',
    { ...EVENT, subject: 'Euro €', datacontenttype: 'application/json', data: { a: 1 } },
  ],
  [
    'binary with text',
    { ...CE, 'content-type': 'text/plain' },
    'fire',
    { ...EVENT, datacontenttype: 'text/plain', data: 'fire' },
  ],
  [
    'binary with bytes',
    { ...CE, 'content-type': 'application/octet-stream' },
    'AB',
    { ...EVENT, datacontenttype: 'application/octet-stream', data_base64: 'QUI=' },
  ],
])('an event is taken: %s', async (_, headers, body, event) => {
  expect(await call('POST', '/events', body, headers)).toMatchObject({
    status: 202,
    body: { accepted: true },
  });
  expect(fake.asked).toEqual([{ publish: event }]);
});

test.each([
  ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'a=1', 'WORKFLOW_EVENT_INVALID'],
  ['no JSON', JSON_TYPE, '{', 'WORKFLOW_EVENT_INVALID'],
  ['no event', JSON_TYPE, '{}', 'WORKFLOW_EVENT_INVALID'],
  ['a batch', { 'content-type': 'application/cloudevents-batch+json' }, '[]', 'WORKFLOW_EVENT_INVALID'],
  ['a header that is no UTF-8', { ...CE, 'ce-subject': '%E2%82' }, '', 'WORKFLOW_EVENT_INVALID'],
  ['deep JSON', { ...CE, ...JSON_TYPE }, '['.repeat(100), 'GATEWAY_TOO_DEEP'],
])('%s is no event', async (_, headers, body, code) => {
  expect(await call('POST', '/events', body, headers as Record<string, string>)).toEqual(refused(400, code));
  expect(fake.asked).toEqual([]);
});

test('only JSON from this machine changes anything; a page of another origin not even reads', async () => {
  fake.add(ID);
  const plain = { 'content-type': 'text/plain' };
  for (const [method, path] of [
    ['POST', '/runs'],
    ['DELETE', '/runs?endedBefore=0'],
    ['POST', `/runs/${seg(ID)}/cancel`],
    ['DELETE', `/runs/${seg(ID)}`],
    ['POST', `/approvals/${seg('plan/1')}/approve`],
  ] as const) {
    const body = method === 'POST' ? JSON.stringify({ workflow: 'locate', hash: HASH }) : undefined;
    expect(await call(method, path, body, plain)).toEqual(refused(403, 'GATEWAY_OPERATOR_ONLY'));
    const foreign = { ...JSON_TYPE, origin: 'http://evil.example' };
    expect(await call(method, path, body, foreign)).toEqual(refused(403, 'GATEWAY_FOREIGN_ORIGIN'));
  }
  expect(await call('GET', '/runs', undefined, { origin: 'http://evil.example' })).toEqual(
    refused(403, 'GATEWAY_FOREIGN_ORIGIN'),
  );
  expect(fake.asked).toEqual([]);
  expect((await call('GET', `/runs/${seg(ID)}`, undefined, {})).status).toBe(200);
});

test.each([
  ['POST', '/runs', {}, 'GATEWAY_REQUEST_INVALID'],
  ['POST', '/runs', undefined, 'GATEWAY_REQUEST_INVALID'],
  ['POST', '/runs', { workflow: 'locate', source: 'do: []' }, 'GATEWAY_REQUEST_INVALID'],
  ['POST', '/runs', { workflow: 'locate', id: '..' }, 'GATEWAY_REQUEST_INVALID'],
  ['POST', '/runs', { workflow: 'locate', foo: 1 }, 'GATEWAY_REQUEST_INVALID'],
  ['POST', '/runs', { workflow: 'locate', input: null }, 'WORKFLOW_INPUT_INVALID'],
  ['POST', '/runs', '{', 'GATEWAY_BODY_REFUSED'],
  ['POST', '/match', { text: '' }, 'GATEWAY_REQUEST_INVALID'],
  ['POST', '/match', `{"text":"x","known":${'{"a":'.repeat(70)}1${'}'.repeat(71)}`, 'GATEWAY_TOO_DEEP'],
  ['GET', '/runs?status=gone', undefined, 'GATEWAY_REQUEST_INVALID'],
  ['GET', '/runs?limit=0', undefined, 'GATEWAY_REQUEST_INVALID'],
  ['GET', '/runs?limit=1&limit=2', undefined, 'GATEWAY_REQUEST_INVALID'],
])('%s %s %j is refused', async (method, path, body, code) => {
  expect(await call(method, path, body)).toEqual(refused(400, code));
  expect(fake.runs.size).toBe(0);
});

test('bodies are bounded, documents more widely', async () => {
  expect(await call('POST', '/match', { text: 'x'.repeat(5_000) })).toMatchObject({
    status: 413,
    body: { error: 'GATEWAY_TOO_LARGE', message: 'The body is larger than 4096 bytes.' },
  });
  expect((await call('POST', '/check', { source: 'x'.repeat(100_000) })).status).toBe(200);
  expect(await call('POST', '/check', { source: 'x'.repeat(3_000_000) })).toEqual(
    refused(413, 'GATEWAY_TOO_LARGE'),
  );
});

test('what is not there is not served', async () => {
  for (const [method, path] of [
    ['GET', '/nothing'],
    ['POST', `/runs/${seg(ID)}/explode`],
    ['PUT', '/runs'],
  ] as const) {
    expect(await call(method, path)).toEqual(refused(404, 'GATEWAY_NOT_FOUND'));
  }
});

test('events: what is remembered, what happens, the result, and no more', async () => {
  fake.add(ID);
  fake.tell(ID, 'workflow.started');
  const response = await fetch(url(`/runs/${seg(ID)}/events`));
  expect(response.headers.get('content-type')).toMatch('application/jsonl');
  const reading = response.text();
  fake.tell(ID, 'task.started', { pointer: '/do/0/locate' });
  fake.tell(ID, 'workflow.completed', { instance: 'a child of it' });
  fake.end(ID, { status: 'completed', output: { cell: 3 } });
  fake.tell(ID, 'task.late');
  const lines = (await reading)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string });
  expect(lines.map(({ type }) => type)).toEqual([
    'workflow.started',
    'task.started',
    'workflow.completed',
    'workflow.completed',
    'result',
  ]);
  expect(lines.at(-1)).toMatchObject({ id: ID, status: 'completed', output: { cell: 3 } });
  expect(lines.at(-1)).not.toHaveProperty('events');
  expect(fake.listeners).toBe(0);
});

test('events of an ended instance end at once; since leaves out what is known', async () => {
  fake.add(ID);
  fake.tell(ID, 'workflow.started');
  fake.end(ID, { status: 'cancelled' });
  const text = await (await fetch(url(`/runs/${seg(ID)}/events?since=${T0 + 1}`))).text();
  expect(
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).type),
  ).toEqual(['workflow.cancelled', 'result']);
});

test('events as server-sent events', async () => {
  fake.add(ID);
  fake.end(ID, { status: 'completed', output: 1 });
  const response = await fetch(url(`/runs/${seg(ID)}/events`), { headers: { accept: 'text/event-stream' } });
  expect(response.headers.get('content-type')).toMatch('text/event-stream');
  const [first, last] = (await response.text()).trim().split('\n\n');
  expect(first).toMatch(/^data: \{.*"workflow\.completed".*\}$/);
  expect(last).toMatch(/^event: result\ndata: \{.*"output":1.*\}$/);
});

test('a client that leaves is forgotten, and has a place for another', async () => {
  fake.add(ID);
  const clients = [1, 2].map(() => new AbortController());
  for (const { signal } of clients) await fetch(url(`/runs/${seg(ID)}/events`), { signal });
  expect(fake.listeners).toBe(2);
  expect(at.gateway.openStreams).toBe(2);
  expect(await get(`/runs/${seg(ID)}/events`)).toEqual(refused(429, 'GATEWAY_TOO_MANY_STREAMS'));
  for (const client of clients) client.abort();
  await expect.poll(() => fake.listeners).toBe(0);
  expect(at.gateway.openStreams).toBe(0);
});

test('a client that does not read is cut off', async () => {
  fake.add(ID);
  const request = httpRequest(url(`/runs/${seg(ID)}/events`));
  const reached = new Promise<void>((resolve) => {
    request.on('response', (response) => {
      response.on('error', () => undefined).pause();
      resolve();
    });
  });
  request.on('error', () => undefined).end();
  await reached;
  // Nothing is read: the buffers of both sockets fill, then that of the response.
  for (let line = 0; fake.listeners > 0 && line < 1_000; line += 1) {
    fake.tell(ID, 'task.progress', { text: 'x'.repeat(256 * 1024) });
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(fake.listeners).toBe(0);
  request.destroy();
});
