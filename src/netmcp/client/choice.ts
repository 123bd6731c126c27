import type { Env } from '../../../machines/ports.ts';
import type { ServerEntry } from '../schema/index.ts';
import type { SessionState } from '../session/client-session.ts';

export interface Candidate {
  serverId: string;
  url: string;
  /** Over what it can be reached, as it registered them. */
  endpoints: string[];
  digest: string;
}

/** How a call at a server ended, for whoever chooses: `refused` did no harm, `lost` gave no answer. */
export type CallOutcome = 'answered' | 'refused' | 'lost' | 'withdrawn';

/**
 * Chooses the server of a call (NetMCP 6): the cheapest of a few drawn at random. The cost of a server is how
 * slow it has answered us, times the calls that we have there, over the root of the weight that the management
 * server advertises: what we measure is newer than what we are told. So a server that claims to be idle and is
 * slow loses its calls all the same. Overloaded servers come last, draining and lost ones never; one that
 * failed several times in a row is left alone for a while.
 */
export interface Balancer {
  pick(
    entries: readonly ServerEntry[],
    stateOf: (serverId: string) => SessionState | undefined,
    tried: ReadonlySet<string>,
  ): Candidate | undefined;
  /** A call begins; what it returns is told how it ended. */
  begin(serverId: string, tool: string): (outcome: CallOutcome) => void;
  /** What was measured of a server: answers in ratio to what is usual for the tools. */
  seen(serverId: string): { slowness: number; inFlight: number; ejected: boolean };
}

interface Seen {
  slowness: number;
  at: number;
  samples: number;
  /** When each call that is under way began, and what is usual for its tool, ms. */
  open: Set<{ began: number; usual: number | null }>;
  failures: number;
  ejections: number;
  ejectedUntil: number;
}

const RANK = { normal: 0, high: 0, overloaded: 1, draining: 2, gone: 3 } as const;
/** Half of what is remembered of a latency is forgotten in about this time, ms. */
const TAU_MS = 1_500;
/** The least part of a new sample in the mean. */
const LEAST = 0.1;
/** Each sample moves what is usual for a tool by this part. */
const USUAL = 0.02;
const FAILURES = 3;
const EJECT_MS = 5_000;
const MAX_EJECT_MS = 60_000;
/** So slow against its like, and measured so often, a server is ejected too. */
const OUTLIER = 10;
const OUTLIER_SAMPLES = 10;
/** Servers of which the cheapest is taken; fewer than all keeps many clients from running to the same one. */
const DRAWN = 8;
/** A handshake comes on top. */
const NO_SESSION = 1.5;
/** Servers and tools that are remembered. */
const MAX_KEPT = 2_048;

