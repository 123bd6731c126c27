import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, {
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
  type Router,
} from 'express';
import { type Admission, type BusMember, parseAgentId } from '../../broker/index.ts';
import type { Env } from '../../machines/ports.ts';
import { fail } from '../errors.ts';
import { type GrpcGateway, openGrpc } from './grpc.ts';
import { GATEWAY_LIMITS, type GatewayLimits } from './limits.ts';
import type { OperatedWorkflows } from './operated-workflows.ts';
import { addOperatorRoutes, type HeldTools, type OperatedNetwork } from './operator.ts';
import { AgentPaths, dialectOfPath } from './paths.ts';
import { refuse, refuseErrors } from './refusal.ts';
import { ANYBODY, type UserBuilder } from './users.ts';
import { addWorkflowRoutes } from './workflow-routes.ts';

export interface GatewayOptions {
  host: string;
  /** 0 takes any free port. */
  port: number;
  /** gRPC for the central agent; 0 takes any free port, absent serves none. */
  grpcPort?: number;
  env: Env;
  limits?: Partial<GatewayLimits>;
  /** Who is asking; without it, everybody is one and the same user of the bus. */
  users?: UserBuilder;
  /** Hands the caller's Authorization to the agents as it is. Off: a token for the gateway stays here. */
  forwardAuthorization?: boolean;
}

export interface GatewayState {
  /** Parts that must be up, by name. */
  parts: Record<string, boolean>;
  draining: boolean;
}

/** What the gateway serves and tells of. */
export interface GatewayAgents {
  /** Asks on the bus and knows who is there. */
  door: BusMember;
  /** Joins the bus as `agent` to ask for one user; needed where there are users. */
  joinAs?: (agent: string) => Promise<BusMember>;
  /** Agent at the root paths and over gRPC. */
  central: string;
  /** Lets agents in and shuts them out, for the operator at this machine. */
  admission?: Pick<Admission, 'approve' | 'revoke' | 'standing'>;
  /** Tools that wait for the operator at this machine. */
  tools?: HeldTools;
  /** The simulated network, for the operator at this machine. */
  network?: OperatedNetwork;
  /** Workflows: templates, instances, approvals, events; under `/workflows`. */
  workflows?: OperatedWorkflows;
  /** APIs for applications that are no agents, under `/camara`. */
  camara?: Router;
  state: () => GatewayState;
  /** Addresses of the runtime, for `/readyz`. */
  endpoints: () => Record<string, unknown>;
}

export interface Gateway {
  url: string;
  /** `host:port`, if gRPC is served. */
  grpc: string | undefined;
  /** Streams to clients that are open now. */
  readonly openStreams: number;
  /** Begins to serve the agents of a bus; resolves when the central one is there. Until then paths answer 503. */
  serve(agents: GatewayAgents): Promise<void>;
  close(): Promise<void>;
}

/**
 * A2A over HTTP for every agent of the bus, over gRPC for the central one, and the health of the runtime.
 * Binds first and serves later, because the agents' cards name the address that was bound.
 */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { env, host } = options;
  const limits = { ...GATEWAY_LIMITS, ...options.limits };
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', 'strong');
  const server = createServer(app);
  server.maxConnections = limits.connections;
  server.requestTimeout = limits.receiveMs;
  server.headersTimeout = Math.min(server.headersTimeout, limits.receiveMs);
  await listen(server, options);
  const port = (server.address() as AddressInfo).port;
  const url = `http://${host}:${port}`;
  const users = options.users ?? (async () => ANYBODY);
  const forwardAuthorization = options.forwardAuthorization ?? false;
  let grpc: GrpcGateway | undefined;
  if (options.grpcPort !== undefined) {
    const shared = { host, port: options.grpcPort, env, limits, users, forwardAuthorization };
    grpc = await openGrpc(shared).catch((error) => {
      server.close();
      throw error;
    });
  }

  let served: GatewayAgents | undefined;
  let paths: AgentPaths | undefined;
  app.use(sameHost(host, port));
  const state = () => served?.state() ?? { parts: {}, draining: false };
  const up = () => served !== undefined && !state().draining && Object.values(state().parts).every(Boolean);
  app.get('/startup', (_request, response) => {
    response.status(served ? 200 : 503).json({ started: served !== undefined });
  });
  app.get('/healthz', (_request, response) => void response.json({ alive: true }));
  app.get('/readyz', (_request, response) => {
    response.status(up() ? 200 : 503).json({ ready: up(), ...state(), endpoints: served?.endpoints() ?? {} });
  });
  app.get('/agents', (_request, response) => void response.json(paths?.list() ?? []));
  addOperatorRoutes(app, () => served);
  const followers = addWorkflowRoutes(app, { served: () => served, env, limits });
  app.use('/camara', (request, response, next) => {
    if (served?.camara === undefined)
      refuse(response, fail(served ? 'GATEWAY_NOT_FOUND' : 'GATEWAY_STARTING', { path: request.path }));
    else served.camara(request, response, next);
  });
  app.use('/agents/:org/:unit/:agent', (request, response, next) => {
    const { org, unit, agent } = request.params;
    const id = `${org}/${unit}/${agent}`;
    if (parseAgentId(id) === null) next();
    else serveAgent(id, request, response, next);
  });
  app.use((request, response, next) => {
    if (!/^\/(\.well-known\/agent-card\.json|a2a|v1)(\/|$)/.test(request.path)) next();
    else serveAgent(undefined, request, response, next);
  });
  const serveAgent = (id: string | undefined, request: Request, response: Response, next: NextFunction) => {
    response.locals.dialect = dialectOfPath(request.path);
    const agent = id ?? served?.central;
    if (paths === undefined || agent === undefined) refuse(response, fail('GATEWAY_STARTING'));
    else paths.handle(agent, id === undefined, request, response, next);
  };
  app.use((request, response) => refuse(response, fail('GATEWAY_NOT_FOUND', { path: request.path })));
  app.use(refuseErrors(limits, env.log));

  return {
    url,
    grpc: grpc?.address,
    get openStreams() {
      return (paths?.openStreams ?? 0) + followers();
    },
    async serve(agents) {
      if (options.users !== undefined && agents.joinAs === undefined) {
        throw new TypeError('a gateway with users needs joinAs: each user is a member of its own');
      }
      await agents.door.client(agents.central);
      paths = new AgentPaths({
        env,
        limits,
        users,
        bearer: options.users !== undefined,
        forwardAuthorization,
        url,
        grpc: grpc?.address,
        door: agents.door,
        joinAs: agents.joinAs,
        central: agents.central,
      });
      grpc?.serve(paths.grpcHandler());
      served = agents;
    },
    async close() {
      grpc?.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      await paths?.close();
    },
  };
}

/** DNS rebinding: a page of another origin that resolves to this address is refused. */
function sameHost(host: string, port: number): RequestHandler {
  const own = new Set([host, 'localhost', '127.0.0.1', '[::1]'].map((name) => `${name}:${port}`));
  return (request, response, next) => {
    const { host: asked = '', origin } = request.headers;
    const foreign = origin !== undefined && !own.has(origin.replace(/^https?:\/\//, ''));
    if (!own.has(asked) || foreign) refuse(response, fail('GATEWAY_FOREIGN_ORIGIN'));
    else next();
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
