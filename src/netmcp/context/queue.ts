import type { Delivery } from '../schema/index.ts';
import { beyond, grow, sizeOf, type Tx } from './meta.ts';

interface Head {
  /** Sequence number of the next message. */
  next: number;
  waiting: number;
  /** For each group the first message that it has not been given. */
  groups: Record<string, number>;
}

interface Message {
  message: unknown;
  bytes: number;
}

interface Flight {
  attempt: number;
  /** When the group gets it again. */
  until: number;
}

// Names have no control characters, so no queue is the beginning of another one's key.
const END = '\u0001';
const place = (queue: string, seq: number) => `${queue}${END}${String(seq).padStart(12, '0')}`;
const flights = (queue: string, group: string) => `${queue}${END}${group}${END}`;
const flight = (queue: string, group: string, seq: number) =>
  `${flights(queue, group)}${String(seq).padStart(12, '0')}`;

const headOf = ({ rows, meta }: Tx, queue: string) => {
  const head = rows.get<Head>(meta.contextId, 'queue', queue);
  // A group may be called `constructor`.
  return head && { ...head, groups: new Map(Object.entries(head.groups)) };
};
type Open = NonNullable<ReturnType<typeof headOf>>;

function openQueue(tx: Tx, queue: string): Open {
  const head = headOf(tx, queue);
  if (head !== undefined) return head;
  if (tx.meta.queues >= tx.limits.queues) throw beyond('queues', tx.limits.queues);
  return { next: 1, waiting: 0, groups: new Map() };
}

function keep({ rows, meta }: Tx, queue: string, head: Open): void {
  if (rows.get(meta.contextId, 'queue', queue) === undefined) meta.queues += 1;
  rows.put(meta.contextId, 'queue', queue, { ...head, groups: Object.fromEntries(head.groups) });
}

/** @throws RpcError -32014 */
export function publish(tx: Tx, queue: string, message: unknown): { seq: number } {
  const { rows, meta, limits } = tx;
  const head = openQueue(tx, queue);
  if (head.waiting >= limits.messages) throw beyond('messages', limits.messages);
  const bytes = sizeOf(tx, queue, message);
  grow(tx, bytes);
  const seq = head.next;
  rows.put(meta.contextId, 'message', place(queue, seq), { message, bytes } satisfies Message);
  keep(tx, queue, { ...head, next: seq + 1, waiting: head.waiting + 1 });
  return { seq };
}

/**
 * The next messages for a group: first those whose visibility has ended, then new ones in order. A group
 * begins at the oldest message that is still there. @throws RpcError -32014
 */
export function consume(
  tx: Tx,
  { queue, group, max, visibilityMs }: { queue: string; group: string; max: number; visibilityMs: number },
): Delivery[] {
  const { rows, meta, limits, now } = tx;
  const head = openQueue(tx, queue);
  if (!head.groups.has(group) && head.groups.size >= limits.groups) throw beyond('groups', limits.groups);
  let cursor = head.groups.get(group) ?? oldest(tx, queue, head);
  const given: Delivery[] = [];
  const give = (seq: number, attempt: number) => {
    const kept = rows.get<Message>(meta.contextId, 'message', place(queue, seq));
    if (kept === undefined) return;
    const until = now + visibilityMs;
    rows.put(meta.contextId, 'flight', flight(queue, group, seq), { attempt, until } satisfies Flight);
    given.push({ seq, message: kept.message as never, attempt, receipt: `${seq}.${attempt}` });
  };
  const open = rows.list<Flight>(meta.contextId, 'flight', { prefix: flights(queue, group) });
  for (const { key, value } of open) {
    if (given.length < max && value.until <= now) give(Number(key.slice(-12)), value.attempt + 1);
  }
  let inFlight = open.length;
  while (given.length < max && cursor < head.next && inFlight < limits.inFlight) {
    give(cursor, 1);
    cursor += 1;
    inFlight += 1;
  }
  head.groups.set(group, cursor);
  keep(tx, queue, head);
  return given;
}

/** When the group gets something again that it has not acknowledged; undefined if there is none. */
export function redeliveryAt({ rows, meta }: Tx, queue: string, group: string): number | undefined {
  const open = rows.list<Flight>(meta.contextId, 'flight', { prefix: flights(queue, group) });
  return open.length === 0 ? undefined : Math.min(...open.map(({ value }) => value.until));
}

/** A receipt of an earlier delivery counts too: the message has been worked on. */
export function ack(
  tx: Tx,
  { queue, group, receipts }: { queue: string; group: string; receipts: string[] },
) {
  const { rows, meta } = tx;
  const head = headOf(tx, queue);
  if (head === undefined) return { acked: 0 };
  let acked = 0;
  for (const receipt of receipts) {
    const [seq, attempt] = receipt.split('.').map(Number) as [number, number];
    const key = Number.isSafeInteger(seq) ? flight(queue, group, seq) : '';
    const open = rows.get<Flight>(meta.contextId, 'flight', key);
    if (open === undefined || !(attempt >= 1 && attempt <= open.attempt)) continue;
    rows.delete(meta.contextId, 'flight', key);
    acked += 1;
    // The message goes when no group needs it any more.
    const needed = [...head.groups].some(
      ([name, cursor]) =>
        cursor <= seq || rows.get(meta.contextId, 'flight', flight(queue, name, seq)) !== undefined,
    );
    if (needed) continue;
    const kept = rows.get<Message>(meta.contextId, 'message', place(queue, seq));
    rows.delete(meta.contextId, 'message', place(queue, seq));
    meta.bytes -= kept?.bytes ?? 0;
    head.waiting -= 1;
  }
  keep(tx, queue, head);
  return { acked };
}

function oldest({ rows, meta }: Tx, queue: string, head: Open): number {
  const [first] = rows.list(meta.contextId, 'message', { prefix: `${queue}${END}`, limit: 1 });
  return first === undefined ? head.next : Number(first.key.slice(-12));
}
