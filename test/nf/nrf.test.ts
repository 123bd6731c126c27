import { expect, test } from 'vitest';
import { z } from 'zod';
import { startNetwork } from '../../src/network/index.ts';
import { createSbiServer, SbiClient } from '../../src/sbi/index.ts';
import { network, refused, START, SUPI } from './network.ts';
import { closing, testEnv } from './support.ts';

const PROFILE = {
  nfInstanceId: '7d3f0c52-9a0e-4f51-8f0c-0c9f5d6f0001',
  nfType: 'AF',
  nfStatus: 'REGISTERED',
  nfServices: [
    {
      serviceInstanceId: 'a',
      serviceName: 'tools',
      versions: [{ apiVersionInUri: 'v1', apiFullVersion: '1.0.0' }],
      scheme: 'http',
      nfServiceStatus: 'REGISTERED',
      ipEndPoints: [{ ipv4Address: '127.0.0.1', port: 9 }],
    },
  ],
  customInfo: { tools: ['x'] },
};
const AT = `/nnrf-nfm/v1/nf-instances/${PROFILE.nfInstanceId}`;

test('every function of the network is found where it is, by type and by service', async () => {
  const { net, client } = await network();
  for (const [nf, url] of Object.entries(net.nfs)) {
    if (nf !== 'NRF') expect(await client.discover(net.nrf, nf)).toBe(url);
  }
  expect(Object.keys(net.nfs).sort()).toEqual(
    [
      'AMF',
      'BSF',
      'COMPUTE',
      'GNB',
      'NEF',
      'NRF',
      'STORAGE',
      'NWDAF',
      'OAM',
      'PCF',
      'SMF',
      'TELEMATICS',
      'UDM',
      'UPF',
    ].sort(),
  );
  const search = async (names: string) =>
    (
      await client.request({
        nf: 'NRF',
        base: net.nrf,
        method: 'GET',
        path: '/nnrf-disc/v1/nf-instances',
        query: { 'target-nf-type': 'GNB', 'requester-nf-type': 'AF', 'service-names': names },
      })
    ).body;
  expect(await search('A1-P')).toMatchObject({
    validityPeriod: 60,
    nfInstances: [{ nfType: 'GNB', nfServices: [{ serviceName: 'A1-P' }] }],
  });
  expect(await search('nonsense')).toMatchObject({ nfInstances: [] });
});

test('register, heart-beat, replace, list, subscribe, deregister', async () => {
  const { ask, env, net } = await network();
  const heard: unknown[] = [];
  const listener = closing(await createSbiServer({ nf: 'AF', host: '127.0.0.1' }));
  listener.route('POST', '/told', { body: z.object({ event: z.string() }).loose() }, ({ body }) => {
    heard.push(body);
    return { status: 204 };
  });
  await ask('NRF', 'POST', '/nnrf-nfm/v1/subscriptions', {
    body: { nfStatusNotificationUri: `${listener.url}/told`, subscrCond: { nfType: 'AF' } },
  });
  expect(await ask('NRF', 'PUT', AT, { body: PROFILE })).toMatchObject({
    status: 201,
    headers: { location: `${net.nrf}${AT}` },
  });
  expect((await ask('NRF', 'PUT', AT, { body: PROFILE })).status).toBe(200);
  const beat = { op: 'replace', path: '/load', value: 40 };
  const patch = (body: unknown) =>
    ask('NRF', 'PATCH', AT, { body, contentType: 'application/json-patch+json' });
  expect((await patch([beat])).body).toMatchObject({ load: 40, customInfo: { tools: ['x'] } });
  await expect(patch([{ ...beat, value: 400 }])).rejects.toMatchObject(
    refused(400, 'MANDATORY_IE_INCORRECT'),
  );
  expect((await ask('NRF', 'GET', AT)).body).toMatchObject({ load: 40 });
  const list = await ask('NRF', 'GET', '/nnrf-nfm/v1/nf-instances', { query: { 'nf-type': 'AF' } });
  expect(list.body).toMatchObject({ _links: { item: [{ href: `${net.nrf}${AT}` }] } });
  expect((await ask('NRF', 'DELETE', AT)).status).toBe(204);
  await expect(ask('NRF', 'GET', AT)).rejects.toMatchObject(refused(404, 'RESOURCE_NOT_FOUND'));
  await net.advanceTo(START);
  expect(heard).toMatchObject([
    { event: 'NF_REGISTERED', nfProfile: { nfType: 'AF' } },
    { event: 'NF_PROFILE_CHANGED' },
    { event: 'NF_PROFILE_CHANGED', nfProfile: { load: 40 } },
    { event: 'NF_DEREGISTERED', nfInstanceUri: `${net.nrf}${AT}` },
  ]);
  await expect(ask('NRF', 'PUT', AT, { body: { ...PROFILE, nfStatus: 'SLEEPY' } })).rejects.toMatchObject(
    refused(400, 'MANDATORY_IE_INCORRECT'),
  );
  expect(env.errors).toEqual([]);
});

