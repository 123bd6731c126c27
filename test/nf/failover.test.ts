import { expect, test } from 'vitest';
import { z } from 'zod';
import { openNfLoad } from '../../src/netmcp/toolserver/nf-load.ts';
import { createSbiServer, problem, SbiClient, type SbiServer } from '../../src/sbi/index.ts';
import { network, refused, START, SUPI } from './network.ts';
import { closing, testEnv } from './support.ts';

const SESSIONS = '/npcf-policyauthorization/v1/app-sessions';
const PCF = '00000000-0000-4000-8000-000000000003';
const SMF = '00000000-0000-4000-8000-000000000002';

const session = {
  ascReqData: {
    supi: SUPI,
    suppFeat: '0',
    notifUri: 'http://127.0.0.1:9/af',
    medComponents: { 1: { medCompN: 1, medType: 'VIDEO', mirBwDl: '2 Mbps', mirBwUl: '1 Mbps' } },
  },
};

test('a PCF that is killed between two requests is replaced by the other of its set, with its sessions', async () => {
  const { net, client } = await network();
  const base = await client.discover(net.nrf, 'PCF');
  const ask = (method: 'GET' | 'POST', path: string, body?: unknown) =>
    client.request({ nf: 'PCF', base, others: net.nrf, method, path, ...(body !== undefined && { body }) });
  const made = await ask('POST', SESSIONS, session);
  const path = new URL(made.headers.location ?? '').pathname;
  const dead = await net.faults.inject({ kind: 'nf-dead', instance: PCF });
  // The same resource, at the other instance.
  expect((await ask('GET', path)).body).toMatchObject({ ascReqData: { supi: SUPI } });
  // New ones too: the request was never sent to the dead one.
  expect((await ask('POST', SESSIONS, session)).status).toBe(201);
  expect((await ask('POST', `${path}/delete`)).status).toBe(204);
  // Without knowing of others it is not reached.
  const alone = { nf: 'PCF', base, method: 'GET', path: `${SESSIONS}/app-2` } as const;
  await expect(client.request(alone)).rejects.toMatchObject({ code: 'SBI_UNREACHABLE' });
  await net.faults.clear(dead.id);
  expect((await client.request(alone)).status).toBe(200);
});

test('an SMF that dies in the middle of a session does not stop the PCF from changing it', async () => {
  const { net, ask, radio } = await network();
  const made = await ask('PCF', 'POST', SESSIONS, { body: session });
  expect(made.body).toMatchObject({ evsNotif: { qncReports: [{ notifType: 'GUARANTEED' }] } });
  const path = new URL(made.headers.location ?? '').pathname;
  await net.faults.inject({ kind: 'nf-dead', instance: SMF });
  const change = { ascReqData: { medComponents: { 1: { medCompN: 1, mirBwDl: '3 Mbps' } } } };
  const patched = await ask('PCF', 'PATCH', path, {
    body: change,
    contentType: 'application/merge-patch+json',
  });
  expect(patched.status).toBe(200);
  await net.advanceTo(START + 1_000);
  expect((await radio()).dlMbps).toBeGreaterThan(0);
});

test('a dead function is suspended after two missed heart-beats, and found again when it is back', async () => {
  const { net, ask, env } = await network();
  const status = async () =>
    z
      .object({ nfStatus: z.string() })
      .parse((await ask('NRF', 'GET', `/nnrf-nfm/v1/nf-instances/${PCF}`)).body).nfStatus;
  const dead = await net.faults.inject({ kind: 'nf-dead', instance: PCF });
  env.clock.advance(5_000);
  expect(await status()).toBe('REGISTERED');
  env.clock.advance(5_000);
  expect(await status()).toBe('SUSPENDED');
  await net.faults.clear(dead.id);
  expect(await status()).toBe('REGISTERED');
});

