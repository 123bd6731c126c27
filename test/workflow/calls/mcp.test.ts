import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type NetMcpClient, startToolServer, toolsOf } from '../../../src/netmcp/index.ts';
import { mcpPort } from '../../../src/runtime/workflows/mcp-port.ts';
import { createCalls } from '../../../src/workflow/calls/index.ts';
import { testEnv as netmcpEnv } from '../../netmcp/support/env.ts';
import { fakeSbi, ok } from '../../netmcp/support/tools.ts';
import { callContext, faultOf, json, PATIENCE, serve, settableEnv, type TestServer } from './kit.ts';

const EVERYTHING = 'node_modules/@modelcontextprotocol/server-everything/dist/index.js';
let server: TestServer;
const asked: Array<{ method: string; params: Record<string, unknown> }> = [];

beforeAll(async () => {
  server = await serve(async ({ body, headers, method }, response, request) => {
    if (headers.authorization !== 'Bearer t0ken') {
      json(response, {}, 401);
      return;
    }
    if (method !== 'POST') {
      response.writeHead(405).end();
      return;
    }
    const message = JSON.parse(body);
    asked.push(message);
    const mcp = new McpServer({ name: 'test', version: '1.0.0' });
    mcp.registerTool('add', { inputSchema: { a: z.number(), b: z.number() } }, ({ a, b }) => ({
      content: [{ type: 'text', text: String(a + b) }],
      structuredContent: { sum: a + b },
    }));
    mcp.registerTool('fails', {}, () => ({ content: [{ type: 'text', text: 'no cell' }], isError: true }));
    mcp.registerTool('never', {}, () => new Promise(() => {}));
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    response.on('close', () => void mcp.close());
    await mcp.connect(transport as never);
    await transport.handleRequest(request, response, message);
  });
});
afterAll(() => server.close());

const call = (args: Record<string, unknown>, context = callContext(), policy = {}, netmcp?: NetMcpClient) =>
  createCalls({
    env: settableEnv(),
    policy: { allow: ['127.0.0.1'], commands: [process.execPath], ...policy },
    mcp: mcpPort({ env: settableEnv(), ...(netmcp && { netmcp: async () => netmcp }) }),
  }).mcp(args, context);
const overHttp = (args: Record<string, unknown>, context = callContext()) =>
  call(
    {
      transport: {
        http: {
          endpoint: { uri: server.url, authentication: { bearer: { token: 't0ken' } } },
          headers: { 'x-area': 'north' },
        },
      },
      ...args,
    },
    context,
  );
const stdio = { stdio: { command: process.execPath, arguments: [EVERYTHING, 'stdio'] } };

describe('over HTTP', () => {
  test('a tool is called as the client and by the version that the document names', async () => {
    const client = { name: 'flow', version: '2.0.0' };
    const parameters = { name: 'add', arguments: { a: 1, b: 2 } };
    asked.length = 0;
    expect(await overHttp({ method: 'tools/call', parameters, client })).toEqual({
      content: [{ type: 'text', text: '3' }],
      structuredContent: { sum: 3 },
    });
    expect(asked[0]).toMatchObject({
      method: 'initialize',
      params: { protocolVersion: '2025-06-18', clientInfo: client },
    });
    expect(server.seen.at(-1)?.headers['x-area']).toBe('north');
  });

  test('what a tool or the server refuses is an error of run time', async () => {
    expect(await faultOf(overHttp({ method: 'tools/call', parameters: { name: 'fails' } }))).toEqual({
      kind: 'runtime',
      status: 500,
      title: 'The tool fails failed',
      detail: 'no cell',
    });
    expect(await faultOf(overHttp({ method: 'prompts/get', parameters: { name: 'x' } }))).toMatchObject({
      kind: 'runtime',
      detail: expect.stringContaining('Method not found'),
    });
  });

  test('a server that does not answer, does not let in, or may not be called', async () => {
    const never = { method: 'tools/call', parameters: { name: 'never' } };
    expect(await faultOf(overHttp({ ...never, timeout: { milliseconds: 300 } }))).toMatchObject({
      kind: 'communication',
      status: 504,
    });
    const controller = new AbortController();
    const left = overHttp(never, callContext({ signal: controller.signal }));
    left.catch(() => {});
    const before = asked.length;
    await expect.poll(() => asked.length - before, PATIENCE).toBeGreaterThanOrEqual(2);
    controller.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    const outside = { method: 'tools/list', transport: { http: { endpoint: server.url } } };
    expect(await faultOf(call(outside))).toMatchObject({ kind: 'communication' });
    expect(await faultOf(call(outside, callContext(), { allow: [] }))).toMatchObject({
      kind: 'authorization',
      status: 403,
      detail: expect.stringContaining(`127.0.0.1:${server.port}`),
    });
  });
});

