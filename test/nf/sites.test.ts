import { expect, test } from 'vitest';
import { network, refused, START } from './network.ts';

const SITES = '/compute/v1';
const BUCKET = '/storage/v1/buckets/maps';

test('compute of a site is allocated, runs a job for as long as its work takes, and is given back', async () => {
  const { ask, net } = await network();
  const free = async () => {
    const { body } = await ask('COMPUTE', 'GET', `${SITES}/sites/edge-shanghai`);
    return (body as { free: { vcpu: number } }).free.vcpu;
  };
  const request = { siteId: 'edge-shanghai', name: 'relay', vcpu: 4, memoryMiB: 8192 };
  const all = await free();
  const made = await ask('COMPUTE', 'POST', `${SITES}/allocations`, { body: request });
  const path = new URL(made.headers.location ?? '').pathname;
  expect(await free()).toBe(all - 4);
  const job = await ask('COMPUTE', 'POST', `${path}/jobs`, { body: { name: 'transcode', cpuSeconds: 20 } });
  expect(job.body).toMatchObject({ state: 'RUNNING', endsAt: START + 5_000 });
  const state = async () => (await ask('COMPUTE', 'GET', new URL(job.headers.location ?? '').pathname)).body;
  await net.advanceTo(START + 4_000);
  expect(await state()).toMatchObject({ state: 'RUNNING' });
  await net.advanceTo(START + 5_000);
  expect(await state()).toMatchObject({ state: 'DONE' });
  await ask('COMPUTE', 'DELETE', path);
  expect(await free()).toBe(all);
  await expect(ask('COMPUTE', 'GET', path)).rejects.toMatchObject(refused(404, 'ALLOCATION_NOT_FOUND'));
});

test('a site gives no more than it has, and nothing while it is down', async () => {
  const { ask, net } = await network();
  const allocate = (more: object) =>
    ask('COMPUTE', 'POST', `${SITES}/allocations`, {
      body: { siteId: 'edge-shanghai', name: 'x', vcpu: 1, memoryMiB: 1, ...more },
    });
  await expect(allocate({ vcpu: 65 })).rejects.toMatchObject(refused(403, 'INSUFFICIENT_RESOURCES'));
  await expect(allocate({ siteId: 'edge-moon' })).rejects.toMatchObject(refused(404, 'SITE_NOT_FOUND'));
  const made = await allocate({ vcpu: 64 });
  await expect(allocate({})).rejects.toMatchObject(refused(403, 'INSUFFICIENT_RESOURCES'));
  const path = new URL(made.headers.location ?? '').pathname;
  const job = await ask('COMPUTE', 'POST', `${path}/jobs`, { body: { name: 'long', cpuSeconds: 6_400 } });
  await net.faults.inject({ kind: 'site-down', site: 'edge-shanghai' });
  const failed = await ask('COMPUTE', 'GET', new URL(job.headers.location ?? '').pathname);
  expect(failed.body).toMatchObject({ state: 'FAILED' });
  await ask('COMPUTE', 'DELETE', path);
  await expect(allocate({})).rejects.toMatchObject(refused(503, 'SITE_DOWN'));
});

test('objects are kept in a bucket up to its quota', async () => {
  const { ask } = await network();
  const put = (key: string, data: string) =>
    ask('STORAGE', 'PUT', `${BUCKET}/objects/${key}`, { body: { data } });
  await expect(put('a', 'x')).rejects.toMatchObject(refused(404, 'BUCKET_NOT_FOUND'));
  const bucket = (quotaBytes: number) =>
    ask('STORAGE', 'PUT', BUCKET, { body: { siteId: 'edge-shanghai', quotaBytes } });
  expect((await bucket(10)).status).toBe(201);
  expect((await put('a', '12345678')).body).toMatchObject({ bytes: 8 });
  // Replaced, it counts once.
  expect((await put('a', '1234567890')).status).toBe(200);
  await expect(put('b', 'x')).rejects.toMatchObject(refused(403, 'QUOTA_EXCEEDED'));
  await expect(bucket(9)).rejects.toMatchObject({
    details: { status: 403, problem: { invalidParams: [{ param: '/quotaBytes' }] } },
  });
  expect((await ask('STORAGE', 'GET', BUCKET)).body).toMatchObject({ usedBytes: 10, quotaBytes: 10 });
  expect((await ask('STORAGE', 'GET', `${BUCKET}/objects/a`)).body).toMatchObject({ data: '1234567890' });
  await ask('STORAGE', 'DELETE', `${BUCKET}/objects/a`);
  expect((await ask('STORAGE', 'GET', `${BUCKET}/objects`)).body).toEqual({ keys: [] });
});
