import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { Aedes } from 'aedes';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type CallContext, createCalls } from '../../../src/workflow/calls/index.ts';
import { callContext, faultOf, json, PATIENCE, serve, settableEnv, type TestServer } from './kit.ts';

let broker: Aedes;
let listener: Server;
let port: number;
let peer: MqttClient;
let web: TestServer;
const heard: Array<{ topic: string; payload: string; user: unknown; retain: boolean }> = [];
const logins: Array<[string | undefined, string | undefined]> = [];

beforeAll(async () => {
  broker = await Aedes.createBroker({
    authenticate: (_client, username, password, done) => {
      logins.push([username?.toString(), password?.toString()]);
      done(null, password?.toString() !== 'wrong');
    },
  });
  listener = createServer(broker.handle);
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  port = (listener.address() as AddressInfo).port;
  peer = await connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5 });
  peer.on('message', (topic, payload, { properties, retain }) =>
    heard.push({ topic, payload: payload.toString(), user: { ...properties?.userProperties }, retain }),
  );
  await peer.subscribeAsync('out/#', { qos: 1, rap: true });
  web = await serve((seen, response) => {
    if (seen.url === '/v2.yaml') return response.end(V2());
    if (seen.url === '/v3.json') return json(response, V3());
    if (seen.url === '/kafka.json') {
      return json(response, { ...V3(), servers: { k: { host: 'k:9092', protocol: 'kafka' } } });
    }
    return json(response, { taken: true });
  });
});
afterAll(async () => {
  await peer.endAsync();
  await web.close();
  broker.close();
  listener.close();
});
afterEach(() => {
  heard.length = 0;
  logins.length = 0;
});

const V2 = () => `
asyncapi: 2.6.0
servers:
  web: { url: 'http://127.0.0.1:{port}/base', protocol: http, variables: { port: { default: '${web.port}' } } }
  bus: { url: 'mqtt://127.0.0.1:{port}', protocol: mqtt, variables: { port: { default: '${port}' } } }
channels:
  out/{cell}/kpis:
    parameters: { cell: { schema: { type: string, default: none } } }
    publish: { bindings: { mqtt: { qos: 2, retain: true } } }
  in/{cell}:
    servers: [bus]
    subscribe: {}
  alarms:
    servers: [web]
    publish: { bindings: { http: { method: PUT } } }
`;
const V3 = () => ({
  asyncapi: '3.0.0',
  servers: { bus: { host: `127.0.0.1:${port}`, protocol: 'mqtt5' } },
  channels: {
    orders: { address: 'out/orders', servers: [{ $ref: '#/servers/bus' }] },
    cells: { address: 'in/{cell}', parameters: { cell: {} } },
  },
  operations: {
    order: { action: 'receive', channel: { $ref: '#/channels/orders' } },
    watch: { action: 'send', channel: { $ref: '#/channels/cells' } },
  },
});

const call = (
  document: string,
  args: Record<string, unknown>,
  context = callContext(),
  env = settableEnv(),
) =>
  createCalls({ env, policy: { allow: ['127.0.0.1'] } }).asyncapi(
    { document: { endpoint: web.url + document }, ...args },
    context,
  );

describe('a message', () => {
  test('is published to the channel of a document of version 2', async () => {
    const message = { payload: { prb: 0.5 } };
    const context = callContext({ input: { cell: 'c1' } });
    const args = { channel: 'out/{cell}/kpis', protocol: 'mqtt', message };
    expect(await call('/v2.yaml', args, context)).toEqual(message);
    await expect.poll(() => heard.length, PATIENCE).toBe(1);
    expect(heard[0]).toMatchObject({ topic: 'out/c1/kpis', payload: '{"prb":0.5}', retain: true });
    expect(await faultOf(call('/v2.yaml', { ...args, message: { headers: { a: 1 } } }))).toMatchObject({
      kind: 'configuration',
      title: expect.stringContaining('carries no headers'),
    });
  });

  test('is published by the operation of version 3, with headers and the key of the step', async () => {
    await call('/v3.json', {
      operation: 'order',
      message: { payload: 'text', headers: { area: 'north' } },
      authentication: { basic: { username: 'me', password: 'pa:ss' } },
    });
    await expect.poll(() => heard.length, PATIENCE).toBe(1);
    expect(heard[0]).toEqual({
      topic: 'out/orders',
      payload: '"text"',
      user: { area: 'north', 'idempotency-key': 'instance-1/do/0/call/1' },
      retain: false,
    });
    expect(logins).toEqual([['me', 'pa:ss']]);
  });

  test('goes over HTTP by the method of its binding', async () => {
    await call('/v2.yaml', { channel: 'alarms', message: { payload: { a: 1 }, headers: { 'x-a': 'b' } } });
    expect(web.seen.at(-1)).toMatchObject({
      method: 'PUT',
      url: '/base/alarms',
      body: '{"a":1}',
      headers: { 'x-a': 'b', 'content-type': 'application/json' },
    });
  });

  test('cannot leave its place in the topics', async () => {
    for (const cell of ['a/b', '#', '+']) {
      const args = { channel: 'out/{cell}/kpis', protocol: 'mqtt', message: {} };
      expect(await faultOf(call('/v2.yaml', args, callContext({ input: { cell } })))).toMatchObject({
        kind: 'validation',
      });
    }
  });
});

