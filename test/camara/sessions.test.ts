import { expect, test } from 'vitest';
import { DEFAULT_CATALOGUE } from '../../src/gateway/camara/profiles.ts';
import type { PendingNotice, QosRecord } from '../../src/gateway/camara/record.ts';
import { type QosNetwork, QosSessions } from '../../src/gateway/camara/sessions.ts';
import { testEnv } from '../nf/support.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Sessions over a network that answers as it is told, and what it was asked and what was told. */
function setUp(records = new Map<string, QosRecord>()) {
  const env = testEnv();
  const asked: string[] = [];
  const told: PendingNotice[] = [];
  const answers = {
    reserve: async (): Promise<string | null> => 'grant-1',
    standing: async (): Promise<'kept' | 'not kept' | 'gone'> => 'kept',
    release: async (): Promise<void> => {},
    tell: async (): Promise<boolean> => true,
  };
  const network: QosNetwork = {
    reserve(_supi, profile, key) {
      asked.push(`reserve ${profile.name} ${key}`);
      return answers.reserve();
    },
    standing: () => answers.standing(),
    release(grant) {
      asked.push(`release ${grant}`);
      return answers.release();
    },
  };
  const open = () =>
    new QosSessions({
      env,
      records: {
        // As a store would: what is kept is a copy.
        put: (id, record) => void records.set(id, structuredClone(record)),
        delete: (id) => records.delete(id),
        list: () => [...records].map(([id, value]) => ({ id, value: structuredClone(value) })),
      },
      network,
      notices: {
        check: () => {},
        send(_record, notice) {
          told.push(notice);
          return answers.tell();
        },
        close: async () => {},
      },
      profile: (name) => DEFAULT_CATALOGUE.profiles.find((one) => one.name === name),
    });
  const make = (sessions: QosSessions, duration: number | null = 60) =>
    sessions.create(
      {
        id: 's1',
        kind: duration === null ? 'assignment' : 'session',
        client: 'app',
        supi: 'imsi-001010000000001',
        device: null,
        profile: 'QOS_S',
        shown: {},
        sink: 'https://app.example/notices',
        sinkCredential: null,
        createdAt: 0,
      },
      duration,
    );
  return { env, asked, told, answers, records, open, make };
}

const statuses = (told: PendingNotice[]) => told.map(({ status, statusInfo }) => [status, statusInfo]);

test('a session ends when its time is over, gives back what it held, and is forgotten later', async () => {
  const { env, asked, told, records, open, make } = setUp();
  const sessions = open();
  make(sessions, 20);
  await turn();
  expect(sessions.get('s1')?.state).toBe('available');
  env.clock.advance(15_000);
  await turn();
  env.clock.advance(5_000);
  await turn();
  expect(sessions.get('s1')).toMatchObject({
    state: 'unavailable',
    context: { statusInfo: 'DURATION_EXPIRED' },
  });
  expect(asked).toEqual(['reserve QOS_S s1', 'release grant-1']);
  expect(statuses(told)).toEqual([
    ['AVAILABLE', null],
    ['UNAVAILABLE', 'DURATION_EXPIRED'],
  ]);
  env.clock.advance(359_000);
  expect(sessions.get('s1')).toBeDefined();
  env.clock.advance(1_000);
  expect(sessions.get('s1')).toBeUndefined();
  expect(records.size).toBe(0);
});

test('extending moves the end', async () => {
  const { env, open, make } = setUp();
  const sessions = open();
  make(sessions, 10);
  await turn();
  sessions.send('s1', { type: 'EXTEND', duration: 12 });
  env.clock.advance(11_000);
  expect(sessions.get('s1')?.state).toBe('available');
  env.clock.advance(1_000);
  expect(sessions.get('s1')?.state).toBe('releasing');
});

