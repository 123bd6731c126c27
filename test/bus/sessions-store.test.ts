import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mqtt from 'mqtt';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withDefaults } from '../../broker/embedded/limits.ts';
import { persistenceOf } from '../../broker/embedded/persistence.ts';
import type { SessionStore } from '../../broker/embedded/session-store.ts';
import { Sessions } from '../../broker/embedded/sessions.ts';
import { startBus } from '../../broker/index.ts';
import { BUS_FILE, type BusSessions, openBusSessions } from '../../src/durable/bus-sessions.ts';
import { env } from './support.ts';

let dir: string;
const opened: BusSessions[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'netagent-bus-'));
});
afterEach(() => {
  for (const store of opened.splice(0)) store.close();
  rmSync(dir, { recursive: true, force: true });
});

function open(more: { maxBytes?: number } = {}): BusSessions {
  const store = openBusSessions({ dir, durability: 'write', ...more });
  opened.push(store);
  return store;
}

let now = 1_000_000;
const clock = { now: () => now, setTimeout: () => undefined, clearTimeout: () => undefined };

function on(store: SessionStore | undefined, limits = {}) {
  const sessions = new Sessions({ clock, limits: withDefaults(limits), store });
  const persistence = persistenceOf({ sessions });
  return { sessions, persistence };
}

/** What the broker hands in, and nothing more of it. */
const packet = (more: object) =>
  ({
    cmd: 'publish',
    brokerId: 'one',
    brokerCounter: 1,
    topic: 't/a',
    payload: Buffer.from('x'),
    qos: 1,
    retain: false,
    ...more,
  }) as never;

const all = {
  payloadFormatIndicator: true,
  messageExpiryInterval: 60,
  responseTopic: 'r/t',
  correlationData: Buffer.from([0, 1, 254, 255]),
  userProperties: { a: '1', b: ['2', '3'] },
  subscriptionIdentifier: 9,
  contentType: 'text/plain; charset=utf-8',
};

test('everything of a session is there again: properties, order, ids, QoS 2 on both sides, wills', async () => {
  const store = open();
  const { sessions, persistence } = on(store);
  const client = { id: 'org/unit/b', clean: false };
  sessions.connected(client.id, 300);
  const subs = [
    { topic: 't/+', qos: 2, rh: 1, rap: true, nl: false, subscriptionIdentifier: 7 },
    { topic: 'u/#', qos: 0, rh: 0, rap: false, nl: true },
  ];
  await persistence.addSubscriptions(client, subs as never);
  const receivers = await persistence.subscriptionsByTopic('t/a');
  for (const [n, qos] of [1, 2, 2, 1].entries()) {
    const sent = packet({ brokerCounter: n + 1, qos, payload: Buffer.from([n, 255]), properties: all });
    await persistence.outgoingEnqueueCombi(receivers, sent);
  }
  await persistence.outgoingUpdate(client, packet({ brokerCounter: 2, qos: 2, messageId: 21 }));
  await persistence.outgoingUpdate(client, packet({ brokerCounter: 3, qos: 2, messageId: 22 }));
  await persistence.outgoingUpdate(client, { cmd: 'pubrel', messageId: 22 } as never);
  await persistence.incomingStorePacket(client, packet({ qos: 2, messageId: 5 }));
  await persistence.incomingStorePacket(client, packet({ qos: 2, messageId: 6 }));
  await persistence.incomingDelPacket(client, packet({ qos: 2, messageId: 6 }));
  await persistence.storeRetained(packet({ topic: 'kept', retain: true, properties: all }));
  await persistence.storeRetained(packet({ topic: 'gone', retain: true }));
  await persistence.storeRetained(packet({ topic: 'gone', retain: true, payload: Buffer.alloc(0) }));
  await persistence.putWill(client, packet({ topic: 'w', properties: { ...all, willDelayInterval: 3 } }));
  sessions.close();
  store.close();

  now += 30_000;
  const later = on(open());
  expect(await later.persistence.subscriptionsByClient(client)).toEqual([
    { topic: 't/+', qos: 2, rh: 1, rap: true, nl: false, subscriptionIdentifier: 7 },
    { topic: 'u/#', qos: 0, rh: 0, rap: false, nl: true },
  ]);
  expect((await later.persistence.subscriptionsByTopic('t/a')).map(({ clientId }) => clientId)).toEqual([
    'org/unit/b',
  ]);
  const waiting = later.sessions.waiting(client.id);
  expect(waiting.map(({ cmd, qos, messageId }) => [cmd, qos, messageId])).toEqual([
    ['publish', 1, undefined],
    ['publish', 2, 21],
    ['pubrel', undefined, 22],
    ['publish', 1, undefined],
  ]);
  expect(waiting.map(({ payload }) => payload?.[0])).toEqual([0, 1, undefined, 3]);
  expect({ ...waiting[0]?.properties }).toEqual(all);
  expect(waiting[0]?.messageExpiry).toBe(1_060_000);
  await expect(later.persistence.incomingGetPacket(client, packet({ messageId: 5 }))).resolves.toBeTruthy();
  await expect(later.persistence.incomingGetPacket(client, packet({ messageId: 6 }))).rejects.toThrow();
  expect([...later.sessions.retained.keys()]).toEqual(['kept']);
  expect({ ...later.sessions.retained.get('kept')?.properties }).toEqual(all);
  expect(later.sessions.wills.get(client.id)?.properties).toMatchObject({ willDelayInterval: 3 });
  // The connection ended with the process, 30 s before; its 300 s begin then.
  expect(later.sessions.expired(now + 299_000)).toEqual([]);
  expect(later.sessions.expired(now + 300_000)).toEqual([client.id]);
  later.sessions.forget(client.id);
  expect(later.sessions.waiting(client.id)).toEqual([]);
  opened.at(-1)?.close();
  const last = open();
  expect(last.load()).toMatchObject({ sessions: [], subscriptions: [], deliveries: [], received: [] });
});

