import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Task, type TaskPushNotificationConfig, TaskState } from '@a2a-js/sdk';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { PushDelivery } from '../../broker/a2a/push/delivery.ts';
import { Targets } from '../../broker/a2a/push/target.ts';
import { agentCard, memoryLedger, type PushEntry, type PushStore } from '../../broker/index.ts';
import { env, join, newBus, recorder, request } from './support.ts';
import { changes, scope, status, submitted } from './task-support.ts';

const LOCAL = { allowHttp: true, allow: ['127.0.0.0/8'] };

interface Told {
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
}

/** A receiver that answers with the next of `answers`, then 200. */
async function receiver(answers: number[] = []) {
  const told: Told[] = [];
  let wake: () => void = () => undefined;
  const server = createServer(async (incoming, response) => {
    let text = '';
    for await (const chunk of incoming) text += chunk;
    const code = answers.shift() ?? 200;
    if (code === 200) told.push({ headers: incoming.headers, body: JSON.parse(text) });
    response.writeHead(code, code === 302 ? { location: 'http://127.0.0.1:1/' } : {}).end();
    wake();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    told,
    answers,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    async until(done: () => boolean) {
      while (!done()) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

const config = (url: string, more: Partial<TaskPushNotificationConfig> = {}): TaskPushNotificationConfig => ({
  tenant: '',
  id: '',
  taskId: '',
  url,
  token: '',
  authentication: undefined,
  ...more,
});
const kinds = (told: Told[]) => told.map(({ body }) => Object.keys(body)[0]);

async function pair() {
  const bus = await newBus();
  const id = 'org/unit/agent';
  const card = agentCard({
    id,
    name: id,
    description: '-',
    version: '1',
    skills: [],
    mqttUrl: bus.mqttUrl,
    pushNotifications: true,
  });
  const executor = recorder();
  const agent = await join(bus, id, executor, { card, push: { targets: LOCAL } });
  const asker = await join(bus, 'org/unit/asker');
  onTestFinished(async () => {
    await asker.close();
    await agent.close();
    await bus.close();
  });
  return { client: await asker.client(id), executor, bus };
}

test('a configuration that comes with the message hears every event, in order, with its credentials', async () => {
  const { client } = await pair();
  const hook = await receiver();
  const told = config(hook.url, { token: 't-1', authentication: { scheme: 'Bearer', credentials: 's-1' } });
  const configuration = {
    acceptedOutputModes: [],
    taskPushNotificationConfig: told,
    historyLength: undefined,
    returnImmediately: false,
  };
  const task = (await client.sendMessage({ ...request('hello'), configuration })) as Task;
  await hook.until(() => kinds(hook.told).includes('statusUpdate') && hook.told.length >= 3);
  const states = JSON.stringify(hook.told.map(({ body }) => body));
  expect(kinds(hook.told).slice(-2)).toEqual(['artifactUpdate', 'statusUpdate']);
  expect(states).toContain('TASK_STATE_COMPLETED');
  expect(states).toContain(task.id);
  for (const { headers } of hook.told) {
    expect(headers['content-type']).toBe('application/a2a+json');
    expect(headers.authorization).toBe('Bearer s-1');
    expect(headers['x-a2a-notification-token']).toBe('t-1');
  }
});

test('configurations are made, read, listed and deleted; deleting twice is the same', async () => {
  const { client, executor } = await pair();
  const hook = await receiver();
  const stream = client.sendMessageStream(request('wait'));
  const first = await stream.next();
  const taskId = first.value?.payload?.$case === 'task' ? first.value.payload.value.id : '';
  const made = await client.createTaskPushNotificationConfig(config(hook.url, { taskId }));
  expect(made.id).not.toBe('');
  const named = await client.createTaskPushNotificationConfig(config(hook.url, { taskId, id: 'mine' }));
  expect(named.id).toBe('mine');
  expect((await client.getTaskPushNotificationConfig({ tenant: '', taskId, id: 'mine' })).url).toBe(hook.url);
  const listed = await client.listTaskPushNotificationConfig({
    tenant: '',
    taskId,
    pageSize: 0,
    pageToken: '',
  });
  expect(listed.configs.map(({ id }) => id).sort()).toEqual([made.id, 'mine'].sort());
  for (let twice = 0; twice < 2; twice++) {
    await client.deleteTaskPushNotificationConfig({ tenant: '', taskId, id: 'mine' });
  }
  await expect(
    client.getTaskPushNotificationConfig({ tenant: '', taskId, id: 'mine' }),
  ).rejects.toMatchObject({
    envelopeCode: -32001,
  });
  executor.release();
  for await (const _ of stream);
  await hook.until(() => hook.told.length >= 2);
  expect(kinds(hook.told)).toEqual(['artifactUpdate', 'statusUpdate']);
});

test('an address inside is refused before anything is sent, over the wire as -32602', async () => {
  const bus = await newBus();
  const id = 'org/unit/agent';
  const card = agentCard({
    id,
    name: id,
    description: '-',
    version: '1',
    skills: [],
    mqttUrl: '-',
    pushNotifications: true,
  });
  const agent = await join(bus, id, recorder(), { card, push: {} });
  const asker = await join(bus, 'org/unit/asker');
  const client = await asker.client(id);
  const task = (await client.sendMessage(request('ask'))) as Task;
  const inside = client.createTaskPushNotificationConfig(
    config('https://169.254.169.254/latest', { taskId: task.id }),
  );
  await expect(inside).rejects.toMatchObject({ envelopeCode: -32602 });
  await asker.close();
  await agent.close();
  await bus.close();
});

test('an agent without the capability says so', async () => {
  const bus = await newBus();
  const agent = await join(bus, 'org/unit/agent', recorder());
  const asker = await join(bus, 'org/unit/asker');
  const client = await asker.client('org/unit/agent');
  const task = (await client.sendMessage(request('hi'))) as Task;
  const create = async () =>
    client.createTaskPushNotificationConfig(config('https://example.org/', { taskId: task.id }));
  await expect(create()).rejects.toMatchObject({ name: 'PushNotificationNotSupportedError' });
  await asker.close();
  await agent.close();
  await bus.close();
});

/** Delivery alone, over a ledger with a task, on a clock that the test moves. */
async function delivery(url: string, store?: PushStore) {
  const timers: Array<() => void> = [];
  let waiting: () => void = () => undefined;
  const clock = {
    now: () => 0,
    setTimeout: (fn: () => void) => {
      timers.push(fn);
      waiting();
      return fn;
    },
    clearTimeout: () => undefined,
  };
  const ledger = memoryLedger();
  const [begun, worked, ended] = [
    ...changes(submitted('t'), [
      status('t', TaskState.TASK_STATE_WORKING, 1),
      status('t', TaskState.TASK_STATE_COMPLETED, 2),
    ]),
  ];
  ledger.commit(begun!);
  const open = () =>
    new PushDelivery({ env: { ...env, clock }, ledger, targets: LOCAL, ...(store && { store }) });
  const push = open();
  await push.create(scope, config(url, { taskId: 't', id: 'c' }));
  return {
    push,
    open,
    commit: (change: typeof begun, to = push) => {
      ledger.commit(change!);
      to.committed(change!.record);
    },
    worked,
    ended,
    /** Waits for the pause after a failure, and ends it. */
    async pause() {
      while (timers.length === 0) await new Promise<void>((resolve) => (waiting = resolve));
      timers.shift()?.();
    },
  };
}

test('a receiver that fails is tried again, in order; redirects are not followed', async () => {
  const hook = await receiver([500, 302]);
  const { push, commit, worked, ended, pause } = await delivery(hook.url);
  commit(worked);
  commit(ended);
  await pause();
  await pause();
  await hook.until(() => hook.told.length === 2);
  expect(
    hook.told.map(({ body }) => (body.statusUpdate as { status: { state: string } }).status.state),
  ).toEqual(['TASK_STATE_WORKING', 'TASK_STATE_COMPLETED']);
  expect(push.failed).toBe(2);
  await push.close();
});

test('what was not taken before a restart is delivered after it, and what was taken is not again', async () => {
  const kept = new Map<string, PushEntry>();
  const store: PushStore = {
    put: (id, entry) => void kept.set(id, structuredClone(entry)),
    delete: (id) => kept.delete(id),
    list: () => [...kept].map(([id, value]) => ({ id, value })),
  };
  const hook = await receiver();
  const { push, open, commit, worked, ended } = await delivery(hook.url, store);
  commit(worked);
  await hook.until(() => hook.told.length === 1);
  while ([...kept.values()][0]?.cursor !== 2) await new Promise((resolve) => setImmediate(resolve));
  hook.answers.push(...Array<number>(5).fill(503));
  await push.close();
  commit(ended);
  hook.answers.length = 0;
  const again = open();
  await hook.until(() => hook.told.length === 2);
  while (kept.size > 0) await new Promise((resolve) => setImmediate(resolve));
  expect(JSON.stringify(hook.told[1]?.body)).toContain('COMPLETED');
  await again.close();
});

test.each([
  'http://example.org/',
  'ftp://example.org/',
  'https://user:pass@example.org/',
  'https://127.0.0.1/',
  'https://0x7f.1/',
  'https://2130706433/',
  'https://017700000001/',
  'https://[::1]/',
  'https://[::ffff:10.0.0.1]/',
  'https://[64:ff9b::a00:1]/',
  'https://[fe80::1]/',
  'https://10.1.2.3/',
  'https://100.64.0.1/',
  'https://169.254.169.254/latest/meta-data',
  'https://localhost/',
  'https://a.localhost./',
  'nonsense',
])('%s is no target', (url) => {
  expect(() => new Targets({ allowHttp: false, allow: [] }).check(url)).toThrow(/do not go to this address/);
});

test('a name is judged by the address that is called, also where it is local', async () => {
  const found = (targets: Targets, host: string) =>
    new Promise((resolve) =>
      targets.lookup(host, {}, (error, address) => resolve(error?.message ?? address)),
    );
  expect(await found(new Targets({ allowHttp: false, allow: [] }), 'localhost')).toMatch(/not public/);
  expect(await found(new Targets({ allowHttp: false, allow: [] }), '93.184.215.14')).toBe('93.184.215.14');
  expect(await found(new Targets({ allowHttp: false, allow: ['localhost'] }), 'localhost')).toMatch(
    /^(127\.|::1)/,
  );
});

test('no private address gets through in any notation', () => {
  const targets = new Targets({ allowHttp: true, allow: [] });
  const privates = fc.oneof(
    fc.tuple(fc.constant(10), fc.nat(255), fc.nat(255), fc.nat(255)),
    fc.tuple(fc.constant(127), fc.nat(255), fc.nat(255), fc.nat(255)),
    fc.tuple(fc.constant(192), fc.constant(168), fc.nat(255), fc.nat(255)),
    fc.tuple(fc.constant(172), fc.integer({ min: 16, max: 31 }), fc.nat(255), fc.nat(255)),
  );
  const write = [
    (parts: number[]) => parts.join('.'),
    (parts: number[]) => parts.map((part) => `0x${part.toString(16)}`).join('.'),
    (parts: number[]) => parts.map((part) => `0${part.toString(8)}`).join('.'),
    (parts: number[]) => String(parts.reduce((sum, part) => sum * 256 + part, 0)),
    (parts: number[]) => `[::ffff:${parts.join('.')}]`,
  ];
  fc.assert(
    fc.property(privates, fc.constantFrom(...write), (parts, as) => {
      expect(() => targets.check(`http://${as(parts)}/`)).toThrow();
    }),
  );
});
