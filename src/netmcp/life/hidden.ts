import type { Taint } from '../schema/index.ts';

/** Findings that are kept of one text or result. */
const MAX_FINDINGS = 16;
/** Characters of one text that are looked at. */
const MAX_SCAN = 200_000;

/** A joiner between pictographs is part of an emoji, not a hiding place. */
const ZERO_WIDTH = /(?<!\p{Extended_Pictographic}\uFE0F?)[\u200B-\u200D\u2060-\u2064\uFEFF\u180E\u00AD]+/gu;
const BIDI = /[\u200E\u200F\u202A-\u202E\u2066-\u2069\u061C]+/gu;
/** Unicode tags and variation selectors beyond the first sixteen carry whole hidden texts. */
const TAGS = /(?:[\u{E0000}-\u{E007F}]|[\u{E0100}-\u{E01EF}])+/gu;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]+/gu;
const COMMENT = /<!--[^>]{0,200}/g;
const BASE64 = /(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{24,}={0,2}(?![A-Za-z0-9+/=_-])/g;
/** Orders to a model instead of words about the tool. */
const INSTRUCTION =
  /\b(?:ignore|disregard|forget|override)\b[^.\n]{0,40}\b(?:previous|prior|above|earlier|all|system)\b[^.\n]{0,40}\b(?:instruction|prompt|rule|message)s?|\b(?:do not|don't|never)\s+(?:tell|inform|mention|show|reveal)\b[^.\n]{0,40}\b(?:user|operator|human|anyone)|<\s*\/?\s*(?:important|system|assistant|instructions?)\s*>|\b(?:before|after|instead of)\s+(?:using|calling|invoking)\b[^.\n]{0,60}\b(?:you must|must|always|first)\b|\byou must\b[^.\n]{0,60}\b(?:read|send|include|pass|call)\b|\bsystem prompt\b/gi;

const SIGNS: ReadonlyArray<readonly [Taint['kind'], RegExp]> = [
  ['zero-width', ZERO_WIDTH],
  ['bidi', BIDI],
  ['tag', TAGS],
  ['control', CONTROL],
  ['comment', COMMENT],
  ['instruction', INSTRUCTION],
];

/** What a text hides, or orders (attack 17). The text itself is not changed: it is data. */
export function findHidden(text: string, where: string): Taint[] {
  const found: Taint[] = [];
  const scanned = text.slice(0, MAX_SCAN);
  for (const [kind, sign] of SIGNS) {
    for (const match of scanned.matchAll(sign)) {
      if (found.length >= MAX_FINDINGS) return found;
      found.push({ kind, where, excerpt: around(scanned, match.index, match[0].length) });
    }
  }
  for (const match of scanned.matchAll(BASE64)) {
    const hidden = wordsIn(match[0]);
    if (hidden === null) continue;
    if (found.length >= MAX_FINDINGS) return found;
    found.push({ kind: 'base64', where, excerpt: visible(hidden).slice(0, 120) });
  }
  return found;
}

/** The findings in every string of a JSON value, keys included. */
export function findHiddenIn(value: unknown, where: string): Taint[] {
  const found: Taint[] = [];
  const visit = (node: unknown, at: string, depth: number): void => {
    if (found.length >= MAX_FINDINGS || depth > 32) return;
    if (typeof node === 'string') found.push(...findHidden(node, at));
    else if (Array.isArray(node)) {
      for (const [index, item] of node.entries()) visit(item, `${at}/${index}`, depth + 1);
    } else if (typeof node === 'object' && node !== null) {
      for (const [key, item] of Object.entries(node)) {
        found.push(...findHidden(key, at));
        visit(item, `${at}/${visible(key).slice(0, 40)}`, depth + 1);
      }
    }
  };
  visit(value, where, 0);
  return found.slice(0, MAX_FINDINGS);
}

/** Invisible characters as `\u{...}`, so that a person sees them; line breaks and tabs stay. */
export function visible(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is shown
    /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u00AD\u061C\u180E\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF]|[\u{E0000}-\u{E01EF}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** Every string of a JSON value made visible. */
export function visibleIn<T>(value: T): T {
  if (typeof value === 'string') return visible(value) as T;
  if (Array.isArray(value)) return value.map(visibleIn) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [visible(key), visibleIn(item)])) as T;
}

function around(text: string, at: number, length: number): string {
  return visible(text.slice(Math.max(0, at - 20), at + Math.min(length, 80) + 20)).slice(0, 160);
}

/** The text in a base64 blob; null if it holds none. */
function wordsIn(blob: string): string | null {
  const decoded = Buffer.from(blob, 'base64').toString('utf8');
  const printable = decoded.replace(/[^\x20-\x7E\n]/g, '').length;
  return decoded.length >= 16 && printable / decoded.length > 0.95 && /\w+\s+\w+/.test(decoded)
    ? decoded
    : null;
}
