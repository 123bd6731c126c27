import { expect, test } from 'vitest';
import { readWorld, startNetwork } from '../../src/network/index.ts';
import type { UeRadio } from '../../src/network/model.ts';
import { SbiClient } from '../../src/sbi/index.ts';
import { SUPI } from './network.ts';
import { closing, testEnv } from './support.ts';

const simulation = {
  seed: 1,
  startTime: Date.parse('2026-03-02T10:00:00Z'),
  homeRegion: 'Hangzhou',
  supi: SUPI,
};

test('the network functions serve a scenario world, with a twin that nobody operates', async () => {
  const env = testEnv();
  const world = readWorld('campus');
  const start = Date.parse(world.description.start);
  const net = closing(
    await startNetwork({ env, host: '127.0.0.1', simulation: { ...simulation, startTime: start }, world }),
  );
  expect(net.cells).toBe(27);
  expect(net.regions().map(({ id }) => id)).toEqual(['hangzhou']);
  const client = closing(new SbiClient({ env, timeoutMs: 60_000 }));
  const gnb = await client.discover(net.nrf, 'GNB');
  const trip = {
    tripId: 't',
    supi: SUPI,
    mode: 'drive',
    destination: 'hangzhou',
    departure: { start, end: start + 60_000 },
    service: { name: 'call', dlMbps: 2, ulMbps: 1, maxDelayMs: 100, window: { start, end: start + 120_000 } },
  };
  const book = (body: object) =>
    client.request({
      nf: 'TELEMATICS',
      base: net.telematics,
      method: 'POST',
      path: '/telematics/v1/trips',
      body,
    });
  await expect(book({ ...trip, mode: 'fly' })).rejects.toMatchObject({
    details: { status: 400, cause: 'NETWORK_TRIP_INVALID' },
  });
  expect((await book(trip)).status).toBe(201);
  await net.advanceTo(start + 60_000);
  const radio = (
    await client.request({ nf: 'GNB', base: gnb, method: 'GET', path: `/performance/v1/ues/${SUPI}` })
  ).body as UeRadio;
  expect(radio.speedMps).toBeGreaterThan(5);
  const evaluation = net.evaluation(SUPI);
  expect(evaluation?.assured.seconds).toBe(60);
  // Nobody did anything: both worlds went the same way.
  expect(evaluation?.unassured).toEqual(evaluation?.assured);
  const cell = radio.cellId as string;
  const policy = (id: string, ratio: number) =>
    client.request({
      nf: 'GNB',
      base: gnb,
      method: 'PUT',
      path: `/ProvMnS/v1/RRMPolicyRatio=${id}`,
      body: { id, attributes: { rRMPolicyDedicatedRatio: ratio, cellIds: [cell], supis: [SUPI] } },
    });
  expect((await policy('a', 60)).status).toBe(201);
  await expect(policy('b', 60)).rejects.toMatchObject({ details: { status: 400 } });
  // Faults of the core and of cells reach the world.
  const path = async () =>
    (
      await client.request({
        nf: 'SMF',
        base: await client.discover(net.nrf, 'SMF'),
        method: 'GET',
        path: `/paths/v1/ues/${SUPI}`,
      })
    ).body;
  const cut = await net.faults.inject({ kind: 'link-cut', link: 'link-edge-hangzhou' });
  expect(await path()).toMatchObject({
    paths: [{ healthy: true }, { dnai: 'edge-hangzhou', healthy: false }],
  });
  expect(await net.faults.clear(cut.id)).toBe(true);
  expect(await path()).toMatchObject({
    paths: [{ healthy: true }, { dnai: 'edge-hangzhou', healthy: true }],
  });
  await net.faults.inject({ kind: 'cell-down', cell });
  await net.advanceTo(start + 62_000);
  const moved = await client.request({
    nf: 'GNB',
    base: gnb,
    method: 'GET',
    path: `/performance/v1/ues/${SUPI}`,
  });
  expect((moved.body as UeRadio).cellId).not.toBe(cell);
});

test('a world without the subscriber is refused before anything is started', async () => {
  const world = readWorld('campus');
  const other = { ...simulation, supi: 'imsi-001010000000777' };
  await expect(
    startNetwork({ env: testEnv(), host: '127.0.0.1', simulation: other, world }),
  ).rejects.toMatchObject({
    code: 'WORLD_UNSUPPORTED',
  });
});
