import { asksForNetwork, gate, notNetwork } from './gate.ts';
import { intentOf } from './intent.ts';
import { findPlace, slugOf } from './places.ts';
import { findFigures, findPriority, findService } from './services.ts';
import { blank, findTimes, type Span, type TimeWord } from './times.ts';
import type { Evidence, Journey, Missing, Understanding } from './types.ts';
import { type Reading, readWindow } from './windows.ts';

export interface UnderstandOptions {
  /** Network time, ms since the epoch. */
  now: number;
  /** IANA name or offset such as `+08:00`. */
  timeZone: string;
  /** Earlier utterances of the same request, oldest first. */
  conversation?: readonly string[];
}

const FLY = /\b(?:fly|flies|flying|flight|plane|airplane)\b/i;
const DRIVE = /\b(?:driv(?:e|es|ing)|train|bus|taxi|cab|car|coach|ride|riding|commut\w+|road trip)\b/i;
const TRAVEL = /\b(?:travel\w*|trip|head(?:ing)? (?:to|for)|go(?:ing)? to (?=\p{Lu})|journey to|visit\w*)/iu;
const EVENT = /\b(?:concert|festival|stadium|match|conference hall|exhibition|fair|wedding|event)\b/i;
const BREAK = /[.;!?\n]|,|\b(?:and|then|but|where|while|with|for)\b/gi;

/**
 * Reads an English sentence into an intent (TS 28.312) and a journey, asks for what is missing, refuses
 * what is no request to the network. Pure; never throws on any text.
 * @throws RangeError for an unknown time zone only.
 */
export function understand(text: string, options: UnderstandOptions): Understanding {
  const earlier = options.conversation ?? [];
  const whole = [...earlier, text].join('\n').replaceAll(/[\u2018\u2019]/g, "'");
  const refused = gate(text, whole);
  if (refused) return refused;
  const { now, timeZone } = options;
  const service = findService(whole);
  const mode = modeOf(whole);
  if (service === undefined && mode === undefined && !asksForNetwork(whole)) return notNetwork();

  const main = service?.value.kind === 'live-stream' ? 'ul' : 'dl';
  const figures = findFigures(whole, main);
  const times = findTimes(whole, figures.spans, { now, timeZone });
  const place = findPlace(blank(whole, times), earlier.length > 0);
  const priority = findPriority(whole);
  const evidence: Record<string, Evidence> = {};
  const said = (field: string, spans: Span[], conventions: string[] = []) => {
    const first = spans[0];
    evidence[field] = first
      ? {
          source: 'text',
          text: whole.slice(first.start, spans.at(-1)?.end),
          start: first.start,
          end: spans.at(-1)?.end ?? first.end,
        }
      : { source: 'convention', text: conventions.join('; ') };
    if (first && conventions.length > 0) {
      evidence[`${field} (convention)`] = { source: 'convention', text: conventions.join('; ') };
    }
  };
  const missing: Missing[] = [];
  const name = service?.value.kind.replace('-', ' ');

  if (service) said('service.name', [service]);
  else
    missing.push({
      field: 'service',
      question: 'Which service do you need: a video conference, a live stream, a call?',
      why: 'the rates and the delay to assure depend on it',
    });

  const tripMode = mode?.value;
  if (mode) said('mode', [mode]);
  else
    evidence.mode = { source: 'convention', text: 'no journey was said: the service is used in one place' };
  if (place) said('destination', [place]);
  else if (tripMode !== undefined || EVENT.test(whole)) {
    missing.push({
      field: 'destination',
      question: tripMode ? 'Where do you go?' : 'Where is it?',
      why: 'the cells to evaluate and to prepare depend on the place',
    });
  }

  const groups = assign(whole, times, mode, service);
  const shared = (words: TimeWord[]) => words.find((word) => word.kind === 'day')?.day;
  const tripDay = shared(groups.trip);
  const serviceDay = shared(groups.service);
  const read = (words: TimeWord[], day: Reading['day'], lengthMin: number, wholeDay: boolean) =>
    readWindow(words, day, { now, timeZone, lengthMin, wholeDay });
  let trip = tripMode === undefined ? undefined : read(groups.trip, serviceDay, 30, true);
  let use = service === undefined ? undefined : read(groups.service, tripDay, 60, false);
  // During the journey itself: the service has the journey's time.
  if (
    use &&
    trip?.window &&
    groups.service.length === 0 &&
    /\b(?:during|on) the (?:way|drive|ride|trip|train|bus)|\bwhile (?:driving|riding|travell?ing)|\bon the (?:train|bus|road)/i.test(
      whole,
    )
  ) {
    use = { window: trip.window, spans: [], conventions: ['the service is used during the journey'] };
  }
  if (use?.window && tripMode === undefined) {
    trip = {
      window: use.window,
      spans: [],
      conventions: ['no journey was said: the window is that of the service'],
    };
  }
  if (trip?.window && use?.window && tripMode !== undefined) {
    if (
      trip.conventions.includes('a day without a time is the whole day') &&
      use.window.start > trip.window.start
    ) {
      trip = {
        ...trip,
        window: { start: trip.window.start, end: Math.min(trip.window.end, use.window.start) },
      };
    }
    if (use.window.end <= (trip.window?.start ?? 0))
      use = { ...use, problem: 'it would end before the departure' };
  }
  if (tripMode !== undefined && !(trip?.window && !trip.problem)) {
    missing.push({
      field: 'departure',
      question: 'On which day and at what time do you leave?',
      why: trip?.problem ?? 'no time was said',
    });
  }
  if (service && !(use?.window && !use.problem)) {
    missing.push({
      field: 'service.window',
      question: `On which day and from when to when is the ${name}?`,
      why: use?.problem ?? 'no time was said',
    });
  }
  for (const [what, found] of [
    ['rate', figures.dl],
    ['rate', figures.ul],
    ['delay', figures.delay],
  ] as const) {
    if (found && !(found.value > 0 && found.value <= (what === 'rate' ? 2000 : 10_000))) {
      missing.push({
        field: 'service.dlMbps',
        question: `Which ${what} do you need?`,
        why: `the ${what} that was said is outside what a network can give`,
      });
    }
  }
  const destination = place && { name: place.value, slug: slugOf(place.value) };
  if (missing.length > 0 || !service || !trip?.window || !use?.window) {
    return {
      kind: 'incomplete',
      missing,
      partial: {
        ...(service ? { service: service.value.kind } : {}),
        ...(tripMode ? { mode: tripMode } : {}),
        ...(destination ? { destination } : {}),
        ...(trip?.window && !trip.problem ? { departure: trip.window } : {}),
        ...(use?.window && !use.problem ? { window: use.window } : {}),
      },
    };
  }
  said('departure', trip.spans, trip.conventions);
  said('service.window', use.spans, use.conventions);
  const figure = (
    field: string,
    found: { value: number; start: number; end: number } | undefined,
    usual: number,
  ) => {
    said(`service.${field}`, found ? [found] : [], found ? [] : [`usual for a ${name}`]);
    return found?.value ?? usual;
  };
  const journey: Journey = {
    mode: tripMode ?? 'stay',
    ...(destination ? { destination } : {}),
    departure: trip.window,
    service: {
      name: service.value.kind,
      kind: service.value.kind,
      dlMbps: figure('dlMbps', figures.dl, service.value.dlMbps),
      ulMbps: figure('ulMbps', figures.ul, service.value.ulMbps),
      maxDelayMs: figure('maxDelayMs', figures.delay, service.value.maxDelayMs),
      fiveQi: service.value.fiveQi,
      priority: priority?.value ?? 'normal',
      window: use.window,
    },
    evidence,
  };
  said('service.priority', priority ? [priority] : [], priority ? [] : ['normal where nothing is said']);
  return { kind: 'intent', intent: intentOf(journey, whole), journey };
}

