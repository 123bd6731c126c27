import type { Clock } from '../../../machines/ports.ts';

/** What was sent over the SSE streams of one session, so that a client can fetch what it missed. */
export interface EventLog {
  /** The id that stands for having heard a stream up to an event; 0 is its beginning. */
  open(stream: string, sequence?: number): string;
  /** Takes an event into a stream and gives it its id. */
  append(stream: string, data: string): string;
  /** Everything of that event's stream after it; null if the stream is not known, or no more. */
  after(id: string): Replay | null;
  /** Events of a stream from a number on. */
  from(stream: string, sequence: number): Replay;
  /** The number of the last event of a stream; 0 if it had none. */
  last(stream: string): number;
  /** The stream gets no more events and is forgotten with its last. */
  finish(stream: string): void;
}

export interface Replay {
  stream: string;
  events: Array<{ id: string; sequence: number; data: string }>;
  /** Events in between are kept no more. */
  gap: boolean;
}

export interface EventLimits {
  events: number;
  /** Of all events together, in characters. */
  size: number;
  ageMs: number;
}

export const EVENT_LIMITS: EventLimits = { events: 512, size: 524_288, ageMs: 300_000 };

interface Kept {
  stream: string;
  sequence: number;
  data: string;
  at: number;
}

/** A log that forgets the oldest events past its limits, whatever stream they are of. */
export function createEventLog(clock: Clock, limits: EventLimits = EVENT_LIMITS): EventLog {
  let kept: Kept[] = [];
  let size = 0;
  const streams = new Map<string, { last: number; forgotten: number; kept: number; finished: boolean }>();

  function trim(): void {
    const old = clock.now() - limits.ageMs;
    let drop = 0;
    for (const event of kept) {
      const within = kept.length - drop <= limits.events && size <= limits.size && event.at > old;
      if (within) break;
      drop += 1;
      size -= event.data.length;
      const stream = streams.get(event.stream);
      if (stream === undefined) continue;
      stream.forgotten = event.sequence;
      stream.kept -= 1;
      if (stream.kept === 0 && stream.finished) streams.delete(event.stream);
    }
    if (drop > 0) kept = kept.slice(drop);
  }

  function from(stream: string, sequence: number): Replay {
    trim();
    const events = kept
      .filter((event) => event.stream === stream && event.sequence >= sequence)
      .map((event) => ({ id: idOf(stream, event.sequence), sequence: event.sequence, data: event.data }));
    return { stream, events, gap: (streams.get(stream)?.forgotten ?? 0) >= sequence };
  }

  function know(stream: string) {
    const known = streams.get(stream) ?? { last: 0, forgotten: 0, kept: 0, finished: false };
    streams.set(stream, known);
    return known;
  }

  return {
    open(stream, sequence = 0) {
      know(stream);
      return idOf(stream, sequence);
    },
    append(stream, data) {
      const known = know(stream);
      known.last += 1;
      known.kept += 1;
      kept.push({ stream, sequence: known.last, data, at: clock.now() });
      size += data.length;
      trim();
      return idOf(stream, known.last);
    },
    after(id) {
      const read = /^([a-z0-9]{1,12})-([0-9]{1,12})$/.exec(id);
      const stream = read?.[1] ?? '';
      const sequence = Number(read?.[2]);
      const known = streams.get(stream);
      if (known === undefined || sequence > known.last) return null;
      return from(stream, sequence + 1);
    },
    from,
    last: (stream) => streams.get(stream)?.last ?? 0,
    finish(stream) {
      const known = streams.get(stream);
      if (known === undefined) return;
      known.finished = true;
      if (known.kept === 0) streams.delete(stream);
    },
  };
}

const idOf = (stream: string, sequence: number) => `${stream}-${sequence}`;
