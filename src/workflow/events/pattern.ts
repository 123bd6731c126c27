/** Ways through a pattern that one match may have to try; some 10 ms of work. */
const MAX_WAYS = 5_000_000;
const MAX_LENGTH = 256;
/** Length of a text that a pattern must be able to judge to be taken at all. */
const USUAL = 128;

export interface Pattern {
  /** Whether the whole text is of the pattern; false for a text too long to judge with certainty in time. */
  matches(text: string): boolean;
}

const MAX_COUNT = 256;

const TOKEN =
  /\\[upP]\{[^}]*\}|\\[\s\S]|\[(?:\\[\s\S]|[^\]\\])*\]|\(\?(?:<?[=!]|:|<\w+>)|[()|]|(?:[*+?]|\{\d+(?:,\d*)?\})\??|[\s\S]/g;

/**
 * Compiles a regular expression that must meet a whole text. What is repeated must have neither repetitions nor
 * alternatives inside, so that the ways to match are at most the product of the choices written down: a hostile
 * text cannot hold up the process.
 * @returns the problem as text where the pattern is refused
 */
export function compilePattern(source: string): Pattern | string {
  if (source.length > MAX_LENGTH) return `is longer than ${MAX_LENGTH} characters`;
  let regex: RegExp;
  try {
    regex = new RegExp(`^(?:${source})$`, 'u');
  } catch {
    return 'is no regular expression';
  }
  const choices = choicesOf(source);
  if (typeof choices === 'string') return choices;
  const ways = (length: number) =>
    choices.reduce((product, choice) => product * Math.min(choice, length + 1), 1);
  if (ways(USUAL) > MAX_WAYS) return 'has too many repetitions and alternatives';
  return { matches: (text) => ways(text.length) <= MAX_WAYS && regex.test(text) };
}

interface Group {
  /** Whether it holds a choice, and so must not be repeated. */
  chooses: boolean;
  arms: number;
}

/** How many ways each choice point offers; Infinity stands for the length of the text. */
function choicesOf(source: string): number[] | string {
  const choices: number[] = [];
  const open: Group[] = [{ chooses: false, arms: 1 }];
  let last: Group | undefined;
  for (const [token] of source.matchAll(TOKEN)) {
    const inner = open.at(-1) as Group;
    if (token.startsWith('(')) {
      open.push({ chooses: false, arms: 1 });
      last = undefined;
    } else if (token === ')') {
      last = open.pop();
      const outer = open.at(-1);
      if (last === undefined || outer === undefined) return 'is no regular expression';
      if (last.arms > 1) choices.push(last.arms);
      outer.chooses ||= last.chooses;
    } else if (token === '|') {
      inner.arms += 1;
      inner.chooses = true;
      last = undefined;
    } else if (/^(?:[*+?]|\{\d)/.test(token)) {
      const { times, most } = countsOf(token);
      if (most > 1 && last?.chooses === true) return 'repeats what has repetitions or alternatives inside';
      if (most !== Number.POSITIVE_INFINITY && most > MAX_COUNT)
        return `repeats more than ${MAX_COUNT} times`;
      choices.push(times);
      inner.chooses = true;
      last = undefined;
    } else last = undefined;
  }
  return choices;
}

/** In how many ways a quantifier can be met, and how often it repeats at most. */
function countsOf(quantifier: string): { times: number; most: number } {
  if (quantifier.startsWith('?')) return { times: 2, most: 1 };
  const [, low, comma, high] = /^\{(\d+)(,?)(\d*)\}/.exec(quantifier) ?? [];
  if (low === undefined || (comma !== '' && high === '')) {
    if (Number(low ?? 0) > MAX_COUNT) return { times: 1, most: Number(low) };
    return { times: Number.POSITIVE_INFINITY, most: Number.POSITIVE_INFINITY };
  }
  return comma === ''
    ? { times: 1, most: Number(low) }
    : { times: Number(high) - Number(low) + 1, most: Number(high) };
}

/** Whether a text has anything of a pattern; one that has only dots (a type, a host) stands for itself. */
export const looksLikePattern = (text: string): boolean => /[\\^$*+?()[\]{}|]/.test(text);
