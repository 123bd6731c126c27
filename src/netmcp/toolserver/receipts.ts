import type { Store } from '../../durable/index.ts';

/** What is known of one idempotency key. */
export type Receipt =
  /** The effect was about to leave for an NF; if nobody works on it any more, it is in doubt. */
  | { state: 'open'; digest: string; until: number }
  | { state: 'done'; digest: string; until: number; result: unknown };

/** Memory of executed effects. A durable one survives a killed server, so that no effect is done twice. */
export interface Receipts {
  get(key: string): Receipt | undefined;
  put(key: string, receipt: Receipt): void;
  forget(key: string): void;
  /** Takes a thing that serves once; false if another holder has it already. */
  take(id: string, holder: string, until: number): boolean;
  /** Drops what has expired at `now`. */
  trim(now: number): void;
}

interface Taken {
  holder: string;
  until: number;
}

/** Receipts that end with the process; the last `max` of them. */
export function memoryReceipts(max = 10_000): Receipts {
  const receipts = new Map<string, Receipt>();
  const taken = new Map<string, Taken>();
  return {
    get: (key) => receipts.get(key),
    put(key, receipt) {
      receipts.set(key, receipt);
      if (receipts.size > max) receipts.delete(receipts.keys().next().value as string);
    },
    forget: (key) => void receipts.delete(key),
    take(id, holder, until) {
      const before = taken.get(id);
      if (before !== undefined) return before.holder === holder;
      taken.set(id, { holder, until });
      if (taken.size > max) taken.delete(taken.keys().next().value as string);
      return true;
    },
    trim(now) {
      for (const [key, { until }] of receipts) if (until <= now) receipts.delete(key);
      for (const [id, { until }] of taken) if (until <= now) taken.delete(id);
    },
  };
}

/** Receipts in a store, under the name of their server. */
export function storeReceipts(store: Store, name: string): Receipts {
  const receipts = store.collection<Receipt>(`netmcp-receipts/${name}`);
  const taken = store.collection<Taken>(`netmcp-taken/${name}`);
  return {
    get: (key) => receipts.get(key),
    put: (key, receipt) => receipts.put(key, receipt),
    forget: (key) => void receipts.delete(key),
    take(id, holder, until) {
      return store.transaction(() => {
        const before = taken.get(id);
        if (before !== undefined) return before.holder === holder;
        taken.put(id, { holder, until });
        return true;
      });
    },
    trim(now) {
      for (const collection of [receipts, taken]) {
        for (const { id, value } of collection.list()) if (value.until <= now) collection.delete(id);
      }
    },
  };
}
