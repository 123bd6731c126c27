import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { isLoopback } from '../../../broker/index.ts';
import type { Env } from '../../../machines/ports.ts';
import { fail } from '../../errors.ts';
import type { Protection } from '../auth/resource.ts';
import { refuseRequest } from './http-guard.ts';
import { listen } from './listen.ts';
import { type Identity, type McpPeer, type ServerSide, serveSession } from './server-session.ts';

export interface HostOptions {
  env: Env;
  host: string;
  /** 0 takes any free port. */
  port: number;
  side: ServerSide;
  /** Who may come in, given our URL; without it nobody is authenticated and everybody on loopback is served. */
  protect?: (url: string) => Protection;
  /** Bytes of one request body. */
  maxBody?: number;
  maxSessions?: number;
  /** ms without a request or an open stream after which a session is ended. */
  idleMs?: number;
}

export interface McpHost {
  /** The MCP endpoint. */
  url: string;
  peers(): McpPeer[];
  close(): Promise<void>;
}

interface Live {
  /** Who opened the session; nobody else may use it (MCP 2025-11-25, security: session hijacking). */
  owner: string | null;
  transport: StreamableHTTPServerTransport;
  peer: McpPeer;
  streams: number;
  seen: number;
}

/**
 * Serves MCP over Streamable HTTP with sessions; away from loopback only to who is authenticated.
 * @throws RUNTIME_PORT_IN_USE, RUNTIME_ADDRESS_OPEN
 */
export async function listenMcp(options: HostOptions): Promise<McpHost> {
  const { env, host, side } = options;
  if (options.protect === undefined && !isLoopback(host)) throw fail('RUNTIME_ADDRESS_OPEN', { host });
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

  const protection = options.protect?.(url);

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refused = refuseRequest(request, port, host);
    if (refused !== null) return deny(response, 403, refused);
    const { pathname } = new URL(request.url ?? '/', url);
    const document = request.method === 'GET' ? protection?.documents.get(pathname) : undefined;
    if (document !== undefined) return publish(response, document);
    if (pathname !== '/mcp') return deny(response, 404, 'no such endpoint');
    const identity = await authenticated(request, response);
    if (identity === undefined) return;
    const id = request.headers['mcp-session-id'];
    if (id === undefined) {
      if (request.method !== 'POST') return deny(response, 400, 'the session id is missing');
      if (sessions.size >= maxSessions) return deny(response, 503, 'too many sessions');
      return void (await open(identity)).handleRequest(request, response);
    }
    const live = typeof id === 'string' ? sessions.get(id) : undefined;
    if (live === undefined || live.owner !== ownerOf(identity))
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
    if (protection === undefined) return null;
    const known = await protection.authenticate(request);
    if ('identity' in known) {
      const { identity } = known;
      // The SDK hands `auth` of a request to the handlers; the token itself goes no further.
      Object.assign(request, {
        auth: {
          token: '',
          clientId: identity.agent,
          scopes: identity.scopes,
          extra: {
            identity,
            lacks: (scopes: string[]) =>
              challengeLater(response, protection.insufficient([...identity.scopes, ...scopes])),
          },
        },
      });
      return identity;
    }
    response.setHeader('www-authenticate', known.challenge);
    deny(response, known.status, known.message);
    return undefined;
  }

  async function open(identity: Identity | null): Promise<StreamableHTTPServerTransport> {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => env.ids.uuid(),
      enableJsonResponse: true,
      maxRequestBodySize: options.maxBody ?? 1_048_576,
      onsessioninitialized: (id) => {
        sessions.set(id, {
          owner: ownerOf(identity),
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

/** Subject and actors: who comes for somebody else has a session of its own. */
function ownerOf(identity: Identity | null): string | null {
  return identity === null ? null : JSON.stringify([identity.agent, ...identity.actors]);
}

/** MCP 2025-11-25, authorization: too few scopes are answered with 403, which only the handler finds out. */
function challengeLater(response: ServerResponse, challenge: string): void {
  if (response.headersSent) return;
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
  response.writeHead = (status: number, ...rest: unknown[]) => {
    response.setHeader('www-authenticate', challenge);
    return writeHead(status === 200 ? 403 : status, ...rest);
  };
}

function publish(response: ServerResponse, document: object): void {
  response.writeHead(200, {
    'content-type': 'application/json',
    'access-control-allow-origin': '*',
    'cache-control': 'max-age=60',
  });
  response.end(JSON.stringify(document));
}

function deny(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(JSON.stringify({ jsonrpc: '2.0', error: { code: -32000, message }, id: null }));
}
