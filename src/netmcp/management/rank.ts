import type { Registration } from '../schema/index.ts';
import { createFinder, type Finder, type ToolDocument } from '../search/finder.ts';

/**
 * Relevance of servers to a task, by the same index that finds tools (NetMCP 8). A server scores by its
 * best tool or by its own summary, so that many tools do not outweigh the right one.
 */
export interface Ranker {
  /** Score of each server for the task, 0 = nothing in common. The index is kept while the servers stay the same. */
  score(servers: readonly Registration[], task: string): Map<string, number>;
}

export function createRanker(): Ranker {
  let indexed: readonly Registration[] = [];
  let finder: Finder = createFinder([]);
  let owners = new Map<string, string>();

  function index(servers: readonly Registration[]): void {
    // A registration is replaced when it changes, never written to.
    if (servers.length === indexed.length && servers.every((server, at) => server === indexed[at])) return;
    const documents = servers.flatMap(documentsOf);
    owners = new Map(documents.map(({ id, server }) => [id, server.id]));
    finder = createFinder(documents);
    indexed = [...servers];
  }

  return {
    score(servers, task) {
      index(servers);
      const best = new Map(servers.map((server) => [server.serverId, 0]));
      for (const { id, score } of finder.find(task)) {
        const owner = owners.get(id);
        if (owner !== undefined) best.set(owner, Math.max(best.get(owner) ?? 0, score));
      }
      return best;
    },
  };
}

function documentsOf(registration: Registration): Array<ToolDocument & { server: { id: string } }> {
  const { serverId, summary, categories, serviceArea } = registration;
  const server = { id: serverId, summary };
  return [
    {
      id: JSON.stringify([serverId]),
      name: serverId,
      description: summary,
      labels: [...categories, ...serviceArea],
      server,
    },
    ...registration.tools.map((tool) => ({
      id: JSON.stringify([serverId, tool.name]),
      name: tool.name,
      title: tool.title,
      description: tool.description,
      labels: tool.labels,
      server,
    })),
  ];
}
