import type { ServiceNeed } from './types.ts';

type Defaults = Omit<ServiceNeed, 'name' | 'priority'>;

/** What a service needs where nobody says otherwise; 5QI of TS 23.501 table 5.7.4-1. */
const KINDS: ReadonlyArray<readonly [RegExp, Defaults]> = [
  [
    /\b(?:live[- ]?stream\w*|tiktok\b.{0,20}\b(?:live|stream\w*)|(?:go|going) live(?: on \w+)?|live (?:broadcast|show|video)\w*|broadcast(?:ing)?\b(?! (?:message|address))|stream (?:live|my|our)\b|streaming (?:live|my|our)\b)/i,
    { kind: 'live-stream', dlMbps: 1, ulMbps: 6, maxDelayMs: 300, fiveQi: 72 },
  ],
  [
    /\b(?:watch(?:ing)?\b.{0,25}\b(?:movie|film|show|series|video|match|netflix|youtube)s?|netflix|video streaming|stream(?:ing)? (?:a |the |some )?(?:movie|film|show|series|match|video)s?)\b/i,
    { kind: 'video-streaming', dlMbps: 8, ulMbps: 0.5, maxDelayMs: 300, fiveQi: 6 },
  ],
  [
    /\b(?:(?:cloud |online |mobile )gam(?:e|es|ing)|gaming|play(?:ing)? (?:\w+ )?games?\b|esports)\b/i,
    { kind: 'gaming', dlMbps: 3, ulMbps: 1, maxDelayMs: 50, fiveQi: 3 },
  ],
  [
    /\b(?:(?:phone|voice|telephone|audio) (?:call|conversation)s?|call(?:ing)? (?:my|our|a client|the client|home|mum|mom|dad)\b)/i,
    { kind: 'voice-call', dlMbps: 0.1, ulMbps: 0.1, maxDelayMs: 100, fiveQi: 1 },
  ],
  [
    /\b(?:video[- ]?(?:conferenc(?:e|es|ing)|calls?|meetings?|chats?|interviews?)|(?:ms |microsoft )?teams(?: call| meeting)?|zoom(?: call| meeting)?|webex(?: call| meeting)?|google meet|facetime|skype|webinar|online (?:meeting|interview|conference)|conference call|conference|meeting)\b/i,
    { kind: 'video-conference', dlMbps: 4, ulMbps: 3, maxDelayMs: 150, fiveQi: 2 },
  ],
  [/\bcalls?\b/i, { kind: 'voice-call', dlMbps: 0.1, ulMbps: 0.1, maxDelayMs: 100, fiveQi: 1 }],
];

export interface Found<T> {
  value: T;
  start: number;
  end: number;
}

/** The service that the text names, the most telling words first. */
export function findService(text: string): Found<Defaults> | undefined {
  for (const [pattern, value] of KINDS) {
    const match = pattern.exec(text);
    if (match) return { value, start: match.index, end: match.index + match[0].length };
  }
  return undefined;
}

const RATE =
  /(\d{1,7}(?:\.\d{1,3})?)\s*(gbps|gbit\/s|gigabits?(?: per second)?|mbps|mbit\/s|mb\/s|megabits?(?: per second)?|kbps|kbit\/s|kilobits?(?: per second)?)/gi;
const DELAY = /(\d{1,6}(?:\.\d{1,3})?)\s*(?:ms\b|milliseconds?\b|msec\b)/gi;
const UP = /\b(?:up|uplink|upload|upstream|uploading)\b/i;
const DOWN = /\b(?:down|downlink|download|downstream|downloading)\b/i;

export interface Figures {
  dl?: Found<number>;
  ul?: Found<number>;
  delay?: Found<number>;
  /** All stretches of text that are figures, so that no hour is read out of them. */
  spans: Array<{ start: number; end: number }>;
}

/** Rates and delays that the text states. A rate without direction is that of the service's main one. */
export function findFigures(text: string, main: 'dl' | 'ul'): Figures {
  const figures: Figures = { spans: [] };
  for (const match of text.matchAll(RATE)) {
    const start = match.index;
    const end = start + match[0].length;
    figures.spans.push({ start, end });
    const unit = (match[2] ?? '').toLowerCase();
    const factor = unit.startsWith('g') ? 1000 : unit.startsWith('k') ? 0.001 : 1;
    const found = { value: Number(match[1]) * factor, start, end };
    const after = text.slice(end, end + 14).split(/[,;]|\band\b/i)[0] ?? '';
    const before =
      text
        .slice(Math.max(0, start - 24), start)
        .split(/[,;]|\band\b/i)
        .at(-1) ?? '';
    const up = UP.test(after) || (!DOWN.test(after) && UP.test(before));
    const down = DOWN.test(after) || (!UP.test(after) && DOWN.test(before));
    const key = up ? 'ul' : down ? 'dl' : main;
    figures[key] ??= found;
  }
  for (const match of text.matchAll(DELAY)) {
    const start = match.index;
    const end = start + match[0].length;
    figures.spans.push({ start, end });
    figures.delay ??= { value: Number(match[1]), start, end };
  }
  return figures;
}

/** High or low where the words say so. */
export function findPriority(text: string): Found<'high' | 'low'> | undefined {
  const patterns = [
    [
      /\b(?:(?:top|high|highest|maximum) priority|(?:business|mission)[- ]critical|critical|crucial|urgent|vip|(?:very|really|extremely) important|important|must not (?:drop|fail|freeze))\b/i,
      'high',
    ],
    [/\b(?:low(?:est)? priority|not (?:urgent|important|critical)|best effort)\b/i, 'low'],
  ] as const;
  const low = patterns[1][0].exec(text);
  const high = patterns[0][0].exec(text);
  const match = low ?? high;
  if (!match) return undefined;
  return { value: low ? 'low' : 'high', start: match.index, end: match.index + match[0].length };
}
