import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, expect, test } from 'vitest';
import { type Agreement, negotiationMachine } from '../../machines/protocols/negotiation.machine.ts';
import { connectPlain, startManagementServer } from '../../src/netmcp/index.ts';
import { EXTENSION } from '../../src/netmcp/schema/index.ts';
import { openSession } from '../../src/netmcp/session/client-session.ts';
import { createHttpPool } from '../../src/netmcp/session/keep-alive.ts';
import { type ServerSide, serveSession } from '../../src/netmcp/session/server-session.ts';
import { coverageOf, type ModelStep, modelPaths } from '../../src/testing/index.ts';
import { testEnv, until } from './support/env.ts';

const closers: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const side: ServerSide = {
  name: 'subject',
  instructions: '',
  parts: [
    {
      features: ['load', 'trace'],
      methods: new Map([['netmcp/servers/report', async () => ({ took: true })]]),
    },
  ],
  listTools: () => [],
  callTool: async () => ({ content: [{ type: 'text', text: 'called' }] }),
};
const ours = { version: '1.0', versions: ['1.0'], features: ['load', 'trace'] };
const offers: unknown[] = [
  { version: '1.0', features: ['load', 'route'] },
  { version: '2.0', versions: ['2.0', '1.0'], features: ['trace'] },
  { version: '2.0', versions: ['3.0'], features: ['load'] },
  { version: '0.9', features: [] },
  { features: ['load'] },
  { version: 7 },
  { version: '1.0', features: 'load' },
  { version: 'x'.repeat(1_000), features: [] },
  undefined,
];

/** A server of ours on a line where a test says every message itself. */
async function subject(inspect?: (event: never) => void) {
  const env = testEnv();
  const [line, serverLine] = InMemoryTransport.createLinkedPair();
  const answers: Array<{ id?: number; result?: Record<string, unknown>; error?: Record<string, unknown> }> =
    [];
  line.onmessage = (message) => void answers.push(message as (typeof answers)[number]);
  const peer = await serveSession({
    env,
    side,
    transport: serverLine,
    ...(inspect && { inspect: inspect as never }),
  });
  await line.start();
  closers.push(() => line.close());
  let ids = 0;
  const ask = async (method: string, params: object) => {
    ids += 1;
    const id = ids;
    await line.send({ jsonrpc: '2.0', id, method, params } as JSONRPCMessage);
    return until(() => answers.find((one) => one.id === id));
  };
  const initialize = (offered: unknown) =>
    ask('initialize', {
      protocolVersion: '2025-11-25',
      clientInfo: { name: 'model', version: '1' },
      capabilities: offered === undefined ? {} : { extensions: { [EXTENSION]: offered } },
    });
  return { env, peer, ask, initialize, end: () => line.close() };
}

test('every path of the negotiation chart, driven over the wire at a server and a client: all transitions', async () => {
  const coverage = coverageOf(negotiationMachine);
  const paths = modelPaths(negotiationMachine, {
    input: { ours },
    events: [...offers.map((peer) => ({ type: 'PEER_SPOKE', peer })), { type: 'ABANDON' }, { type: 'EARLY' }],
    effects: {},
  });
  expect(paths.length).toBeGreaterThanOrEqual(offers.length + 3);
  for (const path of paths) {
    const { env, peer, ask, initialize, end } = await subject(coverage.inspect);
    for (const { event, value, context } of path) {
      const { agreement } = context as { agreement: Agreement };
      if (event.type === 'PEER_SPOKE') {
        const { result = {} } = await initialize((event as ModelStep['event'] & { peer: unknown }).peer);
        const { extensions } = result.capabilities as {
          extensions: Record<string, Record<string, unknown>>;
        };
        if (value === 'netmcp') expect(extensions[EXTENSION]?.version).toBe(agreement.version);
        else if ((event as { peer?: unknown }).peer !== undefined)
          expect(extensions[EXTENSION]).toMatchObject({ features: [], reason: agreement.reason });
      } else if (event.type === 'ABANDON') await end();
      else if (event.type.startsWith('xstate.after.')) env.pass(10_000);
      else expect(await ask('tools/list', {})).toMatchObject({ result: { tools: [] } });
      if (value === 'netmcp' || value === 'mcp') expect(peer.agreement).toEqual(agreement);
      else expect(peer.agreement.mode).toBe('mcp');
    }
  }
  // The client's side hears the answer before it begins.
  const env = testEnv();
  const management = await startManagementServer({ env, host: '127.0.0.1', port: 0 });
  closers.push(management.close);
  const pool = createHttpPool(2);
  closers.push(pool.close);
  const session = openSession({
    env,
    agentId: 'model',
    serverId: 's',
    target: { url: management.url },
    pool,
    inspect: coverage.inspect,
  });
  closers.push(session.close);
  expect(await session.ready()).toMatchObject({ mode: 'netmcp', version: '1.0' });
  expect(coverage.uncovered()).toEqual([]);
});

test('a client that begins late is heard all the same', async () => {
  const { env, peer, initialize } = await subject();
  env.pass(10_000);
  expect(peer.agreement).toMatchObject({ mode: 'mcp', reason: 'the peer did not answer in time' });
  await initialize({ version: '1.0', features: ['load'] });
  expect(peer.agreement).toMatchObject({ mode: 'netmcp', features: ['load'] });
});

