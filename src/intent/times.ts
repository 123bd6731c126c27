import * as chrono from 'chrono-node';
import { offsetMinutes, type WallTime, wallOf } from './zone.ts';

export interface Span {
  start: number;
  end: number;
}
export type Day = Pick<WallTime, 'year' | 'month' | 'day'>;

/** A piece of time that the text names, with where it stands. */
export type TimeWord = Span &
  (
    | { kind: 'day'; day: Day }
    | { kind: 'vague' }
    | { kind: 'part'; name: string; from: number; to: number }
    /** Minutes after midnight; `ambiguous` where a.m. or p.m. is not said. */
    | { kind: 'hour'; from: number; to?: number; ambiguous: boolean; before: boolean }
    | { kind: 'instant'; t: number }
    | { kind: 'duration'; minutes: number }
  );

/** Parts of day, minutes after midnight: a convention, and said to be one. */
const PARTS: Record<string, readonly [number, number]> = {
  morning: [360, 720],
  afternoon: [720, 1080],
  evening: [1080, 1320],
  tonight: [1080, 1320],
  night: [1320, 1560],
};

const NUMBERS: Record<string, number> = {
  a: 1,
  an: 1,
  one: 1,
  two: 2,
  three: 3,
  four: 4,
  five: 5,
  six: 6,
  seven: 7,
  eight: 8,
  nine: 9,
  ten: 10,
  eleven: 11,
  twelve: 12,
  fifteen: 15,
  twenty: 20,
  thirty: 30,
  forty: 40,
  'forty-five': 45,
  'half an': 0.5,
  'half a': 0.5,
  'a couple of': 2,
  'an hour and a half': 1.5,
};
const N = `(half an?|a couple of|\\d{1,3}(?:\\.5)?|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty-five|forty)`;
const MERIDIEM = `(a\\.?m\\b\\.?|p\\.?m\\b\\.?)`;
const CLOCK = `(?:(\\d{1,2})(?:[:.](\\d{2}))?\\s*(?:${MERIDIEM}|o'?clock|h\\b)?|(noon|midday|midnight))`;
const RANGE = new RegExp(
  `\\b(from|between)?\\s*\\b${CLOCK}\\s*(?:to|-|–|until|till|and)\\s*${CLOCK}(?![\\d/:-]|\\s*(?:${'jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec'}))`,
  'gi',
);
const POINT = new RegExp(`\\b(at|by|before|around|about|from|after|since)?\\s*\\b${CLOCK}(?![\\d/:-])`, 'gi');
const PAST =
  /\b(half|quarter) (past|to) (one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\d{1,2})\b\s*(a\.?m\b|p\.?m\b)?/gi;

const numberOf = (word: string) => NUMBERS[word.toLowerCase()] ?? Number(word);

/** Every piece of time in the text, in order; stretches in `taken` are not read. */
export function findTimes(
  text: string,
  taken: readonly Span[],
  { now, timeZone }: { now: number; timeZone: string },
): TimeWord[] {
  let rest = blank(text, taken);
  const words: TimeWord[] = [];
  const take = (word: TimeWord) => {
    words.push(word);
    rest = blank(rest, [word]);
  };
  const each = (pattern: RegExp, read: (match: RegExpExecArray, span: Span) => TimeWord | undefined) => {
    for (const match of [...rest.matchAll(pattern)] as RegExpExecArray[]) {
      const lead = match[0].length - match[0].trimStart().length;
      const span = { start: match.index + lead, end: match.index + match[0].length };
      const word = read(match, span);
      if (word !== undefined) take(word);
    }
  };
  each(/\b(?:right now|now|immediately|right away)\b/gi, (_, span) => ({ ...span, kind: 'instant', t: now }));
  each(new RegExp(`\\b(?:in|within) ${N} (hour|minute|min)s?\\b(?: from now)?`, 'gi'), (match, span) => ({
    ...span,
    kind: 'instant',
    t: now + minutesOf(match[1] ?? '', match[2] ?? '') * 60_000,
  }));
  each(new RegExp(`\\b(?:for |lasting |takes? )${N}[ -](hour|minute|min)s?\\b`, 'gi'), duration);
  each(
    new RegExp(
      `\\b${N}[ -](hour|minute)(?=[ -](?:long |video |online |zoom |teams |phone )*(?:call|meeting|conference|stream|live|broadcast))`,
      'gi',
    ),
    duration,
  );
  each(PAST, (match, span) => {
    const hour = numberOf(match[3] ?? '');
    if (!(hour <= 24)) return undefined;
    const minutes = match[1]?.toLowerCase() === 'half' ? 30 : 15;
    const from = minuteOfDay(hour, 0, match[4]) + (match[2]?.toLowerCase() === 'to' ? -minutes : minutes);
    return { ...span, kind: 'hour', from, ambiguous: match[4] === undefined && hour <= 12, before: false };
  });
  each(RANGE, range);
  each(POINT, point);
  each(/\b(tonight|mornings?|afternoon|evening|night)\b/gi, (match, span) => {
    const name = (match[1] ?? '').toLowerCase().replace(/s$/, '');
    const late = name === 'tonight' && wallOf(now, timeZone).hour >= 22;
    const [from, to] = PARTS[late ? 'night' : name] as readonly [number, number];
    const said = name === 'tonight' || /\b(?:this|later this)\s+$/i.test(text.slice(0, span.start));
    if (said) words.push({ ...span, kind: 'day', day: wallOf(now, timeZone) });
    return { ...span, kind: 'part', name, from, to };
  });
  each(
    /\b(?:(?:next|this|coming) (?:week|month|year|weekend)|some ?day|soon|sometime|one of these days)\b(?!\s+(?:mon|tues|wednes|thurs|fri|satur|sun)day)/gi,
    (_, span) => ({ ...span, kind: 'vague' }),
  );
  return [...words, ...days(rest, now, timeZone)].sort((a, b) => a.start - b.start);
}

