import { type Associations, readAssociations, VOCABULARIES } from './associations.ts';
import { type Bm25Index, type FieldWeight, indexBm25 } from './bm25f.ts';
import { type Need, needsOf } from './needs.ts';
import { readRequest, stepsOf } from './request.ts';
import { indexSpelling } from './spelling.ts';
import { stem, terms } from './text.ts';

/** A tool as the index sees it. */
export interface ToolDocument {
  id: string;
  name: string;
  title?: string;
  description?: string;
  parameters?: ReadonlyArray<{ name: string; description: string }>;
  labels?: readonly string[];
  category?: string;
  /** The server that has it; tools of one server help one another to be found. */
  server?: { id: string; summary: string };
}

export interface Found {
  id: string;
  /** Comparable within one answer. */
  score: number;
}

export interface Finder {
  readonly size: number;
  /**
   * The tools for a requirement, best first, ties in the order of the index. `also` adds to the gain of a
   * term in a document, for what was learnt from use.
   */
  find(requirement: string, also?: Learnt): Found[];
}

/** Gain of a term of the request in a document, beyond its text. */
export type Learnt = (term: string) => ReadonlyMap<string, number> | undefined;

/** How the parts weigh. Chosen on the development splits alone (docs/netmcp/search.md). */
export interface Weights {
  k1: number;
  fields: ReadonlyMap<string, FieldWeight>;
  /** Of the server's own relevance, beside the tool's. */
  server: number;
  /** Of a word's associations: the better the tools know the word itself, the less. */
  associations: { named: number; known: number; unknown: number };
  phrases: number;
  spelling: number;
  /** Of the tools for what a request needs beside its words, in the fusion of ranks. */
  needs: number;
}

export const WEIGHTS: Weights = {
  k1: 1.6,
  fields: new Map([
    ['name', { weight: 2.5, b: 0.3 }],
    ['title', { weight: 1.5, b: 0.3 }],
    ['labels', { weight: 1.5, b: 0.3 }],
    ['description', { weight: 1, b: 0.4 }],
    ['parameters', { weight: 0.5, b: 0.4 }],
    ['parameterTexts', { weight: 0.3, b: 0.4 }],
    ['server', { weight: 0.5, b: 0.4 }],
  ]),
  server: 0.6,
  associations: { named: 0.5, known: 0.6, unknown: 0.9 },
  phrases: 0.5,
  spelling: 0.5,
  needs: 0.4,
};

const SERVER_FIELDS = new Map([
  ['own', { weight: 2, b: 0.5 }],
  ['tools', { weight: 1, b: 0.75 }],
]);

/** A need moves at most so many tools up. */
const NEED_DEPTH = 3;

/** Longer requests are cut: what is asked of a search has bounds. */
const LONGEST = 4_000;

let shipped: Associations | null = null;
/** The vocabulary that ships; read once. */
export function associations(): Associations {
  shipped ??= readAssociations(VOCABULARIES);
  return shipped;
}

