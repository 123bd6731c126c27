import type { Clock } from '../../../machines/ports.ts';
import type { Learnt } from './finder.ts';
import type { Remembered } from './kept-usage.ts';
import { readRequest } from './request.ts';

export interface UsageOptions {
  /** ms until a use counts half; default 7 days. */
  halfLifeMs?: number;
  /** Clients remembered; the one unheard of for longest is forgotten. Default 256. */
  maxClients?: number;
  /** Pairs of a word and a tool remembered of one client. Default 4,096. */
  maxPairs?: number;
  /** Told when something of a client was learnt or forgotten; by the key under which it is remembered. */
  onChange?(client: string): void;
}

/**
 * What each client uses, and under which words it looked for it (NetMCP 8). Kept by client: what one does
 * never moves what another is shown.
 */
export interface Usage {
  /** The client was shown these tools for a requirement. */
  searched(client: string, requirement: string, shown: readonly string[]): void;
  /** The client used a tool, and it worked. */
  used(client: string, tool: string): void;
  /** Teaches directly that a requirement was met by a tool. */
  teach(client: string, requirement: string, tool: string): void;
  /** Decayed number of uses. */
  frequency(client: string, tool: string): number;
  learnt(client: string): Learnt | undefined;
  /** Hot tools first, others as they stand; the same history gives the same order. */
  order<T>(client: string, tools: readonly T[], nameOf: (tool: T) => string): T[];
  forgetTool(tool: string): void;
  /** What is known of the client, to be kept; open searches are not. */
  remembered(client: string): Remembered | undefined;
  /** Takes back what was kept; more than is remembered of a client is left out. */
  restore(client: string, kept: Remembered): void;
  readonly clients: number;
}

interface Memory {
  uses: Map<string, { weight: number; at: number }>;
  /** Word, then tool, then how often. */
  words: Map<string, Map<string, number>>;
  pairs: number;
  /** How many requirements a tool met. */
  met: Map<string, number>;
  searches: Array<{ requirement: string; shown: Set<string>; at: number }>;
  /** When it was last heard of, ms. */
  at: number;
}

/** Searches that a later call can still answer. */
const OPEN_SEARCHES = 8;
const OPEN_MS = 10 * 60_000;
const MAX_TOOLS = 512;
const LONGEST_CLIENT = 200;
/** Gain of a word by which a client always meant this tool. */
const STRENGTH = 6;

const keyOf = (client: string) => client.slice(0, LONGEST_CLIENT);

