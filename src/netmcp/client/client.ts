import type { NetAgentError } from '../../../machines/failure.ts';
import { NetAgentError as Known } from '../../../machines/failure.ts';
import type { Env } from '../../../machines/ports.ts';
import { fail } from '../../errors.ts';
import type { ClientAuth } from '../auth/token-source.ts';
import {
  changedParamsSchema,
  DIRECT_OFFER,
  type DiscoverParams,
  discoverResultSchema,
  loadParamsSchema,
  METHODS,
  NOTIFICATIONS,
  type ServerEntry,
  subscribeResultSchema,
} from '../schema/index.ts';
import { type OnElicit, openSession, type Session, type SessionState } from '../session/client-session.ts';
import { createHttpPool, type Fetch } from '../session/keep-alive.ts';
import { openLine, pause } from '../session/line.ts';
import type { Trust } from '../transport/address.ts';
import { type AnchorClient, bindAnchor } from './anchor.ts';
import { type Balancer, type CallOutcome, type Candidate, createBalancer } from './choice.ts';
import { createNoticeGate } from './notices.ts';
import { type CallOptions, DEADLINE, metaOf, outcomeOf, type ToolOutcome } from './outcome.ts';

export interface NetMcpClient {
  discover(query?: DiscoverParams): Promise<ServerEntry[]>;
  /** @throws NETMCP_NO_SERVER, NETMCP_OVERLOADED, NETMCP_LOST, NETMCP_TIMEOUT, NETMCP_CANCELLED, NETMCP_REJECTED */
  callTool(name: string, args: Record<string, unknown>, options?: CallOptions): Promise<ToolOutcome>;
  sessions(): Array<{ serverId: string } & SessionState>;
  /** One session instead of many: an anchor tool server runs the calls. @throws NETMCP_NO_SERVER */
  anchor(): Promise<AnchorClient>;
  close(): Promise<void>;
}

/** How long what was discovered is believed without a word from the management server, ms. */
const BELIEF = 10_000;

/** Digests of tool sets whose definitions are kept. */
const MAX_DIGESTS = 256;
const MAX_SESSIONS = 512;

/**
 * A client of the tool servers that the management server knows, or several that share one registry.
 * @throws NETMCP_UNREACHABLE
 */
