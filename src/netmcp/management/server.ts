import type { InspectionEvent } from 'xstate';
import { z } from 'zod';
import type { Env } from '../../../machines/ports.ts';
import {
  type Resources,
  SCOPE_ADMIN,
  SCOPE_REGISTER,
  SCOPE_REPLICATE,
  SCOPE_USE,
} from '../auth/directory.ts';
import { mayUse } from '../auth/permission.ts';
import { protection, type ResourceAuth } from '../auth/resource.ts';
import type { ClientAuth } from '../auth/token-source.ts';
import {
  ERROR_FORBIDDEN,
  METHODS,
  NOTIFICATIONS,
  syncParamsSchema,
  syncResultSchema,
} from '../schema/index.ts';
import { openSession, type Session } from '../session/client-session.ts';
import { type ListenOptions, listenMcp } from '../session/host.ts';
import { createHttpPool } from '../session/keep-alive.ts';
import { pause } from '../session/line.ts';
import { Forbidden, INVALID_PARAMS, RpcError } from '../session/rpc-error.ts';
import type {
  CallToolResult,
  Identity,
  McpPeer,
  RequestContext,
  VendorMethod,
} from '../session/server-session.ts';
import { createAdmission, openAdmission } from './admission.ts';
import { serves } from './areas.ts';
import { type Link, linkPeer } from './link.ts';
import { createOperations, toolOf } from './operations.ts';
import { createRegistry, type LeaseTimes, type Registry } from './registry.ts';

export interface ManagementOptions {
  env: Env;
  host: string;
  port: number;
  times?: Partial<LeaseTimes>;
  /** URLs of the other management servers; one of two needs to know the other, after a restart both. */
  peers?: string[];
  /** Over what it is reached; plain HTTP if nothing is said. */
  listen?: ListenOptions;
  /**
   * Who may come in, and how it comes to its peers; without it everybody on loopback is served. `resources`:
   * the authorisation server's, which learns from the registry what tokens can be asked for.
   */
  auth?: ResourceAuth & { resources?: Resources; client?: ClientAuth };
  /** Opens the session with a peer. */
  openPeer?(url: string): Session;
  /** Who may bring and read the registry as a peer; without authentication everybody. */
  mayReplicate?(context: RequestContext): boolean;
  /** Watches the lease charts. */
  inspect?(event: InspectionEvent): void;
}

export interface ManagementServer {
  url: string;
  endpoints: string[];
  /** Resolves when the client on the standard streams has gone; never without one. */
  ended: Promise<void>;
  /** Shares the registry with one more management server. Resolves after the first exchange or its failure. */
  link(url: string): Promise<boolean>;
  close(): Promise<void>;
}

const mayReplicate = ({ identity }: RequestContext) =>
  !identity.authenticated || identity.scopes.includes(SCOPE_REPLICATE);

/**
 * The management server (NetMCP 4): registry with leases, discovery, load. Everything exists as a
 * vendor method and as a plain MCP tool; a plain client polls instead of subscribing. Several share one
 * registry: each catches up from those of its peers that are there before it serves.
 * Times in ms. @throws RUNTIME_PORT_IN_USE
 */
export async function startManagementServer(options: ManagementOptions): Promise<ManagementServer> {
  const { env, auth } = options;
  const admission = auth === undefined ? openAdmission : createAdmission(env, auth.resources);
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
        ...(auth?.client && { auth: auth.client }),
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

  const operations = createOperations({
    registry,
    admission,
    times,
    restricted: auth !== undefined,
    partial: () => !caughtUp && env.clock.now() - started < times.leaseMs,
    subscribe(peer, { serverIds, serviceAreas }, identity) {
      const visible = auth === undefined ? () => true : visibleTo(identity, registry);
      const ids = new Set(serverIds);
      const all = serverIds === undefined && serviceAreas === undefined;
      subscribers.set(
        peer,
        (serverId, areas) =>
          (all || ids.has(serverId) || (serviceAreas !== undefined && serves(areas, serviceAreas))) &&
          visible(serverId),
      );
      queueMicrotask(() => tellAll(peer));
    },
  });
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
    ...(options.listen && { listen: options.listen }),
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
          methods: new Map<string, VendorMethod>([
            ...[...operations].map(([method, entry]): [string, VendorMethod] => [
              method,
              async (peer, params, context) => entry.run(peer, params, context),
            ]),
            [METHODS.sync, (_, params, context) => sync(context, params)],
          ]),
          onStream: tellAll,
          onClose: (peer) => subscribers.delete(peer),
        },
      ],
    },
    ...protection({ env, auth, name: 'netmcp-management', scopes: () => managementScopes(auth?.resources) }),
  }).catch(async (error: unknown) => {
    await closeLinks();
    throw error;
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
    link,
    async close() {
      await host.close();
      await closeLinks();
    },
  };
}

/** Of servers that somebody may not use, he is not told that they are there; of others also that they went. */
function visibleTo(identity: Identity, registry: Registry): (serverId: string) => boolean {
  const told = new Set<string>();
  return (serverId) => {
    const tools = registry.toolsOf(serverId);
    if (tools === undefined) return told.delete(serverId);
    const visible = tools.some(({ permission }) => mayUse(permission, identity));
    if (visible) told.add(serverId);
    return visible;
  };
}

/** Beside its own, the scopes of every tool: with them in its token an agent is shown those tools. */
function managementScopes(resources: Resources | undefined): string[] {
  const own = [SCOPE_USE, SCOPE_REGISTER, SCOPE_ADMIN, SCOPE_REPLICATE];
  return [...new Set([...own, ...(resources?.scopes() ?? [])])];
}
