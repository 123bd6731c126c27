import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus } from 'node:os';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { connectPlain, startManagementServer, startToolServer } from '../../src/netmcp/index.ts';
import { tool } from '../../src/netmcp/tools/types.ts';
import { createEnv } from '../../src/runtime/env.ts';
import { interleaved, median, type Subject } from './bus/load.ts';

/**
 * `npm run bench:netmcp-call`: tools/call through a NetMCP tool server (verification, invocation chain,
 * trace, idempotency on) by our client, against a bare SDK server by the SDK's client, both over Streamable
 * HTTP with sessions and JSON answers, interleaved in one run.
 */
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const MS = Number(process.env.MS ?? 1_000);
const print = (line: string) => process.stdout.write(`${line}\n`);
type Closing = Subject & { close(): Promise<void> };

const input = z.strictObject({
  supi: z.string().regex(/^imsi-[0-9]{5,15}$/),
  ratio: z.number().min(0).max(100),
});
const args = { supi: 'imsi-001010000000001', ratio: 20 };
const answer = { policyId: 'p-1', accepted: true };

/** A tool with one SBI request behind it, answered at once: what is measured is the protocol. */
const reserve = tool({
  name: 'bench_reserve',
  title: 'Reserve resource blocks',
  description: 'Reserves a share of the resource blocks of a cell for a subscriber.',
  category: 'policy',
  kind: 'resource management',
  labels: ['reservation'],
  effects: 'reversible',
  constraints: [{ rule: 'args.ratio <= 60.0', message: 'at most 60 percent of a cell' }],
  nf: [{ type: 'GNB', operations: ['putPolicy'] }],
  input,
  output: z.object({ policyId: z.string(), accepted: z.boolean() }),
  async execute(_, { sbi }) {
    await sbi({ nf: 'GNB', operation: 'putPolicy', method: 'PUT', path: '/a1-p/v2/policies/p-1' });
    return answer;
  },
});

async function ours(name: string, bare = false): Promise<Closing> {
  const env = createEnv({ level: 'error' });
  const management = await startManagementServer({ env, host: '127.0.0.1', port: 0 });
  const server = await startToolServer({
    env,
    host: '127.0.0.1',
    port: 0,
    id: 'bench-tools',
    management: management.url,
    nrf: {
      request: async () => ({ status: 200, body: {}, location: null }),
      close: async () => {},
    },
    tools: [reserve],
    limits: { parallel: 1_024, queue: 1_024 },
  });
  const client = await connectPlain({ env, target: server.url });
  return {
    name,
    async ask() {
      const outcome = await client.callTool(
        'bench_reserve',
        args,
        bare
          ? {}
          : {
              idempotencyKey: randomUUID(),
              traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
            },
      );
      if (outcome.isError) throw new Error(outcome.text);
    },
    async close() {
      await client.close();
      await server.close();
      await management.close();
    },
  };
}

/** The SDK alone on both sides. */
async function sdk(name: string): Promise<Closing> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const http = createServer(async (request, response) => {
    const id = request.headers['mcp-session-id'];
    const known = typeof id === 'string' ? sessions.get(id) : undefined;
    if (known !== undefined) return known.handleRequest(request, response);
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      enableJsonResponse: true,
      onsessioninitialized: (session) => void sessions.set(session, transport),
    });
    const server = new Server({ name: 'bare', version: '1' }, { capabilities: { tools: {} } });
    const { $schema: _, ...inputSchema } = z.toJSONSchema(input);
    server.setRequestHandler(ListToolsRequestSchema, () => ({
      tools: [{ name: 'bench_reserve', inputSchema: inputSchema as { type: 'object' } }],
    }));
    server.setRequestHandler(CallToolRequestSchema, async () => ({
      content: [{ type: 'text', text: JSON.stringify(answer) }],
      structuredContent: answer,
    }));
    await server.connect(transport);
    return transport.handleRequest(request, response);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', () => resolve()));
  const client = new Client({ name: 'bare', version: '1' });
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return {
    name,
    ask: () => client.callTool({ name: 'bench_reserve', arguments: args }),
    async close() {
      await client.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

const OURS = 'NetMCP: verified, traced, idempotent';
const SDK = 'bare SDK server and client';
const subjects = [await ours(OURS), await ours('NetMCP: without key and trace', true), await sdk(SDK)];
print(`${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`);
const goals = [];
for (const inFlight of [1, 16, 64]) {
  const result = await interleaved(subjects, inFlight, { rounds: ROUNDS, ms: MS });
  print(`\n${String(inFlight).padEnd(3)} in flight                           per s     p50 ms     p99 ms`);
  for (const [name, { rate, p50, p99 }] of result) {
    print(
      `${name.padEnd(38)} ${rate.toFixed(0).padStart(8)} ${p50.toFixed(2).padStart(10)} ${p99.toFixed(2).padStart(10)}`,
    );
  }
  const rates = (name: string) => result.get(name)?.rates ?? [];
  const value = median(rates(OURS).map((rate, round) => rate / (rates(SDK)[round] ?? Number.NaN)));
  goals.push({
    name: `tools/call to a bare SDK pair, ${inFlight} in flight`,
    value: Number(value.toFixed(2)),
    unit: 'ratio',
    goal: '>= 1',
    ok: value >= 1,
  });
}
for (const subject of subjects) await subject.close();
print(JSON.stringify({ bench: 'netmcp-call', goals }));
process.exit(0);
