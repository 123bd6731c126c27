import { expect, test } from 'vitest';
import type { ToolContext } from '../../src/netmcp/index.ts';
import { toolsOfBundle } from '../../src/toolization/index.ts';
import { testEnv } from '../netmcp/support/env.ts';
import { ok } from '../netmcp/support/tools.ts';
import { closing, provider, serving, sessions } from './support.ts';

const DEVICE = { device_phoneNumber: '+4912345678' };
const GOOD = { ...DEVICE, duration: 60, flow_5qi: 3, flow_rate: '5 Mbps' };
/** What a tool gets of a server that only runs it. */
const context = {
  signal: new AbortController().signal,
  id: () => 'x',
  hop: async <T>(_nf: string, _operation: string, work: () => Promise<{ value: T }>) => (await work()).value,
} as unknown as ToolContext;
const CREATE = 'lane_sessions_create_session';
const created = () => ({
  status: 201,
  body: { sessionId: 's1', state: 'REQUESTED' },
  headers: { location: '/lane-sessions/v1/sessions/s1' },
});

test.each([
  ['http1', false],
  ['h2c', true],
] as const)(
  'a call goes through NetMCP to the provider as its description says, over %s',
  async (http, h2c) => {
    const { url, seen } = await provider(created, { h2c });
    const { client } = await serving(sessions({ url, http }));
    const result = await client.callTool(CREATE, GOOD);
    expect(result).toMatchObject({
      isError: false,
      output: {
        status: 201,
        location: '/lane-sessions/v1/sessions/s1',
        result: { sessionId: 's1', state: 'REQUESTED' },
      },
      chain: [{ nf: 'lane-sessions', operation: 'createSession', status: 201 }],
    });
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ method: 'POST', url: '/lane-sessions/v1/sessions' });
    // What has one value, and what the server knows, was not asked of the agent.
    expect(seen[0]?.body).toEqual({
      device: { phoneNumber: '+4912345678' },
      duration: 60,
      flow: { '5qi': 3, rate: '5 Mbps' },
      kind: 'LANE',
      supportedFeatures: '0',
    });
    expect(seen[0]?.headers['x-correlator']).toMatch(/^[\da-f-]{36}$/);
  },
);

test('query parameters are written in their styles, and an answer that is a list comes back as items', async () => {
  const { url, seen } = await provider(() => ({ status: 200, body: [{ sessionId: 'a', state: 'ACTIVE' }] }));
  const { client } = await serving(sessions({ url }));
  const result = await client.callTool('lane_sessions_list_sessions', {
    state: ['REQUESTED', 'ACTIVE'],
    limit: 5,
    area_latitude: 1,
    area_longitude: 2,
  });
  expect(result.output).toEqual({ status: 200, items: [{ sessionId: 'a', state: 'ACTIVE' }] });
  const query = new URL(seen[0]?.url ?? '', url).searchParams;
  expect(query.getAll('state')).toEqual(['REQUESTED', 'ACTIVE']);
  expect(JSON.parse(query.get('area') ?? '')).toEqual({ latitude: 1, longitude: 2 });
});

test.each([
  ['a bound', { ...GOOD, duration: 0 }, /schema.*duration.*>= 1/],
  [
    'a rule between parameters',
    { ...GOOD, flow_ports: [{ from: 1, to: 2 }] },
    /constraint.*exactly one of: flow_rate or flow_ports/,
  ],
  [
    'an object that is begun and not whole',
    { ...GOOD, window_from: '2026-01-01T00:00:00Z' },
    /constraint.*window_until/,
  ],
  [
    'a window that ends before it begins',
    { ...GOOD, startTime: '2026-01-02T00:00:00Z', endTime: '2026-01-01T00:00:00Z' },
    /startTime must not be after endTime/,
  ],
  [
    'no device at all',
    { duration: 60, flow_5qi: 3, flow_rate: '5 Mbps' },
    /at least one of: device_phoneNumber/,
  ],
  [
    'what only the original description knows',
    { ...DEVICE, ...GOOD, startTime: 'tomorrow' },
    /\(schema\).*Parameter: startTime/,
  ],
  ['an unknown parameter', { ...GOOD, kind: 'LANE' }, /additional properties.*Parameter: kind/],
])('%s is refused by the name of the parameter, and nothing leaves', async (_, args, text) => {
  const { url, seen } = await provider(created);
  const { client } = await serving(sessions({ url }));
  const result = await client.callTool(CREATE, args);
  expect(result.isError).toBe(true);
  expect(result.text).toMatch(text);
  // A dry run says the same.
  expect((await client.callTool(CREATE, args, { dryRun: true })).text).toMatch(text);
  expect(seen).toHaveLength(0);
});

