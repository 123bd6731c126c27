import { createHash } from 'node:crypto';
import { EXTENSION } from '../schema/index.ts';
import type { Tool } from '../session/server-session.ts';
import { createFinder, type Finder, type ToolDocument } from './finder.ts';

/** Tools of other servers by name, as one caller may see them. */
export type Elsewhere = ReadonlyMap<string, { definition: Tool; servers: string[] }>;

/** Kept: callers with the same rights at the same peers share one. */
const MAX_INDEXES = 8;

/** The document of a tool of which only the definition is known. */
export function documentOfDefinition(definition: Tool, servers: readonly string[]): ToolDocument {
  const meta = (definition._meta?.[EXTENSION] ?? {}) as { category?: unknown; labels?: unknown };
  const labels = Array.isArray(meta.labels) ? meta.labels.filter((one) => typeof one === 'string') : [];
  return {
    id: definition.name,
    name: definition.name,
    title: definition.title ?? '',
    description: definition.description ?? '',
    parameters: parametersOf(definition),
    labels,
    ...(typeof meta.category === 'string' && { category: meta.category }),
    ...(servers[0] !== undefined && { server: { id: servers[0], summary: '' } }),
  };
}

export function parametersOf({ inputSchema }: Tool): Array<{ name: string; description: string }> {
  const properties = (inputSchema.properties ?? {}) as Record<string, { description?: string }>;
  return Object.entries(properties).map(([name, { description }]) => ({
    name,
    description: description ?? '',
  }));
}

/** Finders by what is in them: scores compare within one index only, so tools that compete share one. */
export function createIndexes(): (documents: ToolDocument[]) => Finder {
  const kept = new Map<string, Finder>();
  return (documents) => {
    const key = createHash('sha256').update(JSON.stringify(documents)).digest('base64url');
    const finder = kept.get(key) ?? createFinder(documents);
    kept.delete(key);
    kept.set(key, finder);
    if (kept.size > MAX_INDEXES) kept.delete(kept.keys().next().value as string);
    return finder;
  };
}
