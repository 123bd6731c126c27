import { randomUUID } from 'node:crypto';
import mqtt, { type IPublishPacket } from 'mqtt';
import { expect, test } from 'vitest';
import { join, newBus, recorder, request } from './support.ts';

const REQUEST = '$a2a/v1/request/org/unit/agent';
const REPLY = '$a2a/v1/reply/org/unit/raw/1';
const message = { messageId: 'm', role: 'ROLE_USER', parts: [{ text: 'x' }] };
const send = (params: object, method = 'SendMessage') =>
  JSON.stringify({ jsonrpc: '2.0', id: 7, method, params });

test.each([
  ['not JSON', '{bad', {}, { id: null, error: { code: -32700 } }],
  ['no envelope', '{"id":1}', {}, { id: null, error: { code: -32600 } }],
  [
    'an id that is a fraction',
    '{"jsonrpc":"2.0","id":1.5,"method":"GetTask"}',
    {},
    { error: { code: -32600 } },
  ],
  ['an unknown method', send({}, 'Nothing'), {}, { id: 7, error: { code: -32601 } }],
  [
    'no correlation',
    send({ message }),
    { correlationData: undefined },
    { error: { code: -32005, data: { a2a_error: 'transport_protocol_error' } } },
  ],
  ['no task id', send({ message }), {}, { id: 7, error: { code: -32602 } }],
  [
    'a task id that is no UUID',
    send({ message: { ...message, taskId: '__proto__' } }),
    {},
    { id: 7, error: { code: -32602 } },
  ],
  [
    'another version',
    send({ id: 'x' }, 'GetTask'),
    { userProperties: { 'A2A-Version': '0.3' } },
    { error: { code: -32009 } },
  ],
  [
    'a context property that differs',
    send({ message }),
    { userProperties: { 'a2a-context-id': 'c' } },
    { error: { code: -32005 } },
  ],
  [
    'an unknown task to subscribe to',
    send({ id: randomUUID() }, 'SubscribeToTask'),
    {},
    { id: 7, error: { code: -32001 } },
  ],
] as const)(
  '%s is answered by its error, with the correlation',
  async (_what, payload, properties, expected) => {
    const bus = await newBus();
    const agent = await join(bus, 'org/unit/agent', recorder());
    const raw = await mqtt.connectAsync(bus.mqttUrl, { clientId: 'org/unit/raw', protocolVersion: 5 });
    await raw.subscribeAsync(REPLY, { qos: 1 });
    const arrived = new Promise<[Buffer, IPublishPacket]>((resolve) => {
      raw.once('message', (_topic, body, packet) => resolve([body, packet]));
    });
    const all = { responseTopic: REPLY, correlationData: Buffer.from('c1'), ...properties };
    const { correlationData, ...rest } = all;
    await raw.publishAsync(REQUEST, payload, {
      qos: 1,
      properties: { ...rest, ...(correlationData === undefined ? {} : { correlationData }) },
    });
    const [body, packet] = await arrived;
    expect(JSON.parse(body.toString())).toMatchObject(expected);
    expect(packet.properties?.correlationData?.toString()).toBe(
      correlationData === undefined ? undefined : 'c1',
    );
    await raw.endAsync();
    await agent.close();
    await bus.close();
  },
);

test('nobody answers: the attempts are used up, then one error', async () => {
  const bus = await newBus();
  const asker = await join(bus, 'org/unit/asker', undefined, {
    timers: { firstReplyTimeoutMs: 20, backoffMs: [5] },
    patienceMs: 50,
  });
  await expect(asker.client('org/unit/nobody')).rejects.toMatchObject({ code: 'BUS_AGENT_UNKNOWN' });
  const gone = await join(bus, 'org/unit/gone', recorder());
  const client = await asker.client('org/unit/gone');
  await gone.close();
  await expect(client.sendMessage(request('x'))).rejects.toMatchObject({
    code: 'BUS_NO_REPLY',
    class: 'retryable',
    details: { attempts: 3 },
  });
  await asker.close();
  await bus.close();
});

test('a bus that closes under its members ends nothing else', async () => {
  const bus = await newBus();
  let reconnects: () => void = () => undefined;
  const reconnected = new Promise<void>((resolve) => {
    reconnects = resolve;
  });
  let links = 0;
  const watched = {
    ...bus,
    connectInProcess() {
      links += 1;
      if (links === 2) reconnects();
      return bus.connectInProcess();
    },
  };
  const member = await join(watched, 'org/unit/member');
  await bus.close();
  await reconnected;
  const late = join(bus, 'org/unit/late');
  await expect(late).rejects.toMatchObject({ code: 'BUS_REFUSED' });
  await member.close();
});
