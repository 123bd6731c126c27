import mqtt, { type MqttClient } from 'mqtt';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Bus, startBus } from '../../broker/index.ts';
import { type SlowClient, slowClient } from './slow-client.ts';
import { env } from './support.ts';

const REQUESTS = '$a2a/v1/request/org/unit/slow';
const EVENTS = '$a2a/v1/event/org/unit/a';
const SOON = { timeout: 10_000, interval: 5 };

let bus: Bus;
const open: Array<MqttClient | SlowClient> = [];

beforeEach(async () => {
  const limits = { maxQueuedMessages: 50, drainTimeoutMs: 300 };
  bus = await startBus({ env, host: '127.0.0.1', tcpPort: 0, wsPort: 0, ...limits });
});
afterEach(async () => {
  for (const client of open.splice(0)) client.end(true);
  await bus.close();
});

async function publisher(): Promise<MqttClient> {
  const client = await mqtt.connectAsync(bus.mqttUrl, { clientId: 'org/unit/a', protocolVersion: 5 });
  open.push(client);
  return client;
}

async function slow(options: { receiveMaximum?: number; sessionExpiryInterval?: number; filter: string }) {
  const client = await slowClient({
    port: Number(new URL(bus.mqttUrl).port),
    clientId: 'org/unit/slow',
    ...options,
  });
  open.push(client);
  return client;
}

const texts = ({ got }: SlowClient) => got.map(({ payload }) => String(payload));
const asking = { qos: 1, properties: { responseTopic: '$a2a/v1/reply/org/unit/a/s' } } as const;

test.each([
  ['ends with its connection', {}],
  ['stays', { sessionExpiryInterval: 60 }],
])(
  'no more than Receive Maximum is unacknowledged, in order, when the session %s',
  async (_name, session) => {
    const a = await publisher();
    const reader = await slow({ filter: REQUESTS, receiveMaximum: 2, ...session });
    for (const text of '12345') await a.publishAsync(REQUESTS, text, asking);
    await vi.waitFor(() => expect(texts(reader)).toEqual(['1', '2']), SOON);
    for (const count of [3, 4, 5]) {
      reader.acknowledge();
      await vi.waitFor(() => expect(texts(reader)).toHaveLength(count), SOON);
      expect(reader.open).toHaveLength(2);
    }
    expect(texts(reader)).toEqual(['1', '2', '3', '4', '5']);
  },
);

test('a session that comes back gets what waits for it by its Receive Maximum too', async () => {
  const a = await publisher();
  const session = { filter: REQUESTS, receiveMaximum: 2, sessionExpiryInterval: 60 };
  const gone = await slow(session);
  gone.end();
  await gone.closed;
  for (const text of '12345') await a.publishAsync(REQUESTS, text, asking);
  const reader = await slow(session);
  await vi.waitFor(() => expect(reader.got).toHaveLength(2), SOON);
  for (const count of [3, 4, 5]) {
    reader.acknowledge();
    await vi.waitFor(() => expect(reader.got).toHaveLength(count), SOON);
    expect(reader.open).toHaveLength(2);
  }
  expect(texts(reader)).toEqual(['1', '2', '3', '4', '5']);
});

test('a subscriber that reads no more is cut off, and the others miss nothing', async () => {
  const a = await publisher();
  const frozen = await slow({ filter: EVENTS });
  const others = await mqtt.connectAsync(bus.mqttUrl, { clientId: 'org/unit/b', protocolVersion: 5 });
  open.push(others);
  const got: number[] = [];
  others.on('message', (_topic, payload) => got.push(payload.readUInt32BE()));
  await others.subscribeAsync(EVENTS, { qos: 1 });
  frozen.freeze();
  const count = 200;
  for (let i = 0; i < count; i += 1) {
    const payload = Buffer.alloc(100_000);
    payload.writeUInt32BE(i);
    await a.publishAsync(EVENTS, payload, { qos: 1 });
  }
  await vi.waitFor(() => expect(got).toHaveLength(count), SOON);
  expect(got).toEqual(Array.from({ length: count }, (_, i) => i));
  await vi.waitFor(() => expect(bus.refusals().get('slow-subscriber')).toBe(1), SOON);
});
