/** BM25F: one index over documents with weighted fields (Zaragoza et al., TREC 2004; Robertson and Zaragoza 2009). */

export interface FieldWeight {
  weight: number;
  /** How far length counts, 0..1. */
  b: number;
}

export interface Bm25Index {
  readonly size: number;
  readonly vocabulary: ReadonlyMap<string, Posting>;
  /** The gain of a term in each document that has it: idf times saturated frequency. */
  posting(term: string): Posting | undefined;
}

export interface Posting {
  idf: number;
  documents: Uint32Array;
  gains: Float32Array;
}

/** `documents`: for each, its fields with their terms. */
export function indexBm25(
  documents: ReadonlyArray<ReadonlyMap<string, readonly string[]>>,
  fields: ReadonlyMap<string, FieldWeight>,
  k1: number,
): Bm25Index {
  const mean = new Map<string, number>();
  for (const field of fields.keys()) {
    let sum = 0;
    for (const document of documents) sum += document.get(field)?.length ?? 0;
    mean.set(field, Math.max(1, sum / Math.max(1, documents.length)));
  }
  const frequencies = new Map<string, Map<number, number>>();
  documents.forEach((document, at) => {
    for (const [field, found] of document) {
      const { weight, b } = fields.get(field) ?? { weight: 0, b: 0 };
      if (weight === 0) continue;
      const share = weight / (1 - b + (b * found.length) / (mean.get(field) ?? 1));
      for (const term of found) {
        let counts = frequencies.get(term);
        if (counts === undefined) {
          counts = new Map();
          frequencies.set(term, counts);
        }
        counts.set(at, (counts.get(at) ?? 0) + share);
      }
    }
  });
  const vocabulary = new Map<string, Posting>();
  for (const [term, counts] of frequencies) {
    const idf = Math.log(1 + (documents.length - counts.size + 0.5) / (counts.size + 0.5));
    const gains = new Float32Array(counts.size);
    let i = 0;
    for (const frequency of counts.values()) {
      gains[i] = (idf * frequency * (k1 + 1)) / (frequency + k1);
      i += 1;
    }
    vocabulary.set(term, { idf, documents: Uint32Array.from(counts.keys()), gains });
  }
  return { size: documents.length, vocabulary, posting: (term) => vocabulary.get(term) };
}
