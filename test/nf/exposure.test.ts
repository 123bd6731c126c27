import { expect, test } from 'vitest';
import { listener } from './listener.ts';
import { network, refused, START, SUPI } from './network.ts';

const QOS = '/3gpp-as-session-with-qos/v1/app1/subscriptions';
const MERGE = 'application/merge-patch+json';

async function exposure() {
  const world = await network();
  const ear = await listener();
  const body = {
    notificationDestination: `${ear.url}/qos`,
    ueIpv4Addr: '10.45.0.2',
    qosReference: 'QOS_M',
    flowInfo: [{ flowId: 1 }],
  };
  const pathOf = (reply: { headers: Record<string, string> }) =>
    new URL(reply.headers.location ?? '').pathname;
  return { ...world, ...ear, body, pathOf };
}

test('an application gets QoS for a phone by its address, hears of it, and ends it', async () => {
  const { ask, net, body, told, pathOf, url } = await exposure();
  const made = await ask('NEF', 'POST', QOS, { body });
  const path = pathOf(made);
  expect(made.body).toMatchObject({ ...body, self: made.headers.location });
  await net.advanceTo(START + 1_000);
  expect(told('qos')).toMatchObject([
    {
      transaction: made.headers.location,
      eventReports: [{ event: 'SUCCESSFUL_RESOURCES_ALLOCATION', flowIds: [1] }],
    },
  ]);
  expect((await ask('PCF', 'GET', '/npcf-policyauthorization/v1/app-sessions/app-1')).body).toMatchObject({
    ascReqData: { ueIpv4: '10.45.0.2', medComponents: { 1: { mirBwDl: '8 Mbps' } } },
  });
  const larger = { qosReference: 'QOS_L' };
  expect((await ask('NEF', 'PATCH', path, { body: larger, contentType: MERGE })).body).toMatchObject(larger);
  expect((await ask('PCF', 'GET', '/npcf-policyauthorization/v1/app-sessions/app-1')).body).toMatchObject({
    ascReqData: { medComponents: { 1: { mirBwDl: '20 Mbps' } } },
  });
  // Another application does not see it.
  await expect(ask('NEF', 'GET', path.replace('app1', 'app2'))).rejects.toMatchObject(
    refused(404, 'RESOURCE_NOT_FOUND'),
  );
  await ask('NEF', 'DELETE', path);
  await expect(ask('PCF', 'GET', '/npcf-policyauthorization/v1/app-sessions/app-1')).rejects.toMatchObject({
    details: { status: 404 },
  });
  expect((await ask('NEF', 'GET', QOS)).body).toEqual([]);
  expect(url).not.toBe('');
});

test('a session of an application ends when its time is over, and with the PDU session', async () => {
  const { ask, net, body, told, pathOf } = await exposure();
  const events = ['SESSION_TERMINATION'];
  const timed = pathOf(await ask('NEF', 'POST', QOS, { body: { ...body, events, qosDuration: 5 } }));
  await net.advanceTo(START + 4_000);
  expect(told('qos')).toEqual([]);
  await net.advanceTo(START + 5_000);
  expect(told('qos')).toMatchObject([{ eventReports: [{ event: 'SESSION_TERMINATION' }] }]);
  await expect(ask('NEF', 'GET', timed)).rejects.toMatchObject(refused(404, 'RESOURCE_NOT_FOUND'));
  await ask('NEF', 'POST', QOS, { body: { ...body, events } });
  await ask('SMF', 'POST', '/nsmf-pdusession/v1/sm-contexts/pdu-1/release');
  await net.advanceTo(START + 6_000);
  expect(told('qos')).toHaveLength(2);
  await expect(ask('NEF', 'POST', QOS, { body })).rejects.toMatchObject(
    refused(500, 'PDU_SESSION_NOT_AVAILABLE'),
  );
});

test('an application leads the traffic of a phone over the edge', async () => {
  const { ask, pathOf } = await exposure();
  const root = '/3gpp-traffic-influence/v1/app1/subscriptions';
  const wish = {
    afAppId: 'game',
    ipv4Addr: '10.45.0.2',
    trafficRoutes: [{ dnai: 'edge-shanghai', routeProfId: 'e' }],
  };
  const made = await ask('NEF', 'POST', root, { body: wish });
  const active = async () => {
    const { body } = await ask('SMF', 'GET', `/paths/v1/ues/${SUPI}`);
    return (body as { paths: Array<{ dnai: string; active: boolean }> }).paths.find((one) => one.active)
      ?.dnai;
  };
  expect(await active()).toBe('edge-shanghai');
  const back = { trafficRoutes: [{ dnai: 'nowhere', routeProfId: 'x' }] };
  await expect(ask('NEF', 'PATCH', pathOf(made), { body: back, contentType: MERGE })).rejects.toMatchObject(
    refused(403, 'INVALID_DNAI'),
  );
  expect(await active()).toBe('edge-shanghai');
  expect((await ask('NEF', 'GET', pathOf(made))).body).toMatchObject(wish);
});

test('measurement jobs report counters of cells, and policies tell when their status turns', async () => {
  const { ask, net, radio, told, url } = await exposure();
  const { cellId } = await radio();
  const job = (attributes: object) => ({
    id: 'j1',
    attributes: {
      performanceMetrics: ['RRU.PrbTotDl', 'RRU.PrbUsedDl', 'MM.HoExeInterReq'],
      objectInstances: [cellId],
      granularityPeriod: 2,
      streamTarget: `${url}/pm`,
      ...attributes,
    },
  });
  const at = '/ProvMnS/v1/PerfMetricJob=j1';
  await ask('GNB', 'PUT', at, { body: job({}) });
  for (const [attributes, param] of [
    [{ performanceMetrics: ['RRU.Nonsense'] }, '/attributes/performanceMetrics/0'],
    [{ objectInstances: ['fffffffff'] }, '/attributes/objectInstances/0'],
  ] as const) {
    await expect(ask('GNB', 'PUT', at, { body: job(attributes) })).rejects.toMatchObject({
      details: { status: 400, problem: { invalidParams: [{ param }] } },
    });
  }
  const policy = { scope: { ueId: SUPI }, statement: { priorityLevel: 3 } };
  const steering = {
    scope: { ueId: SUPI },
    statement: {
      toStandbyBelow: { rsrpDbm: -115, sinrDb: -3 },
      returnAbove: { rsrpDbm: -105, sinrDb: 2 },
      start: START + 3_000,
    },
  };
  const query = { notificationDestination: `${url}/a1` };
  await ask('GNB', 'PUT', '/A1-P/v2/policytypes/steering/policies/s1', { body: steering, query });
  await ask('GNB', 'PUT', '/A1-P/v2/policytypes/priority/policies/p1', { body: policy, query });
  for (const s of [1, 2, 3, 4]) await net.advanceTo(START + s * 1000);
  expect(told('a1')).toEqual([{ enforceStatus: 'ENFORCED' }]);
  expect(told('pm')).toHaveLength(2);
  expect(told('pm')[0]).toMatchObject({
    jobId: 'j1',
    measurements: [{ objectInstance: cellId, measResults: { 'RRU.PrbTotDl': expect.any(Number) } }],
  });
  await ask('GNB', 'DELETE', at);
  await net.advanceTo(START + 9_000);
  expect(told('pm')).toHaveLength(2);
});
