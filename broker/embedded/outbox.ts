import type { AedesPublishPacket, Client } from 'aedes';
import { RECEIVE_MAXIMUM_DEFAULT } from './credit.ts';
import type { QueuedPacket } from './delivery-queue.ts';
import type { SessionLimits } from './limits.ts';
import type { Sessions } from './sessions.ts';
import { filterMatches } from './topic-index.ts';

export interface OutboxOptions {
  sessions: Sessions;
  limits: SessionLimits;
  count(reason: string): void;
  /** Ends a connection that lets too much pile up. */
  cut(client: Client): void;
}

/** Messages that wait for one connection, and how many of its QoS 1 and 2 are not acknowledged. */
interface Box {
  waiting: AedesPublishPacket[];
  bytes: number;
  /** Counted here for a session that ends with its connection; that of others is in their queue. */
  unacknowledged: number;
  listens: boolean;
}

/** Fields of a connection that the pinned `aedes` has and does not declare. */
type Delivering = {
  subscriptions: Record<string, { qos: number }>;
  _nextId: number;
  deliverQoS(packet: unknown, done: () => void): void;
};
const delivering = (client: Client) => client as unknown as Delivering;

/** Bytes handed to a socket in one go. */
const BURST_BYTES = 256 * 1024;

/**
 * Keeps a message back while its receiver cannot take it: the socket is full, or as many QoS 1 and 2 messages
 * are unacknowledged as its Receive Maximum allows (MQTT-3.3.4-7). The pinned `aedes` looks at neither: it
 * overruns the one, and lets everybody wait for the other.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #boxes = new WeakMap<Client, Box>();

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  #boxOf(client: Client): Box {
    let box = this.#boxes.get(client);
    if (box === undefined) {
      box = { waiting: [], bytes: 0, unacknowledged: 0, listens: false };
      this.#boxes.set(client, box);
    }
    return box;
  }

  /** Decides for a message that is about to be sent; true when it is not to be sent now. */
  holds(client: Client, packet: AedesPublishPacket): boolean {
    const box = this.#boxOf(client);
    // A retained message after SUBSCRIBE, one of a resumed session, one from here: paced by themselves.
    const isLive = Boolean(packet.brokerId) && packet.messageId === undefined;
    if (!isLive) {
      if (packet.qos > 0) this.#sent(client, box);
      return false;
    }
    const isFull = client.conn.writableNeedDrain;
    if (!isFull && box.waiting.length === 0 && (packet.qos === 0 || this.#hasCredit(client, box))) {
      if (packet.qos > 0 && isLimited(client) && grantedQos(client, packet.topic) > 0)
        this.#sent(client, box);
      return false;
    }
    if (packet.qos === 0 || grantedQos(client, packet.topic) === 0) {
      if (isFull) this.#options.count('dropped-qos-0');
      return isFull;
    }
    const { maxQueuedMessages, maxQueuedBytes } = this.#options.limits;
    box.waiting.push(packet);
    box.bytes += packet.payload.length;
    if (box.waiting.length > maxQueuedMessages || box.bytes > maxQueuedBytes) {
      box.waiting = [];
      box.bytes = 0;
      this.#options.cut(client);
    } else this.#await(client, box);
    return true;
  }

  #sent(client: Client, box: Box): void {
    if (client.clean && isLimited(client)) box.unacknowledged += 1;
  }

  #hasCredit(client: Client, box: Box): boolean {
    if (!isLimited(client)) return true;
    const used = client.clean ? box.unacknowledged : this.#options.sessions.queueOf(client.id).inFlight;
    return used < client.receiveMaximum;
  }

  /** The receiver acknowledged a message. */
  acknowledged(client: Client): void {
    const box = this.#boxes.get(client);
    if (box === undefined) return;
    if (box.unacknowledged > 0) box.unacknowledged -= 1;
    if (box.waiting.length > 0 && !client.conn.writableNeedDrain) this.#flush(client, box);
  }

  #await(client: Client, box: Box): void {
    if (box.listens || !client.conn.writableNeedDrain) return;
    box.listens = true;
    client.conn.once('drain', () => {
      box.listens = false;
      this.#flush(client, box);
    });
  }

  #flush(client: Client, box: Box): void {
    let burst = 0;
    while (burst < BURST_BYTES && box.waiting.length > 0 && this.#hasCredit(client, box)) {
      if (client.closed) return;
      const packet = box.waiting.shift() as AedesPublishPacket;
      box.bytes -= packet.payload.length;
      burst += packet.payload.length + packet.topic.length;
      this.#send(client, packet);
    }
    if (box.waiting.length === 0) return;
    if (client.conn.writableNeedDrain) this.#await(client, box);
    // What was handed over is written in the next turn.
    else if (burst >= BURST_BYTES) setImmediate(() => setImmediate(() => this.#again(client, box)));
  }

  #again(client: Client, box: Box): void {
    if (client.conn.writableNeedDrain) this.#await(client, box);
    else this.#flush(client, box);
  }

  #send(client: Client, packet: AedesPublishPacket): void {
    const state = delivering(client);
    // Without the broker's number it is not taken for a duplicate.
    const again = { ...packet, brokerId: null as unknown as string };
    if (!client.clean) {
      const messageId = this.#options.sessions.identify(client.id, packet as QueuedPacket, state._nextId);
      // Given up meanwhile, for want of room.
      if (messageId === undefined) return;
      again.messageId = messageId;
      state._nextId = (messageId % 65_535) + 1;
    }
    state.deliverQoS(again, () => undefined);
  }
}

const isLimited = (client: Client) => client.receiveMaximum < RECEIVE_MAXIMUM_DEFAULT;

function grantedQos(client: Client, topic: string): number {
  let highest = 0;
  for (const [filter, { qos }] of Object.entries(delivering(client).subscriptions)) {
    if (qos > highest && filterMatches(filter, topic)) highest = qos;
  }
  return highest;
}
