import { expect, test } from 'vitest';
import { z } from 'zod';
import { createSbiServer } from '../../src/sbi/index.ts';
import { network, refused, START } from './network.ts';
import { closing } from './support.ts';

const ID = '7d3f0c52-9a0e-4f51-8f0c-0c9f5d6f0021';
const AT = `/nnrf-nfm/v1/nf-instances/${ID}`;
const PATCH = 'application/json-patch+json';
const PROFILE = {
  nfInstanceId: ID,
  nfType: 'AUSF',
  nfStatus: 'REGISTERED',
  locality: 'east',
  sNssais: [{ sst: 2, sd: '000001' }],
  nfSetIdList: ['set1.udmset.5gc.mnc001.mcc001'],
  udmInfo: { supiRanges: [{ start: '001010000000000', end: '001010000009999' }], dnnList: ['factory'] },
  nfServiceList: {
    a: {
      serviceInstanceId: 'a',
      serviceName: 'nudm-sdm',
      versions: [{ apiVersionInUri: 'v2', apiFullVersion: '2.0.0' }],
      scheme: 'http',
      nfServiceStatus: 'REGISTERED',
      allowedNfTypes: ['AMF'],
    },
  },
};

test('a patch reaches nested attributes, and one for another version is refused', async () => {
  const { ask } = await network();
  const made = await ask('NRF', 'PUT', AT, { body: PROFILE });
  const etag = made.headers.etag ?? '';
  const patch = (body: unknown, headers: Record<string, string> = {}) =>
    ask('NRF', 'PATCH', AT, { body, contentType: PATCH, headers });
  const load = [{ op: 'add', path: '/nfServiceList/a/load', value: 12 }];
  const changed = await patch(load, { 'if-match': etag });
  expect(changed.body).toMatchObject({ nfServiceList: { a: { load: 12, serviceName: 'nudm-sdm' } } });
  expect(changed.headers.etag).not.toBe(etag);
  await expect(patch(load, { 'if-match': etag })).rejects.toMatchObject(refused(412, 'PRECONDITION_FAILED'));
  // A heart-beat that changes nothing is no new version.
  const beat = await patch([{ op: 'replace', path: '/nfStatus', value: 'REGISTERED' }]);
  expect(beat.headers.etag).toBe(changed.headers.etag);
  const same = await ask('NRF', 'GET', AT, { headers: { 'if-none-match': changed.headers.etag ?? '' } });
  expect(same).toMatchObject({ status: 304, body: null });
  for (const wrong of [
    [{ op: 'replace', path: '/no/where', value: 1 }],
    [{ op: 'remove', path: '/capacity' }],
    [{ op: 'replace', path: '/nfServiceList/a/scheme', value: 'ftp' }],
    [{ op: 'test', path: '/locality', value: 'west' }],
    [{ op: 'replace', path: '/nfInstanceId', value: '7d3f0c52-9a0e-4f51-8f0c-0c9f5d6f0022' }],
  ]) {
    await expect(patch(wrong), JSON.stringify(wrong)).rejects.toMatchObject({
      details: { status: 400, problem: { invalidParams: [{ param: expect.stringMatching(/^\//) }] } },
    });
  }
  expect((await ask('NRF', 'GET', AT)).headers.etag).toBe(changed.headers.etag);
});

test('discovery finds who serves a slice, a data network, a subscriber, a set, and for whom', async () => {
  const { ask } = await network();
  await ask('NRF', 'PUT', AT, { body: PROFILE });
  const OTHER = '7d3f0c52-9a0e-4f51-8f0c-0c9f5d6f0022';
  const far = { ...PROFILE, nfInstanceId: OTHER, locality: 'west', udmInfo: {}, sNssais: [{ sst: 1 }] };
  await ask('NRF', 'PUT', `/nnrf-nfm/v1/nf-instances/${OTHER}`, { body: far });
  const found = async (more: Record<string, string>, headers?: Record<string, string>) => {
    const query = { 'target-nf-type': 'AUSF', 'requester-nf-type': 'AMF', ...more };
    const { body } = await ask('NRF', 'GET', '/nnrf-disc/v1/nf-instances', {
      query,
      ...(headers && { headers }),
    });
    return z
      .object({ nfInstances: z.array(z.object({ nfInstanceId: z.string() })) })
      .parse(body)
      .nfInstances.map(({ nfInstanceId }) => nfInstanceId);
  };
  expect(await found({})).toEqual([ID, OTHER]);
  expect(await found({ 'preferred-locality': 'west' })).toEqual([OTHER, ID]);
  expect(await found({ snssais: JSON.stringify([{ sst: 2, sd: '000001' }]) })).toEqual([ID]);
  expect(await found({ dnn: 'internet' })).toEqual([OTHER]);
  expect(await found({ supi: 'imsi-001010000000001' })).toEqual([ID, OTHER]);
  expect(await found({ supi: 'imsi-001019999999999' })).toEqual([OTHER]);
  expect(await found({ 'target-nf-set-id': 'set1.udmset.5gc.mnc001.mcc001', limit: '1' })).toEqual([ID]);
  expect(await found({ 'service-names': 'nudm-sdm' })).toEqual([ID, OTHER]);
  expect(await found({ 'service-names': 'nudm-sdm', 'requester-nf-type': 'SMF' })).toEqual([]);
  const query = { 'target-nf-type': 'AUSF', 'requester-nf-type': 'AMF' };
  const first = await ask('NRF', 'GET', '/nnrf-disc/v1/nf-instances', { query });
  const headers = { 'if-none-match': first.headers.etag ?? '' };
  expect((await ask('NRF', 'GET', '/nnrf-disc/v1/nf-instances', { query, headers })).status).toBe(304);
});

test('a subscriber hears what it asked for: by service, set or slice, and of attributes that it watches', async () => {
  const { ask, net } = await network();
  const heard = new Map<string, string[]>();
  const listener = closing(await createSbiServer({ nf: 'AF', host: '127.0.0.1' }));
  const notice = z.object({ event: z.string() }).loose();
  listener.route('POST', '/told/{who}', { body: notice }, ({ params, body }) => {
    heard.set(params.who ?? '', [...(heard.get(params.who ?? '') ?? []), body.event.slice(3)]);
    return { status: 204 };
  });
  const subscribe = (who: string, more: object) =>
    ask('NRF', 'POST', '/nnrf-nfm/v1/subscriptions', {
      body: { nfStatusNotificationUri: `${listener.url}/told/${who}`, ...more },
    });
  const made = await subscribe('service', { subscrCond: { serviceName: 'nudm-sdm' } });
  expect(made.body).toMatchObject({ validityTime: '1970-01-02T00:00:00.000Z' });
  await subscribe('set', { subscrCond: { nfSetId: 'set1.udmset.5gc.mnc001.mcc001' } });
  await subscribe('slice', { subscrCond: { snssaiList: [{ sst: 2, sd: '000001' }] } });
  await subscribe('other', { subscrCond: { snssaiList: [{ sst: 7 }] } });
  const udm = { subscrCond: { nfType: 'AUSF' }, reqNotifEvents: ['NF_PROFILE_CHANGED'] };
  await subscribe('load', { ...udm, notifCondition: { monitoredAttributes: ['/load'] } });
  await subscribe('rest', { ...udm, notifCondition: { unmonitoredAttributes: ['/load'] } });
  await ask('NRF', 'PUT', AT, { body: PROFILE });
  const patch = (path: string, value: unknown) =>
    ask('NRF', 'PATCH', AT, { body: [{ op: 'add', path, value }], contentType: PATCH });
  await patch('/load', 3);
  await patch('/load', 3);
  await patch('/locality', 'north');
  await ask('NRF', 'DELETE', AT);
  await net.advanceTo(START);
  const all = ['REGISTERED', 'PROFILE_CHANGED', 'PROFILE_CHANGED', 'DEREGISTERED'];
  expect(Object.fromEntries(heard)).toEqual({
    service: all,
    set: all,
    slice: all,
    load: ['PROFILE_CHANGED'],
    rest: ['PROFILE_CHANGED'],
  });
  await expect(subscribe('x', { subscrCond: { moon: 'full' } })).rejects.toMatchObject({
    details: { status: 400, problem: { invalidParams: [{ param: '/subscrCond' }] } },
  });
});