export function createBalancer(env: Env): Balancer {
  const servers = new Map<string, Seen>();
  const usual = new Map<string, number>();
  const { clock, random } = env;

  function of(serverId: string): Seen {
    const known = servers.get(serverId);
    if (known !== undefined) return known;
    if (servers.size >= MAX_KEPT) {
      const idle = [...servers].find(([, seen]) => seen.open.size === 0);
      if (idle) servers.delete(idle[0]);
    }
    const fresh: Seen = {
      slowness: 1,
      at: clock.now(),
      samples: 0,
      open: new Set(),
      failures: 0,
      ejections: 0,
      ejectedUntil: 0,
    };
    servers.set(serverId, fresh);
    return fresh;
  }

  function learn(seen: Seen, tool: string, ms: number): void {
    const now = clock.now();
    const before = usual.get(tool);
    if (before === undefined && usual.size >= MAX_KEPT) usual.delete(usual.keys().next().value as string);
    const mean = before === undefined ? ms : before + (ms - before) * USUAL;
    usual.set(tool, mean);
    const ratio = Math.min(1_000, Math.max(0.01, ms / Math.max(0.1, mean)));
    const part = seen.samples === 0 ? 1 : Math.max(LEAST, 1 - Math.exp((seen.at - now) / TAU_MS));
    // Bad news counts at once, good news step by step.
    seen.slowness += (ratio - seen.slowness) * (ratio > seen.slowness ? Math.max(part, 2 * LEAST) : part);
    seen.at = now;
    seen.samples += 1;
  }

  /** A call that does not come back tells before it ends. */
  function slowness(seen: Seen): number {
    // Calls are kept in the order of their beginning.
    const [oldest] = seen.open;
    if (oldest === undefined || oldest.usual === null) return seen.slowness;
    return Math.max(seen.slowness, (clock.now() - oldest.began) / Math.max(0.1, oldest.usual));
  }

  function eject(seen: Seen): void {
    seen.ejectedUntil = clock.now() + Math.min(MAX_EJECT_MS, EJECT_MS * 2 ** seen.ejections);
    seen.ejections = Math.min(8, seen.ejections + 1);
    seen.failures = 0;
    seen.samples = 0;
    seen.slowness = 1;
  }

  /** At most half of them may be left alone: else it is not they that are ill. */
  function trusted(entries: ServerEntry[]): ServerEntry[] {
    const known = entries.map((entry) => of(entry.serverId));
    const measured = known
      .filter((seen) => seen.samples >= OUTLIER_SAMPLES)
      .map((seen) => seen.slowness)
      .sort((a, b) => a - b);
    const middle = measured[Math.floor((measured.length - 1) / 2)];
    if (middle !== undefined && measured.length > 2) {
      for (const seen of known)
        if (seen.samples >= OUTLIER_SAMPLES && seen.slowness > OUTLIER * middle) eject(seen);
    }
    const well = entries.filter((entry) => of(entry.serverId).ejectedUntil <= clock.now());
    return well.length * 2 >= entries.length ? well : entries;
  }

  return {
    pick(entries, stateOf, tried) {
      const open = entries
        .map((entry) => {
          const state = stateOf(entry.serverId);
          const ready = state?.phase === 'ready';
          const rank = Math.max(RANK[entry.state], ready ? RANK[state.loadState] : 0);
          return { entry, ready, rank, weight: ready ? Math.min(entry.weight, state.weight) : entry.weight };
        })
        .filter(({ entry, rank }) => rank < RANK.draining && !tried.has(entry.serverId));
      const best = Math.min(...open.map(({ rank }) => rank));
      const tier = open.filter(({ rank, entry }) => rank === best && entry.endpoints[0] !== undefined);
      const kept = new Set(trusted(tier.map(({ entry }) => entry)));
      const pool = tier.filter(({ entry }) => kept.has(entry));
      // A server that we know nothing of is taken for a good one.
      const known = pool.map(({ entry }) => of(entry.serverId)).filter((seen) => seen.samples > 0);
      const hope = known.length === 0 ? 1 : Math.min(...known.map((seen) => seen.slowness));
      const cost = ({ entry, ready, weight }: (typeof pool)[number]) => {
        const seen = of(entry.serverId);
        const slow = Math.max(seen.samples === 0 ? hope : 0, slowness(seen));
        const share = Math.max(1, Math.min(100, weight)) / 100;
        return ((seen.open.size + 1) * slow * (ready ? 1 : NO_SESSION)) / Math.sqrt(share);
      };
      const costs = new Map(draw(pool, DRAWN, random.next).map((one) => [one, cost(one)]));
      const [[chosen] = []] = [...costs].sort(([, a], [, b]) => a - b);
      if (chosen === undefined) return undefined;
      const { serverId, endpoints, digest } = chosen.entry;
      return { serverId, url: endpoints[0] as string, endpoints, digest };
    },
    begin(serverId, tool) {
      const seen = of(serverId);
      const call = { began: clock.now(), usual: usual.get(tool) ?? null };
      seen.open.add(call);
      return (outcome) => {
        if (!seen.open.delete(call)) return;
        if (outcome === 'answered') {
          learn(seen, tool, clock.now() - call.began);
          seen.failures = 0;
          seen.ejections = 0;
        } else if (outcome === 'lost') {
          seen.failures += 1;
          if (seen.failures >= FAILURES) eject(seen);
        }
      };
    },
    seen(serverId) {
      const seen = of(serverId);
      return {
        slowness: seen.slowness,
        inFlight: seen.open.size,
        ejected: seen.ejectedUntil > clock.now(),
      };
    },
  };
}

/** `count` at random, in random order; all where there are no more. */
function draw<T>(list: readonly T[], count: number, next: () => number): T[] {
  const rest = [...list];
  const drawn: T[] = [];
  while (drawn.length < count && rest.length > 0) {
    const at = Math.floor(next() * rest.length);
    drawn.push(rest[at] as T);
    rest[at] = rest[rest.length - 1] as T;
    rest.pop();
  }
  return drawn;
}
