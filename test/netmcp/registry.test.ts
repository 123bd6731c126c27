import * as fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import {
  connectNetMcp,
  connectPlain,
  startManagementServer,
  startToolServer,
} from '../../src/netmcp/index.ts';
import { meets, serves } from '../../src/netmcp/management/areas.ts';
import { createReplica } from '../../src/netmcp/management/replica.ts';
import type { ReplicaRecord } from '../../src/netmcp/schema/index.ts';
import { joinRegistry } from '../../src/netmcp/toolserver/registration.ts';
import { type TestEnv, testEnv, until } from './support/env.ts';
import { fakeSbi, ok, read } from './support/tools.ts';

const closers = new Set<() => Promise<void>>();
afterEach(async () => {
  for (const close of [...closers].reverse()) await close();
  closers.clear();
});
function keep<T extends { close(): Promise<void> }>(thing: T): T & { end(): Promise<void> } {
  const close = () => thing.close();
  closers.add(close);
  return Object.assign(thing, {
    end: async () => {
      closers.delete(close);
      await close();
    },
  });
}

const host = '127.0.0.1';
const { port: sbi } = fakeSbi(() => ok({ value: 1 }));
const times = { leaseMs: 9_000, graceMs: 6_000, drainMs: 20_000 };

const manager = async (env: TestEnv, more: { port?: number; peers?: string[] } = {}) =>
  keep(await startManagementServer({ env, host, port: 0, times, ...more }));
const toolServer = async (env: TestEnv, management: string | string[], id = 's', tools = [read]) =>
  keep(await startToolServer({ env, host, port: 0, id, management, nrf: sbi, tools }));
const agent = async (env: TestEnv, management: string | string[]) =>
  keep(await connectNetMcp({ env, agentId: 'netagent/test', management }));
const admin = async (url: string) =>
  keep(await connectPlain({ env: testEnv(), target: url, agentId: 'admin' }));
