import { randomUUID } from 'node:crypto';
import { type Message, type Task, TaskState } from '@a2a-js/sdk';
import type { Client } from '@a2a-js/sdk/client';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  agentCard,
  type BusMember,
  type Dispatcher,
  joinBus,
  type PoolEntry,
  startDispatcher,
} from '../../broker/index.ts';
import { BROKERS, type TestBroker } from './brokers.ts';
import { type Cuttable, cuttable } from './cuttable.ts';
import { env, join, type Recorder, recorder, request } from './support.ts';

const POOL = 'org/unit/pool/radio';
const SOON = { timeout: 10_000, interval: 5 };

/** As the store of the runtime keeps it. */
function memoryStore() {
  const values = new Map<string, string>();
  return {
    put: (id: string, value: PoolEntry) => void values.set(id, JSON.stringify(value)),
    delete: (id: string) => values.delete(id),
    list: () => [...values].map(([id, value]) => ({ id, value: JSON.parse(value) as PoolEntry })),
  };
}

describe.each(BROKERS.filter(({ missing }) => missing === false))('a pool on $kind', ({ start }) => {
  let broker: TestBroker;
  let dispatcher: Dispatcher;
  let store: ReturnType<typeof memoryStore>;
  const closing: Array<{ close(): Promise<void> }> = [];
  const cables: Cuttable[] = [];

  const dispatch = async (options: { graceMs?: number; rejoinMs?: number } = {}) => {
    dispatcher = await startDispatcher({
      id: 'netagent/bus/dispatcher',
      via: broker.inside,
      env,
      store,
      graceMs: 20,
      ...options,
    });
  };

  beforeEach(async () => {
    broker = await start();
    store = memoryStore();
    await dispatch();
  });
  afterEach(async () => {
    for (const cable of cables) cable.mend();
    await Promise.all(closing.splice(0).map((each) => each.close()));
    await dispatcher.close();
    await Promise.all(cables.splice(0).map((cable) => cable.close()));
    await broker.close();
  });

  async function member(name: string, via: TestBroker['via'] = broker.via): Promise<Recorder> {
    const id = `org/unit/${name}`;
    const executor = recorder();
    const card = agentCard({
      id,
      name,
      description: 'Serves the pool.',
      version: '1.0.0',
      skills: [],
      mqttUrl: broker.url,
      pools: ['radio'],
    });
    closing.push(await joinBus({ id, via, card, executor, env }));
    await vi.waitFor(() => expect(dispatcher.load(POOL)[id]?.live).toBe(true), SOON);
    return executor;
  }

  async function asker(): Promise<{ asks: BusMember; client: Client }> {
    const asks = await join(broker.via as string, 'org/unit/asker');
    closing.push(asks);
    return { asks, client: await asks.client(POOL) };
  }

  /** Streams a request; resolves with the states and the answer. */
  async function stream(client: Client, text: string, taskId = randomUUID()) {
    const states: Array<TaskState | undefined> = [];
    let answer = '';
    for await (const { payload } of client.sendMessageStream(request(text, { taskId }))) {
      if (payload?.$case === 'task' || payload?.$case === 'statusUpdate')
        states.push(payload.value.status?.state);
      if (payload?.$case === 'artifactUpdate') {
        const content = payload.value.artifact?.parts[0]?.content;
        answer = content?.$case === 'text' ? content.value : '';
      }
    }
    return { states, answer, taskId };
  }

  const opened = (expected: number[]) =>
    vi.waitFor(
      () =>
        expect(
          Object.values(dispatcher.load(POOL))
            .map(({ open }) => open)
            .sort(),
        ).toEqual(expected),
      SOON,
    );

  test('each request goes to exactly one member, the least busy first', async () => {
    const members = [await member('a'), await member('b'), await member('c')];
    const { client } = await asker();
    const first = Array.from({ length: 9 }, () => stream(client, 'wait'));
    await opened([3, 3, 3]);
    await vi.waitFor(() => expect(members.map(({ seen }) => seen.length)).toEqual([3, 3, 3]), SOON);
    members[0]?.release();
    await opened([0, 3, 3]);
    const more = Array.from({ length: 3 }, () => stream(client, 'wait'));
    await Promise.all(more);
    expect(members.map(({ seen }) => seen.length)).toEqual([6, 3, 3]);
    for (const { release } of members) release();
    const ended = await Promise.all(first);
    expect(ended.map(({ answer }) => answer)).toEqual(Array(9).fill('WAIT'));
    expect(dispatcher.open()).toBe(0);
    expect(store.list()).toEqual([]);
  });

  test('what is about a task goes to the member that has it', async () => {
    const members = [await member('a'), await member('b')];
    const { client } = await asker();
    const taskId = randomUUID();
    const asked = (await client.sendMessage(request('ask', { taskId }))) as Task;
    expect(asked.status?.state).toBe(TaskState.TASK_STATE_INPUT_REQUIRED);
    const got = await client.getTask({ tenant: '', id: taskId, historyLength: undefined });
    expect(got.id).toBe(taskId);
    const again = request('done', { taskId, contextId: asked.contextId });
    const done = (await client.sendMessage(again)) as Task;
    expect(done.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
    // The same message once more is the same task, not another one.
    expect(((await client.sendMessage(again)) as Task).id).toBe(taskId);
    expect(members.map(({ seen }) => seen.length).sort()).toEqual([0, 2]);
    expect(new Set(members.flatMap(({ seen }) => seen.map(({ user }) => user)))).toEqual(
      new Set(['org/unit/asker']),
    );
  });

  test('a direct answer, and a task that is given back at once, are followed to their end', async () => {
    const only = await member('a');
    const { client } = await asker();
    expect(((await client.sendMessage(request('message'))) as Message).parts).toHaveLength(1);
    const taskId = randomUUID();
    const configuration = { returnImmediately: true } as never;
    const begun = (await client.sendMessage({ ...request('wait', { taskId }), configuration })) as Task;
    expect(begun.status?.state).not.toBe(TaskState.TASK_STATE_COMPLETED);
    await opened([1]);
    only.release();
    await opened([0]);
    expect(dispatcher.open()).toBe(0);
  });

  test('a request for a pool without a live member is refused, not kept', async () => {
    const gone = await member('a');
    expect(gone.seen).toEqual([]);
    const { client } = await asker();
    await closing.shift()?.close();
    await vi.waitFor(() => expect(dispatcher.load(POOL)['org/unit/a']?.live).toBe(false), SOON);
    const failed = client.sendMessage(request('x'), { signal: AbortSignal.timeout(300) });
    await expect(failed).rejects.toMatchObject({ name: 'TimeoutError' });
    const late = await member('b');
    expect(((await client.sendMessage(request('y'))) as Task).status?.state).toBe(
      TaskState.TASK_STATE_COMPLETED,
    );
    expect(late.seen.map(({ text }) => text)).toEqual(['y']);
  });

  test('the open work of a member that dies goes to another, and ends once', async () => {
    const cable = await cuttable(broker.url);
    cables.push(cable);
    const lost = await member('a', cable.url);
    const { client } = await asker();
    const taskId = randomUUID();
    const streaming = stream(client, 'wait', taskId);
    await vi.waitFor(() => expect(lost.seen).toHaveLength(1), SOON);
    await opened([1]);
    const heir = await member('b');
    cable.cut();
    await vi.waitFor(() => expect(heir.seen).toHaveLength(1), SOON);
    expect(heir.seen[0]).toEqual({ text: 'wait', user: 'org/unit/asker' });
    heir.release();
    const { states, answer } = await streaming;
    expect(answer).toBe('WAIT');
    expect(states.filter((state) => state === TaskState.TASK_STATE_COMPLETED)).toHaveLength(1);
    const after = await client.getTask({ tenant: '', id: taskId, historyLength: undefined });
    expect(after.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);

    // Back again, it learns that the task is no longer its own.
    cable.mend();
    const direct = await join(broker.via as string, 'org/unit/asker2');
    closing.push(direct);
    await vi.waitFor(() => expect(store.list()).toEqual([]), SOON);
    await vi.waitFor(
      () => expect(dispatcher.load(POOL)['org/unit/a']).toEqual({ live: true, open: 0 }),
      SOON,
    );
  });

  test('a member that is back at once keeps its work', async () => {
    await dispatcher.close();
    await dispatch({ graceMs: 10_000 });
    const cable = await cuttable(broker.url);
    cables.push(cable);
    const blinking = await member('a', cable.url);
    const other = await member('b');
    const { client } = await asker();
    const streaming = [stream(client, 'wait'), stream(client, 'wait')];
    await vi.waitFor(() => expect([blinking.seen.length, other.seen.length]).toEqual([1, 1]), SOON);
    cable.cut();
    await vi.waitFor(() => expect(dispatcher.load(POOL)['org/unit/a']?.live).toBe(false), SOON);
    cable.mend();
    await vi.waitFor(() => expect(dispatcher.load(POOL)['org/unit/a']?.live).toBe(true), SOON);
    blinking.release();
    other.release();
    expect((await Promise.all(streaming)).map(({ answer }) => answer)).toEqual(['WAIT', 'WAIT']);
    expect([blinking.seen.length, other.seen.length]).toEqual([1, 1]);
  });

  test('a dispatcher that comes back hands the work of a member on that does not', async () => {
    const cable = await cuttable(broker.url);
    cables.push(cable);
    const lost = await member('a', cable.url);
    const { client } = await asker();
    const streaming = stream(client, 'wait');
    await vi.waitFor(() => expect(lost.seen).toHaveLength(1), SOON);
    await vi.waitFor(() => expect(store.list()).toHaveLength(1), SOON);
    await dispatcher.close();
    cable.cut();
    await dispatch({ rejoinMs: 50 });
    const heir = await member('b');
    await vi.waitFor(() => expect(heir.seen).toHaveLength(1), SOON);
    heir.release();
    expect((await streaming).answer).toBe('WAIT');
    expect(dispatcher.open()).toBe(0);
  });
});
