import type { PublishPacket } from 'aedes';
import type { Clock } from '../../machines/ports.ts';
import { Credit } from './credit.ts';
import { copyOf, type Delivery, DeliveryQueue, type QueuedPacket, type Ticket } from './delivery-queue.ts';
import { LazyWrites } from './lazy-writes.ts';
import type { SessionLimits } from './limits.ts';
import { restore } from './restore.ts';
import {
  type SessionChange,
  type SessionStore,
  type StoredSession,
  type StoredSubscription,
  storedMessage,
} from './session-store.ts';
import { FilterIndex } from './topic-index.ts';

export type Will = PublishPacket & { clientId?: string; brokerId?: string };
export type Subscriber = { clientId: string } & StoredSubscription;

export interface SessionsOptions {
  clock: Clock;
  limits: SessionLimits;
  store?: SessionStore | undefined;
  /** Told when a message is given up because its receiver has too many waiting. */
  onDropped?: (client: string, topic: string) => void;
}

/** Milliseconds after which a journaled message is sent even if its publisher was lost before routing. */
const HOLD_MS = 1_000;
const FOR_EVER = 0xffffffff;
const EMPTY = new DeliveryQueue();
/** The message of every delivery where nothing is stored. */
const UNSTORED: Delivery['message'] = { id: 0, stored: 0 };

/**
 * Sessions, queues, retained messages and wills in memory, each change also written to the store. What is
 * for an offline client or retained is committed before its PUBACK; what is for a connected one is written
 * a moment later, if it was not acknowledged by then.
 */