describe('a subscription', () => {
  /** Publishes when the subscription stands. */
  const consuming = async (
    subscription: unknown,
    payloads: unknown[],
    given: Partial<CallContext> = {},
    env = settableEnv(),
  ) => {
    const subscribed = new Promise<void>((resolve) =>
      broker.once(
        'subscribe',
        (list: Array<{ topic: string }>) => list.some(({ topic }) => topic === 'in/+') && resolve(),
      ),
    );
    const answer = call('/v3.json', { operation: 'watch', subscription }, callContext(given), env);
    answer.catch(() => {});
    await subscribed;
    for (const [index, payload] of payloads.entries()) {
      await peer.publishAsync('in/c1', typeof payload === 'string' ? payload : JSON.stringify(payload), {
        qos: 1,
        properties: { userProperties: { index: String(index) } },
      });
    }
    return answer;
  };
  const numbers = (messages: unknown) =>
    (messages as Array<{ payload: unknown }>).map(({ payload }) => payload);
  const evaluate = async (expression: string, data: unknown) => {
    const payload = (data as { payload: number }).payload;
    if (expression === '${ .payload % 2 == 0 }') return payload % 2 === 0;
    if (expression === '.payload < 5') return payload < 5;
    if (expression === '.payload == 5') return payload === 5;
    throw new Error(expression);
  };

  test('gives as many messages as it is to consume, those that pass the filter', async () => {
    const subscription = { filter: '${ .payload % 2 == 0 }', consume: { amount: 2 } };
    expect(await consuming(subscription, [1, 2, 3, 4, 5, 6], { evaluate })).toEqual([
      { payload: 2, headers: { index: '1' } },
      { payload: 4, headers: { index: '3' } },
    ]);
  });

  test('goes on while, or until, an expression holds', async () => {
    expect(
      numbers(await consuming({ consume: { while: '.payload < 5' } }, [3, 4, 5, 6], { evaluate })),
    ).toEqual([3, 4, 5]);
    expect(
      numbers(await consuming({ consume: { until: '.payload == 5' } }, [3, 4, 5, 6], { evaluate })),
    ).toEqual([3, 4]);
  });

  test('ends after its time with what came', async () => {
    const env = settableEnv();
    const timers: Array<{ fn: () => void; ms: number }> = [];
    const clock = { ...env.clock, setTimeout: (fn: () => void, ms: number) => timers.push({ fn, ms }) };
    let count = 0;
    const progress = () => {
      count += 1;
      if (count === 2) timers[0]?.fn();
    };
    const subscription = { consume: { amount: 9, for: { minutes: 2 } } };
    const messages = await consuming(subscription, ['plain', '{"a":'], { progress }, { ...env, clock });
    expect(numbers(messages)).toEqual(['plain', '{"a":']);
    expect(timers.map(({ ms }) => ms)).toEqual([120_000]);
  });

  test('ends with its task, and with a failing expression', async () => {
    const controller = new AbortController();
    const subscribed = new Promise((resolve) => broker.once('subscribe', resolve));
    const left = call(
      '/v3.json',
      { operation: 'watch', subscription: { consume: { amount: 1 } } },
      callContext({ signal: controller.signal }),
    );
    left.catch(() => {});
    await subscribed;
    controller.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    await expect(consuming({ consume: { until: 'broken' } }, [1], { evaluate })).rejects.toThrow('broken');
  });
});

test('what cannot be carried or found is an error of configuration', async () => {
  const faults = [
    await faultOf(call('/v3.json', { operation: 'order', message: {}, protocol: 'kafka' })),
    await faultOf(call('/kafka.json', { operation: 'watch', message: {} })),
    await faultOf(call('/v3.json', { operation: 'none', message: {} })),
    await faultOf(call('/v3.json', { channel: 'orders', message: {} })),
    await faultOf(call('/v3.json', { operation: 'order', message: {}, server: { name: 'other' } })),
    await faultOf(call('/v2.yaml', { channel: 'alarms', subscription: { consume: { amount: 1 } } })),
    await faultOf(call('/v3.json', { operation: 'order', message: {}, subscription: {} })),
    await faultOf(call('/v3.json', { operation: 'watch', subscription: { consume: {} } })),
  ];
  expect(faults.map(({ kind }) => kind)).toEqual(faults.map(() => 'configuration'));
  expect(faults[0]?.detail).toBe('the protocol kafka is not carried here; mqtt, mqtt5, http are');
});

test('a broker that refuses, is gone or is not allowed', async () => {
  const authentication = { basic: { username: 'me', password: 'wrong' } };
  expect(await faultOf(call('/v3.json', { operation: 'order', message: {}, authentication }))).toMatchObject({
    kind: 'communication',
    status: 403,
  });
  const digest = { digest: { username: 'me', password: 'x' } };
  expect(
    await faultOf(call('/v3.json', { operation: 'order', message: {}, authentication: digest })),
  ).toMatchObject({ kind: 'configuration', title: 'A digest answers servers of HTTP only' });
  const refusing = createCalls({
    env: settableEnv(),
    policy: { allow: [`127.0.0.1:${web.port}`] },
  }).asyncapi(
    { document: { endpoint: `${web.url}/v3.json` }, operation: 'order', message: {} },
    callContext(),
  );
  expect(await faultOf(refusing)).toMatchObject({ kind: 'authorization', status: 403 });
});
