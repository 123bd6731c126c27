import { type StreamResponse, type Task, TaskState } from '@a2a-js/sdk';
import type { Client } from '@a2a-js/sdk/client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Recorder, recorder, request } from '../bus/support.ts';
import {
  type Binding,
  clientFor,
  legacyClientFor,
  OTHER,
  type Stage,
  stage,
  statusOf,
  until,
} from './support.ts';

let at: Stage;
let executor: Recorder;

beforeEach(async () => {
  executor = recorder();
  at = await stage(executor);
});
afterEach(() => at.close());

async function cases(stream: AsyncIterable<StreamResponse>): Promise<string[]> {
  const seen: string[] = [];
  for await (const { payload } of stream) {
    const state =
      payload?.$case === 'statusUpdate' || payload?.$case === 'task'
        ? payload.value.status?.state
        : undefined;
    seen.push(state === undefined ? `${payload?.$case}` : `${payload?.$case}:${TaskState[state]?.slice(11)}`);
  }
  return seen;
}

const WHOLE = ['task:SUBMITTED', 'statusUpdate:WORKING', 'artifactUpdate', 'statusUpdate:COMPLETED'];
const clients: Array<[string, () => Promise<Client>]> = [
  ...(['JSONRPC', 'HTTP+JSON', 'GRPC'] as Binding[]).map((binding): [string, () => Promise<Client>] => [
    `1.0 ${binding}`,
    () => clientFor(at.gateway.url, binding),
  ]),
  ...(['JSONRPC', 'HTTP+JSON'] as const).map((binding): [string, () => Promise<Client>] => [
    `0.3 ${binding}`,
    () => legacyClientFor(at.gateway.url, binding),
  ]),
];

