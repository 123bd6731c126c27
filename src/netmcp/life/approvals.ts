import type { Clock } from '../../../machines/ports.ts';
import { fail } from '../../errors.ts';
import type { Permission, Taint } from '../schema/index.ts';
import { type Difference, differenceOf } from './content.ts';
import type { Offer } from './offer.ts';

/** A content that was taken under a name; whatever differs from it is another tool. */
export interface Pin {
  kind: 'pin';
  name: string;
  hash: string;
  body: string;
  version: string;
  provider: string;
  how: 'approved' | 'first use';
  by: string;
  /** ms since 1970. */
  at: number;
  /** Set with the approval, instead of the one that the tool names. */
  permission?: Permission;
  content: Record<string, unknown>;
}

/** A tool that waits for somebody to approve it. */
export interface Pending {
  kind: 'pending';
  name: string;
  hash: string;
  body: string;
  provider: string;
  origin: Offer['origin'];
  version: string;
  reasons: string[];
  taint: Taint[];
  /** Against what was taken under the name before. */
  difference: Difference[];
  content: Record<string, unknown>;
  at: number;
}

interface Rejected {
  kind: 'rejected';
  name: string;
  hash: string;
  by: string;
  at: number;
}

export type ApprovalRecord = Pin | Pending | Rejected;

/** Where approvals are kept; a collection of the runtime's store is one. */
export interface ApprovalStore {
  get(id: string): ApprovalRecord | undefined;
  put(id: string, value: ApprovalRecord): void;
  delete(id: string): boolean;
  list(): Array<{ id: string; value: ApprovalRecord }>;
}

export interface Approvals {
  pinOf(name: string): Pin | undefined;
  /** The names under which this content was taken, other than `name`. */
  namesOf(body: string, name: string): string[];
  isRejected(name: string, hash: string): boolean;
  /** Taken without anybody's doing: the first content of a name, or a newer version of its provider. */
  pin(offer: Offer): void;
  hold(offer: Offer, reasons: string[]): void;
  pending(): Pending[];
  /** @throws NETMCP_NOT_PENDING if just this content does not wait under the name */
  approve(name: string, hash: string, by: string, permission?: Permission): Pending;
  /** @throws NETMCP_NOT_PENDING */
  reject(name: string, hash: string, by: string): Pending;
  /** What is no longer offered need not be decided. */
  drop(provider: string, name: string): void;
}

const MAX_PENDING = 512;
const MAX_REJECTED = 2_048;

/** What was approved, what waits, what was rejected (NetMCP 5): bound to the hash of the content. */
export function createApprovals(clock: Clock, store: ApprovalStore = memoryStore()): Approvals {
  const all = () => store.list().map(({ value }) => value);
  const idOf = ({ kind, name, hash }: ApprovalRecord) =>
    kind === 'pin' ? `pin:${name}` : `${kind}:${name}:${hash}`;
  const put = (record: ApprovalRecord) => store.put(idOf(record), record);

  function bound(kind: 'pending' | 'rejected', limit: number): void {
    const kept = all().filter((record) => record.kind === kind);
    kept.sort((a, b) => a.at - b.at);
    for (const record of kept.slice(0, Math.max(0, kept.length - limit))) store.delete(idOf(record));
  }

  function take(name: string, hash: string): Pending {
    const id = `pending:${name}:${hash}`;
    const record = store.get(id);
    if (record?.kind !== 'pending') throw fail('NETMCP_NOT_PENDING', { tool: name, hash: hash.slice(0, 12) });
    store.delete(id);
    return record;
  }

  function drop(provider: string, name: string): void {
    for (const record of all()) {
      if (record.kind === 'pending' && record.provider === provider && record.name === name)
        store.delete(idOf(record));
    }
  }

  return {
    pinOf(name) {
      const record = store.get(`pin:${name}`);
      return record?.kind === 'pin' ? record : undefined;
    },
    namesOf: (body, name) =>
      all()
        .filter((record) => record.kind === 'pin' && record.body === body && record.name !== name)
        .map((record) => record.name),
    isRejected: (name, hash) => store.get(`rejected:${name}:${hash}`) !== undefined,
    pin({ name, hash, body, version, provider, content }) {
      const how = 'first use';
      store.delete(`pending:${name}:${hash}`);
      if (store.get(`pin:${name}`)?.hash === hash) return;
      put({ kind: 'pin', name, hash, body, version, provider, how, by: '', at: clock.now(), content });
    },
    hold({ name, hash, body, provider, origin, version, content, taint }, reasons) {
      const before = store.get(`pin:${name}`);
      const difference = before?.kind === 'pin' ? differenceOf(before.content, content) : [];
      const at = clock.now();
      // What this provider offered before is no longer there to be approved.
      drop(provider, name);
      put({
        kind: 'pending',
        name,
        hash,
        body,
        provider,
        origin,
        version,
        reasons,
        taint,
        difference,
        content,
        at,
      });
      bound('pending', MAX_PENDING);
    },
    pending: () => all().filter((record) => record.kind === 'pending'),
    approve(name, hash, by, permission) {
      const pending = take(name, hash);
      put({
        kind: 'pin',
        name,
        hash,
        body: pending.body,
        version: pending.version,
        provider: pending.provider,
        how: 'approved',
        by,
        at: clock.now(),
        ...(permission && { permission }),
        content: pending.content,
      });
      store.delete(`rejected:${name}:${hash}`);
      return pending;
    },
    reject(name, hash, by) {
      const pending = take(name, hash);
      put({ kind: 'rejected', name, hash, by, at: clock.now() });
      bound('rejected', MAX_REJECTED);
      return pending;
    },
    drop,
  };
}

function memoryStore(): ApprovalStore {
  const records = new Map<string, ApprovalRecord>();
  return {
    get: (id) => records.get(id),
    put: (id, value) => void records.set(id, value),
    delete: (id) => records.delete(id),
    list: () => [...records].map(([id, value]) => ({ id, value })),
  };
}
