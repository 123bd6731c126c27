import { expect, test } from 'vitest';
import { z } from 'zod';
import type { CellKpis, CoverageForecast } from '../../src/network/model.ts';
import { network, refused, START, SUPI } from './network.ts';

const POLICIES = '/A1-P/v2/policytypes';
const moi = (id: string) => `/ProvMnS/v1/RRMPolicyRatio=${id}`;
const reservation = (id: string, attributes: object) => ({
  id,
  attributes: { supis: [SUPI], rRMPolicyDedicatedRatio: 20, ...attributes },
});

test('a reservation is made, read, replaced and given back', async () => {
  const { ask, radio } = await network();
  const { cellId } = await radio();
  const body = reservation('prb-1', { cellIds: [cellId], start: START, end: START + 1000 });
  expect(await ask('GNB', 'PUT', moi('prb-1'), { body })).toMatchObject({ status: 201 });
  expect(await ask('GNB', 'PUT', moi('prb-1'), { body })).toMatchObject({ status: 200 });
  expect((await ask('GNB', 'GET', moi('prb-1'))).body).toMatchObject({
    attributes: { cellIds: [cellId], rRMPolicyDedicatedRatio: 20, resourceType: 'PRB' },
  });
  expect((await ask('GNB', 'DELETE', moi('prb-1'))).status).toBe(204);
  await expect(ask('GNB', 'DELETE', moi('prb-1'))).rejects.toMatchObject(refused(404, 'IE_NOT_FOUND'));
});

test('a reservation that cannot be is refused', async () => {
  const { ask, radio } = await network();
  const { cellId } = await radio();
  const put = (attributes: object) =>
    ask('GNB', 'PUT', moi('prb-2'), { body: reservation('prb-2', { cellIds: [cellId], ...attributes }) });
  await expect(put({ start: 2000, end: 1000 })).rejects.toMatchObject(refused(400, 'MANDATORY_IE_INCORRECT'));
  await expect(put({ rRMPolicyDedicatedRatio: 120 })).rejects.toMatchObject(
    refused(400, 'MANDATORY_IE_INCORRECT'),
  );
  await expect(put({ cellIds: ['fffffffff'] })).rejects.toMatchObject(refused(404, 'CELL_UNKNOWN'));
  await expect(put({ supis: ['imsi-99999'] })).rejects.toMatchObject(refused(404, 'USER_UNKNOWN'));
});

test('the levels of a steering policy move the subscriber to the standby network, and back without it', async () => {
  const { net, ask, radio } = await network();
  const before = await radio();
  expect(before.rat).toBe('NR');
  const at = `${POLICIES}/steering/policies/steer-1`;
  const always = { rsrpDbm: -31, sinrDb: 40 };
  const body = {
    scope: { ueId: SUPI },
    statement: { toStandbyBelow: always, returnAbove: always, start: START + 10_000, end: START + 60_000 },
  };
  expect((await ask('GNB', 'PUT', at, { body })).status).toBe(201);
  const status = async () => (await ask('GNB', 'GET', `${at}/status`)).body;
  expect(await status()).toEqual({
    enforceStatus: 'NOT_ENFORCED',
    enforceReason: 'STATEMENT_NOT_APPLICABLE',
  });
  await net.advanceTo(START + 8000);
  expect((await radio()).rat).toBe('NR');
  await net.advanceTo(START + 30_000);
  expect(await status()).toEqual({ enforceStatus: 'ENFORCED' });
  expect((await radio()).rat).toBe('EUTRA');
  expect((await ask('GNB', 'DELETE', at)).status).toBe(204);
  await expect(ask('GNB', 'GET', at)).rejects.toMatchObject(refused(404, 'POLICY_NOT_FOUND'));
});

test('policy types have schemas; what breaks them is refused', async () => {
  const { ask } = await network();
  expect((await ask('GNB', 'GET', POLICIES)).body).toEqual(['steering', 'priority']);
  const { policySchema } = z
    .object({ policySchema: z.looseObject({}) })
    .parse((await ask('GNB', 'GET', `${POLICIES}/priority`)).body);
  expect(policySchema).toMatchObject({ type: 'object', required: ['scope', 'statement'] });
  const put = (type: string, body: unknown) =>
    ask('GNB', 'PUT', `${POLICIES}/${type}/policies/p-1`, { body });
  const scope = { ueId: SUPI };
  expect((await put('priority', { scope, statement: { priorityLevel: 10 } })).status).toBe(201);
  expect((await ask('GNB', 'GET', `${POLICIES}/priority/policies`)).body).toEqual(['p-1']);
  await expect(put('priority', { scope, statement: { priorityLevel: 0 } })).rejects.toMatchObject(
    refused(400, 'MANDATORY_IE_INCORRECT'),
  );
  await expect(
    put('priority', { scope: { ueId: 'imsi-99999' }, statement: { priorityLevel: 1 } }),
  ).rejects.toMatchObject(refused(404, 'USER_UNKNOWN'));
  const low = { rsrpDbm: -120, sinrDb: -5 };
  const high = { rsrpDbm: -90, sinrDb: 5 };
  await expect(
    put('steering', { scope, statement: { toStandbyBelow: high, returnAbove: low } }),
  ).rejects.toMatchObject(refused(400, 'MANDATORY_IE_INCORRECT'));
  await expect(put('constructor', {})).rejects.toMatchObject(refused(404, 'POLICY_TYPE_NOT_FOUND'));
});

test('an order moves the subscriber to 4G at once', async () => {
  const { ask, radio, net } = await network();
  const events: string[] = [];
  net.onEvent((event) => events.push(event.type));
  const order = () => ask('GNB', 'POST', `/mobility/v1/ues/${SUPI}/handover`, { body: { rat: 'EUTRA' } });
  expect((await order()).body).toEqual({ rat: 'EUTRA', switched: true });
  expect(events).toContain('rat-change');
  await net.advanceTo(START + 1000);
  expect((await radio()).rat).toBe('EUTRA');
});

test('counters of cells and coverage along a route come from the network', async () => {
  const { ask, radio, net } = await network();
  const { cellId, position } = await radio();
  const { cells } = (
    await ask('GNB', 'GET', '/performance/v1/cells', { query: { cellIds: `${cellId},fffffffff` } })
  ).body as { cells: CellKpis[] };
  expect(cells).toHaveLength(1);
  expect(cells[0]).toMatchObject({ cellId, t: net.now });
  expect(cells[0]?.['RRU.PrbTotDl']).toBeGreaterThan(0);
  const body = {
    points: [
      { ...position, t: START },
      { lat: 0, lon: 0, t: START },
    ],
  };
  const { points } = (await ask('GNB', 'POST', '/coverage/v1/forecast', { body })).body as {
    points: CoverageForecast[];
  };
  expect(points[0]?.dlMbps).toBeGreaterThan(0);
  expect(points[1]).toMatchObject({ cellId: null, dlMbps: 0 });
  await expect(ask('GNB', 'POST', '/coverage/v1/forecast', { body: { points: [] } })).rejects.toMatchObject(
    refused(400, 'MANDATORY_IE_INCORRECT'),
  );
});
