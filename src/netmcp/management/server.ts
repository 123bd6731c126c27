import { z } from 'zod';
import type { Env } from '../../../machines/ports.ts';
import {
  deregisterParamsSchema,
  discoverParamsSchema,
  discoverResultSchema,
  EXTENSION,
  emptyResultSchema,
  METHODS,
  NOTIFICATIONS,
  registerParamsSchema,
  registerResultSchema,
  reportParamsSchema,
  reportResultSchema,
  subscribeParamsSchema,
  subscribeResultSchema,
  updateParamsSchema,
} from '../schema/index.ts';
import { type ListenOptions, listenMcp } from '../session/host.ts';
import { INVALID_PARAMS, RpcError } from '../session/rpc-error.ts';
import type { CallToolResult, McpPeer, Tool } from '../session/server-session.ts';
import { createRegistry, type LeaseTimes } from './registry.ts';

interface Operation {
  tool: string;
  title: string;
  description: string;
  readOnly: boolean;
  params: z.ZodType;
  result: z.ZodType;
  run(peer: McpPeer, params: unknown): Record<string, unknown>;
}

function operation<P, R>(definition: {
  tool: string;
  title: string;
  description: string;
  readOnly?: boolean;
  params: z.ZodType<P>;
  result: z.ZodType<R>;
  run(peer: McpPeer, params: P): R & Record<string, unknown>;
}): Operation {
  const { params, run } = definition;
  return {
    ...definition,
    readOnly: definition.readOnly ?? false,
    run(peer, raw) {
      const read = params.safeParse(raw ?? {});
      if (!read.success) throw new RpcError(INVALID_PARAMS, z.prettifyError(read.error));
      return run(peer, read.data);
    },
  };
}

const unknownLease = () =>
  new RpcError(INVALID_PARAMS, 'The lease is unknown or has expired: register again');

/**
 * The management server (NetMCP 4): registry with leases, discovery, load. Everything exists as a
 * vendor method and as a plain MCP tool; a plain client polls instead of subscribing.
 * Times in ms. @throws RUNTIME_PORT_IN_USE
 */
