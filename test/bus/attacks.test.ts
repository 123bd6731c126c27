import { randomUUID } from 'node:crypto';
import { connect as connectSocket } from 'node:net';
import { type Task, TaskState } from '@a2a-js/sdk';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { MAX_HOPS } from '../../broker/a2a/trace.ts';
import { type Bus, type BusLimits, type BusMember, startBus } from '../../broker/index.ts';
import type { Log } from '../../machines/ports.ts';
import { slowClient } from './slow-client.ts';
import { env, join, recorder, request } from './support.ts';

/** Attacks on an open port that no other test of this folder shows; `docs/security.md` has the whole list. */

const ID = 'org/unit/agent';
const SOON = { timeout: 10_000, interval: 5 };
const CARD = JSON.stringify({ name: 'x', version: '1', skills: [], supportedInterfaces: [] });
const LIMITS: BusLimits = { maxRetained: 20, maxConnections: 40, maxQueuedMessages: 50, drainTimeoutMs: 300 };

let bus: Bus;
const lines: string[] = [];
const note = (...words: unknown[]) => void lines.push(JSON.stringify(words));
const log: Log = { debug: note, info: note, warn: note, error: note };
const open: MqttClient[] = [];
const members: BusMember[] = [];

beforeEach(async () => {
  lines.length = 0;
  bus = await startBus({ env: { ...env, log }, host: '127.0.0.1', tcpPort: 0, wsPort: 0, ...LIMITS });
});
afterEach(async () => {
  for (const client of open.splice(0)) client.end(true);
  for (const member of members.splice(0)) await member.close();
  await bus.close();
});

async function connect(clientId: string, options: IClientOptions = {}): Promise<MqttClient> {
  const client = await mqtt.connectAsync(bus.mqttUrl, {
    clientId,
    protocolVersion: 5,
    reconnectPeriod: 0,
    ...options,
  });
  client.on('error', () => undefined);
  open.push(client);
  return client;
}

async function member(...args: [id: string, ...rest: unknown[]]): Promise<BusMember> {
  const [id, ...rest] = args;
  const joined = await join(bus, id, ...(rest as never[]));
  members.push(joined);
  return joined;
}

test('9: replies without or with an unknown correlation, twice, or after the end count for nothing', async () => {
  const liar = await connect(ID);
  const replies: string[] = [];
  liar.on('message', (_topic, _payload, { properties }) => {
    const answer = (text: string) =>
      JSON.stringify({
        jsonrpc: '2.0',
        id: null,
        result: { message: { messageId: text, role: 'ROLE_AGENT', parts: [{ text }] } },
      });
    const to = properties?.responseTopic ?? '';
    const correlationData = properties?.correlationData as Buffer;
    liar.publish(to, answer('without'), { qos: 1 });
    liar.publish(to, answer('unknown'), { qos: 1, properties: { correlationData: Buffer.from('nobody') } });
    liar.publish(to, 'no JSON', { qos: 1, properties: { correlationData } });
    for (const text of ['first', 'second']) {
      liar.publish(to, answer(text), { qos: 1, properties: { correlationData } }, () => replies.push(text));
    }
  });
  await liar.subscribeAsync(`$a2a/v1/request/${ID}`, { qos: 1 });
  const card = {
    ...JSON.parse(CARD),
    supportedInterfaces: [
      {
        url: `${bus.mqttUrl}/$a2a/v1/request/${ID}`,
        protocolBinding: 'MQTTv5+JSONRPCv2',
        protocolVersion: '1.0',
      },
    ],
  };
  await liar.publishAsync(`$a2a/v1/discovery/${ID}`, JSON.stringify(card), { qos: 1, retain: true });
  const asker = await member('org/unit/asker');
  const client = await asker.client(ID);
  expect(await client.sendMessage(request('one'))).toMatchObject({ messageId: 'first' });
  await vi.waitFor(() => expect(replies).toEqual(['first', 'second']), SOON);
  expect(await client.sendMessage(request('two'))).toMatchObject({ messageId: 'first' });
});

