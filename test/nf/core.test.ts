import { expect, test } from 'vitest';
import { z } from 'zod';
import { createSbiServer } from '../../src/sbi/index.ts';
import { network, refused, START, SUPI } from './network.ts';
import { closing } from './support.ts';

const ANALYTICS = '/nnwdaf-analyticsinfo/v1/analytics';

test('the AMF says in which cell and region a subscriber is, in 5G and in 4G', async () => {
  const { ask, radio, net } = await network();
  const locate = (id: string) =>
    ask('AMF', 'POST', `/namf-loc/v1/${id}/provide-loc-info`, { body: { reqCurrentLoc: true } });
  const { cellId } = await radio();
  const tac = net.regions()[0]?.tac;
  expect((await locate(SUPI)).body).toMatchObject({
    location: { nrLocation: { tai: { tac }, ncgi: { nrCellId: cellId } } },
    regionId: 'shanghai',
  });
  await ask('GNB', 'POST', `/mobility/v1/ues/${SUPI}/handover`, { body: { rat: 'EUTRA' } });
  await net.advanceTo(START + 1000);
  expect((await locate(SUPI)).body).toMatchObject({
    location: { eutraLocation: { ecgi: { eutraCellId: (await radio()).cellId } } },
    ratType: 'EUTRA',
  });
  await expect(locate('imsi-99999')).rejects.toMatchObject(refused(404, 'CONTEXT_NOT_FOUND'));
});

test('the NWDAF expects more load in a cell by day than by night, and sustains less then', async () => {
  const { ask, radio } = await network();
  const { cellId, standby } = await radio();
  const cells = [{ nrCellId: cellId }, { nrCellId: standby?.cellId }];
  const analytics = async (event: string, startTs: string, endTs: string, ncgis: unknown = cells) =>
    (
      await ask('NWDAF', 'GET', ANALYTICS, {
        query: {
          'event-id': event,
          'ana-req': JSON.stringify({ startTs, endTs }),
          'event-filter': JSON.stringify({ networkArea: { ncgis } }),
        },
      })
    ).body;
  const congestion = z.object({
    userDataCongInfos: z
      .array(
        z.object({
          congestionInfo: z.object({ nsi: z.object({ congLevel: z.number() }), gbrPrbRatio: z.number() }),
        }),
      )
      .length(2),
  });
  const sustained = z.object({ qosSustainInfos: z.array(z.object({ ranUeThrouThd: z.string() })).length(2) });
  // 20:00 and 04:00 in Shanghai.
  const day = ['2026-03-02T12:00:00Z', '2026-03-02T12:30:00Z'] as const;
  const night = ['2026-03-02T20:00:00Z', '2026-03-02T20:30:00Z'] as const;
  const load = async (window: readonly [string, string]) =>
    congestion.parse(await analytics('USER_DATA_CONGESTION', ...window)).userDataCongInfos[0]?.congestionInfo
      .nsi.congLevel ?? Number.NaN;
  expect(await load(day)).toBeGreaterThan(await load(night));
  const rate = async (window: readonly [string, string]) =>
    Number.parseFloat(
      sustained.parse(await analytics('QOS_SUSTAINABILITY', ...window)).qosSustainInfos[0]?.ranUeThrouThd ??
        '',
    );
  expect(await rate(day)).toBeLessThan(await rate(night));

  expect(await analytics('QOS_SUSTAINABILITY', ...day, [{ nrCellId: 'fffffffff' }])).toBeNull();
  const [from, to] = day;
  await expect(analytics('QOS_SUSTAINABILITY', to, from)).rejects.toMatchObject(
    refused(400, 'INVALID_QUERY_PARAM'),
  );
  await expect(analytics('UE_MOOD', from, to)).rejects.toMatchObject(
    refused(400, 'MANDATORY_QUERY_PARAM_INCORRECT'),
  );
  await expect(
    ask('NWDAF', 'GET', ANALYTICS, { query: { 'event-id': 'NF_LOAD', 'event-filter': '{' } }),
  ).rejects.toMatchObject(refused(400, 'MANDATORY_QUERY_PARAM_INCORRECT'));
  expect((await ask('NWDAF', 'GET', ANALYTICS, { query: { 'event-id': 'NF_LOAD' } })).body).toMatchObject({
    nfLoadLevelInfos: expect.arrayContaining([
      expect.objectContaining({ nfType: 'GNB', nfLoadLevelAverage: expect.any(Number) }),
      expect.objectContaining({ nfType: 'PCF', nfLoadLevelAverage: expect.any(Number) }),
    ]),
  });
});

test('the UPF reports use once, to who wants to be told', async () => {
  const { ask, net } = await network();
  const told: unknown[] = [];
  const listener = closing(await createSbiServer({ nf: 'AF', host: '127.0.0.1' }));
  listener.route('POST', '/use', { body: z.looseObject({}) }, ({ body }) => {
    told.push(body);
    return { status: 204 };
  });
  const usage = z
    .object({ dlMbps: z.number(), ulMbps: z.number(), delayMs: z.number().positive() })
    .parse((await ask('UPF', 'GET', `/nupf-ee/v1/usage/${SUPI}`)).body);
  const reported = await ask('UPF', 'POST', '/nupf-ee/v1/ee-subscriptions', {
    body: {
      subscription: {
        eventList: [{ type: 'USER_DATA_USAGE_MEASURES' }],
        eventNotifyUri: `${listener.url}/use`,
        notifyCorrelationId: 'c1',
        nfId: '7d3f0c52-9a0e-4f51-8f0c-0c9f5d6f0001',
        eventReportingMode: { trigger: 'ONE_TIME' },
        supi: SUPI,
      },
    },
  });
  expect(reported.status).toBe(201);
  await net.advanceTo(START);
  const item = { eventType: 'USER_DATA_USAGE_MEASURES', supi: SUPI };
  expect(told).toMatchObject([{ notificationItems: [item] }]);
  const { notificationItems } = z
    .object({
      notificationItems: z.array(
        z.object({
          userDataUsageMeasurements: z.array(
            z.object({ throughputMeasurement: z.object({ dlThroughput: z.string() }) }),
          ),
        }),
      ),
    })
    .parse(told[0]);
  const text = notificationItems[0]?.userDataUsageMeasurements[0]?.throughputMeasurement.dlThroughput ?? '';
  expect(Number.parseFloat(text)).toBeCloseTo(usage.dlMbps, 5);
  await expect(ask('UPF', 'GET', '/nupf-ee/v1/usage/imsi-99999')).rejects.toMatchObject(
    refused(404, 'USER_UNKNOWN'),
  );
});

test('the SMF knows the ways of a subscriber and changes them', async () => {
  const { ask } = await network();
  const change = (dnai: string) => ask('SMF', 'PUT', `/paths/v1/ues/${SUPI}/dnai`, { body: { dnai } });
  expect((await change('backup-shanghai')).body).toEqual({ dnai: 'backup-shanghai' });
  const { paths } = z
    .object({ paths: z.array(z.object({ dnai: z.string(), active: z.boolean(), delayMs: z.number() })) })
    .parse((await ask('SMF', 'GET', `/paths/v1/ues/${SUPI}`)).body);
  expect(paths.filter(({ active }) => active).map(({ dnai }) => dnai)).toEqual(['backup-shanghai']);
  await expect(change('nowhere')).rejects.toMatchObject(refused(400, 'INVALID_DNAI'));
});
