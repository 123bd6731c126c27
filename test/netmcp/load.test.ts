import { afterEach, expect, test } from 'vitest';
import {
  connectNetMcp,
  connectPlain,
  startManagementServer,
  startToolServer,
} from '../../src/netmcp/index.ts';
import { loopLoad, measure, met } from '../../src/netmcp/toolserver/load.ts';
import { createMeter } from '../../src/netmcp/toolserver/meter.ts';
import { loadOf, openNfLoad } from '../../src/netmcp/toolserver/nf-load.ts';
import type { Notifier } from '../../src/network/nf/notifier.ts';
import { startNrf } from '../../src/network/nf/nrf.ts';
import { SbiClient } from '../../src/sbi/index.ts';
import { testEnv, until } from './support/env.ts';
import { create, fakeSbi, ok, read } from './support/tools.ts';

const closers: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
const host = '127.0.0.1';
const { port: sbi } = fakeSbi(() => ok({ value: 1 }));

const ID = '00000000-0000-4000-8000-0000000000a1';
const instance = (nfInstanceId: string, nfType: string, more: object = {}) => ({
  nfInstanceId,
  nfType,
  nfStatus: 'REGISTERED',
  ...more,
});

async function nrfWith(profiles: Array<ReturnType<typeof instance>>) {
  const env = testEnv();
  const client = new SbiClient({ env });
  closers.push(() => client.close());
  const nrf = await startNrf({ env, host, notifier: { notify() {}, welcome() {} } as unknown as Notifier });
  closers.push(nrf.close);
  const put = (profile: ReturnType<typeof instance>) =>
    client.request({
      nf: 'NRF',
      base: nrf.url,
      method: 'PUT',
      path: `/nnrf-nfm/v1/nf-instances/${profile.nfInstanceId}`,
      body: profile,
    });
  for (const profile of profiles) await put(profile);
  const patch = (id: string, load: number) =>
    client.request({
      nf: 'NRF',
      base: nrf.url,
      method: 'PATCH',
      path: `/nnrf-nfm/v1/nf-instances/${id}`,
      contentType: 'application/json-patch+json',
      body: [{ op: 'add', path: '/load', value: load }],
    });
  return { env, nrf, patch };
}

test('load of NFs comes from the NRF, by type, and is kept for a while when the NRF is lost', async () => {
  const { env, nrf, patch } = await nrfWith([
    instance(ID, 'PCF', { load: 20 }),
    instance(ID.replace('a1', 'a2'), 'UPF'),
  ]);
  const nfLoad = openNfLoad(env, nrf.url);
  closers.push(nfLoad.close);
  expect(await nfLoad.read(['PCF', 'UPF', 'AMF'])).toEqual({ PCF: 20 });
  await patch(ID, 90);
  expect(await nfLoad.read(['PCF'])).toEqual({ PCF: 90 });
  closers.splice(closers.indexOf(nrf.close), 1);
  await nrf.close();
  expect(await nfLoad.read(['PCF'])).toEqual({ PCF: 90 });
  env.pass(60_000);
  expect(await nfLoad.read(['PCF'])).toEqual({});
});

test('of several instances the mean counts, by capacity; without a load of the profile, that of its services', () => {
  expect(loadOf({ nfInstances: [{ load: 20 }, { load: 60 }] })).toBe(40);
  expect(
    loadOf({
      nfInstances: [
        { load: 0, capacity: 300 },
        { load: 100, capacity: 100 },
      ],
    }),
  ).toBe(25);
  expect(loadOf({ nfInstances: [{ nfServices: [{ load: 5 }, { load: 70 }, {}] }] })).toBe(70);
  expect(loadOf({ nfInstances: [{}] })).toBeNull();
  expect(loadOf({ nfInstances: [{ load: -1 }] })).toBeNull();
  expect(loadOf('nonsense')).toBeNull();
});

test('a tool server reports the NFs behind it, and their load is its own where it is greater', async () => {
  const { env, nrf, patch } = await nrfWith([instance(ID, 'PCF', { load: 15 })]);
  const management = await startManagementServer({ env, host, port: 0 });
  closers.push(management.close);
  const server = await startToolServer({
    env,
    host,
    port: 0,
    id: 's',
    management: management.url,
    nrf: nrf.url,
    tools: [create, read],
  });
  closers.push(server.close);
  const client = await connectNetMcp({ env, agentId: 'netagent/test', management: management.url });
  closers.push(client.close);
  expect(await client.discover({})).toMatchObject([{ load: 15, state: 'normal' }]);
  await patch(ID, 93);
  await server.setLoad(null);
  expect(await client.discover({})).toMatchObject([{ load: 93, state: 'overloaded' }]);
});

test('own load is the greatest of floor and queue, event loop, and NFs as a call meets them', async () => {
  const env = testEnv();
  const meter = createMeter(env.clock, { parallel: 2, queue: 2 });
  const report = (loopMs: number, byType: Record<string, number>) =>
    measure({
      meter,
      loop: { read: () => loopMs, close() {} },
      nfLoad: { read: async () => byType },
      behind: () => [['PCF', 'UPF'], ['AMF']],
    });
  expect(await report(0, {})).toEqual({ load: 0, inFlight: 0, queue: 0, p95Ms: 0, nfLoad: {} });
  const leave = await meter.enter();
  await meter.enter();
  expect(await report(0, {})).toMatchObject({ load: 80, inFlight: 2 });
  expect(await report(250, {})).toMatchObject({ load: 100 });
  expect(await report(0, { PCF: 90, UPF: 100, AMF: 90 })).toMatchObject({ load: 95 });
  void meter.enter();
  env.pass(30);
  leave?.();
  expect(await report(0, {})).toMatchObject({ inFlight: 2, p95Ms: 30 });
  env.pass(10_001);
  expect(meter.p95Ms()).toBe(0);
  expect(loopLoad(25)).toBe(0);
  expect(loopLoad(138)).toBe(50);
  expect(met([['A'], ['B']], { A: 40 })).toBe(20);
  expect(met([], {})).toBe(0);
});

