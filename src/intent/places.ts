import nlp from 'compromise';
import type { Found } from './services.ts';

const NAME = String.raw`\p{Lu}[\p{L}'’-]*(?:\s+(?:(?:de|am|upon|of|the|la)\s+)?\p{Lu}[\p{L}'’-]*)*`;
const TO = new RegExp(
  String.raw`\b(?:to|in|into|for|at|near|towards|visit|visiting|reach)\s+(?:the\s+)?(${NAME})`,
  'gu',
);
const NOT_PLACES =
  /^(?:I|I'm|I'll|My|The|A|An|Teams|Zoom|Webex|Skype|Facetime|FaceTime|TikTok|Tiktok|YouTube|Youtube|Twitch|Instagram|Netflix|Google|Microsoft|Mon|Tues|Wednes|Thurs|Fri|Satur|Sun|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|January|February|March|April|May|June|July|August|September|October|November|December|English|Please|OK|AM|PM|Tomorrow|Today|Tonight|Next|Mbps|HD|Mum|Dad)$/;

/** What the network calls a place: lower case, no accents, hyphens. */
export function slugOf(name: string): string {
  return name
    .normalize('NFD')
    .replace(/\p{M}|'|\u2019/gu, '')
    .toLowerCase()
    .trim()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}

/** The place that the text goes to or is at; a place after `from` is where one leaves, and not this. */
export function findPlace(text: string, bareAnswer: boolean): Found<string> | undefined {
  const named: Array<Found<string> & { to: boolean }> = [];
  for (const match of text.matchAll(TO)) {
    const words = (match[1] ?? '').split(/\s+/);
    while (words.length > 0 && NOT_PLACES.test(words.at(-1) ?? '')) words.pop();
    if (words.length === 0 || NOT_PLACES.test(words[0] ?? '')) continue;
    const value = words.join(' ').replace(/['’]s$/, '');
    const start = match.index + match[0].length - (match[1] ?? '').length;
    if (slugOf(value) === '' || value.length > 60) continue;
    named.push({ value, start, end: start + value.length, to: /^to/i.test(match[0]) });
  }
  const best = named.find(({ to }) => to) ?? named[0];
  if (best) return { value: best.value, start: best.start, end: best.end };
  return lowerCase(text, bareAnswer);
}

/** Places that compromise knows, where somebody writes without capitals or answers with the name alone. */
function lowerCase(text: string, bareAnswer: boolean): Found<string> | undefined {
  for (const place of nlp(text).places().out('array') as string[]) {
    const value = place.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '').replace(/^(?:in|to|at)\s+/i, '');
    const start = text.indexOf(value);
    if (value === '' || start < 0 || slugOf(value) === '' || value.length > 60) continue;
    const before = text.slice(0, start);
    if (
      /\b(?:to|in|into|at|towards|visit|for)\s+$/i.test(before) ||
      (bareAnswer && /(?:^|\n)\s*$/.test(before))
    ) {
      return { value, start, end: start + value.length };
    }
  }
  if (!bareAnswer) return undefined;
  const start = text.lastIndexOf('\n') + 1;
  const bare = new RegExp(`^\\s*(${NAME})[\\s.!]*$`, 'u').exec(text.slice(start))?.[1];
  if (bare === undefined || NOT_PLACES.test(bare) || bare.length > 60 || slugOf(bare) === '')
    return undefined;
  const at = text.indexOf(bare, start);
  return { value: bare, start: at, end: at + bare.length };
}
