import { inspect } from 'node:util';
import type { Task } from '@a2a-js/sdk';
import { CompactEncrypt, exportJWK, FlattenedEncrypt, generateKeyPair, importJWK, type JWK } from 'jose';
import mqtt, { type IPublishPacket } from 'mqtt';
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { Ubsp, UbspRefusal } from '../../broker/a2a/security/ubsp.ts';
import type { Encryption, JoinOptions } from '../../broker/index.ts';
import { env, join, newBus, recorder, request } from './support.ts';

const ID = 'org/unit/agent';
const ASKER = 'org/unit/asker';
const REQUESTS = `$a2a/v1/request/${ID}`;
const SOON = { timeout: 10_000, interval: 5 };
type Key = JWK & { kid: string };

let agentKey: Key;
let askerKey: Key;
let thirdKey: Key;
const open = ({ d: _, ...key }: Key): JWK => key;

beforeAll(async () => {
  const make = async (kid: string, crv: 'P-256' | 'X25519'): Promise<Key> => {
    const pair = await generateKeyPair('ECDH-ES', { crv, extractable: true });
    return { ...(await exportJWK(pair.privateKey)), kid };
  };
  agentKey = await make('agent-1', 'P-256');
  askerKey = await make('asker-1', 'X25519');
  thirdKey = await make('third-1', 'P-256');
});

async function pair(ours: JoinOptions['encryption'], theirs: JoinOptions['encryption']) {
  const bus = await newBus();
  const executor = recorder();
  const some = (encryption: JoinOptions['encryption']) => (encryption === undefined ? {} : { encryption });
  const agent = await join(bus, ID, executor, some(theirs));
  const asker = await join(bus, ASKER, undefined, {
    ...some(ours),
    timers: { backoffMs: [1], maxAttempts: 2 },
  });
  onTestFinished(async () => {
    await asker.close();
    await agent.close();
    await bus.close();
  });
  return { client: await asker.client(ID), executor, bus };
}

test('requests and replies of two agents with keys are encrypted, also streams, and nobody reads the words', async () => {
  const bus = await newBus();
  const packets: string[] = [];
  // Every byte and message between the asker and the broker.
  const watched: typeof bus = {
    ...bus,
    laneOf: (link) => {
      const lane = bus.laneOf(link);
      const note = (message: object) => void packets.push(inspect(message, { depth: 9 }));
      return {
        get isOpen() {
          return lane.isOpen;
        },
        publish(message) {
          packets.push(String(message.payload));
          note(message);
          return lane.publish(message);
        },
        open: (handler) =>
          lane.open((message) => {
            packets.push(String(message.payload));
            note(message);
            handler(message);
          }),
      };
    },
    connectInProcess: (role) => {
      const link = bus.connectInProcess(role);
      const write = link.write.bind(link);
      link.on('data', (bytes: Buffer) => packets.push(bytes.toString('latin1')));
      link.write = ((bytes: Buffer, ...rest: never[]) => {
        packets.push(Buffer.from(bytes).toString('latin1'));
        return write(bytes, ...rest);
      }) as typeof link.write;
      return link;
    },
  };
  const executor = recorder();
  const agent = await join(bus, ID, executor, { encryption: { key: agentKey, required: true } });
  const asker = await join(watched, ASKER, undefined, { encryption: { key: askerKey, required: true } });
  onTestFinished(async () => {
    await asker.close();
    await agent.close();
    await bus.close();
  });
  const client = await asker.client(ID);
  const states: string[] = [];
  for await (const { payload } of client.sendMessageStream(request('geheimnis')))
    states.push(payload?.$case ?? '');
  expect(states).toEqual(['task', 'statusUpdate', 'artifactUpdate', 'statusUpdate']);
  const task = (await client.sendMessage(request('geheimnis zwei'))) as Task;
  expect(JSON.stringify(task)).toContain('GEHEIMNIS ZWEI');
  expect(executor.seen.map(({ text, user }) => [text, user])).toEqual([
    ['geheimnis', ASKER],
    ['geheimnis zwei', ASKER],
  ]);
  const wire = packets.join('');
  expect(wire).toContain('ubsp-v1');
  expect(wire).not.toMatch(/geheimnis/i);
});

test('an agent that requires encryption refuses what is not, and one without a key is not sent anything', async () => {
  const plain = await pair(undefined, { key: agentKey, required: true });
  await expect(plain.client.sendMessage(request('hello'))).rejects.toThrow(/encrypted requests only/);
  expect(plain.executor.seen).toEqual([]);
  const keyless = await pair({ key: askerKey, required: true }, undefined);
  await expect(keyless.client.sendMessage(request('hello'))).rejects.toThrow(/No key to encrypt/);
  expect(keyless.executor.seen).toEqual([]);
});

test('where it is not required, agents without keys are asked in plain words', async () => {
  const { client, executor } = await pair({ key: askerKey, required: false }, undefined);
  await client.sendMessage(request('hello'));
  expect(executor.seen).toHaveLength(1);
});

/** Publishes as the asker; answers with the replies. */
async function byHand(bus: Awaited<ReturnType<typeof newBus>>) {
  const client = await mqtt.connectAsync(bus.mqttUrl, { clientId: 'org/unit/hand', protocolVersion: 5 });
  const replies: IPublishPacket[] = [];
  client.on('message', (_topic, _payload, packet) => replies.push(packet));
  await client.subscribeAsync('$a2a/v1/reply/org/unit/hand/s', { qos: 1 });
  onTestFinished(() => client.endAsync(true));
  return {
    replies,
    send: (payload: string, more: Record<string, string>) =>
      client.publishAsync(REQUESTS, payload, {
        qos: 1,
        properties: {
          responseTopic: '$a2a/v1/reply/org/unit/hand/s',
          correlationData: Buffer.from('1'),
          contentType: 'application/jose',
          userProperties: {
            'a2a-security-profile': 'ubsp-v1',
            'a2a-requester-agent-id': 'org/unit/hand',
            'a2a-recipient-agent-id': ID,
            ...more,
          },
        },
      }),
  };
}

