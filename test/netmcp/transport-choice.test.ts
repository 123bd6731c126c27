import { PassThrough } from 'node:stream';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { describe, expect, test } from 'vitest';
import {
  connectNetMcp,
  connectPlain,
  startManagementServer,
  startToolServer,
} from '../../src/netmcp/index.ts';
import { readCallError } from '../../src/netmcp/session/call-error.ts';
import { openSession } from '../../src/netmcp/session/client-session.ts';
import { listenMcp } from '../../src/netmcp/session/host.ts';
import { createHttpPool } from '../../src/netmcp/session/keep-alive.ts';
import { type Credentials, takeWay, waysTo } from '../../src/netmcp/transport/dial.ts';
import { createLineTransport } from '../../src/netmcp/transport/lines.ts';
import { loadQuic } from '../../src/netmcp/transport/quic-provider.ts';
import { selfSigned } from './support/certificate.ts';
import { testEnv } from './support/env.ts';
import { atEnd, serve, tls } from './support/listening.ts';
import { gate, sideOf } from './support/side.ts';
import { create, fakeSbi, ok, read } from './support/tools.ts';

const quic = await loadQuic();
const udp = { h3: { port: 0 }, quic: { port: 0 } };
const trust = { ca: tls.cert };

function open(endpoints: string[], provider: typeof loadQuic = loadQuic) {
  const env = testEnv();
  const pool = createHttpPool(4, provider);
  const session = openSession({
    env,
    agentId: 'a',
    serverId: 's',
    target: { endpoints, tls: trust },
    pool,
    maxAttempts: 1,
  });
  atEnd(pool.close, session.close);
  return { env, pool, session };
}

test('the best way is taken, whatever the order in which they are listed', () => {
  const env = testEnv();
  const pool = createHttpPool(1);
  const endpoints = [
    'http://127.0.0.1:1/mcp',
    'https://127.0.0.1:2/mcp',
    'quic://127.0.0.1:3',
    'https+h3://127.0.0.1:4/mcp',
  ];
  const kinds = () => waysTo(env, { endpoints }, pool).map(({ kind }) => kind);
  expect(kinds()).toEqual(['quic', 'http/3', 'https', 'http']);
  pool.broken.set('quic://127.0.0.1:3', 1_000);
  expect(kinds()).toEqual(['http/3', 'https', 'http', 'quic']);
  env.pass(1_000);
  expect(kinds()[0]).toBe('quic');
});

test('plain words off this machine do not stand in for encrypted ones', () => {
  const kinds = (endpoints: string[]) =>
    waysTo(testEnv(), { endpoints }, createHttpPool(1)).map(({ kind }) => kind);
  expect(kinds(['https://nf.example/mcp', 'http://nf.example/mcp'])).toEqual(['https']);
  expect(kinds(['http://nf.example/mcp'])).toEqual(['http']);
  expect(kinds(['ftp://nf.example/mcp', 'nonsense'])).toEqual([]);
});

test('without a QUIC package a server says so and a client falls back', async () => {
  await expect(serve({ tls, h3: { port: 0 } }, { quic: async () => null })).rejects.toMatchObject({
    code: 'NETMCP_NO_QUIC',
  });
  await expect(serve({ quic: { port: 0 } })).rejects.toMatchObject({ code: 'NETMCP_NO_QUIC' });

  const { host } = await serve({ tls });
  const { env, session } = open(
    ['quic://127.0.0.1:9', 'https+h3://127.0.0.1:9/mcp', host.url],
    async () => null,
  );
  await session.ready();
  expect(session.state()).toMatchObject({
    transport: 'https',
    fellBack: 'https+h3://127.0.0.1:9/mcp: no QUIC package runs here',
  });
  expect(env.lines).toContainEqual({
    fields: { serverId: 's', endpoint: host.url, reason: session.state().fellBack },
    message: 'fell back to a lesser transport',
  });
});

