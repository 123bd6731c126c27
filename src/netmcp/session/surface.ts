import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  CompleteRequestSchema,
  GetPromptRequestSchema,
  type GetPromptResult,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  type LoggingLevel,
  type Prompt,
  ReadResourceRequestSchema,
  type Resource,
  type ResourceTemplate,
  type ServerCapabilities,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  type TextResourceContents,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { pageOf } from './pages.ts';
import { INVALID_PARAMS, RESOURCE_NOT_FOUND, RpcError } from './rpc-error.ts';
import type { McpPeer, RequestContext } from './server-session.ts';

export type { GetPromptResult, LoggingLevel, Prompt, Resource, ResourceTemplate };

export type Contents = TextResourceContents | { uri: string; mimeType?: string; blob: string };

/** Data that a server lets its clients read (MCP 2025-11-25, resources). */
export interface ResourceSide {
  list(peer: McpPeer, context: RequestContext): Resource[];
  templates?(peer: McpPeer, context: RequestContext): ResourceTemplate[];
  /** Undefined: there is no such resource, or not for this client. */
  read(
    uri: string,
    peer: McpPeer,
    context: RequestContext,
  ): Contents[] | undefined | Promise<Contents[] | undefined>;
}

/** Instructions that a server words for models (MCP 2025-11-25, prompts). */
export interface PromptSide {
  list(peer: McpPeer, context: RequestContext): Prompt[];
  /** Undefined: there is no such prompt. @throws RpcError -32602 for arguments that do not fit */
  get(
    name: string,
    args: Record<string, string>,
    peer: McpPeer,
    context: RequestContext,
  ): GetPromptResult | undefined | Promise<GetPromptResult | undefined>;
}

/** What an argument of a prompt or of a resource template may become; `prefix` is what was typed so far. */
export type Complete = (
  ref: { prompt: string } | { template: string },
  argument: string,
  prefix: string,
  context: RequestContext,
) => string[];

/** The optional parts of MCP beside tools. */
export interface Surface {
  resources?: ResourceSide;
  prompts?: PromptSide;
  complete?: Complete;
  /** Sends `notifications/message` to clients. */
  logging?: boolean;
}

/** Resources that one client may watch at once. */
const MAX_SUBSCRIPTIONS = 256;
const MAX_COMPLETIONS = 100;
const LEVELS: LoggingLevel[] = [
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
];

export function capabilitiesOf(side: Surface): ServerCapabilities {
  return {
    tools: { listChanged: true },
    ...(side.resources && { resources: { subscribe: true, listChanged: true } }),
    ...(side.prompts && { prompts: { listChanged: true } }),
    ...(side.complete && { completions: {} }),
    ...(side.logging && { logging: {} }),
  };
}

/** What a session keeps of these parts. */
export interface SurfaceState {
  subscribed(uri: string): boolean;
  /** Whether the client wants messages of this level; `info` and above until it says otherwise. */
  wants(level: LoggingLevel): boolean;
}

type Extra = Parameters<Parameters<Server['setRequestHandler']>[1]>[1];

/** Answers the requests of the parts that a side has; all others stay unknown methods. */
export function serveSurface(options: {
  server: Server;
  side: Surface;
  peer: McpPeer;
  contextOf(meta: Record<string, unknown> | undefined, extra: Extra): RequestContext;
  shield<T>(what: string, work: () => Promise<T>): Promise<T>;
}): SurfaceState {
  const { server, side, peer, contextOf, shield } = options;
  const watched = new Set<string>();
  let level = LEVELS.indexOf('info');

  const { resources, prompts, complete } = side;
  if (resources !== undefined) {
    server.setRequestHandler(ListResourcesRequestSchema, ({ params }, extra) => {
      const page = pageOf(resources.list(peer, contextOf(params?._meta, extra)), params?.cursor);
      return { resources: page.items, ...(page.nextCursor && { nextCursor: page.nextCursor }) };
    });
    server.setRequestHandler(ListResourceTemplatesRequestSchema, ({ params }, extra) => {
      const all = resources.templates?.(peer, contextOf(params?._meta, extra)) ?? [];
      const page = pageOf(all, params?.cursor);
      return { resourceTemplates: page.items, ...(page.nextCursor && { nextCursor: page.nextCursor }) };
    });
    const read = async (uri: string, context: RequestContext): Promise<Contents[]> => {
      const contents = await resources.read(uri, peer, context);
      if (contents === undefined) throw new RpcError(RESOURCE_NOT_FOUND, 'Resource not found', { uri });
      return contents;
    };
    server.setRequestHandler(ReadResourceRequestSchema, ({ params }, extra) =>
      shield('resources/read', async () => ({
        contents: await read(params.uri, contextOf(params._meta, extra)),
      })),
    );
    server.setRequestHandler(SubscribeRequestSchema, ({ params }, extra) =>
      shield('resources/subscribe', async () => {
        // What a client may not read, it may not watch.
        await read(params.uri, contextOf(params._meta, extra));
        if (watched.size >= MAX_SUBSCRIPTIONS && !watched.has(params.uri))
          throw new RpcError(INVALID_PARAMS, `At most ${MAX_SUBSCRIPTIONS} subscriptions`);
        watched.add(params.uri);
        return {};
      }),
    );
    server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
      watched.delete(params.uri);
      return {};
    });
  }
  if (prompts !== undefined) {
    server.setRequestHandler(ListPromptsRequestSchema, ({ params }, extra) => {
      const page = pageOf(prompts.list(peer, contextOf(params?._meta, extra)), params?.cursor);
      return { prompts: page.items, ...(page.nextCursor && { nextCursor: page.nextCursor }) };
    });
    server.setRequestHandler(GetPromptRequestSchema, ({ params }, extra) =>
      shield('prompts/get', async () => {
        const context = contextOf(params._meta, extra);
        const prompt = await prompts.get(params.name, params.arguments ?? {}, peer, context);
        if (prompt === undefined)
          throw new RpcError(INVALID_PARAMS, `Unknown prompt: ${params.name.slice(0, 128)}`);
        return prompt;
      }),
    );
  }
  if (complete !== undefined) {
    server.setRequestHandler(CompleteRequestSchema, ({ params }, extra) => {
      const { ref, argument } = params;
      const found = complete(
        ref.type === 'ref/prompt' ? { prompt: ref.name } : { template: ref.uri },
        argument.name,
        argument.value,
        contextOf(params._meta, extra),
      );
      const values = found.slice(0, MAX_COMPLETIONS);
      return { completion: { values, total: found.length, hasMore: found.length > values.length } };
    });
  }
  if (side.logging === true) {
    server.setRequestHandler(SetLevelRequestSchema, ({ params }) => {
      level = LEVELS.indexOf(params.level);
      return {};
    });
  }
  return {
    subscribed: (uri) => watched.has(uri),
    wants: (asked) => side.logging === true && LEVELS.indexOf(asked) >= level,
  };
}
