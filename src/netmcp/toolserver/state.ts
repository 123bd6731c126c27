import type { Clock } from '../../../machines/ports.ts';
import type { ChainEntry } from '../schema/index.ts';
import { type Booking, bookingOf } from '../tools/bookings.ts';
import type { Meter } from './meter.ts';

/** What a server knows beside the arguments: `state` of the rules (NetMCP 2 and 3). Every member is always there. */
export interface CallState {
  /** Network time of the server, ms. */
  now: number;
  /** Own load, 0..100, and calls at work. */
  load: number;
  inFlight: number;
  /** Who asks. */
  agent: string;
  /** The NFs that the tool needs, as the last answers were: `up`, `down` or `unknown`. */
  nf: Record<string, { status: 'up' | 'down' | 'unknown'; failures: number }>;
  /** What this server has reserved for the subscriber of the call (`args.supi`). */
  subscriber: { reservations: number; sessions: number; dlMbps: number; ulMbps: number };
  /** The fullest of the cells of the call (`args.cellIds`) in its window: percent reserved already. */
  cell: { id: string; reserved: number; reservations: number };
}

export interface CallFacts {
  tool: string;
  agent: string;
  args: Record<string, unknown>;
  /** Types of the NFs behind the tool. */
  nf: string[];
}

/** Gives rules their `state`, and learns from every call. */
export interface StateSource {
  read(call: CallFacts): CallState;
  note(call: CallFacts, end: { output: Record<string, unknown> | null; chain: ChainEntry[] }): void;
}

/** Reservations that one server remembers; the oldest go. */
const MAX_BOOKINGS = 20_000;
const DOWN_AFTER = 3;

/**
 * State out of what passes through this server itself. It begins empty and does not know what other servers
 * reserved; the NF has the last word on both.
 */
export function createStateSource(clock: Clock, meter: Pick<Meter, 'load' | 'inFlight'>): StateSource {
  const bookings = new Map<string, Booking>();
  const failures = new Map<string, number>();

  const ended = ({ end }: Booking) => end !== null && end <= clock.now();
  const overlaps = (booking: Booking, start: number, end: number) =>
    (booking.start ?? Number.NEGATIVE_INFINITY) < end && (booking.end ?? Number.POSITIVE_INFINITY) > start;

  function subscriberOf(supi: unknown): CallState['subscriber'] {
    const held = { reservations: 0, sessions: 0, dlMbps: 0, ulMbps: 0 };
    if (typeof supi !== 'string') return held;
    for (const booking of bookings.values()) {
      if (booking.supi !== supi || ended(booking)) continue;
      if (booking.cells.length > 0) held.reservations += 1;
      else held.sessions += 1;
      held.dlMbps += booking.dlMbps;
      held.ulMbps += booking.ulMbps;
    }
    return held;
  }

  function cellOf(args: Record<string, unknown>): CallState['cell'] {
    const fullest = { id: '', reserved: 0, reservations: 0 };
    if (!Array.isArray(args.cellIds)) return fullest;
    const start = typeof args.start === 'number' ? args.start : clock.now();
    const end = typeof args.end === 'number' ? args.end : Number.POSITIVE_INFINITY;
    const asked = new Set(args.cellIds);
    const cells = new Map<string, { reserved: number; reservations: number }>();
    for (const booking of bookings.values()) {
      if (ended(booking) || !overlaps(booking, start, end)) continue;
      for (const id of booking.cells) {
        if (!asked.has(id)) continue;
        const cell = cells.get(id) ?? { reserved: 0, reservations: 0 };
        cells.set(id, { reserved: cell.reserved + booking.ratio, reservations: cell.reservations + 1 });
      }
    }
    for (const [id, cell] of cells)
      if (cell.reserved > fullest.reserved) Object.assign(fullest, { id, ...cell });
    return fullest;
  }

  function healthOf(type: string): CallState['nf'][string] {
    const count = failures.get(type);
    const status = count === undefined ? 'unknown' : count >= DOWN_AFTER ? 'down' : 'up';
    return { status, failures: count ?? 0 };
  }

  return {
    read: ({ agent, args, nf }) => ({
      now: clock.now(),
      load: meter.load(),
      inFlight: meter.inFlight(),
      agent,
      nf: Object.fromEntries(nf.map((type) => [type, healthOf(type)])),
      // Most rules look at neither.
      get subscriber() {
        return subscriberOf(args.supi);
      },
      get cell() {
        return cellOf(args);
      },
    }),
    note({ tool, args }, { output, chain }) {
      for (const { nf, status } of chain) {
        const failed = status === 0 || status >= 500;
        failures.set(nf, failed ? (failures.get(nf) ?? 0) + 1 : 0);
      }
      const change = output === null ? undefined : bookingOf(tool, args, output);
      if (change === undefined) return;
      if (change.kind === 'free') bookings.delete(change.id);
      if (change.kind === 'hold') {
        bookings.set(change.booking.id, change.booking);
        if (bookings.size > MAX_BOOKINGS) bookings.delete(bookings.keys().next().value as string);
      }
      if (change.kind === 'change') {
        const booking = bookings.get(change.id);
        const { dlMbps, ulMbps } = change;
        if (booking !== undefined) {
          bookings.set(change.id, {
            ...booking,
            ...(dlMbps !== undefined && { dlMbps }),
            ...(ulMbps !== undefined && { ulMbps }),
          });
        }
      }
    },
  };
}
