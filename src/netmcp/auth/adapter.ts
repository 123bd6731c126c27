import { createHash } from 'node:crypto';
import type { Collection } from '../../durable/index.ts';

/** Where the authorisation server keeps what outlives a restart. */
export interface AuthStore {
  collection<T>(name: string): Collection<T>;
}

type Payload = Record<string, unknown> & { grantId?: string; uid?: string };

interface Row {
  payload: Payload;
  /** s since the epoch; null: no end. */
  until: number | null;
}

/** The storage interface of `oidc-provider`, one instance a kind of object. */
export interface Adapter {
  upsert(id: string, payload: Payload, expiresIn?: number): Promise<void>;
  find(id: string): Promise<Payload | undefined>;
  findByUid(uid: string): Promise<Payload | undefined>;
  findByUserCode(code: string): Promise<Payload | undefined>;
  consume(id: string): Promise<void>;
  destroy(id: string): Promise<void>;
  revokeByGrantId(grantId: string): Promise<void>;
}

interface Known {
  until: number | null;
  grantId: string | undefined;
  uid: string | undefined;
}

/** Objects of one kind; the oldest go. */
const MAX_ROWS = 10_000;

/** Codes and refresh tokens are bearer secrets: the store holds their digests. */
export const digest = (secret: string): string => createHash('sha256').update(secret).digest('base64url');

/**
 * Storage over our collections: bounded, expiring, keyed by digests. `now` in ms. What is in a collection is
 * read once, for the index; every write goes through at once.
 */
export function createAdapters(
  store: AuthStore,
  now: () => number,
  maxRows: number = MAX_ROWS,
): (kind: string) => Adapter {
  const made = new Map<string, Adapter>();
  return (kind) => {
    const before = made.get(kind);
    if (before !== undefined) return before;
    const adapter = adapterOf(
      store.collection<Row>(`auth.${kind}`),
      () => Math.floor(now() / 1_000),
      maxRows,
    );
    made.set(kind, adapter);
    return adapter;
  };
}

function adapterOf(rows: Collection<Row>, seconds: () => number, maxRows: number): Adapter {
  const index = new Map<string, Known>(
    rows.list().map(({ id, value }) => [id, knownOf(value.payload, value.until)]),
  );
  const over = (known: Known) => known.until !== null && known.until <= seconds();
  const drop = (key: string) => {
    index.delete(key);
    rows.delete(key);
  };
  const read = (key: string): Payload | undefined => {
    const known = index.get(key);
    if (known === undefined) return undefined;
    if (over(known)) {
      drop(key);
      return undefined;
    }
    return rows.get(key)?.payload;
  };
  const makeRoom = () => {
    for (const [key, known] of index) if (over(known)) drop(key);
    for (const key of index.keys()) {
      if (index.size < maxRows) break;
      drop(key);
    }
  };

  return {
    async upsert(id, payload, expiresIn) {
      const key = digest(id);
      if (!index.has(key) && index.size >= maxRows) makeRoom();
      const until = expiresIn === undefined ? null : seconds() + expiresIn;
      // The id is the secret itself; it comes back with the question.
      const { jti: _, ...rest } = payload;
      rows.put(key, { payload: rest, until });
      index.set(key, knownOf(payload, until));
    },
    async find(id) {
      const payload = read(digest(id));
      return payload === undefined ? undefined : { ...payload, jti: id };
    },
    async findByUid(uid) {
      for (const [key, known] of index) if (known.uid === uid) return read(key);
      return undefined;
    },
    findByUserCode: async () => undefined,
    async consume(id) {
      const key = digest(id);
      const payload = read(key);
      const known = index.get(key);
      if (payload === undefined || known === undefined) return;
      rows.put(key, { payload: { ...payload, consumed: seconds() }, until: known.until });
    },
    destroy: async (id) => drop(digest(id)),
    async revokeByGrantId(grantId) {
      for (const [key, known] of index) if (known.grantId === grantId) drop(key);
    },
  };
}

function knownOf(payload: Payload, until: number | null): Known {
  return { until, grantId: payload.grantId, uid: payload.uid };
}
