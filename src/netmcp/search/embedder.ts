import type { Env } from '../../../machines/ports.ts';
import type { Found } from './finder.ts';

/** Turns texts into vectors, one each. Off unless an operator plugs one in. */
export interface Embedder {
  embed(texts: readonly string[], signal: AbortSignal): Promise<number[][]>;
}

/** An OpenAI-compatible `/embeddings` endpoint. The key goes into the request and nowhere else. */
export function openAiEmbedder(options: {
  /** With path, without `/embeddings`. */
  baseUrl: string;
  model: string;
  apiKey?: string;
  fetch: typeof globalThis.fetch;
}): Embedder {
  const url = `${options.baseUrl.replace(/\/+$/, '')}/embeddings`;
  return {
    async embed(texts, signal) {
      const response = await options.fetch(url, {
        method: 'POST',
        signal,
        headers: {
          'content-type': 'application/json',
          ...(options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` }),
        },
        body: JSON.stringify({ model: options.model, input: texts }),
      });
      if (!response.ok) throw new Error(`the embedding endpoint answered ${response.status}`);
      const body = (await response.json()) as { data?: Array<{ index?: number; embedding?: unknown }> };
      const vectors: number[][] = new Array(texts.length);
      (body.data ?? []).forEach(({ index, embedding }, at) => {
        if (Array.isArray(embedding) && embedding.every((x) => Number.isFinite(x))) {
          vectors[index ?? at] = embedding as number[];
        }
      });
      for (let i = 0; i < texts.length; i += 1) {
        if (vectors[i] === undefined) throw new Error('the embedding endpoint left a text out');
      }
      return vectors;
    },
  };
}

export interface Embedded {
  /** Lexical order and order by meaning, fused by reciprocal rank; the lexical one alone where the other fails. */
  fuse(requirement: string, lexical: readonly Found[], signal: AbortSignal): Promise<Found[]>;
}

/** Rank 1 counts 1/(10+1): neither list decides alone. */
const RRF = 10;
const BATCH = 64;

/** Vectors of the tools, made once a text and kept while the tool is there. `timeoutMs` bounds each search. */
export function embedTools(
  env: Env,
  embedder: Embedder,
  texts: () => ReadonlyMap<string, string>,
  timeoutMs = 2_000,
): Embedded {
  let kept = new Map<string, { text: string; vector: number[] }>();

  async function vectors(signal: AbortSignal): Promise<Map<string, { text: string; vector: number[] }>> {
    const now = texts();
    const next = new Map<string, { text: string; vector: number[] }>();
    const missing: Array<[string, string]> = [];
    for (const [id, text] of now) {
      const before = kept.get(id);
      if (before?.text === text) next.set(id, before);
      else missing.push([id, text]);
    }
    for (let from = 0; from < missing.length; from += BATCH) {
      const batch = missing.slice(from, from + BATCH);
      const made = await embedder.embed(
        batch.map(([, text]) => text),
        signal,
      );
      batch.forEach(([id, text], at) => {
        next.set(id, { text, vector: made[at] ?? [] });
      });
      // What is made is kept, also if the rest comes too late for this search.
      kept = new Map([...kept, ...next]);
    }
    kept = next;
    return next;
  }

  return {
    async fuse(requirement, lexical, signal) {
      const limit = new AbortController();
      const timer = env.clock.setTimeout(() => limit.abort(new Error('too slow')), timeoutMs);
      const either = AbortSignal.any([signal, limit.signal]);
      try {
        const work = (async () => {
          const known = await vectors(either);
          const [asked = []] = await embedder.embed([requirement], either);
          return [...known]
            .map(([id, { vector }]) => ({ id, score: cosine(asked, vector) }))
            .sort((a, b) => b.score - a.score || a.id.localeCompare(b.id));
        })();
        const meant = await Promise.race([work, aborted(either)]);
        return merge([lexical, meant]);
      } catch (error) {
        signal.throwIfAborted();
        env.log.warn(
          { error: error instanceof Error ? error.message : String(error) },
          'embedding failed: search by words alone',
        );
        return [...lexical];
      } finally {
        env.clock.clearTimeout(timer);
      }
    },
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

function cosine(a: readonly number[], b: readonly number[]): number {
  let dot = 0;
  let left = 0;
  let right = 0;
  for (let i = 0; i < Math.min(a.length, b.length); i += 1) {
    dot += (a[i] ?? 0) * (b[i] ?? 0);
    left += (a[i] ?? 0) ** 2;
    right += (b[i] ?? 0) ** 2;
  }
  return left === 0 || right === 0 ? 0 : dot / Math.sqrt(left * right);
}

function merge(lists: ReadonlyArray<readonly Found[]>): Found[] {
  const total = new Map<string, number>();
  for (const list of lists) {
    list.forEach(({ id }, place) => {
      total.set(id, (total.get(id) ?? 0) + 1 / (RRF + place + 1));
    });
  }
  return [...total].map(([id, score]) => ({ id, score })).sort((a, b) => b.score - a.score);
}
