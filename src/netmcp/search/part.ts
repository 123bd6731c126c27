import { z } from 'zod';
import type { Env } from '../../../machines/ports.ts';
import { mayUse } from '../auth/permission.ts';
import {
  EXTENSION,
  METHODS,
  type ToolsDiscoverResult,
  toolsDiscoverParamsSchema,
  toolsDiscoverResultSchema,
} from '../schema/index.ts';
import { INVALID_PARAMS, RpcError } from '../session/rpc-error.ts';
import type {
  CallToolResult,
  Identity,
  McpPeer,
  RequestContext,
  ServerPart,
  Tool,
} from '../session/server-session.ts';
import type { Shelf } from '../toolserver/shelf.ts';
import type { CompiledTool } from '../toolserver/verify.ts';
import { fill } from './budget.ts';
import { createIndexes, documentOfDefinition, type Elsewhere, parametersOf } from './elsewhere.ts';
import { type Embedder, embedTools } from './embedder.ts';
import { createFinder, type Finder, type ToolDocument } from './finder.ts';
import { type KeptUsage, keepUsage, type UsageStore } from './kept-usage.ts';
import { createUsage, type Usage, type UsageOptions } from './usage.ts';

/** The name under which a plain MCP client finds the search. */
export const DISCOVER_TOOL = 'tools_discover';

export interface ToolSearchOptions {
  env: Env;
  shelf: Shelf;
  server: { id: string; summary: string };
  usage?: UsageOptions;
  /** Where what is learnt of use outlives the process; without it it does not. */
  usageStore?: UsageStore;
  embedder?: Embedder;
  /** Tools of other servers that a client may call through this one. */
  elsewhere?(peer: McpPeer, context: RequestContext): Promise<Elsewhere>;
}

export interface ToolSearch {
  part: ServerPart;
  /** The same search as a plain tool. */
  callTool(peer: McpPeer, context: RequestContext, args: Record<string, unknown>): Promise<CallToolResult>;
  discover(params: unknown, context: RequestContext, elsewhere?: Elsewhere): Promise<ToolsDiscoverResult>;
  /** `tools/list` for one client: hot tools first, and the search as a tool where it knows no vendor methods. */
  list(peer: Pick<McpPeer, 'agreement'>, identity: Identity): Tool[];
  /** Tells that a call of a client ended. */
  called(identity: Identity, tool: string, result: CallToolResult): void;
  close(): void;
}

/** How much of the best score a tool in constant use gains over one never used. */
const HEAT = 0.15;

