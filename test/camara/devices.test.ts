import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bench, openBench } from './bench.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench({ catalogueFile: join(import.meta.dirname, 'fixtures/catalogue.yaml') });
});
afterAll(() => bench.close());

const ask = async (device: object) => {
  const answer = await fetch(`${bench.url}/quality-on-demand/vwip/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${await bench.token({})}` },
    body: JSON.stringify({
      device,
      applicationServer: { ipv4Address: '198.51.100.0/24' },
      qosProfile: 'QOS_S',
      duration: 60,
    }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};

test('a device is found by its private address, or not', async () => {
  const by = (privateAddress: string) => ({ ipv4Address: { publicAddress: '203.0.113.5', privateAddress } });
  expect(await ask(by('10.45.0.99'))).toMatchObject({ status: 404, body: { code: 'IDENTIFIER_NOT_FOUND' } });
  const found = await ask(by(bench.address));
  expect(found).toMatchObject({ status: 201, body: { qosStatus: 'AVAILABLE', device: by(bench.address) } });
  // The same phone by its number: it has a session already.
  expect(await ask({ phoneNumber: '+9990000000001' })).toMatchObject({ status: 409 });
});

test('a public address without more is no identifier here', async () => {
  const device = { ipv4Address: { publicAddress: '203.0.113.5', publicPort: 4000 } };
  expect(await ask(device)).toMatchObject({ status: 422, body: { code: 'UNSUPPORTED_IDENTIFIER' } });
});
