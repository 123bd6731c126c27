import type { Table } from './columns.ts';
import type { Fault } from './faults.ts';

/** What a snapshot holds beside the columns. */
export interface SnapshotHead {
  version: 1;
  /** Of the layout and options: a snapshot fits only the grid that it was taken from. */
  fingerprint: string;
  tick: number;
  flowRows: number;
  flowCount: number;
  flowOrder: number;
  faults: Array<[id: string, fault: Fault]>;
  policies: Array<[id: string, slot: number, cells: number[], ratio: number]>;
}

const MAGIC = 'NAGRID1\n';
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Magic, length of the head, the head as JSON, then the columns in order, little-endian. */
export function encodeSnapshot(head: SnapshotHead, tables: readonly Table[]): Uint8Array {
  const json = encoder.encode(JSON.stringify(head));
  const columns = tables.flatMap((table) => Object.values(table));
  const size = columns.reduce((sum, column) => sum + column.byteLength, MAGIC.length + 4 + json.length);
  const bytes = new Uint8Array(size);
  bytes.set(encoder.encode(MAGIC));
  new DataView(bytes.buffer).setUint32(MAGIC.length, json.length, true);
  bytes.set(json, MAGIC.length + 4);
  let at = MAGIC.length + 4 + json.length;
  for (const column of columns) {
    bytes.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength), at);
    at += column.byteLength;
  }
  return bytes;
}

/** The head of a snapshot, and where its columns begin; null if it is none of this format. */
export function decodeHead(bytes: Uint8Array): { head: SnapshotHead; at: number } | null {
  if (bytes.length < MAGIC.length + 4 || decoder.decode(bytes.subarray(0, MAGIC.length)) !== MAGIC)
    return null;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length, true);
  const from = MAGIC.length + 4;
  if (bytes.length < from + length) return null;
  try {
    const head = JSON.parse(decoder.decode(bytes.subarray(from, from + length))) as SnapshotHead;
    return head.version === 1 ? { head, at: from + length } : null;
  } catch {
    return null;
  }
}

/** Bytes that the columns of the tables take. */
export const columnsLength = (tables: readonly Table[]): number =>
  tables.flatMap((table) => Object.values(table)).reduce((sum, column) => sum + column.byteLength, 0);

/** Fills the columns from a snapshot whose length was checked. */
export function decodeColumns(bytes: Uint8Array, at: number, tables: readonly Table[]): void {
  let from = at;
  for (const column of tables.flatMap((table) => Object.values(table))) {
    new Uint8Array(column.buffer, column.byteOffset, column.byteLength).set(
      bytes.subarray(from, from + column.byteLength),
    );
    from += column.byteLength;
  }
}

/** 64 bits of FNV-1a over bytes, as hex: equal for equal states. */
export function digestOf(bytes: Uint8Array): string {
  let low = 0x84222325;
  let high = 0xcbf29ce4;
  for (let i = 0; i < bytes.length; i++) {
    low ^= bytes[i] as number;
    // Times 0x100000001b3, in 32-bit halves.
    const product = (low >>> 0) * 0x1b3;
    const carry = Math.floor(product / 4294967296);
    high = (Math.imul(high, 0x1b3) + carry + (low << 8)) | 0;
    low = product | 0;
  }
  return [high, low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
}