function modeOf(text: string): (Span & { value: 'fly' | 'drive' }) | undefined {
  for (const [pattern, value] of [
    [FLY, 'fly'],
    [DRIVE, 'drive'],
    [TRAVEL, 'drive'],
  ] as const) {
    const match = pattern.exec(text);
    if (match) return { value, start: match.index, end: match.index + match[0].length };
  }
  return undefined;
}

/** Gives each piece of time to the journey or to the service: that of its clause, else of the one before. */
function assign(text: string, times: TimeWord[], mode: Span | undefined, service: Span | undefined) {
  const groups: { trip: TimeWord[]; service: TimeWord[] } = { trip: [], service: [] };
  if (!mode || !service) {
    groups[mode ? 'trip' : 'service'].push(...times);
    return groups;
  }
  const masked = blank(text, [...times, service, mode]);
  const cuts = [0, ...[...masked.matchAll(BREAK)].map(({ index }) => index + 1), text.length + 1];
  const clauseOf = (at: number) => cuts.findLastIndex((cut) => cut <= at);
  const anchors = [
    { key: 'trip' as const, at: mode.start, clause: clauseOf(mode.start) },
    { key: 'service' as const, at: service.start, clause: clauseOf(service.start) },
  ].sort((a, b) => a.at - b.at);
  for (const word of times) {
    const clause = clauseOf(word.start);
    const here = anchors.filter((anchor) => anchor.clause === clause);
    const nearest = here.sort((a, b) => Math.abs(a.at - word.start) - Math.abs(b.at - word.start))[0];
    const before = anchors.findLast((anchor) => anchor.clause < clause);
    const key = (nearest ?? before ?? anchors[0])?.key ?? 'service';
    groups[key].push(word);
  }
  return groups;
}
