import type { NetAgentError } from '../../../machines/failure.ts';
import { NetAgentError as Known } from '../../../machines/failure.ts';
import type { Env } from '../../../machines/ports.ts';
import { fail } from '../../errors.ts';
import {
  changedParamsSchema,
  type DiscoverParams,
  discoverResultSchema,
  loadParamsSchema,
  METHODS,
  NOTIFICATIONS,
  type ServerEntry,
  subscribeResultSchema,
} from '../schema/index.ts';
import { type OnElicit, openSession, type Session, type SessionState } from '../session/client-session.ts';
import { createHttpPool } from '../session/keep-alive.ts';
import type { Tool } from '../session/server-session.ts';
import { type Candidate, order } from './choice.ts';
import { type CallOptions, DEADLINE, metaOf, outcomeOf, type ToolOutcome } from './outcome.ts';

export interface NetMcpClient {
  discover(query?: DiscoverParams): Promise<ServerEntry[]>;
  /** @throws NETMCP_NO_SERVER, NETMCP_OVERLOADED, NETMCP_LOST, NETMCP_TIMEOUT, NETMCP_CANCELLED, NETMCP_REJECTED */
  callTool(name: string, args: Record<string, unknown>, options?: CallOptions): Promise<ToolOutcome>;
  sessions(): Array<{ serverId: string } & SessionState>;
  close(): Promise<void>;
}

/** How long what was discovered is believed without a word from the management server, ms. */
const BELIEF = 10_000;

