import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, isIP, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { failBus } from '../errors.ts';
import { gather } from '../gather.ts';

export interface Listener {
  port: number;
  /** Takes no new connections. */
  stop(): void;
  /** Ends those that are left and frees the port. */
  close(): Promise<void>;
}

export interface ListenOptions {
  host: string;
  port: number;
  maxConnections: number;
  maxPacketBytes: number;
  tls?: TlsOptions | undefined;
  /** Decides before a byte is read. */
  admits(stream: Duplex, request?: IncomingMessage): boolean;
  /** Told of a connection that broke off in the handshake of TLS. */
  failed(stream: Duplex): void;
  accept(stream: Duplex, request?: IncomingMessage): unknown;
}

/** Paths of PEM files. */
export interface TlsFiles {
  cert: string;
  key: string;
  /** Authorities of client certificates; those of the system without it. */
  ca?: string;
  /** Asks clients for a certificate. One that is not good is as none: the identity provider decides. */
  requestCert?: boolean;
}

/** @throws BUS_TLS_UNUSABLE */
export function readTls({ cert, key, ca, requestCert = false }: TlsFiles): TlsOptions {
  try {
    return {
      cert: readFileSync(cert),
      key: readFileSync(key),
      ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
      requestCert,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['mqtt', 'http/1.1'],
      handshakeTimeout: 10_000,
    };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw failBus('BUS_TLS_UNUSABLE', { problem: code === 'ENOENT' ? `no file ${pathOf(error)}` : message });
  }
}

const pathOf = (error: unknown) => (error as NodeJS.ErrnoException).path ?? '';

/** Bytes that a connection may have unsent before its sender is told to wait. */
const HIGH_WATER = 1024 * 1024;

/** MQTT over TCP or TLS. Without `noDelay` a round trip costs 12 ms (Nagle against delayed acknowledgement). */
export async function listenTcp(options: ListenOptions): Promise<Listener> {
  const take = (socket: Socket) => {
    gather(socket);
    if (options.admits(socket)) options.accept(socket);
    else socket.destroy();
  };
  const sockets = { noDelay: true, highWaterMark: HIGH_WATER };
  const server = secured(options, (tls) =>
    tls === undefined ? createServer(sockets, take) : createTlsServer({ ...tls, ...sockets }, take),
  );
  server.maxConnections = options.maxConnections;
  return listen(server, options);
}

/** MQTT over WebSocket (MQTT-6.0.0); pages of other origins are refused. */
export async function listenWebSocket(options: ListenOptions): Promise<Listener> {
  const refuse = (_request: IncomingMessage, response: { writeHead(status: number): { end(): unknown } }) =>
    void response.writeHead(426).end();
  const http = secured(options, (tls) =>
    tls === undefined ? createHttpServer(refuse) : createHttpsServer(tls, refuse),
  );
  http.maxConnections = options.maxConnections;
  const sockets = new WebSocketServer({
    server: http,
    maxPayload: options.maxPacketBytes,
    handleProtocols: (offered) => (offered.has('mqtt') ? 'mqtt' : false),
    verifyClient: ({ origin }: { origin: string | undefined }) => isLocalOrigin(origin),
  });
  sockets.on('connection', (socket, request) => {
    const stream = createWebSocketStream(socket, { writableHighWaterMark: HIGH_WATER });
    if (options.admits(stream, request)) options.accept(stream, request);
    else stream.destroy();
  });
  // `ws` repeats the server's errors; they are handled where the port is taken.
  sockets.on('error', () => undefined);
  return listen(http, options);
}

/** A key that does not belong to the certificate shows when the server is made. */
function secured<S extends Server>(
  { tls, failed }: ListenOptions,
  make: (tls: TlsOptions | undefined) => S,
): S {
  try {
    const server = make(tls);
    server.on('tlsClientError', (_error: Error, socket: Duplex) => failed(socket));
    return server;
  } catch (error) {
    throw failBus('BUS_TLS_UNUSABLE', { problem: (error as Error).message });
  }
}

async function listen(server: Server, { host, port }: ListenOptions): Promise<Listener> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? failBus('BUS_PORT_IN_USE', { host, port })
          : failBus('BUS_ADDRESS_UNUSABLE', { host, port, problem: error.code ?? error.message }),
      );
    });
    server.listen(port, host, () => resolve());
  });
  const closed = new Promise<void>((resolve) => server.once('close', () => resolve()));
  return {
    port: (server.address() as AddressInfo).port,
    stop: () => void server.close(),
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
      return closed;
    },
  };
}

/** `localhost`, 127.0.0.0/8 and ::1. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

/** A program sends no Origin; a page of this machine sends a local one. */
function isLocalOrigin(origin: string | undefined): boolean {
  if (origin === undefined) return true;
  try {
    return isLoopback(new URL(origin).hostname.replace(/^\[|\]$/g, ''));
  } catch {
    return false;
  }
}
