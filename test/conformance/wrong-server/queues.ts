import { randomUUID } from 'node:crypto';
import type { Is, Json } from './faults.ts';

interface Delivery {
  attempt: number;
  receipt: string;
  hiddenUntil: number;
  acked: boolean;
}
interface Message {
  seq: number;
  message: unknown;
  groups: Map<string, Delivery>;
}

/** The queues of one context: at least once to each group, until acknowledged (NetMCP 7). */
export function wrongQueues(is: Is) {
  const queues = new Map<string, Message[]>();
  let last = 0;
  const of = (queue: string) => queues.get(queue) ?? [];
  const groupOf = (params: Json) => (is('one-group') ? 'default' : String(params.group ?? 'default'));

  return {
    publish(queue: string, message: unknown): number {
      last += 1;
      queues.set(queue, [...of(queue), { seq: last, message, groups: new Map() }]);
      return last;
    },
    consume(queue: string, params: Json): Json[] {
      const group = groupOf(params);
      const now = performance.now();
      const free = of(queue).filter(({ groups }) => {
        const { hiddenUntil = 0, acked = false } = groups.get(group) ?? {};
        if (is('delivers-once') && hiddenUntil > 0) return false;
        return !acked && (hiddenUntil <= now || is('at-work-again'));
      });
      if (is('last-message-first')) free.reverse();
      return free.map(({ seq, message, groups }) => {
        const attempt = is('attempt-stands') ? 1 : (groups.get(group)?.attempt ?? 0) + 1;
        const receipt = randomUUID();
        const hiddenUntil = now + Number(params.visibilityMs ?? 30_000);
        groups.set(group, { attempt, receipt, hiddenUntil, acked: false });
        return { seq, message, attempt, receipt };
      });
    },
    ack(queue: string, params: Json): number {
      const receipts = params.receipts as string[];
      const held = of(queue).flatMap(({ groups }) => groups.get(groupOf(params)) ?? []);
      const known = held.filter(({ receipt }) => receipts.includes(receipt));
      for (const delivery of known) {
        delivery.acked = !is('ack-in-vain');
        if (is('ack-in-vain')) delivery.hiddenUntil = 0;
      }
      return known.length;
    },
  };
}
