import { expect, test } from 'vitest';
import { provider, serving, sessions } from './support.ts';

const DEVICE = { device_phoneNumber: '+4912345678' };
const GOOD = { ...DEVICE, duration: 60, flow_5qi: 3, flow_rate: '5 Mbps' };

test('an imported tool is called through NetMCP and reaches its provider as the description says', async () => {
  const { url, seen } = await provider(() => ({
    status: 201,
    body: { sessionId: 's1', state: 'REQUESTED' },
    headers: { location: '/lane-sessions/v1/sessions/s1' },
  }));
  const { client } = await serving(sessions({ url }));
  const result = await client.callTool('lane_sessions_create_session', GOOD);
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
  expect(seen[0]).toMatchObject({
    method: 'POST',
    url: '/lane-sessions/v1/sessions',
    body: {
      device: { phoneNumber: '+4912345678' },
      duration: 60,
      flow: { '5qi': 3, rate: '5 Mbps' },
      kind: 'LANE',
      supportedFeatures: '0',
    },
  });
  expect(seen[0]?.headers['x-correlator']).toMatch(/^[\da-f-]{36}$/);
});
