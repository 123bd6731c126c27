import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  type CallToolResult,
  CallToolResultSchema,
  ElicitRequestSchema,
  ListToolsResultSchema,
  type Progress,
  ResultSchema,
  type Tool,
} from '@modelcontextprotocol/sdk/types.js';
import { createActor, fromPromise, type InspectionEvent, waitFor } from 'xstate';
import type { z } from 'zod';
import type { Env } from '../../../machines/ports.ts';
import type { Agreement, Offer } from '../../../machines/protocols/negotiation.machine.ts';
import {
  type Connected,
  type SessionEvent,
  sessionMachine,
} from '../../../machines/protocols/session.machine.ts';
import { fail } from '../../errors.ts';
import type { ClientAuth } from '../auth/token-source.ts';
import {
  CLIENT_OFFER,
  ERROR_OVERLOADED,
  EXTENSION,
  featureOfMethod,
  overloadedDataSchema,
  VERSION,
} from '../schema/index.ts';
import { type Target, takeWay } from '../transport/dial.ts';
import { readCallError } from './call-error.ts';
import type { HttpPool } from './keep-alive.ts';
import { credentialsOf } from './session-credentials.ts';
import { readState, type SessionState } from './session-state.ts';

export type { Target } from '../transport/dial.ts';
export type { SessionState } from './session-state.ts';

export interface SessionOptions {
  env: Env;
  agentId: string;
  serverId: string;
  target: Target;
  pool: HttpPool;
  /** How to come by a token; without it requests carry none. */
  auth?: ClientAuth;
  offer?: Offer;
  /** Who the client says that it is; the agent, of our version, if absent. */
  clientInfo?: { name: string; version: string };
  /** The version of MCP that is asked for first; the newest if absent. */
  protocolVersion?: string;
  maxAttempts?: number;
  onNotification?(method: string, params: unknown): void;
  /** Puts a server's question to a human; without it the client does not offer elicitation. */
  onElicit?: OnElicit;
  /** The session is over, on purpose or not; told once. */
  onEnd?(reason: string): void;
  /** Watches the session's chart. */
  inspect?(event: InspectionEvent): void;
}

/** A question of a server to the human behind a client (MCP 2025-11-25, elicitation, mode form). */
export type OnElicit = (question: {
  message: string;
  /** A flat JSON Schema of an object. */
  requestedSchema: Record<string, unknown>;
}) => Promise<{ action: 'accept' | 'decline' | 'cancel'; content?: Record<string, ElicitValue> }>;

type ElicitValue = string | number | boolean | string[];

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
    options: { signal?: AbortSignal; timeoutMs?: number; onProgress?: (progress: Progress) => void },
  ): Promise<CallToolResult>;
  /** A request of plain MCP other than the tools'; 10 s if no time is given. @throws NETMCP_REJECTED, NETMCP_LOST, NETMCP_TIMEOUT */
  plain<T>(
    method: string,
    params: object,
    schema: z.ZodType<T>,
    options?: { signal?: AbortSignal; timeoutMs?: number },
  ): Promise<T>;
  /** A vendor method; 10 s if no time is given. @throws NETMCP_NO_FEATURE before anything is sent. */
  request<T>(
    method: string,
    params: object,
    schema: z.ZodType<T>,
    options?: { signal?: AbortSignal; timeoutMs?: number; onProgress?: (progress: Progress) => void },
  ): Promise<T>;
  /** The authorisation server that gave our token; null without one. */
  issuer(): string | null;
  tell(event: SessionEvent): void;
  /** Resolves when the session is over, with the reason. */
  ended(): Promise<string>;
  close(): Promise<void>;
}

