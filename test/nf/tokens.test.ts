import { decodeJwt } from 'jose';
import { expect, test } from 'vitest';
import { startNetwork } from '../../src/network/index.ts';
import { SbiClient } from '../../src/sbi/index.ts';
import { network, refused, START, SUPI } from './network.ts';
import { closing, testEnv } from './support.ts';

const AMF = '00000000-0000-4000-8000-000000000001';
const FORM = 'application/x-www-form-urlencoded';

test('the NRF gives tokens to registered consumers, for services that there are', async () => {
  const { ask } = await network();
  const token = async (more: Record<string, string>) => {
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      nfInstanceId: AMF,
      scope: 'nsmf-pdusession',
      targetNfType: 'SMF',
      ...more,
    });
    return ask('NRF', 'POST', '/oauth2/token', { body: body.toString(), contentType: FORM });
  };
  const given = await token({});
  expect(given).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } });
  const { access_token, token_type, expires_in } = given.body as Record<string, string>;
  expect({ token_type, expires_in }).toEqual({ token_type: 'Bearer', expires_in: 3600 });
  expect(decodeJwt(access_token ?? '')).toMatchObject({ sub: AMF, aud: 'SMF', scope: 'nsmf-pdusession' });
  for (const [more, error] of [
    [{ grant_type: 'password' }, 'unsupported_grant_type'],
    [{ nfInstanceId: '7d3f0c52-9a0e-4f51-8f0c-0c9f5d6f0001' }, 'invalid_client'],
    [{ nfType: 'UDM' }, 'invalid_client'],
    [{ scope: 'nudm-sdm' }, 'invalid_scope'],
    [{ nfInstanceId: 'x' }, 'invalid_request'],
  ] as const) {
    await expect(token(more), error).rejects.toMatchObject({ details: { status: 400, problem: { error } } });
  }
});

test('with tokens wanted, functions serve each other, and nobody without one', async () => {
  const env = testEnv();
  const simulation = { seed: 7, startTime: START, homeRegion: 'shanghai', supi: SUPI, uesPerRegion: 5 };
  const net = closing(await startNetwork({ env, host: '127.0.0.1', simulation, oauth2: true }));
  const path = '/npcf-policyauthorization/v1/app-sessions';
  const body = { ascReqData: { supi: SUPI, suppFeat: '0', notifUri: 'http://127.0.0.1:9/af' } };
  const request = { nf: 'PCF', base: net.nfs.PCF ?? '', method: 'POST', path, body } as const;
  const stranger = closing(new SbiClient({ env }));
  await expect(stranger.request(request)).rejects.toMatchObject(refused(401, 'UNAUTHORIZED'));
  const forged = { authorization: 'Bearer eyJhbGciOiJub25lIn0.e30.' };
  await expect(stranger.request({ ...request, headers: forged })).rejects.toMatchObject(
    refused(401, 'UNAUTHORIZED'),
  );
  const identity = { nrf: net.nrf, nfInstanceId: AMF, nfType: 'AMF' };
  const known = closing(new SbiClient({ env, identity }));
  expect((await known.request(request)).status).toBe(201);
  // The token is for the one service: another wants its own, and gets it.
  const other = {
    ...request,
    method: 'GET',
    path: '/npcf-smpolicycontrol/v1/sm-policies/smp-1',
    body: undefined,
  };
  expect((await known.request({ ...other, method: 'GET' })).status).toBe(200);
  // When it has ended, a new one is asked for.
  env.clock.advance(3_600_000);
  expect((await known.request(request)).status).toBe(201);
});
