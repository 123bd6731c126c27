import type { InspectionEvent } from 'xstate';
import { z } from 'zod';
import type { Env } from '../../../machines/ports.ts';
import {
  deregisterParamsSchema,
  discoverParamsSchema,
  discoverResultSchema,
  ERROR_FORBIDDEN,
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
  syncParamsSchema,
  syncResultSchema,
  updateParamsSchema,
} from '../schema/index.ts';
import { openSession, type Session } from '../session/client-session.ts';
import { listenMcp } from '../session/host.ts';
import { createHttpPool } from '../session/keep-alive.ts';
import { pause } from '../session/line.ts';
import { INVALID_PARAMS, RpcError } from '../session/rpc-error.ts';
import type {
  CallToolResult,
  McpPeer,
  RequestContext,
  Tool,
  VendorMethod,
} from '../session/server-session.ts';
import { serves } from './areas.ts';
import { type Link, linkPeer } from './link.ts';
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
  /** Told of params that could not be read. */
  malformed?(raw: unknown): void;
}): Operation {
  const { params, run } = definition;
  return {
    ...definition,
    readOnly: definition.readOnly ?? false,
    run(peer, raw) {
      const read = params.safeParse(raw ?? {});
      if (!read.success) {
        definition.malformed?.(raw);
        throw new RpcError(INVALID_PARAMS, z.prettifyError(read.error));
      }
      return run(peer, read.data);
    },
  };
}

const leaseSchema = z.object({ lease: z.string() });

const unknownLease = () =>
  new RpcError(INVALID_PARAMS, 'The lease is unknown or has expired: register again');

export interface ManagementOptions {
  env: Env;
  host: string;
  port: number;
  times?: Partial<LeaseTimes>;
  /** URLs of the other management servers; one of two needs to know the other, after a restart both. */
  peers?: string[];
  /** Opens the session with a peer. */
  openPeer?(url: string): Session;
  /** Who may bring and read the registry as a peer; without authentication everybody. */
  mayReplicate?(context: RequestContext): boolean;
  /** Watches the lease charts. */
  inspect?(event: InspectionEvent): void;
}

export interface ManagementServer {
  url: string;
  /** Shares the registry with one more management server. Resolves after the first exchange or its failure. */
  link(url: string): Promise<boolean>;
  close(): Promise<void>;
}

const mayReplicate = ({ identity }: RequestContext) =>
  !identity.authenticated || identity.scopes.includes('netmcp:replicate');

/**
 * The management server (NetMCP 4): registry with leases, discovery, load. Everything exists as a
 * vendor method and as a plain MCP tool; a plain client polls instead of subscribing. Several share one
 * registry: each catches up from those of its peers that are there before it serves.
 * Times in ms. @throws RUNTIME_PORT_IN_USE
 */
export async function startManagementServer(options: ManagementOptions): Promise<ManagementServer> {
  const { env } = options;
  const times: LeaseTimes = { leaseMs: 15_000, graceMs: 30_000, drainMs: 30_000, ...options.times };
  const allowed = options.mayReplicate ?? mayReplicate;
  const id = env.ids.uuid();
  const started = env.clock.now();
  const subscribers = new Map<McpPeer, (serverId: string, areas: readonly string[]) => boolean>();
  const publish = (method: string, notice: { serverId: string }, areas: readonly string[]) => {
    for (const [peer, wants] of subscribers) {
      if (wants(notice.serverId, areas)) peer.notify(method, { ...notice });
    }
  };
  const registry = createRegistry(
    env,
    times,
    {
      load: (notice, areas) => publish(NOTIFICATIONS.load, notice, areas),
      changed: (notice, areas) => publish(NOTIFICATIONS.changed, notice, areas),
    },
    options.inspect,
  );
  const tellAll = (peer: McpPeer) => {
    const wants = subscribers.get(peer);
    if (wants === undefined) return;
    for (const notice of registry.notices()) {
      if (wants(notice.serverId, registry.areasOf(notice.serverId)))
        peer.notify(NOTIFICATIONS.load, { ...notice });
    }
  };

  const pool = createHttpPool();
  const openPeer =
    options.openPeer ??
    ((url) =>
      openSession({
        env,
        agentId: `management ${id}`,
        serverId: url,
        target: { url },
        pool,
        maxAttempts: 1,
      }));
  const links = new Map<string, Link>();
  let caughtUp = false;
  async function link(url: string): Promise<boolean> {
    const known = links.get(url) ?? linkPeer({ env, registry, from: id, open: () => openPeer(url) });
    links.set(url, known);
    const came = await known.first;
    caughtUp ||= came;
    return came;
  }
  await Promise.all((options.peers ?? []).map(link));

  async function sync(context: RequestContext, raw: unknown): Promise<Record<string, unknown>> {
    if (!allowed(context)) throw new RpcError(ERROR_FORBIDDEN, 'Only management servers share the registry');
    const read = syncParamsSchema.safeParse(raw ?? {});
    if (!read.success) throw new RpcError(INVALID_PARAMS, z.prettifyError(read.error));
    const { known, page, waitMs } = read.data;
    registry.merge(page);
    caughtUp ||= page.records.length > 0;
    if (waitMs > 0 && registry.replica.since(known).records.length === 0) {
      const news = new AbortController();
      const unhook = registry.replica.onWrite(() => news.abort());
      await pause(env, waitMs, AbortSignal.any([news.signal, context.signal]));
      unhook();
    }
    const answer = { from: id, page: registry.replica.since(known), known: registry.replica.vector() };
    return syncResultSchema.parse(answer);
  }

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
          if (!registry.leave(lease, drain)) throw unknownLease();
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
        malformed(raw) {
          const lease = leaseSchema.safeParse(raw);
          if (lease.success) registry.malformed(lease.data.lease);
        },
        run(_, report) {
          if (!registry.report(report)) throw unknownLease();
          const status = registry.status(report.lease);
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
        run: (_, params) => ({
          servers: registry.discover(params),
          partial: !caughtUp && env.clock.now() - started < times.leaseMs,
        }),
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
        run(peer, { serverIds, serviceAreas }) {
          const ids = new Set(serverIds);
          const all = serverIds === undefined && serviceAreas === undefined;
          subscribers.set(
            peer,
            (serverId, areas) =>
              all || ids.has(serverId) || (serviceAreas !== undefined && serves(areas, serviceAreas)),
          );
          queueMicrotask(() => tellAll(peer));
          return { subscribed: true };
        },
      }),
    ],
  ]);
  const byTool = new Map([...operations.values()].map((entry) => [entry.tool, entry]));
  const tools = [...operations.values()].map(toolOf);

  const closeLinks = async () => {
    await Promise.all([...links.values()].map((one) => one.close()));
    await pool.close();
    registry.close();
  };
  const host = await listenMcp({
    env,
    host: options.host,
    port: options.port,
    // A page of the registry, and one registration on top.
    maxBody: 4 * 1_048_576,
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
          methods: new Map<string, VendorMethod>([
            ...[...operations].map(([method, entry]): [string, VendorMethod] => [
              method,
              async (peer, params) => entry.run(peer, params),
            ]),
            [METHODS.sync, (_, params, context) => sync(context, params)],
          ]),
          onStream: tellAll,
          onClose: (peer) => subscribers.delete(peer),
        },
      ],
    },
  }).catch(async (error: unknown) => {
    await closeLinks();
    throw error;
  });
  return {
    url: host.url,
    link,
    async close() {
      await host.close();
      await closeLinks();
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