describe.each(clients)('%s', (name, make) => {
  const old = name.startsWith('0.3');

  test('a send answers with the finished task; GetTask and the history length', async () => {
    const client = await make();
    expect(client.protocolVersion).toBe(old ? '0.3' : '1.0');
    const configuration = {
      acceptedOutputModes: [],
      taskPushNotificationConfig: undefined,
      historyLength: undefined,
      returnImmediately: false,
    };
    const task = (await client.sendMessage({ ...request('hi'), configuration })) as Task;
    expect(task.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
    expect(task.artifacts[0]?.parts[0]?.content).toEqual({ $case: 'text', value: 'HI' });
    expect((await client.getTask({ tenant: '', id: task.id })).history).toHaveLength(1);
    const short = await client.getTask({ tenant: '', id: task.id, historyLength: 0 });
    expect(short.history).toHaveLength(old ? short.history.length : 0);
    if (old) return;
    const page = await client.listTasks({
      tenant: '',
      contextId: task.contextId,
      status: 0,
      pageSize: 1,
      pageToken: '',
      historyLength: 0,
      includeArtifacts: true,
      statusTimestampAfter: undefined,
    });
    expect(page).toMatchObject({ totalSize: 1, nextPageToken: '', tasks: [{ id: task.id }] });
    expect(page.tasks[0]?.artifacts).toHaveLength(1);
  });

  test('a stream, a subscription of another, cancel; a second cancel is the same', async () => {
    const client = await make();
    expect(await cases(client.sendMessageStream(request('hello')))).toEqual(WHOLE);
    const stream = client.sendMessageStream(request('wait'));
    const first = (await stream.next()).value?.payload;
    if (first?.$case !== 'task') throw new Error('a stream begins with its task');
    const id = first.value.id;
    const watching = client.resubscribeTask({ tenant: '', id });
    expect((await watching.next()).value?.payload?.$case).toBe('task');
    const cancelled = await client.cancelTask({ tenant: '', id, metadata: undefined });
    expect(cancelled.status?.state).toBe(TaskState.TASK_STATE_CANCELED);
    expect((await cases(stream)).at(-1)).toBe('statusUpdate:CANCELED');
    expect((await cases(watching)).at(-1)).toBe('statusUpdate:CANCELED');
    const twice = await client.cancelTask({ tenant: '', id, metadata: undefined });
    expect(twice.status?.state).toBe(TaskState.TASK_STATE_CANCELED);
  });

  test('input is asked for and given; a direct message', async () => {
    const client = await make();
    const asked = await cases(client.sendMessageStream(request('ask')));
    expect(asked.at(-1)).toBe('statusUpdate:INPUT_REQUIRED');
    const task = (await client.sendMessage(request('ask'))) as Task;
    const next = request('more', { taskId: task.id, contextId: task.contextId });
    expect((await cases(client.sendMessageStream(next))).slice(-1)).toEqual(['statusUpdate:COMPLETED']);
    expect(await cases(client.sendMessageStream(request('message')))).toEqual(['message']);
  });

  test('a client that leaves ends its stream and nothing else', async () => {
    const client = await make();
    const left = new AbortController();
    const stream = client.sendMessageStream(request('wait'), { signal: left.signal });
    const first = (await stream.next()).value?.payload;
    if (first?.$case !== 'task') throw new Error('a stream begins with its task');
    expect(at.gateway.openStreams).toBe(1);
    left.abort();
    await cases(stream).catch(() => undefined);
    while (at.gateway.openStreams > 0) await new Promise((resolve) => setImmediate(resolve));
    const task = await client.getTask({ tenant: '', id: first.value.id });
    expect(task.status?.state).toBe(TaskState.TASK_STATE_WORKING);
  });

  test('what A2A refuses comes back as its error', async () => {
    const client = await make();
    const unknown = { tenant: '', id: '7c1c6d3e-9d8c-4ee4-9d6b-1c32f5d7a001' };
    const missing = { name: 'TaskNotFoundError' };
    await expect(client.getTask(unknown)).rejects.toMatchObject(missing);
    await expect(client.cancelTask({ ...unknown, metadata: undefined })).rejects.toMatchObject(missing);
    await expect(client.sendMessage(request('x', { taskId: unknown.id }))).rejects.toMatchObject(missing);
    const done = (await client.sendMessage(request('done'))) as Task;
    const settled = await client.getTask({ tenant: '', id: done.id });
    if (settled.status?.state === TaskState.TASK_STATE_COMPLETED) {
      await expect(client.cancelTask({ tenant: '', id: done.id, metadata: undefined })).rejects.toMatchObject(
        { name: 'TaskNotCancelableError' },
      );
    }
    await expect(cases(client.resubscribeTask(unknown))).rejects.toThrow();
    const options = { serviceParameters: { 'A2A-Version': client.protocolVersion } };
    await expect(
      (async () => client.transport.createTaskPushNotificationConfig(push(done.id), options))(),
    ).rejects.toMatchObject({ name: 'PushNotificationNotSupportedError' });
    expect(executor.seen.map(({ text }) => text)).toEqual(['done']);
  });
});

test('every agent of the bus has its own paths, beside the central one', async () => {
  const other = recorder();
  await at.add(OTHER, other);
  await until(at.door, () => statusOf(at.door, OTHER) === 'online');
  const base = `${at.gateway.url}/agents/${OTHER}`;
  for (const binding of ['JSONRPC', 'HTTP+JSON'] as const) {
    const client = await clientFor(base, binding);
    expect(await cases(client.sendMessageStream(request('hello')))).toEqual(WHOLE);
  }
  const legacy = await legacyClientFor(base, 'HTTP+JSON');
  expect(await cases(legacy.sendMessageStream(request('hello')))).toEqual(WHOLE);
  expect(other.seen).toHaveLength(3);
  expect(other.seen.every(({ user }) => user === 'netagent/gateway/http')).toBe(true);
  expect(executor.seen).toHaveLength(0);
});

test('200 at once, over three bindings', async () => {
  const made = await Promise.all(
    (['JSONRPC', 'HTTP+JSON', 'GRPC'] as const).map((binding) => clientFor(at.gateway.url, binding)),
  );
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, n) => made[n % 3]?.sendMessage(request(`n${n}`)) as Promise<Task>),
  );
  for (const [n, task] of answers.entries()) {
    expect(task.artifacts[0]?.parts[0]?.content).toEqual({ $case: 'text', value: `N${n}` });
  }
  expect(new Set(answers.map(({ id }) => id)).size).toBe(200);
});

const push = (taskId: string) => ({
  tenant: '',
  id: 'p1',
  taskId,
  url: 'https://example.com/hook',
  token: '',
  authentication: undefined,
});
