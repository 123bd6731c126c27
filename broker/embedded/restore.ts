import type { QueuedPacket } from './delivery-queue.ts';
import { decodeProperties, type SessionState, type StoredMessage } from './session-store.ts';
import type { Sessions, Will } from './sessions.ts';

/** `brokerId` of what was queued by an earlier process: its numbers cannot meet those of this one. */
export const EARLIER = 'stored';

/** Fills `into` with what an earlier process left; gives the highest numbers in use. */
export function restore(state: SessionState, into: Sessions, now: number): { seq: number; message: number } {
  const highest = { seq: 0, message: 0 };
  for (const message of state.retained) into.retained.set(message.topic, packetOf(message));
  for (const session of state.sessions) {
    // A connection that was there when the process ended, ended then.
    into.sessions.set(session.client, { ...session, endedAt: session.endedAt ?? now });
  }
  for (const { client, subscription } of state.subscriptions) {
    const held = into.subscriptions.get(client) ?? new Map();
    into.subscriptions.set(client, held.set(subscription.topic, subscription));
    if (subscription.qos > 0) {
      into.filters.set(subscription.topic, client, { clientId: client, ...subscription });
    }
  }
  const messages = new Map<number, { id: number; stored: number }>();
  for (const { delivery, body } of state.deliveries) {
    const { seq, client, qos, retain, messageId, released } = delivery;
    const message = messages.get(delivery.message) ?? { id: delivery.message, stored: 0 };
    messages.set(message.id, message);
    message.stored += 1;
    highest.seq = Math.max(highest.seq, seq);
    highest.message = Math.max(highest.message, message.id);
    const packet = (
      released
        ? { cmd: 'pubrel', messageId }
        : { ...packetOf(body), qos, retain, brokerId: EARLIER, brokerCounter: seq }
    ) as QueuedPacket;
    if (messageId !== null) packet.messageId = messageId;
    const bytes = body.payload.length;
    into.openQueue(client).add({ seq, client, packet, message, stored: true, heldUntil: null, bytes });
  }
  for (const { client, messageId } of state.received) {
    const held = into.received.get(client) ?? new Map();
    into.received.set(client, held.set(messageId, null));
  }
  for (const { client, message } of state.wills) {
    const will: unknown = { ...packetOf(message), clientId: client, brokerId: EARLIER };
    into.wills.set(client, will as Will);
  }
  return highest;
}

function packetOf(message: StoredMessage): QueuedPacket {
  const { topic, payload, qos, retain, expiresAt } = message;
  const properties = decodeProperties(message.properties);
  const packet: unknown = {
    cmd: 'publish',
    topic,
    payload,
    qos,
    retain,
    dup: false,
    ...(properties === undefined ? {} : { properties }),
    ...(expiresAt === null ? {} : { messageExpiry: expiresAt }),
  };
  return packet as QueuedPacket;
}
