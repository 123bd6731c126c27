import { expect, test } from 'vitest';
import { z } from 'zod';
import { watchNrf } from '../../src/netmcp/life/nrf-watch.ts';
import { startNetwork } from '../../src/network/index.ts';
import { createSbiServer, SbiClient } from '../../src/sbi/index.ts';
import { START, SUPI } from './network.ts';
import { openNrf } from './open5gs.ts';
import { closing, testEnv } from './support.ts';

const simulation = { seed: 7, startTime: START, homeRegion: 'shanghai', supi: SUPI, uesPerRegion: 20 };
const PCF = '00000000-0000-4000-8000-000000000003';

test('an NRF outside takes the place of ours, though it keeps no load by PATCH and loses answers', async () => {
  const env = testEnv();
  const nrf = closing(await openNrf({ dropEvery: 7 }));
  const net = closing(await startNetwork({ env, host: '127.0.0.1', simulation, peers: { nrf: nrf.url } }));
  expect(net.nrf).toBe(nrf.url);
  expect(net.nfs).not.toHaveProperty('NRF');
  const client = closing(new SbiClient({ env }));
  const base = await client.discover(nrf.url, 'PCF');
  const path = '/npcf-policyauthorization/v1/app-sessions';
  const ascReqData = { supi: SUPI, suppFeat: '0', notifUri: 'http://127.0.0.1:9/af' };
  expect((await client.request({ nf: 'PCF', base, method: 'POST', path, body: { ascReqData } })).status).toBe(
    201,
  );

  const load = () => nrf.profiles.get(PCF)?.profile.load;
  await net.faults.inject({ kind: 'nf-overload', instance: PCF, refused: 40 });
  expect(load()).toBe(40);
  nrf.seen.length = 0;
  // Once it is known, the load goes with the whole profile.
  await net.beat();
  const at = `/nnrf-nfm/v1/nf-instances/${PCF}`;
  expect(nrf.seen.filter((one) => one.endsWith(at))).toEqual([`PUT ${at}`]);
  nrf.forget();
  await net.beat();
  expect(nrf.profiles.has(PCF)).toBe(true);
  expect(nrf.most()).toBeLessThanOrEqual(10);
  await net.close();
  expect([...nrf.profiles]).toEqual([]);
  expect(env.clock.pending()).toBe(0);
});

test('a function that an NRF forgot registers again, where PATCH works as well', async () => {
  const env = testEnv();
  const net = closing(await startNetwork({ env, host: '127.0.0.1', simulation }));
  const client = closing(new SbiClient({ env }));
  const path = `/nnrf-nfm/v1/nf-instances/${PCF}`;
  const request = { nf: 'NRF', base: net.nrf, path } as const;
  await net.beat();
  await client.request({ ...request, method: 'DELETE' });
  await net.beat();
  expect((await client.request({ ...request, method: 'GET' })).body).toMatchObject({ nfType: 'PCF' });
});

test('a PCF outside serves the sessions, with a path alone as Location; its decisions reach the radio', async () => {
  const env = testEnv();
  const asked: string[] = [];
  const outside = closing(await createSbiServer({ nf: 'PCF', host: '127.0.0.1' }));
  let callback = '';
  outside.route(
    'POST',
    '/npcf-smpolicycontrol/v1/sm-policies',
    { body: z.looseObject({ notificationUri: z.url() }) },
    ({ body }) => {
      callback = body.notificationUri;
      asked.push('create');
      return {
        status: 201,
        body: { sessRules: { 1: { sessRuleId: '1' } } },
        headers: { location: '/npcf-smpolicycontrol/v1/sm-policies/1' },
      };
    },
  );
  outside.route('POST', '/npcf-smpolicycontrol/v1/sm-policies/{id}/{what}', {}, ({ params }) => {
    asked.push(`${params.what} ${params.id}`);
    return { status: 200, body: {} };
  });
  const peers = { pcf: outside.url };
  const net = closing(await startNetwork({ env, host: '127.0.0.1', simulation, peers }));
  const client = closing(new SbiClient({ env }));
  expect(await client.discover(net.nrf, 'PCF')).toBe(outside.url);
  const arp = { priorityLevel: 4, preemptCap: 'MAY_PREEMPT', preemptVuln: 'PREEMPTABLE' };
  const decision = {
    resourceUri: `${outside.url}/npcf-smpolicycontrol/v1/sm-policies/1`,
    smPolicyDecision: {
      // As a real PCF was seen to write it: rates in bps, two flows.
      pccRules: {
        r1: {
          pccRuleId: 'r1',
          precedence: 2,
          refQosData: ['q1'],
          flowInfos: [
            {
              flowDescription: 'permit out 17 from 198.51.100.1 to 10.45.0.2 50000',
              flowDirection: 'DOWNLINK',
            },
            {
              flowDescription: 'permit out 17 from 198.51.100.1 50001 to 10.45.0.2',
              flowDirection: 'UPLINK',
            },
          ],
        },
      },
      qosDecs: { q1: { qosId: 'q1', '5qi': 2, gbrDl: '10000000 bps', gbrUl: '10000 bps', arp } },
    },
  };
  const { origin, pathname } = new URL(callback);
  const told = await client.request({
    nf: 'SMF',
    base: origin,
    method: 'POST',
    path: `${pathname}/update`,
    body: decision,
  });
  expect(told.body).toMatchObject({ ruleReports: [{ pccRuleIds: ['r1'], ruleStatus: 'ACTIVE' }] });
  const done = await client.request({
    nf: 'SMF',
    base: origin,
    method: 'POST',
    path: `${pathname}/terminate`,
    body: { resourceUri: decision.resourceUri, cause: 'UNSPECIFIED' },
  });
  expect(done.status).toBe(204);
  await net.advanceTo(START + 1_000);
  expect(asked).toContain('create');
  expect(asked).toContain('delete 1');
});

