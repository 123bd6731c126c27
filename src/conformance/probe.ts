import { randomUUID } from 'node:crypto';
import mqtt, { type IPublishPacket, type MqttClient } from 'mqtt';
import { fail } from '../errors.ts';

/** One message that arrived on the reply topic. */
export interface Answer {
  /** Parsed payload; undefined where it is empty or no JSON. */
  json: Record<string, unknown> | undefined;
  empty: boolean;
  qos: number;
  correlation: string | undefined;
  properties: Record<string, string>;
}

export interface Outgoing {
  payload: string;
  /** Correlation Data; undefined leaves it out. */
  correlation?: string | undefined;
  /** Response Topic; null leaves it out. */
  responseTopic?: string | null;
  userProperties?: Record<string, string>;
}

/** A plain MQTT 5 client that asks one agent: nothing of our own binding is in it. */
export class Probe {
  readonly #client: MqttClient;
  readonly #replies: string;
  readonly #request: string;
  readonly #patienceMs: number;
  readonly #waiting = new Map<string, (answer: Answer) => void>();
  /** Answers that no request waited for. */
  readonly strays: Answer[] = [];

  private constructor(client: MqttClient, options: { agent: string; as: string; patienceMs: number }) {
    this.#client = client;
    this.#replies = `$a2a/v1/reply/${options.as}/${randomUUID()}`;
    this.#request = `$a2a/v1/request/${options.agent}`;
    this.#patienceMs = options.patienceMs;
    client.on('message', (topic, payload, packet) => {
      if (topic !== this.#replies) return;
      const answer = read(payload, packet);
      const taker = this.#waiting.get(answer.correlation ?? '');
      if (taker === undefined) this.strays.push(answer);
      else taker(answer);
    });
  }

  /** @throws CONFORMANCE_UNREACHABLE */
  static async open(options: {
    broker: string;
    agent: string;
    as: string;
    patienceMs: number;
  }): Promise<Probe> {
    const client = await connect(options.broker, options.as, options.patienceMs);
    const probe = new Probe(client, options);
    await client.subscribeAsync(probe.#replies, { qos: 1 });
    return probe;
  }

  /** The retained message on the agent's discovery topic, with what came with it. */
  async card(agent: string): Promise<{ payload: Buffer; packet: IPublishPacket } | undefined> {
    const topic = `$a2a/v1/discovery/${agent}`;
    const found = new Promise<{ payload: Buffer; packet: IPublishPacket } | undefined>((resolve) => {
      const timer = setTimeout(resolve, this.#patienceMs, undefined);
      const take = (name: string, payload: Buffer, packet: IPublishPacket) => {
        if (name !== topic) return;
        clearTimeout(timer);
        this.#client.off('message', take);
        resolve({ payload, packet });
      };
      this.#client.on('message', take);
    });
    await this.#client.subscribeAsync(topic, { qos: 1, rap: true });
    const card = await found;
    await this.#client.unsubscribeAsync(topic);
    return card;
  }

  /** Publishes as it is told; answers with that correlation, until `last` says so or nothing more comes. */
  async exchange(outgoing: Outgoing, last: (answer: Answer) => boolean = () => true): Promise<Answer[]> {
    const { payload, correlation, responseTopic = this.#replies, userProperties } = outgoing;
    const answers: Answer[] = [];
    const done = new Promise<void>((resolve) => {
      let timer = setTimeout(resolve, this.#patienceMs);
      let ended = false;
      this.#waiting.set(correlation ?? '', (answer) => {
        // In the same breath as the last one.
        if (ended) return void this.strays.push(answer);
        answers.push(answer);
        clearTimeout(timer);
        ended = last(answer);
        if (ended) resolve();
        else timer = setTimeout(resolve, this.#patienceMs);
      });
    });
    await this.#client.publishAsync(this.#request, payload, {
      qos: 1,
      properties: {
        contentType: 'application/json',
        payloadFormatIndicator: true,
        ...(responseTopic === null ? {} : { responseTopic }),
        ...(correlation === undefined ? {} : { correlationData: Buffer.from(correlation) }),
        ...(userProperties === undefined ? {} : { userProperties }),
      },
    });
    await done;
    this.#waiting.delete(correlation ?? '');
    return answers;
  }

  close(): Promise<void> {
    return this.#client.endAsync();
  }
}

/** `onMessage` also hears what comes at once on a resumed session. @throws CONFORMANCE_UNREACHABLE */
export async function connect(
  broker: string,
  clientId: string,
  patienceMs: number,
  more: mqtt.IClientOptions = {},
  onMessage: (payload: Buffer) => void = () => undefined,
): Promise<MqttClient> {
  const client = mqtt.connect(broker, {
    clientId,
    protocolVersion: 5,
    reconnectPeriod: 0,
    connectTimeout: patienceMs,
    ...more,
  });
  client.on('message', (_topic, payload) => onMessage(payload));
  const problem = await new Promise<string | undefined>((resolve) => {
    client.on('error', (error) => resolve(error.message || String((error as { code?: string }).code)));
    client.once('connect', () => resolve(undefined));
    client.once('close', () => resolve('the connection was closed'));
  });
  if (problem === undefined) return client;
  client.end(true);
  throw fail('CONFORMANCE_UNREACHABLE', { broker: new URL(broker).host, problem });
}

export function read(payload: Buffer, packet: IPublishPacket): Answer {
  let json: Record<string, unknown> | undefined;
  try {
    const parsed: unknown = JSON.parse(payload.toString());
    if (typeof parsed === 'object' && parsed !== null) json = parsed as Record<string, unknown>;
  } catch {
    // Stays undefined: the check says so.
  }
  return {
    json,
    empty: payload.length === 0,
    qos: packet.qos,
    correlation: packet.properties?.correlationData?.toString(),
    properties: Object.fromEntries(
      Object.entries(packet.properties?.userProperties ?? {}).map(([name, value]) => [
        name.toLowerCase(),
        String(Array.isArray(value) ? value.at(-1) : value),
      ]),
    ),
  };
}
