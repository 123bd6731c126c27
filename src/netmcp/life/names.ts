/** Letters of other scripts that look like Latin ones; what NFKC does not fold. */
const LOOKALIKES = new Map(
  Object.entries({
    а: 'a',
    в: 'b',
    е: 'e',
    к: 'k',
    м: 'm',
    н: 'h',
    о: 'o',
    р: 'p',
    с: 'c',
    т: 't',
    у: 'y',
    х: 'x',
    і: 'l',
    ј: 'j',
    ѕ: 's',
    ԁ: 'd',
    ԛ: 'q',
    ԝ: 'w',
    һ: 'h',
    ӏ: 'l',
    α: 'a',
    β: 'b',
    ε: 'e',
    η: 'n',
    ι: 'l',
    κ: 'k',
    ν: 'v',
    ο: 'o',
    ρ: 'p',
    τ: 't',
    υ: 'u',
    χ: 'x',
    ı: 'l',
    ɑ: 'a',
    ɡ: 'g',
    ո: 'n',
    օ: 'o',
    ս: 'u',
  }),
);

/** Two names with one skeleton look alike to a person or to a model. */
export function skeletonOf(name: string): string {
  const folded = name.normalize('NFKC').toLowerCase();
  return [...folded]
    .map((character) => LOOKALIKES.get(character) ?? character)
    .join('')
    .replace(/\p{M}|[^\p{L}\p{N}]/gu, '')
    .replaceAll('rn', 'm')
    .replaceAll('vv', 'w')
    .replaceAll(/[1i|]/g, 'l')
    .replaceAll('0', 'o')
    .replaceAll('5', 's');
}

/** The name among `others` that `name` could be taken for, if any; the same name is not. */
export function lookalikeOf(name: string, others: Iterable<string>): string | undefined {
  const skeleton = skeletonOf(name);
  for (const other of others) if (other !== name && skeletonOf(other) === skeleton) return other;
  return undefined;
}

/** The names among `others` that a text speaks of. */
export function mentioned(text: string, others: Iterable<string>): string[] {
  const words = new Set(text.match(/[A-Za-z0-9_-]{4,}/g) ?? []);
  // A plain word such as `search` says nothing; a composed name does.
  return [...others].filter((other) => /[_-]/.test(other) && words.has(other));
}
