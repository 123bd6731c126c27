import { stem, terms } from './text.ts';

/** What is looked for: terms with how much each says, and the words in order, for phrases. */
export interface Request {
  weights: Map<string, number>;
  sequence: string[];
}

/** Names of places say little of the need; the kind of a file says much. */
const KIND = 0.8;
const HOST = 0.7;
const PLACE = 0.3;
const ASKING = 0.6;
const VAGUE = 0.4;

/** Verbs of asking: any tool may be meant by them. */
const asking = new Set(
  (
    'find search get create make generate produce provide recommend recommendation suggest suggestion plan check ' +
    'show give list explore discover gather collect help assist offer introduce prepare organize share access ' +
    'perform conduct'
  )
    .split(' ')
    .map(stem),
);

const vague = new Set(
  (
    'go going come take think good great best better really thing something anything much many very well able try ' +
    'trying possible currently recently specific based other every all each only one two first new some like way ' +
    'start please interested here keep different various available additionally also'
  )
    .split(' ')
    .map(stem),
);

/** Longer runs without a space are data (a key, an encoded picture), not words. */
const LONGEST_WORD = 40;

/** Reads a request: paths and links are taken for what they name, runs of data are left out. */
export function readRequest(text: string): Request {
  const weights = new Map<string, number>();
  const add = (term: string, weight: number) => {
    if ((weights.get(term) ?? 0) < weight) weights.set(term, weight);
  };
  const addAll = (words: string, weight: number) => {
    for (const term of terms(words)) add(term, weight);
  };
  const rest = text
    .replace(/https?:\/\/[^\s"'<>()，。]+/g, (link) => {
      const [host = '', ...path] = link.replace(/^https?:\/\//, '').split('/');
      addAll(host.replace(/^www\./, '').replace(/\.[a-z]+(:\d+)?$/i, ''), HOST);
      const kind = /\.([a-z0-9]{2,5})$/i.exec(path.at(-1) ?? '')?.[1];
      if (kind !== undefined) add(stem(kind.toLowerCase()), KIND);
      add(stem('url'), PLACE);
      return ' ';
    })
    .replace(/(?:~|\.{0,2})\/[\w./-]+/g, (path) => {
      const last = path.split('/').at(-1) ?? '';
      const [, base, kind] = /^(.*)\.([a-z0-9]{2,5})$/i.exec(last) ?? [];
      if (kind !== undefined) add(stem(kind.toLowerCase()), KIND);
      addAll(base ?? last, PLACE);
      add('file', PLACE);
      return ' ';
    })
    .split(/\s+/)
    .filter((word) => word.length < LONGEST_WORD || /\p{Script=Han}/u.test(word))
    .join(' ');
  const sequence = terms(rest);
  for (const term of sequence) add(term, vague.has(term) ? VAGUE : asking.has(term) ? ASKING : 1);
  return { weights, sequence };
}

/** At most this many steps are looked for one by one. */
const MOST_STEPS = 16;

/**
 * The steps of a request that its author set apart: lines, numbered or dashed items, `;`. One sentence is
 * one step: cutting it at its conjunctions was tried and found less (docs/netmcp/search.md).
 */
export function stepsOf(text: string): string[] {
  const steps = text
    .split(/\n+|;\s+|；|(?:^|\s)(?:\d{1,2}[.)]|[-*•])\s+/)
    .map((step) => step.trim())
    .filter((step) => terms(step).length > 0);
  return steps.length > 1 && steps.length <= MOST_STEPS ? steps : [text];
}