test('what a connected client acknowledges at once is never written', async () => {
  const changes: string[] = [];
  const store: SessionStore = {
    load: () => ({ retained: [], sessions: [], subscriptions: [], deliveries: [], received: [], wills: [] }),
    write: ({ kind }) => void changes.push(kind),
    committed: async () => undefined,
  };
  const { sessions, persistence } = on(store);
  const client = { id: 'org/unit/b', clean: false };
  sessions.connected(client.id, 300);
  await persistence.outgoingEnqueue({ clientId: client.id }, packet({}));
  await persistence.outgoingUpdate(client, packet({ messageId: 1 }));
  await persistence.outgoingClearMessageId(client, packet({ messageId: 1 }));
  expect(changes).toEqual(['session']);
  await persistence.outgoingEnqueue({ clientId: client.id }, packet({ brokerCounter: 2 }));
  sessions.disconnected(client.id, 300);
  expect(changes).toEqual(['session', 'enqueue', 'session']);
});

test('one client holds no more than its share; the oldest go', async () => {
  const dropped: string[] = [];
  const limits = withDefaults({ maxQueuedMessages: 3 });
  const sessions = new Sessions({ clock, limits, onDropped: (client) => dropped.push(client) });
  for (let n = 1; n <= 5; n += 1) {
    await sessions.enqueue([{ clientId: 'c' }], packet({ brokerCounter: n, payload: Buffer.from([n]) }));
  }
  expect(sessions.waiting('c').map(({ payload }) => payload[0])).toEqual([3, 4, 5]);
  expect(dropped).toEqual(['c', 'c']);
  const bytes = new Sessions({ clock, limits: withDefaults({ maxQueuedBytes: 100 }) });
  for (let n = 1; n <= 5; n += 1) {
    await bytes.enqueue([{ clientId: 'c' }], packet({ brokerCounter: n, payload: Buffer.alloc(60) }));
  }
  expect(bytes.waiting('c')).toHaveLength(2);
});

test('a packet id in flight is not given twice', async () => {
  const { sessions } = on(undefined);
  for (const n of [1, 2]) await sessions.enqueue([{ clientId: 'c' }], packet({ brokerCounter: n }));
  const first = packet({ brokerCounter: 1, messageId: 65_535 }) as { messageId: number };
  const second = packet({ brokerCounter: 2, messageId: 65_535 }) as { messageId: number };
  sessions.update('c', first as never);
  sessions.update('c', second as never);
  expect([first.messageId, second.messageId]).toEqual([65_535, 1]);
  expect(sessions.isResent(second)).toBe(false);
  sessions.update('c', first as never);
  expect(sessions.isResent(first)).toBe(true);
});

test('two subscriptions of one client get one copy, at the higher QoS; its own messages stay away', async () => {
  const { persistence, sessions } = on(undefined);
  const client = { id: 'c', clean: false };
  const filters = [
    { topic: 't/+', qos: 1, rap: false },
    { topic: 't/#', qos: 2, rap: true },
    { topic: 'own/#', qos: 1, nl: true },
  ];
  await persistence.addSubscriptions(client, filters as never);
  const receivers = await persistence.subscriptionsByTopic('t/a');
  expect(receivers).toHaveLength(2);
  await persistence.outgoingEnqueueCombi(receivers, packet({ qos: 2 }));
  const own = await persistence.subscriptionsByTopic('own/x');
  await persistence.outgoingEnqueueCombi(own, packet({ topic: 'own/x', clientId: 'c', brokerCounter: 2 }));
  expect(sessions.waiting('c').map(({ topic }) => topic)).toEqual(['t/a']);
});

