import type { Aedes, AedesOptions, AedesPublishPacket, Client, PublishPacket } from 'aedes';
import { failBus } from '../errors.ts';
import type { QueuedPacket } from './delivery-queue.ts';
import type { Sessions } from './sessions.ts';

type Properties = PublishPacket['properties'];
/** Publishes in the name of a connection, as the pinned `aedes` does for PUBLISH and does not declare. */
type PublishFor = (packet: PublishPacket, client: Client, done: () => void) => void;

export interface LaneMessage {
  topic: string;
  payload: Buffer;
  /** Shared with other receivers: not to be changed. */
  properties: NonNullable<Properties>;
}

/**
 * Messages between a link in this process and the broker by reference, where the stream beside it would
 * encode and parse each of them twice. Who may publish and read what, journal, queue and order are those of
 * the stream; a message counts as acknowledged when its handler has returned.
 */
export interface Lane {
  /** Once the link has its CONNACK: false when the connection is over. */
  readonly isOpen: boolean;
  /** QoS 1. Resolves when the broker has taken it. Rejects with the refusal; BUS_CLOSED without a connection. */
  publish(message: {
    topic: string;
    payload: string | Buffer;
    retain: boolean;
    properties: Properties;
  }): Promise<void>;
  /** From now on what the broker delivers comes here, and nothing of it by the stream. */
  open(handler: (message: LaneMessage) => void): void;
}

export interface LaneOptions {
  broker: Aedes;
  client: Client;
  sessions: Sessions;
  authorizePublish: NonNullable<AedesOptions['authorizePublish']>;
  maxPacketBytes: number;
}

export class LocalLane implements Lane {
  readonly #options: LaneOptions;
  #handler: ((message: LaneMessage) => void) | undefined;
  #waiting: AedesPublishPacket[] = [];

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    const { client } = this.#options;
    return (client.connecting || client.connected) && !client.closed;
  }

  open(handler: (message: LaneMessage) => void): void {
    this.#handler = handler;
  }

  publish({ topic, payload, retain, properties }: Parameters<Lane['publish']>[0]): Promise<void> {
    return new Promise((resolve, reject) => {
      const { broker, client, authorizePublish, maxPacketBytes } = this.#options;
      const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
      if (!this.isOpen) return reject(failBus('BUS_CLOSED'));
      if (bytes.length > maxPacketBytes) return reject(new Error('the message is too large'));
      const packet: PublishPacket = {
        cmd: 'publish',
        topic,
        payload: bytes,
        qos: 1,
        retain,
        dup: false,
        ...(properties === undefined ? {} : { properties }),
      };
      authorizePublish(client, packet, (error) => {
        if (error) return reject(error);
        (broker.publish as unknown as PublishFor).call(broker, packet, client, () => undefined);
        resolve();
      });
    });
  }

  /** True when a delivery goes this way. */
  takes(packet: AedesPublishPacket): boolean {
    if (this.#handler === undefined) return false;
    // What a resumed session has waiting is no longer in its queue when the broker is told that it went.
    if (packet.messageId !== undefined && this.#waiting.length === 0) this.#deliver(packet);
    else if (this.#waiting.push(packet) === 1) setImmediate(() => this.#flush());
    return true;
  }

  /** All of one turn, in order. What comes when the connection is over stays with its session. */
  #flush(): void {
    const { client } = this.#options;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const packet of waiting) {
      if (client.closed) return;
      this.#deliver(packet);
    }
  }

  #deliver(packet: AedesPublishPacket): void {
    const { topic, payload, properties = {} } = packet;
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
    this.#handler?.({ topic, payload: bytes, properties });
    const { sessions, client } = this.#options;
    if (packet.qos > 0) sessions.discard(client.id, packet as QueuedPacket);
  }
}
