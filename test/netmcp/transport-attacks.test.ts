import { connect as http2 } from 'node:http2';
import { connect as tcp } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listenMcp, type McpHost } from '../../src/netmcp/session/host.ts';
import { loadQuic, QUIC_ALPN } from '../../src/netmcp/transport/quic-provider.ts';
import { selfSigned } from './support/certificate.ts';
import { type TestEnv, testEnv, until } from './support/env.ts';
import { sideOf } from './support/side.ts';
import { wires } from './support/wire.ts';

const tls = selfSigned();
const quic = await loadQuic();
const asks = wires(tls.cert);
const hosts: McpHost[] = [];
let env: TestEnv;
const urls = new Map<string, string>();

beforeAll(async () => {
  env = testEnv();
  const side = sideOf({ hello: () => 'hello' });
  const limits = { maxBody: 10_000, maxSessions: 8 };
  const common = { env, host: '127.0.0.1', port: 0, side, limits };
  const plain = await listenMcp(common);
  const udp = quic === null ? {} : { h3: { port: 0 }, quic: { port: 0 } };
  const secure = await listenMcp({ ...common, listen: { tls, ...udp } });
  hosts.push(plain, secure);
  urls.set('HTTP/1.1', plain.url);
  for (const wire of ['HTTP/1.1 with TLS', 'HTTP/2']) urls.set(wire, secure.url);
  const [, h3, raw] = secure.endpoints;
  if (h3 !== undefined) urls.set('HTTP/3', h3.replace('https+h3:', 'https:'));
  if (raw !== undefined) urls.set('QUIC', raw);
});
afterAll(async () => {
  for (const host of hosts) await host.close();
});

const initialize = (padding = '') =>
  JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: `raw${padding}`, version: '1' },
    },
  });

const versions = Object.keys(asks).filter((wire) => quic !== null || wire !== 'HTTP/3');

describe.each(versions)('over %s', (wire) => {
  const ask = asks[wire] as (typeof asks)[string];
  const url = () => urls.get(wire) as string;
  const status = async (headers: Record<string, string>, body = initialize()) =>
    (await ask(url(), { headers, body })).status;

  test('a foreign page and a rebound name are refused, our own pass', async () => {
    const { host, port, protocol } = new URL(url());
    const named = (name: string): Record<string, string> =>
      wire.startsWith('HTTP/1') ? { host: name } : { ':authority': name };
    expect(await status({})).toBe(200);
    expect(await status({ origin: `${protocol}//${host}` })).toBe(200);
    expect(await status(named(`LOCALHOST:${port}`))).toBe(200);
    const other = protocol === 'https:' ? 'http:' : 'https:';
    for (const origin of [
      'https://evil.example',
      'null',
      `${other}//${host}`,
      `${protocol}//${host}.evil.example`,
      `${protocol}//${host}@evil.example`,
      `${protocol}//127.0.0.1`,
      'file://',
    ]) {
      expect(await status({ origin }), origin).toBe(403);
    }
    for (const name of [
      `evil.example:${port}`,
      `127.0.0.1.evil.example:${port}`,
      `127.0.0.1:1`,
      '127.0.0.1',
      `evil.example@127.0.0.1:${port}`,
    ]) {
      // What is no authority at all, HTTP/2 of Node refuses by itself.
      const refused = await status(named(name)).catch(({ message }: Error) => message);
      expect([403, 'Stream closed with error code NGHTTP2_PROTOCOL_ERROR'], name).toContain(refused);
    }
    if (!wire.startsWith('HTTP/1')) {
      expect(await status({ ':authority': host, host: 'evil.example' })).toBe(403);
    }
  });

  test('a body too large, no JSON, no message, of another type, without a session', async () => {
    expect(await status({}, initialize('x'.repeat(10_000)))).toBe(413);
    expect(await status({}, '{')).toBe(400);
    expect(await status({}, '[]')).toBe(400);
    expect(await status({}, '{"jsonrpc":"1.0"}')).toBe(400);
    expect(await status({}, '{"jsonrpc":"2.0","id":1,"method":"tools/list"}')).toBe(400);
    expect(await status({ 'content-type': 'text/plain' })).toBe(415);
    expect(await status({ accept: 'text/html' })).toBe(406);
    expect(await status({ 'mcp-session-id': 'constructor' })).toBe(404);
    const other = url().replace('/mcp', '/other');
    expect((await ask(other, { body: initialize() })).status).toBe(404);
  });

  test('sessions have a limit, and those that are idle make room', async () => {
    const answers: number[] = [];
    for (let i = 0; i < 10; i += 1) answers.push(await status({}));
    expect(answers.at(-1)).toBe(503);
    env.pass(600_001);
    env.pass(600_001);
    await until(() => hosts.every((host) => host.peers().length === 0));
    expect(await status({})).toBe(200);
  });
});

/** Sends a head and a part of a body, then nothing. */
const half =
  'POST /mcp HTTP/1.1\r\nhost: HOST\r\ncontent-type: application/json\r\n' +
  'accept: application/json, text/event-stream\r\ncontent-length: 100\r\n\r\n{"jsonrpc"';

