import * as fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import {
  connectNetMcp,
  startManagementServer,
  startToolServer,
  TOOL_AREAS,
  toolsOf,
} from '../../src/netmcp/index.ts';
import { toolMetaSchema } from '../../src/netmcp/schema/index.ts';
import { createAuthoriser, OPERATOR_LIMITS } from '../../src/netmcp/toolserver/policy.ts';
import { compileTool, MAX_DEFINITION } from '../../src/netmcp/toolserver/verify.ts';
import { testEnv } from './support/env.ts';
import { fakeNetwork, type Seen } from './support/nf.ts';

const AREAS = TOOL_AREAS;
const all = AREAS.flatMap((area) => toolsOf(area));
const closers: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

test('the tools cover all kinds of the white paper, with unique names', () => {
  expect(new Set(all.map((tool) => tool.name)).size).toBe(all.length);
  expect(all.length).toBeGreaterThanOrEqual(19);
  expect(new Set(all.map((tool) => tool.meta.kind))).toEqual(
    new Set([
      'data collection',
      'resource management',
      'connection control',
      'performance assurance',
      'status perception',
      'redundancy recovery',
    ]),
  );
});

/** The state of a server that has done nothing yet. */
const idle = {
  now: 0,
  load: 0,
  inFlight: 0,
  agent: 'a',
  nf: {},
  subscriber: { reservations: 0, sessions: 0, dlMbps: 0, ulMbps: 0 },
  cell: { id: '', reserved: 0, reservations: 0 },
};

test.each(all.map((tool) => [tool.name, tool] as const))(
  '%s has a small, flat, complete definition',
  (_, tool) => {
    const { definition } = compileTool(tool);
    expect(JSON.stringify(definition).length).toBeLessThan(MAX_DEFINITION);
    expect(toolMetaSchema.parse(tool.meta).nf.length).toBeGreaterThan(0);
    expect(definition.inputSchema).toMatchObject({ type: 'object', additionalProperties: false });
    expect(definition.outputSchema?.type).toBe('object');
    expect(definition.description?.length).toBeGreaterThan(20);
  },
);

test.each(all.map((tool) => [tool.name, tool] as const))(
  '%s takes no arguments but its own, whatever they are',
  (_, tool) => {
    const compiled = compileTool(tool);
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (args) => {
        const { verdict } = compiled.verify(args, idle);
        // What the verification lets through, the tool can read.
        if (verdict.decision === 'allow') expect(tool.input.safeParse(args).success).toBe(true);
        else
          expect(verdict).toMatchObject({
            decision: 'refuse',
            refusal: { step: expect.stringMatching(/bounds|schema|constraint/) },
          });
      }),
      { numRuns: 50 },
    );
  },
);

const ANYBODY = { agent: 'a', authenticated: false, scopes: [], actors: [] };

test("the operator's limits refuse what the schema would allow", () => {
  const authoriser = createAuthoriser(OPERATOR_LIMITS);
  const decide = (name: string, args: Record<string, unknown>) =>
    authoriser.decide(name, { mode: 'public' }, ANYBODY, args, idle);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), (ratio) => {
      expect(decide('ran_reserve_prbs', { ratio }).decision).toBe(ratio <= 60 ? 'allow' : 'refuse');
    }),
  );
  const day = 86_400_000;
  expect(decide('ran_preset_handover', { start: 0, end: day }).decision).toBe('allow');
  expect(decide('ran_preset_handover', { start: 0, end: day + 1 })).toMatchObject({
    refusal: { step: 'policy', parameter: 'start, end', allowed: 'end - start <= 24 h' },
  });
  expect(decide('core_create_qos_session', { dlMbps: 201, ulMbps: 1 }).decision).toBe('refuse');
  expect(decide('core_modify_qos_session', { sessionId: 's' }).decision).toBe('allow');
});

async function world(
  answer: (request: Seen) => { status: number; body?: unknown; location?: string },
  knows = true,
) {
  const env = testEnv();
  const host = '127.0.0.1';
  const network = await fakeNetwork(answer, knows);
  closers.push(network.close);
  const management = await startManagementServer({ env, host, port: 0 });
  closers.push(management.close);
  for (const area of AREAS) {
    const server = await startToolServer({
      env,
      host,
      port: 0,
      id: `${area}-tools`,
      management: management.url,
      nrf: network.nrf,
      tools: toolsOf(area),
    });
    closers.push(server.close);
  }
  const client = await connectNetMcp({ env, agentId: 'netagent/test', management: management.url });
  closers.push(client.close);
  return { env, network, client };
}

const supi = 'imsi-001010000000001';
const window = { start: 1_000, end: 2_000 };