const claims = (more: object = {}) => ({
  alg: 'ECDH-ES',
  enc: 'A256GCM',
  iss: 'org/unit/hand',
  aud: ID,
  exp: Math.floor(env.clock.now() / 1_000) + 60,
  jti: crypto.randomUUID(),
  ...more,
});
const BODY = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'SendMessage',
  params: { message: request('x').message },
});
const sealed = async (header: object, key: JWK = open(agentKey)) =>
  new CompactEncrypt(new TextEncoder().encode(BODY))
    .setProtectedHeader(header as never)
    .encrypt(await importJWK(key, 'ECDH-ES'));

const attacks: Array<[string, () => Promise<string>, Record<string, string>, RegExp]> = [
  [
    'for another agent',
    () => sealed(claims()),
    { 'a2a-recipient-agent-id': 'org/unit/other' },
    /for another agent/,
  ],
  ['for another agent inside', () => sealed(claims({ aud: 'org/unit/other' })), {}, /misdirected/],
  ['of another requester inside', () => sealed(claims({ iss: ASKER })), {}, /misdirected/],
  [
    'in the name of another requester',
    () => sealed(claims()),
    { 'a2a-requester-agent-id': ASKER },
    /another than/,
  ],
  ['to another key', () => sealed(claims(), open(thirdKey)), {}, /unreadable/],
  ['that has expired', () => sealed(claims({ exp: 1 })), {}, /expired/],
  ['that is good for ever', () => sealed(claims({ exp: 4e9 })), {}, /expired/],
  ['without an expiry', () => sealed(claims({ exp: undefined })), {}, /expired/],
  ['that was changed', async () => `${(await sealed(claims())).slice(0, -3)}AAA`, {}, /unreadable/],
  ['of another profile', () => sealed(claims()), { 'a2a-security-profile': 'ubsp-v9' }, /not supported/],
  ['in plain words', async () => BODY, {}, /unreadable/],
];

test.each(attacks)('a request %s is refused as a breach of the protocol', async (_name, make, more, why) => {
  const { bus, executor } = await pair(undefined, { key: agentKey, required: false });
  const hand = await byHand(bus);
  await hand.send(await make(), more);
  await vi.waitFor(() => expect(hand.replies).toHaveLength(1), SOON);
  const reply = JSON.parse(String(hand.replies[0]?.payload));
  expect(reply.error).toMatchObject({ code: -32005, data: { a2a_error: 'transport_protocol_error' } });
  expect(reply.error.message).toMatch(why);
  expect(executor.seen).toEqual([]);
});

test('the same encrypted request once more is not answered and has no effect', async () => {
  const ubsp = new Ubsp(ID, { key: agentKey } as unknown as Encryption, env);
  const text = await sealed(claims());
  expect(await ubsp.open(Buffer.from(text), 'org/unit/hand')).toMatchObject({ text: BODY });
  await expect(ubsp.open(Buffer.from(text), 'org/unit/hand')).rejects.toEqual(new UbspRefusal('again'));
});

test('the JSON form of an encrypted payload is read too', async () => {
  const jwe = await new FlattenedEncrypt(new TextEncoder().encode(BODY))
    .setProtectedHeader(claims() as never)
    .encrypt(await importJWK(open(agentKey), 'ECDH-ES'));
  const ubsp = new Ubsp(ID, { key: agentKey } as unknown as Encryption, env);
  const opened = await ubsp.open(Buffer.from(JSON.stringify(jwe)), 'org/unit/hand');
  expect(opened).toEqual({ text: BODY, properties: undefined });
});

test('a plain reply to an encrypted request counts for nothing', async () => {
  const bus = await newBus();
  const card = {
    name: 'x',
    description: 'x',
    version: '1',
    skills: [],
    supportedInterfaces: [
      { url: `${bus.mqttUrl}/${REQUESTS}`, protocolBinding: 'MQTTv5+JSONRPCv2', protocolVersion: '1.0' },
    ],
    capabilities: {
      extensions: [{ uri: 'urn:netagent:a2a-mqtt:ubsp:1', params: { keys: [open(agentKey)] } }],
    },
  };
  const liar = await mqtt.connectAsync(bus.mqttUrl, { clientId: ID, protocolVersion: 5 });
  liar.on('message', (_topic, _payload, { properties }) => {
    const answer = {
      jsonrpc: '2.0',
      id: null,
      result: { message: { messageId: 'm', role: 'ROLE_AGENT', parts: [{ text: 'lie' }] } },
    };
    liar.publish(properties?.responseTopic ?? '', JSON.stringify(answer), {
      qos: 1,
      properties: { correlationData: properties?.correlationData as Buffer },
    });
  });
  await liar.subscribeAsync(REQUESTS, { qos: 1 });
  await liar.publishAsync(`$a2a/v1/discovery/${ID}`, JSON.stringify(card), { qos: 1, retain: true });
  const timers = { firstReplyTimeoutMs: 50, maxAttempts: 1 };
  const asker = await join(bus, ASKER, undefined, { encryption: { key: askerKey }, timers });
  onTestFinished(async () => {
    await asker.close();
    await liar.endAsync(true);
    await bus.close();
  });
  const asked = (await asker.client(ID)).sendMessage(request('hello'));
  await expect(asked).rejects.toMatchObject({ code: 'BUS_NO_REPLY' });
});