function minutesOf(number: string, unit: string): number {
  return numberOf(number) * (unit.toLowerCase().startsWith('h') ? 60 : 1);
}

function duration(match: RegExpExecArray, span: Span): TimeWord | undefined {
  const minutes = minutesOf(match[1] ?? '', match[2] ?? '');
  return minutes > 0 && minutes <= 1440 ? { ...span, kind: 'duration', minutes } : undefined;
}

function range(match: RegExpExecArray, span: Span): TimeWord | undefined {
  const [, lead, h1, m1, a1, w1, h2, m2, a2, w2] = match;
  if (!lead && !m1 && !m2 && !a1 && !a2 && !w1 && !w2) return undefined;
  const second = a2 ?? a1;
  if (!valid(h1, m1, a1) || !valid(h2, m2, second)) return undefined;
  const to = named(w2) ?? minuteOfDay(Number(h2), Number(m2 ?? 0), second);
  let from = named(w1) ?? minuteOfDay(Number(h1), Number(m1 ?? 0), a1 ?? a2);
  // "from 11 to 1 pm": the meridiem of the end is the start's only where it then comes first.
  if (!a1 && a2 && w1 === undefined && from >= to && from >= 720) from -= 720;
  const bare = (h?: string, m?: string) => h !== undefined && Number(h) <= 12 && m === undefined;
  const ambiguous = !a1 && !a2 && !w1 && !w2 && bare(h1, m1) && bare(h2, m2);
  // Past midnight: an evening start with an end in the early hours.
  return {
    ...span,
    kind: 'hour',
    from,
    to: to <= from && from >= 1080 && to <= 360 ? to + 1440 : to,
    ambiguous,
    before: false,
  };
}

function point(match: RegExpExecArray, span: Span): TimeWord | undefined {
  const [whole, lead, hour, minute, meridiem, word] = match;
  const before = /^(?:by|before)$/i.test(lead ?? '');
  const from = named(word);
  if (from !== undefined) return { ...span, kind: 'hour', from, ambiguous: false, before };
  const clock = /o'?clock|\dh$/i.test(whole);
  if (!minute && !meridiem && !clock && !/^(?:at|by|before|around)$/i.test(lead ?? '')) return undefined;
  if (!valid(hour, minute, meridiem)) return undefined;
  const ambiguous = meridiem === undefined && minute === undefined && Number(hour) <= 12;
  return {
    ...span,
    kind: 'hour',
    from: minuteOfDay(Number(hour), Number(minute ?? 0), meridiem),
    ambiguous,
    before,
  };
}

function valid(hour?: string, minute?: string, meridiem?: string): boolean {
  if (hour === undefined) return true;
  const h = Number(hour);
  return Number(minute ?? 0) < 60 && (meridiem ? h >= 1 && h <= 12 : h <= 24);
}

function named(word: string | undefined): number | undefined {
  if (word === undefined) return undefined;
  return word.toLowerCase() === 'midnight' ? 1440 : 720;
}

function minuteOfDay(hour: number, minute: number, meridiem: string | undefined): number {
  if (meridiem === undefined) return hour * 60 + minute;
  return ((hour % 12) + (/^p/i.test(meridiem) ? 12 : 0)) * 60 + minute;
}

/** Days by chrono-node, out of a text from which the times of day are taken: it merges those wrongly. */
function days(text: string, now: number, timeZone: string): TimeWord[] {
  const reference = { instant: new Date(now), timezone: offsetMinutes(now, timeZone) };
  return chrono.en.casual
    .parse(text, reference, { forwardDate: true })
    .filter(
      ({ start, text: said }) =>
        (start.isCertain('day') || start.isCertain('weekday')) &&
        !/^(?:sat|sun|mon|wed|fri|may|mar)$/i.test(said),
    )
    .filter(({ start }) => !start.isCertain('hour'))
    .map(({ start, index, text: said }) => ({
      kind: 'day' as const,
      start: index,
      end: index + said.length,
      day: {
        year: start.get('year') ?? 0,
        month: start.get('month') ?? 1,
        day: start.get('day') ?? 1,
      },
    }));
}

export function blank(text: string, spans: readonly Span[]): string {
  let result = text;
  for (const { start, end } of spans) {
    result = result.slice(0, start) + ' '.repeat(end - start) + result.slice(end);
  }
  return result;
}