export function createUsage(clock: Pick<Clock, 'now'>, options: UsageOptions = {}): Usage {
  const halfLife = options.halfLifeMs ?? 7 * 24 * 3_600_000;
  const maxClients = options.maxClients ?? 256;
  const maxPairs = options.maxPairs ?? 4_096;
  const memories = new Map<string, Memory>();
  const changed = (client: string) => options.onChange?.(keyOf(client));

  function memoryOf(client: string): Memory {
    const key = keyOf(client);
    let memory = memories.get(key);
    if (memory === undefined)
      memory = { uses: new Map(), words: new Map(), pairs: 0, met: new Map(), searches: [], at: 0 };
    memory.at = clock.now();
    // The order of a Map is that of insertion: the first is unheard of for longest.
    memories.delete(key);
    memories.set(key, memory);
    if (memories.size > maxClients) {
      const oldest = memories.keys().next().value;
      if (oldest !== undefined) {
        memories.delete(oldest);
        changed(oldest);
      }
    }
    return memory;
  }

  const peek = (client: string) => memories.get(keyOf(client));
  const decay = (weight: number, since: number) => weight * 0.5 ** ((clock.now() - since) / halfLife);

  function teach(memory: Memory, requirement: string, tool: string): void {
    memory.met.set(tool, (memory.met.get(tool) ?? 0) + 1);
    for (const [word, weight] of readRequest(requirement.slice(0, 4_000)).weights) {
      if (memory.pairs >= maxPairs) age(memory);
      let tools = memory.words.get(word);
      if (tools === undefined) {
        tools = new Map();
        memory.words.set(word, tools);
      }
      if (!tools.has(tool)) memory.pairs += 1;
      tools.set(tool, (tools.get(tool) ?? 0) + weight);
    }
  }

  /** Makes room: everything counts half, and what then counts less than three quarters of a word is forgotten. */
  function age(memory: Memory): void {
    memory.pairs = 0;
    for (const [word, tools] of memory.words) {
      for (const [tool, count] of tools) {
        if (count < 1.5) tools.delete(tool);
        else tools.set(tool, count / 2);
      }
      if (tools.size === 0) memory.words.delete(word);
      memory.pairs += tools.size;
    }
    for (const [tool, count] of memory.met) {
      if (count < 1) memory.met.delete(tool);
      else memory.met.set(tool, count / 2);
    }
    // Where everything is often said, nothing would go: then all of it goes.
    if (memory.pairs >= maxPairs) {
      memory.words.clear();
      memory.pairs = 0;
    }
  }

  function frequency(client: string, tool: string): number {
    const use = peek(client)?.uses.get(tool);
    return use === undefined ? 0 : decay(use.weight, use.at);
  }

  return {
    searched(client, requirement, shown) {
      const { searches } = memoryOf(client);
      searches.push({ requirement, shown: new Set(shown), at: clock.now() });
      if (searches.length > OPEN_SEARCHES) searches.shift();
    },
    used(client, tool) {
      const memory = memoryOf(client);
      const before = memory.uses.get(tool);
      if (before === undefined && memory.uses.size >= MAX_TOOLS) {
        const first = memory.uses.keys().next().value;
        if (first !== undefined) memory.uses.delete(first);
      }
      const weight = before === undefined ? 0 : decay(before.weight, before.at);
      memory.uses.delete(tool);
      memory.uses.set(tool, { weight: weight + 1, at: clock.now() });
      changed(client);
      const open = memory.searches.findLast(
        ({ shown, at }) => shown.has(tool) && clock.now() - at <= OPEN_MS,
      );
      if (open === undefined) return;
      open.shown.delete(tool);
      teach(memory, open.requirement, tool);
    },
    teach(client, requirement, tool) {
      teach(memoryOf(client), requirement, tool);
      changed(client);
    },
    frequency,
    learnt(client) {
      const memory = peek(client);
      if (memory === undefined || memory.words.size === 0) return undefined;
      return (word) => {
        const tools = memory.words.get(word);
        if (tools === undefined) return undefined;
        // Naive Bayes in gains: a word counts by how much it tells this tool from the others.
        let all = 0;
        for (const count of tools.values()) all += count;
        const gains = new Map<string, number>();
        for (const [tool, count] of tools) {
          const met = memory.met.get(tool) ?? 1;
          gains.set(tool, STRENGTH * (count / (all + 1)) * Math.sqrt(count / (met + 1)));
        }
        return gains;
      };
    },
    order(client, tools, nameOf) {
      const memory = peek(client);
      if (memory === undefined || memory.uses.size === 0) return [...tools];
      return tools
        .map((tool, at) => ({ tool, at, heat: frequency(client, nameOf(tool)) }))
        .sort((a, b) => b.heat - a.heat || a.at - b.at)
        .map(({ tool }) => tool);
    },
    forgetTool(tool) {
      for (const [client, memory] of memories) {
        if (memory.uses.delete(tool) || memory.met.has(tool)) changed(client);
        memory.met.delete(tool);
        for (const [word, tools] of memory.words) {
          if (tools.delete(tool)) memory.pairs -= 1;
          if (tools.size === 0) memory.words.delete(word);
        }
      }
    },
    remembered(client) {
      const memory = peek(client);
      if (memory === undefined) return undefined;
      return {
        uses: [...memory.uses].map(([tool, { weight, at }]) => [tool, weight, at]),
        words: [...memory.words].map(([word, tools]) => [word, [...tools]]),
        met: [...memory.met],
        at: memory.at,
      };
    },
    restore(client, kept) {
      const memory = memoryOf(client);
      memory.at = kept.at;
      // The latest come last.
      for (const [tool, weight, at] of kept.uses.slice(-MAX_TOOLS)) memory.uses.set(tool, { weight, at });
      for (const [tool, count] of kept.met.slice(-maxPairs)) memory.met.set(tool, count);
      for (const [word, counts] of kept.words) {
        const tools = new Map(counts);
        if (memory.pairs + tools.size > maxPairs) break;
        memory.words.set(word, tools);
        memory.pairs += tools.size;
      }
    },
    get clients() {
      return memories.size;
    },
  };
}
