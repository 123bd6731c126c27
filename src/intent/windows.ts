import type { Day, Span, TimeWord } from './times.ts';
import type { Window } from './types.ts';
import { epochOf } from './zone.ts';

export interface Reading {
  window?: Window;
  /** The day that the words name, for the other anchor to share. */
  day?: Day;
  spans: Span[];
  conventions: string[];
  /** Why there is no window. */
  problem?: string;
}

/**
 * One window out of the pieces of time that belong together. `lengthMin` is how long a point in time
 * lasts where nobody says so; `wholeDay`: a day alone is enough.
 */
export function readWindow(
  words: TimeWord[],
  shared: Day | undefined,
  options: { now: number; timeZone: string; lengthMin: number; wholeDay: boolean },
): Reading {
  const { now, timeZone, lengthMin, wholeDay } = options;
  const spans = words.map(({ start, end }) => ({ start, end }));
  const conventions: string[] = [];
  const one = <K extends TimeWord['kind']>(kind: K) =>
    words.find((word): word is Extract<TimeWord, { kind: K }> => word.kind === kind);
  const length = one('duration')?.minutes ?? lengthMin;
  const assumedLength = () => {
    if (one('duration') === undefined) conventions.push(`a point in time stands for ${lengthMin} minutes`);
  };
  const instant = one('instant');
  if (instant) {
    assumedLength();
    return { window: { start: instant.t, end: instant.t + length * 60_000 }, spans, conventions };
  }
  const said = one('day')?.day;
  const day = said ?? shared;
  const hour = one('hour');
  const part = one('part');
  const base = { spans, conventions, ...(said === undefined ? {} : { day: said }) };
  if (hour === undefined && part === undefined && !(wholeDay && said !== undefined)) {
    const problem = one('vague')
      ? 'the time that was said is too vague to plan for'
      : said
        ? 'the day was said, the time of day was not'
        : 'no time was said';
    return { ...base, problem };
  }
  if (day === undefined) return { ...base, problem: 'the time of day was said, the day was not' };
  if (said === undefined) conventions.push('the same day as the rest of the journey');
  let from: number;
  let to: number;
  if (hour) {
    const late = part !== undefined && part.from >= 720;
    if (hour.ambiguous && part === undefined)
      return { ...base, problem: 'it is open whether a.m. or p.m. is meant' };
    const shift = hour.ambiguous && late && hour.from < 720 ? 720 : 0;
    from = hour.from + shift;
    to = hour.to === undefined ? from + length : hour.to + (hour.to + shift <= 1440 ? shift : 0);
    if (hour.to === undefined) assumedLength();
    if (hour.to === undefined && hour.before) [from, to] = [from - 60, from];
  } else if (part) {
    [from, to] = [part.from, part.to];
    conventions.push(`${part.name} is ${clock(part.from)} to ${clock(part.to)}`);
  } else {
    [from, to] = [0, 1440];
    conventions.push('a day without a time is the whole day');
  }
  if (to <= from) return { ...base, problem: 'it ends before it starts' };
  const window = { start: epochOf(day, from, timeZone), end: epochOf(day, to, timeZone) };
  if (!(window.start < window.end)) return { ...base, problem: 'it ends before it starts' };
  if (window.end <= now) return { ...base, problem: 'that time is in the past' };
  // A point in time that has gone by is past; a part of day that runs still has its rest.
  if (hour && window.start < now) return { ...base, problem: 'that time is in the past' };
  return { ...base, window: { start: Math.max(window.start, now), end: window.end } };
}

function clock(minutes: number): string {
  const hour = Math.floor(minutes / 60) % 24;
  return `${String(hour).padStart(2, '0')}:00`;
}
