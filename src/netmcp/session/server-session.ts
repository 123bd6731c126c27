import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  InitializeRequestSchema,
  LATEST_PROTOCOL_VERSION,
  ListToolsRequestSchema,
  ResultSchema,
  type ServerNotification,
  type ServerRequest,
  SUPPORTED_PROTOCOL_VERSIONS,
  type Tool,
} from '@modelcontextprotocol/sdk/types.js';
import type { InspectionEvent } from 'xstate';
import type { Env } from '../../../machines/ports.ts';
import type { Agreement, Offer } from '../../../machines/protocols/negotiation.machine.ts';
import { EXTENSION, featureOfMethod, VERSION } from '../schema/index.ts';
import { agreementOf, answerOf, startNegotiation } from './negotiate.ts';
import { pageOf } from './pages.ts';
import { Forbidden, INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, RpcError } from './rpc-error.ts';
import { capabilitiesOf, type LoggingLevel, type Surface, serveSurface } from './surface.ts';

export type { CallToolResult, Tool };

/** Who a request comes from, as the server established it. */
export interface Identity {
  /** The subject of the token; where nobody is authenticated, the name that the client gave itself. */
  agent: string;
  authenticated: boolean;
  scopes: string[];
  /** Who acts for the agent, nearest first (RFC 8693 `act`). */
  actors: string[];
}

/** A connected client, as the server sees it. */
export interface McpPeer {
  /** Name that the client gave itself. */
  agent: string;
  agreement: Agreement;
  /** Sends a notification; lost if the client holds no stream open. */
  notify(method: string, params: Record<string, unknown>): void;
  /** Tells the client that a resource has changed, if it watches it. */
  updated?(uri: string): void;
}

/** Requests that a server may make of a client (MCP 2025-11-25). */
export type ClientMethod = 'elicitation/create' | 'sampling/createMessage' | 'roots/list';

/** What belongs to one request. */
export interface RequestContext {
  identity: Identity;
  /** `_meta` of our extension, unread. */
  meta: unknown;
  signal: AbortSignal;
  /** `notifications/progress` to the requester; does nothing where it asked for none. */
  progress(progress: { progress: number; total?: number; message?: string }): void;
  /** `notifications/message` to the requester, if it wants messages of this level. */
  log?(level: LoggingLevel, logger: string, data: unknown): void;
  /**
   * Asks the requester's client within this request; null if it has not named the capability. Nothing of the
   * profile may depend on it (NetMCP 10). @throws RpcError if the client refuses or does not answer in time
   */
  ask?(
    method: ClientMethod,
    params: Record<string, unknown>,
    options?: { timeoutMs?: number },
  ): Promise<Record<string, unknown>> | null;
  /** Ends the stream of this request's answer, so that the client comes back for it; where one can. */
  closeStream?: (() => void) | undefined;
}

export interface CallRequest extends RequestContext {
  name: string;
  arguments: Record<string, unknown>;
}

/** A vendor method; its params are unread. */
export type VendorMethod = (
  peer: McpPeer,
  params: unknown,
  context: RequestContext,
) => Promise<Record<string, unknown>>;

/** What one part of a server (load, anchor, context, ...) adds to its sessions. */
export interface ServerPart {
  /** The features that it brings (NetMCP 1). */
  features: string[];
  methods: ReadonlyMap<string, VendorMethod>;
  /** The client has opened its stream for notifications. */
  onStream?(peer: McpPeer): void;
  onClose?(peer: McpPeer): void;
}

/** What a server does; the protocol around it is here. */
export interface ServerSide extends Surface {
  name: string;
  instructions: string;
  parts: ServerPart[];
  listTools(peer: McpPeer, context: RequestContext): Tool[] | Promise<Tool[]>;
  callTool(peer: McpPeer, request: CallRequest): Promise<CallToolResult>;
}

