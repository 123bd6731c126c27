import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Env } from '../../../machines/ports.ts';
import { fail } from '../../errors.ts';
import { createEventStore } from './events.ts';
import { refuseRequest } from './http-guard.ts';
import { canBeAsked, readInitialize } from './initialize-body.ts';
import { type Identity, type McpPeer, type ServerSide, serveSession } from './server-session.ts';

export interface HostOptions {
  env: Env;
  host: string;
  /** 0 takes any free port. */
  port: number;
  side: ServerSide;
  /** Who sends a request; without it nobody is authenticated and everybody is served. */
  authenticate?: Authenticate;
  /** Bytes of one request body. */
  maxBody?: number;
  maxSessions?: number;
  /** ms without a request or an open stream after which a session is ended. */
  idleMs?: number;
}

/** The sender of a request, or why it is refused, with the challenge of RFC 6750. */
export type Authenticate = (
  request: IncomingMessage,
) => Promise<{ identity: Identity } | { status: 401 | 403; challenge: string; message: string }>;

export interface McpHost {
  /** The MCP endpoint. */
  url: string;
  peers(): McpPeer[];
  close(): Promise<void>;
}

interface Live {
  /** Who opened the session; nobody else may use it. */
  agent: string | null;
  transport: StreamableHTTPServerTransport;
  peer: McpPeer;
  streams: number;
  seen: number;
}

/**
 * Serves MCP over Streamable HTTP with sessions, on loopback. @throws RUNTIME_PORT_IN_USE
 */
export async function listenMcp(options: HostOptions): Promise<McpHost> {
  const { env, host, side } = options;
  const sessions = new Map<string, Live>();
  const maxSessions = options.maxSessions ?? 512;
  const idleMs = options.idleMs ?? 600_000;
  const http = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      env.log.error({ error: String(error) }, 'MCP request failed');
      if (!response.headersSent) deny(response, 500, 'internal error');
    });
  });
  const port = await listen(http, host, options.port);
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}/mcp`;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refused = refuseRequest(request, port, host);
    if (refused !== null) return deny(response, 403, refused);
    if (new URL(request.url ?? '/', url).pathname !== '/mcp') return deny(response, 404, 'no such endpoint');
    const identity = await authenticated(request, response);
    if (identity === undefined) return;
    const id = request.headers['mcp-session-id'];
    if (id === undefined) {
      if (request.method !== 'POST') return deny(response, 400, 'the session id is missing');
      if (sessions.size >= maxSessions) return deny(response, 503, 'too many sessions');
      const first = await readInitialize(request, options.maxBody ?? 1_048_576);
      if (first === undefined) return deny(response, 413, 'the request body is too large');
      return void (await open(identity, first)).handleRequest(request, response, first);
    }
    const live = typeof id === 'string' ? sessions.get(id) : undefined;
    if (live === undefined || live.agent !== (identity?.agent ?? null))
      return deny(response, 404, 'the session is unknown or has ended');
    live.seen = env.clock.now();
    if (request.method === 'GET') {
      live.streams += 1;
      response.on('close', () => {
        live.streams -= 1;
        live.seen = env.clock.now();
      });
      // Once the head is out, notifications reach this client: what it missed is told again.
      const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
      response.writeHead = (...args: unknown[]) => {
        const result = writeHead(...args);
        queueMicrotask(() => {
          for (const part of side.parts) part.onStream?.(live.peer);
        });
        return result;
      };
    }
    await live.transport.handleRequest(request, response);
  }

  /** null: nobody is authenticated here; undefined: refused, and answered. */
  async function authenticated(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Identity | null | undefined> {
    if (options.authenticate === undefined) return null;
    const known = await options.authenticate(request);
    if ('identity' in known) {
      const { identity } = known;
      // The SDK hands `auth` of a request to the handlers; the token itself goes no further.
      Object.assign(request, {
        auth: { token: '', clientId: identity.agent, scopes: identity.scopes, extra: { identity } },
      });
      return identity;
    }
    response.setHeader('www-authenticate', known.challenge);
    deny(response, known.status, known.message);
    return undefined;
  }

  async function open(identity: Identity | null, first: unknown): Promise<StreamableHTTPServerTransport> {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => env.ids.uuid(),
      enableJsonResponse: !canBeAsked(first),
      ...(canBeAsked(first) && { eventStore: createEventStore(), retryInterval: 500 }),
      maxRequestBodySize: options.maxBody ?? 1_048_576,
      onsessioninitialized: (id) => {
        sessions.set(id, {
          agent: identity?.agent ?? null,
          transport,
          peer,
          streams: 0,
          seen: env.clock.now(),
        });
      },
      onsessionclosed: (id) => {
        sessions.delete(id);
      },
    });
    const peer = await serveSession({ env, side, transport });
    const ended = transport.onclose;
    transport.onclose = () => {
      if (transport.sessionId !== undefined) sessions.delete(transport.sessionId);
      ended?.();
      for (const part of side.parts) part.onClose?.(peer);
    };
    return transport;
  }

  let sweep: unknown;
  const scheduleSweep = () => {
    sweep = env.clock.setTimeout(() => {
      for (const live of sessions.values()) {
        if (live.streams === 0 && env.clock.now() - live.seen > idleMs) void live.transport.close();
      }
      scheduleSweep();
    }, idleMs / 2);
    if (typeof sweep === 'object' && sweep !== null && 'unref' in sweep) (sweep as NodeJS.Timeout).unref();
  };
  scheduleSweep();

  return {
    url,
    peers: () => [...sessions.values()].map((live) => live.peer),
    async close() {
      env.clock.clearTimeout(sweep);
      await Promise.all([...sessions.values()].map((live) => live.transport.close()));
      await new Promise<void>((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      });
    },
  };
}

function deny(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(JSON.stringify({ jsonrpc: '2.0', error: { code: -32000, message }, id: null }));
}

function listen(http: ReturnType<typeof createServer>, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    http.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? fail('RUNTIME_PORT_IN_USE', { port, host }) : error);
    });
    http.listen(port, host, () => {
      const address = http.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
