import { afterEach, expect, test } from 'vitest';
import { connectNetMcp, startManagementServer, startToolServer } from '../../src/netmcp/index.ts';
import { testEnv, until } from './support/env.ts';
import { create, fakeSbi, ok, read, secret } from './support/tools.ts';

const closers: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function world(
  answer = () => ok({ value: 7 }) as ReturnType<typeof ok> | Promise<ReturnType<typeof ok>>,
) {
  const env = testEnv();
  const sbi = fakeSbi(answer);
  const host = '127.0.0.1';
  const management = await startManagementServer({ env, host, port: 0 });
  closers.push(management.close);
  const server = (id: string) =>
    startToolServer({
      env,
      host,
      port: 0,
      id,
      management: management.url,
      nrf: sbi.port,
      tools: [create, read, secret],
    });
  const a = await server('tools-a');
  closers.push(a.close);
  const client = await connectNetMcp({ env, agentId: 'netagent/test', management: management.url });
  closers.push(client.close);
  return { env, sbi, management, server, a, client };
}

test('a call goes through discovery, verification and SBI, and brings its chain back', async () => {
  const { client, sbi } = await world();
  const result = await client.callTool('test_create', { share: 20, name: 'x' }, { idempotencyKey: 'k1' });
  expect(result).toMatchObject({ output: { thing: 'x' }, isError: false, server: 'tools-a' });
  expect(result.chain).toEqual([{ nf: 'PCF', operation: 'create', status: 200, ms: 0 }]);
  expect(sbi.requests).toHaveLength(1);
  expect(client.sessions()).toMatchObject([
    { serverId: 'tools-a', phase: 'ready', agreement: { mode: 'netmcp', version: '1.0' } },
  ]);
});

test('one idempotency key executes once, also for two calls at once; other arguments are refused', async () => {
  const { client, sbi } = await world();
  const call = () => client.callTool('test_create', { share: 20 }, { idempotencyKey: 'same' });
  const [first, second] = await Promise.all([call(), call()]);
  const third = await call();
  expect(second.output).toEqual(first.output);
  expect(third.output).toEqual(first.output);
  expect(sbi.requests).toHaveLength(1);
  const other = await client.callTool('test_create', { share: 21 }, { idempotencyKey: 'same' });
  expect(other.isError).toBe(true);
  expect(other.text).toContain('idempotency');
  expect(sbi.requests).toHaveLength(1);
});

test.each([
  [{ share: 101 }, ['share', 'maximum', '<= 100']],
  [{ share: 'much' }, ['share', 'type', 'number']],
  [{}, ['share', 'required', 'must be given']],
  [{ share: 5, extra: 1 }, ['extra', 'additionalProperties', 'share, name, start, end']],
  [{ share: 5, start: 9, end: 3 }, ['start, end', 'args.start < args.end', 'start before end']],
  [{ share: 5, name: 'n'.repeat(60_000) }, ['name', 'maxLength', '64 characters']],
  [{ share: 5, name: 'n'.repeat(100_000) }, ['name', 'length', '65536 characters']],
  [{ share: 5, constructor: 1 }, ['constructor', 'no name of a parameter']],
  [JSON.parse('{"share":5,"__proto__":{"share":500}}'), []],
])(
  'bad arguments %# are refused with parameter, rule and range, and nothing reaches an NF',
  async (args, words) => {
    const { client, sbi } = await world();
    const result = await client.callTool('test_create', args as Record<string, unknown>);
    if (words.length > 0) {
      expect(result.isError).toBe(true);
      for (const word of words) expect(result.text).toContain(word);
      expect(result.text.length).toBeLessThan(1_000);
      expect(sbi.requests).toEqual([]);
    } else {
      // The key never became part of the arguments, on neither side.
      for (const request of sbi.requests) expect(request.body).toMatchObject({ share: 5 });
    }
  },
);

test('a dry run verifies and sends nothing; null for an optional parameter means absent', async () => {
  const { client, sbi } = await world();
  const dry = await client.callTool('test_create', { share: 20, start: null }, { dryRun: true });
  expect(dry).toMatchObject({ isError: false, output: null });
  expect(dry.text).toContain('dry run');
  expect(sbi.requests).toEqual([]);
});

