import mqtt, { type IPublishPacket, MqttClient } from 'mqtt';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { POOL_FILTER, parsePoolTopic, poolTopic } from '../../broker/a2a/pools/topic.ts';
import type { Bus } from '../../broker/index.ts';
import { newBus } from './support.ts';

let bus: Bus;
const open: MqttClient[] = [];

beforeEach(async () => {
  bus = await newBus();
});
afterEach(async () => {
  for (const client of open.splice(0)) client.end(true);
  await bus.close();
});

async function agent(clientId: string): Promise<MqttClient> {
  const client = await mqtt.connectAsync(bus.mqttUrl, { clientId, protocolVersion: 5, reconnectPeriod: 0 });
  open.push(client);
  return client;
}

async function dispatcher(clientId: string): Promise<MqttClient> {
  const client = new MqttClient(() => bus.connectInProcess('dispatcher') as never, {
    clientId,
    protocolVersion: 5,
    reconnectPeriod: 0,
  });
  open.push(client);
  await new Promise((resolve) => client.once('connect', resolve));
  return client;
}

const next = (client: MqttClient) =>
  new Promise<IPublishPacket>((resolve) => {
    client.once('message', (_topic, _payload, packet) => resolve(packet));
  });

const POOL = poolTopic('org', 'unit', 'radio');
const reply = (id: string) => `$a2a/v1/reply/${id}/s`;
const asking = (id: string) => ({ qos: 1, properties: { responseTopic: reply(id) } }) as const;

test('pool topics are made and taken apart; an agent named pool is no pool', () => {
  expect(POOL).toBe('$a2a/v1/request/org/unit/pool/radio');
  expect(parsePoolTopic(POOL)).toEqual({ org: 'org', unit: 'unit', pool: 'radio' });
  for (const topic of [
    '$a2a/v1/request/org/unit/pool',
    `${POOL}/x`,
    POOL_FILTER,
    '$a2a/v1/request/a/b/pool/ä',
  ]) {
    expect(parsePoolTopic(topic)).toBeNull();
  }
  expect(() => poolTopic('org', 'unit', '+')).toThrow(expect.objectContaining({ code: 'BUS_ID_INVALID' }));
});

test('a dispatcher passes a request of a pool on in the name of the asker, who gets the reply', async () => {
  const [a, b] = [await agent('org/unit/a'), await agent('org/unit/b')];
  const d = await dispatcher('netagent/bus/dispatcher');
  await d.subscribeAsync(POOL_FILTER, { qos: 1 });
  await b.subscribeAsync('$a2a/v1/request/org/unit/b', { qos: 1 });
  await a.subscribeAsync(`${reply('org/unit/a')}`, { qos: 1 });
  const seen = next(d);
  await a.publishAsync(POOL, '{}', asking('org/unit/a'));
  const { properties } = await seen;
  expect({ ...properties?.userProperties }).toEqual({ 'a2a-client-id': 'org/unit/a' });
  const arrived = next(b);
  await d.publishAsync('$a2a/v1/request/org/unit/b', '{}', {
    qos: 1,
    properties: { responseTopic: reply('org/unit/a'), userProperties: { ...properties?.userProperties } },
  });
  expect({ ...(await arrived).properties?.userProperties }).toEqual({ 'a2a-client-id': 'org/unit/a' });
  const answer = next(a);
  await b.publishAsync(reply('org/unit/a'), 'true', { qos: 1 });
  expect(String((await answer).payload)).toBe('true');
});

test('a dispatcher that names no asker, or no agent, is the asker itself', async () => {
  const b = await agent('org/unit/b');
  const d = await dispatcher('netagent/bus/dispatcher');
  await b.subscribeAsync('$a2a/v1/request/org/unit/b', { qos: 1 });
  for (const named of [{}, { userProperties: { 'a2a-client-id': 'constructor' } }]) {
    const arrived = next(b);
    await d.publishAsync('$a2a/v1/request/org/unit/b', '{}', {
      qos: 1,
      properties: { responseTopic: reply('org/unit/a'), ...named },
    });
    expect({ ...(await arrived).properties?.userProperties }).toEqual({
      'a2a-client-id': 'netagent/bus/dispatcher',
    });
  }
});

test('agents may ask a pool for themselves only, and never read its requests', async () => {
  const a = await agent('org/unit/a');
  for (const filter of [POOL_FILTER, POOL, '$a2a/v1/request/org/unit/pool/+']) {
    await expect(a.subscribeAsync(filter, { qos: 1 })).rejects.toThrow();
  }
  await a.publishAsync(POOL, '{}', asking('org/unit/a'));
  await expect(a.publishAsync(POOL, '{}', asking('org/unit/b'))).rejects.toMatchObject({ code: 0x87 });
  await expect(a.publishAsync(POOL, '{}', { qos: 1 })).rejects.toMatchObject({ code: 0x87 });
  await expect(a.publishAsync(POOL, '{}', { ...asking('org/unit/a'), retain: true })).rejects.toMatchObject({
    code: 0x87,
  });
});

test('a dispatcher may not publish cards or events of others, nor have replies sent outside the tree', async () => {
  const d = await dispatcher('netagent/bus/dispatcher');
  const refused = { code: 0x87 };
  const card = d.publishAsync('$a2a/v1/discovery/org/unit/a', '{"name":"x"}', { qos: 1, retain: true });
  await expect(card).rejects.toMatchObject(refused);
  await expect(d.publishAsync('$a2a/v1/event/org/unit/a', '{}', { qos: 1 })).rejects.toMatchObject(refused);
  const away = { qos: 1, properties: { responseTopic: 'other/topic' } } as const;
  await expect(d.publishAsync('$a2a/v1/request/org/unit/b', '{}', away)).rejects.toMatchObject(refused);
});
