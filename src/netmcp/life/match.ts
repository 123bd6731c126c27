import { terms } from '../search/text.ts';

/** What a tool says of itself, for the match with the scope of a server. */
export interface ToolWords {
  name: string;
  title: string;
  description: string;
  summary: string;
  labels: string[];
  category: string;
}

/** What a server is for. */
export interface Scope {
  summary: string;
  categories: string[];
  /** Words of the tools that it offers already. */
  tools: Array<Pick<ToolWords, 'name' | 'title' | 'description' | 'labels'>>;
}

/** Whether a tool belongs to a server (NetMCP 5). An embedding model can stand behind it as well. */
export interface ScopeMatch {
  /** 0 = nothing in common .. 1. */
  score(tool: ToolWords, scope: Scope): Promise<number>;
}

/**
 * Lexical match: the share of the tool's words that the scope knows, rare words counting more, labels and
 * title twice, and the category as a word of its own.
 */
export const lexicalMatch: ScopeMatch = {
  score(tool, scope) {
    const documents = [
      terms([scope.summary, ...scope.categories].join(' ')),
      ...scope.tools.map((one) => terms([one.name, one.title, one.description, ...one.labels].join(' '))),
    ];
    const frequency = new Map<string, number>();
    for (const words of documents) {
      for (const word of new Set(words)) frequency.set(word, (frequency.get(word) ?? 0) + 1);
    }
    const strong = new Set(terms([tool.title, ...tool.labels, tool.category].join(' ')));
    const weak = new Set(terms([tool.name, tool.description, tool.summary].join(' ')));
    let known = 0;
    let all = 0;
    for (const word of new Set([...strong, ...weak])) {
      const count = frequency.get(word) ?? 0;
      const rarity = Math.log(1 + documents.length / (1 + count));
      const weight = (strong.has(word) ? 2 : 1) * rarity;
      all += weight;
      if (count > 0) known += weight;
    }
    return Promise.resolve(all === 0 ? 0 : Math.round((known / all) * 1000) / 1000);
  },
};
