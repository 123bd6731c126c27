import { trigrams } from './text.ts';

/** Words of the index that are spelt much like another: compounds, endings, slips of the pen. */
export interface Spelling {
  /** Likeness (Dice over trigrams), best first. */
  near(term: string): ReadonlyArray<readonly [string, number]>;
}

const LEAST = 0.6;
const LEAST_OTHERWISE = 0.75;
const MOST = 5;
const REMEMBERED = 2_000;

export function indexSpelling(vocabulary: Iterable<string>): Spelling {
  const words = [...vocabulary].filter((word) => word.length > 3);
  const sizes = words.map((word) => trigrams(word).size);
  const having = new Map<string, number[]>();
  words.forEach((word, at) => {
    for (const gram of trigrams(word)) {
      const list = having.get(gram);
      if (list === undefined) having.set(gram, [at]);
      else list.push(at);
    }
  });
  const known = new Map<string, Array<readonly [string, number]>>();

  function look(term: string): Array<readonly [string, number]> {
    const grams = trigrams(term);
    const common = new Map<number, number>();
    for (const gram of grams) {
      for (const at of having.get(gram) ?? []) common.set(at, (common.get(at) ?? 0) + 1);
    }
    const found: Array<readonly [string, number]> = [];
    for (const [at, count] of common) {
      const word = words[at] ?? '';
      const likeness = (2 * count) / (grams.size + (sizes[at] ?? 0));
      // `bread` is not `read`: words that begin otherwise must be nearly the same.
      const least = word.slice(0, 2) === term.slice(0, 2) ? LEAST : LEAST_OTHERWISE;
      if (word !== term && likeness >= least) found.push([word, likeness]);
    }
    return found.sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).slice(0, MOST);
  }

  return {
    near(term) {
      if (term.length < 4 || term.length > 40) return [];
      let found = known.get(term);
      if (found === undefined) {
        found = look(term);
        if (known.size >= REMEMBERED) known.clear();
        known.set(term, found);
      }
      return found;
    },
  };
}