test('a tool for named agents is refused to others', async () => {
  const { client } = await world();
  const result = await client.callTool('test_secret', {});
  expect(result.isError).toBe(true);
  expect(result.text).toContain('permission');
});

test.each(['constructor', '__proto__', 'toString', 'no_such_tool'])(
  'the unknown tool %s has no server',
  async (name) => {
    const { client } = await world();
    await expect(client.callTool(name, {})).rejects.toMatchObject({ code: 'NETMCP_NO_SERVER' });
  },
);

test('calls leave an overloaded server for the other that has the tool, and come back', async () => {
  const { client, a, server } = await world();
  const b = await server('tools-b');
  closers.push(b.close);
  const call = async () => (await client.callTool('test_read', {})).server;
  const servers = new Map([
    ['tools-a', a],
    ['tools-b', b],
  ]);
  const overload = async (name: string) => {
    await servers.get(name)?.setLoad(95);
    await until(() => client.sessions().find((s) => s.serverId === name)?.loadState === 'overloaded');
  };
  const first = await call();
  await overload(first);
  const second = await call();
  expect(second).not.toBe(first);
  await servers.get(first)?.setLoad(10);
  await overload(second);
  expect(await call()).toBe(first);
});

test('a server past its limit refuses with alternates before the registry knows, and the call moves', async () => {
  const { client, a, server, sbi } = await world();
  const b = await server('tools-b');
  closers.push(b.close);
  await client.callTool('test_read', {});
  const told = a.setLoad(100);
  const moved = await client.callTool('test_create', { share: 3 });
  await told;
  expect(moved.server).toBe('tools-b');
  expect(sbi.requests.filter((r) => r.operation === 'create')).toHaveLength(1);
});

test('a server that has left is left; reads go to the other', async () => {
  const { client, a, server } = await world();
  await client.callTool('test_read', {});
  const b = await server('tools-b');
  closers.push(b.close);
  closers.splice(closers.indexOf(a.close), 1);
  await a.close();
  expect((await client.callTool('test_read', {})).server).toBe('tools-b');
});

test('an abort reaches the NF request and ends the call', async () => {
  const env = testEnv();
  const host = '127.0.0.1';
  let aborted = false;
  const sbi = fakeSbi(
    (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          aborted = true;
          reject(new Error('aborted'));
        });
      }),
  );
  const management = await startManagementServer({ env, host, port: 0 });
  closers.push(management.close);
  const server = await startToolServer({
    env,
    host,
    port: 0,
    id: 's',
    management: management.url,
    nrf: sbi.port,
    tools: [create],
  });
  closers.push(server.close);
  const client = await connectNetMcp({ env, agentId: 'netagent/test', management: management.url });
  closers.push(client.close);
  const controller = new AbortController();
  const call = client.callTool('test_create', { share: 3 }, { signal: controller.signal });
  await until(() => sbi.requests.length === 1);
  controller.abort(new Error('enough'));
  await expect(call).rejects.toMatchObject({ code: 'NETMCP_CANCELLED' });
  await until(() => aborted);
});

test('an effect whose server is lost half-way is not executed elsewhere: its caller is told', async () => {
  const { client, a, server, sbi } = await world(() => new Promise(() => {}));
  const call = client.callTool('test_create', { share: 3 });
  await until(() => sbi.requests.length === 1);
  const b = await server('tools-b');
  closers.push(b.close);
  closers.splice(closers.indexOf(a.close), 1);
  const lost = expect(call).rejects.toMatchObject({ code: 'NETMCP_LOST', details: { executed: 'maybe' } });
  await a.close();
  await lost;
  expect(sbi.requests).toHaveLength(1);
});

test('when every server is past its limit, the call waits as it was told and then goes through', async () => {
  const { client, a, env } = await world();
  await client.callTool('test_read', {});
  await a.setLoad(100);
  const call = client.callTool('test_read', {});
  await until(() => client.sessions()[0]?.loadState === 'overloaded');
  await a.setLoad(null);
  let ended = false;
  const watch = call.finally(() => {
    ended = true;
  });
  while (!ended) {
    await new Promise((resolve) => setImmediate(resolve));
    env.pass(20);
  }
  expect((await watch).output).toEqual({ value: 7 });
});
