import { afterEach, expect, test } from 'vitest';
import { connectNetMcp, startManagementServer, startToolServer } from '../../src/netmcp/index.ts';
import { type TestEnv, testEnv, until } from './support/env.ts';
import { create, fakeSbi, ok, read } from './support/tools.ts';

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
const times = { leaseMs: 9_000, graceMs: 6_000, drainMs: 20_000 };

/** An SBI whose requests a test answers, each under the server that made it. */
function heldSbi() {
  const held: Array<{ server: string; answer(): void }> = [];
  const at = (server: string) =>
    fakeSbi(
      () =>
        new Promise((resolve) => {
          held.push({ server, answer: () => resolve(ok({ value: 1 })) });
        }),
    ).port;
  return { held, at };
}

async function world(env: TestEnv, managements = 1) {
  const first = keep(await startManagementServer({ env, host, port: 0, times }));
  const others = [];
  for (let i = 1; i < managements; i += 1)
    others.push(keep(await startManagementServer({ env, host, port: 0, times, peers: [first.url] })));
  const management = [first, ...others];
  const urls = management.map(({ url }) => url);
  const { held, at } = heldSbi();
  const server = async (id: string) =>
    keep(
      await startToolServer({
        env,
        host,
        port: 0,
        id,
        management: urls,
        nrf: at(id),
        tools: [create, read],
      }),
    );
  return { management, urls, held, server };
}
const agent = async (env: TestEnv, management: string[], id = 'netagent/test') =>
  keep(await connectNetMcp({ env, agentId: id, management }));

test('a server drains: calls under way finish there, new ones go elsewhere, then it is out of the registry', async () => {
  const env = testEnv();
  const { urls, held, server } = await world(env);
  const a = await server('a');
  const client = await agent(env, urls);
  const under = client.callTool('test_create', { share: 5 });
  await until(() => held.length === 1);
  await server('b');
  await a.drain();
  await until(() => client.sessions().find((s) => s.serverId === 'a')?.loadState === 'draining');
  const next = client.callTool('test_read', {});
  await until(() => held.length === 2);
  expect(held[1]?.server).toBe('b');
  for (const { answer } of held) answer();
  expect((await under).server).toBe('a');
  expect((await next).server).toBe('b');
  expect((await client.discover({})).map((s) => s.state)).toEqual(['draining', 'normal'].reverse());
  // Its next heartbeat says that nothing is left.
  for (let i = 0; i < 200 && (await client.discover({})).length > 1; i += 1) env.pass(20);
  expect((await client.discover({})).map((s) => s.serverId)).toEqual(['b']);
});

test('a server dies with reads and an effect under way: reads are answered by the other, the effect is not run again', async () => {
  const env = testEnv();
  const { urls, held, server } = await world(env);
  const a = await server('a');
  const client = await agent(env, urls);
  const reads = Array.from({ length: 5 }, () => client.callTool('test_read', {}));
  const effect = client.callTool('test_create', { share: 5 });
  await until(() => held.length === 6);
  await server('b');
  const lost = expect(effect).rejects.toMatchObject({
    code: 'NETMCP_LOST',
    details: { executed: 'maybe' },
  });
  await a.end();
  await lost;
  await until(() => held.length === 11);
  for (const { answer } of held) answer();
  expect((await Promise.all(reads)).map(({ server: by }) => by)).toEqual(Array(5).fill('b'));
  expect(held.filter(({ server: by }) => by === 'b')).toHaveLength(5);
});

test('a registry that has lost a server does not break the calls that it still answers', async () => {
  const env = testEnv();
  const { management, urls, held, server } = await world(env);
  await server('a');
  const client = await agent(env, urls);
  const under = client.callTool('test_create', { share: 5 });
  await until(() => held.length === 1);
  // Somebody takes its name and leaves: the registry knows it no more, while it works.
  const { request, close } = await admin(management[0]?.url as string);
  const { lease } = (await request('netmcp/servers/register', {
    serverId: 'a',
    endpoints: ['http://127.0.0.1:9/mcp'],
    toolCount: 0,
    digest: 'other',
  })) as { lease: string };
  await request('netmcp/servers/deregister', { lease });
  await until(() => client.sessions()[0]?.loadState === 'gone');
  expect(client.sessions()[0]).toMatchObject({ phase: 'ready', inFlight: 1 });
  held[0]?.answer();
  expect(await under).toMatchObject({ server: 'a', isError: false });
  await until(() => client.sessions()[0]?.phase === 'gone');
  await close();
});

test('after a fail-over of the management server, load is heard of from the survivor', async () => {
  const env = testEnv();
  const { management, urls, held, server } = await world(env, 2);
  const a = await server('a');
  const client = await agent(env, urls);
  const first = client.callTool('test_read', {});
  await until(() => held.length === 1);
  held[0]?.answer();
  await first;
  const [primary] = management;
  await primary?.end();
  expect((await client.discover({})).map((s) => s.serverId)).toEqual(['a']);
  await a.setLoad(95);
  await until(() => client.sessions()[0]?.loadState === 'overloaded');
});

test('with no management server left, calls go to the servers that were known', async () => {
  const env = testEnv();
  const { management, urls, held, server } = await world(env);
  const a = await server('a');
  const client = await agent(env, urls);
  const call = async () => {
    const count = held.length;
    return (await passing(env, client.callTool('test_read', {}), () => held[count]?.answer())).server;
  };
  expect(await call()).toBe('a');
  await management[0]?.end();
  env.pass(10_000);
  expect(await call()).toBe('a');
  expect(env.lines.some(({ message }) => message.includes('no management server answers'))).toBe(true);
  await passing(env, Promise.all([a.end(), client.end()]));
});

/** Lets time pass until something has come about. */
async function passing<T>(env: TestEnv, work: Promise<T>, meanwhile: () => void = () => {}): Promise<T> {
  let ended = false;
  const watch = work.finally(() => {
    ended = true;
  });
  while (!ended) {
    await new Promise((resolve) => setImmediate(resolve));
    meanwhile();
    env.pass(5);
  }
  return watch;
}

async function admin(url: string) {
  const { connectPlain } = await import('../../src/netmcp/index.ts');
  return keep(await connectPlain({ env: testEnv(), target: url, agentId: 'admin' }));
}
