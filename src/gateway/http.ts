import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AgentCard } from '@a2a-js/sdk';
import type { Client } from '@a2a-js/sdk/client';
import { agentCardHandler, jsonRpcHandler, UserBuilder } from '@a2a-js/sdk/server/express';
import express from 'express';
import type { Log } from '../../machines/ports.ts';
import { fail } from '../errors.ts';
import { bridgeTo } from './bridge.ts';

export interface GatewayOptions {
  host: string;
  /** 0 takes any free port. */
  port: number;
  log: Log;
}

export interface GatewayState {
  /** Parts that must be up, by name. */
  parts: Record<string, boolean>;
  draining: boolean;
}

/** What the gateway serves and tells of. */
export interface GatewayAgent {
  card: AgentCard;
  client: () => Promise<Client>;
  state: () => GatewayState;
  /** Addresses of the runtime, for `/readyz`. */
  endpoints: () => Record<string, unknown>;
  /** Who is on the bus, for `/agents`. */
  agents: () => Array<Record<string, unknown>>;
}

export interface Gateway {
  url: string;
  /** Begins to serve the agent; until then its paths answer 503. */
  serve(agent: GatewayAgent): void;
  close(): Promise<void>;
}

/** Bodies beyond this are refused with 413: a request is a sentence, not a file. */
const MAX_BODY = '256kb';

/**
 * A2A over HTTP (JSON-RPC) for one agent of the bus, and the health of the runtime. Binds first and
 * serves later, because the agent's card names the address that was bound.
 */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', 'strong');
  const server = createServer(app);
  await listen(server, options);
  const port = (server.address() as AddressInfo).port;
  const url = `http://${options.host}:${port}`;

  // DNS rebinding: a page of another origin that resolves to this address is refused.
  app.use((request, response, next) => {
    const host = request.headers.host ?? '';
    const origin = request.headers.origin;
    const own = new Set([
      `${options.host}:${port}`,
      `localhost:${port}`,
      `127.0.0.1:${port}`,
      `[::1]:${port}`,
    ]);
    if (!own.has(host) || (origin !== undefined && !own.has(origin.replace(/^https?:\/\//, '')))) {
      response.status(403).json({ error: 'GATEWAY_FOREIGN_ORIGIN' });
      return;
    }
    next();
  });

  let started = false;
  let state: () => GatewayState = () => ({ parts: {}, draining: false });
  let endpoints: () => Record<string, unknown> = () => ({});
  let agents: () => Array<Record<string, unknown>> = () => [];
  const up = () => started && !state().draining && Object.values(state().parts).every(Boolean);
  app.get('/startup', (_request, response) => void response.status(started ? 200 : 503).json({ started }));
  app.get('/healthz', (_request, response) => void response.json({ alive: true }));
  app.get('/readyz', (_request, response) => {
    response.status(up() ? 200 : 503).json({ ready: up(), ...state(), endpoints: endpoints() });
  });
  app.get('/agents', (_request, response) => void response.json(agents()));

  return {
    url,
    serve(agent) {
      const handler = bridgeTo(agent.card, agent.client);
      ({ state, endpoints, agents } = agent);
      app.use('/.well-known/agent-card.json', agentCardHandler({ agentCardProvider: handler }));
      app.use(
        '/a2a',
        express.json({ limit: MAX_BODY, type: ['application/json', 'application/a2a+json'] }),
        jsonRpcHandler({ requestHandler: handler, userBuilder: UserBuilder.noAuthentication }),
      );
      app.use((_request, response) => void response.status(404).json({ error: 'GATEWAY_NOT_FOUND' }));
      app.use(
        (
          error: { status?: number; type?: string },
          _request: express.Request,
          response: express.Response,
          _next: express.NextFunction,
        ) => {
          options.log.warn({ status: error.status, type: error.type }, 'request refused');
          response.status(error.status ?? 500).json({ error: error.type ?? 'GATEWAY_FAILED' });
        },
      );
      started = true;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, { host, port }: GatewayOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? fail('RUNTIME_PORT_IN_USE', { host, port }) : error);
    });
    server.listen(port, host, () => resolve());
  });
}
