import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type AgentCard, Role, type StreamResponse, type Task, TaskState } from '@a2a-js/sdk';
import type { Client } from '@a2a-js/sdk/client';
import { type AgentExecutor, DefaultRequestHandler, InMemoryTaskStore } from '@a2a-js/sdk/server';
import { agentCardHandler, jsonRpcHandler, UserBuilder } from '@a2a-js/sdk/server/express';
import express from 'express';
import { afterEach, expect, test } from 'vitest';
import { agentCard, type Bus, type BusMember, joinBus, memoryLedger } from '../../broker/index.ts';
import { type BroughtAgent, bringAgent, memoryTaskLinks } from '../../src/gateway/index.ts';
import { env, join, newBus, recorder, request } from '../bus/support.ts';

const ID = 'partners/remote/echo';
const closing: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Remote {
  url: string;
  server: Server;
  handler: DefaultRequestHandler;
}

/** A plain agent of the SDK behind express. The recorder wants the headers of the bus, which HTTP has not. */
async function remoteAgent(executor: AgentExecutor, streaming = true, elsewhere?: string): Promise<Remote> {
  const app = express();
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const base = agentCard({
    id: ID,
    name: 'Echo',
    description: 'Elsewhere.',
    version: '2.1.0',
    skills: [],
    mqttUrl: '',
  });
  const card: AgentCard = {
    ...base,
    supportedInterfaces: [
      { url: `${elsewhere ?? url}/rpc`, protocolBinding: 'JSONRPC', protocolVersion: '1.0', tenant: '' },
    ],
    capabilities: { streaming, pushNotifications: true, extendedAgentCard: true, extensions: [] },
  };
  const handler = new DefaultRequestHandler(card, new InMemoryTaskStore(), executor);
  app.use('/.well-known/agent-card.json', agentCardHandler({ agentCardProvider: handler }));
  app.use('/rpc', jsonRpcHandler({ requestHandler: handler, userBuilder: UserBuilder.noAuthentication }));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url, server, handler };
}

async function newScene(streaming = true) {
  const executor = recorder();
  const remote = await remoteAgent(executor, streaming);
  const bus = await newBus();
  closing.push(() => bus.close());
  const brought = await bring(bus, remote.url);
  const asker = await join(bus, 'netagent/test/asker');
  closing.push(() => asker.close());
  return { executor, remote, bus, brought, asker, client: await asker.client(ID) };
}

async function bring(
  bus: Bus,
  url: string,
  more: Partial<Parameters<typeof bringAgent>[0]> = {},
): Promise<BroughtAgent> {
  const brought = await bringAgent({
    env,
    url,
    id: ID,
    mqttUrl: bus.mqttUrl,
    join: (member) => joinBus({ ...member, via: bus, env }),
    pollMs: 5,
    looks: 3,
    ...more,
  });
  closing.push(() => brought.close());
  return brought;
}

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

test('an HTTP agent is on the bus with its card, and is asked over MQTT; the ids differ', async () => {
  const { asker, brought, client, executor } = await newScene();
  const seen = asker.agents().find(({ id }) => id === ID);
  expect(seen).toMatchObject({ status: 'online', card: { name: 'Echo', version: '2.1.0' } });
  expect(seen?.card.supportedInterfaces.map(({ url }) => url)).toEqual([
    expect.stringMatching(/^mqtt:.*echo$/),
  ]);
  expect(seen?.card.capabilities).toMatchObject({ pushNotifications: false, extendedAgentCard: false });
  expect(await cases(client.sendMessageStream(request('hello')))).toEqual(WHOLE);
  const task = (await client.sendMessage(request('hi'))) as Task;
  expect(task.artifacts[0]?.parts[0]?.content).toEqual({ $case: 'text', value: 'HI' });
  expect((await client.getTask({ tenant: '', id: task.id })).history).toHaveLength(1);
  expect(await client.sendMessage(request('message'))).toMatchObject({ role: Role.ROLE_AGENT });
  expect(executor.seen.map(({ text }) => text)).toEqual(['hello', 'hi', 'message']);
  expect(brought.id).toBe(ID);
});

test('an agent that does not stream is looked at until it is done', async () => {
  const { client, executor } = await newScene(false);
  const stream = client.sendMessageStream(request('wait'));
  expect((await stream.next()).value?.payload?.$case).toBe('task');
  executor.release();
  expect((await cases(stream)).at(-1)).toBe('statusUpdate:COMPLETED');
  const task = (await client.sendMessage(request('again'))) as Task;
  expect(task.artifacts[0]?.parts[0]?.content).toEqual({ $case: 'text', value: 'AGAIN' });
});

