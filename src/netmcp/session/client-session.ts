import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  type CallToolResult,
  CallToolResultSchema,
  ListToolsResultSchema,
  type Progress,
  ResultSchema,
  type Tool,
} from '@modelcontextprotocol/sdk/types.js';
import { createActor, fromPromise, type SnapshotFrom, waitFor } from 'xstate';
import type { z } from 'zod';
import type { Env } from '../../../machines/ports.ts';
import type { Agreement, Offer } from '../../../machines/protocols/negotiation.machine.ts';
import {
  type Connected,
  type LoadState,
  type SessionEvent,
  sessionMachine,
} from '../../../machines/protocols/session.machine.ts';
import { fail } from '../../errors.ts';
import {
  CLIENT_OFFER,
  ERROR_OVERLOADED,
  EXTENSION,
  featureOfMethod,
  overloadedDataSchema,
  VERSION,
} from '../schema/index.ts';
import { readCallError } from './call-error.ts';
import type { HttpPool } from './keep-alive.ts';

/** A server: its MCP endpoint, or a program that speaks MCP over its standard streams. */
export type Target = { url: string } | { command: string; args?: string[]; env?: Record<string, string> };

export interface SessionOptions {
  env: Env;
  agentId: string;
  serverId: string;
  target: Target;
  pool: HttpPool;
  offer?: Offer;
  maxAttempts?: number;
  onNotification?(method: string, params: unknown): void;
  /** The session is over, on purpose or not; told once. */
  onEnd?(reason: string): void;
}

export interface Session {
  readonly serverId: string;
  /** The present state of the session's chart. */
  state(): SessionState;
  /** Resolves when calls can be made. @throws NETMCP_UNREACHABLE */
  ready(): Promise<Agreement>;
  /** The list as last read, unless a `fresh` one is wanted. */
  tools(fresh?: boolean): Promise<Tool[]>;
  /** @throws NETMCP_OVERLOADED, NETMCP_LOST, NETMCP_REJECTED, NETMCP_TIMEOUT, NETMCP_CANCELLED */
  call(
    name: string,
    args: object,
    meta: object,
    options: { signal?: AbortSignal; timeoutMs?: number },
  ): Promise<CallToolResult>;
  /** A vendor method; 10 s if no time is given. @throws NETMCP_NO_FEATURE before anything is sent. */
  request<T>(
    method: string,
    params: object,
    schema: z.ZodType<T>,
    options?: { signal?: AbortSignal; timeoutMs?: number; onProgress?: (progress: Progress) => void },
  ): Promise<T>;
  tell(event: SessionEvent): void;
  close(): Promise<void>;
}

export interface SessionState {
  phase: 'connecting' | 'ready' | 'closing' | 'closed' | 'gone';
  loadState: LoadState;
  weight: number;
  load: number;
  inFlight: number;
  agreement: Agreement | null;
  reason: string;
}

