import { expect, test } from 'vitest';
import { toolsOfBundle } from '../../src/toolization/index.ts';
import { testEnv } from '../netmcp/support/env.ts';
import { type Answer, provider, type Seen, serving, sessions } from './support.ts';

const ID = '4ace9d34-2c69-4f99-92d5-a73a3fe8e23b';
const composite = {
  name: 'lanes_reserve_and_read',
  title: 'Reserve a lane and read it',
  description: 'Creates a lane session and reads what became of it.',
  steps: [
    {
      id: 'made',
      tool: 'lane_sessions_create_session',
      args: {
        device_phoneNumber: { $from: 'input.phone' },
        duration: { $from: 'input.seconds' },
        flow_5qi: 3,
        flow_rate: '5 Mbps',
      },
      undo: { tool: 'lane_sessions_delete_session', args: { sessionId: { $from: 'made.result.sessionId' } } },
    },
    {
      id: 'seen',
      tool: 'lane_sessions_get_session',
      args: { sessionId: { $from: 'made.result.sessionId' } },
    },
  ],
  output: { state: { $from: 'seen.result.state' }, sessionId: { $from: 'made.result.sessionId' } },
};

const world = async (answer: (seen: Seen) => Answer) => {
  const { url, seen } = await provider(answer);
  const { client } = await serving({ ...sessions({ url }), composites: [composite] });
  return { client, seen };
};

test('steps run in order, each with what those before it gave', async () => {
  const { client, seen } = await world(({ method }) =>
    method === 'POST'
      ? { status: 201, body: { sessionId: ID, state: 'REQUESTED' } }
      : { status: 200, body: { sessionId: ID, state: 'ACTIVE' } },
  );
  const result = await client.callTool('lanes_reserve_and_read', { phone: '+4912345678', seconds: 60 });
  expect(result).toMatchObject({ isError: false, output: { state: 'ACTIVE', sessionId: ID } });
  expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
    'POST /lane-sessions/v1/sessions',
    `GET /lane-sessions/v1/sessions/${ID}`,
  ]);
  expect(result.chain.map(({ status }) => status)).toEqual([201, 200]);
});

test('parameters have the schema of the step that takes them', async () => {
  const { client, seen } = await world(() => ({ status: 500 }));
  const result = await client.callTool('lanes_reserve_and_read', { phone: 'nobody', seconds: 60 });
  expect(result.text).toMatch(/refused \(schema\).*Parameter: phone/);
  expect(seen).toHaveLength(0);
});

test('what was done is undone when a later step fails', async () => {
  const { client, seen } = await world(({ method }) =>
    method === 'POST'
      ? { status: 201, body: { sessionId: ID } }
      : method === 'DELETE'
        ? { status: 204 }
        : { status: 404, body: { status: 404, code: 'NOT_FOUND', message: 'gone' } },
  );
  const result = await client.callTool('lanes_reserve_and_read', { phone: '+4912345678', seconds: 60 });
  expect(result.isError).toBe(true);
  expect(result.text).toMatch(/step seen .*NOT_FOUND.*done before: made; made undone/);
  expect(seen.at(-1)).toMatchObject({ method: 'DELETE', url: `/lane-sessions/v1/sessions/${ID}` });
});

test('a limit of the operator on a tool holds for it as a step too', async () => {
  const { url, seen } = await provider(() => ({ status: 201, body: { sessionId: ID } }));
  const limit = {
    id: 'short',
    tools: ['lane_sessions_create_session'],
    rule: 'args.duration <= 30.0',
    allowed: 'duration <= 30',
    otherwise: 'refuse' as const,
  };
  const { client } = await serving({ ...sessions({ url }), composites: [composite] }, undefined, [limit]);
  const result = await client.callTool('lanes_reserve_and_read', { phone: '+4912345678', seconds: 60 });
  expect(result.text).toMatch(/step made .*policy: .*allowed: duration <= 30.*done before: nothing/);
  expect(seen).toHaveLength(0);
});

test.each([
  ['an unknown tool', { id: 'x', tool: 'no_such_tool', args: {} }, /no tool no_such_tool/],
  [
    'an unknown parameter',
    { id: 'x', tool: 'lane_sessions_get_session', args: { colour: 1 } },
    /colour is no parameter/,
  ],
  ['a missing parameter', { id: 'x', tool: 'lane_sessions_get_session', args: {} }, /gives no sessionId/],
  [
    'a later step as source',
    { id: 'x', tool: 'lane_sessions_get_session', args: { sessionId: { $from: 'later.id' } } },
    /no step before it/,
  ],
])('%s is refused when the bundle is loaded', (_, step, text) => {
  const bundle = {
    ...sessions({ url: 'http://127.0.0.1:1' }),
    composites: [{ ...composite, steps: [step], output: {} }],
  };
  expect(() => toolsOfBundle(bundle, { env: testEnv() })).toThrow(text);
});
