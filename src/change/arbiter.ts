import type { Clock } from '../../machines/ports.ts';
import type { Collection } from '../durable/index.ts';
import { fail } from '../errors.ts';
import {
  type Claim,
  canonical,
  conflictOf,
  OPPOSITIONS,
  type Opposition,
  overlap,
  type Window,
} from './conflicts.ts';

/** One change asks for everything that it sets. */
export interface Ask {
  /** Names the change; asking again under it is the same ask. */
  id: string;
  /** The intent or instance behind the change. Claims of one holder never conflict: its order is its own. */
  holder: string;
  claims: Claim[];
  /** 1 to 100; higher wins. */
  priority: number;
  window: Window | null;
  /** How long a claim holds, and an ask waits, without a word of its holder, ms. */
  leaseMs: number;
  /** How long it is worth waiting, ms; 0: not at all. */
  patienceMs: number;
}

/** A claim, or an ask, in the way of another. */
export interface Obstacle {
  id: string;
  holder: string;
  resource: string;
  why: string;
  /** When it ends at the latest if nobody prolongs it, ms. */
  until: number;
}

export type Decision =
  | { state: 'held'; until: number }
  | { state: 'waiting'; behind: Obstacle[]; text: string }
  | { state: 'refused'; behind: Obstacle[]; text: string };

/** A row of the collection. One change is one row: its claims are written together or not at all. */
export interface Entry extends Ask {
  /** `ending`: another change takes precedence; it still holds until it is undone. `kept`: holds to the end of its window. */
  state: 'held' | 'waiting' | 'ending' | 'kept';
  /** First asked, and a number that orders asks of one instant. */
  since: number;
  order: number;
  /** Held since; the longest tenure counts from here. */
  from: number;
  /** What another must exceed to push it aside: its priority, and what it gained while it waited. */
  weight: number;
  until: number;
  /** Of `ending`: for whom. */
  yields: string;
}

export interface ArbiterOptions {
  clock: Clock;
  entries: Collection<Entry>;
  oppositions?: readonly Opposition[];
  /** An ask gains one step of priority among those that wait after so long, so that none waits for ever, ms. */
  ageMs?: number;
  /** The longest that a change may hold without a window, prolonged or not, ms. */
  tenureMs?: number;
  /** A change must yield: it is to be undone and then released. */
  onYield?: (entry: Entry, text: string) => void;
}

export interface Arbiter {
  /** @throws CHANGE_DIFFERENT if the id stands for other claims, CHANGE_INVALID */
  ask(ask: Ask): Decision;
  /** Prolongs the lease. `lost`: it holds nothing any more; `ending`: it must be undone and released. */
  renew(id: string): { state: 'held' | 'waiting' | 'ending' | 'lost'; text: string };
  /** It stays in the network: its claims hold to the end of its window, or end now if it has none. False: it must yield. */
  keep(id: string): boolean;
  release(id: string): void;
  get(id: string): Entry | undefined;
  list(): Entry[];
}

const AGE_MS = 60_000;
const TENURE_MS = 3_600_000;
const holds = ({ state }: Entry) => state !== 'waiting';

/**
 * Arbitration of orders on cells, subscribers, slices and paths. Higher priority wins, the older wins a tie; the loser
 * hears who, why, and until when. A change takes all its claims in one step or none, and holds nothing of a change
 * while that waits; a circle of holders that wait for each other is refused when it would close.
 */
