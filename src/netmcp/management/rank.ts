import type { Registration } from '../schema/index.ts';

/**
 * Lexical relevance of servers to a task: BM25 (k1 1.2, b 0.75) over summary, categories, labels and
 * the names and descriptions of the tools. Each tool is a document; a server scores by its best tool
 * plus its summary, so that many tools do not outweigh the right one.
 */
export interface Ranker {
  /** Score of each server for the task, 0 = nothing in common. */
  score(task: string): Map<string, number>;
}

interface Document {
  serverId: string;
  terms: Map<string, number>;
  length: number;
}

const STOP = new Set(
  'a an and are as at be by for from in is it its of on or that the this to with'.split(' '),
);

/** Words in lower case; camelCase and snake_case are split, common endings are cut. */
export function terms(text: string): string[] {
  return text
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word.length > 1 && !STOP.has(word))
    .map((word) => (word.length > 4 ? word.replace(/(ing|ed|es|s)$/, '') : word));
}

export function createRanker(servers: Iterable<Registration>): Ranker {
  const documents: Document[] = [];
  const frequency = new Map<string, number>();
  const add = (serverId: string, text: string) => {
    const words = terms(text);
    const counts = new Map<string, number>();
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
    for (const word of counts.keys()) frequency.set(word, (frequency.get(word) ?? 0) + 1);
    documents.push({ serverId, terms: counts, length: words.length });
  };
  for (const server of servers) {
    add(
      server.serverId,
      [server.serverId, server.summary, ...server.categories, ...server.serviceArea].join(' '),
    );
    for (const tool of server.tools) {
      add(server.serverId, [tool.name, tool.title, tool.description, ...tool.labels].join(' '));
    }
  }
  const mean = documents.reduce((sum, d) => sum + d.length, 0) / Math.max(1, documents.length);

  function relevance(document: Document, query: string[]): number {
    let sum = 0;
    for (const word of query) {
      const count = document.terms.get(word);
      if (count === undefined) continue;
      const known = frequency.get(word) ?? 0;
      const idf = Math.log(1 + (documents.length - known + 0.5) / (known + 0.5));
      sum += (idf * count * 2.2) / (count + 1.2 * (0.25 + (0.75 * document.length) / Math.max(1, mean)));
    }
    return sum;
  }

  return {
    score(task) {
      const query = [...new Set(terms(task))];
      const best = new Map<string, number>();
      for (const document of documents) {
        const value = relevance(document, query);
        best.set(document.serverId, Math.max(best.get(document.serverId) ?? 0, value));
      }
      return best;
    },
  };
}
