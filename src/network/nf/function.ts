import { createSbiServer, problem, SbiProblem, type SbiServer } from '../../sbi/index.ts';
import type { NfContext } from './context.ts';
import { instanceIdOf, type NfType } from './instance-id.ts';
import { NrfEntry } from './nrf-entry.ts';

export interface NetworkFunction {
  nf: string;
  url: string;
  /** NfInstanceId. */
  instance: string;
  /** Reports status and load to the NRF now; else each heart-beat does. */
  beat(): Promise<void>;
  /** The process dies: no answers, no heart-beats, and the NRF is not told. */
  kill(): Promise<void>;
  /** It is there again, at the same address, and registers. */
  revive(): Promise<void>;
  /** Of a hundred requests so many are refused from now on. */
  overload(refused: number): void;
  close(): Promise<void>;
}

interface Service {
  name: string;
  version: string;
}

export interface FunctionOptions {
  /** 0 for the first of its type. */
  instance?: number;
  /** How full the function itself is, 0..1, beside the requests that it serves. */
  load?: () => number;
  /** More of its profile, as `pcfInfo`. */
  profile?: Record<string, unknown>;
}

/** Requests a second at which a simulated function counts as fully loaded. */
const REQUESTS_S = 100;

/**
 * Starts a function: its server, its routes, then its profile in the NRF (TS 29.510 5.2.2.2), so that
 * whoever finds it can use it; then it reports load with each heart-beat. Closing takes the profile out first.
 */
export async function startFunction(
  { env, host, nrf, client, tokens }: NfContext,
  nf: NfType,
  services: readonly Service[],
  addRoutes: (server: SbiServer) => void,
  { instance = 0, load, profile }: FunctionOptions = {},
): Promise<NetworkFunction> {
  const server = await createSbiServer({ nf, host, log: env.log });
  const id = instanceIdOf(nf, instance);
  let refused = 0;
  let counter = 0;
  const names = services.map(({ name }) => name);
  server.guard(async (headers) => {
    // Spread evenly, so that a share of 50 is every second request.
    counter = (counter + refused) % 100;
    if (refused > 0 && counter < refused) throw congested();
    await tokens?.({ nf, instance: id, services: names }, headers);
  });
  addRoutes(server);
  let before = { at: env.clock.now(), answered: 0 };
  const loadNow = () => {
    const now = env.clock.now();
    const seconds = Math.max(1, (now - before.at) / 1000);
    const busy = (server.answered - before.answered) / seconds / REQUESTS_S;
    before = { at: now, answered: server.answered };
    return Math.min(100, Math.round(100 * Math.max(busy, load?.() ?? 0, refused / 100)));
  };
  const address = host.includes(':') ? { ipv6Address: host } : { ipv4Address: host };
  const entry = new NrfEntry({
    env,
    nrf,
    client,
    load: loadNow,
    profile: {
      nfInstanceId: id,
      nfType: nf,
      nfStatus: 'REGISTERED',
      plmnList: [{ mcc: '001', mnc: '01' }],
      priority: instance,
      capacity: 100,
      ...('ipv4Address' in address
        ? { ipv4Addresses: [address.ipv4Address] }
        : { ipv6Addresses: [address.ipv6Address] }),
      ...profile,
      nfServices: services.map(({ name, version }) => ({
        serviceInstanceId: name,
        serviceName: name,
        versions: [{ apiVersionInUri: version, apiFullVersion: `${version.slice(1)}.0.0` }],
        scheme: 'http',
        nfServiceStatus: 'REGISTERED',
        ipEndPoints: [{ ...address, transport: 'TCP', port: server.port }],
        ...(tokens !== undefined && { oauth2Required: true }),
      })),
    },
  });
  try {
    await entry.register();
  } catch (error) {
    await server.close();
    throw error;
  }
  let dead = false;
  return {
    nf,
    url: server.url,
    instance: id,
    beat: () => entry.beat(),
    async kill() {
      dead = true;
      entry.silence();
      await server.kill();
    },
    async revive() {
      dead = false;
      await server.revive();
      await entry.register();
    },
    overload(share) {
      refused = share;
    },
    async close() {
      await entry.close({ deregister: !dead });
      await server.close();
    },
  };
}

function congested(): SbiProblem {
  const { problem: body } = problem(503, 'NF_CONGESTION', 'The function is overloaded');
  return new SbiProblem(body, { 'retry-after': '1' });
}