test('versions that do not match: the server names its own, and its log says that it fell back', async () => {
  const { env, peer, initialize } = await subject();
  const { result } = await initialize({ version: '9.0', versions: ['9.0', '8.0'], features: ['load'] });
  expect(result?.capabilities).toMatchObject({
    extensions: {
      [EXTENSION]: {
        versions: ['1.0'],
        features: [],
        reason: "no common NetMCP version: ours 1.0, the peer's 9.0, 8.0",
      },
    },
  });
  expect(peer.agreement.mode).toBe('mcp');
  expect(env.lines.some(({ message }) => message === 'fell back to plain MCP')).toBe(true);
});

/** A server of someone else, that answers our offer as it likes. */
async function stranger(answer: Record<string, unknown> | undefined) {
  const { createServer } = await import('node:http');
  const { StreamableHTTPServerTransport } = await import(
    '@modelcontextprotocol/sdk/server/streamableHttp.js'
  );
  const server = new Server(
    { name: 'stranger', version: '1' },
    { capabilities: { tools: {}, ...(answer && { extensions: { [EXTENSION]: answer } }) } },
  );
  const seen: string[] = [];
  server.fallbackRequestHandler = async ({ method }) => {
    seen.push(method);
    return {};
  };
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => 'one',
    enableJsonResponse: true,
  });
  await server.connect(transport as never);
  const http = createServer((request, response) => void transport.handleRequest(request, response));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', () => resolve()));
  closers.push(async () => {
    await server.close();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });
  const { port } = http.address() as { port: number };
  return { url: `http://127.0.0.1:${port}/mcp`, seen };
}

test.each([
  [{ version: '2.0', versions: ['2.0'], features: ['load'] }, 'no common NetMCP version'],
  [{ version: '1.0', features: 3 }, 'malformed NetMCP offer'],
  [{ versions: {}, features: [] }, 'malformed NetMCP offer'],
  [undefined, 'plain MCP'],
])('a server that answers %j is spoken to in plain MCP, and the reason is said', async (answer, reason) => {
  const env = testEnv();
  const { url, seen } = await stranger(answer);
  const client = await connectPlain({ env, target: url });
  closers.push(client.close);
  expect(client.agreement).toMatchObject({ mode: 'mcp', reason: expect.stringContaining(reason) });
  const fellBack = env.lines.some(({ message }) => message === 'fell back to plain MCP');
  expect(fellBack).toBe(answer !== undefined);
  await expect(client.request('netmcp/servers/report', {})).rejects.toMatchObject({
    code: 'NETMCP_NO_FEATURE',
  });
  expect(seen).toEqual([]);
});

test('of features only what both named is used, and nothing else is sent', async () => {
  const { url, seen } = await stranger({ version: '1.0', features: ['load', 'telepathy'] });
  const client = await connectPlain({
    env: testEnv(),
    target: url,
    offer: { version: '1.0', features: ['load', 'route'] },
  });
  closers.push(client.close);
  expect(client.agreement).toMatchObject({ mode: 'netmcp', features: ['load'] });
  await client.request('netmcp/servers/report', {});
  for (const method of ['netmcp/route/call', 'netmcp/telepathy/send', 'netmcp/context/get'])
    await expect(client.request(method, {})).rejects.toMatchObject({ code: 'NETMCP_NO_FEATURE' });
  expect(seen).toEqual(['netmcp/servers/report']);
});

test('a server refuses a vendor method of a feature that the client did not name', async () => {
  const { ask, initialize } = await subject();
  await initialize({ version: '1.0', features: ['trace'] });
  expect(await ask('netmcp/servers/report', {})).toMatchObject({
    error: { code: -32601, message: expect.stringContaining('load was not negotiated') },
  });
});

test('a request may carry its own version and features, and one that is not spoken here is refused', async () => {
  const { ask, initialize } = await subject();
  await initialize(undefined);
  const meta = (entry: object) => ({ _meta: { [EXTENSION]: entry } });
  expect(await ask('netmcp/servers/report', {})).toMatchObject({ error: { code: -32601 } });
  expect(await ask('netmcp/servers/report', meta({ version: '1.0', features: ['load'] }))).toMatchObject({
    result: { took: true },
  });
  expect(await ask('netmcp/servers/report', meta({ version: '1.0', features: ['trace'] }))).toMatchObject({
    error: { code: -32601 },
  });
  for (const [method, params] of [
    ['netmcp/servers/report', {}],
    ['tools/call', { name: 'x' }],
  ] as const)
    expect(await ask(method, { ...params, ...meta({ version: '9.0', idempotencyKey: 'k' }) })).toMatchObject({
      error: { code: -32602, data: { supported: ['1.0'], requested: '9.0' } },
    });
  expect(await ask('tools/call', { name: 'x', ...meta({ version: '1.0' }) })).toMatchObject({
    result: { content: [{ text: 'called' }] },
  });
});

test('a plain client and a plain server never meet a word of ours', async () => {
  const { url } = await stranger(undefined);
  const client = new Client({ name: 'plain', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  closers.push(() => client.close());
  expect(client.getServerCapabilities()).toEqual({ tools: {} });
  const env = testEnv();
  const management = await startManagementServer({ env, host: '127.0.0.1', port: 0 });
  closers.push(management.close);
  const plain = new Client({ name: 'plain', version: '1' });
  await plain.connect(new StreamableHTTPClientTransport(new URL(management.url)));
  closers.push(() => plain.close());
  expect((await plain.listTools()).tools.map(({ name }) => name)).toContain('servers_discover');
});
