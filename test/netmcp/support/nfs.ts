import { Duties, Notifier, startNrf } from '../../../src/network/nf/index.ts';
import { createSbiServer, SbiClient } from '../../../src/sbi/index.ts';
import type { TestEnv } from './env.ts';
import { closing } from './life.ts';

const EXTENSION = 'org.gtigroup/netmcp';

/** The NRF of the simulated network, and nothing else of it. */
export async function realNrf(env: TestEnv) {
  const client = new SbiClient({ env });
  closing(() => client.close());
  const notifier = new Notifier({ env, client, duties: new Duties(env.log) });
  const nrf = await startNrf({ env, host: '127.0.0.1', notifier });
  closing(nrf.close);
  return { url: nrf.url, client };
}

/** A PCF of which `/npcf-things/...` counts things, and which can be taken down. */
export async function countingPcf(nrf: Awaited<ReturnType<typeof realNrf>>, serial: number, total: number) {
  const server = await createSbiServer({ nf: 'PCF', host: '127.0.0.1' });
  closing(server.close);
  const id = `00000000-0000-4000-9000-00000000000${serial}`;
  const at = `/nnrf-nfm/v1/nf-instances/${id}`;
  const state = { works: true, calls: 0 };
  const answer = (body: unknown) =>
    state.works ? { status: 200, body } : { status: 503, body: { status: 503 } };
  server.route('GET', '/npcf-things/v1/subscribers/{supi}/things', {}, () => {
    state.calls += 1;
    return answer({ data: { total } });
  });
  server.route('GET', '/npcf-things/v1/status', {}, () => answer({ up: true }));
  const ask = (method: 'PUT' | 'DELETE', body?: unknown) =>
    nrf.client.request({ nf: 'NRF', base: nrf.url, method, path: at, ...(body !== undefined && { body }) });
  return {
    id: `nrf:${id}`,
    state,
    /** NFRegister, or a complete replacement of the profile (TS 29.510 5.2.2.2). */
    publish: (tools: object[], more: object = {}, summary = 'Things of subscribers.') =>
      ask('PUT', {
        nfInstanceId: id,
        nfType: 'PCF',
        nfStatus: 'REGISTERED',
        nfServices: [
          {
            serviceInstanceId: 'npcf-things',
            serviceName: 'npcf-things',
            versions: [{ apiVersionInUri: 'v1', apiFullVersion: '1.0.0' }],
            scheme: 'http',
            nfServiceStatus: 'REGISTERED',
            ipEndPoints: [{ ipv4Address: '127.0.0.1', port: server.port }],
          },
        ],
        customInfo: { [EXTENSION]: { summary, tools } },
        ...more,
      }),
    leave: () => ask('DELETE'),
    stop: () => server.close(),
  };
}
