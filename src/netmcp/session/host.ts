import type { Readable, Writable } from 'node:stream';
import type { Env } from '../../../machines/ports.ts';
import { fail } from '../../errors.ts';
import type { Protection } from '../auth/resource.ts';
import { isLoopback } from '../transport/address.ts';
import type { Exchange } from '../transport/exchange.ts';
import { createFront, FRONT_LIMITS, type FrontLimits } from '../transport/front.ts';
import { createLineFront } from '../transport/line-front.ts';
import { loadQuic, QUIC_ALPN, type QuicProvider } from '../transport/quic-provider.ts';
import { type Listener, listenTcp, type TlsFiles } from '../transport/tcp.ts';
import type { McpPeer, ServerSide } from './server-session.ts';

/** Over what a server can be reached (NetMCP 9); without it, plain HTTP/1.1. */
export interface ListenOptions {
  /** Serves HTTPS in place of plain HTTP. */
  tls?: TlsFiles;
  /** HTTP/2 by ALPN beside HTTP/1.1 where there is TLS; on by default. */
  h2?: boolean;
  /** HTTP/3, at its own UDP port; 0 takes any free one. Needs `tls` and the QUIC package. */
  h3?: { port: number; retry?: boolean };
  /**
   * Raw QUIC, at its own UDP port; 0 takes any free one. Needs `tls` and the QUIC package. `retry: false`
   * saves the round trip in which a client proves its address.
   */
  quic?: { port: number; retry?: boolean };
  /** False: no TCP at all. */
  http?: boolean;
  /** One client over a pair of streams: this program is its child. */
  stdio?: { input: Readable; output: Writable };
  /** Names beside the bound address under which clients may call, for example those of the certificate. */
  hosts?: string[];
}

export interface HostOptions {
  env: Env;
  host: string;
  /** 0 takes any free port. */
  port: number;
  side: ServerSide;
  /** What requests are held to, given the URL of the endpoint; without it everybody on loopback is served. */
  protect?: (url: string) => Protection;
  /** Bytes of one request body. */
  maxBody?: number;
  maxSessions?: number;
  /** ms without a request or an open stream after which a session is ended. */
  idleMs?: number;
  limits?: Partial<FrontLimits>;
  listen?: ListenOptions;
  /** The QUIC package; the installed one if none is given. */
  quic?: () => Promise<QuicProvider | null>;
}

export interface McpHost {
  /** The MCP endpoint over TCP, '' if there is none. */
  url: string;
  /** All endpoints, that of `url` first. */
  endpoints: string[];
  peers(): McpPeer[];
  /** Resolves when the client on the standard streams has gone; never without one. */
  ended: Promise<void>;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 1_024;
const HEAD_MS = 10_000;
const QUIC_IDLE_MS = 30_000;

/**
 * Serves MCP over all transports that are asked for, with one map of sessions and the same checks.
 * Away from loopback only to who is authenticated.
 * @throws RUNTIME_PORT_IN_USE, RUNTIME_ADDRESS_OPEN, NETMCP_NO_QUIC
 */
export async function listenMcp(options: HostOptions): Promise<McpHost> {
  const { env, host, side } = options;
  const { tls, h2, h3, quic, http, stdio, hosts } = options.listen ?? {};
  const limits: FrontLimits = {
    ...FRONT_LIMITS,
    ...options.limits,
    ...(options.maxBody !== undefined && { maxBody: options.maxBody }),
    ...(options.maxSessions !== undefined && { maxSessions: options.maxSessions }),
    ...(options.idleMs !== undefined && { idleMs: options.idleMs }),
  };
  if (options.protect === undefined && !isLoopback(host)) throw fail('RUNTIME_ADDRESS_OPEN', { host });
  let protection: Protection | undefined;
  const shared = { env, side, limits, protection: () => protection };
  const front = createFront(shared);
  const lines = createLineFront({ ...shared, headMs: HEAD_MS });
  // The parent of a child program needs no further proof of who it is.
  const parent = createLineFront({ env, side, limits, protection: () => undefined, headMs: null });
  const listeners: Listener[] = [];
  const endpoints: string[] = [];
  const name = host.includes(':') ? `[${host}]` : host;
  let finish = () => {};
  const ended = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const close = async () => {
    await Promise.all([front.close(), lines.close(), parent.close()]);
    await Promise.all(listeners.map((listener) => listener.close()));
  };

  /** The port is known once the listener is bound, before any request can come. */
  async function add(
    endpoint: (port: number) => string,
    listen: (onExchange: (exchange: Exchange) => void) => Promise<Listener>,
  ): Promise<void> {
    const names = { port: 0, bound: host, hosts: hosts ?? [] };
    const listener = await listen((exchange) => front.handle(exchange, names));
    names.port = listener.port;
    listeners.push(listener);
    endpoints.push(endpoint(listener.port));
    // Tokens are for the first endpoint, over whichever transport they come.
    protection ??= options.protect?.(endpoint(listener.port));
  }

  try {
    if (http !== false) {
      await add(
        (port) => `${tls ? 'https' : 'http'}://${name}:${port}/mcp`,
        (onExchange) =>
          listenTcp({
            clock: env.clock,
            host,
            port: options.port,
            ...(tls && { tls }),
            http2: h2 ?? true,
            maxConnections: MAX_CONNECTIONS,
            headMs: HEAD_MS,
            onExchange,
          }),
      );
    }
    if (h3 !== undefined || quic !== undefined) {
      const provider = await (options.quic ?? loadQuic)();
      if (tls === undefined) throw fail('NETMCP_NO_QUIC', { problem: 'it needs a key and a certificate' });
      if (provider === null) throw fail('NETMCP_NO_QUIC', { problem: 'no QUIC package runs here' });
      const common = { host, tls, idleMs: QUIC_IDLE_MS, maxConnections: MAX_CONNECTIONS };
      if (h3 !== undefined) {
        await add(
          (port) => `https+h3://${name}:${port}/mcp`,
          (onExchange) => provider.listenHttp3({ retry: true, ...common, ...h3 }, onExchange),
        );
      }
      if (quic !== undefined) {
        await add(
          (port) => `quic://${name}:${port}`,
          () =>
            provider.listenLines(
              { retry: true, ...common, ...quic, alpn: QUIC_ALPN, clock: env.clock, headMs: HEAD_MS },
              lines.serve,
            ),
        );
      }
    }
  } catch (error) {
    await close();
    throw error;
  }
  if (stdio !== undefined) {
    parent.serve({
      ...stdio,
      release() {
        stdio.input.pause();
        finish();
      },
    });
  }
  return {
    url: http === false ? '' : (endpoints[0] ?? ''),
    endpoints,
    peers: () => [...front.peers(), ...lines.peers(), ...parent.peers()],
    ended,
    close,
  };
}
