import type { Clock } from '../../../machines/ports.ts';
import type { HttpConnection } from './connection-fetch.ts';
import type { Exchange } from './exchange.ts';
import type { Line } from './line-front.ts';
import type { Listener, TlsFiles } from './tcp.ts';

/** NetMCP 9: one bidirectional stream a session, newline-delimited JSON-RPC. */
export const QUIC_ALPN = 'netmcp/1';

export interface QuicListenOptions {
  host: string;
  /** 0 takes any free port. */
  port: number;
  tls: TlsFiles;
  /** ms without a packet after which a connection is over. */
  idleMs: number;
  maxConnections: number;
  /**
   * Makes each client prove its address by one more round trip before anything is kept for it (RFC 9000 8.1.2):
   * without it, a flood of false addresses can use up the connections.
   */
  retry: boolean;
}

export interface QuicDialOptions {
  host: string;
  port: number;
  /** The name that the certificate must have. */
  servername: string;
  /** PEM of the authority to trust; without it, those of the system. */
  ca?: string;
  /** ms for the handshake. */
  connectMs: number;
  idleMs: number;
  signal?: AbortSignal;
}

/** What NetMCP needs of an implementation of QUIC. */
export interface QuicProvider {
  /** Each first stream of a connection becomes a line; further streams are refused. */
  listenLines(
    /** `headMs`: ms for a first stream. */
    options: QuicListenOptions & { alpn: string; clock: Clock; headMs: number },
    onLine: (line: Line) => void,
  ): Promise<Listener>;
  dialLine(options: QuicDialOptions & { alpn: string }): Promise<Line & { ping(): void }>;
  listenHttp3(options: QuicListenOptions, onExchange: (exchange: Exchange) => void): Promise<Listener>;
  dialHttp3(options: QuicDialOptions): Promise<HttpConnection>;
}

let loading: Promise<QuicProvider | null> | undefined;

/** The provider of this installation; null where none is installed or it does not run here. */
export function loadQuic(): Promise<QuicProvider | null> {
  loading ??= import('./currentspace.ts')
    .then(({ loadCurrentspace }) => loadCurrentspace())
    .catch(() => null);
  return loading;
}
