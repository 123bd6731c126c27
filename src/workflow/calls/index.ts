import { rootCertificates } from 'node:tls';
import type { Env } from '../../../machines/ports.ts';
import { standardError } from '../fault.ts';
import { a2aCalls } from './a2a.ts';
import { asyncapiCalls } from './asyncapi.ts';
import { createAuthenticator } from './auth/authenticator.ts';
import { grpcCalls } from './grpc.ts';
import { httpCalls } from './http.ts';
import { mcpCalls } from './mcp.ts';
import { type MqttConnect, mqttConnector } from './mqtt.ts';
import { openapiCalls } from './openapi.ts';
import { createOutgoing, type Fetch } from './outgoing.ts';
import { type CallPolicy, Gate, type Resolve } from './policy.ts';
import type { A2aPort, McpPort } from './ports.ts';
import { createResources, descriptionOf, type Resources } from './resources.ts';
import type { CallContext, CallHandler, CallHandlers, Protocol, ReadScope } from './types.ts';

export { standardError } from '../fault.ts';
export { type CallProblem, checkCall } from './check.ts';
export { fillArguments } from './fill.ts';
export type { MqttConnect, MqttLink } from './mqtt.ts';
export type { Fetch } from './outgoing.ts';
export { type CallPolicy, STRICT_POLICY } from './policy.ts';
export {
  type A2aAgent,
  type A2aOperation,
  type A2aPort,
  type A2aTarget,
  type McpPort,
  type McpSession,
  type McpTransport,
  PeerError,
} from './ports.ts';
export type { Resource, Resources } from './resources.ts';
export {
  type CallContext,
  type CallHandler,
  type CallHandlers,
  type ReadScope,
  UNEVALUATED,
} from './types.ts';

export interface CallsOptions {
  env: Env;
  policy: CallPolicy;
  /** How MCP and A2A are spoken; without it these calls are refused. */
  mcp?: McpPort;
  a2a?: A2aPort;
  /** `host:port` of gRPC services that are called over TLS; those on port 443 always are. */
  grpcTls?: readonly string[];
  /** Certificates (PEM) of authorities that are trusted beside the usual ones. */
  ca?: readonly string[];
  /** Replaces the network of HTTP (tests). */
  fetch?: Fetch;
  /** Replaces the network of MQTT, for example by a bus of this process. */
  mqttConnect?: MqttConnect;
  /** Replaces the resolver of names (tests). */
  resolve?: Resolve;
}

export interface Calls extends CallHandlers {
  /** Reads external resources under the same policy, for scripts, schemas and catalogues too. */
  resources: Resources;
  /**
   * The same for what the engine reads by itself (`resources` of its options): schemas and functions, JSON or YAML.
   * Without a scope there is no input, no named policy of authentication and no secret.
   * @throws RaisedError `configuration`, `authorization`, `communication`
   */
  readDescription(resource: unknown, signal: AbortSignal, scope?: ReadScope): Promise<unknown>;
  /** The same as text: scripts (`texts` of the engine's options). */
  readText(resource: unknown, signal: AbortSignal, scope?: ReadScope): Promise<string>;
  /** Protocols of which nothing is carried here. */
  lacking: readonly Protocol[];
  /** Ends what is kept open. */
  close(): Promise<void>;
}

/**
 * Handlers of all calls over one policy, one HTTP client and one store of tokens.
 * @throws RaisedError `configuration` for a policy that cannot be read
 */
export function createCalls(options: CallsOptions): Calls {
  const { env } = options;
  const gate = new Gate(options.policy, options.resolve);
  const ca = options.ca && [...rootCertificates, ...options.ca];
  const outgoing = createOutgoing(gate, {
    ...(options.fetch && { fetch: options.fetch }),
    ...(ca && { ca }),
  });
  const authenticate = createAuthenticator({ env, outgoing });
  const tools = { env, outgoing, authenticate };
  const resources = createResources(tools);
  const inScope = (signal: AbortSignal, scope: ReadScope = {}): CallContext => ({
    ...NO_TASK,
    ...scope,
    signal,
  });
  return {
    http: httpCalls(tools),
    openapi: openapiCalls({ ...tools, resources }),
    grpc: grpcCalls({ gate, authenticate, resources, tls: options.grpcTls ?? [], ca }),
    asyncapi: asyncapiCalls({ ...tools, resources, connect: options.mqttConnect ?? mqttConnector(gate, ca) }),
    mcp: options.mcp === undefined ? refused('mcp') : mcpCalls({ ...tools, port: options.mcp }),
    a2a: options.a2a === undefined ? refused('a2a') : a2aCalls({ ...tools, resources, port: options.a2a }),
    resources,
    readDescription: async (resource, signal, scope) =>
      descriptionOf(await resources.read(resource, inScope(signal, scope))),
    readText: async (resource, signal, scope) =>
      (await resources.read(resource, inScope(signal, scope))).text,
    lacking: [
      ...(options.mcp === undefined ? (['mcp'] as const) : []),
      ...(options.a2a === undefined ? (['a2a'] as const) : []),
    ],
    close: () => outgoing.close(),
  };
}

/** What is read outside of any task has no input, no named credentials and no secrets. */
const NO_TASK: Omit<CallContext, 'signal'> = {
  instanceId: '',
  pointer: '',
  idempotencyKey: '',
  meta: {},
  input: {},
  authentications: {},
  fill: async (value) => value,
  evaluate: async () => null,
  secret: (name) => {
    throw standardError('authorization', `The secret ${name} is not read outside of a task`);
  },
  authorized: () => {},
  progress: () => {},
};

const refused =
  (protocol: string): CallHandler =>
  async () => {
    throw standardError('configuration', `Calls over ${protocol} are not made here`);
  };
