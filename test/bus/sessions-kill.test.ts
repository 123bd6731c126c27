import { type ChildProcess, spawn } from 'node:child_process';
import { type EventEmitter, once as onceOf } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import mqtt, {
  type IClientOptions,
  type IClientPublishOptions,
  type IPublishPacket,
  type MqttClient,
} from 'mqtt';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

/** What a killed broker still knows after its restart. */

const CHILD = resolve(import.meta.dirname, 'sessions-child.ts');
const CARD = JSON.stringify({ name: 'x', version: '1', skills: [], supportedInterfaces: [] });
const REQUESTS = '$a2a/v1/request/org/unit/b';
const SESSION: IClientOptions = { clean: false, properties: { sessionExpiryInterval: 300 } };

const SOON = { timeout: 10_000, interval: 5 };

// The client's own types of events do not fit those of Node.
const once = (emitter: unknown, event: string) => onceOf(emitter as EventEmitter, event);

let dir: string;
let child: ChildProcess | undefined;
let url: string;
const open: MqttClient[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'netagent-bus-'));
});
afterEach(async () => {
  for (const client of open.splice(0)) client.end(true);
  await kill();
  rmSync(dir, { recursive: true, force: true });
});

async function start(rejoinMs = 10_000): Promise<void> {
  child = spawn(process.execPath, [CHILD, dir, String(rejoinMs)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout as NodeJS.ReadableStream, 'data');
  url = String(line).trim();
}

async function kill(): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

function client(clientId: string, options: IClientOptions = {}): MqttClient {
  const made = mqtt.connect(url, { clientId, protocolVersion: 5, reconnectPeriod: 0, ...options });
  made.on('error', () => undefined);
  open.push(made);
  return made;
}

async function connected(clientId: string, options: IClientOptions = {}): Promise<MqttClient> {
  const made = client(clientId, options);
  await once(made, 'connect');
  return made;
}

const request = (n: number): IClientPublishOptions => ({
  qos: 1,
  properties: {
    responseTopic: '$a2a/v1/reply/org/unit/a/s',
    correlationData: Buffer.from([0, 255, n % 256]),
    contentType: 'application/json',
    payloadFormatIndicator: true,
    messageExpiryInterval: 3_600,
    userProperties: { traceparent: '00-1', tag: ['x', 'y'], ['__proto__']: 'harmless' },
  },
});

test.each([1, 37, 150])(
  'after the kill at acknowledgement %i nothing acknowledged is missing',
  async (at) => {
    await start();
    const b = await connected('org/unit/b', SESSION);
    await b.subscribeAsync(REQUESTS, { qos: 1, properties: { subscriptionIdentifier: 7 } });
    await b.endAsync();

    const a = await connected('org/unit/a');
    const acked: string[] = [];
    const killed = new Promise<void>((resolve) => {
      for (let n = 0; n < 400; n += 1) {
        a.publish(REQUESTS, String(n), request(n), (error) => {
          if (error) return;
          acked.push(String(n));
          if (acked.length === at) void kill().then(resolve);
        });
      }
    });
    await killed;
    expect(acked.length).toBeGreaterThanOrEqual(at);

    await start();
    const got: IPublishPacket[] = [];
    const again = client('org/unit/b', SESSION);
    again.on('message', (_topic, _payload, packet) => got.push(packet));
    const [{ sessionPresent }] = await once(again, 'connect');
    expect(sessionPresent).toBe(true);
    await vi.waitFor(() => expect(got.length).toBeGreaterThanOrEqual(acked.length), SOON);
    const numbers = got.map(({ payload }) => String(payload));
    expect(numbers.slice(0, acked.length)).toEqual(acked);
    expect(new Set(numbers).size).toBe(numbers.length);

    const { properties } = got[0] as IPublishPacket;
    expect(properties).toMatchObject({
      responseTopic: '$a2a/v1/reply/org/unit/a/s',
      contentType: 'application/json',
      payloadFormatIndicator: true,
    });
    expect(properties?.correlationData).toEqual(Buffer.from([0, 255, 0]));
    expect(Object.entries(properties?.userProperties ?? {})).toEqual([
      ['traceparent', '00-1'],
      ['tag', ['x', 'y']],
      ['__proto__', 'harmless'],
      ['a2a-client-id', 'org/unit/a'],
    ]);
    expect(properties?.messageExpiryInterval).toBeGreaterThan(3_500);
  },
);

test('a message on its way is sent again with its packet id and DUP', async () => {
  await start();
  let take: (packet: IPublishPacket) => void = () => undefined;
  const first = new Promise<IPublishPacket>((resolve) => {
    take = resolve;
  });
  const silent = await connected('org/unit/b', {
    ...SESSION,
    // Takes messages and never acknowledges.
    customHandleAcks: (_topic, _payload, packet) => take(packet),
  });
  await silent.subscribeAsync(REQUESTS, { qos: 1 });
  await silent.publishAsync('$a2a/v1/discovery/org/unit/b', CARD, { qos: 1, retain: true });
  const a = await connected('org/unit/a');
  await a.publishAsync(REQUESTS, 'once', request(1));
  const { messageId } = await first;
  // A card that goes offline tells that the broker has noticed the broken connection.
  const noticed = new Promise<void>((resolve) => {
    a.on('message', (_topic, _payload, { properties }) => {
      if ({ ...properties?.userProperties }['a2a-status'] === 'offline') resolve();
    });
  });
  await a.subscribeAsync('$a2a/v1/discovery/org/unit/b', { qos: 1 });
  silent.stream.destroy();
  await noticed;
  await a.publishAsync(REQUESTS, 'twice', request(2));
  await kill();

  await start();
  const got: IPublishPacket[] = [];
  const again = client('org/unit/b', SESSION);
  again.on('message', (_topic, _payload, packet) => got.push(packet));
  await vi.waitFor(() => expect(got).toHaveLength(2), SOON);
  expect(got.map(({ payload, dup }) => [String(payload), dup])).toEqual([
    ['once', true],
    ['twice', false],
  ]);
  expect(got[0]?.messageId).toBe(messageId);
  again.end(true);
  await once(again, 'close');

  const third = client('org/unit/b', SESSION);
  third.on('message', (_topic, _payload, packet) => got.push(packet));
  await once(third, 'connect');
  const c = await connected('org/unit/a');
  await c.publishAsync(REQUESTS, 'last', request(3));
  await vi.waitFor(() => expect(String(got.at(-1)?.payload)).toBe('last'), SOON);
  expect(got).toHaveLength(3); // what was acknowledged does not come back
});

test('cards are back; who does not come back is set offline by the broker', async () => {
  await start();
  for (const id of ['org/unit/stays', 'org/unit/lost']) {
    const agent = await connected(id);
    await agent.publishAsync(`$a2a/v1/discovery/${id}`, CARD, {
      qos: 1,
      retain: true,
      properties: { userProperties: { 'a2a-status': 'online', 'a2a-status-source': 'agent', extra: '1' } },
    });
  }
  await kill();

  await start(300);
  await connected('org/unit/stays');
  const watcher = await connected('org/unit/watcher');
  const seen: Array<[string, string, string]> = [];
  watcher.on('message', (topic, payload, { properties }) => {
    const { 'a2a-status': status, 'a2a-status-source': source, extra } = { ...properties?.userProperties };
    expect(String(payload)).toBe(CARD);
    expect(extra).toBe('1');
    seen.push([topic.split('/').at(-1) as string, String(status), String(source)]);
  });
  await watcher.subscribeAsync('$a2a/v1/discovery/+/+/+', { qos: 1 });
  await vi.waitFor(() => expect(seen).toContainEqual(['lost', 'offline', 'broker']), SOON);
  expect(seen.toSorted()).toEqual([
    ['lost', 'offline', 'broker'],
    ['lost', 'online', 'agent'],
    ['stays', 'online', 'agent'],
  ]);
});