/** The servers as one management server knows them. */
const seenBy = async (url: string) => {
  const { servers } = (await (await admin(url)).request('netmcp/servers/discover', {})) as {
    servers: Array<Record<string, unknown>>;
  };
  return servers;
};
/** Asks until the answer fits. */
async function eventually(ask: () => Promise<unknown>, fits: (answer: never) => boolean): Promise<void> {
  for (let i = 0; i < 300; i += 1) {
    if (fits((await ask()) as never)) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('what was waited for did not come');
}
const count = (n: number) => (servers: unknown[]) => servers.length === n;

const registration = (serverId: string, more: object = {}) => ({
  serverId,
  endpoints: ['http://127.0.0.1:9/mcp'],
  toolCount: 1,
  digest: 'd',
  tools: [{ name: 'test_read' }],
  ...more,
});

test('what one management server takes in, the other knows: registration, load, change, leaving', async () => {
  const env = testEnv();
  const a = await manager(env);
  const b = await manager(env, { peers: [a.url] });
  const one = await admin(a.url);
  const { lease } = (await one.request('netmcp/servers/register', registration('s'))) as { lease: string };
  await eventually(() => seenBy(b.url), count(1));
  await one.request('netmcp/servers/report', { lease, load: 75, inFlight: 4, queue: 0, p95Ms: 12 });
  await eventually(
    () => seenBy(b.url),
    ([s]: Array<{ load: number; state: string }>) => s?.load === 75 && s.state === 'high',
  );
  // The lease of one is good at the other, and news go both ways.
  const two = await admin(b.url);
  await two.request('netmcp/servers/update', { lease, summary: 'changed' });
  await eventually(
    () => seenBy(a.url),
    ([s]: Array<{ summary: string }>) => s?.summary === 'changed',
  );
  await two.request('netmcp/servers/deregister', { lease, drain: true });
  await eventually(
    () => seenBy(a.url),
    ([s]: Array<{ state: string }>) => s?.state === 'draining',
  );
  await one.request('netmcp/servers/report', { lease, load: 0, inFlight: 0, queue: 0, p95Ms: 0 });
  await eventually(() => seenBy(b.url), count(0));
  await expect(
    two.request('netmcp/servers/report', { lease, load: 0, inFlight: 0, queue: 0, p95Ms: 0 }),
  ).rejects.toMatchObject({ message: expect.stringContaining('register again') });
});

test('a management server dies: nobody sees an empty registry, leases go on at the other', async () => {
  const env = testEnv();
  const a = await manager(env);
  const b = await manager(env, { peers: [a.url] });
  const urls = [a.url, b.url];
  const server = await toolServer(env, urls);
  const client = await agent(env, urls);
  expect((await client.callTool('test_read', {})).server).toBe('s');
  await eventually(() => seenBy(b.url), count(1));
  await a.end();
  expect(await client.discover({})).toMatchObject([{ serverId: 's', suspect: false }]);
  expect((await client.callTool('test_read', {})).server).toBe('s');
  // Far longer than a lease: the reports of the tool server arrive at the survivor.
  for (let i = 0; i < 20; i += 1) {
    env.pass(2_000);
    const settled = server.setLoad(null);
    env.pass(600);
    await settled;
    expect(await client.discover({})).toMatchObject([{ serverId: 's', suspect: false }]);
  }
});

test('a management server that restarts has caught up before it serves', async () => {
  const env = testEnv();
  const a = await manager(env);
  const b = await manager(env, { peers: [a.url] });
  for (const id of ['x', 'y']) await toolServer(env, [b.url], id);
  await eventually(() => seenBy(a.url), count(2));
  await a.end();
  const again = await manager(env, { port: Number(new URL(a.url).port), peers: [b.url] });
  expect((await seenBy(again.url)).map((s) => s.serverId)).toEqual(['x', 'y']);
  // And both go on as peers.
  const { lease } = (await (
    await admin(again.url)
  ).request('netmcp/servers/register', registration('z'))) as {
    lease: string;
  };
  expect(lease).not.toBe('');
  await eventually(() => seenBy(b.url), count(3));
});

test('a management server without a word from a peer says that it may not know everybody', async () => {
  const env = testEnv();
  const empty = await manager(env);
  const full = await manager(env);
  await toolServer(env, full.url);
  const client = await agent(env, [empty.url, full.url]);
  expect(await client.discover({})).toMatchObject([{ serverId: 's' }]);
  expect(await (await admin(empty.url)).request('netmcp/servers/discover', {})).toEqual({
    servers: [],
    partial: true,
  });
  env.pass(times.leaseMs);
  expect(await (await admin(empty.url)).request('netmcp/servers/discover', {})).toMatchObject({
    partial: false,
  });
});

test('three management servers in a row share one registry; the middle one may die', async () => {
  const env = testEnv();
  const a = await manager(env);
  const b = await manager(env, { peers: [a.url] });
  const c = await manager(env, { peers: [b.url] });
  await (await admin(a.url)).request('netmcp/servers/register', registration('s'));
  await eventually(() => seenBy(c.url), count(1));
  await b.end();
  expect(await c.link(a.url)).toBe(true);
  await (await admin(c.url)).request('netmcp/servers/register', registration('t'));
  await eventually(() => seenBy(a.url), count(2));
});

test('what a tool server tells of its tools is in every registry, also after it registers anew', async () => {
  const env = testEnv();
  const a = await manager(env);
  const b = await manager(env, { peers: [a.url] });
  const membership = await joinRegistry({
    env,
    management: [a.url, b.url],
    registration: registration('s') as never,
    measure: () => ({ load: 1, inFlight: 0, queue: 0, p95Ms: 0, nfLoad: {} }),
  });
  const fits = ([s]: Array<{ tools: string[]; digest: string }>) =>
    s?.digest === 'e' && s.tools.join() === 'test_new';
  const tools = [
    { name: 'test_new', title: '', description: '', labels: [], permission: { mode: 'public' as const } },
  ];
  await membership.update({ digest: 'e', tools });
  await eventually(() => seenBy(b.url), fits);
  await a.end();
  await b.end();
  const again = await manager(env, { port: Number(new URL(b.url).port) });
  const told = membership.report();
  for (let i = 0; i < 3; i += 1) {
    await until(() => true);
    env.pass(500);
  }
  await told;
  expect(fits((await seenBy(again.url)) as never)).toBe(true);
  await membership.leave(false);
  expect(await seenBy(again.url)).toEqual([]);
});

test('a subscriber hears of the servers and areas that it asked for, and of no others', async () => {
  const env = testEnv();
  const a = await manager(env);
  const heard: string[] = [];
  const { openSession } = await import('../../src/netmcp/session/client-session.ts');
  const { createHttpPool } = await import('../../src/netmcp/session/keep-alive.ts');
  const pool = createHttpPool(4);
  const session = keep(
    openSession({
      env,
      agentId: 'watcher',
      serverId: 'management',
      target: { url: a.url },
      pool,
      onNotification: (_, params) => heard.push((params as { serverId: string }).serverId),
    }),
  );
  const { z } = await import('zod');
  await session.ready();
  await session.request(
    'netmcp/servers/subscribe',
    { serviceAreas: ['cn/shanghai'], serverIds: ['named'] },
    z.unknown(),
  );
  const one = await admin(a.url);
  const add = (id: string, serviceArea: string[]) =>
    one.request('netmcp/servers/register', registration(id, { serviceArea, digest: id }));
  // The stream may open after the first notices: those that matter are told again.
  await add('far', ['cn/beijing']);
  await add('named', ['cn/beijing']);
  await add('near', ['cn/shanghai/pudong']);
  await until(() => heard.includes('near') && heard.includes('named'));
  expect(heard).not.toContain('far');
  await session.end();
  await pool.close();
});

test('areas: names, region paths, TAIs of a PLMN and H3 cells', () => {
  expect(meets('shanghai', 'shanghai')).toBe(true);
  expect(meets('cn/shanghai', 'cn/shanghai/pudong')).toBe(true);
  expect(meets('cn/shanghai', 'cn/shanghaiwest')).toBe(false);
  expect(meets('460-00', '460-00-00a1b2')).toBe(true);
  expect(meets('460-00', '460-001-00a1b2')).toBe(false);
  expect(meets('460-00-00a1b2', '460-00-00a1b3')).toBe(false);
  // A cell of resolution 9, its parent of resolution 5, and a cell elsewhere.
  expect(meets('8928308280fffff', '85283083fffffff')).toBe(true);
  expect(meets('8928308280fffff', '85283473fffffff')).toBe(false);
  expect(serves([], ['anywhere'])).toBe(true);
  expect(serves(['a'], undefined)).toBe(true);
  expect(serves(['a'], ['b', 'a'])).toBe(true);
});

test('replicas that exchange pages in any order, with losses in between, end the same', () => {
  const value = (serverId: string): ReplicaRecord['value'] => ({
    kind: 'report',
    serverId,
    epoch: 1,
    load: 0,
    inFlight: 0,
    queue: 0,
    p95Ms: 0,
    nfLoad: {},
    untrusted: false,
  });
  const step = fc.oneof(
    fc.record({
      do: fc.constant('put' as const),
      at: fc.nat(2),
      key: fc.nat(3),
      rank: fc.array(fc.nat(3), { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ do: fc.constant('sync' as const), at: fc.nat(2), with: fc.nat(2) }),
    fc.record({ do: fc.constant('forget' as const), at: fc.nat(2) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const all = ['a', 'b', 'c'].map((origin) => createReplica(origin));
      const pull = (to: number, from: number) =>
        all[to]?.merge(all[from]?.since(all[to]?.vector() ?? {}) ?? { records: [], vector: {}, more: false });
      for (const one of steps) {
        const replica = all[one.at];
        if (one.do === 'put') {
          const key = `k${one.key}`;
          // A writer knows what it has and goes beyond it.
          replica?.put(key, [(replica.get(key)?.rank[0] ?? 0) + 1, ...one.rank], value(key));
        } else if (one.do === 'sync') pull(one.at, one.with);
        else replica?.forget();
      }
      for (let round = 0; round < 3; round += 1)
        for (const [to, from] of [
          [0, 1],
          [1, 2],
          [2, 0],
        ] as const)
          pull(to, from);
      const content = all.map((replica) => replica.since({}).records);
      expect(content[1]).toEqual(content[0]);
      expect(content[2]).toEqual(content[0]);
      expect(all[0]?.since(all[1]?.vector() ?? {}).records).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test('a replica pages what is too long for one answer', () => {
  const from = createReplica('a');
  const to = createReplica('b');
  for (let i = 0; i < 40; i += 1) {
    from.put(`k${i}`, [1], {
      kind: 'entry',
      lease: 'l',
      draining: false,
      left: false,
      registration: {
        ...registration(`k${i}`),
        tools: Array.from({ length: 20 }, (_, t) => ({
          name: `t${t}`,
          title: '',
          description: 'x'.repeat(2_000),
          labels: [],
        })),
      } as never,
    });
  }
  let pages = 0;
  for (let more = true; more; pages += 1) {
    const page = from.since(to.vector());
    to.merge(page);
    more = page.more;
  }
  expect(pages).toBeGreaterThan(1);
  expect(to.since({}).records).toEqual(from.since({}).records);
});