/** A client of the tool servers that the management server knows. @throws NETMCP_UNREACHABLE */
export async function connectNetMcp(options: {
  env: Env;
  agentId: string;
  management: string;
  /** Puts a tool server's question to the human behind this agent. */
  onElicit?: OnElicit;
}): Promise<NetMcpClient> {
  const { env, agentId } = options;
  const pool = createHttpPool();
  const sessions = new Map<string, Session>();
  const known = new Map<string, { entries: ServerEntry[]; until: number }>();
  let management = openManagement();

  function openManagement(): Session {
    const session = openSession({
      env,
      agentId,
      serverId: 'management',
      target: { url: options.management },
      pool,
      onNotification(method, params) {
        if (method === NOTIFICATIONS.load) heedLoad(params);
        if (method === NOTIFICATIONS.changed && changedParamsSchema.safeParse(params).success) known.clear();
      },
    });
    return session;
  }

  function heedLoad(params: unknown): void {
    const read = loadParamsSchema.safeParse(params);
    if (!read.success) return;
    const { serverId, ...notice } = read.data;
    sessions.get(serverId)?.tell({ type: 'LOAD', ...notice });
    for (const { entries } of known.values()) {
      const entry = entries.find((candidate) => candidate.serverId === serverId);
      if (entry !== undefined) Object.assign(entry, notice);
    }
  }

  async function manage(): Promise<Session> {
    if (['gone', 'closed'].includes(management.state().phase)) management = openManagement();
    const agreement = await management.ready();
    if (agreement.mode === 'mcp')
      env.log.warn({ reason: agreement.reason }, 'management server without NetMCP');
    return management;
  }

  async function subscribe(): Promise<void> {
    await (await manage()).request(METHODS.subscribe, {}, subscribeResultSchema);
  }

  async function discover(query: DiscoverParams = {}): Promise<ServerEntry[]> {
    try {
      return await ask(query);
    } catch (error) {
      // Asking twice changes nothing, and a management server that came back forgot our session.
      if (!(error instanceof Known) || error.code !== 'NETMCP_LOST') throw error;
      return ask(query);
    }
  }

  async function ask(query: DiscoverParams): Promise<ServerEntry[]> {
    const before = management;
    const session = await manage();
    if (session !== before) await subscribe();
    return (await session.request(METHODS.discover, query, discoverResultSchema)).servers;
  }

  async function offering(
    tool: string,
    serviceArea: string | undefined,
    fresh: boolean,
  ): Promise<ServerEntry[]> {
    const key = `${tool}\n${serviceArea ?? ''}`;
    const before = known.get(key);
    if (!fresh && before !== undefined && before.until > env.clock.now()) return before.entries;
    const entries = await discover({
      tool,
      limit: 50,
      ...(serviceArea === undefined ? {} : { serviceArea }),
    });
    if (entries.length > 0) known.set(key, { entries, until: env.clock.now() + BELIEF });
    return entries;
  }

  function sessionWith({ serverId, url }: Candidate): Session {
    const open = sessions.get(serverId);
    if (open !== undefined && ['connecting', 'ready'].includes(open.state().phase)) return open;
    const session = openSession({
      env,
      agentId,
      serverId,
      target: { url },
      pool,
      maxAttempts: 2,
      ...(options.onElicit && { onElicit: options.onElicit }),
    });
    sessions.set(serverId, session);
    return session;
  }

  async function callTool(
    name: string,
    args: Record<string, unknown>,
    call: CallOptions = {},
  ): Promise<ToolOutcome> {
    const { signal } = call;
    const until = env.clock.now() + (call.deadlineMs ?? DEADLINE);
    const tried = new Set<string>();
    let last: NetAgentError | null = null;
    let waits = 0;
    for (;;) {
      if (signal?.aborted) throw fail('NETMCP_CANCELLED', { tool: name });
      const left = until - env.clock.now();
      if (left <= 0) throw last ?? fail('NETMCP_TIMEOUT', { server: 'any server', tool: name });
      const entries = await offering(name, call.serviceArea, last !== null);
      const next = order(entries, sessions).find((candidate) => !tried.has(candidate.serverId));
      if (next === undefined) {
        if (last?.code !== 'NETMCP_OVERLOADED' || waits >= 5) throw last ?? nobody(name, call.serviceArea);
        // Everyone is past its limit: come back when the last of them said so.
        waits += 1;
        await pause(env, Math.min(left, last.retryAfterMs ?? 1_000), signal);
        tried.clear();
        continue;
      }
      tried.add(next.serverId);
      const session = sessionWith(next);
      try {
        const result = await session.call(name, args, metaOf(call, left), {
          timeoutMs: left,
          ...(signal && { signal }),
          ...(call.onProgress && { onProgress: call.onProgress }),
        });
        return outcomeOf(result, next.serverId);
      } catch (error) {
        if (!(error instanceof Known)) throw error;
        if (!(await mayMove(error, session, name))) throw error;
        env.log.info({ tool: name, from: next.serverId, code: error.code }, 'call moves to another server');
        last = error;
        if (error.code === 'NETMCP_LOST' && error.details.executed === 'no' && waits < 2) {
          // The server may only have forgotten the session: it is asked once more over a new one.
          waits += 1;
          tried.delete(next.serverId);
        }
      }
    }
  }

  /** NetMCP 6: a call is sent again only if the first cannot have been executed, or twice is like once. */
  async function mayMove(error: NetAgentError, session: Session, name: string): Promise<boolean> {
    if (error.code === 'NETMCP_OVERLOADED' || error.code === 'NETMCP_UNREACHABLE') return true;
    if (error.code !== 'NETMCP_LOST') return false;
    if (error.details.executed === 'no') return true;
    const definition = definitions.get(`${session.serverId}\n${name}`);
    return definition?.annotations?.readOnlyHint === true || definition?.annotations?.idempotentHint === true;
  }

  const definitions = new Map<string, Tool>();
  async function learn(session: Session): Promise<void> {
    for (const definition of await session.tools())
      definitions.set(`${session.serverId}\n${definition.name}`, definition);
  }

  try {
    await subscribe();
  } catch (error) {
    await pool.close();
    throw error;
  }

  return {
    discover,
    async callTool(name, args, call) {
      const entries = await offering(name, call?.serviceArea, false);
      const first = order(entries, sessions)[0];
      // What is safe to send again must be known before anything breaks.
      if (first !== undefined && !definitions.has(`${first.serverId}\n${name}`)) {
        await learn(sessionWith(first)).catch((error: unknown) =>
          env.log.debug({ serverId: first.serverId, error: String(error) }, 'tools not listed'),
        );
      }
      return callTool(name, args, call);
    },
    sessions: () =>
      [...sessions.values()].map((session) => ({ serverId: session.serverId, ...session.state() })),
    async close() {
      await Promise.all([...sessions.values(), management].map((session) => session.close()));
      await pool.close();
    },
  };
}

function nobody(tool: string, area: string | undefined): NetAgentError {
  return fail('NETMCP_NO_SERVER', { tool, where: area === undefined ? '' : ` in ${area}` });
}

function pause(env: Env, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      env.clock.clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = env.clock.setTimeout(finish, ms);
    signal?.addEventListener('abort', finish, { once: true });
  });
}
