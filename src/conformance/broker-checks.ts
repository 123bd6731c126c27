import { randomUUID } from 'node:crypto';
import type { IPublishPacket, MqttClient } from 'mqtt';
import { type Check, expect } from './check.ts';
import { connect } from './probe.ts';

/** What A2A over MQTT needs of a broker. Each check comes with clients of its own. */
export interface BrokerContext {
  broker: string;
  patienceMs: number;
}

type Tail<T> = T extends [unknown, unknown, unknown, ...infer R] ? R : never;
type Got = { payload: Buffer; packet: IPublishPacket };

const join = (
  { broker, patienceMs }: BrokerContext,
  agent: string,
  ...more: Tail<Parameters<typeof connect>>
) => connect(broker, `conformance/broker/${agent}`, patienceMs, ...more);

/** The next message of a topic, also a retained one; undefined when none comes. */
async function next(
  client: MqttClient,
  topic: string,
  patienceMs: number,
): Promise<() => Promise<Got | undefined>> {
  const got: Got[] = [];
  let wake: () => void = () => undefined;
  client.on('message', (name, payload, packet) => {
    if (name !== topic) return;
    got.push({ payload, packet });
    wake();
  });
  await client.subscribeAsync(topic, { qos: 1, rap: true });
  return async () => {
    if (got.length === 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, patienceMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return got.shift();
  };
}

/** The least that a broker with a registry takes. */
const card = (name: string) => ({
  name,
  description: '-',
  version: '1',
  skills: [],
  supportedInterfaces: [{ url: 'mqtt://-', protocolBinding: 'MQTTv5+JSONRPCv2', protocolVersion: '1.0' }],
  capabilities: {},
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
});

const properties = ({ packet }: Got) => (packet.properties?.userProperties ?? {}) as Record<string, unknown>;

export const BROKER_CHECKS: ReadonlyArray<Check<BrokerContext>> = [
  {
    id: 'broker.request-reply',
    source: 'MQTT 5, 4.10; profile 0.1',
    level: 'core',
    says: 'Response Topic, Correlation Data, content type and user properties arrive as they were sent.',
    async run(context) {
      const responder = await join(context, 'responder');
      const requester = await join(context, 'requester');
      try {
        const take = await next(
          responder,
          '$a2a/v1/request/conformance/broker/responder',
          context.patienceMs,
        );
        const correlationData = Buffer.from(randomUUID());
        const responseTopic = '$a2a/v1/reply/conformance/broker/requester/1';
        await requester.publishAsync('$a2a/v1/request/conformance/broker/responder', '{}', {
          qos: 1,
          properties: {
            contentType: 'application/json',
            payloadFormatIndicator: true,
            responseTopic,
            correlationData,
            userProperties: { 'a2a-context-id': 'c', 'a2a-version': '1.0' },
          },
        });
        const got = await take();
        expect(got !== undefined, () => 'the request did not arrive');
        const { packet } = got;
        expect(packet.properties?.responseTopic === responseTopic, () => 'the Response Topic is another');
        expect(
          correlationData.equals(packet.properties?.correlationData ?? Buffer.of()),
          () => 'the Correlation Data is another',
        );
        expect(packet.properties?.contentType === 'application/json', () => 'the content type is lost');
        expect(packet.qos === 1, () => `it came at QoS ${packet.qos}`);
        const told = properties(got);
        expect(
          told['a2a-context-id'] === 'c' && told['a2a-version'] === '1.0',
          () => 'user properties are lost',
        );
      } finally {
        await Promise.all([responder.endAsync(), requester.endAsync()]);
      }
    },
  },
  {
    id: 'broker.retained-card',
    source: 'profile 0.1, discovery',
    level: 'core',
    says: 'A retained card is given to a later subscriber with its user properties, and an empty one takes it away.',
    async run(context) {
      const agent = await join(context, 'card');
      const reader = await join(context, 'reader');
      const topic = '$a2a/v1/discovery/conformance/broker/card';
      try {
        await agent.publishAsync(topic, JSON.stringify(card('card')), {
          qos: 1,
          retain: true,
          properties: { userProperties: { 'a2a-status': 'online', 'a2a-status-source': 'agent' } },
        });
        const take = await next(reader, topic, context.patienceMs);
        const got = await take();
        expect(got !== undefined, () => 'the card was not retained');
        expect(got.packet.retain, () => 'it came without the retain flag');
        expect(properties(got)['a2a-status'] === 'online', () => 'the status is lost');
        await agent.publishAsync(topic, '', { qos: 1, retain: true });
        const gone = await take();
        expect(gone?.payload.length === 0, () => 'the removal was not told');
        const late = await join(context, 'late');
        const nothing = await (await next(late, topic, Math.min(500, context.patienceMs)))();
        await late.endAsync();
        expect(nothing === undefined, () => 'the removed card is still retained');
      } finally {
        await Promise.all([agent.endAsync(), reader.endAsync()]);
      }
    },
  },
  {
    id: 'broker.will',
    source: 'profile 0.1, presence',
    level: 'core',
    says: 'The last will of an agent whose connection breaks comes with its user properties, as offline.',
    async run(context) {
      const topic = '$a2a/v1/discovery/conformance/broker/mortal';
      const payload = Buffer.from(JSON.stringify(card('mortal')));
      const mortal = await join(context, 'mortal', {
        will: {
          topic,
          payload,
          qos: 1,
          retain: true,
          properties: { userProperties: { 'a2a-status': 'offline', 'a2a-status-source': 'lwt' } },
        },
      });
      const reader = await join(context, 'reader');
      try {
        const take = await next(reader, topic, context.patienceMs);
        mortal.stream.destroy();
        const got = await take();
        expect(got !== undefined, () => 'no will came');
        expect(
          properties(got)['a2a-status'] === 'offline',
          () => `a2a-status is ${String(properties(got)['a2a-status'])}`,
        );
        const again = await join(context, 'mortal');
        await again.publishAsync(topic, '', { qos: 1, retain: true });
        await again.endAsync();
      } finally {
        await reader.endAsync();
      }
    },
  },
  {
    id: 'broker.order',
    source: 'MQTT 5, 4.6',
    level: 'core',
    says: 'Messages of one publisher on one topic arrive in order, each once.',
    async run(context) {
      const sender = await join(context, 'sender');
      const receiver = await join(context, 'receiver');
      const topic = '$a2a/v1/event/conformance/broker/sender';
      try {
        const take = await next(receiver, topic, context.patienceMs);
        const sent = Array.from({ length: 200 }, (_, n) => String(n));
        await Promise.all(sent.map((n) => sender.publishAsync(topic, n, { qos: 1 })));
        const got: string[] = [];
        for (
          let item = await take();
          item !== undefined && got.length < sent.length;
          item = got.length < sent.length ? await take() : undefined
        ) {
          got.push(item.payload.toString());
        }
        expect(got.join() === sent.join(), () => `${got.length} of 200 came, or in another order`);
      } finally {
        await Promise.all([sender.endAsync(), receiver.endAsync()]);
      }
    },
  },
  {
    id: 'broker.session',
    source: 'MQTT 5, 4.1; profile 0.1, sessions',
    level: 'core',
    says: 'What is sent to an agent whose connection broke is delivered when it resumes its session.',
    async run(context) {
      const session = { properties: { sessionExpiryInterval: 60 }, clean: false };
      const topic = '$a2a/v1/request/conformance/broker/sleeper';
      const sleeper = await join(context, 'sleeper', session);
      const sender = await join(context, 'sender');
      try {
        await sleeper.subscribeAsync(topic, { qos: 1 });
        const closed = new Promise<void>((resolve) => sleeper.once('close', () => resolve()));
        sleeper.stream.destroy();
        await closed;
        await sender.publishAsync(topic, 'while away', {
          qos: 1,
          properties: {
            responseTopic: '$a2a/v1/reply/conformance/broker/sender/1',
            correlationData: Buffer.from('1'),
          },
        });
        const got = Promise.withResolvers<Buffer | undefined>();
        const timer = setTimeout(() => got.resolve(undefined), context.patienceMs);
        const resumed = await join(context, 'sleeper', session, got.resolve);
        const payload = await got.promise;
        clearTimeout(timer);
        await resumed.endAsync(false, { properties: { sessionExpiryInterval: 0 } });
        expect(payload?.toString() === 'while away', () => 'the message was lost');
      } finally {
        await sender.endAsync();
      }
    },
  },
];
