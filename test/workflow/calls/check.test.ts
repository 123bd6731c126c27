import { expect, test } from 'vitest';
import { checkCall } from '../../../src/workflow/calls/index.ts';

const told = (name: string, args: unknown) =>
  checkCall(args, name).map(({ path, problem }) => `${path.join('.')}: ${problem}`);

test('calls that can run have no problems, whatever their expressions stand for', () => {
  const document = { endpoint: '${ .document }' };
  const fine: Array<[string, unknown]> = [
    ['http', { method: 'get', endpoint: 'https://a.example/{id}' }],
    [
      'http',
      { method: '${ .method }', endpoint: '${ .url }', headers: '${ .headers }', redirect: '${ .r }' },
    ],
    [
      'http',
      { method: 'get', endpoint: { uri: '${ .u }', authentication: { use: 'x' } }, output: '${ .o }' },
    ],
    ['openapi', { document, operationId: 'a', parameters: '${ . }' }],
    ['grpc', { proto: document, service: { name: 'a', host: '${ .h }', port: '${ .p }' }, method: 'm' }],
    ['asyncapi', { document, operation: 'a', message: { payload: '${ . }' }, protocol: 'mqtt5' }],
    [
      'asyncapi',
      {
        document,
        channel: 'a',
        subscription: { filter: '.a', consume: { amount: '${ .n }', for: { seconds: 5 } } },
      },
    ],
    ['mcp', { method: 'tools/list', transport: { stdio: { command: 'x' } } }],
    ['a2a', { method: 'message/send', server: 'netagent/domains/ran', parameters: '${ . }' }],
    ['negotiate:1.0.0@default', { anything: true }],
  ];
  expect(fine.flatMap(([name, args]) => told(name, args))).toEqual([]);
});

test('what is missing, unknown or out of range is told by its place', () => {
  expect(told('http', undefined).map((text) => text.split(':')[0])).toEqual(['method', 'endpoint']);
  expect(told('http', { method: 'get', endpoint: 'https://a', verb: 1 })).toEqual([
    ': Unrecognized key: "verb"',
  ]);
  expect(
    told('grpc', {
      proto: { endpoint: 'https://a.example/' },
      service: { name: 'a', host: 'b', port: 0 },
      method: 'm',
    }),
  ).toEqual(['service.port: Too small: expected number to be >=1']);
  const asyncapi = { document: { endpoint: 'https://a.example/' }, operation: 'a' };
  expect(told('asyncapi', asyncapi)).toEqual([': exactly one of message, subscription is needed']);
  expect(told('asyncapi', { ...asyncapi, channel: 'b', message: {} })).toEqual([
    ': exactly one of operation, channel is needed',
  ]);
  expect(told('asyncapi', { ...asyncapi, subscription: { consume: { for: 'PT1S' } } })).toEqual([
    'subscription.consume: exactly one of amount, while, until is needed',
  ]);
  expect(told('mcp', { method: 'tools/drop', transport: {} }).map((text) => text.split(':')[0])).toEqual([
    'method',
    'transport',
  ]);
  expect(told('a2a', { method: 'message/send' })).toEqual([': one of agentCard, server is needed']);
});

test('what cannot be done here is refused with its reason', () => {
  const asyncapi = {
    document: { endpoint: 'https://a.example/' },
    operation: 'a',
    subscription: { consume: { amount: 1 } },
  };
  expect(told('asyncapi', { ...asyncapi, protocol: 'kafka' })).toEqual([
    'protocol: the protocol kafka is not carried here; mqtt, mqtt5, http are',
  ]);
  expect(told('asyncapi', { ...asyncapi, protocol: 'http' })).toEqual([
    'subscription: over HTTP a message is published only',
  ]);
  expect(told('http', { method: 'get', endpoint: 'https://a', body: {} })).toEqual(['body: GET has no body']);
  const signed = (authentication: unknown) => ({
    method: 'get',
    endpoint: { uri: 'https://a', authentication },
  });
  expect(told('http', signed({ oauth2: { grant: 'authorization_code' } }))).toEqual([
    'endpoint.authentication.oauth2.grant: the grant authorization_code needs a person at a browser, and a workflow has none',
  ]);
  expect(told('http', signed({ apiKey: {} }))).toEqual([
    'endpoint.authentication: authentication is none of basic, bearer, digest, oauth2, oidc',
  ]);
  expect(told('http', signed({ oauth2: { grant: '${ .g }' } }))).toEqual([]);
});