/** Connects one client: MCP's handshake with our negotiation in it, tools, vendor methods. */
export async function serveSession(options: {
  env: Env;
  side: ServerSide;
  transport: Transport;
  /** Watches the negotiation chart. */
  inspect?: (event: InspectionEvent) => void;
}): Promise<McpPeer> {
  const { env, side, transport } = options;
  const server = new Server({ name: side.name, version: VERSION }, { capabilities: capabilitiesOf(side) });
  const asked = new Set<string>();
  const features = [...new Set(side.parts.flatMap((part) => part.features))];
  const offer: Offer = { version: VERSION, versions: [VERSION], features };
  const methods = new Map(side.parts.flatMap((part) => [...part.methods]));
  const peer: McpPeer = {
    agent: '',
    agreement: { mode: 'mcp', version: null, features: [], reason: 'not initialised' },
    notify(method, params) {
      server.notification({ method, params }).catch((error: unknown) => {
        env.log.debug({ agent: peer.agent, method, error: String(error) }, 'notification not delivered');
      });
    },
    updated(uri) {
      if (surface.subscribed(uri)) peer.notify('notifications/resources/updated', { uri });
    },
  };

  const negotiation = startNegotiation({
    env,
    ours: offer,
    onEnd: (agreement) => {
      peer.agreement = agreement;
    },
    inspect: options.inspect,
  });

  server.setRequestHandler(InitializeRequestSchema, async ({ params }) => {
    const wanted = params.protocolVersion;
    for (const name of Object.keys(params.capabilities)) asked.add(name);
    const offered = params.capabilities.extensions?.[EXTENSION];
    peer.agent = params.clientInfo.name;
    peer.agreement = negotiation.hear(offered);
    if (offered !== undefined && peer.agreement.mode === 'mcp') {
      env.log.warn({ agent: peer.agent, reason: peer.agreement.reason }, 'fell back to plain MCP');
    }
    return {
      protocolVersion: SUPPORTED_PROTOCOL_VERSIONS.includes(wanted) ? wanted : LATEST_PROTOCOL_VERSION,
      capabilities: {
        ...capabilitiesOf(side),
        extensions: { [EXTENSION]: answerOf(offer, peer.agreement, offered) },
      },
      serverInfo: { name: side.name, version: VERSION },
      instructions: side.instructions,
    };
  });
  const contextOf = (meta: RequestMeta | undefined, extra: Extra): RequestContext => ({
    identity: identityOf(extra.authInfo) ?? {
      agent: peer.agent,
      authenticated: false,
      scopes: [],
      actors: [],
    },
    meta: meta?.[EXTENSION],
    signal: extra.signal,
    progress(progress) {
      const token = meta?.progressToken;
      if (token === undefined) return;
      extra
        .sendNotification({ method: 'notifications/progress', params: { progressToken: token, ...progress } })
        .catch((error: unknown) => env.log.debug({ error: String(error) }, 'progress not delivered'));
    },
    log(level, logger, data) {
      if (!surface.wants(level)) return;
      extra
        .sendNotification({ method: 'notifications/message', params: { level, logger, data } })
        .catch((error: unknown) => env.log.debug({ error: String(error) }, 'message not delivered'));
    },
    ask(method, params, { timeoutMs = 60_000 } = {}) {
      if (!asked.has(method.split('/')[0] as string)) return null;
      const request = { method, params } as unknown as ServerRequest;
      return extra
        .sendRequest(request, ResultSchema, { timeout: timeoutMs, signal: extra.signal })
        .catch((error: unknown) => {
          throw new RpcError(INVALID_PARAMS, `The client did not answer ${method}: ${String(error)}`);
        });
    },
    closeStream: extra.closeSSEStream,
  });
  const surface = serveSurface({
    server,
    side,
    peer,
    contextOf,
    shield: (what, work) => shield(env, what, undefined, work),
  });

  /** What is agreed for this request. */
  const agreed = (meta: unknown): Agreement => {
    negotiation.request();
    return agreementOf(offer, peer.agreement, (meta as RequestMeta | undefined)?.[EXTENSION]);
  };

  server.setRequestHandler(ListToolsRequestSchema, async ({ params }, extra) => {
    agreed(params?._meta);
    const page = pageOf(await side.listTools(peer, contextOf(params?._meta, extra)), params?.cursor);
    return { tools: page.items, ...(page.nextCursor && { nextCursor: page.nextCursor }) };
  });
  server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) =>
    shield(env, params.name, extra, async () => {
      agreed(params._meta);
      return side.callTool(peer, {
        ...contextOf(params._meta, extra),
        name: params.name,
        arguments: params.arguments ?? {},
      });
    }),
  );
  server.fallbackRequestHandler = (request, extra) =>
    shield(env, request.method, extra, async () => {
      const method = methods.get(request.method);
      const feature = featureOfMethod(request.method);
      if (method === undefined) throw new RpcError(METHOD_NOT_FOUND, 'Method not found');
      const { features } = agreed(request.params?._meta);
      if (feature === undefined || !features.some((named) => named === feature)) {
        throw new RpcError(METHOD_NOT_FOUND, `Feature ${feature ?? '?'} was not negotiated`);
      }
      return method(peer, request.params, contextOf(request.params?._meta as RequestMeta | undefined, extra));
    });
  server.onerror = (error) => env.log.debug({ agent: peer.agent, error: error.message }, 'MCP session error');
  await server.connect(transport);
  server.onclose = negotiation.abandon;
  return peer;
}

type RequestMeta = { progressToken?: string | number; [key: string]: unknown };
type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** The identity that the host put beside the request when it authenticated it. */
function identityOf(auth: AuthInfo | undefined): Identity | undefined {
  return auth?.extra?.identity as Identity | undefined;
}

/** Tells the host that the token has too few scopes. */
function lacksOf(auth: AuthInfo | undefined): ((scopes: string[]) => void) | undefined {
  return auth?.extra?.lacks as ((scopes: string[]) => void) | undefined;
}

/** Lets our own errors through and hides the inside of all others. */
async function shield<T>(
  env: Env,
  what: string,
  extra: Extra | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Forbidden) lacksOf(extra?.authInfo)?.(error.scopes);
    if (error instanceof RpcError) throw error;
    env.log.error(
      { what, error: error instanceof Error ? error.stack : String(error) },
      'MCP handler failed',
    );
    throw new RpcError(INTERNAL_ERROR, 'Internal error');
  }
}
