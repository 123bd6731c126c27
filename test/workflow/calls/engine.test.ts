import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCalls, fillArguments } from '../../../src/workflow/calls/index.ts';
import { compileWorkflow, createEngine } from '../../../src/workflow/index.ts';
import { json, serve, settableEnv, type TestServer } from './kit.ts';

let server: TestServer;
beforeAll(async () => {
  server = await serve((seen, response) => {
    if (seen.url === '/alarms.json') {
      return json(response, {
        asyncapi: '3.0.0',
        servers: { bus: { host: 'bus.example', protocol: 'mqtt5' } },
        channels: { alarms: { address: 'alarms/{area}' } },
        operations: { watch: { action: 'send', channel: { $ref: '#/channels/alarms' } } },
      });
    }
    if (seen.url === '/broken') return json(response, { hint: seen.headers.authorization }, 503);
    return json(response, { authorization: seen.headers.authorization, url: seen.url, body: seen.body });
  });
});
afterAll(() => server.close());

const DOCUMENT = (url: string) => `
document: { dsl: 1.0.3, namespace: test, name: calls, version: 1.0.0 }
use:
  secrets: [login]
  authentications:
    mine: { basic: { username: '\${ $secrets.login.name }', password: '\${ $secrets.login.pass }' } }
do:
  - ask:
      call: http
      with:
        method: POST
        endpoint: { uri: '${url}/cells/{cell}', authentication: { use: mine } }
        body: { cell: '\${ .cell }' }
      output: { as: '{ url, body, authorization }' }
  - fail:
      try:
        - broken:
            call: http
            with: { method: get, endpoint: { uri: '${url}/broken', authentication: { use: mine } } }
      catch:
        errors: { with: { type: https://open-workflow-specification.org/spec/1.0.0/errors/communication, status: 503 } }
        as: problem
        do:
          - keep: { set: { first: '\${ $input }', problem: '\${ $problem }' } }
`;

test('a document calls with secrets, its input in the address, and catches what fails', async () => {
  const env = settableEnv();
  const calls = createCalls({ env, policy: { allow: [`127.0.0.1:${server.port}`] } });
  const engine = createEngine({
    env,
    functions: {},
    calls,
    secret: (name) => (name === 'login' ? { name: 'me', pass: 'hunter2' } : undefined),
  });
  try {
    const { output } = await engine.run(compileWorkflow(DOCUMENT(server.url)), { cell: 'c 1' });
    const basic = `Basic ${btoa('me:hunter2')}`;
    expect(server.seen.map(({ url, headers }) => [url, headers.authorization])).toEqual([
      ['/cells/c%201', basic],
      ['/broken', basic],
    ]);
    expect(output).toMatchObject({
      problem: {
        status: 503,
        title: `GET ${server.url}/broken was answered with 503`,
        detail: '{"hint":"Basic ***"}',
        instance: '/do/1/fail/try/0/broken',
      },
    });
  } finally {
    await engine.close();
    await calls.close();
  }
});

test('a subscription asks its expressions of each message, with the variables of the task', async () => {
  const env = settableEnv();
  const topics: string[] = [];
  const calls = createCalls({
    env,
    policy: { allow: ['127.0.0.1'] },
    mqttConnect: async ({ host, version }) => ({
      lost: new Promise<never>(() => {}),
      publish: async () => {},
      end: async () => {},
      subscribe: async (topic, _qos, take) => {
        topics.push(`${host} ${version} ${topic}`);
        for (const severity of [1, 5, 2, 7, 9]) take({ payload: { severity } });
      },
    }),
  });
  const engine = createEngine({ env, functions: {}, calls });
  const document = `
document: { dsl: 1.0.3, namespace: test, name: alarms, version: 1.0.0 }
do:
  - watch:
      call: asyncapi
      with:
        document: { endpoint: '${server.url}/alarms.json' }
        operation: watch
        subscription:
          filter: '\${ .payload.severity >= $input.least }'
          consume: { amount: 2 }
      output: { as: '[.[].payload.severity]' }
`;
  try {
    const input = { least: 5, area: 'north' };
    const { output } = await engine.run(compileWorkflow(document), input);
    expect(output).toEqual([5, 7]);
    expect(topics).toEqual(['bus.example 5 alarms/north']);
  } finally {
    await engine.close();
    await calls.close();
  }
});

test('expressions of credentials and subscriptions are left to the call, those of data never', async () => {
  const fill = async (value: unknown) =>
    value === '${ .x }' ? 'filled' : JSON.parse(JSON.stringify(value).replaceAll('${ .x }', 'filled'));
  const x = '${ .x }';
  expect(
    await fillArguments(
      {
        endpoint: { uri: x, authentication: { bearer: { token: x } } },
        service: { host: x, authentication: { use: x } },
        subscription: { filter: x },
        body: { authentication: x, subscription: { filter: x } },
        headers: { authentication: x },
      },
      fill,
    ),
  ).toEqual({
    endpoint: { uri: 'filled', authentication: { bearer: { token: x } } },
    service: { host: 'filled', authentication: { use: x } },
    subscription: { filter: x },
    body: { authentication: 'filled', subscription: { filter: 'filled' } },
    headers: { authentication: 'filled' },
  });
});