test('input is asked for and given in the same task over there; a context is one conversation', async () => {
  const { client, executor, remote } = await newScene();
  const asked = (await client.sendMessage(request('ask'))) as Task;
  expect(asked.status?.state).toBe(TaskState.TASK_STATE_INPUT_REQUIRED);
  const next = request('more', { taskId: asked.id, contextId: asked.contextId });
  expect(((await client.sendMessage(next)) as Task).status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
  await client.sendMessage(request('other', { contextId: asked.contextId }));
  expect(executor.seen).toHaveLength(3);
  const theirs = await theirTasks(remote);
  expect(theirs).toHaveLength(2);
  expect(new Set(theirs.map(({ contextId }) => contextId)).size).toBe(1);
  expect(theirs.some(({ id, contextId }) => id === asked.id || contextId === asked.contextId)).toBe(false);
});

test('a cancel stops the task over there', async () => {
  const { client, remote } = await newScene();
  const sent = request('wait', { taskId: '4b1a7a44-53a4-4b87-b6a1-0f2f0e9f6c11' });
  const stream = client.sendMessageStream(sent);
  await stream.next();
  const cancelled = await client.cancelTask({ tenant: '', id: sent.message.taskId, metadata: undefined });
  expect(cancelled.status?.state).toBe(TaskState.TASK_STATE_CANCELED);
  expect((await cases(stream)).at(-1)).toBe('statusUpdate:CANCELED');
  expect((await theirTasks(remote)).map(({ status }) => status?.state)).toEqual([
    TaskState.TASK_STATE_CANCELED,
  ]);
  const asked = (await client.sendMessage(request('ask'))) as Task;
  await client.cancelTask({ tenant: '', id: asked.id, metadata: undefined });
  const states = (await theirTasks(remote)).map(({ status }) => status?.state);
  expect(states).toEqual([TaskState.TASK_STATE_CANCELED, TaskState.TASK_STATE_CANCELED]);
});

test('a lost connection is no lost task: it is watched again, and nothing is sent twice', async () => {
  const { client, executor, remote } = await newScene();
  const stream = client.sendMessageStream(request('wait'));
  const seen: string[] = [];
  for await (const { payload } of stream) {
    seen.push(payload?.$case ?? '');
    if (seen.length === 2) {
      remote.server.closeAllConnections();
      executor.release();
    }
  }
  expect(seen.at(-1)).toBe('statusUpdate');
  expect(seen).toContain('artifactUpdate');
  expect(executor.seen).toHaveLength(1);
});

test('an agent that is gone, or refuses: the task fails and says why', async () => {
  const { client, remote, bus } = await newScene();
  const thrown = (await client.sendMessage(request('throw'))) as Task;
  expect(thrown.status?.state).toBe(TaskState.TASK_STATE_FAILED);
  remote.server.closeAllConnections();
  await new Promise<void>((resolve) => remote.server.close(() => resolve()));
  const lost = (await client.sendMessage(request('hi'))) as Task;
  expect(lost.status?.state).toBe(TaskState.TASK_STATE_FAILED);
  expect(JSON.stringify(lost.status?.message)).toContain('was lost');
  const again = bring(bus, remote.url, { id: 'partners/remote/gone' });
  await expect(again).rejects.toMatchObject({ code: 'GATEWAY_REMOTE_UNREADABLE' });
});

test('a restart takes up the task over there by the links that were kept, and sends nothing again', async () => {
  const executor = recorder();
  const remote = await remoteAgent(executor);
  const bus = await newBus();
  closing.push(() => bus.close());
  const links = memoryTaskLinks();
  const ledger = memoryLedger();
  const joined = (member: Parameters<Parameters<typeof bringAgent>[0]['join']>[0]): Promise<BusMember> =>
    joinBus({ ...member, via: bus, env, ledger, recovery: () => 'rerun' });
  const first = await bring(bus, remote.url, { links, join: joined });
  const asker = await join(bus, 'netagent/test/asker');
  closing.push(() => asker.close());
  const id = '4b1a7a44-53a4-4b87-b6a1-0f2f0e9f6c12';
  const client: Client = await asker.client(ID);
  const stream = client.sendMessageStream(request('wait', { taskId: id }));
  await stream.next();
  await stream.next();
  await first.close();
  await bring(bus, remote.url, { links, join: joined });
  const watching = client.resubscribeTask({ tenant: '', id });
  await watching.next();
  executor.release();
  expect((await cases(watching)).at(-1)).toBe('statusUpdate:COMPLETED');
  const ended = await client.getTask({ tenant: '', id });
  expect(ended.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
  expect(ended.artifacts[0]?.parts[0]?.content).toEqual({ $case: 'text', value: 'WAIT' });
  expect(executor.seen).toHaveLength(1);
});

test('a card may not send us to another host unless that was allowed; a page that is no card is refused', async () => {
  const bus = await newBus();
  closing.push(() => bus.close());
  const remote = await remoteAgent(recorder(), true, 'http://10.0.0.1');
  const refused = { code: 'GATEWAY_REMOTE_UNREADABLE' };
  await expect(bring(bus, remote.url)).rejects.toMatchObject(refused);
  const brought = await bring(bus, remote.url, { origins: ['http://10.0.0.1'] });
  expect(brought.id).toBe(ID);
  const page: typeof fetch = async () => new Response('{"hello":"world"}');
  await expect(bring(bus, remote.url, { id: 'a/b/c', fetch: page })).rejects.toMatchObject(refused);
  const large: typeof fetch = async () => new Response('x'.repeat(100_000));
  await expect(bring(bus, remote.url, { id: 'a/b/c', fetch: large })).rejects.toMatchObject(refused);
});

async function theirTasks({ url }: Remote): Promise<Task[]> {
  const { ClientFactory } = await import('@a2a-js/sdk/client');
  const client = await new ClientFactory().createFromUrl(url);
  const page = await client.listTasks({
    tenant: '',
    contextId: '',
    status: 0,
    pageToken: '',
    statusTimestampAfter: undefined,
  });
  return page.tasks;
}
