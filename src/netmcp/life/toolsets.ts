import { METHODS, toolsetLoadParamsSchema, toolsetUnloadParamsSchema } from '../schema/index.ts';
import { createFinder } from '../search/finder.ts';
import type { McpPeer, ServerPart, Tool } from '../session/server-session.ts';
import type { CompiledTool } from '../toolserver/verify.ts';
import { read } from './read.ts';

/** A named choice of tools; a tool belongs to it if one of the three fits. */
export interface Toolset {
  name: string;
  categories?: string[];
  labels?: string[];
  tools?: string[];
}

export interface Toolsets {
  part: ServerPart;
  /** What this session sees. */
  list(peer: McpPeer): Tool[];
  /** This client called a tool: it may become hot. */
  used(agent: string, tool: string): void;
}

const MAX_LOADED = 16;
const MAX_AGENTS = 1_000;
/** Tools that a task brings. */
const TASK_TOOLS = 8;

/**
 * Toolsets on demand (NetMCP 5, 8). With a core set, a session that negotiated `lifecycle` sees the core,
 * its hot tools and the sets that it loaded; without one, and for a plain client, all tools are shown, or
 * the core where `plain` says so. What is not shown can still be called: showing is no permission.
 */
export function createToolsets(options: {
  tools(): CompiledTool[];
  sets?: Toolset[];
  core?: Omit<Toolset, 'name'>;
  plain?: 'all' | 'core';
  /** How many of a client's most called tools it always sees. */
  hot?: number;
}): Toolsets {
  const named = new Map((options.sets ?? []).map((set) => [set.name, set]));
  const loaded = new WeakMap<McpPeer, Map<string, Omit<Toolset, 'name'>>>();
  const calls = new Map<string, Map<string, number>>();

  const setOf = (name: string): Omit<Toolset, 'name'> | undefined =>
    named.get(name) ??
    (options.tools().some(({ tool }) => tool.meta.category === name) ? { categories: [name] } : undefined);
  const setsOf = (peer: McpPeer) => {
    const own = loaded.get(peer) ?? new Map<string, Omit<Toolset, 'name'>>();
    loaded.set(peer, own);
    return own;
  };
  const hotOf = (agent: string) =>
    new Set(
      [...(calls.get(agent) ?? [])]
        .sort((a, b) => b[1] - a[1])
        .slice(0, options.hot ?? 4)
        .map(([tool]) => tool),
    );

  function answer(peer: McpPeer) {
    const own = setsOf(peer);
    const all = options.tools();
    const names = new Set([...named.keys(), ...all.map(({ tool }) => tool.meta.category)]);
    return {
      loaded: [...own.keys()],
      tools: all
        .filter((tool) => [...own.values()].some((set) => belongs(tool, set)))
        .map((t) => t.tool.name),
      available: [...names].map((name) => ({
        name,
        tools: all.filter((tool) => belongs(tool, setOf(name) ?? {})).length,
      })),
    };
  }

  const tell = (peer: McpPeer) => peer.notify('notifications/tools/list_changed', {});
  return {
    part: {
      features: ['lifecycle'],
      methods: new Map([
        [
          METHODS.toolsetLoad,
          async (peer, params) => {
            const { sets, labels, task } = read(toolsetLoadParamsSchema, params);
            const own = setsOf(peer);
            const adds = new Map<string, Omit<Toolset, 'name'>>();
            for (const name of sets) {
              const set = setOf(name);
              if (set !== undefined) adds.set(name, set);
            }
            for (const label of labels) adds.set(`label:${label}`, { labels: [label] });
            if (task !== undefined)
              adds.set(`task:${task.slice(0, 100)}`, { tools: bestFor(task, options.tools()) });
            for (const [name, set] of adds) {
              own.delete(name);
              own.set(name, set);
            }
            // The oldest make room.
            for (const name of [...own.keys()].slice(0, Math.max(0, own.size - MAX_LOADED))) own.delete(name);
            if (adds.size > 0) tell(peer);
            return answer(peer);
          },
        ],
        [
          METHODS.toolsetUnload,
          async (peer, params) => {
            const { sets } = read(toolsetUnloadParamsSchema, params);
            const own = setsOf(peer);
            const before = own.size;
            for (const name of sets ?? [...own.keys()]) own.delete(name);
            if (own.size < before) tell(peer);
            return answer(peer);
          },
        ],
      ]),
      onClose: (peer) => loaded.delete(peer),
    },
    list(peer) {
      const { core } = options;
      const chooses = peer.agreement.features.some((feature) => feature === 'lifecycle');
      const all = options.tools();
      const shown = (tool: CompiledTool) => {
        if (core === undefined || (!chooses && options.plain !== 'core')) return true;
        if (belongs(tool, core)) return true;
        if (!chooses) return false;
        return (
          hotOf(peer.agent).has(tool.tool.name) ||
          [...setsOf(peer).values()].some((set) => belongs(tool, set))
        );
      };
      return all.filter(shown).map(({ definition }) => definition);
    },
    used(agent, tool) {
      const own = calls.get(agent) ?? new Map<string, number>();
      own.set(tool, (own.get(tool) ?? 0) + 1);
      calls.delete(agent);
      calls.set(agent, own);
      if (calls.size > MAX_AGENTS) calls.delete(calls.keys().next().value as string);
    },
  };
}

function belongs({ tool }: CompiledTool, set: Omit<Toolset, 'name'>): boolean {
  return (
    set.tools?.includes(tool.name) === true ||
    set.categories?.includes(tool.meta.category) === true ||
    set.labels?.some((label) => tool.meta.labels.includes(label)) === true
  );
}

/** Names of the tools that fit a task best, by the index of the search. */
function bestFor(task: string, tools: CompiledTool[]): string[] {
  const finder = createFinder(
    tools.map(({ tool: { name, title, description, meta } }) => ({
      id: name,
      name,
      title,
      description,
      labels: meta.labels,
    })),
  );
  return finder
    .find(task)
    .slice(0, TASK_TOOLS)
    .map(({ id }) => id);
}