/** Opens one session: one root actor of the session chart around one MCP client. */
export function openSession(options: SessionOptions): Session {
  const { env, agentId, serverId } = options;
  const offer = options.offer ?? CLIENT_OFFER;
  let client: Client | null = null;
  let transport: Transport | null = null;
  let toolCache: Promise<Tool[]> | null = null;
  const { tokens, credentials } = credentialsOf(options);
  /** Why it could not be connected, of the last attempt. */
  let obstacle: unknown;

  let way: Pick<SessionState, 'transport' | 'fellBack'> = { transport: null, fellBack: null };

  async function handshake(line: Transport, signal: AbortSignal): Promise<Connected> {
    const fresh = new Client(options.clientInfo ?? { name: agentId, version: VERSION }, {
      capabilities: { extensions: { [EXTENSION]: offer }, ...(options.onElicit && ELICITATION) },
    });
    answerQuestions(fresh, options.onElicit);
    fresh.fallbackNotificationHandler = async (notification) => {
      if (notification.method === 'notifications/tools/list_changed') toolCache = null;
      options.onNotification?.(notification.method, notification.params);
    };
    fresh.onerror = (error) => env.log.debug({ serverId, error: error.message }, 'MCP client error');
    // Where a person is asked first, the handshake waits for that person.
    const timeout = options.auth !== undefined && 'interactive' in options.auth ? 660_000 : 10_000;
    if (options.protocolVersion !== undefined) askFor(options.protocolVersion, line);
    await fresh.connect(line, { signal, timeout });
    client = fresh;
    transport = line;
    fresh.onclose = () => tell({ type: 'LOST', reason: 'the connection was closed' });
    return {
      peer: fresh.getServerCapabilities()?.extensions?.[EXTENSION],
      serverName: fresh.getServerVersion()?.name ?? '',
      protocolVersion: 'protocolVersion' in line ? String(line.protocolVersion) : '',
    };
  }

  const machine = sessionMachine.provide({
    actors: {
      connect: fromPromise<Connected>(async ({ signal }) => {
        const { target, pool } = options;
        const asked = { target, pool, serverId, signal, ...(credentials && { credentials }) };
        const taken = await takeWay(env, asked, (line) => handshake(line, signal)).catch((error: unknown) => {
          obstacle = error;
          throw error;
        });
        way = { transport: taken.kind, fellBack: taken.fellBack };
        return taken.value;
      }),
      disconnect: fromPromise<void>(async () => {
        if (transport !== null && endsSessions(transport)) await transport.terminateSession();
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
    ...(options.inspect && { inspect: options.inspect }),
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
    const fellBack = mode === 'mcp' && snapshot.context.connected?.peer !== undefined;
    env.log[fellBack ? 'warn' : 'info'](
      { serverId, mode, version, reason },
      fellBack ? 'fell back to plain MCP' : 'session ready',
    );
  });

  async function ready(): Promise<Agreement> {
    const settled = await waitFor(actor, (s) => s.matches('ready') || s.status !== 'active', {
      timeout: Number.POSITIVE_INFINITY,
    });
    if (!settled.matches('ready') || settled.context.agreement === null) {
      throw fail(
        'NETMCP_UNREACHABLE',
        { server: serverId, problem: settled.context.reason || 'the session has ended' },
        { cause: obstacle },
      );
    }
    return settled.context.agreement;
  }

  async function connected(): Promise<Client> {
    // A session that is ready is not waited for: that would subscribe to its actor for each call.
    if (client !== null && actor.getSnapshot().matches('ready')) return client;
    await ready();
    if (client === null) throw fail('NETMCP_UNREACHABLE', { server: serverId, problem: 'no connection' });
    return client;
  }

  /** NetMCP 1: the version goes with each request; a peer of plain MCP gets nothing of ours. */
  function metaFor(meta: object): { _meta?: Record<string, unknown> } {
    const agreement = actor.getSnapshot().context.agreement;
    if (agreement?.mode !== 'netmcp') return {};
    return { _meta: { [EXTENSION]: { version: agreement.version, ...meta } } };
  }

  /** A session that is over takes no events. */
  function tell(event: SessionEvent): void {
    if (actor.getSnapshot().status === 'active') actor.send(event);
  }

  return {
    serverId,
    state: () => ({ ...readState(actor.getSnapshot()), ...way }),
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
    async call(name, args, meta, { signal, timeoutMs, onProgress }) {
      const live = await connected();
      tell({ type: 'CALL_STARTED' });
      try {
        return await live.request(
          {
            method: 'tools/call',
            params: {
              name,
              arguments: args as Record<string, unknown>,
              ...metaFor(meta),
            },
          },
          CallToolResultSchema,
          {
            timeout: timeoutMs ?? 60_000,
            ...(signal === undefined ? {} : { signal }),
            ...(onProgress && { onprogress: onProgress }),
          },
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
          await live.request({ method, params: { ...params, ...metaFor({}) } }, ResultSchema, {
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
    async plain(method, params, schema, { signal, timeoutMs = 10_000 } = {}) {
      const live = await connected();
      try {
        return schema.parse(
          await live.request({ method, params: params as Record<string, unknown> }, ResultSchema, {
            timeout: timeoutMs,
            ...(signal && { signal }),
          }),
        );
      } catch (error) {
        throw readCallError(error, serverId, method);
      }
    },
    issuer: () => tokens?.state().issuer || null,
    tell,
    async ended() {
      const over = await waitFor(actor, (s) => s.status !== 'active', { timeout: Number.POSITIVE_INFINITY });
      return over.context.reason;
    },
    async close() {
      tell({ type: 'CLOSE' });
      await waitFor(actor, (s) => s.status !== 'active', { timeout: Number.POSITIVE_INFINITY });
      tokens?.close();
    },
  };
}

/** SEP-1034: what the human leaves open takes the defaults of the question. */
const ELICITATION = { elicitation: { form: { applyDefaults: true } } };

function answerQuestions(client: Client, onElicit: OnElicit | undefined): void {
  if (onElicit === undefined) return;
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
    // A page of a server's own is not opened for it.
    if (!('requestedSchema' in params)) return { action: 'decline' };
    const { message, requestedSchema } = params;
    return onElicit({ message, requestedSchema: requestedSchema as Record<string, unknown> });
  });
}

/** The SDK asks for the newest version, always. */
function askFor(protocolVersion: string, line: Transport): void {
  const send = line.send.bind(line);
  line.send = (message, options) =>
    send(
      'method' in message && message.method === 'initialize'
        ? { ...message, params: { ...message.params, protocolVersion } }
        : message,
      options,
    );
}

const endsSessions = (line: Transport): line is Transport & { terminateSession(): Promise<void> } =>
  'terminateSession' in line;

function overload(error: unknown) {
  if (!(error instanceof Error) || !('code' in error) || error.code !== ERROR_OVERLOADED) return null;
  const data = overloadedDataSchema.safeParse('data' in error ? error.data : null);
  return data.success ? data.data : { alternates: [], retryAfterMs: 1_000 };
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
