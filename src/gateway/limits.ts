import { fail } from '../errors.ts';

/** What one gateway lets pass. */
export interface GatewayLimits {
  /** Bytes of a body, after inflation: a request is a sentence, not a file. */
  bodyBytes: number;
  /** Levels of nesting of JSON; what reads it further on recurses. */
  depth: number;
  /** Open streams of one client (a user, or an address without users). */
  streamsPerClient: number;
  /** How long a client may leave a stream unread before it is cut off, ms. */
  slowReaderMs: number;
  /** Longest blocking operation, ms. The task goes on after it. */
  requestMs: number;
  /** How long a client may take to send a request, ms. */
  receiveMs: number;
  /** Open connections in all. */
  connections: number;
  /** Users with a member of their own on the bus at one time. */
  users: number;
}

export const GATEWAY_LIMITS: GatewayLimits = {
  bodyBytes: 256 * 1024,
  depth: 64,
  streamsPerClient: 256,
  slowReaderMs: 30_000,
  requestMs: 300_000,
  receiveMs: 30_000,
  connections: 4_096,
  users: 64,
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Whether JSON text in UTF-8 nests deeper than `limit`. Reads no deeper than it must, builds nothing. */
export function isTooDeep(json: Uint8Array, limit: number): boolean {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at];
    if (quoted) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) quoted = false;
    } else if (byte === QUOTE) quoted = true;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      depth += 1;
      if (depth > limit) return true;
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth -= 1;
  }
  return false;
}

/** The same of a value that is decoded already. Does not recurse. */
export function isValueTooDeep(value: unknown, limit: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    const nested = level.filter((item) => typeof item === 'object' && item !== null);
    if (nested.length === 0) return false;
    if (depth >= limit) return true;
    level = nested.flatMap((item) => (ArrayBuffer.isView(item) ? [] : Object.values(item as object)));
  }
  return false;
}

/** Open streams by client. */
export class StreamSlots {
  readonly #limit: number;
  readonly #open = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    let size = 0;
    for (const open of this.#open.values()) size += open;
    return size;
  }

  /** Returns the way to give the slot back. @throws GATEWAY_TOO_MANY_STREAMS */
  take(client: string): () => void {
    const open = this.#open.get(client) ?? 0;
    if (open >= this.#limit) throw fail('GATEWAY_TOO_MANY_STREAMS', { limit: this.#limit });
    this.#open.set(client, open + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const left = (this.#open.get(client) ?? 1) - 1;
      if (left <= 0) this.#open.delete(client);
      else this.#open.set(client, left);
    };
  }
}
