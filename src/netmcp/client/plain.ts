import { z } from 'zod';
import type { Env } from '../../../machines/ports.ts';
import type { ClientAuth } from '../auth/token-source.ts';
import { CLIENT_OFFER, EXTENSION } from '../schema/index.ts';
import { type OnElicit, openSession, type SessionState, type Target } from '../session/client-session.ts';
import { createHttpPool } from '../session/keep-alive.ts';
import { type CallOptions, DEADLINE, metaOf, outcomeOf, type ToolOutcome } from './outcome.ts';
import { type PlainParts, plainParts } from './plain-parts.ts';

export interface PlainClient {
  /** What was negotiated; `reason` says why it is plain MCP. */
  agreement: { mode: 'netmcp' | 'mcp'; version: string | null; features: string[]; reason: string | null };
  listTools(): Promise<Array<{ name: string; description: string; inputSchema: unknown; meta: unknown }>>;
  callTool(name: string, args: Record<string, unknown>, options?: CallOptions): Promise<ToolOutcome>;
  /**
   * Any method of MCP, with its result as it comes; `tools/call` of a NetMCP server carries what `options` says.
   * @throws NETMCP_REJECTED, NETMCP_LOST, NETMCP_TIMEOUT, NETMCP_OVERLOADED, NETMCP_CANCELLED
   */
  ask(method: string, params: Record<string, unknown>, options?: CallOptions): Promise<unknown>;
  /** A vendor method. @throws NETMCP_NO_FEATURE before anything is sent */
  request(method: string, params: Record<string, unknown>): Promise<unknown>;
  /** The other parts of MCP: resources, prompts, completion, logging, ping. */
  mcp: PlainParts;
  state(): SessionState;
  close(): Promise<void>;
}

/**
 * One session with one server, NetMCP or plain MCP, by its URL or as a program on standard streams.
 * @throws NETMCP_UNREACHABLE
 */
export async function connectPlain(options: {
  env: Env;
  target: string | Target;
  agentId?: string;
  /** What we say that we speak; the default is NetMCP 1.0. */
  auth?: ClientAuth;
  offer?: { version?: string; versions?: string[]; features: string[] };
  /** Name and version in place of the agent's. */
  clientInfo?: { name: string; version: string };
  /** Version of MCP that is asked for first. */
  protocolVersion?: string;
  /** Puts a server's question to a human; without it the server is told that nobody can be asked. */
  onElicit?: OnElicit;
  onNotification?(method: string, params: unknown): void;
}): Promise<PlainClient> {
  const { env } = options;
  const target = typeof options.target === 'string' ? { url: options.target } : options.target;
  const pool = createHttpPool();
  const serverId =
    'url' in target ? target.url : 'command' in target ? target.command : (target.endpoints[0] ?? '');
  const session = openSession({
    env,
    agentId: options.agentId ?? 'netagent',
    serverId,
    target,
    pool,
    offer: options.offer ?? CLIENT_OFFER,
    maxAttempts: 1,
    ...(options.clientInfo && { clientInfo: options.clientInfo }),
    ...(options.protocolVersion && { protocolVersion: options.protocolVersion }),
    ...(options.auth && { auth: options.auth }),
    ...(options.onElicit && { onElicit: options.onElicit }),
    ...(options.onNotification && { onNotification: options.onNotification }),
  });
  try {
    const agreement = await session.ready();
    const callRaw = (name: string, args: object, call: CallOptions) => {
      const left = call.deadlineMs ?? DEADLINE;
      const meta = agreement.mode === 'netmcp' ? metaOf(call, left) : {};
      return session.call(name, args, meta, {
        timeoutMs: left,
        ...(call.signal && { signal: call.signal }),
        ...(call.onProgress && { onProgress: call.onProgress }),
      });
    };
    return {
      agreement,
      async listTools() {
        const tools = await session.tools();
        return tools.map(({ name, description, inputSchema, _meta }) => ({
          name,
          description: description ?? '',
          inputSchema,
          meta: _meta?.[EXTENSION] ?? null,
        }));
      },
      callTool: async (name, args, call = {}) => outcomeOf(await callRaw(name, args, call), serverId),
      ask(method, params, call = {}) {
        if (method === 'tools/call') {
          return callRaw(String(params.name), (params.arguments ?? {}) as object, call);
        }
        return session.plain(method, params, z.unknown(), {
          timeoutMs: call.deadlineMs ?? DEADLINE,
          ...(call.signal && { signal: call.signal }),
        });
      },
      request: (method, params) => session.request(method, params, z.unknown()),
      mcp: plainParts(session),
      state: session.state,
      async close() {
        await session.close();
        await pool.close();
      },
    };
  } catch (error) {
    await pool.close();
    throw error;
  }
}
