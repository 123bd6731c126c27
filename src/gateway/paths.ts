import type { AgentCard } from '@a2a-js/sdk';
import type { A2ARequestHandler } from '@a2a-js/sdk/server';
import { restHandler } from '@a2a-js/sdk/server/express';
import express, {
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
  type Router,
} from 'express';
import type { BusMember } from '../../broker/index.ts';
import type { Env } from '../../machines/ports.ts';
import { fail, NetAgentError } from '../errors.ts';
import { jsonReader } from './body.ts';
import { bridgeTo } from './bridge.ts';
import { Call } from './call.ts';
import { httpCard, sendCard } from './cards.ts';
import { Directory, type DirectoryEntry } from './directory.ts';
import type { Wire } from './failure.ts';
import { jsonRpcRoute } from './json-rpc.ts';
import { type GatewayLimits, StreamSlots } from './limits.ts';
import { type Dialect, refuse } from './refusal.ts';
import { Doors, type UserBuilder } from './users.ts';

export interface AgentPathsOptions {
  env: Env;
  limits: GatewayLimits;
  users: UserBuilder;
  /** Users show who they are with a bearer token. */
  bearer: boolean;
  forwardAuthorization: boolean;
  /** Address of the gateway. */
  url: string;
  /** `host:port` of the central agent over gRPC. */
  grpc: string | undefined;
  door: BusMember;
  joinAs: ((agent: string) => Promise<BusMember>) | undefined;
  central: string;
}

const CARD_PATH = '/.well-known/agent-card.json';
const JSON_TYPES = ['application/json', 'application/a2a+json'];

/** The paths of every agent on the bus: its card, JSON-RPC and REST. */
export class AgentPaths {
  readonly #options: AgentPathsOptions;
  readonly #directory: Directory;
  readonly #doors: Doors;
  readonly #streams: StreamSlots;
  /** By base address; made at the first request, dropped when the agent is gone. */
  readonly #routers = new Map<string, Router>();
  readonly #readJson: RequestHandler;

  constructor(options: AgentPathsOptions) {
    const { env, limits, door } = options;
    this.#options = options;
    this.#directory = new Directory(door, env.clock, (id) => {
      if (this.#directory.get(id) === undefined) this.#routers.delete(this.#base(id, false));
    });
    this.#doors = new Doors({ own: door, join: options.joinAs, limit: limits.users });
    this.#streams = new StreamSlots(limits.streamsPerClient);
    this.#readJson = jsonReader({ bytes: limits.bodyBytes, depth: limits.depth, types: JSON_TYPES });
  }

  /** Who is on the bus, without the members that ask for users. */
  list(): Array<Record<string, unknown>> {
    return this.#directory
      .list()
      .filter(({ id }) => !this.#doors.holds(id))
      .map(({ id, status, source, card }) => ({
        id,
        status,
        source,
        ...this.#options.door.standing(id),
        name: card.name,
        description: card.description,
        skills: card.skills.map((skill) => skill.id),
        url: this.#base(id, false),
      }));
  }

  /** Serves a request to an agent; `root` where the path does not name it. */
  handle(id: string, root: boolean, request: Request, response: Response, next: NextFunction): void {
    const entry = this.#directory.get(id);
    if (entry === undefined || this.#doors.holds(id)) {
      refuse(response, fail('GATEWAY_NOT_FOUND', { path: request.originalUrl.split('?', 1)[0] }));
    } else if (entry.presence.status === 'offline') {
      refuse(response, fail('GATEWAY_AGENT_OFFLINE', { agent: id }));
    } else {
      this.#router(id, root)(request, response, next);
    }
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  /** What the central agent's gRPC calls go to. */
  grpcHandler(): A2ARequestHandler {
    return this.#bridge(this.#options.central, true, 'grpc');
  }

  async close(): Promise<void> {
    this.#directory.close();
    await this.#doors.close();
  }

  #base(id: string, root: boolean): string {
    return root ? this.#options.url : `${this.#options.url}/agents/${id}`;
  }

  #entry(id: string): DirectoryEntry {
    const entry = this.#directory.get(id);
    if (entry === undefined || entry.presence.status === 'offline') {
      throw fail('GATEWAY_AGENT_OFFLINE', { agent: id });
    }
    return entry;
  }

  #card(id: string, root: boolean): AgentCard {
    const { grpc, bearer, forwardAuthorization } = this.#options;
    return httpCard(this.#entry(id).presence.card, {
      base: this.#base(id, root),
      grpc: id === this.#options.central ? grpc : undefined,
      bearer,
      forwards: forwardAuthorization,
    });
  }

  #bridge(agent: string, root: boolean, wire: Wire): A2ARequestHandler {
    const { env, limits } = this.#options;
    return bridgeTo({
      env,
      wire,
      agent,
      card: () => this.#card(agent, root),
      doors: this.#doors,
      streams: this.#streams,
      requestMs: limits.requestMs,
    });
  }

  #router(id: string, root: boolean): Router {
    const base = this.#base(id, root);
    const known = this.#routers.get(base);
    if (known !== undefined) return known;
    const handler = this.#bridge(id, root, 'http');
    const router = express.Router();
    const authenticate = this.#authenticate();
    router.get(CARD_PATH, (request, response) => {
      sendCard(request, response, this.#card(id, root), this.#entry(id).since);
    });
    router.post('/a2a', authenticate, this.#readJson, jsonRpcRoute(handler));
    router.use(
      '/v1',
      authenticate,
      this.#readJson,
      restHandler({
        requestHandler: handler,
        userBuilder: async (request) => request.res?.locals.call as Call,
        legacyCompat: { enabled: true },
      }),
    );
    this.#routers.set(base, router);
    return router;
  }

  /** Finds out who asks, before anything of the body is read. */
  #authenticate(): RequestHandler {
    const { env, limits, users, forwardAuthorization } = this.#options;
    return async (request, response, next) => {
      const address = request.socket.remoteAddress ?? '';
      try {
        const user = await users({ headers: request.headers, address });
        const call = new Call({
          user,
          address,
          authorization: forwardAuthorization ? request.headers.authorization : undefined,
          sink: response,
          cut: () => response.destroy(),
          clock: env.clock,
          slowReaderMs: limits.slowReaderMs,
        });
        response.once('close', () => call.leave());
        response.locals.call = call;
      } catch (error) {
        if (!(error instanceof NetAgentError)) {
          env.log.error({ problem: String(error) }, 'users cannot be told apart');
        }
        refuse(response, error instanceof NetAgentError ? error : fail('GATEWAY_FAILED'));
        return;
      }
      next();
    };
  }
}

/** In which words a path says no. */
export function dialectOfPath(path: string): Dialect {
  if (path.startsWith('/a2a')) return 'json-rpc';
  return path.startsWith('/v1') ? 'rest' : 'plain';
}
