import { z } from 'zod';
import type { Env } from '../../../machines/ports.ts';
import { type Resources, SCOPE_ADMIN, SCOPE_REGISTER, SCOPE_USE } from '../auth/directory.ts';
import { mayUse } from '../auth/permission.ts';
import { protection, type ResourceAuth } from '../auth/resource.ts';
import {
  approveParamsSchema,
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
  unapprovedResultSchema,
  updateParamsSchema,
} from '../schema/index.ts';
import { type ListenOptions, listenMcp } from '../session/host.ts';
import { Forbidden, INVALID_PARAMS, RpcError } from '../session/rpc-error.ts';
import type { CallToolResult, McpPeer, RequestContext, Tool } from '../session/server-session.ts';
import { createAdmission, openAdmission } from './admission.ts';
import { createRegistry, type LeaseTimes } from './registry.ts';

interface Operation {
  tool: string;
  title: string;
  description: string;
  readOnly: boolean;
  params: z.ZodType;
  result: z.ZodType;
  run(peer: McpPeer, params: unknown, context: RequestContext): Record<string, unknown>;
}

function operation<P, R>(definition: {
  tool: string;
  title: string;
  description: string;
  readOnly?: boolean;
  params: z.ZodType<P>;
  result: z.ZodType<R>;
  run(peer: McpPeer, params: P, context: RequestContext): R & Record<string, unknown>;
}): Operation {
  const { params, run } = definition;
  return {
    ...definition,
    readOnly: definition.readOnly ?? false,
    run(peer, raw, context) {
      const read = params.safeParse(raw ?? {});
      if (!read.success) throw new RpcError(INVALID_PARAMS, z.prettifyError(read.error));
      return run(peer, read.data, context);
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
  /**
   * Who may come in; without it everybody on loopback is served. `resources`: the authorisation server's,
   * which learns from the registry what tokens can be asked for.
   */
  auth?: ResourceAuth & { resources?: Resources };
}): Promise<{ url: string; endpoints: string[]; ended: Promise<void>; close(): Promise<void> }> {
  const { env, auth } = options;
  const admission = auth === undefined ? openAdmission : createAdmission(env, auth.resources);
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
        run(_, params, { identity }) {
          admission.admit(params, identity);
          return {
            lease: registry.register(params),
            leaseMs: times.leaseMs,
            reportEveryMs: Math.round(times.leaseMs / 3),
          };
        },
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
        run(_, { lease, ...change }, { identity }) {
          admission.own(registry.holder(lease), identity);
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
        run(_, { lease, drain }, { identity }) {
          admission.own(registry.holder(lease), identity);
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
        run(_, { lease, load, inFlight, queue, p95Ms }, { identity }) {
          admission.own(registry.holder(lease), identity);
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
        run: (_, params, { identity }) => ({
          servers: registry.discover(params, auth && ((tool) => mayUse(tool.permission, identity))),
        }),
      }),
    ],
    [
      METHODS.unapproved,
      operation({
        tool: 'servers_unapproved',
        title: 'Unapproved tool servers',
        description: 'Tool servers that asked to register and are not approved; nothing is routed to them.',
        readOnly: true,
        params: emptyResultSchema,
        result: unapprovedResultSchema,
        run: (_, __, { identity }) => ({ servers: admission.unapproved(identity) }),
      }),
    ],
    [
      METHODS.approve,
      operation({
        tool: 'servers_approve',
        title: 'Approve a tool server',
        description: 'Lets a tool server in that waits, at the endpoints that it gave.',
        params: approveParamsSchema,
        result: emptyResultSchema,
        run(_, { serverId }, { identity }) {
          admission.approve(serverId, identity);
          return {};
        },
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
          const output = entry.run(peer, request.arguments, request);
          return { content: [{ type: 'text', text: JSON.stringify(output) }], structuredContent: output };
        } catch (error) {
          if (!(error instanceof RpcError) || error instanceof Forbidden) throw error;
          return { content: [{ type: 'text', text: error.message }], isError: true };
        }
      },
      parts: [
        {
          features: ['discover', 'load', 'lifecycle'],
          methods: new Map(
            [...operations].map(([method, entry]) => [
              method,
              async (peer: McpPeer, params: unknown, context: RequestContext) =>
                entry.run(peer, params, context),
            ]),
          ),
          onStream: tellAll,
          onClose: (peer) => subscribers.delete(peer),
        },
      ],
    },
    ...protection({ env, auth, name: 'netmcp-management', scopes: () => managementScopes(auth?.resources) }),
  });
  const offerTokens = () =>
    auth?.resources?.put({
      resource: host.url,
      owner: 'netmcp-management',
      name: 'netmcp-management',
      scopes: managementScopes(auth.resources),
    });
  offerTokens();
  auth?.resources?.onChange(offerTokens);
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

/** Beside its own, the scopes of every tool: with them in its token an agent is shown those tools. */
function managementScopes(resources: Resources | undefined): string[] {
  const own = [SCOPE_USE, SCOPE_REGISTER, SCOPE_ADMIN];
  return [...new Set([...own, ...(resources?.list() ?? []).flatMap(({ scopes }) => scopes)])];
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
