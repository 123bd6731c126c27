import { expect, test } from 'vitest';
import { z } from 'zod';
import { network, refused, SUPI } from './network.ts';

const paths = z.object({
  paths: z.array(
    z.object({
      dnai: z.string(),
      delayMs: z.number(),
      healthy: z.boolean(),
      active: z.boolean(),
      lossRatio: z.number(),
      utilisation: z.number(),
    }),
  ),
});

async function transport() {
  const world = await network();
  const path = async (dnai: string) => {
    const read = paths.parse((await world.ask('SMF', 'GET', `/paths/v1/ues/${SUPI}`)).body);
    return read.paths.find((one) => one.dnai === dnai);
  };
  return { ...world, path };
}

test('a link that is cut is unhealthy and loses all; mended, it is what it was', async () => {
  const { net, path } = await transport();
  const before = await path('edge-shanghai');
  const fault = await net.faults.inject({ kind: 'link-cut', link: 'link-edge-shanghai' });
  expect(await path('edge-shanghai')).toMatchObject({ healthy: false, lossRatio: 1 });
  expect(await path('backup-shanghai')).toMatchObject({ healthy: true, lossRatio: 0 });
  expect(net.faults.list()).toEqual([fault]);
  expect(await net.faults.clear(fault.id)).toBe(true);
  expect(await path('edge-shanghai')).toEqual(before);
  expect(await net.faults.clear(fault.id)).toBe(false);
});

test('congestion delays a link more the fuller it is, and loses only where it is full', async () => {
  const { net, path } = await transport();
  const delays: number[] = [(await path('central-shanghai'))?.delayMs ?? 0];
  for (const load of [70, 90, 98]) {
    const fault = await net.faults.inject({ kind: 'link-congested', link: 'link-central-shanghai', load });
    const now = await path('central-shanghai');
    delays.push(now?.delayMs ?? 0);
    expect((now?.lossRatio ?? 0) > 0).toBe(load > 95);
    await net.faults.clear(fault.id);
  }
  expect(delays).toEqual([...delays].sort((a, b) => a - b));
  expect(new Set(delays).size).toBe(4);
});

test('guaranteed traffic of sessions is counted on the link that it takes', async () => {
  const { ask, path } = await transport();
  const before = (await path('central-shanghai'))?.utilisation ?? 0;
  const component = { medCompN: 1, medType: 'VIDEO', mirBwDl: '8 Mbps', mirBwUl: '2 Mbps' };
  const made = await ask('PCF', 'POST', '/npcf-policyauthorization/v1/app-sessions', {
    body: {
      ascReqData: {
        supi: SUPI,
        suppFeat: '0',
        notifUri: 'http://127.0.0.1:9/af',
        medComponents: { 1: component },
      },
    },
  });
  expect((await path('central-shanghai'))?.utilisation).toBeCloseTo(before + 10 / 10_000, 9);
  await ask('SMF', 'PUT', `/paths/v1/ues/${SUPI}/dnai`, { body: { dnai: 'edge-shanghai' } });
  expect((await path('central-shanghai'))?.utilisation).toBeCloseTo(before, 9);
  expect((await path('edge-shanghai'))?.utilisation).toBeCloseTo(before + 10 / 2_000, 9);
  await ask('PCF', 'POST', `${new URL(made.headers.location ?? '').pathname}/delete`);
  expect((await path('edge-shanghai'))?.utilisation).toBeCloseTo(before, 9);
});

const context = (more: object) => ({
  supi: SUPI,
  pduSessionId: 3,
  dnn: 'internet',
  sNssai: { sst: 1 },
  servingNfId: '00000000-0000-4000-8000-000000000001',
  anType: '3GPP_ACCESS',
  smContextStatusUri: 'http://127.0.0.1:9/status',
  ...more,
});

test('a slice admits what it is configured for, and no more than it may have', async () => {
  const { net, ask } = await network();
  const establish = (more: object) =>
    ask('SMF', 'POST', '/nsmf-pdusession/v1/sm-contexts', { body: context(more) });
  await expect(establish({ sNssai: { sst: 9 } })).rejects.toMatchObject(refused(403, 'SNSSAI_DENIED'));
  await expect(establish({ dnn: 'factory' })).rejects.toMatchObject(refused(403, 'DNN_DENIED'));
  const slice = { sst: 2, sd: '000001' };
  const fault = await net.faults.inject({ kind: 'misconfiguration', sNssai: slice, dnn: 'factory' });
  const factory = { sNssai: slice, dnn: 'factory' };
  await expect(establish(factory)).rejects.toMatchObject(refused(403, 'DNN_DENIED'));
  await net.faults.clear(fault.id);
  for (let n = 0; n < 100; n++) await establish(factory);
  await expect(establish(factory)).rejects.toMatchObject(refused(403, 'INSUFFICIENT_RESOURCES_SLICE'));
  const infos = await ask('NWDAF', 'GET', '/nnwdaf-analyticsinfo/v1/analytics', {
    query: { 'event-id': 'NSI_LOAD_LEVEL', 'event-filter': JSON.stringify({ snssais: [slice] }) },
  });
  expect(infos.body).toMatchObject({ nsiLoadLevelInfos: [{ loadLevelInformation: 100 }] });
});

test('faults about nothing there is are refused, and break nothing', async () => {
  const { net } = await network();
  for (const fault of [
    { kind: 'link-cut', link: 'link-nowhere' },
    { kind: 'nf-dead', instance: 'x' },
    { kind: 'cell-down', cell: '000000000' },
    { kind: 'earthquake' },
    { kind: 'nf-overload', instance: '00000000-0000-4000-8000-000000000003', refused: 101 },
  ]) {
    await expect(net.faults.inject(fault), JSON.stringify(fault)).rejects.toMatchObject({
      code: 'NETWORK_FAULT_INVALID',
    });
  }
  expect(net.faults.list()).toEqual([]);
});