/** Search over the tools that a server offers now (NetMCP 8): the index follows the shelf. */
export function createToolSearch(options: ToolSearchOptions): ToolSearch {
  const { env, shelf, server } = options;
  const shows = (identity: Identity, { tool }: CompiledTool) => mayUse(tool.meta.permission, identity);
  let kept: KeptUsage | null = null;
  const usage = createUsage(env.clock, {
    ...options.usage,
    onChange(client) {
      options.usage?.onChange?.(client);
      kept?.touched(client);
    },
  });
  if (options.usageStore !== undefined) kept = keepUsage(env, usage, options.usageStore);
  let finder: Finder | null = null;
  let shown = new Set(shelf.list().map(({ tool }) => tool.name));
  const stop = shelf.onChange(() => {
    finder = null;
    const now = new Set(shelf.list().map(({ tool }) => tool.name));
    for (const name of shown) if (!now.has(name)) usage.forgetTool(name);
    shown = now;
  });
  const indexes = createIndexes();
  /** What peers' tools say, for the embedder, as of the last search over them. */
  let others = new Map<string, string>();
  const embedded =
    options.embedder === undefined
      ? null
      : embedTools(
          env,
          options.embedder,
          () => new Map([...others, ...shelf.list().map(({ tool }) => [tool.name, textOf(tool)] as const)]),
        );

  async function discover(
    params: unknown,
    context: RequestContext,
    elsewhere: Elsewhere = new Map(),
  ): Promise<ToolsDiscoverResult> {
    const read = toolsDiscoverParamsSchema.safeParse(params ?? {});
    if (!read.success) throw new RpcError(INVALID_PARAMS, z.prettifyError(read.error));
    const { requirement, categories, limit, budgetTokens } = read.data;
    const { identity } = context;
    const foreign = [...elsewhere].filter(([name]) => shelf.get(name) === undefined);
    const lexical = finderOf(foreign).find(requirement, usage.learnt(identity.agent));
    const found = embedded === null ? lexical : await embedded.fuse(requirement, lexical, context.signal);
    const best = found[0]?.score ?? 1;
    const usable = new Map(
      shelf
        .list()
        .filter((tool) => shows(identity, tool))
        .map(({ tool, definition }) => [
          tool.name,
          { definition, category: tool.meta.category as string, servers: undefined as string[] | undefined },
        ]),
    );
    // A peer shows an agent only what that agent may use.
    for (const [name, { definition, servers }] of foreign)
      usable.set(name, { definition, category: categoryOf(definition), servers });
    const ranked = found
      .flatMap(({ id, score }) => {
        const tool = usable.get(id);
        if (tool === undefined) return [];
        if (categories !== undefined && !categories.some((one) => one === tool.category)) return [];
        return [
          {
            name: id,
            heat: heated(score / best, usage, identity.agent, id),
            definition: tool.definition,
            servers: tool.servers,
            partial: false,
          },
        ];
      })
      .sort((a, b) => b.heat - a.heat);
    const top = ranked[0]?.heat ?? 1;
    const fitted = fill(ranked, {
      textOf: ({ definition }) => JSON.stringify(definition),
      smaller: (tool) => ({ ...tool, partial: true, definition: callable(tool.definition) }),
      limit,
      budget: budgetTokens ?? Number.POSITIVE_INFINITY,
    });
    usage.searched(
      identity.agent,
      requirement,
      fitted.taken.map(({ name }) => name),
    );
    return {
      tools: fitted.taken.map(({ name, heat, tokens, definition, servers, partial }) => ({
        name,
        score: Math.round((heat / top) * 1_000) / 1_000,
        tokens,
        ...(partial && { partial }),
        ...(servers && { servers }),
        definition,
      })),
      tokens: fitted.tokens,
      of: usable.size,
      omitted: fitted.omitted.slice(0, limit).map(({ name }) => name),
    };
  }

  /** One index over all that compete: the scores of two would not compare. */
  function finderOf(foreign: Array<[string, { definition: Tool; servers: string[] }]>): Finder {
    const own = () => shelf.list().map((tool) => documentOf(tool, server));
    if (foreign.length === 0) {
      finder ??= createFinder(own());
      return finder;
    }
    const documents = foreign.map(([, one]) => documentOfDefinition(one.definition, one.servers));
    if (embedded !== null)
      others = new Map(documents.map(({ id, title, description }) => [id, `${title}. ${description}`]));
    return indexes([...own(), ...documents]);
  }

  const elsewhere = async (peer: McpPeer, context: RequestContext) =>
    options.elsewhere?.(peer, context) ?? new Map();

  return {
    part: {
      features: ['discover'],
      methods: new Map([
        [
          METHODS.toolsDiscover,
          async (peer, params, context) => discover(params, context, await elsewhere(peer, context)),
        ],
      ]),
    },
    discover,
    async callTool(peer, context, args) {
      try {
        const output = await discover(args, context, await elsewhere(peer, context));
        return { content: [{ type: 'text', text: JSON.stringify(output) }], structuredContent: output };
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        return { content: [{ type: 'text', text: error.message }], isError: true };
      }
    },
    list(peer, identity) {
      const tools = usage.order(
        identity.agent,
        shelf
          .list()
          .filter((tool) => shows(identity, tool))
          .map(({ definition }) => definition),
        ({ name }) => name,
      );
      return peer.agreement.mode === 'netmcp' ? tools : [...tools, DEFINITION];
    },
    called(identity, tool, result) {
      if (result.isError !== true) usage.used(identity.agent, tool);
    },
    close() {
      stop();
      kept?.close();
    },
  };
}

/** What a call needs: without the schema of the output and our metadata. */
function callable({ name, title, description, inputSchema }: Tool): Tool {
  return { name, title, description, inputSchema };
}

function heated(score: number, usage: Usage, client: string, tool: string): number {
  const uses = usage.frequency(client, tool);
  return score + HEAT * (uses / (uses + 3));
}

const textOf = ({ title, description }: { title: string; description: string }) => `${title}. ${description}`;

const categoryOf = (definition: Tool): string => {
  const { category } = (definition._meta?.[EXTENSION] ?? {}) as { category?: unknown };
  return typeof category === 'string' ? category : '';
};

function documentOf(
  { tool, definition }: CompiledTool,
  server: { id: string; summary: string },
): ToolDocument {
  return {
    id: tool.name,
    name: tool.name,
    title: tool.title,
    description: tool.description,
    parameters: parametersOf(definition),
    labels: tool.meta.labels,
    category: tool.meta.category,
    server,
  };
}

const schema = (type: z.ZodType, io: 'input' | 'output') => {
  const { $schema: _, ...json } = z.toJSONSchema(type, { io });
  return json as Tool['inputSchema'];
};

const DEFINITION: Tool = {
  name: DISCOVER_TOOL,
  title: 'Find tools',
  description:
    'The tools of this server that fit a need best, with their definitions, within a budget of tokens.',
  inputSchema: schema(toolsDiscoverParamsSchema, 'input'),
  outputSchema: schema(toolsDiscoverResultSchema, 'output'),
  annotations: { readOnlyHint: true, destructiveHint: false, openWorldHint: false },
  _meta: { [EXTENSION]: { category: 'management' } },
};
