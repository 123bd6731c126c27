import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createGuard } from '../../broker/embedded/guard.ts';
import { openOnLoopback } from '../../broker/embedded/identity.ts';
import { withDefaults } from '../../broker/embedded/limits.ts';
import { Sessions } from '../../broker/embedded/sessions.ts';
import { type Bus, startBus } from '../../broker/index.ts';
import { env, join, newBus, recorder, request } from './support.ts';

let bus: Bus;
const open: MqttClient[] = [];

beforeEach(async () => {
  bus = await newBus();
});
afterEach(async () => {
  for (const client of open.splice(0)) client.end(true);
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

const next = (client: MqttClient) =>
  new Promise<[topic: string, payload: Buffer, packet: IPublishPacket]>((resolve) => {
    client.once('message', (...message) => resolve(message));
  });

const CARD = JSON.stringify({ name: 'x', version: '1', skills: [], supportedInterfaces: [] });
const reply = (id: string) => `$a2a/v1/reply/${id}/s`;

test.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', 'a/b', 'a/b/c/d', 'a/+/c', 'a/b/#'])(
  'the client id %s is refused and the broker lives',
  async (id) => {
    await expect(connect(id)).rejects.toMatchObject({ code: 0x85 });
    await connect('org/unit/alive');
  },
);

test.each([
  'constructor',
  '__proto__',
  '#',
  '+/#',
  '+/v1/#',
  '$a2a/#',
  '$a2a/v1/#',
  '$SYS/#',
  '$share/g/$a2a/v1/discovery/+/+/+',
  '$a2a/v1/request/+/+/+',
  '$a2a/v1/request/org/unit/b',
  '$a2a/v1/reply/org/unit/b/+',
  '$a2a/v1/reply/#',
])('the filter %s is refused and the broker lives', async (filter) => {
  const client = await connect('org/unit/a');
  await expect(client.subscribeAsync(filter, { qos: 1 })).rejects.toThrow();
  await client.unsubscribeAsync(filter).catch(() => undefined);
  await connect('org/unit/alive');
});

test('own request topic, own replies and discovery may be read', async () => {
  const client = await connect('org/unit/a');
  const filters = [
    '$a2a/v1/request/org/unit/a',
    '$a2a/v1/reply/org/unit/a/+',
    '$a2a/v1/discovery/+/+/+',
    '$a2a/v1/discovery/#',
    '$a2a/v1/event/+/+/+',
  ];
  const granted = await client.subscribeAsync(filters, { qos: 1 });
  expect(granted.map(({ qos }) => qos)).toEqual([1, 1, 1, 1, 1]);
});

test.each([
  ['a card of somebody else', '$a2a/v1/discovery/org/unit/b', CARD, { retain: true }],
  ['a card without retain', '$a2a/v1/discovery/org/unit/a', CARD, {}],
  ['a card that is not JSON', '$a2a/v1/discovery/org/unit/a', 'card', { retain: true }],
  [
    'a card over 64 KiB',
    '$a2a/v1/discovery/org/unit/a',
    JSON.stringify({ ...JSON.parse(CARD), description: 'x'.repeat(70_000) }),
    { retain: true },
  ],
  ['an event of somebody else', '$a2a/v1/event/org/unit/b', 'x', {}],
  ['a reply that nobody asked for', '$a2a/v1/reply/org/unit/b/s', '{}', {}],
  ['a topic outside the tree', 'other/topic', 'x', {}],
  ['a broker topic', '$SYS/x/new/clients', 'org/unit/b', {}],
  ['a request without a reply topic', '$a2a/v1/request/org/unit/b', '{}', {}],
  [
    'a request with a foreign reply topic',
    '$a2a/v1/request/org/unit/b',
    '{}',
    { properties: { responseTopic: reply('org/unit/b') } },
  ],
  [
    'a retained request',
    '$a2a/v1/request/org/unit/b',
    '{}',
    { retain: true, properties: { responseTopic: reply('org/unit/a') } },
  ],
] as const)(
  'publishing %s is refused with 0x87, the connection stays',
  async (_what, topic, payload, options) => {
    const client = await connect('org/unit/a');
    await expect(client.publishAsync(topic, payload, { qos: 1, ...options })).rejects.toMatchObject({
      code: 0x87,
    });
    await client.publishAsync('$a2a/v1/discovery/org/unit/a', CARD, { qos: 1, retain: true });
  },
);

test('the broker writes the caller of a request, and lets only the asked one reply', async () => {
  const [a, b, c] = [await connect('org/unit/a'), await connect('org/unit/b'), await connect('org/unit/c')];
  await b.subscribeAsync('$a2a/v1/request/org/unit/b', { qos: 1 });
  await a.subscribeAsync('$a2a/v1/reply/org/unit/a/+', { qos: 1 });
  const arrived = next(b);
  await a.publishAsync('$a2a/v1/request/org/unit/b', '{}', {
    qos: 1,
    properties: {
      responseTopic: reply('org/unit/a'),
      userProperties: { 'A2A-Client-Id': 'org/unit/c', x: '1' },
    },
  });
  const packet = (await arrived)[2];
  expect({ ...packet.properties?.userProperties }).toEqual({ 'a2a-client-id': 'org/unit/a', x: '1' });
  await expect(c.publishAsync(reply('org/unit/a'), 'forged', { qos: 1 })).rejects.toMatchObject({
    code: 0x87,
  });
  const answer = next(a);
  await b.publishAsync(reply('org/unit/a'), 'true', { qos: 1 });
  expect(String((await answer)[1])).toBe('true');
  expect(bus.refusals().get('reply-not-asked')).toBe(1);
});

test('a caller inside the process is stamped as well', async () => {
  const executor = recorder();
  const agent = await join(bus, 'org/unit/agent', executor);
  const asker = await join(bus, 'org/unit/asker');
  const client = await asker.client('org/unit/agent');
  await client.sendMessage(request('hello'));
  expect(executor.stamps).toEqual(['org/unit/asker']);
  await expect(connect('org/unit/agent')).rejects.toMatchObject({ code: 0x87 });
  expect(asker.agents().map(({ id, status }) => [id, status])).toEqual([
    ['org/unit/agent', 'online'],
    ['org/unit/asker', 'online'],
  ]);
  await asker.close();
  await agent.close();
});

test('a mixed SUBSCRIBE of a persistent session leaks nothing, live or on resume', async () => {
  const session: IClientOptions = { clean: false, properties: { sessionExpiryInterval: 300 } };
  const spy = await connect('org/unit/spy', session);
  const got: string[] = [];
  await spy
    .subscribeAsync(['$a2a/v1/discovery/+/+/+', '$a2a/v1/request/org/unit/b'], { qos: 1 })
    .catch(() => undefined);
  await spy.endAsync();
  const a = await connect('org/unit/a');
  await a.publishAsync('$a2a/v1/request/org/unit/b', '{}', {
    qos: 1,
    properties: { responseTopic: reply('org/unit/a') },
  });
  await a.publishAsync('$a2a/v1/discovery/org/unit/a', CARD, { qos: 1, retain: true });
  const again = mqtt.connect(bus.mqttUrl, {
    ...session,
    clientId: 'org/unit/spy',
    protocolVersion: 5,
    reconnectPeriod: 0,
  });
  open.push(again);
  await new Promise<void>((resolve) => {
    again.on('message', (topic) => {
      got.push(topic);
      if (topic.includes('discovery')) resolve();
    });
  });
  expect(got).toEqual(['$a2a/v1/discovery/org/unit/a']);
});

test.each([5, 4] as const)(
  'a guest (MQTT version %i) reads discovery and nothing else',
  async (protocolVersion) => {
    const agent = await join(bus, 'org/unit/agent', recorder());
    const guest = await connect('mosq-Ab12Cd34Ef', { protocolVersion });
    const card = next(guest);
    await guest.subscribeAsync('$a2a/v1/discovery/+/+/+', { qos: 1 });
    expect((await card)[0]).toBe('$a2a/v1/discovery/org/unit/agent');
    await expect(guest.subscribeAsync('$a2a/v1/event/+/+/+', { qos: 1 })).rejects.toThrow();
    if (protocolVersion === 5) {
      const options = { qos: 1, properties: { responseTopic: reply('org/unit/a') } } as const;
      await expect(guest.publishAsync('$a2a/v1/request/org/unit/agent', '{}', options)).rejects.toMatchObject(
        { code: 0x87 },
      );
    }
    await agent.close();
  },
);

test('an agent id over MQTT 3.1.1 is refused', async () => {
  await expect(connect('org/unit/old', { protocolVersion: 4 })).rejects.toMatchObject({ code: 2 });
});

test('a lost agent goes offline by its will, without the delay as a property', async () => {
  const watcher = await connect('org/unit/watcher');
  await watcher.subscribeAsync('$a2a/v1/discovery/+/+/+', { qos: 1 });
  const lost = await connect('org/unit/lost', {
    properties: { sessionExpiryInterval: 60 },
    will: {
      topic: '$a2a/v1/discovery/org/unit/lost',
      payload: Buffer.from(CARD),
      qos: 1,
      retain: true,
      properties: { willDelayInterval: 0, userProperties: { 'a2a-status': 'offline' } },
    },
  });
  const told = next(watcher);
  lost.stream.destroy();
  const packet = (await told)[2];
  expect(packet.properties).toMatchObject({ userProperties: { 'a2a-status': 'offline' } });
  expect(packet.properties).not.toHaveProperty('willDelayInterval');
});

test('a packet over the limit ends its connection, not the broker', async () => {
  const small = await startBus({ env, host: '127.0.0.1', tcpPort: 0, wsPort: 0, maxPacketBytes: 2_048 });
  const client = await mqtt.connectAsync(small.mqttUrl, {
    clientId: 'org/unit/big',
    protocolVersion: 5,
    reconnectPeriod: 0,
  });
  client.on('error', () => undefined);
  const ended = once(client.stream, 'close');
  client.stream.write(Buffer.concat([Buffer.from([0x32, 0x80, 0x80, 0x04]), Buffer.alloc(65_536)]));
  await ended;
  await mqtt
    .connectAsync(small.mqttUrl, { clientId: 'org/unit/next', protocolVersion: 5 })
    .then((next) => next.endAsync());
  client.end(true);
  await small.close();
});

test('a taken port, an open address and a closed bus are told by code; close is idempotent', async () => {
  const port = Number(new URL(bus.mqttUrl).port);
  const again = startBus({ env, host: '127.0.0.1', tcpPort: port, wsPort: 0 });
  await expect(again).rejects.toMatchObject({ code: 'BUS_PORT_IN_USE' });
  const wsTaken = startBus({ env, host: '127.0.0.1', tcpPort: 0, wsPort: port });
  await expect(wsTaken).rejects.toMatchObject({ code: 'BUS_PORT_IN_USE' });
  const wide = startBus({ env, host: '0.0.0.0', tcpPort: 0, wsPort: 0 });
  await expect(wide).rejects.toMatchObject({ code: 'BUS_ADDRESS_OPEN' });
  await Promise.all([bus.close(), bus.close()]);
  expect(() => bus.connectInProcess()).toThrow(expect.objectContaining({ code: 'BUS_CLOSED' }));
  const [error] = await once(connectSocket(port, '127.0.0.1'), 'error');
  expect(error).toMatchObject({ code: 'ECONNREFUSED' });
});

test('WebSocket carries the same protocol and refuses pages of other origins', async () => {
  const client = await mqtt.connectAsync(bus.wsUrl, {
    clientId: 'org/unit/ws',
    protocolVersion: 5,
    reconnectPeriod: 0,
  });
  open.push(client);
  const foreign = new WebSocket(bus.wsUrl, 'mqtt', { origin: 'https://evil.example' });
  const [error] = await once(foreign, 'error');
  expect(error.message).toContain('401');
});

test('a will without a client is taken for its own card only; its delay is removed', async () => {
  const limits = withDefaults({});
  const { log, clock } = env;
  const sessions = new Sessions({ clock, limits });
  const identity = openOnLoopback();
  const guard = createGuard({
    identity,
    log,
    clock,
    limits,
    sessions,
    inProcess: () => undefined,
    laneOf: () => undefined,
  });
  const decide = (topic: string) =>
    new Promise((resolve) => {
      const properties: object = { willDelayInterval: 5 };
      const will = {
        cmd: 'publish' as const,
        topic,
        payload: CARD,
        qos: 1 as const,
        retain: true,
        dup: false,
        properties,
      };
      guard.hooks.authorizePublish?.(null, will, (error) => resolve(error ? 'refused' : will.properties));
    });
  expect(await decide('$a2a/v1/discovery/org/unit/a')).toEqual({});
  expect(await decide('$a2a/v1/request/org/unit/a')).toBe('refused');
  expect(await decide('constructor')).toBe('refused');
});

test('a message larger than the client accepts is not sent to it', async () => {
  const small = await connect('org/unit/small', { properties: { maximumPacketSize: 300 } });
  const got: string[] = [];
  small.on('message', (topic) => got.push(topic));
  await small.subscribeAsync('$a2a/v1/discovery/+/+/+', { qos: 1 });
  const a = await connect('org/unit/a');
  const big = JSON.stringify({ ...JSON.parse(CARD), name: 'x'.repeat(1_000) });
  await a.publishAsync('$a2a/v1/discovery/org/unit/a', big, { qos: 1, retain: true });
  const arrived = next(small);
  await a.publishAsync('$a2a/v1/discovery/org/unit/a', CARD, { qos: 1, retain: true });
  await arrived;
  expect(got).toHaveLength(1);
  expect(bus.refusals().get('delivery-too-large')).toBe(1);
});

test('a guest of MQTT 3.1.1 may ask for no keep alive', async () => {
  const guest = await mqtt.connectAsync(bus.mqttUrl, {
    clientId: 'mosq-abcdef',
    protocolVersion: 4,
    keepalive: 0,
    reconnectPeriod: 0,
  });
  open.push(guest);
  expect(guest.connected).toBe(true);
});
