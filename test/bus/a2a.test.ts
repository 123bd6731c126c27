import { randomUUID } from 'node:crypto';
import { type Task, TaskState } from '@a2a-js/sdk';
import type { Client } from '@a2a-js/sdk/client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BusMember } from '../../broker/index.ts';
import { BROKERS, type TestBroker } from './brokers.ts';
import { join, type Recorder, recorder, request } from './support.ts';

let bus: TestBroker;
let agent: BusMember;
let asker: BusMember;
let executor: Recorder;
let client: Client;

async function cases(stream: ReturnType<Client['sendMessageStream']>): Promise<string[]> {
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

describe.each(BROKERS)('on $kind', ({ start, missing }) => {
  beforeEach(async ({ skip }) => {
    if (missing) return skip(missing);
    bus = await start();
    executor = recorder();
    agent = await join(bus.via, 'netagent/test/agent', executor);
    asker = await join(bus.via, 'netagent/test/asker');
    client = await asker.client('netagent/test/agent');
  });
  afterEach(async () => {
    if (missing) return;
    await asker.close();
    await agent.close();
    await bus.close();
  });

  test('a stream is task, updates, artifact, final update', async () => {
    expect(await cases(client.sendMessageStream(request('hello')))).toEqual(WHOLE);
    expect(executor.seen).toEqual([{ text: 'hello', user: 'netagent/test/asker' }]);
  });

  test('a blocking send answers with the finished task; GetTask and ListTasks find it', async () => {
    const task = (await client.sendMessage(request('hi'))) as Task;
    expect(task.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
    expect(task.artifacts[0]?.parts[0]?.content).toEqual({ $case: 'text', value: 'HI' });
    const again = await client.getTask({ tenant: '', id: task.id });
    expect(again.id).toBe(task.id);
    expect(again.history).toHaveLength(1);
    const other = await agent.client('netagent/test/agent');
    await expect(other.getTask({ tenant: '', id: task.id })).rejects.toThrow(/not found/i);
  });

  test('a direct message ends a unary send and a stream', async () => {
    expect(await client.sendMessage(request('message'))).toMatchObject({ role: 2 });
    expect(await cases(client.sendMessageStream(request('message')))).toEqual(['message']);
  });

  test('the requester names the task; the same message again runs once', async () => {
    const once = request('wait', { taskId: randomUUID(), contextId: randomUUID() });
    const first = client.sendMessageStream(once);
    const joined = client.sendMessageStream(once);
    expect((await first.next()).value).toEqual((await joined.next()).value);
    executor.release();
    expect(await cases(first)).toEqual(WHOLE.slice(1));
    expect(await cases(joined)).toEqual(WHOLE.slice(1));
    expect(await cases(client.sendMessageStream(once))).toEqual(['task:COMPLETED']);
    expect(((await client.sendMessage(once)) as Task).id).toBe(once.message.taskId);
    expect(executor.seen).toHaveLength(1);
    const forged = request('other text', once.message);
    await expect(client.sendMessage(forged)).rejects.toMatchObject({ envelopeCode: -32602 });
  });

  test('a task that needs input goes on under the same id', async () => {
    const asked = (await client.sendMessage(request('ask'))) as Task;
    expect(asked.status?.state).toBe(TaskState.TASK_STATE_INPUT_REQUIRED);
    const next = request('more', { taskId: asked.id, contextId: asked.contextId });
    expect(await cases(client.sendMessageStream(next))).toEqual(WHOLE);
    const task = await client.getTask({ tenant: '', id: asked.id });
    expect(task.history).toHaveLength(2);
    const strange = request('x', { taskId: asked.id, contextId: randomUUID() });
    await expect(client.sendMessage(strange)).rejects.toThrow();
  });

  test('cancel ends the stream as canceled; a second cancel is the same', async () => {
    const taskId = randomUUID();
    const stream = client.sendMessageStream(request('wait', { taskId }));
    const seen: Array<string | undefined> = [];
    for await (const { payload } of stream) {
      seen.push(payload?.$case);
      if (seen.length === 2) {
        const done = await client.cancelTask({ tenant: '', id: taskId, metadata: undefined });
        expect(done.status?.state).toBe(TaskState.TASK_STATE_CANCELED);
      }
    }
    expect(seen).toEqual(['task', 'statusUpdate', 'statusUpdate']);
    const twice = await client.cancelTask({ tenant: '', id: taskId, metadata: undefined });
    expect(twice.status?.state).toBe(TaskState.TASK_STATE_CANCELED);
  });

  test('subscribing to a running task gives the snapshot and the rest', async () => {
    const taskId = randomUUID();
    const sent = client.sendMessageStream(request('wait', { taskId }));
    await sent.next();
    await sent.next();
    const subscribed = client.resubscribeTask({ tenant: '', id: taskId });
    expect((await subscribed.next()).value?.payload?.$case).toBe('task');
    executor.release();
    expect(await cases(subscribed)).toEqual(WHOLE.slice(2));
    await expect(client.resubscribeTask({ tenant: '', id: taskId }).next()).rejects.toMatchObject({
      envelopeCode: -32004,
    });
    await sent.return();
  });

  test('an aborted wait rejects with the reason and the task goes on', async () => {
    const abort = new AbortController();
    const taskId = randomUUID();
    const stream = client.sendMessageStream(request('wait', { taskId }), { signal: abort.signal });
    await stream.next();
    await stream.next();
    abort.abort(new Error('enough'));
    await expect(stream.next()).rejects.toThrow('enough');
    expect((await client.getTask({ tenant: '', id: taskId })).status?.state).toBe(
      TaskState.TASK_STATE_WORKING,
    );
  });

  test('errors keep their type: unknown task, executor that throws', async () => {
    await expect(client.getTask({ tenant: '', id: randomUUID() })).rejects.toMatchObject({
      envelopeCode: -32001,
    });
    const failed = (await client.sendMessage(request('throw'))) as Task;
    expect(failed.status?.state).toBe(TaskState.TASK_STATE_FAILED);
  });

  test('500 sends at once all come back, each to its own asker', async () => {
    const texts = Array.from({ length: 500 }, (_, n) => `n${n}`);
    const tasks = (await Promise.all(texts.map((text) => client.sendMessage(request(text))))) as Task[];
    const answers = tasks.map((task) => task.artifacts[0]?.parts[0]?.content);
    expect(answers).toEqual(texts.map((text) => ({ $case: 'text', value: text.toUpperCase() })));
  });

  test('clients are kept; close ends open calls and is idempotent', async () => {
    expect(await asker.client('netagent/test/agent')).toBe(client);
    const open = client.sendMessageStream(request('wait'));
    await open.next();
    await open.next();
    const pending = expect(open.next()).rejects.toMatchObject({ code: 'BUS_CLOSED' });
    await asker.close();
    await asker.close();
    await pending;
    await expect(asker.client('netagent/test/agent')).rejects.toMatchObject({ code: 'BUS_CLOSED' });
  });
});
