import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import {
  isInitializeRequest,
  JSONRPCMessageSchema,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/sdk/types.js';
import type { Env } from '../../../machines/ports.ts';
import type { Protection } from '../auth/resource.ts';
import { type Identity, type McpPeer, type ServerSide, serveSession } from '../session/server-session.ts';
import type { EventLimits } from './event-log.ts';
import { BodyRefused, type Exchange, readBody } from './exchange.ts';
import { type Names, refuseExchange } from './guard.ts';
import { createStreamable, type Posted, refusal, type Streamable } from './streamable.ts';

export interface FrontOptions {
  env: Env;
  side: ServerSide;
  /** What requests are held to; undefined: everybody is served. */
  protection(): Protection | undefined;
  limits: FrontLimits;
}

export interface FrontLimits {
  /** Bytes of one request body or one line. */
  maxBody: number;
  /** ms for a whole body. */
  bodyMs: number;
  maxSessions: number;
  /** ms without a request or an open stream after which a session is ended. */
  idleMs: number;
  streamAfterMs: number;
  retryMs: number;
  keepAliveMs: number;
  events?: EventLimits;
}

export const FRONT_LIMITS: FrontLimits = {
  maxBody: 1_048_576,
  bodyMs: 30_000,
  maxSessions: 512,
  idleMs: 600_000,
  streamAfterMs: 5_000,
  retryMs: 1_000,
  keepAliveMs: 15_000,
};

/** MCP over HTTP, whichever version carries it; one map of sessions for all listeners. */
export interface Front {
  handle(exchange: Exchange, names: Names): void;
  peers(): McpPeer[];
  close(): Promise<void>;
}

interface Live {
  /** Who opened the session; nobody else may use it. */
  owner: string | null;
  streamable: Streamable;
  peer: McpPeer;
  seen: number;
}

const MAX_BATCH = 100;
const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;

export function createFront(options: FrontOptions): Front {
  const { env, side, limits } = options;
  const sessions = new Map<string, Live>();

  function deny(exchange: Exchange, status: number, message: string, code?: number): void {
    exchange.reply(status, { 'content-type': 'application/json' }, refusal(message, code));
  }

  async function handle(exchange: Exchange, names: Names): Promise<void> {
    const refused = refuseExchange(exchange, names);
    if (refused !== null) return deny(exchange, 403, refused);
    const document = exchange.method === 'GET' && options.protection()?.documents.get(exchange.path);
    if (document) return publish(exchange, document);
    if (exchange.path !== '/mcp') return deny(exchange, 404, 'no such endpoint');
    const identity = await authenticated(exchange);
    if (identity === undefined) return;
    const id = exchange.headers['mcp-session-id'];
    const version = exchange.headers['mcp-protocol-version'];
    if (id === undefined) {
      return exchange.method === 'POST'
        ? open(exchange, identity)
        : deny(exchange, 400, 'the session id is missing');
    }
    const live = typeof id === 'string' ? sessions.get(id) : undefined;
    if (live === undefined || live.owner !== ownerOf(identity)) {
      return deny(exchange, 404, 'the session is unknown or has ended');
    }
    if (version !== undefined && !SUPPORTED_PROTOCOL_VERSIONS.includes(String(version))) {
      return deny(exchange, 400, 'the protocol version is not spoken here');
    }
    live.seen = env.clock.now();
    switch (exchange.method) {
      case 'POST': {
        const posted = await take(exchange);
        if (posted === null) return;
        const { answering, auth } = challengeable(exchange, identity);
        return live.streamable.post(answering, posted, auth, String(version ?? ''));
      }
      case 'GET': {
        if (!accepts(exchange, 'text/event-stream'))
          return deny(exchange, 406, 'the answer is an event stream');
        exchange.onClose(() => {
          live.seen = env.clock.now();
        });
        return live.streamable.get(exchange, String(version ?? ''));
      }
      case 'DELETE':
        await live.streamable.transport.close();
        return exchange.reply(200, {});
      default:
        return exchange.reply(
          405,
          { allow: 'GET, POST, DELETE', 'content-type': 'application/json' },
          refusal('the method is not served here'),
        );
    }
  }

  /** null: nobody is authenticated here; undefined: refused, and answered. */
  async function authenticated(exchange: Exchange): Promise<Identity | null | undefined> {
    const protection = options.protection();
    if (protection === undefined) return null;
    const known = await protection.authenticate(exchange);
    if ('identity' in known) return known.identity;
    exchange.reply(
      known.status,
      { 'content-type': 'application/json', 'www-authenticate': known.challenge },
      refusal(known.message),
    );
    return undefined;
  }

  /** The messages of a POST; null: refused, and answered. */
  async function take(exchange: Exchange): Promise<Posted | null> {
    const { headers } = exchange;
    if (!accepts(exchange, 'application/json') || !accepts(exchange, 'text/event-stream')) {
      deny(exchange, 406, 'the answer is JSON or an event stream');
      return null;
    }
    if (!/^application\/json *(;|$)/i.test(headers['content-type'] ?? '')) {
      deny(exchange, 415, 'the body must be application/json');
      return null;
    }
    try {
      const json: unknown = JSON.parse(await readBody(exchange, env.clock, limits.maxBody, limits.bodyMs));
      const batch = Array.isArray(json);
      const items: unknown[] = batch ? json : [json];
      const read = items.slice(0, MAX_BATCH + 1).map((item) => JSONRPCMessageSchema.safeParse(item));
      if (items.length === 0 || items.length > MAX_BATCH || !read.every((item) => item.success)) {
        deny(exchange, 400, 'the body is no JSON-RPC message', INVALID_REQUEST);
        return null;
      }
      return { messages: read.map((item) => item.data), batch };
    } catch (error) {
      if (error instanceof BodyRefused) deny(exchange, error.status, error.message);
      else deny(exchange, 400, 'the body is no JSON', PARSE_ERROR);
      return null;
    }
  }

  async function open(exchange: Exchange, identity: Identity | null): Promise<void> {
    if (sessions.size >= limits.maxSessions) return deny(exchange, 503, 'too many sessions');
    const posted = await take(exchange);
    if (posted === null) return;
    const [first] = posted.messages;
    if (posted.messages.length !== 1 || !isInitializeRequest(first)) {
      return deny(exchange, 400, 'the session id is missing');
    }
    const sessionId = env.ids.uuid();
    const streamable = createStreamable({
      env,
      sessionId,
      streamAfterMs: limits.streamAfterMs,
      retryMs: limits.retryMs,
      keepAliveMs: limits.keepAliveMs,
      ...(limits.events && { events: limits.events }),
      onStream() {
        for (const part of side.parts) part.onStream?.(peer);
      },
    });
    const peer = await serveSession({ env, side, transport: streamable.transport });
    const ended = streamable.transport.onclose;
    streamable.transport.onclose = () => {
      sessions.delete(sessionId);
      ended?.();
      for (const part of side.parts) part.onClose?.(peer);
    };
    sessions.set(sessionId, {
      owner: ownerOf(identity),
      streamable,
      peer,
      seen: env.clock.now(),
    });
    const { answering, auth } = challengeable(exchange, identity);
    streamable.post(answering, posted, auth, first.params.protocolVersion);
  }

  /**
   * The exchange with what the handlers are told of its sender. MCP 2025-11-25, authorization: too few
   * scopes are answered with 403, which only the handler finds out.
   */
  function challengeable(exchange: Exchange, identity: Identity | null) {
    const protection = options.protection();
    if (identity === null || protection === undefined) return { answering: exchange, auth: undefined };
    let challenge: string | undefined;
    const answering: Exchange = {
      ...exchange,
      reply(status, headers, body) {
        if (challenge === undefined) return exchange.reply(status, headers, body);
        const asking = { ...headers, 'www-authenticate': challenge };
        exchange.reply(status === 200 ? 403 : status, asking, body);
      },
    };
    const lacks = (scopes: string[]) => {
      challenge = protection.insufficient([...identity.scopes, ...scopes]);
    };
    // The SDK hands it to the handlers; the token itself goes no further.
    const auth: AuthInfo = {
      token: '',
      clientId: identity.agent,
      scopes: identity.scopes,
      extra: { identity, lacks },
    };
    return { answering, auth };
  }

  let sweep: unknown;
  const scheduleSweep = () => {
    sweep = env.clock.setTimeout(() => {
      for (const { streamable, seen } of sessions.values()) {
        if (streamable.streams() === 0 && env.clock.now() - seen > limits.idleMs) {
          void streamable.transport.close();
        }
      }
      scheduleSweep();
    }, limits.idleMs / 2);
    if (typeof sweep === 'object' && sweep !== null && 'unref' in sweep) (sweep as NodeJS.Timeout).unref();
  };
  scheduleSweep();

  return {
    handle(exchange, names) {
      handle(exchange, names).catch((error: unknown) => {
        env.log.error({ error: String(error) }, 'MCP request failed');
        if (exchange.open()) deny(exchange, 500, 'internal error');
      });
    },
    peers: () => [...sessions.values()].map((live) => live.peer),
    async close() {
      env.clock.clearTimeout(sweep);
      await Promise.all([...sessions.values()].map((live) => live.streamable.transport.close()));
    },
  };
}

function accepts(exchange: Exchange, type: string): boolean {
  const accept = exchange.headers.accept ?? '';
  return accept.includes(type) || accept.includes('*/*');
}

/** Subject and actors: who comes for somebody else has a session of its own. */
export function ownerOf(identity: Identity | null): string | null {
  return identity === null ? null : JSON.stringify([identity.agent, ...identity.actors]);
}

function publish(exchange: Exchange, document: object): void {
  const headers = {
    'content-type': 'application/json',
    'access-control-allow-origin': '*',
    'cache-control': 'max-age=60',
  };
  exchange.reply(200, headers, JSON.stringify(document));
}
