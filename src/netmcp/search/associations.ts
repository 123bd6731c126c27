import { terms } from './text.ts';
import { CHINESE } from './vocabulary/chinese.ts';
import { GENERAL } from './vocabulary/general.ts';
import { TELECOM } from './vocabulary/telecom.ts';

/** What a term of a request may also be called, with how near that is, 0..1. */
export interface Associations {
  of(term: string): ReadonlyMap<string, number> | undefined;
  /** Phrases that stand in a request, as the terms of their groups. */
  ofPhrases(request: readonly string[]): Map<string, ReadonlyMap<string, number>>;
}

export const VOCABULARIES = [TELECOM, GENERAL, CHINESE];

/** Reads groups: `a, b, c` all mean one another; `a, b > c` only leads from a and b to c. */
export function readAssociations(vocabularies: readonly string[]): Associations {
  const near = new Map<string, Map<string, number>>();
  const phrases = new Map<string, Map<string, number>>();
  for (const line of vocabularies.join('\n').split('\n')) {
    if (line.trim() === '') continue;
    const [left = '', right] = line.split('>');
    const from = left.split(',').map(terms);
    const to = (right ?? left).split(',').map(terms);
    const weights = new Map<string, number>();
    // A phrase says each of its words less surely.
    for (const member of to) {
      for (const term of member) weights.set(term, Math.max(weights.get(term) ?? 0, 1 / member.length));
    }
    for (const member of from) {
      if (member.length === 0) continue;
      const table = member.length === 1 ? near : phrases;
      const key = member.join(' ');
      let own = table.get(key);
      if (own === undefined) {
        own = new Map();
        table.set(key, own);
      }
      for (const [term, weight] of weights) {
        // The larger the group, the looser it is.
        const loose = weight / Math.sqrt(Math.max(1, to.length / 4));
        if (term !== key) own.set(term, Math.max(own.get(term) ?? 0, loose));
      }
    }
  }
  const longest = Math.max(1, ...[...phrases.keys()].map((key) => key.split(' ').length));
  return {
    of: (term) => near.get(term),
    ofPhrases(request) {
      const found = new Map<string, ReadonlyMap<string, number>>();
      for (let at = 0; at < request.length; at += 1) {
        for (let length = 2; length <= longest && at + length <= request.length; length += 1) {
          const key = request.slice(at, at + length).join(' ');
          const group = phrases.get(key);
          if (group !== undefined) found.set(key, group);
        }
      }
      return found;
    },
  };
}
