import { randomUUID } from 'node:crypto';
import { type Message, type StreamResponse, type Task, TaskState } from '@a2a-js/sdk';
import type { Client } from '@a2a-js/sdk/client';
import { AgentEvent, type AgentExecutor, type ExecutionEventBus } from '@a2a-js/sdk/server';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  abortSignalOf,
  isRecovered,
  type JoinOptions,
  memoryLedger,
  type TaskLedger,
} from '../../broker/index.ts';
import { BROKERS, type TestBroker } from './brokers.ts';
import { join, recorder, request, textPart } from './support.ts';
import { changes, status, submitted } from './task-support.ts';

const { TASK_STATE_WORKING, TASK_STATE_COMPLETED, TASK_STATE_CANCELED, TASK_STATE_FAILED } = TaskState;
const AGENT = 'org/unit/agent';
const ASKER = 'org/unit/asker';

let broker: () => Promise<TestBroker>;

async function pair(
  executor: AgentExecutor,
  more: Partial<JoinOptions> = {},
  timers: JoinOptions['timers'] = { firstReplyTimeoutMs: 2_000 },
): Promise<Client> {
  const bus = await broker();
  const agent = await join(bus.via, AGENT, executor, more);
  const asker = await join(bus.via, ASKER, undefined, { timers });
  onTestFinished(async () => {
    await asker.close();
    await agent.close();
    await bus.close();
  });
  return asker.client(AGENT);
}

const update = (taskId: string, state: TaskState) =>
  AgentEvent.statusUpdate({
    taskId,
    contextId: '',
    status: { state, message: undefined, timestamp: undefined },
    metadata: undefined,
  });
const chunk = (taskId: string, text: string) =>
  AgentEvent.artifactUpdate({
    taskId,
    contextId: '',
    artifact: {
      artifactId: 'a',
      name: '',
      description: '',
      parts: [textPart(text)],
      metadata: undefined,
      extensions: [],
    },
    append: true,
    lastChunk: false,
    metadata: undefined,
  });
const textOf = (task: Task) =>
  task.artifacts.flatMap(({ parts }) => parts.map(({ content }) => content?.value)).join('');
const stateOf = (item: StreamResponse | undefined) =>
  item?.payload?.$case === 'statusUpdate' || item?.payload?.$case === 'task'
    ? item.payload.value.status?.state
    : item?.payload?.$case;

/** Hands the turn to the test. */
function held() {
  const turn = Promise.withResolvers<{ taskId: string; bus: ExecutionEventBus; signal: AbortSignal }>();
  const end = Promise.withResolvers<void>();
  const executor: AgentExecutor = {
    async execute(context, bus) {
      turn.resolve({ taskId: context.taskId, bus, signal: abortSignalOf(context) });
      await end.promise;
    },
    async cancelTask() {},
  };
  return { executor, turn: turn.promise, end: end.resolve };
}