test('an overloaded function refuses its share, reports it as load, and consumers go to the other', async () => {
  const { net, ask, client } = await network();
  const fault = await net.faults.inject({ kind: 'nf-overload', instance: PCF, refused: 100 });
  expect((await ask('NRF', 'GET', `/nnrf-nfm/v1/nf-instances/${PCF}`)).body).toMatchObject({ load: 100 });
  const base = net.nfs.PCF ?? '';
  const request = { nf: 'PCF', base, method: 'POST', path: SESSIONS, body: session } as const;
  await expect(client.request(request)).rejects.toMatchObject(refused(503, 'NF_CONGESTION'));
  expect((await client.request({ ...request, others: net.nrf })).status).toBe(201);
  await net.faults.clear(fault.id);
  expect((await client.request(request)).status).toBe(201);
});

test('the load of functions is what NetMCP sees of them, with the next heart-beat', async () => {
  const { net, ask, env } = await network();
  const loads = closing(openNfLoad(env, net.nrf));
  await net.beat();
  const quiet = await loads.read(['PCF', 'SMF', 'GNB', 'COMPUTE']);
  expect(Object.keys(quiet).sort()).toEqual(['COMPUTE', 'GNB', 'PCF', 'SMF']);
  expect(quiet.COMPUTE).toBe(0);
  expect(quiet.GNB).toBeGreaterThan(0);
  const body = { siteId: 'edge-shanghai', name: 'x', vcpu: 32, memoryMiB: 1 };
  await ask('COMPUTE', 'POST', '/compute/v1/allocations', { body });
  await net.faults.inject({ kind: 'nf-overload', instance: PCF, refused: 80 });
  await net.beat();
  // Of two PCFs of the same capacity one is idle.
  expect(await loads.read(['PCF', 'COMPUTE'])).toEqual({ COMPUTE: 50, PCF: 40 });
});

/** Two instances of a type at an NRF; the first one loses answers after it did the work. */
async function twoInstances() {
  const env = testEnv();
  const done: string[] = [];
  const servers: SbiServer[] = [];
  for (const name of ['a', 'b']) {
    const server = closing(await createSbiServer({ nf: 'UDM', host: '127.0.0.1' }));
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const) {
      server.route(method, '/x/v1/thing', {}, () => {
        done.push(`${method} ${name}`);
        if (name === 'a') void server.kill();
        return { status: 204 };
      });
      server.route(method, '/x/v1/busy', {}, () => {
        done.push(`${method} ${name}`);
        if (name === 'a') throw problem(503, 'NF_CONGESTION');
        return { status: 204 };
      });
    }
    servers.push(server);
  }
  const nrf = closing(await createSbiServer({ nf: 'NRF', host: '127.0.0.1' }));
  nrf.route('GET', '/nnrf-disc/v1/nf-instances', {}, () => ({
    status: 200,
    body: {
      validityPeriod: 60,
      nfInstances: servers.map(({ port }, priority) => ({
        priority,
        nfServices: [{ scheme: 'http', ipEndPoints: [{ ipv4Address: '127.0.0.1', port }] }],
      })),
    },
  }));
  const client = closing(new SbiClient({ env }));
  const [a] = servers;
  const ask = async (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string) => {
    done.length = 0;
    await a?.revive();
    return client.request({ nf: 'UDM', base: a?.url ?? '', others: nrf.url, method, path });
  };
  return { ask, done };
}

test('a lost answer is asked for elsewhere only where doing it twice is doing it once', async () => {
  const { ask, done } = await twoInstances();
  for (const method of ['GET', 'PUT', 'DELETE'] as const) {
    expect((await ask(method, '/x/v1/thing')).status).toBe(204);
    expect(done).toEqual([`${method} a`, `${method} b`]);
  }
  for (const method of ['POST', 'PATCH'] as const) {
    await expect(ask(method, '/x/v1/thing')).rejects.toMatchObject({ code: 'SBI_LOST' });
    expect(done).toEqual([`${method} a`]);
  }
});

test('what was refused for overload is asked elsewhere, whatever it is', async () => {
  const { ask, done } = await twoInstances();
  for (const method of ['POST', 'PATCH', 'GET'] as const) {
    expect((await ask(method, '/x/v1/busy')).status).toBe(204);
    expect(done).toEqual([`${method} a`, `${method} b`]);
  }
});