test('a call over HTTPS that found no connection was certainly not made', async () => {
  const { host } = await serve({ tls });
  const pool = createHttpPool();
  atEnd(pool.close);
  const over = pool.fetchFor(trust);
  expect((await over(host.url, { method: 'PUT' })).status).toBe(400);
  await host.close();
  const executed = async () => {
    const failed = await over(host.url, { method: 'PUT' }).catch((error: unknown) => error);
    return readCallError(failed, 's', 't').details.executed;
  };
  // The first may still have found the connection that was just lost.
  const said = [await executed(), await executed(), await executed()];
  expect(said.at(-1)).toBe('no');
  const unknown = await pool
    .fetchFor({ ca: selfSigned().cert })(host.url)
    .catch((error: unknown) => error);
  expect(readCallError(unknown, 's', 't')).toMatchObject({ details: { executed: 'no' } });
});

test('a server that refuses is not asked again another way', async () => {
  let asked = 0;
  const { host } = await serve(
    { tls },
    {
      protect: () => ({
        async authenticate() {
          asked += 1;
          return { status: 403, challenge: 'Bearer', message: 'no' };
        },
        insufficient: () => '',
        documents: new Map(),
      }),
    },
  );
  const { session } = open([host.url, `${host.url}?second`]);
  await expect(session.ready()).rejects.toMatchObject({ code: 'NETMCP_UNREACHABLE' });
  expect(asked).toBe(1);
});