test('what is deleted before the network answers is given back', async () => {
  const { asked, told, answers, open, make } = setUp();
  let grant: (id: string) => void = () => {};
  answers.reserve = () => new Promise((resolve) => (grant = resolve));
  const sessions = open();
  make(sessions);
  sessions.send('s1', { type: 'DELETE', at: 0 });
  expect(sessions.get('s1')?.state).toBe('withdrawn');
  grant('grant-9');
  await turn();
  expect(sessions.get('s1')?.state).toBe('unavailable');
  expect(asked).toEqual(['reserve QOS_S s1', 'release grant-9']);
  expect(told).toEqual([]);
});

test('a network that loses the session, or keeps it no more, ends it; not knowing does not', async () => {
  const { env, answers, told, open, make } = setUp();
  const sessions = open();
  make(sessions, null);
  await turn();
  const look = async () => {
    env.clock.advance(15_000);
    await turn();
  };
  answers.standing = () => Promise.reject(new Error('no answer'));
  for (let n = 0; n < 6; n++) await look();
  answers.standing = async () => 'not kept';
  for (let n = 0; n < 3; n++) await look();
  answers.standing = async () => 'kept';
  await look();
  expect(sessions.get('s1')?.state).toBe('available');
  answers.standing = async () => 'not kept';
  for (let n = 0; n < 4; n++) await look();
  expect(sessions.get('s1')).toMatchObject({
    state: 'unavailable',
    context: { statusInfo: 'NETWORK_TERMINATED' },
  });
  expect(statuses(told).at(-1)).toEqual(['UNAVAILABLE', 'NETWORK_TERMINATED']);
});

test.each(['requested', 'available', 'releasing'] as const)(
  'a runtime killed while %s goes on',
  async (state) => {
    const { env, asked, answers, records, told, open, make } = setUp();
    const never = () => new Promise<never>(() => {});
    if (state === 'requested') answers.reserve = never;
    if (state === 'releasing') answers.release = never;
    const killed = open();
    make(killed, 20);
    await turn();
    if (state === 'releasing') killed.send('s1', { type: 'DELETE', at: 0 });
    expect(records.get('s1')?.state).toBe(state);
    // Nothing of the killed one runs any more; what it wrote is all that there is.
    killed.close();

    answers.reserve = async () => 'grant-1';
    answers.release = async () => {};
    const sessions = open();
    await turn();
    env.clock.advance(15_000);
    await turn();
    env.clock.advance(5_000);
    await turn();
    expect(sessions.get('s1')?.state).toBe('unavailable');
    const reserved = asked.filter((one) => one.startsWith('reserve'));
    expect(reserved).toHaveLength(state === 'requested' ? 2 : 1);
    expect(new Set(reserved).size).toBe(1);
    expect(asked.at(-1)).toBe('release grant-1');
    expect(statuses(told).at(-1)?.[0]).toBe('UNAVAILABLE');
  },
);

test('a notice that was not taken before a kill is sent again, with the same id', async () => {
  const { answers, told, records, open, make } = setUp();
  answers.tell = async () => false;
  const killed = open();
  make(killed);
  await turn();
  killed.close();
  expect(records.get('s1')?.notices).toHaveLength(1);
  answers.tell = async () => true;
  const sessions = open();
  await turn();
  expect(told).toHaveLength(2);
  expect(told[1]?.id).toBe(told[0]?.id);
  expect(sessions.get('s1')?.notices).toEqual([]);
});

test('a network that does not answer is asked again under the same key, then the session is off', async () => {
  const { env, asked, answers, open, make } = setUp();
  answers.reserve = () => Promise.reject(new Error('no answer'));
  const sessions = open();
  make(sessions);
  for (const ms of [0, 500, 2_000, 8_000, 30_000]) {
    env.clock.advance(ms);
    await turn();
  }
  expect(asked).toEqual(Array(5).fill('reserve QOS_S s1'));
  expect(sessions.get('s1')).toMatchObject({
    state: 'unavailable',
    context: { statusInfo: 'NETWORK_TERMINATED' },
  });
});
