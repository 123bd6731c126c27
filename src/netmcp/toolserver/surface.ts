import type { Env } from '../../../machines/ports.ts';
import { mayUse } from '../auth/permission.ts';
import { EXTENSION, resultMetaSchema } from '../schema/index.ts';
import type { CallToolResult, Identity } from '../session/server-session.ts';
import type { Contents, ResourceSide, Surface } from '../session/surface.ts';
import type { Meter } from './meter.ts';
import type { PolicyRule } from './policy.ts';
import { promptsOf } from './prompts.ts';
import type { Shelf } from './shelf.ts';

export interface ServerSurface {
  /** Resources, prompts, completion and messages of this server, for its side. */
  side: Surface;
  toolsUri: string;
  /** Keeps a call that ended; returns the resources that changed by it, for the agent that made it. */
  noteCall(call: { agent: string; tool: string; result: CallToolResult }): string[];
}

/** Calls that are remembered, of all agents together. */
const MAX_CALLS = 200;
const JSON_TYPE = 'application/json';

interface Remembered {
  at: number;
  agent: string;
  tool: string;
  ok: boolean;
  refusal: string | null;
  chain: unknown[];
}

/**
 * What a tool server lets clients read and ask beside its tools (NetMCP 4.2: tool servers keep MCP's tools,
 * resources and prompts). An agent reads its own calls only.
 */
export function createSurface(options: {
  env: Env;
  serverId: string;
  shelf: Shelf;
  meter: Meter;
  rules: readonly PolicyRule[];
}): ServerSurface {
  const { env, serverId, shelf, meter, rules } = options;
  const root = `netmcp://server/${encodeURIComponent(serverId)}`;
  const calls: Remembered[] = [];

  /** What is offered to a caller: only what it may use is shown in any way. */
  const offered = (identity: Identity) =>
    shelf.list().filter(({ tool }) => mayUse(tool.meta.permission, identity));

  const networkFunctions = (identity: Identity) => {
    const found = new Map<string, { operations: Set<string>; tools: string[] }>();
    for (const { tool } of offered(identity)) {
      for (const { type, operations } of tool.meta.nf) {
        const nf = found.get(type) ?? { operations: new Set(), tools: [] };
        for (const operation of operations) nf.operations.add(operation);
        nf.tools.push(tool.name);
        found.set(type, nf);
      }
    }
    return [...found].map(([type, { operations, tools }]) => ({ type, operations: [...operations], tools }));
  };

  /** Fixed resources: last part of the URI, name, description, content for a caller. */
  const fixed: Array<[string, string, string, (identity: Identity) => unknown]> = [
    [
      'tools',
      'Tools in short',
      'Name, title, category, effects and version of every tool offered now.',
      (identity) =>
        offered(identity).map(({ tool: { name, title, meta } }) => ({
          name,
          title,
          category: meta.category,
          effects: meta.effects,
          version: meta.version,
        })),
    ],
    ['nf', 'Network functions', 'The NFs behind the tools and the SBI operations used.', networkFunctions],
    [
      'policy',
      'Limits of the operator',
      'Rules that every call must keep, with the allowed ranges.',
      () => rules,
    ],
    [
      'load',
      'Load of this server',
      'Load in percent, calls at work and waiting, 95th percentile in ms.',
      () => ({ load: meter.load(), inFlight: meter.inFlight(), queue: meter.queue(), p95Ms: meter.p95Ms() }),
    ],
    [
      'calls',
      'Last calls',
      'The last calls of the agent that reads, with the chain of SBI requests of each.',
      ({ agent }) => calls.filter((call) => call.agent === agent).map(({ agent: _, ...call }) => call),
    ],
  ];

  const json = (uri: string, value: unknown): Contents[] => [
    { uri, mimeType: JSON_TYPE, text: JSON.stringify(value) },
  ];

  const resources: ResourceSide = {
    list: () =>
      fixed.map(([part, title, description]) => ({
        uri: `${root}/${part}`,
        name: `${serverId}/${part}`,
        title,
        description,
        mimeType: JSON_TYPE,
      })),
    templates: () => [
      {
        uriTemplate: `${root}/tools/{name}`,
        name: 'tool',
        title: 'Definition of a tool',
        mimeType: JSON_TYPE,
      },
      { uriTemplate: `${root}/nf/{type}`, name: 'nf', title: 'A network function', mimeType: JSON_TYPE },
    ],
    read(uri, _, { identity }) {
      if (!uri.startsWith(`${root}/`)) return undefined;
      const [part = '', item, ...more] = uri.slice(root.length + 1).split('/');
      if (more.length > 0) return undefined;
      if (item === undefined) {
        const found = fixed.find(([name]) => name === part);
        return found === undefined ? undefined : json(uri, found[3](identity));
      }
      const value =
        part === 'tools'
          ? offered(identity).find(({ tool }) => tool.name === item)?.definition
          : part === 'nf'
            ? networkFunctions(identity).find(({ type }) => type === item)
            : undefined;
      return value === undefined ? undefined : json(uri, value);
    },
  };

  const prompts = promptsOf({
    serverId,
    shelfFor: (identity) => ({
      list: () => offered(identity),
      get: (name) => offered(identity).find(({ tool }) => tool.name === name),
    }),
  });
  const startingWith = (values: string[], prefix: string) =>
    values.filter((value) => value.startsWith(prefix));
  return {
    toolsUri: `${root}/tools`,
    side: {
      resources,
      prompts: prompts.side,
      logging: true,
      complete(ref, argument, prefix, { identity }) {
        if ('prompt' in ref) return startingWith(prompts.values(ref.prompt, argument, identity), prefix);
        if (ref.template === `${root}/tools/{name}` && argument === 'name')
          return startingWith(
            offered(identity).map(({ tool }) => tool.name),
            prefix,
          );
        if (ref.template === `${root}/nf/{type}` && argument === 'type')
          return startingWith(
            networkFunctions(identity).map(({ type }) => type),
            prefix,
          );
        return [];
      },
    },
    noteCall({ agent, tool, result }) {
      const meta = resultMetaSchema.safeParse(result._meta?.[EXTENSION]);
      calls.push({
        at: env.clock.now(),
        agent,
        tool,
        ok: result.isError !== true,
        refusal: (meta.success && meta.data.refusal?.step) || null,
        chain: meta.success ? meta.data.chain : [],
      });
      if (calls.length > MAX_CALLS) calls.shift();
      return [`${root}/calls`];
    },
  };
}
