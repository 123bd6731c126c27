import type { ReplicaPage, ReplicaRecord } from '../schema/index.ts';

/**
 * A map that several management servers hold together without a shared disk (NetMCP 4). Each server
 * numbers its writes; a vector says up to which write of each server one knows everything; what a peer
 * lacks is what its vector does not cover. Of two writes of one key the higher rank wins on every
 * server, so all end with the same map in whatever order the writes arrive.
 */
export interface Replica {
  get(key: string): ReplicaRecord | undefined;
  /** A write of our own. */
  put(key: string, rank: number[], value: ReplicaRecord['value']): void;
  /** Takes a key out here only: what has expired here expires with the peers by itself. */
  drop(key: string): void;
  /** Takes a peer's writes in; returns those that won, in order. */
  merge(page: ReplicaPage): ReplicaRecord[];
  /** What a peer with this vector lacks, at most about `MAX_PAGE` characters of it. */
  since(known: Record<string, number>): ReplicaPage;
  vector(): Record<string, number>;
  /** Asks the peers for everything anew: something that was dropped lives on. */
  forget(): void;
  /** Called after each write, own or merged. Returns how to stop. */
  onWrite(listener: () => void): () => void;
}

const MAX_PAGE = 500_000;
/** A server that restarts numbers under a new name: vectors are kept short. */
const MAX_ORIGINS = 128;

export function createReplica(origin: string): Replica {
  const records = new Map<string, ReplicaRecord>();
  const known = new Map<string, number>();
  const listeners = new Set<() => void>();
  let own = 0;
  const tell = () => {
    for (const listener of [...listeners]) listener();
  };

  function prune(): void {
    if (known.size <= MAX_ORIGINS) return;
    const used = new Set([...records.values()].map((record) => record.origin));
    // Without its number a peer sends what it has of that origin again, and the merge ignores it.
    for (const name of known.keys()) {
      if (known.size <= MAX_ORIGINS / 2) return;
      if (name !== origin && !used.has(name)) known.delete(name);
    }
  }

  return {
    get: (key) => records.get(key),
    put(key, rank, value) {
      own += 1;
      records.set(key, { key, origin, n: own, rank, value });
      known.set(origin, own);
      tell();
    },
    drop: (key) => void records.delete(key),
    merge(page) {
      const won: ReplicaRecord[] = [];
      for (const record of page.records) {
        const before = records.get(record.key);
        if (record.origin === origin || (before !== undefined && compare(before, record) >= 0)) continue;
        records.set(record.key, record);
        won.push(record);
      }
      let news = won.length > 0;
      for (const [name, n] of Object.entries(page.vector)) {
        if (name === origin || n <= (known.get(name) ?? 0)) continue;
        known.set(name, n);
        news = true;
      }
      prune();
      if (news) tell();
      return won;
    },
    since(theirs) {
      const has = new Map(Object.entries(theirs));
      const lacking = [...records.values()]
        .filter((record) => record.n > (has.get(record.origin) ?? 0))
        .sort((a, b) => a.origin.localeCompare(b.origin) || a.n - b.n);
      const page: ReplicaRecord[] = [];
      let size = 0;
      for (const record of lacking) {
        size += JSON.stringify(record).length;
        if (page.length > 0 && size > MAX_PAGE) break;
        page.push(record);
        has.set(record.origin, record.n);
      }
      const more = page.length < lacking.length;
      return { records: page, vector: more ? Object.fromEntries(has) : Object.fromEntries(known), more };
    },
    vector: () => Object.fromEntries(known),
    forget() {
      for (const name of known.keys()) if (name !== origin) known.delete(name);
    },
    onWrite(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Positive if `a` outranks `b`. */
function compare(a: ReplicaRecord, b: ReplicaRecord): number {
  for (let i = 0; i < Math.max(a.rank.length, b.rank.length); i += 1) {
    const difference = (a.rank[i] ?? 0) - (b.rank[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.origin.localeCompare(b.origin) || a.n - b.n;
}
