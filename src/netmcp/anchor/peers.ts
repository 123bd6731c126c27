import { createHash } from 'node:crypto';
import type { Env } from '../../../machines/ports.ts';
import { subjectToken } from '../auth/resource.ts';
import type { ClientAuth } from '../auth/token-source.ts';
import { type CallOutcome, type Candidate, createBalancer } from '../client/choice.ts';
import { createNoticeGate } from '../client/notices.ts';
import {
  DIRECT_OFFER,
  discoverResultSchema,
  ERROR_FORBIDDEN,
  loadParamsSchema,
  METHODS,
  NOTIFICATIONS,
  type ServerEntry,
  subscribeResultSchema,
} from '../schema/index.ts';
import { openSession, type Session, type SessionOptions } from '../session/client-session.ts';
import { createHttpPool } from '../session/keep-alive.ts';
import { openLine } from '../session/line.ts';
import { RpcError } from '../session/rpc-error.ts';
import type { Identity, Tool } from '../session/server-session.ts';
import type { Trust } from '../transport/address.ts';
import { whose } from './whose.ts';

/** The other tool servers, as an anchor reaches them. */
export interface Peers {
  /** The peer that the next call of the tool goes to, chosen as a client does (NetMCP 6). */
  pick(call: {
    tool: string;
    serverId: string | undefined;
    serviceArea: string | undefined;
    tried: ReadonlySet<string>;
    fresh: boolean;
  }): Promise<Candidate | undefined>;
  /** A call begins; what it returns is told how it ended. */
  begin(serverId: string, tool: string): (outcome: CallOutcome) => void;
  find(serverId: string): Promise<Candidate | undefined>;
  /** A session in the name of an agent. @throws RpcError -32012 if its token cannot be exchanged for one there */
  session(identity: Identity, candidate: Candidate): Session;
  /** Definitions of the peers' tools, by name; those of a peer that does not answer are left out. */
  tools(identity: Identity): Promise<Map<string, { definition: Tool; servers: string[] }>>;
  close(): Promise<void>;
}

/** How long what was discovered is believed without a word from the management server, ms. */
const BELIEF = 10_000;
const MAX_SESSIONS = 256;
/** Each session holds one connection for its stream; the rest is for requests. */
const CONNECTIONS = 2 * MAX_SESSIONS;
const MAX_SERVERS = 100;