test('a load that moves far is told at once, and not more than a few times a second', async () => {
  const env = testEnv();
  const told: number[] = [];
  let release: (() => void) | null = null;
  const meter = createMeter(env.clock, { parallel: 4, queue: 4 }, () => {
    told.push(meter.load());
    return new Promise<void>((resolve) => {
      release = resolve;
    });
  });
  const leaves = [await meter.enter(), await meter.enter(), await meter.enter()];
  expect(told).toEqual([20]);
  const go = () => (release as unknown as () => void)();
  go();
  await until(() => told.length === 2);
  expect(told).toEqual([20, 60]);
  for (const leave of leaves) leave?.();
  expect(told).toHaveLength(2);
  go();
  await until(() => told.length === 3);
  expect(told).toEqual([20, 60, 0]);
});

const registration = (serverId: string) => ({
  serverId,
  endpoints: ['http://127.0.0.1:9/mcp'],
  toolCount: 1,
  digest: 'd',
  tools: [{ name: 'test_read' }],
});

test('attack: reports that are negative, not a number or out of range are refused, and cost the trust', async () => {
  const env = testEnv();
  const management = await startManagementServer({ env, host, port: 0 });
  closers.push(management.close);
  const liar = await connectPlain({ env, target: management.url, agentId: 'liar' });
  closers.push(liar.close);
  const { lease } = (await liar.request('netmcp/servers/register', registration('liar'))) as {
    lease: string;
  };
  const figures = { lease, load: 10, inFlight: 1, queue: 0, p95Ms: 10 };
  const report = (more: object) => liar.request('netmcp/servers/report', { ...figures, ...more });
  const seen = async () =>
    ((await liar.request('netmcp/servers/discover', {})) as { servers: object[] }).servers[0];
  for (const bad of [{ load: -1 }, { load: Number.NaN }, { load: 101 }, { inFlight: 1.5 }, { p95Ms: -5 }]) {
    await expect(report(bad)).rejects.toMatchObject({ code: 'NETMCP_REJECTED' });
  }
  expect(await report({})).toMatchObject({ state: 'high', weight: 10 });
  expect(await seen()).toMatchObject({ untrusted: true, load: 80 });
  for (let i = 0; i < 4; i += 1) await report({});
  expect(await seen()).toMatchObject({ untrusted: false, load: 10, state: 'normal' });
});

test('attack: always load 0 while slower than its like: counted as highly loaded, on every management server', async () => {
  const env = testEnv();
  const a = await startManagementServer({ env, host, port: 0 });
  closers.push(a.close);
  const b = await startManagementServer({ env, host, port: 0, peers: [a.url] });
  closers.push(b.close);
  const admin = await connectPlain({ env, target: a.url, agentId: 'admin' });
  closers.push(admin.close);
  const join = async (id: string) =>
    ((await admin.request('netmcp/servers/register', registration(id))) as { lease: string }).lease;
  const honest = [await join('h1'), await join('h2')];
  const liar = await join('liar');
  const report = (lease: string, p95Ms: number) =>
    admin.request('netmcp/servers/report', { lease, load: 0, inFlight: 3, queue: 0, p95Ms });
  for (let i = 0; i < 3; i += 1) {
    for (const lease of honest) await report(lease, 30);
    await report(liar, 800);
  }
  const client = await connectNetMcp({ env, agentId: 'netagent/test', management: b.url });
  closers.push(client.close);
  let found = await client.discover({});
  for (let i = 0; i < 100 && !found.some((one) => one.untrusted); i += 1) found = await client.discover({});
  expect(found.map(({ serverId, untrusted, state }) => [serverId, untrusted, state])).toEqual([
    ['h1', false, 'normal'],
    ['h2', false, 'normal'],
    ['liar', true, 'high'],
  ]);
  expect(env.lines.some(({ message }) => message.includes('not believed'))).toBe(true);
});

test('attack: a flood of reports leaves the registry as it is and the lease alive', async () => {
  const env = testEnv();
  const management = await startManagementServer({ env, host, port: 0 });
  closers.push(management.close);
  const server = await startToolServer({
    env,
    host,
    port: 0,
    id: 's',
    management: management.url,
    nrf: sbi,
    tools: [read],
  });
  closers.push(server.close);
  const admin = await connectPlain({ env, target: management.url, agentId: 'admin' });
  closers.push(admin.close);
  const { lease } = (await admin.request('netmcp/servers/register', registration('flood'))) as {
    lease: string;
  };
  for (let i = 0; i < 40; i += 1) {
    const load = i % 2 === 0 ? 0 : 100;
    await admin.request('netmcp/servers/report', { lease, load, inFlight: 0, queue: 0, p95Ms: 0 });
  }
  const { servers } = (await admin.request('netmcp/servers/discover', {})) as {
    servers: Array<{ serverId: string; load: number; suspect: boolean }>;
  };
  // The twentieth was the last that counted.
  expect(servers.find((one) => one.serverId === 'flood')).toMatchObject({ load: 100, suspect: false });
});