test('a reservation is a PUT at the NF that the NRF names, under a name that its key fixes', async () => {
  const { client, network } = await world(() => ({ status: 201, body: {} }));
  const args = { supi, cellIds: ['000000001'], ratio: 25, ...window };
  const result = await client.callTool('ran_reserve_prbs', args, { idempotencyKey: 'trip-1' });
  expect(result).toMatchObject({
    isError: false,
    server: 'ran-tools',
    chain: [{ operation: 'putMOI RRMPolicyRatio', status: 201 }],
  });
  const { policyId } = result.output as { policyId: string };
  expect(network.seen).toMatchObject([{ method: 'PUT', path: expect.stringContaining(policyId) }]);
  await client.callTool('ran_release_policy', { policyId });
  expect(network.seen[1]).toMatchObject({ method: 'DELETE', path: network.seen[0]?.path });
});

test('a QoS session is created at the PCF, and its guarantee read from the reports', async () => {
  const { client, network } = await world(({ method }) =>
    method === 'POST'
      ? { status: 201, location: '/npcf-policyauthorization/v1/app-sessions/17', body: {} }
      : { status: 200, body: { evsNotif: { qncReports: [{ notifType: 'NOT_GUARANTEED' }] } } },
  );
  const args = { supi, media: null, dlMbps: 8, ulMbps: 4, maxDelayMs: 100, priorityLevel: null };
  const result = await client.callTool('core_create_qos_session', args);
  expect(result).toMatchObject({
    output: { sessionId: '17', guaranteed: false },
    chain: [
      { nf: 'PCF', status: 201 },
      { nf: 'PCF', status: 200 },
    ],
  });
  expect(network.seen[0]?.body).toMatchObject({
    ascReqData: { supi, medComponents: { 1: { mirBwDl: '8 Mbps' } } },
  });
});

test.each([
  [['GUARANTEED'], true],
  [['GUARANTEED', 'NOT_GUARANTEED'], false],
  [[], false],
])('reports %j of a session mean guaranteed: %s', async (types, guaranteed) => {
  const qncReports = types.map((notifType) => ({ notifType }));
  const { client } = await world(() => ({ status: 200, body: { evsNotif: { qncReports } } }));
  expect((await client.callTool('core_read_qos_session', { sessionId: '17' })).output).toEqual({
    guaranteed,
  });
});

test('the relay goes to the nearest healthy edge; none in reach is an error that says so', async () => {
  const paths = [
    { dnai: 'far', delayMs: 30, healthy: true, active: true },
    { dnai: 'ill', delayMs: 2, healthy: false, active: false },
    { dnai: 'near', delayMs: 6, healthy: true, active: false },
  ];
  const { client, network } = await world(() => ({ status: 200, body: { paths } }));
  const placed = await client.callTool('compute_place_relay', { supi, maxDelayMs: 20 });
  expect(placed.output).toEqual({ dnai: 'near', delayMs: 6 });
  expect(network.seen.map((request) => request.method)).toEqual(['GET', 'PUT']);
  const none = await client.callTool('compute_place_relay', { supi, maxDelayMs: 1 });
  expect(none).toMatchObject({ isError: true, text: expect.stringContaining('No healthy edge') });
});

test('a refusal of the NF comes back with its cause and in the chain, and is not repeated', async () => {
  const { client, network } = await world(() => ({
    status: 403,
    body: { status: 403, cause: 'NO_RADIO_RESOURCES' },
  }));
  const result = await client.callTool('ran_set_ue_priority', { supi, priorityLevel: 5 });
  expect(result).toMatchObject({ isError: true, chain: [{ status: 403 }] });
  expect(result.text).toContain('NO_RADIO_RESOURCES');
  expect(network.seen).toHaveLength(1);
});

test('an NF that is busy is asked again, after a pause', async () => {
  let calls = 0;
  const { client, env, network } = await world(() => {
    calls += 1;
    return calls === 1
      ? { status: 503, body: { cause: 'NF_CONGESTION' } }
      : { status: 200, body: { cells: [] } };
  });
  const call = client.callTool('ran_collect_cell_kpis', { cellIds: ['000000001'] });
  let ended = false;
  const watch = call.finally(() => {
    ended = true;
  });
  while (!ended) {
    await new Promise((resolve) => setImmediate(resolve));
    if (network.seen.length > 0) env.pass(10);
  }
  expect(await watch).toMatchObject({ isError: false, chain: [{ status: 503 }, { status: 200 }] });
});

test('an answer that the tool cannot read is an error in words', async () => {
  const { client } = await world(() => ({ status: 200, body: { cells: 'many' } }));
  const result = await client.callTool('ran_collect_cell_kpis', { cellIds: ['000000001'] });
  expect(result).toMatchObject({
    isError: true,
    text: expect.stringContaining('the answer of GNB to readKpis cannot be read'),
  });
});

test('an NF that the NRF does not know is an error in words', async () => {
  const { client, env, network } = await world(() => ({ status: 200 }), false);
  let ended = false;
  const call = client.callTool('core_locate_ue', { supi }).finally(() => {
    ended = true;
  });
  while (!ended) {
    await new Promise((resolve) => setImmediate(resolve));
    env.pass(5);
  }
  expect(await call).toMatchObject({
    isError: true,
    text: expect.stringContaining('AMF was not reached: the NRF knows none'),
  });
  expect(network.seen).toEqual([]);
});
