import { Readable } from 'node:stream';
import type { Client, PublishPacket, Subscription } from 'aedes';
import { copyOf, type QueuedPacket } from './delivery-queue.ts';
import type { StoredSubscription } from './session-store.ts';
import type { Sessions, Subscriber, Will } from './sessions.ts';
import { filterMatches } from './topic-index.ts';

type ClientRef = Pick<Client, 'id'> & { clean?: boolean; receiveMaximum?: number };

export interface PersistenceOptions {
  sessions: Sessions;
  /** Decides which filters of a SUBSCRIBE are stored: the pinned `aedes` hands in the refused ones too. */
  accepts?: (client: ClientRef, filter: string) => boolean;
  /** QoS 2 messages that one client may have begun and not released (Receive Maximum). */
  maxReceived?: number;
}

/**
 * The persistence that the pinned `aedes` asks for, on `Sessions`. Its methods and their meaning are those
 * of `aedes-persistence` 10, whose abstract tests run in `test/bus/sessions-abstract.test.ts`.
 */
export function persistenceOf({ sessions, accepts = () => true, maxReceived = 1_000 }: PersistenceOptions) {
  let broker: { id: string } = { id: '' };

  const retainedBy = function* (patterns: string[]): Generator<QueuedPacket> {
    for (const pattern of patterns) {
      if (/[+#]/.test(pattern)) {
        for (const [topic, packet] of sessions.retained) if (filterMatches(pattern, topic)) yield packet;
      } else {
        const packet = sessions.retained.get(pattern);
        if (packet !== undefined) yield packet;
      }
    }
  };

  return {
    get broker() {
      return broker;
    },
    async setup(owner: { id: string }) {
      broker = owner;
    },

    async storeRetained(packet: QueuedPacket) {
      sessions.retain(packet);
    },
    createRetainedStream: (pattern: string) => Readable.from(retainedBy([pattern])),
    createRetainedStreamCombi: (patterns: string[]) => Readable.from(retainedBy(patterns)),

    async addSubscriptions(client: ClientRef, subs: Subscription[]) {
      const held = sessions.subscriptions.get(client.id) ?? new Map<string, StoredSubscription>();
      for (const sub of subs) {
        if (!accepts(client, sub.topic)) continue;
        const { topic, qos, rh, rap, nl } = sub;
        const { subscriptionIdentifier } = sub as StoredSubscription;
        const stored = {
          topic,
          qos,
          rh,
          rap,
          nl,
          ...(subscriptionIdentifier === undefined ? {} : { subscriptionIdentifier }),
        } as StoredSubscription;
        held.set(topic, stored);
        if (qos > 0) {
          sessions.filters.set(topic, client.id, {
            clientId: client.id,
            topic,
            qos,
            rh,
            rap,
            nl,
          } as Subscriber);
        } else sessions.filters.delete(topic, client.id);
        sessions.write({ kind: 'subscribe', client: client.id, subscription: stored });
      }
      if (held.size > 0) sessions.subscriptions.set(client.id, held);
      // A SUBACK says that what is published from now on will be kept.
      await sessions.committed();
    },

    async removeSubscriptions(client: ClientRef, topics: string[]) {
      const held = sessions.subscriptions.get(client.id);
      if (held === undefined) return;
      for (const topic of topics) {
        if (!held.delete(topic)) continue;
        sessions.filters.delete(topic, client.id);
        sessions.write({ kind: 'unsubscribe', client: client.id, topic });
      }
      if (held.size === 0) sessions.subscriptions.delete(client.id);
    },

    async subscriptionsByClient(client: ClientRef) {
      return [...(sessions.subscriptions.get(client.id)?.values() ?? [])].map((sub) => ({ ...sub }));
    },
    async subscriptionsByTopic(topic: string) {
      return sessions.filters.match(topic);
    },
    async countOffline() {
      return { subsCount: sessions.filters.size, clientsCount: sessions.subscriptions.size };
    },
    async cleanSubscriptions(client: ClientRef) {
      sessions.forget(client.id);
    },
    getClientList: (topic: string) =>
      Readable.from(
        [...sessions.subscriptions].filter(([, held]) => held.has(topic)).map(([client]) => client),
      ),

    outgoingEnqueue: (sub: { clientId: string }, packet: QueuedPacket) => sessions.enqueue([sub], packet),
    outgoingEnqueueCombi: (subs: Subscriber[], packet: QueuedPacket) => sessions.enqueue(subs, packet),
    async outgoingUpdate(client: ClientRef, packet: QueuedPacket) {
      if (packet.cmd === 'publish') await sessions.credit(client.id, packet, client.receiveMaximum);
      sessions.update(client.id, packet);
      // QoS 2 is exactly once because both sides know how far they were (MQTT 4.3.3).
      if (packet.qos === 2 || packet.cmd === 'pubrel') await sessions.committed();
    },
    /** Without a packet id there was no acknowledgement; what may not be delivered is taken out by the guard. */
    async outgoingClearMessageId(client: ClientRef, { messageId }: QueuedPacket) {
      return messageId === undefined ? undefined : sessions.acknowledge(client.id, messageId);
    },
    outgoingStream: (client: ClientRef) => Readable.from(sessions.waiting(client.id)),

    async incomingStorePacket(client: ClientRef, packet: QueuedPacket) {
      const held = sessions.received.get(client.id) ?? new Map<number, QueuedPacket | null>();
      const messageId = packet.messageId as number;
      if (held.size >= maxReceived) throw new Error('BUS_RECEIVE_MAXIMUM');
      held.set(messageId, { ...copyOf(packet), messageId });
      sessions.received.set(client.id, held);
      if (client.clean === true) return;
      sessions.write({ kind: 'receive', client: client.id, messageId });
      await sessions.committed();
    },
    async incomingGetPacket(client: ClientRef, packet: QueuedPacket) {
      const found = sessions.received.get(client.id)?.get(packet.messageId as number);
      if (found === undefined) throw new Error('no such packet');
      return found ?? packet;
    },
    async incomingDelPacket(client: ClientRef, packet: QueuedPacket) {
      const messageId = packet.messageId as number;
      if (!sessions.received.get(client.id)?.delete(messageId)) throw new Error('no such packet');
      if (client.clean !== true) sessions.write({ kind: 'received', client: client.id, messageId });
    },

    async putWill(client: ClientRef, packet: PublishPacket) {
      sessions.putWill(client.id, Object.assign(packet, { brokerId: broker.id, clientId: client.id }));
    },
    async getWill(client: ClientRef) {
      return sessions.wills.get(client.id);
    },
    async delWill(client: ClientRef) {
      return sessions.deleteWill(client.id);
    },
    streamWill: (brokers: Record<string, unknown> = {}) =>
      Readable.from(
        [...sessions.wills.values()].filter(({ brokerId }: Will) => !Object.hasOwn(brokers, brokerId ?? '')),
      ),

    async destroy() {
      sessions.close();
    },
  };
}