/** Opens nothing until it is needed. */
export function createPeers(options: {
  env: Env;
  serverId: string;
  management: string[];
  trust?: Trust;
  /** Own credentials: for the management server, and to exchange the tokens of agents for those of peers. */
  auth?: ClientAuth;
  open?: (options: SessionOptions, identity: Identity) => Session;
}): Peers {
  const { env, serverId } = options;
  const trust = options.trust === undefined ? {} : { tls: options.trust };
  const pool = createHttpPool(CONNECTIONS);
  const balancer = createBalancer(env);
  /** By agent, rights, token and server; the longest unused is first. */
  const sessions = new Map<string, { session: Session; holder: string }>();
  let known: { entries: ServerEntry[]; until: number } | null = null;
  let asking: Promise<ServerEntry[]> | null = null;

  const gate = createNoticeGate(env.clock, ({ serverId: id, ...notice }) => {
    const entry = known?.entries.find((candidate) => candidate.serverId === id);
    if (entry !== undefined) Object.assign(entry, notice);
    for (const { session } of sessions.values()) {
      if (session.serverId === id) session.tell({ type: 'LOAD', ...notice });
    }
  });
  const line = openLine({
    env,
    urls: options.management,
    open: (url) =>
      openSession({
        env,
        agentId: serverId,
        serverId: 'management',
        target: { url, ...trust },
        pool,
        ...(options.auth && { auth: options.auth }),
        ...(options.management.length > 1 && { maxAttempts: 1 }),
        onNotification(method, params) {
          if (method === NOTIFICATIONS.changed) known = null;
          if (method !== NOTIFICATIONS.load) return;
          const notice = loadParamsSchema.safeParse(params);
          if (notice.success) gate.take(notice.data);
        },
      }),
    greet: async (session) => {
      await session.request(METHODS.subscribe, {}, subscribeResultSchema);
    },
  });

  /** An agent that had to show a token here is acted for with one that comes of it (RFC 8693), never with ours. */
  function open(session: SessionOptions, identity: Identity): Session {
    if (options.open !== undefined) return options.open(session, identity);
    if (!identity.authenticated) return openSession(session);
    const { auth } = options;
    const token = subjectToken(identity);
    if (token === undefined)
      throw new RpcError(ERROR_FORBIDDEN, 'No token is kept to act for the agent at other servers later');
    if (auth === undefined || 'interactive' in auth)
      throw new RpcError(ERROR_FORBIDDEN, 'This anchor has no credentials to act for the agent at its peers');
    return openSession({ ...session, auth: { ...auth, onBehalfOf: token } });
  }

  async function directory(fresh: boolean): Promise<ServerEntry[]> {
    if (!fresh && known !== null && known.until > env.clock.now()) return known.entries;
    asking ??= ask().finally(() => {
      asking = null;
    });
    return asking;
  }

  async function ask(): Promise<ServerEntry[]> {
    const { servers } = await line.request(METHODS.discover, { limit: MAX_SERVERS }, discoverResultSchema);
    known = {
      entries: servers.filter((entry) => entry.serverId !== serverId),
      until: env.clock.now() + BELIEF,
    };
    return known.entries;
  }

  function sessionWith(identity: Identity, { serverId: id, endpoints }: Candidate): Session {
    const holder = `${whose(identity)}\n${id}`;
    const key = `${holder}\n${digestOf(subjectToken(identity))}`;
    const before = sessions.get(key);
    sessions.delete(key);
    if (before !== undefined && ['connecting', 'ready'].includes(before.session.state().phase)) {
      sessions.set(key, before);
      return before.session;
    }
    // What an older token of the same holder opened lives no longer than its calls.
    forget((other) => other.holder === holder);
    if (sessions.size >= MAX_SESSIONS) forget(() => true, 1);
    const session = open(
      {
        env,
        agentId: identity.agent === '' ? serverId : identity.agent,
        serverId: id,
        target: { endpoints, ...trust },
        pool,
        maxAttempts: 2,
        // A peer is never asked to route on, so calls cannot run in a circle.
        offer: DIRECT_OFFER,
      },
      identity,
    );
    sessions.set(key, { session, holder });
    return session;
  }

  /** Closes idle sessions, the longest unused first. */
  function forget(which: (entry: { holder: string }) => boolean, most = Number.POSITIVE_INFINITY): void {
    let left = most;
    for (const [key, entry] of sessions) {
      if (left === 0) return;
      if (!which(entry) || entry.session.state().inFlight > 0) continue;
      sessions.delete(key);
      void entry.session.close();
      left -= 1;
    }
  }

  const stateOf = (id: string) =>
    [...sessions.values()].find(({ session }) => session.serverId === id)?.session.state();
  const candidateOf = ({ serverId: id, endpoints, digest }: ServerEntry): Candidate => ({
    serverId: id,
    url: endpoints[0] ?? '',
    endpoints,
    digest,
  });

  return {
    async pick({ tool, serverId: wanted, serviceArea, tried, fresh }) {
      let entries = await directory(fresh);
      if (entries.length >= MAX_SERVERS - 1 && !entries.some((entry) => entry.tools.includes(tool))) {
        const found = await line.request(
          METHODS.discover,
          { tool, limit: MAX_SERVERS },
          discoverResultSchema,
        );
        entries = found.servers.filter((entry) => entry.serverId !== serverId);
      }
      const fitting = entries.filter(
        (entry) =>
          entry.tools.includes(tool) &&
          (wanted === undefined || entry.serverId === wanted) &&
          (serviceArea === undefined ||
            entry.serviceArea.length === 0 ||
            entry.serviceArea.includes(serviceArea)),
      );
      return balancer.pick(fitting, stateOf, tried);
    },
    begin: (id, tool) => balancer.begin(id, tool),
    async find(id) {
      for (const fresh of [false, true]) {
        const entry = (await directory(fresh)).find((candidate) => candidate.serverId === id);
        if (entry !== undefined && entry.state !== 'gone') return candidateOf(entry);
      }
      return undefined;
    },
    session: sessionWith,
    async tools(identity) {
      const all = new Map<string, { definition: Tool; servers: string[] }>();
      const entries = (await directory(false))
        .filter(({ state }) => state !== 'gone')
        .sort((x, y) => x.serverId.localeCompare(y.serverId))
        .map(candidateOf);
      const lists = await Promise.allSettled(
        entries.map(async (candidate) => ({
          serverId: candidate.serverId,
          tools: await sessionWith(identity, candidate).tools(),
        })),
      );
      for (const list of lists) {
        if (list.status === 'rejected') {
          env.log.warn({ error: String(list.reason) }, 'the tools of a peer are not listed');
          continue;
        }
        for (const definition of list.value.tools) {
          const before = all.get(definition.name);
          if (before === undefined) all.set(definition.name, { definition, servers: [list.value.serverId] });
          else before.servers.push(list.value.serverId);
        }
      }
      return all;
    },
    async close() {
      gate.close();
      await Promise.all([...[...sessions.values()].map(({ session }) => session.close()), line.close()]);
      await pool.close();
    },
  };
}

const digestOf = (token: string | undefined) =>
  token === undefined ? '' : createHash('sha256').update(token).digest('base64url');