test.each([
  [
    'ProblemDetails',
    {
      status: 400,
      cause: 'OPTIONAL_IE_INCORRECT',
      detail: 'no',
      invalidParams: [{ param: '/flow/5qi', reason: 'unknown' }],
    },
    /OPTIONAL_IE_INCORRECT.*field flow_5qi \(unknown\)/,
  ],
  ['ErrorInfo', { status: 400, code: 'LANES.TOO_LONG', message: 'Too long' }, /LANES\.TOO_LONG, Too long/],
])('%s of the provider becomes an error with its code', async (_, body, text) => {
  const { url } = await provider(() => ({ status: 400, body }));
  const { client } = await serving(sessions({ url }));
  const result = await client.callTool(CREATE, GOOD);
  expect(result.isError).toBe(true);
  expect(result.text).toMatch(text);
  expect(result.chain).toMatchObject([{ status: 400 }]);
});

test('a redirect is not followed, and a path parameter leads nowhere else', async () => {
  const other = await provider(created);
  const { url, seen } = await provider(() => ({ status: 307, headers: { location: `${other.url}/x` } }));
  const { client } = await serving(sessions({ url }));
  expect((await client.callTool(CREATE, GOOD)).text).toMatch(/307 to .*not followed/);
  const read = await client.callTool('lane_sessions_get_session', { sessionId: '../../admin' });
  expect(read.text).toMatch(/Parameter: sessionId; rule: format/);
  expect(other.seen).toHaveLength(0);
  expect(seen).toHaveLength(1);
});

test('the provider gets its own token out of the environment', async () => {
  process.env.LANES_TOKEN = 'provider-secret';
  try {
    const { url, seen } = await provider(created);
    const { client } = await serving(sessions({ url, token: { env: 'LANES_TOKEN' } }));
    await client.callTool(CREATE, GOOD);
    expect(seen[0]?.headers.authorization).toBe('Bearer provider-secret');
  } finally {
    delete process.env.LANES_TOKEN;
  }
  await expect(
    serving(sessions({ url: 'http://127.0.0.1:1', token: { env: 'LANES_TOKEN' } })),
  ).rejects.toMatchObject({
    code: 'TOOLS_UPSTREAM_TOKEN',
  });
});

test('a provider that is not there has certainly executed nothing', async () => {
  const { tools, close } = toolsOfBundle(sessions({ url: 'http://127.0.0.1:1' }), { env: testEnv() });
  closing(close);
  const read = tools.find(({ name }) => name === 'lane_sessions_list_sessions');
  await expect(read?.execute({}, context)).rejects.toMatchObject({
    failure: { code: 'NF_NOT_REACHED', executed: 'no', retryable: true },
  });
});

test('without a URL a 3GPP service is reached through the NRF', async () => {
  const bundle = sessions();
  expect(() => toolsOfBundle(bundle, { env: testEnv() })).toThrow(/has no server/);
  for (const { meta, request } of bundle.tools) {
    meta.nf = [{ type: 'PCF', operations: [request.operation] }];
    request.nf = 'PCF';
  }
  const { client, sbi } = await serving(bundle, () => ok([{ sessionId: 'a' }]));
  const result = await client.callTool('lane_sessions_list_sessions', { limit: 2 });
  expect(result.output).toMatchObject({ items: [{ sessionId: 'a' }] });
  expect(sbi.requests).toMatchObject([
    { nf: 'PCF', method: 'GET', path: '/lane-sessions/v1/sessions?limit=2' },
  ]);
});

test.each([
  ['http1', false, 5],
  ['h2c', true, 17],
] as const)('an answer without end is not read to its end, over %s', async (http, h2c, mebibytes) => {
  const { url } = await provider(() => ({ status: 200, body: ['x'.repeat(mebibytes * 1024 * 1024)] }), {
    h2c,
  });
  const { tools, close } = toolsOfBundle(sessions({ url, http }), { env: testEnv() });
  closing(close);
  const list = tools.find(({ name }) => name === 'lane_sessions_list_sessions');
  await expect(list?.execute({}, context)).rejects.toMatchObject({
    failure: { code: 'SBI_LOST', executed: 'maybe', message: expect.stringMatching(/answer/) },
  });
});
