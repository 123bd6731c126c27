/** From texts to terms: case, compounds, scripts, endings. The same for what is indexed and what is asked. */

const STOP = new Set(
  (
    'a an and any are as at be been being but by can could did do does for from get give had has have help how i if in into is it ' +
    'its just know let like me might more my need now of on or our out please she he should so some such than that ' +
    'the their them then there these they this those to us use using via want was we were what when where which ' +
    'who will with within would you your am im ive id also about tell looking'
  ).split(' '),
);

/** Irregular forms that the endings do not reach. */
const IRREGULAR = new Map(
  [
    'bought buy',
    'sold sell',
    'sent send',
    'written write',
    'wrote write',
    'found find',
    'made make',
    'making make',
    'paid pay',
    'drawn draw',
    'drew draw',
    'men man',
    'women woman',
    'children child',
    'people person',
    'data datum',
    'news news',
    'lost lose',
    'kept keep',
    'held hold',
    'built build',
    'spoken speak',
    'took take',
    'taken take',
    'analyses analysi',
    'analysis analysi',
    'analyze analysi',
    'analyse analysi',
    'analyzing analysi',
    'analyzer analysi',
    'indices index',
    'vertices vertex',
    'series series',
    'status status',
  ].map((pair) => pair.split(' ') as [string, string]),
);

const HAN = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]+/u;
const VOWEL = /[aeiouy]/;

/** Cuts the common endings of an English word (in the manner of Porter's first steps, no more). */
export function stem(word: string): string {
  const known = IRREGULAR.get(word);
  if (known !== undefined) return known;
  if (word.length < 4 || /[^a-z]/.test(word)) return word;
  let base = word;
  if (/(ss|sh|ch|x|z)es$/.test(base)) base = base.slice(0, -2);
  else if (base.endsWith('ies')) base = `${base.slice(0, -3)}y`;
  else if (base.endsWith('s') && !/(ss|us|is)$/.test(base)) base = base.slice(0, -1);
  for (const ending of ['ingly', 'edly', 'ing', 'ed']) {
    if (base.length - ending.length >= 3 && base.endsWith(ending)) {
      const rest = base.slice(0, -ending.length);
      if (!VOWEL.test(rest)) break;
      base = /([bdfgklmnprt])\1$/.test(rest) && !/(ll|ss|zz)$/.test(rest) ? rest.slice(0, -1) : rest;
      break;
    }
  }
  for (const [ending, instead] of ENDINGS) {
    if (base.endsWith(ending) && base.length - ending.length >= 3) {
      base = base.slice(0, -ending.length) + instead;
      break;
    }
  }
  if (base.length > 4 && base.endsWith('e')) base = base.slice(0, -1);
  else if (base.length > 3 && base.endsWith('y')) base = `${base.slice(0, -1)}i`;
  return base;
}

const ENDINGS: Array<[string, string]> = [
  ['ization', 'iz'],
  ['isation', 'iz'],
  ['fulness', ''],
  ['ations', ''],
  ['ation', ''],
  ['ment', ''],
  ['ness', ''],
  ['ance', ''],
  ['ence', ''],
  ['able', ''],
  ['ible', ''],
  ['ator', ''],
  ['ion', ''],
  ['ive', ''],
  ['ise', 'iz'],
  ['ize', 'iz'],
  ['er', ''],
  ['or', ''],
  ['ly', ''],
  ['al', ''],
];

/** Words as they stand: lower case; camelCase and snake_case are split; 5QI stays whole. */
export function words(text: string): string[] {
  const found: string[] = [];
  const split = text
    .normalize('NFKC')
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .replace(/(\d)(\p{Lu}\p{Ll})/gu, '$1 $2')
    .replace(/(\p{Lu}+)(\p{Lu}\p{Ll})/gu, '$1 $2')
    .toLowerCase();
  for (const piece of split.split(/[^\p{L}\p{N}]+/u)) {
    if (piece === '') continue;
    if (HAN.test(piece)) found.push(...pairs(piece));
    else found.push(piece);
  }
  return found;
}

/** Scripts without spaces: each pair of neighbours is a word. */
function pairs(piece: string): string[] {
  const found: string[] = [];
  for (const run of piece.match(
    /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]+|[^\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]+/gu,
  ) ?? []) {
    const letters = [...run];
    if (!HAN.test(run) || letters.length === 1) found.push(run);
    else for (let i = 0; i + 1 < letters.length; i += 1) found.push(`${letters[i]}${letters[i + 1]}`);
  }
  return found;
}

/** Terms of a text: its words without the empty ones, cut to their stems. */
export function terms(text: string): string[] {
  return words(text)
    .filter((word) => !STOP.has(word) && (word.length > 1 || /\p{Script=Han}/u.test(word)))
    .map(stem);
}

/** Trigrams of a word with its borders, for likeness of spelling. */
export function trigrams(word: string): Set<string> {
  const framed = `^${word}$`;
  const found = new Set<string>();
  for (let i = 0; i + 3 <= framed.length; i += 1) found.add(framed.slice(i, i + 3));
  return found;
}