test('11: the same task id with other words or another context is refused, and the task is what it was', async () => {
  await member(ID, recorder());
  const client = await (await member('org/unit/asker')).client(ID);
  const ids = { taskId: randomUUID(), contextId: randomUUID(), messageId: 'm' };
  await client.sendMessage(request('pay 1', ids));
  for (const forged of [request('pay 100', ids), request('pay 1', { ...ids, contextId: randomUUID() })]) {
    await expect(client.sendMessage(forged)).rejects.toMatchObject({ envelopeCode: -32602 });
  }
  const task = await client.getTask({ tenant: '', id: ids.taskId, historyLength: undefined });
  expect(JSON.stringify(task.artifacts)).toContain('PAY 1');
  expect(JSON.stringify(task)).not.toMatch(/pay 100/i);
});

test('20: agents that ask each other in a circle are stopped, with the reason', async () => {
  let calls = 0;
  const names = ['org/unit/ping', 'org/unit/pong'] as const;
  const circle: BusMember[] = [];
  for (const [i, name] of names.entries()) {
    const next = names[1 - i] as string;
    const inner = recorder();
    circle.push(
      await member(name, {
        async execute(context: never, out: never) {
          calls += 1;
          // The answer, or why there is none.
          const client = await (circle[i] as BusMember).client(next);
          await client.sendMessage(request('your turn')).catch((error: Error) => {
            lines.push(error.message);
          });
          await inner.execute(context, out);
        },
        cancelTask: inner.cancelTask,
      }),
    );
  }
  const client = await (await member('org/unit/asker')).client('org/unit/ping');
  const task = (await client.sendMessage(request('begin'))) as Task;
  expect(task.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
  expect(calls).toBe(MAX_HOPS + 1);
  expect(lines.join()).toContain('asking in a circle');
});

test('23: half a CONNECT, many connections, many cards, deep topics: bounded, and the others are served', async () => {
  const { port } = new URL(bus.mqttUrl);
  const a = await connect('org/unit/a');
  const loris = Array.from({ length: 60 }, () => connectSocket(Number(port), '127.0.0.1'));
  for (const socket of loris) {
    socket.on('error', () => undefined);
    socket.write(Buffer.from([0x10, 0xff])); // a length that never ends
  }
  // More than may be there at once: some of them are closed by the broker.
  await vi.waitFor(() => expect(loris.filter(({ destroyed }) => destroyed).length).toBeGreaterThan(15), SOON);
  for (const socket of loris) socket.destroy();
  await a.publishAsync('$a2a/v1/event/org/unit/a', 'still here', { qos: 1 });

  const deep = `$a2a/v1/event/${'x/'.repeat(1_000)}y`;
  await expect(a.subscribeAsync(deep, { qos: 1 })).rejects.toThrow();
  const again = await connect('org/unit/a2');
  let kept = 0;
  await again.publishAsync('$a2a/v1/discovery/org/unit/a2', CARD, { qos: 1, retain: true });
  for (let i = 0; i < 25; i += 1) {
    const card = JSON.stringify({ ...JSON.parse(CARD), version: String(i) });
    await again.publishAsync('$a2a/v1/discovery/org/unit/a2', card, { qos: 1, retain: true }).then(
      () => (kept += 1),
      () => undefined,
    );
  }
  expect(kept).toBeLessThanOrEqual(10); // changes of one card in a minute
  expect(bus.refusals().get('card-rate')).toBeGreaterThan(0);
});

test('23: who never acknowledges has so much waiting and no more; whom it concerns is told', async () => {
  const { port } = new URL(bus.mqttUrl);
  const silent = await slowClient({
    port: Number(port),
    clientId: 'org/unit/silent',
    filter: '$a2a/v1/request/org/unit/silent',
    receiveMaximum: 1,
    sessionExpiryInterval: 60,
  });
  const a = await connect('org/unit/a');
  const asking = { qos: 1, properties: { responseTopic: '$a2a/v1/reply/org/unit/a/s' } } as const;
  let refused = 0;
  for (let i = 0; i < 80; i += 1) {
    await a.publishAsync('$a2a/v1/request/org/unit/silent', String(i), asking).catch(() => {
      refused += 1;
    });
  }
  expect(refused).toBeGreaterThanOrEqual(80 - 50 - 1);
  expect(silent.got.length).toBeLessThanOrEqual(1);
  silent.end();
});

test('29: nobody sees, follows, cancels or goes on with the task of another, and cannot tell it from none', async () => {
  const executor = recorder();
  await member(ID, executor);
  const owner = await (await member('org/unit/owner')).client(ID);
  const other = await (await member('org/unit/other')).client(ID);
  const stream = owner.sendMessageStream(request('wait'));
  const { value } = await stream.next();
  const task = value?.payload?.$case === 'task' ? value.payload.value : undefined;
  const id = task?.id ?? '';
  const unknown = { envelopeCode: -32001 };
  await expect(other.getTask({ tenant: '', id, historyLength: undefined })).rejects.toMatchObject(unknown);
  await expect(other.cancelTask({ tenant: '', id, metadata: undefined })).rejects.toMatchObject(unknown);
  await expect(other.resubscribeTask({ tenant: '', id }).next()).rejects.toThrow(/not found/i);
  const all = {
    tenant: '',
    contextId: task?.contextId ?? '',
    status: TaskState.TASK_STATE_UNSPECIFIED,
    pageToken: '',
    statusTimestampAfter: undefined,
  };
  expect((await other.listTasks(all)).tasks).toEqual([]);
  // The same ids are another task of its own for the other one.
  const own = (await other.sendMessage(
    request('mine', { taskId: id, contextId: task?.contextId ?? '' }),
  )) as Task;
  expect(JSON.stringify(own)).not.toContain('wait');
  executor.release();
  const states: unknown[] = [];
  for await (const { payload } of stream)
    if (payload?.$case === 'statusUpdate') states.push(payload.value.status?.state);
  expect(states.at(-1)).toBe(TaskState.TASK_STATE_COMPLETED);
});

test('32: passwords, tokens and secrets of webhooks stand in no log, card, event or refusal', async () => {
  const canary = 'canary-7f3a9';
  const seen: string[] = [];
  await member(ID, recorder());
  const listener = await connect('org/unit/listener');
  listener.on('message', (topic, payload, packet) =>
    seen.push(topic, String(payload), JSON.stringify(packet.properties)),
  );
  await listener.subscribeAsync(['$a2a/v1/discovery/#', '$a2a/v1/event/+/+/+'], { qos: 1 });
  const asker = await connect('org/unit/asker', { username: 'someone', password: canary });
  asker.on('message', (_topic, payload, packet) =>
    seen.push(String(payload), JSON.stringify(packet.properties)),
  );
  await asker.subscribeAsync('$a2a/v1/reply/org/unit/asker/s', { qos: 1 });
  const url = 'http://127.0.0.1:1/';
  const secrets = { url, token: canary, authentication: { scheme: 'Bearer', credentials: canary } };
  const send = (params: object) =>
    asker.publishAsync(
      `$a2a/v1/request/${ID}`,
      JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'SendMessage', params }),
      {
        qos: 1,
        properties: {
          responseTopic: '$a2a/v1/reply/org/unit/asker/s',
          correlationData: Buffer.from('1'),
          userProperties: { 'a2a-authorization': `Bearer ${canary}` },
        },
      },
    );
  const { message } = request('hello', { taskId: randomUUID() });
  const wire = {
    messageId: message.messageId,
    taskId: message.taskId,
    role: 'ROLE_USER',
    parts: [{ text: 'hello' }],
  };
  await send({ message: wire, configuration: { taskPushNotificationConfig: secrets } });
  await send({
    message: { ...wire, taskId: 'none' },
    configuration: { taskPushNotificationConfig: secrets },
  });
  await expect(connect('not an id', { password: canary, username: canary })).rejects.toThrow();
  await vi.waitFor(
    () => expect(seen.filter((text) => text.includes('jsonrpc')).length).toBeGreaterThan(1),
    SOON,
  );
  expect(seen.join('\n')).not.toContain(canary);
  expect(lines.join('\n')).not.toContain(canary);
});

test('33: a clock that jumps does not end what is under way', async () => {
  let offset = 0;
  const clock = { ...env.clock, now: () => Date.now() + offset };
  const executor = recorder();
  await member(ID, executor, { env: { ...env, clock } });
  const asker = await member('org/unit/asker', undefined, { env: { ...env, clock } });
  const client = await asker.client(ID);
  const stream = client.sendMessageStream(request('wait'));
  await stream.next();
  for (const jump of [600_000, -600_000, -86_400_000]) {
    offset = jump;
    const task = (await client.sendMessage(request('hello'))) as Task;
    expect(task.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
  }
  executor.release();
  const kinds: string[] = [];
  for await (const { payload } of stream) kinds.push(payload?.$case ?? '');
  expect(kinds.at(-1)).toBe('statusUpdate');
});
