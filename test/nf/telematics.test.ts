import { expect, test } from 'vitest';
import type { Trip } from '../../src/network/model.ts';
import { network, refused, START, SUPI } from './network.ts';

const HOUR = 3_600_000;
const stay = (more: object = {}) => ({
  tripId: 'trip-1',
  supi: SUPI,
  mode: 'stay',
  destination: 'shanghai',
  departure: { start: START, end: START + 60_000 },
  service: {
    name: 'livestream',
    dlMbps: 4,
    ulMbps: 2,
    maxDelayMs: 150,
    window: { start: START + 120_000, end: START + HOUR },
  },
  ...more,
});

test('a trip is booked in both worlds; without any measure they give the same service', async () => {
  const { net, ask } = await network();
  expect(net.evaluation(SUPI)).toBeUndefined();
  const booked = await ask('TELEMATICS', 'POST', '/telematics/v1/trips', { body: stay() });
  expect(booked.status).toBe(201);
  const trip = booked.body as Trip;
  expect(trip.segments.length).toBeGreaterThan(0);
  expect((await ask('TELEMATICS', 'GET', `/telematics/v1/trips/${SUPI}`)).body).toEqual(trip);
  expect(net.evaluation(SUPI)).toBeUndefined();
  await net.advanceTo(trip.service.start + 60_000);
  const evaluation = net.evaluation(SUPI);
  expect(evaluation?.assured.seconds).toBeGreaterThan(0);
  expect(evaluation).toMatchObject({
    service: 'livestream',
    targets: { dlMbps: 4, ulMbps: 2, maxDelayMs: 150 },
    unassured: evaluation?.assured,
    harm: { othersMedianRateChange: 0, othersP5RateChange: 0 },
  });
});

test('what the functions do reaches the world under assurance only', async () => {
  const { net, ask } = await network();
  const trip = (await ask('TELEMATICS', 'POST', '/telematics/v1/trips', { body: stay() })).body as Trip;
  await net.advanceTo(trip.service.start + 1000);
  await ask('SMF', 'PUT', `/paths/v1/ues/${SUPI}/dnai`, { body: { dnai: 'edge-shanghai' } });
  await net.advanceTo(trip.service.start + 61_000);
  const evaluation = net.evaluation(SUPI);
  expect(evaluation?.assured.p95DelayMs).toBeLessThan(evaluation?.unassured.p95DelayMs ?? 0);
});

test('the position of the vehicle is read; what cannot be booked is refused', async () => {
  const { ask, radio } = await network();
  expect((await ask('TELEMATICS', 'GET', `/telematics/v1/positions/${SUPI}`)).body).toMatchObject({
    ...(await radio()).position,
    medium: 'cellular',
  });
  const book = (more: object) => ask('TELEMATICS', 'POST', '/telematics/v1/trips', { body: stay(more) });
  await expect(book({ destination: 'atlantis' })).rejects.toMatchObject(
    refused(404, 'NETWORK_REGION_UNKNOWN'),
  );
  await expect(book({ supi: 'imsi-99999' })).rejects.toMatchObject(
    refused(404, 'NETWORK_SUBSCRIBER_UNKNOWN'),
  );
  await expect(book({ mode: 'swim' })).rejects.toMatchObject(refused(400, 'MANDATORY_IE_INCORRECT'));
  await expect(ask('TELEMATICS', 'GET', `/telematics/v1/trips/${SUPI}`)).rejects.toMatchObject(
    refused(404, 'RESOURCE_NOT_FOUND'),
  );
});
