import { z } from 'zod';
import {
  type AnchorSettings,
  type ContextStore,
  connectNetMcp,
  memoryContextStore,
  type NfTool,
  startManagementServer,
  startToolServer,
  type ToolServer,
  type ToolServerOptions,
} from '../../../src/netmcp/index.ts';
import type { SbiRequest, SbiResponse } from '../../../src/netmcp/tools/types.ts';
import { tool } from '../../../src/netmcp/tools/types.ts';
import { type TestEnv, testEnv } from './env.ts';
import { fakeSbi, ok } from './tools.ts';

/** A tool that adds one thing to the network, and must not do so twice. */
export function adder(name: string): NfTool {
  return tool({
    name,
    title: `Add to ${name}`,
    description: `Adds a thing by ${name}.`,
    category: 'policy',
    kind: 'resource management',
    labels: ['thing'],
    effects: 'reversible',
    nf: [{ type: 'PCF', operations: [name] }],
    input: z.strictObject({ value: z.number().max(1_000), to: z.string().max(64).optional() }),
    output: z.object({ thing: z.string(), value: z.number() }),
    async execute({ value, to }, { sbi }) {
      await sbi({ nf: 'PCF', operation: name, method: 'POST', path: `/things/${name}`, body: { value, to } });
      return { thing: name, value };
    },
  });
}

export function reader(name: string): NfTool {
  return tool({
    name,
    title: `Read ${name}`,
    description: `Reads ${name}.`,
    category: 'sensing',
    kind: 'status perception',
    labels: ['status'],
    effects: 'read',
    nf: [{ type: 'PCF', operations: [name] }],
    input: z.strictObject({}),
    output: z.object({ value: z.number() }),
    async execute(_, { sbi }) {
      const answer = await sbi({ nf: 'PCF', operation: name, method: 'GET', path: `/things/${name}` });
      return z.object({ value: z.number() }).parse(answer.body);
    },
  });
}

export interface AnchorWorld {
  env: TestEnv;
  management: string;
  requests: SbiRequest[];
  store: ContextStore;
  server(
    id: string,
    tools: NfTool[],
    anchor?: AnchorSettings | false,
    more?: Partial<ToolServerOptions>,
  ): Promise<ToolServer>;
  client(agentId?: string): Promise<Awaited<ReturnType<typeof connectNetMcp>>>;
  /** How often each operation reached the network. */
  count(operation: string): number;
}

/** A management server, and tool servers of one network that share a context store. */
export async function anchorWorld(
  closers: Array<() => Promise<void>>,
  answer: (request: SbiRequest, signal: AbortSignal) => SbiResponse | Promise<SbiResponse> = () =>
    ok({ value: 7 }),
): Promise<AnchorWorld> {
  const env = testEnv();
  const host = '127.0.0.1';
  const store = memoryContextStore();
  const sbi = fakeSbi(answer);
  const management = await startManagementServer({ env, host, port: 0 });
  closers.push(management.close);
  return {
    env,
    management: management.url,
    requests: sbi.requests,
    store,
    async server(id, tools, anchor = {}, more = {}) {
      const server = await startToolServer({
        env,
        host,
        port: 0,
        id,
        management: management.url,
        nrf: sbi.port,
        tools,
        anchor: anchor === false ? false : { contexts: store, ...anchor },
        ...more,
      });
      closers.push(server.close);
      return server;
    },
    async client(agentId = 'netagent/test') {
      const client = await connectNetMcp({ env, agentId, management: management.url });
      closers.push(client.close);
      return client;
    },
    count: (operation) => sbi.requests.filter((request) => request.operation === operation).length,
  };
}