/** Opens one session: one root actor of the session chart around one MCP client. */
export function openSession(options: SessionOptions): Session {
  const { env, agentId, serverId } = options;
  const offer = options.offer ?? CLIENT_OFFER;
  let client: Client | null = null;
  let transport: Transport | null = null;
  let toolCache: Promise<Tool[]> | null = null;

  const machine = sessionMachine.provide({
    actors: {
      connect: fromPromise<Connected>(async ({ signal }) => {
        const fresh = new Client(
          { name: agentId, version: VERSION },
          { capabilities: { extensions: { [EXTENSION]: offer } } },
        );
        const line = openTransport(options.target, options.pool);
        fresh.fallbackNotificationHandler = async (notification) => {
          if (notification.method === 'notifications/tools/list_changed') toolCache = null;
          options.onNotification?.(notification.method, notification.params);
        };
        fresh.onerror = (error) => env.log.debug({ serverId, error: error.message }, 'MCP client error');
        await fresh.connect(line, { signal, timeout: 10_000 });
        client = fresh;
        transport = line;
        fresh.onclose = () => tell({ type: 'LOST', reason: 'the connection was closed' });
        return {
          peer: fresh.getServerCapabilities()?.extensions?.[EXTENSION],
          serverName: fresh.getServerVersion()?.name ?? '',
          protocolVersion: 'protocolVersion' in line ? String(line.protocolVersion) : '',
        };
      }),
      disconnect: fromPromise<void>(async () => {
        if (transport instanceof StreamableHTTPClientTransport) await transport.terminateSession();
        await client?.close();
      }),
    },
    actions: {
      releaseTransport: () => {
        client
          ?.close()
          .catch((error: unknown) => env.log.debug({ serverId, error: String(error) }, 'close failed'));
      },
    },
  });
  const actor = createActor(machine, {
    input: {
      serverId,
      offer,
      ...(options.maxAttempts === undefined ? {} : { maxAttempts: options.maxAttempts }),
    },
    clock: env.clock,
  });
  actor.subscribe({
    error: (error) => env.log.error({ serverId, error: String(error) }, 'session actor failed'),
    complete: () => options.onEnd?.(actor.getSnapshot().context.reason),
  });
  actor.start();
  const said = actor.subscribe((snapshot) => {
    if (!snapshot.matches('ready') || snapshot.context.agreement === null) return;
    said.unsubscribe();
    const { mode, version, reason } = snapshot.context.agreement;
    env.log.info({ serverId, mode, version, reason }, 'session ready');
  });

  async function ready(): Promise<Agreement> {
    const settled = await waitFor(actor, (s) => s.matches('ready') || s.status !== 'active', {
      timeout: Number.POSITIVE_INFINITY,
    });
    if (!settled.matches('ready') || settled.context.agreement === null) {
      throw fail('NETMCP_UNREACHABLE', {
        server: serverId,
        problem: settled.context.reason || 'the session has ended',
      });
    }
    return settled.context.agreement;
  }

  async function connected(): Promise<Client> {
    await ready();
    if (client === null) throw fail('NETMCP_UNREACHABLE', { server: serverId, problem: 'no connection' });
    return client;
  }

  /** A session that is over takes no events. */
  function tell(event: SessionEvent): void {
    if (actor.getSnapshot().status === 'active') actor.send(event);
  }

  return {
    serverId,
    state: () => readState(actor.getSnapshot()),
    ready,
    async tools(fresh = false) {
      const live = await connected();
      if (fresh) toolCache = null;
      toolCache ??= listAll(live).catch((error: unknown) => {
        toolCache = null;
        const known = readCallError(error, serverId, 'tools/list');
        if (known.code === 'NETMCP_LOST') tell({ type: 'LOST', reason: known.message });
        throw known;
      });
      return toolCache;
    },
    async call(name, args, meta, { signal, timeoutMs }) {
      const live = await connected();
      tell({ type: 'CALL_STARTED' });
      try {
        return await live.request(
          {
            method: 'tools/call',
            params: {
              name,
              arguments: args as Record<string, unknown>,
              _meta: { [EXTENSION]: { version: VERSION, ...meta } },
            },
          },
          CallToolResultSchema,
          { timeout: timeoutMs ?? 60_000, ...(signal === undefined ? {} : { signal }) },
        );
      } catch (error) {
        if (signal?.aborted) throw fail('NETMCP_CANCELLED', { tool: name }, { cause: error });
        const refusal = overload(error);
        if (refusal !== null) tell({ type: 'REFUSED', ...refusal });
        const known = readCallError(error, serverId, name);
        if (known.code === 'NETMCP_LOST') tell({ type: 'LOST', reason: known.message });
        throw known;
      } finally {
        tell({ type: 'CALL_ENDED' });
      }
    },
    async request(method, params, schema, options = {}) {
      const live = await connected();
      const feature = featureOfMethod(method);
      const agreement = actor.getSnapshot().context.agreement;
      if (feature === undefined || !agreement?.features.some((named) => named === feature)) {
        throw fail('NETMCP_NO_FEATURE', {
          server: serverId,
          method,
          feature: feature ?? '?',
          reason: agreement?.reason ?? 'not named by the peer',
        });
      }
      try {
        return schema.parse(
          await live.request({ method, params: params as Record<string, unknown> }, ResultSchema, {
            timeout: options.timeoutMs ?? 10_000,
            ...(options.signal && { signal: options.signal }),
            ...(options.onProgress && { onprogress: options.onProgress }),
          }),
        );
      } catch (error) {
        const known = readCallError(error, serverId, method);
        if (known.code === 'NETMCP_LOST') tell({ type: 'LOST', reason: known.message });
        throw known;
      }
    },
    tell,
    async close() {
      tell({ type: 'CLOSE' });
      await waitFor(actor, (s) => s.status !== 'active', { timeout: Number.POSITIVE_INFINITY });
    },
  };
}

function overload(error: unknown) {
  if (!(error instanceof Error) || !('code' in error) || error.code !== ERROR_OVERLOADED) return null;
  const data = overloadedDataSchema.safeParse('data' in error ? error.data : null);
  return data.success ? data.data : { alternates: [], retryAfterMs: 1_000 };
}

function openTransport(target: Target, pool: HttpPool): Transport {
  if ('url' in target) return new StreamableHTTPClientTransport(new URL(target.url), { fetch: pool.fetch });
  // Without `env` a program gets the few harmless variables that the SDK passes on, never all of ours.
  const { command, args = [], env } = target;
  return new StdioClientTransport({ command, args, stderr: 'ignore', ...(env && { env }) });
}

async function listAll(client: Client): Promise<Tool[]> {
  const tools: Tool[] = [];
  let cursor: string | undefined;
  // A server that never ends its list is cut off.
  for (let page = 0; page < 100; page += 1) {
    const result = await client.request(
      { method: 'tools/list', params: cursor === undefined ? {} : { cursor } },
      ListToolsResultSchema,
    );
    tools.push(...result.tools);
    cursor = result.nextCursor;
    if (cursor === undefined) break;
  }
  return tools;
}

function readState(snapshot: SnapshotFrom<typeof sessionMachine>): SessionState {
  const { context } = snapshot;
  const value = typeof snapshot.value === 'string' ? snapshot.value : 'ready';
  const phase =
    value === 'ready' || value === 'closing' || value === 'closed' || value === 'gone' ? value : 'connecting';
  const sub = typeof snapshot.value === 'object' ? snapshot.value.ready : undefined;
  return {
    phase: snapshot.status === 'error' ? 'gone' : phase,
    loadState: phase === 'ready' ? (sub ?? 'normal') : phase === 'connecting' ? 'normal' : 'gone',
    weight: context.weight,
    load: context.load,
    inFlight: context.inFlight,
    agreement: context.agreement,
    reason: context.reason,
  };
}