/** Builds the index: BM25F over the fields of each tool, and over each server as a whole (NetMCP 8). */
export function createFinder(
  documents: readonly ToolDocument[],
  options: { weights?: Weights; associations?: Associations } = {},
): Finder {
  const weights = options.weights ?? WEIGHTS;
  const related = options.associations ?? associations();
  const at = new Map(documents.map((document, index) => [document.id, index]));
  const tools = indexBm25(documents.map(fieldsOf), weights.fields, weights.k1);
  const serverIds = [...new Set(documents.map((document) => document.server?.id ?? ''))];
  const serverAt = new Map(serverIds.map((id, index) => [id, index]));
  const serverOf = documents.map((document) => serverAt.get(document.server?.id ?? '') ?? 0);
  const servers =
    serverIds.length > 1 ? indexBm25(serverFields(documents, serverIds), SERVER_FIELDS, 1.2) : null;
  const spelling = indexSpelling(tools.vocabulary.keys());
  const names = new Set(documents.flatMap(({ name, title = '' }) => terms(`${name} ${title}`)));

  /** A term and all that it may stand for, each with how surely. */
  function meaning(term: string): Map<string, number> {
    const found = new Map([[term, 1]]);
    const add = (other: string, weight: number) => {
      if ((found.get(other) ?? 0) < weight) found.set(other, weight);
    };
    for (const [other, likeness] of spelling.near(term)) add(other, likeness * weights.spelling);
    const { named, known, unknown } = weights.associations;
    const trust = names.has(term) ? named : tools.posting(term) !== undefined ? known : unknown;
    for (const [other, nearness] of related.of(term) ?? []) add(other, nearness * trust);
    return found;
  }

  /** Adds, for each tool, the gain of the best word for one meaning. */
  function collect(
    into: Float64Array,
    meant: ReadonlyMap<string, number>,
    weight: number,
    learnt: ReadonlyMap<string, number> | undefined,
  ): void {
    const own = best(tools, meant);
    const theirs = servers === null ? null : best(servers, meant);
    if (learnt !== undefined) {
      for (const [id, gain] of learnt) {
        const index = at.get(id);
        if (index !== undefined) own[index] = (own[index] ?? 0) + gain;
      }
    }
    for (let i = 0; i < into.length; i += 1) {
      const server = theirs === null ? 0 : weights.server * (theirs[serverOf[i] ?? 0] ?? 0);
      into[i] = (into[i] ?? 0) + weight * ((own[i] ?? 0) + server);
    }
  }

  function score(text: string, also: Learnt | undefined): Float64Array {
    const total = new Float64Array(documents.length);
    const { weights: asked, sequence } = readRequest(text);
    for (const [term, weight] of asked) collect(total, meaning(term), weight, also?.(term));
    for (const group of related.ofPhrases(sequence).values()) {
      collect(total, group, weights.phrases, undefined);
    }
    return total;
  }

  const leading = documents.map(
    ({ name, title = '', description = '' }) =>
      new Set(terms(`${name} ${title} ${firstSentence(description)}`)),
  );

  /** The tools that name all words of a need, before anything else that they do. */
  function meeting(need: Need): Float64Array {
    const total = new Float64Array(documents.length);
    const parts = need.map((part) => part.split('|').map(stem));
    const gains = parts.map((words) => best(tools, new Map(words.map((word) => [word, 1]))));
    leading.forEach((words, i) => {
      if (!parts.every((part) => part.some((word) => words.has(word)))) return;
      for (const gain of gains) total[i] = (total[i] ?? 0) + (gain[i] ?? 0);
    });
    return total;
  }

  return {
    size: documents.length,
    find(requirement, also) {
      const text = requirement.slice(0, LONGEST);
      const steps = stepsOf(text);
      const lists = steps.map((step) => ({ scores: score(step, also), weight: 1, depth: Infinity }));
      if (steps.length === 1 && weights.needs > 0) {
        for (const need of needsOf(text)) {
          lists.push({ scores: meeting(need), weight: weights.needs, depth: NEED_DEPTH });
        }
      }
      const total = lists.length === 1 ? (lists[0]?.scores ?? new Float64Array()) : fuse(lists);
      return ranked(total).map((index) => ({ id: documents[index]?.id ?? '', score: total[index] ?? 0 }));
    },
  };
}

interface RankedList {
  scores: Float64Array;
  weight: number;
  depth: number;
}

/** Reciprocal rank fusion (Cormack et al., 2009); the best of each step comes before the second of any. */
function fuse(lists: readonly RankedList[]): Float64Array {
  const total = new Float64Array(lists[0]?.scores.length ?? 0);
  for (const { scores, weight, depth } of lists) {
    ranked(scores).forEach((index, place) => {
      if (place < depth) total[index] = (total[index] ?? 0) + weight / (1 + place);
    });
  }
  return total;
}

function firstSentence(text: string): string {
  const first = /^[\s\S]*?(?:[.。!?](?=\s|$)|\n|$)/.exec(text.trim())?.[0] ?? '';
  return first.length < 25 ? text.slice(0, 160) : first;
}

function ranked(scores: Float64Array): number[] {
  return [...scores.keys()]
    .filter((index) => (scores[index] ?? 0) > 0)
    .sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
}

/** The gain of the best of the words in each document: many words for one thing count once. */
function best(index: Bm25Index, meant: ReadonlyMap<string, number>): Float64Array {
  const found = new Float64Array(index.size);
  for (const [term, weight] of meant) {
    const posting = index.posting(term);
    if (posting === undefined) continue;
    posting.documents.forEach((document, i) => {
      const gain = weight * (posting.gains[i] ?? 0);
      if (gain > (found[document] ?? 0)) found[document] = gain;
    });
  }
  return found;
}

function fieldsOf(document: ToolDocument): Map<string, string[]> {
  const parameters = document.parameters ?? [];
  const server = document.server;
  return new Map([
    ['name', terms(document.name)],
    ['title', terms(document.title ?? '')],
    ['labels', (document.labels ?? []).flatMap(terms)],
    ['description', terms(document.description ?? '')],
    ['parameters', parameters.flatMap(({ name }) => terms(name))],
    ['parameterTexts', parameters.flatMap(({ description }) => terms(description))],
    ['server', terms(`${server?.id ?? ''} ${server?.summary ?? ''} ${document.category ?? ''}`)],
  ]);
}

function serverFields(
  documents: readonly ToolDocument[],
  ids: readonly string[],
): Array<Map<string, string[]>> {
  const own = new Map(ids.map((id) => [id, [] as string[]]));
  const tools = new Map(ids.map((id) => [id, [] as string[]]));
  for (const document of documents) {
    const id = document.server?.id ?? '';
    if (own.get(id)?.length === 0) own.get(id)?.push(...terms(`${id} ${document.server?.summary ?? ''}`));
    tools.get(id)?.push(...terms(`${document.name} ${document.description ?? ''}`));
  }
  return ids.map(
    (id) =>
      new Map([
        ['own', own.get(id) ?? []],
        ['tools', tools.get(id) ?? []],
      ]),
  );
}