export async function startManagementServer(options: {
  env: Env;
  host: string;
  port: number;
  times?: Partial<LeaseTimes>;
  /** Over what it is reached; plain HTTP if nothing is said. */
  listen?: ListenOptions;
}): Promise<{ url: string; endpoints: string[]; ended: Promise<void>; close(): Promise<void> }> {
  const { env } = options;
  const times: LeaseTimes = { leaseMs: 15_000, graceMs: 30_000, drainMs: 30_000, ...options.times };
  /** null = all servers. */
  const subscribers = new Map<McpPeer, Set<string> | null>();
  const publish = (method: string, notice: { serverId: string }) => {
    for (const [peer, wanted] of subscribers) {
      if (wanted === null || wanted.has(notice.serverId)) peer.notify(method, { ...notice });
    }
  };
  const registry = createRegistry(env, times, {
    load: (notice) => publish(NOTIFICATIONS.load, notice),
    changed: (notice) => publish(NOTIFICATIONS.changed, notice),
  });
  const tellAll = (peer: McpPeer) => {
    const wanted = subscribers.get(peer);
    if (wanted === undefined) return;
    for (const notice of registry.notices()) {
      if (wanted === null || wanted.has(notice.serverId)) peer.notify(NOTIFICATIONS.load, { ...notice });
    }
  };

  const operations = new Map<string, Operation>([
    [
      METHODS.register,
      operation({
        tool: 'servers_register',
        title: 'Register a tool server',
        description: 'Takes a tool server into the registry and gives it a lease that its reports renew.',
        params: registerParamsSchema,
        result: registerResultSchema,
        run: (_, params) => ({
          lease: registry.register(params),
          leaseMs: times.leaseMs,
          reportEveryMs: Math.round(times.leaseMs / 3),
        }),
      }),
    ],
    [
      METHODS.update,
      operation({
        tool: 'servers_update',
        title: 'Update a tool server',
        description: 'Changes what the registry knows of a tool server.',
        params: updateParamsSchema,
        result: emptyResultSchema,
        run(_, { lease, ...change }) {
          const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
          if (!registry.update(lease, given)) throw unknownLease();
          return {};
        },
      }),
    ],
    [
      METHODS.deregister,
      operation({
        tool: 'servers_deregister',
        title: 'Deregister a tool server',
        description: 'Takes a tool server out, at once or after its calls in flight have finished (drain).',
        params: deregisterParamsSchema,
        result: emptyResultSchema,
        run(_, { lease, drain }) {
          if (!registry.send(lease, { type: drain ? 'DRAIN' : 'LEAVE' })) throw unknownLease();
          return {};
        },
      }),
    ],
    [
      METHODS.report,
      operation({
        tool: 'servers_report',
        title: 'Report load',
        description: 'Heartbeat and load of a tool server; renews its lease.',
        params: reportParamsSchema,
        result: reportResultSchema,
        run(_, { lease, load, inFlight, queue, p95Ms }) {
          if (!registry.send(lease, { type: 'REPORT', load, inFlight, queue, p95Ms })) throw unknownLease();
          const status = registry.status(lease);
          return status ?? { state: 'gone' as const, weight: 0, alternates: [] };
        },
      }),
    ],
    [
      METHODS.discover,
      operation({
        tool: 'servers_discover',
        title: 'Discover tool servers',
        description: 'Tool servers for a task, a tool, an area or categories, ranked by relevance and load.',
        readOnly: true,
        params: discoverParamsSchema,
        result: discoverResultSchema,
        run: (_, params) => ({ servers: registry.discover(params) }),
      }),
    ],
    [
      METHODS.subscribe,
      operation({
        tool: 'servers_subscribe',
        title: 'Subscribe to load',
        description: 'Notifications of load and change of tool servers over the stream of this session.',
        params: subscribeParamsSchema,
        result: subscribeResultSchema,
        run(peer, { serverIds }) {
          subscribers.set(peer, serverIds === undefined ? null : new Set(serverIds));
          queueMicrotask(() => tellAll(peer));
          return { subscribed: true };
        },
      }),
    ],
  ]);
  const byTool = new Map([...operations.values()].map((entry) => [entry.tool, entry]));
  const tools = [...operations.values()].map(toolOf);

  const host = await listenMcp({
    env,
    host: options.host,
    port: options.port,
    ...(options.listen && { listen: options.listen }),
    side: {
      name: 'netmcp-management',
      instructions:
        'Registry of tool servers of the network: discover a server for a task, then call its tools.',
      listTools: () => tools,
      async callTool(peer, request): Promise<CallToolResult> {
        const entry = byTool.get(request.name);
        if (entry === undefined)
          throw new RpcError(INVALID_PARAMS, `Unknown tool: ${request.name.slice(0, 128)}`);
        try {
          const output = entry.run(peer, request.arguments);
          return { content: [{ type: 'text', text: JSON.stringify(output) }], structuredContent: output };
        } catch (error) {
          if (!(error instanceof RpcError)) throw error;
          return { content: [{ type: 'text', text: error.message }], isError: true };
        }
      },
      parts: [
        {
          features: ['discover', 'load', 'lifecycle'],
          methods: new Map(
            [...operations].map(([method, entry]) => [
              method,
              async (peer: McpPeer, params: unknown) => entry.run(peer, params),
            ]),
          ),
          onStream: tellAll,
          onClose: (peer) => subscribers.delete(peer),
        },
      ],
    },
  });
  return {
    url: host.url,
    endpoints: host.endpoints,
    ended: host.ended,
    async close() {
      await host.close();
      registry.close();
    },
  };
}

function toolOf(entry: Operation): Tool {
  const schema = (type: z.ZodType, io: 'input' | 'output') => {
    const { $schema: _, ...json } = z.toJSONSchema(type, { io });
    return json as Tool['inputSchema'];
  };
  return {
    name: entry.tool,
    title: entry.title,
    description: entry.description,
    inputSchema: schema(entry.params, 'input'),
    outputSchema: schema(entry.result, 'output'),
    annotations: { readOnlyHint: entry.readOnly, destructiveHint: false, openWorldHint: false },
    _meta: { [EXTENSION]: { category: 'management' } },
  };
}