test.each(['HTTP/1.1', 'HTTP/1.1 with TLS'])(
  'a drawn-out body, head or silence over %s is cut off',
  async (wire) => {
    const { port, host } = new URL(urls.get(wire) as string);
    const dial = () =>
      wire === 'HTTP/1.1'
        ? tcp(Number(port), '127.0.0.1')
        : tlsConnect({ port: Number(port), host: '127.0.0.1', ca: tls.cert, ALPNProtocols: ['http/1.1'] });
    const ready = wire === 'HTTP/1.1' ? 'connect' : 'secureConnect';
    for (const [sent, answer] of [
      [half.replace('HOST', host), '408'],
      ['POST /mcp HTTP/1.1\r\nhost: x\r\nx-drip: ', ''],
      ['', ''],
    ] as const) {
      const socket = dial();
      socket.on('error', () => {});
      let text = '';
      socket.on('data', (chunk) => {
        text += String(chunk);
      });
      let closed = false;
      socket.on('close', () => {
        closed = true;
      });
      await new Promise((resolve) => socket.once(ready, resolve));
      socket.write(sent);
      await until(() => {
        // The virtual clock stands for the 30 s that the sender would need to be patient.
        env.pass(1_000);
        return closed || text !== '';
      }, 200_000);
      expect(text.slice(9, 12)).toBe(answer);
      socket.destroy();
    }
  },
);

test('a TCP connection that never begins TLS is cut off', async () => {
  const { port } = new URL(urls.get('HTTP/2') as string);
  const socket = tcp(Number(port), '127.0.0.1');
  let closed = false;
  socket.on('close', () => {
    closed = true;
  });
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('connect', resolve));
  await until(() => {
    env.pass(1_000);
    return closed;
  }, 200_000);
  expect(closed).toBe(true);
});

test('a drawn-out body over HTTP/2 is answered 408, and the connection serves on', async () => {
  const url = urls.get('HTTP/2') as string;
  const session = http2(url, { ca: tls.cert });
  const head = { ':method': 'POST', ':path': '/mcp', 'content-type': 'application/json' };
  const accept = 'application/json, text/event-stream';
  const slow = session.request({ ...head, accept });
  slow.write('{"jsonrpc"');
  let status = 0;
  slow.on('response', (headers) => {
    status = Number(headers[':status']);
  });
  await until(() => {
    env.pass(1_000);
    return status !== 0;
  }, 200_000);
  expect(status).toBe(408);
  slow.destroy();
  const good = session.request({ ...head, accept });
  good.end(initialize());
  const answered = new Promise<number>((resolve) => {
    good.on('response', (headers) => resolve(Number(headers[':status'])));
  });
  expect(await answered).toBe(200);
  session.destroy();
});

describe.runIf(quic !== null)('over UDP', () => {
  test('a drawn-out body over HTTP/3 is answered 408', async () => {
    const { hostname, port, host } = new URL(urls.get('HTTP/3') as string);
    const library = await import('@currentspace/http3');
    const session = await library.connectAsync(
      { host: hostname, port: Number(port), servername: 'localhost' },
      { ca: tls.cert, runtimeMode: 'portable' },
    );
    const stream = session.request({
      ':method': 'POST',
      ':scheme': 'https',
      ':authority': host,
      ':path': '/mcp',
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    });
    stream.on('error', () => {});
    stream.write('{"jsonrpc"');
    let status = '';
    stream.on('response', (headers) => {
      status = String(headers[':status']);
    });
    await until(() => {
      env.pass(1_000);
      return status !== '';
    }, 200_000);
    expect(status).toBe('408');
    await session.close();
  });

  const dial = async () => {
    const { hostname, port } = new URL(urls.get('QUIC') as string);
    const line = await quic?.dialLine({
      host: hostname,
      port: Number(port),
      servername: 'localhost',
      ca: tls.cert,
      alpn: QUIC_ALPN,
      connectMs: 5_000,
      idleMs: 30_000,
    });
    if (line === undefined) throw new Error('no line');
    let closed = false;
    let text = '';
    line.input.on('data', (chunk) => {
      text += String(chunk);
    });
    line.input.on('close', () => {
      closed = true;
    });
    return { line, closed: () => closed, text: () => text };
  };

  test.each([
    ['silence', '', 1_000],
    ['a line without end', '{"jsonrpc"', 1_000],
    ['a line too long', 'x'.repeat(20_000), 0],
    ['a line that is drawn out after the handshake', `${initialize()}\n{"json`, 1_000],
  ])('%s ends a connection of QUIC', async (_, sent, ms) => {
    const { line, closed } = await dial();
    line.output.write(sent);
    await until(() => {
      env.pass(ms);
      return closed();
    }, 200_000);
    expect(closed()).toBe(true);
    line.release();
  });

  test('a stream of QUIC that is reset ends its session', async () => {
    const { line, text } = await dial();
    line.output.write(`${initialize()}\n`);
    await until(() => text().includes('"result"'), 200_000);
    const before = hosts[1]?.peers().length ?? 0;
    line.release();
    await until(() => hosts[1]?.peers().length === before - 1, 200_000);
  });

  test('another protocol than ours is refused in the handshake', async () => {
    const { hostname, port } = new URL(urls.get('QUIC') as string);
    await expect(
      quic?.dialLine({
        host: hostname,
        port: Number(port),
        servername: 'localhost',
        ca: tls.cert,
        alpn: 'h3',
        connectMs: 5_000,
        idleMs: 5_000,
      }),
    ).rejects.toThrow();
  });
});
