import { expect, test } from 'vitest';
import { TOOL_AREAS, toolsOf } from '../../src/netmcp/index.ts';
import { bookingOf } from '../../src/netmcp/tools/bookings.ts';
import { createAuthoriser, OPERATOR_LIMITS } from '../../src/netmcp/toolserver/policy.ts';
import { compileTool } from '../../src/netmcp/toolserver/verify.ts';

const guaranteeing = TOOL_AREAS.flatMap(toolsOf).filter((tool) => {
  const { properties = {} } = compileTool(tool).definition.inputSchema as { properties?: object };
  return tool.meta.effects !== 'read' && 'dlMbps' in properties;
});

test('whatever guarantees rates is under the limit of a subscriber, by itself or in a composite', () => {
  expect(guaranteeing.map(({ name }) => name)).toContain('core_assure_service');
  const authoriser = createAuthoriser(OPERATOR_LIMITS);
  const state = {} as never;
  const identity = { agent: 'a', authenticated: false, scopes: [], actors: [] };
  for (const { name, meta } of guaranteeing) {
    const verdict = authoriser.decide(name, meta.permission, identity, { dlMbps: 900, ulMbps: 1 }, state);
    expect({ name, verdict }).toMatchObject({ name, verdict: { decision: 'refuse' } });
  }
});

test('whatever gives a QoS session counts as held by its subscriber', () => {
  const args = { supi: 'imsi-001010000000001', dlMbps: 5, ulMbps: 2 };
  const created = guaranteeing.filter(
    ({ output }) => 'sessionId' in (output as never as { shape: object }).shape,
  );
  for (const { name } of created.filter(({ name: one }) => !one.includes('modify'))) {
    expect(bookingOf(name, args, { sessionId: 's', policyId: 'p' })).toMatchObject({
      kind: 'hold',
      booking: { id: 's', supi: args.supi, dlMbps: 5 },
    });
  }
});
