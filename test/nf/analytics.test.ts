import { expect, test } from 'vitest';
import { crossings, thresholdsOf } from '../../src/network/nf/nwdaf-thresholds.ts';
import { listener } from './listener.ts';
import { network, refused, START, SUPI } from './network.ts';

const ROOT = '/nnwdaf-eventssubscription/v1/subscriptions';
const ANALYTICS = '/nnwdaf-analyticsinfo/v1/analytics';
const tgtUe = { supis: [SUPI] };

test('analytics of a subscriber: experience, data network, whereabouts', async () => {
  const { ask, net, radio } = await network();
  const about = async (event: string) =>
    (await ask('NWDAF', 'GET', ANALYTICS, { query: { 'event-id': event, 'tgt-ue': JSON.stringify(tgtUe) } }))
      .body;
  expect(await about('SERVICE_EXPERIENCE')).toMatchObject({
    svcExps: [{ supis: [SUPI], svcExprc: { upperRange: 5, lowerRange: 1 } }],
  });
  expect(await about('DN_PERFORMANCE')).toMatchObject({
    dnPerfInfos: [
      { dnPerf: [{ dnai: 'central-shanghai' }, { dnai: 'edge-shanghai' }, { dnai: 'backup-shanghai' }] },
    ],
  });
  await net.faults.inject({ kind: 'link-cut', link: 'link-edge-shanghai' });
  expect(await about('DN_PERFORMANCE')).toMatchObject({
    dnPerfInfos: [{ dnPerf: [{}, { perfData: { avgPacketLossRate: 1000 } }, {}] }],
  });
  const { cellId } = await radio();
  expect(await about('UE_MOBILITY')).toMatchObject({
    ueMobs: [{ locInfos: [{ loc: { nrLocation: { ncgi: { nrCellId: cellId } } } }] }],
  });
  const unnamed = ask('NWDAF', 'GET', ANALYTICS, { query: { 'event-id': 'UE_MOBILITY' } });
  await expect(unnamed).rejects.toMatchObject({
    details: { status: 400, problem: { invalidParams: [{ param: 'tgt-ue' }] } },
  });
});

test('a periodic subscription reports at its period, as often as it wants, and no more', async () => {
  const { ask, net } = await network();
  const { url, told } = await listener();
  const event = { event: 'SERVICE_EXPERIENCE', notificationMethod: 'PERIODIC', repetitionPeriod: 10, tgtUe };
  const body = {
    notificationURI: `${url}/ana`,
    notifCorrId: 'c7',
    evtReq: { immRep: true, maxReportNbr: 2 },
    eventSubscriptions: [event],
  };
  const made = await ask('NWDAF', 'POST', ROOT, { body });
  expect(made.body).toMatchObject({ eventNotifications: [{ event: 'SERVICE_EXPERIENCE', svcExps: [{}] }] });
  const count = async (s: number) => {
    await net.advanceTo(START + s * 1000);
    return told('ana').length;
  };
  expect(await count(9)).toBe(0);
  expect(await count(10)).toBe(1);
  expect(await count(15)).toBe(1);
  expect(await count(20)).toBe(2);
  expect(await count(40)).toBe(2);
  expect(told('ana')[0]).toMatchObject([{ notifCorrId: 'c7', eventNotifications: [{ svcExps: [{}] }] }]);
});

test('a threshold is reported when it is crossed, in its direction, once', async () => {
  const { ask, net } = await network();
  const { url, told } = await listener();
  const slice = { sst: 2, sd: '000001' };
  const event = {
    event: 'NSI_LOAD_LEVEL',
    notificationMethod: 'THRESHOLD',
    matchingDir: 'ASCENDING',
    nsiLevelThrds: [2],
    snssaia: [slice],
  };
  const body = { notificationURI: `${url}/load`, eventSubscriptions: [event] };
  const path = new URL((await ask('NWDAF', 'POST', ROOT, { body })).headers.location ?? '').pathname;
  let at = START;
  const step = async () => {
    at += 1000;
    await net.advanceTo(at);
    return told('load').length;
  };
  const refs: string[] = [];
  const establish = async () => {
    const { headers } = await ask('SMF', 'POST', '/nsmf-pdusession/v1/sm-contexts', {
      body: {
        supi: SUPI,
        pduSessionId: 5,
        dnn: 'factory',
        sNssai: slice,
        servingNfId: '00000000-0000-4000-8000-000000000001',
        anType: '3GPP_ACCESS',
        smContextStatusUri: `${url}/status`,
      },
    });
    refs.push(new URL(headers.location ?? '').pathname);
  };
  await establish();
  expect(await step()).toBe(0);
  await establish();
  expect(await step()).toBe(1);
  expect(await step()).toBe(1);
  await ask('SMF', 'POST', `${refs[0]}/release`);
  expect(await step()).toBe(1);
  await establish();
  expect(await step()).toBe(2);
  await ask('NWDAF', 'DELETE', path);
  await expect(ask('NWDAF', 'DELETE', path)).rejects.toMatchObject(refused(404, 'SUBSCRIPTION_NOT_FOUND'));
});

test('what cannot be answered is refused when it is subscribed to, by the name of the field', async () => {
  const { ask } = await network();
  const subscribe = (event: object) =>
    ask('NWDAF', 'POST', ROOT, {
      body: { notificationURI: 'http://127.0.0.1:9/x', eventSubscriptions: [event] },
    });
  for (const [event, param] of [
    [{ event: 'USER_DATA_CONGESTION' }, '/eventSubscriptions/0/networkArea'],
    [{ event: 'UE_MOBILITY' }, '/eventSubscriptions/0/tgtUe'],
    [{ event: 'NF_LOAD', notificationMethod: 'THRESHOLD' }, '/eventSubscriptions/0/nfLoadLvlThds'],
    [
      { event: 'UE_MOBILITY', notificationMethod: 'THRESHOLD', tgtUe },
      '/eventSubscriptions/0/notificationMethod',
    ],
    [{ event: 'DISPERSION' }, '/eventSubscriptions/0/event'],
  ] as const) {
    await expect(subscribe(event), param).rejects.toMatchObject({
      details: { status: 400, problem: { invalidParams: [{ param }] } },
    });
  }
});

test('a level crosses a threshold upwards, downwards, or either way', () => {
  const seen = new Map<string, number>();
  const look = (matchingDir: 'ASCENDING' | 'DESCENDING' | 'CROSSED', level: number, levels = seen) => {
    const one = { event: 'NF_LOAD', matchingDir, nfLoadLvlThds: [{ nfLoadLevel: 50 }] } as const;
    const given = { ...one, nfLoadLvlThds: [...one.nfLoadLvlThds] };
    expect(thresholdsOf(given)).toEqual([50]);
    const infos = { nfLoadLevelInfos: [{ nfInstanceId: 'x', nfLoadLevelAverage: level }] };
    return crossings(given, infos, levels) !== undefined;
  };
  expect([10, 49, 50, 90, 49, 50].map((level) => look('ASCENDING', level))).toEqual([
    false,
    false,
    true,
    false,
    false,
    true,
  ]);
  const down = new Map<string, number>();
  expect([60, 50, 49, 10, 60].map((level) => look('DESCENDING', level, down))).toEqual([
    false,
    false,
    true,
    false,
    false,
  ]);
  const both = new Map<string, number>();
  expect([60, 10, 60].map((level) => look('CROSSED', level, both))).toEqual([false, true, true]);
});
