import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import { createServer as createHttps } from 'node:https';
import type { Server, Socket } from 'node:net';
import type { Clock } from '../../../machines/ports.ts';
import { fail } from '../../errors.ts';
import { type Exchange, nodeExchange } from './exchange.ts';

/** A certificate chain and its key, PEM. */
export interface TlsFiles {
  key: string;
  cert: string;
}

export interface TcpOptions {
  clock: Clock;
  host: string;
  /** 0 takes any free port. */
  port: number;
  /** Without it the words are plain. */
  tls?: TlsFiles;
  /** HTTP/2 by ALPN beside HTTP/1.1. */
  http2: boolean;
  maxConnections: number;
  /** ms within which a new connection must have sent the head of a request. */
  headMs: number;
  onExchange(exchange: Exchange): void;
}

export interface Listener {
  port: number;
  close(): Promise<void>;
}

/** Listens for HTTP/1.1 and, with TLS, HTTP/2. @throws RUNTIME_PORT_IN_USE */
export async function listenTcp(options: TcpOptions): Promise<Listener> {
  const { clock, tls } = options;
  const secure = tls !== undefined;
  const sockets = new Set<Socket>();
  const silent = new Map<string, unknown>();

  function spoke(peer: string): void {
    clock.clearTimeout(silent.get(peer));
    silent.delete(peer);
  }

  const onRequest = (
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
  ) => {
    spoke(peerOf(request.socket));
    options.onExchange(nodeExchange(request, response, secure));
  };
  const secured = { ...tls, minVersion: 'TLSv1.2', handshakeTimeout: options.headMs } as const;
  const http1 = { noDelay: true, connectionsCheckingInterval: 5_000 };
  const two = secure && options.http2;
  const server: Server = two
    ? createSecureServer(
        {
          ...secured,
          allowHTTP1: true,
          // Of HTTP/2: what one connection may open, send as head, and get wrong.
          maxSessionMemory: 8,
          settings: { maxConcurrentStreams: 128, maxHeaderListSize: 16_384, enablePush: false },
          maxSessionInvalidFrames: 100,
          maxSessionRejectedStreams: 100,
        },
        onRequest,
      )
    : secure
      ? createHttps({ ...secured, ...http1 }, onRequest)
      : createHttp(http1, onRequest);
  Object.assign(server, {
    headersTimeout: options.headMs,
    // Bodies have a limit of their own.
    requestTimeout: 0,
    keepAliveTimeout: 60_000,
    maxConnections: options.maxConnections,
  });
  // A connection of HTTP/2 on which nothing moves; open streams move by their keep-alive.
  if (two) (server as unknown as Http2SecureServer).setTimeout(120_000);

  // Neither HTTP/2 of Node nor a drawn-out TLS handshake has a limit on silence of its own.
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    sockets.add(socket);
    silent.set(
      peer,
      clock.setTimeout(() => socket.destroy(), options.headMs),
    );
    socket.on('error', () => {});
    socket.on('close', () => {
      spoke(peer);
      sockets.delete(socket);
    });
  });
  server.on('tlsClientError', () => {});
  server.on('sessionError', () => {});
  const port = await listen(server, options.host, options.port);
  return {
    port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

const peerOf = (socket: Pick<Socket, 'remoteAddress' | 'remotePort'>) =>
  `${socket.remoteAddress} ${socket.remotePort}`;

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? fail('RUNTIME_PORT_IN_USE', { port, host }) : error);
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