describe.each(BROKERS)('on $kind', ({ start, missing }) => {
  beforeEach(({ skip }) => {
    if (missing) skip(missing);
    broker = start;
  });

  test('a completion after an accepted cancel is dropped; the work is told to stop', async () => {
    const { executor, turn, end } = held();
    const client = await pair(executor, {});
    const taskId = randomUUID();
    const stream = client.sendMessageStream(request('x', { taskId }));
    const begun = stream.next();
    const { bus, signal } = await turn;
    bus.publish(update(taskId, TASK_STATE_WORKING));
    await begun;
    const cancelled = client.cancelTask({ tenant: '', id: taskId, metadata: undefined });
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    bus.publish(chunk(taskId, 'late'));
    bus.publish(update(taskId, TASK_STATE_COMPLETED));
    expect((await cancelled).status?.state).toBe(TASK_STATE_CANCELED);
    bus.publish(update(taskId, TASK_STATE_FAILED));
    end();
    const task = await client.getTask({ tenant: '', id: taskId });
    expect(task.status?.state).toBe(TASK_STATE_CANCELED);
  });

  test('an executor that ignores the cancel is given up after the grace', async () => {
    const { executor, turn, end } = held();
    const client = await pair(executor, { cancelGraceMs: 20 });
    const taskId = randomUUID();
    void client.sendMessageStream(request('x', { taskId })).next();
    await turn;
    const task = await client.cancelTask({ tenant: '', id: taskId, metadata: undefined });
    expect(task.status?.state).toBe(TASK_STATE_CANCELED);
    end();
  });

  test('an executor that ends without a result ends the task as failed', async () => {
    const client = await pair({ execute: async () => {}, cancelTask: async () => {} });
    const task = (await client.sendMessage(request('x'))) as Task;
    expect(task.status?.state).toBe(TASK_STATE_FAILED);
    expect(task.status?.message?.parts[0]?.content?.value).toMatch(/without a result/);
  });

  test('all watchers see the same items in the same order', async () => {
    const { executor, turn, end } = held();
    const client = await pair(executor);
    const taskId = randomUUID();
    const message = request('x', { taskId });
    const collect = async (stream: AsyncGenerator<StreamResponse>) => {
      const seen: unknown[] = [];
      for await (const item of stream) seen.push(item);
      return seen;
    };
    const first = collect(client.sendMessageStream(message));
    const { bus } = await turn;
    bus.publish(update(taskId, TASK_STATE_WORKING));
    const second = collect(client.sendMessageStream(message));
    await client.getTask({ tenant: '', id: taskId });
    for (let n = 0; n < 200; n++) bus.publish(chunk(taskId, `${n} `));
    bus.publish(update(taskId, TASK_STATE_COMPLETED));
    end();
    const [one, two] = await Promise.all([first, second]);
    expect(one).toHaveLength(203);
    expect(two).toEqual(one);
  });

  test('nothing is heard before its commit, and nothing runs before the acceptance is durable', async () => {
    const memory = memoryLedger();
    const commits: Array<() => void> = [];
    let arrived: () => void = () => undefined;
    const ledger: TaskLedger = {
      ...memory,
      durability: 'fsync',
      commit: (change) =>
        new Promise<void>((resolve) => {
          commits.push(() => {
            memory.commit(change);
            resolve();
          });
          arrived();
        }),
    };
    const nextCommit = () =>
      new Promise<void>((resolve) => {
        if (commits.length > 0) return resolve();
        arrived = resolve;
      });
    const executor = recorder();
    const client = await pair(executor, { ledger });
    const taskId = randomUUID();
    let answered = false;
    const answer = client.sendMessage(request('hello', { taskId })).then((task) => {
      answered = true;
      return task as Task;
    });
    await nextCommit();
    await expect(client.getTask({ tenant: '', id: taskId })).rejects.toThrow(/not found/i);
    expect(executor.seen).toEqual([]);
    commits.shift()?.();
    await nextCommit();
    expect(executor.seen).toHaveLength(1);
    expect((await client.getTask({ tenant: '', id: taskId })).status?.state).toBe(
      TaskState.TASK_STATE_SUBMITTED,
    );
    expect(answered).toBe(false);
    commits.shift()?.();
    expect(textOf(await answer)).toBe('HELLO');
  });

  test('a ledger that cannot be written refuses the task, and nothing of it is kept', async () => {
    const memory = memoryLedger();
    let broken = true;
    const ledger: TaskLedger = {
      ...memory,
      commit: (change) => (broken ? Promise.reject(new Error('disk full')) : memory.commit(change)),
    };
    const executor = recorder();
    const client = await pair(executor, { ledger }, { maxAttempts: 2, backoffMs: [1] });
    const taskId = randomUUID();
    const once = request('hello', { taskId });
    await expect(client.sendMessage(once)).rejects.toMatchObject({ code: 'BUS_RESPONDER_UNAVAILABLE' });
    await expect(client.getTask({ tenant: '', id: taskId })).rejects.toThrow(/not found/i);
    expect(executor.seen).toEqual([]);
    broken = false;
    expect(textOf((await client.sendMessage(once)) as Task)).toBe('HELLO');
    expect(executor.seen).toHaveLength(1);
  });

  test('a stream that missed items asks for the rest by number, also after the end', async () => {
    const executor = recorder();
    const client = await pair(executor);
    const task = (await client.sendMessage(request('hello'))) as Task;
    const resumed = client.resubscribeTask(
      { tenant: '', id: task.id },
      { serviceParameters: { 'a2a-last-seq': '2' } },
    );
    const seen: unknown[] = [];
    for await (const item of resumed) seen.push(stateOf(item));
    expect(seen).toEqual(['artifactUpdate', TASK_STATE_COMPLETED]);
    const nonsense = client.resubscribeTask(
      { tenant: '', id: task.id },
      { serviceParameters: { 'a2a-last-seq': 'x' } },
    );
    await expect(nonsense.next()).rejects.toMatchObject({ envelopeCode: -32602 });
  });

  test('after a restart open tasks run again under their ids, or end with a reason', async () => {
    const ledger = memoryLedger();
    const owner = { tenant: '', owner: ASKER };
    const ids = { rerun: randomUUID(), fail: randomUUID(), cancelled: randomUUID() };
    for (const id of Object.values(ids)) {
      for (const change of changes(submitted(id), [status(id, TASK_STATE_WORKING, 1)], owner)) {
        ledger.commit({ ...change, record: { ...change.record, cancelling: id === ids.cancelled } });
      }
    }
    const inner = recorder();
    const recovered: boolean[] = [];
    const executor: AgentExecutor = {
      execute(context, bus) {
        recovered.push(isRecovered(context));
        return inner.execute(context, bus);
      },
      cancelTask: inner.cancelTask,
    };
    const client = await pair(executor, {
      ledger,
      recovery: ({ id }) => (id === ids.rerun ? 'rerun' : 'fail'),
    });
    const once = request('hello', { taskId: ids.rerun, contextId: 'c', messageId: 'm' });
    let last: StreamResponse | undefined;
    for await (const item of client.sendMessageStream(once)) last = item;
    expect(last?.payload?.$case).toMatch(/statusUpdate|task/);
    const states = await Promise.all(
      Object.values(ids).map(async (id) => (await client.getTask({ tenant: '', id })).status?.state),
    );
    expect(states).toEqual([TASK_STATE_COMPLETED, TASK_STATE_FAILED, TASK_STATE_CANCELED]);
    expect(recovered).toEqual([true]);
    expect(inner.seen).toEqual([{ text: 'hello', user: ASKER }]);
  });

  test('a direct answer is repeated, not made again; the task behind it is over', async () => {
    const executor = recorder();
    const client = await pair(executor);
    const once = request('message', { taskId: randomUUID() });
    const first = (await client.sendMessage(once)) as Message;
    expect(first.role).toBe(2);
    expect(await client.sendMessage(once)).toEqual(first);
    const streamed: unknown[] = [];
    for await (const item of client.sendMessageStream(once)) streamed.push(item.payload?.$case);
    expect(streamed).toEqual(['message']);
    expect(executor.seen).toHaveLength(1);
    const task = await client.getTask({ tenant: '', id: once.message.taskId });
    expect(task.status?.state).toBe(TASK_STATE_COMPLETED);
  });

  test('an immediate return names the task; a message to it while it works is refused', async () => {
    const { executor, turn, end } = held();
    const client = await pair(executor);
    const taskId = randomUUID();
    const configuration = {
      acceptedOutputModes: [],
      taskPushNotificationConfig: undefined,
      historyLength: 0,
      returnImmediately: true,
    };
    const started = client.sendMessage({ ...request('x', { taskId }), configuration });
    const { bus } = await turn;
    bus.publish(update(taskId, TASK_STATE_WORKING));
    const task = (await started) as Task;
    expect(task).toMatchObject({ id: taskId, history: [] });
    await expect(client.sendMessage(request('more', { taskId }))).rejects.toMatchObject({
      envelopeCode: -32004,
    });
    bus.publish(update(taskId, TASK_STATE_COMPLETED));
    end();
    await expect(client.sendMessage(request('more', { taskId }))).rejects.toMatchObject({
      envelopeCode: -32004,
    });
  });

  test('lists are paged, filtered and without artifacts unless wanted', async () => {
    const client = await pair(recorder());
    const contextId = randomUUID();
    for (const text of ['a', 'b', 'c']) await client.sendMessage(request(text, { contextId }));
    await client.sendMessage(request('d'));
    const list = (more: object) =>
      client.listTasks({
        tenant: '',
        contextId: '',
        status: TaskState.TASK_STATE_UNSPECIFIED,
        pageToken: '',
        statusTimestampAfter: undefined,
        ...more,
      });
    expect(await list({})).toMatchObject({ totalSize: 4, pageSize: 50, nextPageToken: '' });
    const page = await list({ contextId, pageSize: 2, historyLength: 0 });
    expect(page.tasks.map(({ artifacts, history }) => [artifacts.length, history.length])).toEqual([
      [0, 0],
      [0, 0],
    ]);
    const rest = await list({ contextId, pageSize: 2, pageToken: page.nextPageToken });
    const artifacts = await list({ contextId, includeArtifacts: true });
    expect(artifacts.tasks.map(textOf).sort()).toEqual(['A', 'B', 'C']);
    const ids = [...page.tasks, ...rest.tasks].map(({ id }) => id);
    expect(ids).toEqual(artifacts.tasks.map(({ id }) => id));
    expect(rest.nextPageToken).toBe('');
    for (const wrong of [{ pageSize: 0 }, { pageSize: 101 }, { statusTimestampAfter: 'noon' }]) {
      await expect(list(wrong)).rejects.toMatchObject({ envelopeCode: -32602 });
    }
  });
});