test('a subscription hears the events and the NFs it asked for, as long as it is valid', async () => {
  const { ask, env, net } = await network();
  const listener = closing(await createSbiServer({ nf: 'AF', host: '127.0.0.1' }));
  const heard = new Map<string, string[]>();
  listener.route(
    'POST',
    '/told/{who}',
    { body: z.object({ event: z.string() }).loose() },
    ({ params, body }) => {
      heard.set(params.who ?? '', [...(heard.get(params.who ?? '') ?? []), body.event]);
      return { status: 204 };
    },
  );
  const at = (ms: number) => new Date(env.clock.now() + ms).toISOString();
  const subscribe = async (who: string, more: object) => {
    const { body } = await ask('NRF', 'POST', '/nnrf-nfm/v1/subscriptions', {
      body: { nfStatusNotificationUri: `${listener.url}/told/${who}`, ...more },
    });
    return (body as { subscriptionId: string }).subscriptionId;
  };
  await subscribe('all', {});
  await subscribe('gone', { reqNotifEvents: ['NF_DEREGISTERED'] });
  await subscribe('one', { subscrCond: { nfInstanceId: PROFILE.nfInstanceId } });
  await subscribe('other', { subscrCond: { nfType: 'UDM' } });
  await subscribe('short', { validityTime: at(10) });
  const long = await subscribe('long', { validityTime: at(10) });
  const extend = (id: string) =>
    ask('NRF', 'PATCH', `/nnrf-nfm/v1/subscriptions/${id}`, {
      body: [{ op: 'replace', path: '/validityTime', value: at(60_000) }],
      contentType: 'application/json-patch+json',
    });
  expect((await extend(long)).body).toMatchObject({ subscriptionId: long });
  await expect(extend('sub99')).rejects.toMatchObject(refused(404, 'RESOURCE_NOT_FOUND'));
  env.clock.advance(10);
  await ask('NRF', 'PUT', AT, { body: PROFILE });
  await ask('NRF', 'DELETE', AT);
  await net.advanceTo(START);
  const both = ['NF_REGISTERED', 'NF_DEREGISTERED'];
  expect(Object.fromEntries(heard)).toEqual({ all: both, gone: ['NF_DEREGISTERED'], one: both, long: both });
});

test('an NF that named a heart-beat and misses two is suspended, found no more, and back with the next', async () => {
  const { ask, env } = await network();
  const status = async () => ((await ask('NRF', 'GET', AT)).body as { nfStatus: string }).nfStatus;
  await ask('NRF', 'PUT', AT, { body: { ...PROFILE, heartBeatTimer: 1 } });
  env.clock.advance(1_999);
  const beat = [{ op: 'replace', path: '/nfStatus', value: 'REGISTERED' }];
  const options = { body: beat, contentType: 'application/json-patch+json' };
  await ask('NRF', 'PATCH', AT, options);
  env.clock.advance(1_999);
  expect(await status()).toBe('REGISTERED');
  env.clock.advance(1);
  expect(await status()).toBe('SUSPENDED');
  await ask('NRF', 'PATCH', AT, options);
  expect(await status()).toBe('REGISTERED');
});

test('a network that is closed is gone, and leaves nothing to wait for', async () => {
  const env = testEnv();
  const net = await startNetwork({
    env,
    host: '127.0.0.1',
    simulation: { seed: 1, startTime: START, homeRegion: 'shanghai', supi: SUPI, uesPerRegion: 5 },
  });
  expect(net.cells).toBeGreaterThan(0);
  await net.close();
  const client = closing(new SbiClient({ env }));
  await expect(client.discover(net.nrf, 'PCF')).rejects.toMatchObject({ code: 'SBI_UNREACHABLE' });
  expect(env.clock.pending()).toBe(0);
  expect(env.errors).toEqual([]);
});

test('a home that no place is called is refused', async () => {
  const simulation = { seed: 1, startTime: START, homeRegion: 'atlantis', supi: SUPI };
  await expect(startNetwork({ env: testEnv(), host: '127.0.0.1', simulation })).rejects.toMatchObject({
    code: 'NETWORK_REGION_UNKNOWN',
  });
});
