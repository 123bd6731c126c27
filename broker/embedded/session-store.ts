/** The port behind which sessions survive the process; `src/durable` has one on SQLite. */

/** A message as it is kept. */
export interface StoredMessage {
  topic: string;
  payload: Buffer;
  qos: 0 | 1 | 2;
  retain: boolean;
  /** All MQTT 5 properties as JSON, Correlation Data in base64; null when there are none. */
  properties: string | null;
  /** Wall time (ms) at which its Message Expiry Interval is over. */
  expiresAt: number | null;
}

export interface StoredSubscription {
  topic: string;
  qos: 0 | 1 | 2;
  rh?: number | undefined;
  rap?: boolean | undefined;
  nl?: boolean | undefined;
  subscriptionIdentifier?: number | undefined;
}

export interface StoredSession {
  client: string;
  /** Seconds that it outlives its connection; 0xFFFFFFFF for ever. */
  expiryS: number;
  /** Wall time (ms) of the end of its connection; null while there is one. */
  endedAt: number | null;
}

/** A message on its way to a client: `released` after PUBREC, when only PUBREL is left to send. */
export interface StoredDelivery {
  client: string;
  /** Order of delivery, unique in the store. */
  seq: number;
  /** Number of the message, which several deliveries may share. */
  message: number;
  qos: 0 | 1 | 2;
  retain: boolean;
  messageId: number | null;
  released: boolean;
}

export type SessionChange =
  | { kind: 'retain'; message: StoredMessage }
  | { kind: 'unretain'; topic: string }
  | { kind: 'session'; session: StoredSession }
  /** Everything of a client except its will. */
  | { kind: 'forget'; client: string }
  | { kind: 'subscribe'; client: string; subscription: StoredSubscription }
  | { kind: 'unsubscribe'; client: string; topic: string }
  /** The body comes with the first delivery of a message. */
  | { kind: 'enqueue'; delivery: StoredDelivery; body: StoredMessage }
  | { kind: 'update'; seq: number; messageId: number | null; released: boolean }
  /** `orphan`: the message, when no delivery of it is left. */
  | { kind: 'dequeue'; seq: number; orphan: number | null }
  /** QoS 2 towards the broker: the packet id is taken until PUBREL. */
  | { kind: 'receive'; client: string; messageId: number }
  | { kind: 'received'; client: string; messageId: number }
  | { kind: 'will'; client: string; message: StoredMessage }
  | { kind: 'unwill'; client: string };

export interface SessionState {
  retained: StoredMessage[];
  sessions: StoredSession[];
  subscriptions: Array<{ client: string; subscription: StoredSubscription }>;
  /** By `seq`. */
  deliveries: Array<{ delivery: StoredDelivery; body: StoredMessage }>;
  received: Array<{ client: string; messageId: number }>;
  wills: Array<{ client: string; message: StoredMessage }>;
}

export interface SessionStore {
  /** What was committed before this process; asked once, before anything is written. */
  load(): SessionState;
  /** Takes part in the transaction of this turn of the event loop. */
  write(change: SessionChange): void;
  /** Fulfilled when all that was written so far is committed; rejected when it could not be. */
  committed(): Promise<void>;
}

type Properties = { correlationData?: Uint8Array; userProperties?: object; topicAlias?: number };

/** Properties as text; null for none. A topic alias belongs to one connection and is left out. */
export function encodeProperties(properties: object | undefined): string | null {
  if (properties === undefined) return null;
  const { correlationData, topicAlias: _, ...rest } = properties as Properties;
  const plain =
    correlationData === undefined
      ? rest
      : { ...rest, correlationData: Buffer.from(correlationData).toString('base64') };
  const text = JSON.stringify(plain);
  return text === '{}' ? null : text;
}

/** The opposite of `encodeProperties`; user properties have no prototype, as those of the parser. */
export function decodeProperties(text: string | null): object | undefined {
  if (text === null) return undefined;
  const { correlationData, userProperties, ...rest } = JSON.parse(text);
  return {
    ...rest,
    ...(correlationData === undefined ? {} : { correlationData: Buffer.from(correlationData, 'base64') }),
    ...(userProperties === undefined
      ? {}
      : { userProperties: Object.assign(Object.create(null), userProperties) }),
  };
}

type Message = Partial<Pick<StoredMessage, 'topic' | 'qos' | 'retain'>> & {
  payload?: Buffer | string;
  properties?: object | undefined;
  messageExpiry?: number;
};

/** A packet as it is kept; `now` is when its Message Expiry Interval began. */
export function storedMessage(packet: Message, now: number): StoredMessage {
  const { topic = '', payload = '', qos = 0, retain = false, properties, messageExpiry } = packet;
  const lifetime = (properties as { messageExpiryInterval?: number } | undefined)?.messageExpiryInterval;
  const expiresAt = messageExpiry ?? (lifetime ? now + lifetime * 1_000 : null);
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  return { topic, payload: bytes, qos, retain, properties: encodeProperties(properties), expiresAt };
}