// Checklist, row 25.
test.each([
  ['cut in the middle', (file: string) => truncateSync(file, 6_000)],
  [
    'overwritten in the middle',
    (file: string) => {
      const bytes = readFileSync(file);
      writeFileSync(file, Buffer.concat([bytes.subarray(0, 4_096), Buffer.alloc(bytes.length - 4_096, 7)]));
    },
  ],
  ['no database', (file: string) => writeFileSync(file, 'this is a letter, not a database')],
])('a file that is %s is refused with its name, and left as it is', async (_what, spoil) => {
  const store = open();
  const { persistence, sessions } = on(store);
  for (let n = 0; n < 50; n += 1) {
    await persistence.storeRetained(packet({ topic: `t/${n}`, payload: Buffer.alloc(500, 1) }));
  }
  sessions.close();
  store.close();
  const file = join(dir, BUS_FILE);
  spoil(file);
  const before = readFileSync(file);
  expect(() => open()).toThrow(expect.objectContaining({ code: 'STORE_BROKEN' }));
  expect(readFileSync(file).equals(before)).toBe(true);
});

test('a folder in the place of the file, a file in the place of the folder, a second bus: refused', () => {
  mkdirSync(join(dir, 'x', BUS_FILE), { recursive: true });
  expect(() => openBusSessions({ dir: join(dir, 'x') })).toThrow(/it is not a file/);
  writeFileSync(join(dir, 'plain'), '');
  expect(() => openBusSessions({ dir: join(dir, 'plain') })).toThrow(/the folder is a file/);
  open();
  expect(() => openBusSessions({ dir })).toThrow(expect.objectContaining({ code: 'STORE_LOCKED' }));
});

test('when the disk is full a message for an offline agent is refused, and nothing of it is kept', async () => {
  const bus = await startBus({
    env,
    host: '127.0.0.1',
    tcpPort: 0,
    wsPort: 0,
    sessions: open({ maxBytes: 256 * 1_024 }),
  });
  const options = { protocolVersion: 5, reconnectPeriod: 0 } as const;
  const session = { clean: false, properties: { sessionExpiryInterval: 300 } };
  const b = await mqtt.connectAsync(bus.mqttUrl, { ...options, ...session, clientId: 'org/unit/b' });
  await b.subscribeAsync('$a2a/v1/request/org/unit/b', { qos: 1 });
  await b.endAsync();
  const a = await mqtt.connectAsync(bus.mqttUrl, { ...options, clientId: 'org/unit/a' });
  const properties = { responseTopic: '$a2a/v1/reply/org/unit/a/s' };
  const outcomes: string[] = [];
  for (let n = 0; n < 20; n += 1) {
    const payload = Buffer.alloc(32 * 1_024, n);
    outcomes.push(
      await a.publishAsync('$a2a/v1/request/org/unit/b', payload, { qos: 1, properties }).then(
        () => 'taken',
        (error) => `refused ${error.code}`,
      ),
    );
  }
  const taken = outcomes.filter((outcome) => outcome === 'taken').length;
  expect(taken).toBeGreaterThan(0);
  expect(outcomes.slice(taken)).toEqual(new Array(20 - taken).fill(`refused ${0x87}`));
  expect(bus.refusals().get('not-journaled')).toBe(20 - taken);
  // Those that were taken arrive, and room is there again.
  const got: number[] = [];
  const again = mqtt.connect(bus.mqttUrl, { ...options, ...session, clientId: 'org/unit/b' });
  await new Promise<void>((resolve) => {
    again.on('message', (_topic, payload) => {
      got.push(payload[0] as number);
      if (got.length === taken) resolve();
    });
  });
  expect(got).toEqual(Array.from({ length: taken }, (_, n) => n));
  await again.endAsync();
  await a.publishAsync('$a2a/v1/request/org/unit/b', 'room', { qos: 1, properties });
  await a.endAsync();
  await bus.close();
});

test('who leaves between two messages gets them in the order in which they were published', async () => {
  const { sessions, persistence } = on(open());
  const reader = { id: 'reader' };
  await persistence.addSubscriptions(reader, [{ topic: 't/a', qos: 1 } as never]);
  sessions.connected('reader', 60);
  const [first, second] = [1, 2].map((brokerCounter) =>
    packet({ brokerCounter, payload: Buffer.from(String(brokerCounter)) }),
  ) as [never, never];
  expect(sessions.journal(first)).toBeNull();
  sessions.disconnected('reader', 60);
  await sessions.journal(second);
  const subscribers = await persistence.subscriptionsByTopic('t/a');
  await persistence.outgoingEnqueueCombi(subscribers, first);
  await persistence.outgoingEnqueueCombi(subscribers, second);
  expect(sessions.waiting('reader').map(({ payload }) => String(payload))).toEqual(['1', '2']);
});
