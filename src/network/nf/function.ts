import { createSbiServer, type SbiServer } from '../../sbi/index.ts';
import type { NfContext } from './context.ts';

export interface NetworkFunction {
  nf: string;
  url: string;
  close(): Promise<void>;
}

/** Stands in the middle of an NfInstanceId; the NRF alone has 0. */
const SERIAL = { AMF: 1, SMF: 2, PCF: 3, NWDAF: 4, UPF: 5, GNB: 6, TELEMATICS: 7, UDM: 8 } as const;

export type NfType = keyof typeof SERIAL;

export const instanceIdOf = (nf: NfType) => `00000000-0000-4000-8000-00000000000${SERIAL[nf]}`;

/**
 * Starts a function: its server, its routes, then its profile in the NRF (TS 29.510 5.2.2.2), so that
 * whoever finds it can use it. Closing takes the profile out first.
 */
export async function startFunction(
  { env, host, nrf, client }: NfContext,
  nf: NfType,
  services: Array<{ name: string; version: string }>,
  addRoutes: (server: SbiServer) => void,
): Promise<NetworkFunction> {
  const server = await createSbiServer({ nf, host, log: env.log });
  addRoutes(server);
  const id = instanceIdOf(nf);
  const path = `/nnrf-nfm/v1/nf-instances/${id}`;
  const address = host.includes(':') ? { ipv6Address: host } : { ipv4Address: host };
  const profile = {
    nfInstanceId: id,
    nfType: nf,
    nfStatus: 'REGISTERED',
    ...('ipv4Address' in address
      ? { ipv4Addresses: [address.ipv4Address] }
      : { ipv6Addresses: [address.ipv6Address] }),
    nfServices: services.map(({ name, version }) => ({
      serviceInstanceId: name,
      serviceName: name,
      versions: [{ apiVersionInUri: version, apiFullVersion: `${version.slice(1)}.0.0` }],
      scheme: 'http',
      nfServiceStatus: 'REGISTERED',
      ipEndPoints: [{ ...address, transport: 'TCP', port: server.port }],
    })),
  };
  try {
    await client.request({ nf: 'NRF', base: nrf, method: 'PUT', path, body: profile });
  } catch (error) {
    await server.close();
    throw error;
  }
  return {
    nf,
    url: server.url,
    async close() {
      try {
        await client.request({ nf: 'NRF', base: nrf, method: 'DELETE', path });
      } catch (error) {
        env.log.warn({ nf, problem: String(error) }, 'deregistration failed');
      }
      await server.close();
    },
  };
}
