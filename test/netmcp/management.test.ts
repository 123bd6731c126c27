import { afterEach, expect, test } from 'vitest';
import {
  connectNetMcp,
  connectPlain,
  startManagementServer,
  startToolServer,
  toolsOf,
} from '../../src/netmcp/index.ts';
import { testEnv, until } from './support/env.ts';
import { fakeSbi, ok, read } from './support/tools.ts';

const closers: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const host = '127.0.0.1';
const { port: sbi } = fakeSbi(() => ok({ value: 1 }));

async function management() {
  const env = testEnv();
  const server = await startManagementServer({
    env,
    host,
    port: 0,
    times: { leaseMs: 9_000, graceMs: 6_000 },
  });
  closers.push(server.close);
  const client = await connectNetMcp({ env, agentId: 'netagent/test', management: server.url });
  closers.push(client.close);
  return { env, url: server.url, client };
}

const registration = (serverId: string, more: object = {}) => ({
  serverId,
  endpoints: ['http://127.0.0.1:9/mcp'],
  toolCount: 1,
  digest: 'd',
  tools: [{ name: 'test_read' }],
  ...more,
});

test('discovery ranks by the words of the task, the right server first', async () => {
  const { env, url, client } = await management();
  for (const area of ['ran', 'core', 'transport'] as const) {
    const server = await startToolServer({
      env,
      host,
      port: 0,
      id: `${area}-tools`,
      management: url,
      nrf: sbi,
      tools: toolsOf(area),
    });
    closers.push(server.close);
  }
  const first = async (task: string) => (await client.discover({ task }))[0]?.serverId;
  expect(await first('find weak coverage along the route')).toBe('ran-tools');
  expect(await first('preset the handover from 5G to 4G')).toBe('ran-tools');
  expect(await first('predict congestion of cells')).toBe('core-tools');
  expect(await first('create a QoS session with guaranteed rate')).toBe('core-tools');
  expect(await first('switch the transport path to a healthy edge')).toBe('transport-tools');
  expect(await first('place a relay in computing')).toBe('transport-tools');
  expect(await client.discover({ task: 'bake bread' })).toEqual([]);
  const byCategory = await client.discover({ categories: ['computing'] });
  expect(byCategory.map((server) => server.serverId)).toEqual(['transport-tools']);
});

test('a server serves its areas only, and one without areas serves all', async () => {
  const { url, client } = await management();
  const admin = await connectPlain({ env: testEnv(), target: url, agentId: 'admin' });
  closers.push(admin.close);
  await admin.request('netmcp/servers/register', registration('near', { serviceArea: ['shanghai'] }));
  await admin.request('netmcp/servers/register', registration('far', { serviceArea: ['beijing'] }));
  await admin.request('netmcp/servers/register', registration('all'));
  const names = async (serviceArea?: string) =>
    (await client.discover({ tool: 'test_read', ...(serviceArea && { serviceArea }) })).map(
      (s) => s.serverId,
    );
  expect(await names('shanghai')).toEqual(['all', 'near']);
  expect(await names()).toEqual(['all', 'far', 'near']);
  expect(await names('paris')).toEqual(['all']);
});

test('a lease that is missed makes the server suspect, then gone; a report in between saves it', async () => {
  const { env, url, client } = await management();
  const admin = await connectPlain({ env: testEnv(), target: url, agentId: 'admin' });
  closers.push(admin.close);
  const { lease } = (await admin.request('netmcp/servers/register', registration('s'))) as { lease: string };
  const look = async () => (await client.discover({}))[0];
  expect(await look()).toMatchObject({ serverId: 's', suspect: false, state: 'normal', weight: 100 });
  env.pass(9_000);
  expect(await look()).toMatchObject({ suspect: true, state: 'high' });
  const report = { lease, load: 91, inFlight: 4, queue: 1, p95Ms: 12 };
  expect(await admin.request('netmcp/servers/report', report)).toMatchObject({
    state: 'overloaded',
    alternates: [],
  });
  expect(await look()).toMatchObject({ suspect: false, state: 'overloaded', load: 91 });
  env.pass(9_000);
  env.pass(6_000);
  expect(await look()).toBeUndefined();
  await expect(admin.request('netmcp/servers/report', report)).rejects.toMatchObject({
    code: 'NETMCP_REJECTED',
    message: expect.stringContaining('register again'),
  });
});

test('a tool server keeps its lease by heartbeats, and registers again after it was lost', async () => {
  const { env, url, client } = await management();
  const server = await startToolServer({
    env,
    host,
    port: 0,
    id: 's',
    management: url,
    nrf: sbi,
    tools: [read],
  });
  closers.push(server.close);
  const suspect = async () => (await client.discover({}))[0]?.suspect;
  env.pass(9_000);
  // The heartbeat at 3 s and the end of the lease fell together: its report saves it.
  await until(() => true);
  for (let i = 0; i < 200 && (await suspect()) !== false; i += 1);
  expect(await suspect()).toBe(false);
  env.pass(9_000);
  env.pass(6_000);
  for (let i = 0; i < 200 && (await suspect()) !== false; i += 1) env.pass(100);
  expect(await suspect()).toBe(false);
  await server.drain();
  expect((await client.discover({}))[0]?.state).toBe('draining');
});

test('client and tool server find back to a management server that was restarted', async () => {
  const { env, url, client } = await management();
  const server = await startToolServer({
    env,
    host,
    port: 0,
    id: 's',
    management: url,
    nrf: sbi,
    tools: [read],
  });
  closers.push(server.close);
  expect((await client.callTool('test_read', {})).server).toBe('s');
  const [close] = closers.splice(0, 1);
  await close?.();
  const again = await startManagementServer({ env, host, port: Number(new URL(url).port) });
  closers.unshift(again.close);
  expect(await client.discover({})).toEqual([]);
  env.pass(3_000);
  for (let i = 0; i < 100 && (await client.discover({})).length === 0; i += 1) env.pass(1_000);
  expect(await client.discover({})).toMatchObject([{ serverId: 's', suspect: false }]);
});

test('a session that nobody uses is ended', async () => {
  const { env, url } = await management();
  const open = async (extra: Record<string, string>, body: object) =>
    fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...extra,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...body }),
    });
  const first = await open(
    {},
    {
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
    },
  );
  const session = { 'mcp-session-id': first.headers.get('mcp-session-id') ?? '' };
  await first.text();
  expect((await open(session, { method: 'tools/list' })).status).toBe(200);
  env.pass(300_000);
  env.pass(300_000);
  env.pass(300_000);
  expect((await open(session, { method: 'tools/list' })).status).toBe(404);
});

test('malformed and hostile registrations are refused', async () => {
  const { url, client } = await management();
  const admin = await connectPlain({ env: testEnv(), target: url, agentId: 'admin' });
  closers.push(admin.close);
  const bad = [
    registration('s', { endpoints: [] }),
    registration('s', { endpoints: ['javascript:alert(1)'] }),
    registration('', {}),
    registration('s', { summary: 'x'.repeat(10_000) }),
    { ...registration('s'), tools: Array.from({ length: 1_000 }, (_, i) => ({ name: `t${i}` })) },
  ];
  for (const params of bad) {
    await expect(admin.request('netmcp/servers/register', params)).rejects.toMatchObject({
      code: 'NETMCP_REJECTED',
    });
  }
  await expect(admin.request('netmcp/servers/nothing', {})).rejects.toMatchObject({
    code: 'NETMCP_NO_FEATURE',
  });
  await admin.request('netmcp/servers/register', registration('__proto__'));
  expect(await client.discover({ task: 'constructor __proto__ hasOwnProperty' })).toHaveLength(1);
});