export class Sessions {
  readonly retained = new Map<string, QueuedPacket>();
  readonly subscriptions = new Map<string, Map<string, StoredSubscription>>();
  readonly received = new Map<string, Map<number, QueuedPacket | null>>();
  readonly wills = new Map<string, Will>();
  readonly filters = new FilterIndex<Subscriber>();
  readonly online = new Set<string>();
  readonly sessions = new Map<string, StoredSession>();
  readonly #queues = new Map<string, DeliveryQueue>();
  readonly #resent = new WeakSet<object>();
  readonly #tickets = new WeakMap<object, Ticket>();
  readonly #messages = new WeakMap<
    object,
    Pick<QueuedPacket, 'payload' | 'topic'> & Pick<Delivery, 'message'>
  >();
  readonly #options: SessionsOptions;
  readonly #lazy: LazyWrites;
  readonly #credit = new Credit();
  #seq = 0;
  #message = 0;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#lazy = new LazyWrites(options.clock, (delivery) => this.#store(delivery));
    if (options.store === undefined) return;
    const { seq, message } = restore(options.store.load(), this, options.clock.now());
    this.#seq = seq;
    this.#message = message;
  }

  write(change: SessionChange): void {
    this.#options.store?.write(change);
  }

  async committed(): Promise<void> {
    await this.#options.store?.committed();
  }

  /** To look at; nothing may be added to it. */
  queueOf(client: string): DeliveryQueue {
    return this.#queues.get(client) ?? EMPTY;
  }

  openQueue(client: string): DeliveryQueue {
    const queue = this.#queues.get(client) ?? new DeliveryQueue();
    this.#queues.set(client, queue);
    return queue;
  }

  /** Persistent subscribers of a topic, each once, with the highest QoS that it asked for (MQTT 3.3.5). */
  #receivers(topic: string, publisher: string | undefined): Map<string, Subscriber> {
    const found = new Map<string, Subscriber>();
    for (const subscriber of this.filters.match(topic)) {
      if (subscriber.nl && subscriber.clientId === publisher) continue; // MQTT-3.8.3-3
      const known = found.get(subscriber.clientId);
      if (known === undefined || known.qos < subscriber.qos) found.set(subscriber.clientId, subscriber);
    }
    return found;
  }

  /** True when a client that reads this topic has as much waiting as it may. */
  isFull(topic: string): boolean {
    for (const client of this.#receivers(topic, undefined).keys()) {
      if (this.#overfull(this.queueOf(client))) return true;
    }
    return false;
  }

  #overfull(queue: DeliveryQueue): boolean {
    const { maxQueuedMessages, maxQueuedBytes } = this.#options.limits;
    return queue.size >= maxQueuedMessages || queue.bytes >= maxQueuedBytes;
  }

  /**
   * Writes a QoS 1 message for its offline receivers, and as retained, before its PUBACK: the pinned `aedes`
   * acknowledges first and stores then. Null when there is nothing to wait for; a rejected promise when the
   * store could not take it, and then nothing of it is kept.
   */
  journal(packet: PublishPacket): Promise<void> | null {
    if (this.#options.store === undefined) return null;
    const sender = (packet as QueuedPacket).clientId;
    const receivers = [...this.#receivers(packet.topic, sender).values()];
    const offline = receivers.filter(({ clientId }) => !this.online.has(clientId));
    if (receivers.length === 0 && !packet.retain) return null;
    packet.properties ??= {};
    const ticket: Ticket = { retained: packet.retain, deliveries: new Map(), places: new Map() };
    // MQTT 4.6: a receiver may leave before this one is routed, and the next one be journaled first.
    for (const { clientId } of receivers) {
      if (this.online.has(clientId)) ticket.places.set(clientId, ++this.#seq);
    }
    if (offline.length === 0 && !packet.retain) {
      this.#tickets.set(packet.properties, ticket);
      return null;
    }
    const heldUntil = this.#options.clock.now() + HOLD_MS;
    for (const subscriber of offline) {
      const delivery = this.#enqueue(subscriber, packet as QueuedPacket, heldUntil);
      this.#store(delivery);
      ticket.deliveries.set(subscriber.clientId, delivery);
    }
    if (packet.retain) this.#writeRetained(packet as QueuedPacket);
    this.#tickets.set(packet.properties, ticket);
    return this.committed().catch((error) => {
      for (const delivery of ticket.deliveries.values()) this.#drop(delivery);
      throw error;
    });
  }

  /** Queues a message that the broker routes now; fulfilled when offline receivers have it for sure. */
  async enqueue(
    subscribers: Iterable<Subscriber | { clientId: string }>,
    packet: QueuedPacket,
  ): Promise<void> {
    const ticket = packet.properties && this.#tickets.get(packet.properties);
    const seen = new Set<string>();
    let wait = false;
    for (const subscriber of subscribers) {
      const { clientId } = subscriber;
      if (seen.has(clientId)) continue;
      seen.add(clientId);
      if ('nl' in subscriber && subscriber.nl && packet.clientId === clientId) continue;
      const journaled = ticket?.deliveries.get(clientId);
      if (journaled !== undefined && this.queueOf(clientId).has(journaled)) {
        journaled.heldUntil = null;
        journaled.packet.brokerId = packet.brokerId;
        journaled.packet.brokerCounter = packet.brokerCounter;
        this.queueOf(clientId).name(journaled);
        continue;
      }
      const delivery = this.#enqueue(subscriber, packet, null, ticket?.places.get(clientId));
      if (this.#options.store === undefined) continue;
      if (this.online.has(clientId)) this.#lazy.add(delivery);
      else {
        this.#store(delivery);
        wait = true;
      }
    }
    if (wait) await this.committed();
  }

  #enqueue(
    to: Subscriber | { clientId: string },
    packet: QueuedPacket,
    heldUntil: number | null,
    place: number = ++this.#seq,
  ): Delivery {
    const queue = this.openQueue(to.clientId);
    while (queue.size > 0 && this.#overfull(queue)) {
      const oldest = queue.oldest() as Delivery;
      this.#options.onDropped?.(to.clientId, oldest.packet.topic);
      this.#drop(oldest);
    }
    const copy = copyOf(packet);
    // MQTT-3.3.1-12 and 3.8.4-8: as the subscription asked for; the pinned `aedes` looks at neither here.
    if ('rap' in to && to.rap === false) copy.retain = false;
    if ('qos' in to && to.qos < copy.qos) copy.qos = to.qos;
    const delivery: Delivery = {
      seq: place,
      client: to.clientId,
      packet: copy,
      message: this.#messageOf(packet),
      stored: false,
      heldUntil,
      bytes: packet.payload.length,
    };
    queue.add(delivery);
    return delivery;
  }

  /** Copies of one publication share their properties and payload: that is one message in the store. */
  #messageOf({ properties, payload, topic }: QueuedPacket): Delivery['message'] {
    if (this.#options.store === undefined) return UNSTORED;
    const known = properties && this.#messages.get(properties);
    if (known !== undefined && known.payload === payload && known.topic === topic) return known.message;
    const message = { id: ++this.#message, stored: 0 };
    if (properties !== undefined) this.#messages.set(properties, { payload, topic, message });
    return message;
  }

  #store(delivery: Delivery): void {
    this.#lazy.delete(delivery);
    if (delivery.stored) return;
    const { seq, client, packet, message } = delivery;
    delivery.stored = true;
    message.stored += 1;
    const released = packet.cmd === 'pubrel';
    const messageId = packet.messageId ?? null;
    const { qos = 2, retain = false } = packet;
    this.write({
      kind: 'enqueue',
      delivery: { client, seq, message: message.id, qos, retain, messageId, released },
      body: storedMessage(packet, this.#options.clock.now()),
    });
  }

  /** What is to be sent to a client that resumes. */
  waiting(client: string): QueuedPacket[] {
    const now = this.#options.clock.now();
    const queue = this.#queues.get(client);
    if (queue === undefined) return [];
    return queue.all().flatMap((delivery) => {
      if (delivery.heldUntil !== null && delivery.heldUntil > now) return [];
      delivery.heldUntil = null;
      return [delivery.packet];
    });
  }

  /** Waits until one more message may be unacknowledged; one that was sent before is in flight already. */
  credit(client: string, packet: QueuedPacket, receiveMaximum: number | undefined): Promise<void> {
    const queue = this.queueOf(client);
    const isSpent = (maximum: number) =>
      queue.inFlight >= maximum &&
      this.online.has(client) &&
      queue.withNumberOf(packet)?.packet.messageId === undefined;
    return this.#credit.await(client, isSpent, receiveMaximum);
  }

  /** Notes the packet id under which a message goes out, or that only PUBREL is left. */
  update(client: string, packet: QueuedPacket): void {
    const queue = this.queueOf(client);
    const { messageId } = packet;
    if (packet.cmd === 'publish') {
      const delivery = queue.withNumberOf(packet);
      if (delivery === undefined || messageId === undefined) return;
      if (delivery.packet.messageId === messageId) this.#resent.add(packet);
      packet.messageId = queue.identify(delivery, messageId);
      this.#writeUpdate(delivery);
    } else if (messageId !== undefined) {
      const delivery = queue.withMessageId(messageId);
      if (delivery === undefined) return;
      queue.release(delivery, packet);
      this.#writeUpdate(delivery);
    }
  }

  #writeUpdate({ stored, seq, packet }: Delivery): void {
    const messageId = packet.messageId ?? null;
    if (stored) this.write({ kind: 'update', seq, messageId, released: packet.cmd === 'pubrel' });
  }

  /** True for a packet that was on its way before, by an earlier connection (MQTT-3.3.1-1). */
  isResent(packet: object): boolean {
    return this.#resent.has(packet);
  }

  /**
   * A packet id for a retained message that goes to a connected client: the pinned `aedes` does not note
   * the id of those, so that no acknowledgement would ever take them from the queue.
   */
  identify(client: string, packet: QueuedPacket, wanted: number): number | undefined {
    const queue = this.#queues.get(client);
    const delivery = queue?.withNumberOf(packet);
    if (queue === undefined || delivery === undefined) return undefined;
    const messageId = queue.identify(delivery, wanted);
    this.#writeUpdate(delivery);
    return messageId;
  }

  /** Takes a message from the queue that its receiver acknowledged. */
  acknowledge(client: string, messageId: number): QueuedPacket | undefined {
    const delivery = this.#queues.get(client)?.withMessageId(messageId);
    if (delivery === undefined) return undefined;
    this.#drop(delivery);
    this.#credit.pass(client);
    return delivery.packet;
  }

  /** Takes a message from the queue that its receiver may not have. */
  discard(client: string, packet: QueuedPacket): void {
    const delivery = this.#queues.get(client)?.withNumberOf(packet);
    if (delivery !== undefined) this.#drop(delivery);
  }

  #drop(delivery: Delivery): void {
    const queue = this.#queues.get(delivery.client);
    if (queue === undefined || !queue.has(delivery)) return;
    queue.delete(delivery);
    this.#lazy.delete(delivery);
    if (!delivery.stored) return;
    const { message } = delivery;
    message.stored -= 1;
    this.write({ kind: 'dequeue', seq: delivery.seq, orphan: message.stored === 0 ? message.id : null });
  }

  retain(packet: QueuedPacket): void {
    if (packet.payload.length === 0) this.retained.delete(packet.topic);
    else this.retained.set(packet.topic, { ...packet });
    const ticket = packet.properties && this.#tickets.get(packet.properties);
    if (!ticket?.retained) this.#writeRetained(packet);
  }

  #writeRetained(packet: QueuedPacket): void {
    if (packet.payload.length === 0) this.write({ kind: 'unretain', topic: packet.topic });
    else if (this.#options.store !== undefined)
      this.write({ kind: 'retain', message: storedMessage(packet, this.#options.clock.now()) });
  }

  putWill(client: string, will: Will): void {
    this.wills.set(client, will);
    if (this.#options.store === undefined) return;
    this.write({ kind: 'will', client, message: storedMessage(will, this.#options.clock.now()) });
  }

  deleteWill(client: string): Will | undefined {
    const will = this.wills.get(client);
    if (this.wills.delete(client)) this.write({ kind: 'unwill', client });
    return will;
  }

  /** The broker has a connection of this client. */
  connected(client: string, expiryS: number): void {
    this.online.add(client);
    if (expiryS > 0) this.#session({ client, expiryS, endedAt: null });
  }

  /** The connection is over; what waits for it is written at once. */
  disconnected(client: string, expiryS: number): void {
    this.online.delete(client);
    this.#credit.pass(client);
    this.#lazy.flush(client);
    if (expiryS > 0) this.#session({ client, expiryS, endedAt: this.#options.clock.now() });
    else this.received.delete(client);
  }

  #session(session: StoredSession): void {
    this.sessions.set(session.client, session);
    this.write({ kind: 'session', session });
  }

  /** Ends a session: MQTT-3.1.2-4, and its expiry. */
  forget(client: string): void {
    const known = this.sessions.has(client) || this.subscriptions.has(client);
    for (const [topic] of this.subscriptions.get(client) ?? []) this.filters.delete(topic, client);
    this.subscriptions.delete(client);
    this.received.delete(client);
    for (const delivery of this.#queues.get(client)?.all() ?? []) this.#drop(delivery);
    this.#queues.delete(client);
    this.sessions.delete(client);
    if (known) this.write({ kind: 'forget', client });
  }

  /** Sessions whose time is over though the process that knew them is gone. */
  expired(now: number): string[] {
    return [...this.sessions.values()]
      .filter(
        ({ endedAt, expiryS }) => expiryS < FOR_EVER && endedAt !== null && endedAt + expiryS * 1_000 <= now,
      )
      .map(({ client }) => client)
      .filter((client) => !this.online.has(client));
  }

  close(): void {
    this.#lazy.close();
  }
}