export async function connectNetMcp(options: {
  env: Env;
  agentId: string;
  management: string | string[];
  tls?: Trust;
  /** How to come by tokens, at the management server and at each tool server. */
  auth?: ClientAuth;
  /** How the server of a call is chosen; by `createBalancer` if not given. */
  balancer?: Balancer;
  /** Puts a tool server's question to the human behind this agent. */
  onElicit?: OnElicit;
  /** Whose load it is told of: that of every server, or of its anchor alone, which costs fewer messages. */
  follow?: 'all' | 'anchor';
  /** Stands between the client and HTTP, to count or to delay. */
  through?: (fetch: Fetch) => Fetch;
}): Promise<NetMcpClient> {
  const { env, agentId } = options;
  const trust = options.tls === undefined ? {} : { tls: options.tls };
  const auth = options.auth === undefined ? {} : { auth: options.auth };
  const urls = [options.management].flat();
  const direct = createHttpPool();
  const { through = (fetch: Fetch) => fetch } = options;
  const pool = {
    ...direct,
    fetch: through(direct.fetch),
    fetchFor: (tls?: Trust) => through(direct.fetchFor(tls)),
  };
  /** null: everybody's. */
  let following: string[] | null = options.follow === 'anchor' ? [] : null;
  const sessions = new Map<string, Session>();
  const anchors = new Set<AnchorClient>();
  const known = new Map<string, { entries: ServerEntry[]; until: number }>();
  const asking = new Map<string, Promise<ServerEntry[]>>();
  const balancer = options.balancer ?? createBalancer(env);
  const gate = createNoticeGate(env.clock, ({ serverId, ...notice }) => {
    sessions.get(serverId)?.tell({ type: 'LOAD', ...notice });
    for (const anchor of anchors) anchor.heed({ serverId, ...notice });
    for (const { entries } of known.values()) {
      const entry = entries.find((candidate) => candidate.serverId === serverId);
      if (entry !== undefined) Object.assign(entry, notice);
    }
  });
  /** The first subscription is a request of its own; who takes over is greeted with it. */
  let subscribed = following !== null;
  let managed: Session | null = null;
  let issuer = '';
  const line = openLine({
    env,
    urls,
    open(url) {
      managed = openSession({
        env,
        agentId,
        serverId: 'management',
        target: { url, ...trust },
        pool,
        ...auth,
        ...(urls.length > 1 && { maxAttempts: 1 }),
        onNotification(method, params) {
          if (method === NOTIFICATIONS.changed && changedParamsSchema.safeParse(params).success)
            known.clear();
          if (method !== NOTIFICATIONS.load) return;
          // What is out of range is not believed in part either.
          const notice = loadParamsSchema.safeParse(params);
          if (notice.success) gate.take(notice.data);
        },
      });
      return managed;
    },
    // Whoever takes over must tell us what the one before would have told.
    greet: async (session) => {
      if (subscribed && following?.length !== 0)
        await session.request(METHODS.subscribe, subscription(), subscribeResultSchema);
    },
  });
  function subscription() {
    return following === null ? {} : { serverIds: following };
  }

  async function discover(query: DiscoverParams = {}): Promise<ServerEntry[]> {
    const ask = () => line.request(METHODS.discover, query, discoverResultSchema);
    let best = await ask();
    // One that has just started may not know everybody: the others are asked too.
    for (let i = 1; i < urls.length && best.partial; i += 1) {
      line.move();
      const next = await ask();
      if (!next.partial || next.servers.length > best.servers.length) best = next;
    }
    return best.servers;
  }

  async function offering(
    tool: string,
    serviceArea: string | undefined,
    fresh: boolean,
  ): Promise<ServerEntry[]> {
    const key = `${tool}\n${serviceArea ?? ''}`;
    const before = known.get(key);
    if (!fresh && before !== undefined && before.until > env.clock.now()) return before.entries;
    const pending =
      asking.get(key) ??
      discover({ tool, limit: 50, ...(serviceArea === undefined ? {} : { serviceArea }) }).finally(() =>
        asking.delete(key),
      );
    asking.set(key, pending);
    try {
      const entries = await pending;
      if (entries.length > 0) known.set(key, { entries, until: env.clock.now() + BELIEF });
      return entries;
    } catch (error) {
      if (before === undefined) throw error;
      env.log.warn({ tool, error: String(error) }, 'no management server answers: using what was known');
      return before.entries;
    }
  }

  /** Our credentials are good at the management server's authorisation server, and shown to no other. */
  function pinned(): { auth?: ClientAuth } {
    const { auth: given } = options;
    if (given === undefined) return {};
    if ('interactive' in given || given.issuer !== undefined) return { auth: given };
    issuer = managed?.issuer() ?? issuer;
    return { auth: { ...given, issuer } };
  }

  function sessionWith({ serverId, endpoints }: Candidate, alone: boolean): Session {
    const open = sessions.get(serverId);
    if (open !== undefined && ['connecting', 'ready'].includes(open.state().phase)) return open;
    if (sessions.size >= MAX_SESSIONS) {
      for (const [id, session] of sessions)
        if (['closed', 'gone'].includes(session.state().phase)) sessions.delete(id);
    }
    const session = openSession({
      env,
      agentId,
      serverId,
      target: { endpoints, ...trust },
      pool,
      maxAttempts: alone ? 2 : 1,
      ...pinned(),
      // Without an anchor a server is asked for its own tools only.
      offer: DIRECT_OFFER,
      ...(options.onElicit && { onElicit: options.onElicit }),
    });
    sessions.set(serverId, session);
    return session;
  }

  const stateOf = (serverId: string) => sessions.get(serverId)?.state();
  const choose = (entries: ServerEntry[], tried: ReadonlySet<string>) =>
    balancer.pick(entries, stateOf, tried);

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
      // A refusal says nothing against what is known of the others.
      const lost = last !== null && last.code !== 'NETMCP_OVERLOADED';
      let entries = await offering(name, call.serviceArea, lost);
      let next = choose(entries, tried);
      if (next === undefined && !lost) {
        entries = await offering(name, call.serviceArea, true);
        next = choose(entries, tried);
      }
      if (next === undefined) {
        if (last?.code !== 'NETMCP_OVERLOADED' || waits >= 5) throw last ?? nobody(name, call.serviceArea);
        // Everyone is past its limit: come back when the last of them said so.
        waits += 1;
        await pause(env, Math.min(left, last.retryAfterMs ?? 1_000), signal);
        tried.clear();
        continue;
      }
      tried.add(next.serverId);
      const session = sessionWith(next, entries.length === 1);
      await learn(session, next.digest);
      const ended = balancer.begin(next.serverId, name);
      try {
        const result = await session.call(name, args, metaOf(call, left), {
          timeoutMs: left,
          ...(signal && { signal }),
          ...(call.onProgress && { onProgress: call.onProgress }),
        });
        ended('answered');
        return outcomeOf(result, next.serverId);
      } catch (error) {
        ended(endOf(error));
        if (!(error instanceof Known)) throw error;
        if (!mayMove(error, next.digest, name)) throw error;
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
  function mayMove(error: NetAgentError, digest: string, name: string): boolean {
    if (error.code === 'NETMCP_OVERLOADED' || error.code === 'NETMCP_UNREACHABLE') return true;
    if (error.code !== 'NETMCP_LOST') return false;
    return error.details.executed === 'no' || repeatable.get(digest)?.has(name) === true;
  }

  /** Tools that may be executed twice, by the digest of the set that they are in. */
  const repeatable = new Map<string, Set<string>>();
  /** What is safe to send again must be known before anything breaks. */
  async function learn(session: Session, digest: string): Promise<void> {
    if (repeatable.has(digest)) return;
    try {
      const tools = await session.tools();
      if (repeatable.size >= MAX_DIGESTS) repeatable.delete(repeatable.keys().next().value as string);
      const safe = tools.filter(
        ({ annotations: a }) => a?.readOnlyHint === true || a?.idempotentHint === true,
      );
      repeatable.set(digest, new Set(safe.map((tool) => tool.name)));
    } catch (error) {
      env.log.debug({ serverId: session.serverId, error: String(error) }, 'tools not listed');
    }
  }

  try {
    if (following === null) await line.request(METHODS.subscribe, {}, subscribeResultSchema);
    subscribed = true;
  } catch (error) {
    await pool.close();
    throw error;
  }

  return {
    discover,
    callTool,
    sessions: () =>
      [...sessions.values()].map((session) => ({ serverId: session.serverId, ...session.state() })),
    async anchor() {
      const opened = await bindAnchor({
        env,
        discover: () => discover({ limit: 50 }),
        open: ({ serverId, endpoints }) =>
          openSession({
            env,
            agentId,
            serverId,
            target: { endpoints, ...trust },
            pool,
            maxAttempts: 1,
            ...pinned(),
            ...(options.onElicit && { onElicit: options.onElicit }),
          }),
        async bound(serverId) {
          if (following === null || following.includes(serverId)) return;
          following = [serverId];
          await line.request(METHODS.subscribe, subscription(), subscribeResultSchema);
        },
      });
      anchors.add(opened);
      return {
        ...opened,
        async close() {
          anchors.delete(opened);
          await opened.close();
        },
      };
    },
    async close() {
      gate.close();
      await Promise.all([...anchors].map((opened) => opened.close()));
      await Promise.all([...[...sessions.values()].map((session) => session.close()), line.close()]);
      await pool.close();
    },
  };
}

function endOf(error: unknown): CallOutcome {
  if (!(error instanceof Known)) return 'withdrawn';
  if (['NETMCP_LOST', 'NETMCP_UNREACHABLE', 'NETMCP_TIMEOUT'].includes(error.code)) return 'lost';
  return error.code === 'NETMCP_OVERLOADED' ? 'refused' : 'withdrawn';
}

function nobody(tool: string, area: string | undefined): NetAgentError {
  return fail('NETMCP_NO_SERVER', { tool, where: area === undefined ? '' : ` in ${area}` });
}