export function createArbiter(options: ArbiterOptions): Arbiter {
  const { clock, entries, oppositions = OPPOSITIONS, ageMs = AGE_MS, tenureMs = TENURE_MS } = options;

  const live = (): Entry[] => {
    const now = clock.now();
    const rows = entries.list().map(({ value }) => value);
    const dead = rows.filter(({ until }) => until <= now);
    for (const { id } of dead) entries.delete(id);
    return rows.filter(({ until }) => until > now);
  };
  const obstaclesOf = (ask: Ask, others: Entry[]): Obstacle[] =>
    others.flatMap((other) => {
      if (other.holder === ask.holder || other.id === ask.id || !overlap(ask.window, other.window)) return [];
      for (const mine of ask.claims) {
        for (const theirs of other.claims) {
          const why = conflictOf(mine, theirs, oppositions);
          if (why !== null) {
            return [{ id: other.id, holder: other.holder, resource: mine.resource, why, until: other.until }];
          }
        }
      }
      return [];
    });
  /** Among those that wait, an ask gains with its age; whom it may push aside, it does not. */
  const rank = (entry: Entry) => entry.priority + Math.floor((clock.now() - entry.since) / ageMs);
  const before = (a: Entry, b: Entry) => rank(b) - rank(a) || a.since - b.since || a.order - b.order;
  const leaseOf = (entry: Entry) => {
    const now = clock.now();
    if (entry.state === 'waiting') return now + entry.leaseMs;
    // What must be undone is not done with its window.
    const windowEnd = entry.state === 'ending' ? Infinity : (entry.window?.end ?? Infinity);
    return Math.min(now + entry.leaseMs, windowEnd, entry.from + tenureMs);
  };

  /** Those that wait and whose way is free, in order. */
  const promote = (): void => {
    const rows = live();
    const waiting = rows.filter((row) => row.state === 'waiting').sort(before);
    const inFront = rows.filter(holds);
    for (const entry of waiting) {
      if (obstaclesOf(entry, inFront).length === 0) grant(entry);
      inFront.push(entry);
    }
  };
  const grant = (entry: Entry): void => {
    // Else it would be pushed aside the moment its turn came.
    entry.weight = Math.min(100, rank(entry));
    entry.state = 'held';
    entry.from = clock.now();
    entry.until = leaseOf(entry);
    entries.put(entry.id, entry);
  };

  /** Whether one that waits does so, through others too, for something of this holder. */
  const waitsFor = (row: Entry, holder: string, rows: Entry[], seen = new Set<string>()): boolean => {
    if (row.state !== 'waiting' || seen.has(row.id)) return false;
    seen.add(row.id);
    const inFront = rows.filter((one) => holds(one) || before(one, row) < 0);
    return obstaclesOf(row, inFront).some(
      (one) =>
        one.holder === holder ||
        rows.some((other) => other.holder === one.holder && waitsFor(other, holder, rows, seen)),
    );
  };
  const yieldTo = (ask: Entry, obstacles: Obstacle[], rows: Entry[]): void => {
    const inTheWay = rows.filter((row) => obstacles.some(({ id }) => id === row.id));
    // Nothing is undone for an ask that would have to wait all the same.
    if (inTheWay.some((row) => row.state !== 'ending' && row.weight >= ask.priority)) return;
    for (const row of inTheWay) {
      if (row.state === 'ending') continue;
      const resource = obstacles.find(({ id }) => id === row.id)?.resource;
      row.state = 'ending';
      row.yields = ask.holder;
      row.from = clock.now();
      row.until = leaseOf(row);
      entries.put(row.id, row);
      options.onYield?.(row, `${ask.holder} has priority ${ask.priority} over ${row.weight} at ${resource}.`);
    }
  };

  return {
    ask(ask) {
      checkAsk(ask);
      promote();
      const known = entries.get(ask.id);
      if (known !== undefined && termsOf(known) !== termsOf(ask))
        throw fail('CHANGE_DIFFERENT', { id: ask.id });
      const rows = live();
      const now = clock.now();
      const entry: Entry = known ?? {
        ...ask,
        claims: [...ask.claims].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)),
        state: 'waiting',
        since: now,
        order: 1 + Math.max(0, ...rows.map(({ order }) => order)),
        from: now,
        weight: ask.priority,
        until: now,
        yields: '',
      };
      if (holds(entry)) {
        if (entry.state === 'ending') {
          return { state: 'refused', behind: [], text: `It must yield to ${entry.yields}.` };
        }
        if (entry.state === 'held') {
          entry.until = leaseOf(entry);
          entries.put(entry.id, entry);
        }
        return { state: 'held', until: entry.until };
      }
      const holders = obstaclesOf(entry, rows.filter(holds));
      // One that waits for this holder cannot go first.
      const queue = rows.filter(
        (row) => row.state === 'waiting' && before(row, entry) < 0 && !waitsFor(row, entry.holder, rows),
      );
      const obstacles = [...holders, ...obstaclesOf(entry, queue)];
      if (obstacles.length === 0) {
        grant(entry);
        return { state: 'held', until: entry.until };
      }
      const refused = (text: string): Decision => {
        entries.delete(entry.id);
        return { state: 'refused', behind: obstacles, text };
      };
      const [first] = obstacles as [Obstacle];
      const words = `${first.resource} is with ${first.holder}: ${first.why}; until ${new Date(first.until).toISOString()} if nobody prolongs it.`;
      if (now - entry.since >= entry.patienceMs) return refused(words);
      const circle = rows.some(
        (row) => holders.some((one) => one.holder === row.holder) && waitsFor(row, entry.holder, rows),
      );
      if (circle) {
        return refused(`${words} That one waits for ${entry.holder}: waiting would never end.`);
      }
      entry.until = leaseOf(entry);
      entries.put(entry.id, entry);
      if (obstacles.length === holders.length) yieldTo(entry, holders, rows);
      return { state: 'waiting', behind: obstacles, text: words };
    },

    renew(id) {
      live();
      const entry = entries.get(id);
      if (entry === undefined) return { state: 'lost', text: 'Its claims have ended.' };
      if (entry.state === 'kept') return { state: 'held', text: '' };
      const until = leaseOf(entry);
      if (until > entry.until) entries.put(id, { ...entry, until });
      return { state: entry.state, text: entry.state === 'ending' ? `It yields to ${entry.yields}.` : '' };
    },

    keep(id) {
      const entry = entries.get(id);
      if (entry?.state === 'ending') return false;
      if (entry?.state !== 'held') return true;
      if (entry.window?.end === undefined || entry.window.end <= clock.now()) entries.delete(id);
      else entries.put(id, { ...entry, state: 'kept', until: entry.window.end });
      promote();
      return true;
    },

    release(id) {
      entries.delete(id);
      promote();
    },
    get(id) {
      return live().find((entry) => entry.id === id);
    },
    list: () => live().sort(before),
  };
}

const keyOf = ({ resource, parameter }: Claim) => `${resource}\n${parameter}`;
const termsOf = ({ holder, claims, priority, window }: Ask) =>
  canonical({
    holder,
    priority,
    window,
    claims: [...claims].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)),
  });

function checkAsk({ id, holder, claims, priority, window, leaseMs }: Ask): void {
  const invalid = (problem: string) => fail('CHANGE_INVALID', { problem });
  if (id === '' || holder === '') throw invalid('an ask needs an id and a holder');
  if (!(priority >= 1 && priority <= 100)) throw invalid('priority is from 1 to 100');
  if (!(leaseMs > 0)) throw invalid('a lease lasts some time');
  if (window !== null && !overlap(window, window)) throw invalid('a window starts before it ends');
  if (claims.some(({ resource }) => !/^[a-z]+:./.test(resource))) throw invalid('a resource is KIND:ID');
}
