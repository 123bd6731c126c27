import { createHash } from 'node:crypto';
import type { Registration } from '../schema/index.ts';
import type { Shelf } from './shelf.ts';

/** What the registry is told of the tools that a server offers now (NetMCP 4). */
export function describeShelf(
  shelf: Shelf,
): Pick<Registration, 'categories' | 'toolCount' | 'digest' | 'tools'> {
  const all = shelf.list();
  const forms = all
    .map(({ definition: { name, inputSchema } }) => [name, inputSchema] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    categories: [...new Set(all.map(({ tool }) => tool.meta.category))],
    toolCount: all.length,
    digest: createHash('sha256').update(JSON.stringify(forms)).digest('hex'),
    tools: all.slice(0, 512).map(({ tool: { name, title, description, meta } }) => ({
      name,
      title,
      description: description.slice(0, 2_000),
      labels: meta.labels,
      permission: meta.permission,
    })),
  };
}
