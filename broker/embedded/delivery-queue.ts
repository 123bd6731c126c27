import type { AedesPublishPacket } from 'aedes';

/** A packet as the pinned `aedes` queues it: PUBLISH, or PUBREL once the receiver has the message. */
export type QueuedPacket = Omit<AedesPublishPacket, 'cmd' | 'messageId'> & {
  cmd: string;
  messageId?: number | undefined;
  clientId?: string;
  messageExpiry?: number;
};

export interface Delivery {
  seq: number;
  client: string;
  packet: QueuedPacket;
  /** Number of the message, shared by all its deliveries, and how many of those are in the store. */
  message: { id: number; stored: number };
  /** In the store, or on its way there. */
  stored: boolean;
  /** Journaled before its PUBACK; not to be sent before the broker has routed it, or this wall time. */
  heldUntil: number | null;
  bytes: number;
}

/** What was done for a message before its PUBACK. */
export interface Ticket {
  retained: boolean;
  deliveries: Map<string, Delivery>;
  /** Places in the order, for receivers that were connected then. */
  places: Map<string, number>;
}

/** What waits for one client, in order, found by the broker's number or by packet id. */
export class DeliveryQueue {
  #bySeq = new Map<number, Delivery>();
  #byNumber = new Map<string, Delivery>();
  #byMessageId = new Map<number, Delivery>();
  bytes = 0;

  get size(): number {
    return this.#bySeq.size;
  }

  /** Messages with a packet id: sent, and not yet acknowledged. */
  get inFlight(): number {
    return this.#byMessageId.size;
  }

  /** In the order of publication, which need not be that of queueing. */
  all(): Delivery[] {
    return [...this.#bySeq.values()].sort((a, b) => a.seq - b.seq);
  }

  oldest(): Delivery | undefined {
    return this.#bySeq.values().next().value;
  }

  add(delivery: Delivery): void {
    this.#bySeq.set(delivery.seq, delivery);
    this.bytes += delivery.bytes;
    this.name(delivery);
  }

  /** Files it under the number and packet id that its packet has now. */
  name(delivery: Delivery): void {
    const { messageId } = delivery.packet;
    this.#byNumber.set(numberOf(delivery.packet), delivery);
    if (messageId !== undefined) this.#byMessageId.set(messageId, delivery);
  }

  has(delivery: Delivery): boolean {
    return this.#bySeq.get(delivery.seq) === delivery;
  }

  withNumberOf(packet: QueuedPacket): Delivery | undefined {
    return this.#byNumber.get(numberOf(packet));
  }

  withMessageId(messageId: number): Delivery | undefined {
    return this.#byMessageId.get(messageId);
  }

  /** Gives it a packet id that no other delivery of this client has in flight (MQTT-2.2.1-4). */
  identify(delivery: Delivery, wanted: number): number {
    const before = delivery.packet.messageId;
    let messageId = wanted;
    for (let tries = 0; tries < 65_535; tries += 1) {
      const holder = this.#byMessageId.get(messageId);
      if (holder === undefined || holder === delivery) break;
      messageId = (messageId % 65_535) + 1;
    }
    if (before !== undefined && before !== messageId) this.#byMessageId.delete(before);
    delivery.packet.messageId = messageId;
    this.#byMessageId.set(messageId, delivery);
    return messageId;
  }

  delete(delivery: Delivery): void {
    if (!this.#bySeq.delete(delivery.seq)) return;
    this.bytes -= delivery.bytes;
    const { messageId } = delivery.packet;
    const number = numberOf(delivery.packet);
    if (this.#byNumber.get(number) === delivery) this.#byNumber.delete(number);
    if (messageId !== undefined && this.#byMessageId.get(messageId) === delivery) {
      this.#byMessageId.delete(messageId);
    }
  }

  /** Puts PUBREL in the place of the message (MQTT 4.3.3). */
  release(delivery: Delivery, pubrel: QueuedPacket): void {
    this.#byNumber.delete(numberOf(delivery.packet));
    delivery.packet = pubrel;
    this.name(delivery);
  }
}

const numberOf = (packet: QueuedPacket) => `${packet.brokerId}:${packet.brokerCounter}`;

/** The fields that the broker keeps of a packet; a packet id is given at delivery. */
export function copyOf(packet: QueuedPacket): QueuedPacket {
  const copy = {
    cmd: 'publish',
    brokerId: packet.brokerId,
    brokerCounter: packet.brokerCounter,
    topic: packet.topic,
    payload: packet.payload,
    qos: packet.qos,
    retain: packet.retain ?? false,
    dup: false,
    messageId: undefined,
  } as QueuedPacket;
  if (Object.hasOwn(packet, 'clientId')) copy.clientId = packet.clientId as string;
  if (Object.hasOwn(packet, 'properties')) copy.properties = packet.properties;
  if (Object.hasOwn(packet, 'messageExpiry')) copy.messageExpiry = packet.messageExpiry as number;
  return copy;
}