test('A1 policies go to an endpoint outside, with its answers and refusals', async () => {
  const env = testEnv();
  const outside = closing(await createSbiServer({ nf: 'A1', host: '127.0.0.1' }));
  const got: unknown[] = [];
  outside.route('PUT', '/A1-P/v2/policytypes/STD_QOS_1/policies/{id}', { body: z.unknown() }, ({ body }) => {
    got.push(body);
    return { status: 201, body };
  });
  outside.route('GET', '/A1-P/v2/policytypes', {}, () => ({ status: 200, body: ['STD_QOS_1'] }));
  const peers = { a1: outside.url };
  const net = closing(await startNetwork({ env, host: '127.0.0.1', simulation, peers }));
  const client = closing(new SbiClient({ env }));
  const base = net.gnbManagement;
  const policy = { scope: { ueId: 'imsi-1' }, qosObjectives: { priorityLevel: 3 } };
  const path = '/A1-P/v2/policytypes/STD_QOS_1/policies/p1';
  const made = await client.request({ nf: 'GNB', base, method: 'PUT', path, body: policy });
  expect(made).toMatchObject({ status: 201, headers: { location: `${base}${path}` } });
  expect(got).toEqual([policy]);
  const types = await client.request({ nf: 'GNB', base, method: 'GET', path: '/A1-P/v2/policytypes' });
  expect(types.body).toEqual(['STD_QOS_1']);
  await expect(client.request({ nf: 'GNB', base, method: 'DELETE', path })).rejects.toMatchObject({
    code: 'SBI_FAILED',
    details: { status: 405 },
  });
});

test('what NFs publish at an NRF that tells nobody of changes is found by looking, and goes with them', async () => {
  const env = testEnv();
  const nrf = closing(await openNrf());
  const client = closing(new SbiClient({ env }));
  const id = '7d3f0c52-9a0e-4f51-8f0c-0c9f5d6f0031';
  const path = `/nnrf-nfm/v1/nf-instances/${id}`;
  const put = (tools: unknown[]) =>
    client.request({
      nf: 'NRF',
      base: nrf.url,
      method: 'PUT',
      path,
      body: {
        nfInstanceId: id,
        nfType: 'AF',
        nfStatus: 'REGISTERED',
        nfServices: [{ scheme: 'http', ipEndPoints: [{ ipv4Address: '127.0.0.1', port: 9 }] }],
        customInfo: { 'org.gtigroup/netmcp': { summary: 's', tools } },
      },
    });
  const heard: string[] = [];
  const watch = closing(
    await watchNrf({
      env,
      nrf: nrf.url,
      host: '127.0.0.1',
      resyncMs: 10_000,
      published: ({ instance, tools }) => heard.push(`${instance === id} ${tools.length}`),
      gone: (instance, reason) => heard.push(`${instance === id} ${reason}`),
    }),
  );
  await put([{}]);
  // As the timer of every heart-beat does.
  await watch.sync();
  await put([{}, {}]);
  await watch.sync();
  await watch.sync();
  await client.request({ nf: 'NRF', base: nrf.url, method: 'DELETE', path });
  await watch.sync();
  expect(heard).toEqual(['true 1', 'true 2', 'true it is no longer registered in the NRF']);
});
