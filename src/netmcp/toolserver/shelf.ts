import type { NfTool } from '../tools/types.ts';
import { type CompiledTool, compileTool } from './verify.ts';

/** The tools that a server offers now; they come and go while it runs (NetMCP 5). */
export interface Shelf {
  get(name: string): CompiledTool | undefined;
  list(): CompiledTool[];
  /** Adds a tool, or replaces the one of that name; calls in flight finish on the old one. @throws NETMCP_TOOL_INVALID */
  put(tool: NfTool): CompiledTool;
  remove(name: string): boolean;
  /** Told after every change. Returns how to stop listening. */
  onChange(listener: () => void): () => void;
}

export function createShelf(tools: NfTool[]): Shelf {
  const kept = new Map<string, CompiledTool>(tools.map((tool) => [tool.name, compileTool(tool)]));
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of listeners) listener();
  };
  return {
    get: (name) => kept.get(name),
    list: () => [...kept.values()],
    put(tool) {
      const compiled = compileTool(tool);
      kept.set(tool.name, compiled);
      tell();
      return compiled;
    },
    remove(name) {
      const had = kept.delete(name);
      if (had) tell();
      return had;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
