import type { ContextChange } from '../schema/index.ts';
import { beyond, conflict, grow, sizeOf, type Tx } from './meta.ts';
import type { ContextRows } from './store.ts';

interface Kept {
  value: unknown;
  revision: number;
  bytes: number;
  deleted?: boolean;
}

const MAX_TOMBSTONES = 256;

const read = ({ rows, meta }: Tx, key: string) => rows.get<Kept>(meta.contextId, 'key', key);
const revisionOf = (kept: Kept | undefined) =>
  kept === undefined || kept.deleted === true ? 0 : kept.revision;

export function getKey(tx: Tx, key: string) {
  const kept = read(tx, key);
  return kept === undefined || kept.deleted === true
    ? { found: false, value: null, revision: 0 }
    : { found: true, value: kept.value as never, revision: kept.revision };
}

/** A value as it is kept, whoever owns the context. */
export function peekKey(rows: ContextRows, contextId: string, key: string): unknown {
  const kept = rows.get<Kept>(contextId, 'key', key);
  return kept === undefined || kept.deleted === true ? null : kept.value;
}

/** @throws RpcError -32013, -32014 */
export function setKey(tx: Tx, key: string, value: unknown, ifRevision?: number): { revision: number } {
  const { rows, meta, limits } = tx;
  const before = read(tx, key);
  const current = revisionOf(before);
  if (ifRevision !== undefined && ifRevision !== current) throw conflict(current);
  const bytes = sizeOf(tx, key, value);
  if (current === 0 && meta.keys >= limits.keys) throw beyond('keys', limits.keys);
  grow(tx, bytes - (before?.bytes ?? 0));
  if (current === 0) meta.keys += 1;
  if (before?.deleted === true) meta.tombstones -= 1;
  meta.revision += 1;
  rows.put(meta.contextId, 'key', key, { value, revision: meta.revision, bytes } satisfies Kept);
  return { revision: meta.revision };
}

/** @throws RpcError -32013 */
export function deleteKey(tx: Tx, key: string, ifRevision?: number) {
  const { rows, meta } = tx;
  const before = read(tx, key);
  const current = revisionOf(before);
  if (ifRevision !== undefined && ifRevision !== current) throw conflict(current);
  if (before === undefined || current === 0) return { deleted: false, revision: 0 };
  meta.revision += 1;
  meta.keys -= 1;
  meta.tombstones += 1;
  const bytes = Buffer.byteLength(key);
  meta.bytes += bytes - before.bytes;
  rows.put(meta.contextId, 'key', key, { value: null, revision: meta.revision, bytes, deleted: true });
  if (meta.tombstones > MAX_TOMBSTONES) prune(tx);
  return { deleted: true, revision: meta.revision };
}

/** Forgets the older half of the deletions; who watches from before them is told to read again. */
function prune({ rows, meta }: Tx): void {
  const gone = rows
    .list<Kept>(meta.contextId, 'key')
    .filter(({ value }) => value.deleted === true)
    .sort((a, b) => a.value.revision - b.value.revision)
    .slice(0, MAX_TOMBSTONES / 2);
  for (const { key, value } of gone) {
    rows.delete(meta.contextId, 'key', key);
    meta.tombstones -= 1;
    meta.bytes -= value.bytes;
    meta.pruned = Math.max(meta.pruned, value.revision);
  }
}

/** What changed after `since`, oldest first. */
export function changesOf({ rows, meta }: Tx, prefix: string, since: number) {
  const changes = rows
    .list<Kept>(meta.contextId, 'key', { prefix })
    .filter(({ value }) => value.revision > since && !(since === 0 && value.deleted === true))
    .sort((a, b) => a.value.revision - b.value.revision)
    .map(
      ({ key, value }): ContextChange => ({
        key,
        revision: value.revision,
        deleted: value.deleted === true,
        value: value.value as never,
      }),
    );
  return { revision: meta.revision, changes, complete: since === 0 || since >= meta.pruned };
}