describe('over standard streams', () => {
  test('lists and reads as the server gives it', async () => {
    const tools = (await call({ method: 'tools/list', transport: stdio })) as {
      tools: Array<{ name: string }>;
    };
    expect(tools.tools.map(({ name }) => name)).toContain('echo');
    const echoed = await call({
      method: 'tools/call',
      parameters: { name: 'echo', arguments: { message: 'hello' } },
      transport: stdio,
    });
    expect(echoed).toEqual({ content: [{ type: 'text', text: 'Echo: hello' }] });
  });

  test('only programs of the list are started', async () => {
    expect(
      await faultOf(call({ method: 'tools/list', transport: stdio }, callContext(), { commands: [] })),
    ).toEqual({
      kind: 'authorization',
      status: 403,
      title: `The policy does not allow the program ${process.execPath}`,
      detail: `To allow it, add "${process.execPath}" to the commands of the call policy.`,
    });
    const missing = { stdio: { command: '/no/such/program' } };
    expect(
      await faultOf(
        call({ method: 'tools/list', transport: missing }, callContext(), { commands: ['/no/such/program'] }),
      ),
    ).toMatchObject({ kind: 'communication', status: 503 });
  });
});

test('a server that speaks NetMCP is given the key of the step, and does its work once', async () => {
  const sbi = fakeSbi(() => ok({}));
  const tools = await startToolServer({
    env: netmcpEnv(),
    host: '127.0.0.1',
    port: 0,
    id: 'ran-tools',
    nrf: sbi.port,
    tools: toolsOf('ran').filter(({ name }) => name === 'ran_release_prbs'),
  });
  try {
    const args = {
      method: 'tools/call',
      parameters: { name: 'ran_release_prbs', arguments: { policyId: 'p1' } },
      transport: { http: { endpoint: tools.url } },
    };
    const first = await call(args);
    expect(first).toMatchObject({ structuredContent: { released: true } });
    const sent = sbi.requests.length;
    expect(await call(args)).toMatchObject({ structuredContent: { released: true } });
    expect(sbi.requests.length).toBe(sent);
    await call(args, callContext({ idempotencyKey: 'another' }));
    expect(sbi.requests.length).toBeGreaterThan(sent);
  } finally {
    await tools.close();
  }
});

test('the tool servers of the network are called by name, with the key of the step', async () => {
  const seen: unknown[] = [];
  const netmcp = {
    callTool: async (name: string, args: unknown, { idempotencyKey }: { idempotencyKey: string }) => {
      seen.push([name, args, idempotencyKey]);
      return { output: { region: 'north' }, isError: false, text: '{}', server: 's', chain: [] };
    },
  } as unknown as NetMcpClient;
  const args = {
    method: 'tools/call',
    parameters: { name: 'core_locate_ue', arguments: { supi: 'x' } },
    transport: { http: { endpoint: 'netmcp://anchor' } },
  };
  expect(await call(args, callContext(), {}, netmcp)).toMatchObject({
    structuredContent: { region: 'north' },
  });
  expect(seen).toEqual([['core_locate_ue', { supi: 'x' }, 'instance-1/do/0/call/1']]);
  expect(await faultOf(call(args))).toMatchObject({ kind: 'configuration' });
});
