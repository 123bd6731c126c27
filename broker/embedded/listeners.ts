import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer, isIP, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { failBus } from '../errors.ts';

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
  accept(stream: Duplex, request?: IncomingMessage): unknown;
}

/** MQTT over TCP. Without `noDelay` a round trip costs 12 ms (Nagle against delayed acknowledgement). */
export async function listenTcp(options: ListenOptions): Promise<Listener> {
  const server = createServer({ noDelay: true }, (socket) => void options.accept(socket));
  server.maxConnections = options.maxConnections;
  return listen(server, options);
}

/** MQTT over WebSocket (MQTT-6.0.0); pages of other origins are refused. */
export async function listenWebSocket(options: ListenOptions): Promise<Listener> {
  const http = createHttpServer((_request, response) => void response.writeHead(426).end());
  http.maxConnections = options.maxConnections;
  const sockets = new WebSocketServer({
    server: http,
    maxPayload: options.maxPacketBytes,
    handleProtocols: (offered) => (offered.has('mqtt') ? 'mqtt' : false),
    verifyClient: ({ origin }: { origin: string | undefined }) => isLocalOrigin(origin),
  });
  sockets.on('connection', (socket, request) => {
    options.accept(createWebSocketStream(socket), request);
  });
  // `ws` repeats the server's errors; they are handled where the port is taken.
  sockets.on('error', () => undefined);
  return listen(http, options);
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