describe.runIf(quic !== null)('over UDP', () => {
  test('QUIC is chosen, and progress and notifications come over it', async () => {
    const { host, side } = await serve({ tls, ...udp });
    expect(host.endpoints.map((endpoint) => endpoint.split(':')[0])).toEqual(['https', 'https+h3', 'quic']);
    const env = testEnv();
    const client = await connectPlain({ env, target: { endpoints: host.endpoints, tls: trust } });
    atEnd(client.close);
    expect(client.state()).toMatchObject({ transport: 'quic', fellBack: null });
    const heard: unknown[] = [];
    await client.callTool('told', {}, { onProgress: (progress) => heard.push(progress) });
    expect(heard).toEqual([{ progress: 1 }]);
    expect(side.streams).toBe(1);
  });

  test('where nothing answers over UDP the next way is taken, and the first is remembered', async () => {
    const { host } = await serve({ tls });
    const { pool, session } = open(['quic://127.0.0.1:9', host.url]);
    await session.ready();
    expect(session.state()).toMatchObject({ transport: 'https' });
    expect(session.state().fellBack).toMatch(/^quic:/);
    expect([...pool.broken.keys()]).toEqual(['quic://127.0.0.1:9']);
  });

  test('a certificate that nobody vouches for is no server', async () => {
    const { host } = await serve({ tls, ...udp });
    const pool = createHttpPool(4);
    const target = { endpoints: host.endpoints, tls: { ca: selfSigned().cert } };
    const session = openSession({
      env: testEnv(),
      agentId: 'a',
      serverId: 's',
      target,
      pool,
      maxAttempts: 1,
    });
    atEnd(pool.close, session.close);
    await expect(session.ready()).rejects.toMatchObject({ code: 'NETMCP_UNREACHABLE' });
  });

  test.each(['quic', 'http/3'])('a call in flight over %s is told when its server goes', async (kind) => {
    const begun = gate();
    const side = sideOf({
      hang: async () => {
        begun.open();
        return new Promise<string>(() => {});
      },
    });
    const host = await listenMcp({
      env: testEnv(),
      host: '127.0.0.1',
      port: 0,
      side,
      listen: { tls, ...udp },
    });
    atEnd(host.close);
    const scheme = kind === 'quic' ? 'quic:' : 'https+h3:';
    const { session } = open(host.endpoints.filter((endpoint) => endpoint.startsWith(scheme)));
    await session.ready();
    expect(session.state().transport).toBe(kind);
    const call = session.call('hang', {}, {}, {});
    const lost = expect(call).rejects.toMatchObject({ code: 'NETMCP_LOST' });
    await begun.passed;
    await host.close();
    await lost;
  });

  test('QUIC asks for the token that HTTP has in its head, in each session and as long as it holds', async () => {
    let valid = 'Bearer good';
    const { host } = await serve(
      { tls, ...udp },
      {
        protect: () => ({
          authenticate: async ({ headers }) =>
            headers.authorization === valid
              ? { identity: { agent: 'netagent/a', authenticated: true, scopes: [], actors: [] } }
              : { status: 401, challenge: 'Bearer realm="x"', message: 'no valid token' },
          insufficient: () => '',
          documents: new Map(),
        }),
      },
    );
    let token: string | null = null;
    let offered: string | null = null;
    const challenges: string[] = [];
    const ask = () => {
      const credentials: Credentials = {
        wrap: (fetch) => fetch,
        authorization: async () => token,
        challenged: async (challenge) => {
          challenges.push(challenge);
          token = offered;
          return token;
        },
      };
      const pool = createHttpPool(2);
      atEnd(pool.close);
      const target = { url: host.endpoints[2] as string, tls: trust };
      const signal = new AbortController().signal;
      return takeWay(testEnv(), { target, pool, serverId: 's', signal, credentials }, async (line) => {
        const client = new Client({ name: 'c', version: '1' });
        atEnd(() => client.close());
        await client.connect(line);
        return client;
      });
    };
    await expect(ask()).rejects.toMatchObject({
      code: -32012,
      data: { status: 401, challenge: 'Bearer realm="x"' },
    });
    offered = 'Bearer good';
    const { value: client } = await ask();
    expect(challenges).toEqual(['Bearer realm="x"', 'Bearer realm="x"']);
    expect((await client.listTools()).tools).toHaveLength(2);
    // The token has run out; a new one in the next message is enough.
    valid = 'Bearer better';
    await expect(client.listTools()).rejects.toMatchObject({ code: -32012 });
    token = valid;
    expect((await client.listTools()).tools).toHaveLength(2);
  });

  test('a registry and its tool servers over QUIC and HTTP/3, found and called by a client', async () => {
    const env = testEnv();
    const management = await startManagementServer({
      env,
      host: '127.0.0.1',
      port: 0,
      listen: { tls, ...udp },
    });
    atEnd(management.close);
    const server = await startToolServer({
      env,
      host: '127.0.0.1',
      port: 0,
      id: 's',
      management: management.endpoints[1] as string,
      trust,
      nrf: fakeSbi(() => ok({ value: 42 })).port,
      tools: [create, read],
      listen: { tls, ...udp },
    });
    atEnd(server.close);
    const client = await connectNetMcp({
      env,
      agentId: 'a',
      management: management.endpoints[2] as string,
      tls: trust,
    });
    atEnd(client.close);
    const [entry] = await client.discover({});
    expect(entry?.endpoints).toEqual(server.endpoints);
    expect(await client.callTool('test_read', {})).toMatchObject({ output: { value: 42 } });
    expect(client.sessions()).toMatchObject([{ serverId: 's', transport: 'quic' }]);
  });
});

test('a peer that does not read ends the line', async () => {
  const input = new PassThrough();
  const output = new PassThrough({ highWaterMark: 1_000 });
  const env = testEnv();
  let released = 0;
  let closed = 0;
  const transport = createLineTransport({
    clock: env.clock,
    input,
    output,
    maxLine: 1_000,
    lineMs: 1_000,
    release: () => {
      released += 1;
    },
  });
  transport.onclose = () => {
    closed += 1;
  };
  await transport.start();
  const message = { jsonrpc: '2.0' as const, method: 'n', params: { text: 'x'.repeat(100_000) } };
  for (let i = 0; i < 30 && closed === 0; i += 1) await transport.send(message);
  expect({ released, closed }).toEqual({ released: 1, closed: 1 });
  await expect(transport.send(message)).rejects.toThrow('closed');
});
