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
}

export interface ToolSearch {
  part: ServerPart;
  /** The same search as a plain tool. */
  callTool(context: RequestContext, args: Record<string, unknown>): Promise<CallToolResult>;
  discover(params: unknown, context: RequestContext): Promise<ToolsDiscoverResult>;
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
  const embedded =
    options.embedder === undefined
      ? null
      : embedTools(
          env,
          options.embedder,
          () => new Map(shelf.list().map(({ tool }) => [tool.name, `${tool.title}. ${tool.description}`])),
        );

  async function discover(params: unknown, context: RequestContext): Promise<ToolsDiscoverResult> {
    const read = toolsDiscoverParamsSchema.safeParse(params ?? {});
    if (!read.success) throw new RpcError(INVALID_PARAMS, z.prettifyError(read.error));
    const { requirement, categories, limit, budgetTokens } = read.data;
    const { identity } = context;
    finder ??= createFinder(shelf.list().map((tool) => documentOf(tool, server)));
    const lexical = finder.find(requirement, usage.learnt(identity.agent));
    const found = embedded === null ? lexical : await embedded.fuse(requirement, lexical, context.signal);
    const best = found[0]?.score ?? 1;
    const usable = new Map(
      shelf
        .list()
        .filter((tool) => shows(identity, tool))
        .map((tool) => [tool.tool.name, tool]),
    );
    const ranked = found
      .flatMap(({ id, score }) => {
        const compiled = usable.get(id);
        if (compiled === undefined) return [];
        if (categories !== undefined && !categories.includes(compiled.tool.meta.category)) return [];
        return [
          {
            name: id,
            heat: heated(score / best, usage, identity.agent, id),
            definition: compiled.definition,
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
      tools: fitted.taken.map(({ name, heat, tokens, definition, partial }) => ({
        name,
        score: Math.round((heat / top) * 1_000) / 1_000,
        tokens,
        ...(partial && { partial }),
        definition,
      })),
      tokens: fitted.tokens,
      of: usable.size,
      omitted: fitted.omitted.slice(0, limit).map(({ name }) => name),
    };
  }

  return {
    part: {
      features: ['discover'],
      methods: new Map([[METHODS.toolsDiscover, (_, params, context) => discover(params, context)]]),
    },
    discover,
    async callTool(context, args) {
      try {
        const output = await discover(args, context);
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

function documentOf(
  { tool, definition }: CompiledTool,
  server: { id: string; summary: string },
): ToolDocument {
  const properties = (definition.inputSchema.properties ?? {}) as Record<string, { description?: string }>;
  return {
    id: tool.name,
    name: tool.name,
    title: tool.title,
    description: tool.description,
    parameters: Object.entries(properties).map(([name, schema]) => ({
      name,
      description: schema.description ?? '',
    })),
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
