import { lookup } from 'node:dns/promises';
import type { NfContext } from './context.ts';
import type { NetworkFunction } from './function.ts';
import { instanceIdOf, type NfType } from './instance-id.ts';
import { NrfEntry } from './nrf-entry.ts';

/** Services that a PCF from outside is believed to have. */
export const PCF_SERVICES = ['npcf-smpolicycontrol', 'npcf-policyauthorization'] as const;

/**
 * Registers a function from outside by its address, as consumers look in the NRF for whom to ask. Its own
 * registration there, if it has one, stays beside this; its load is not known.
 */
export async function introduce(
  { env, nrf, client }: NfContext,
  nf: NfType,
  url: string,
  services: readonly string[],
): Promise<NetworkFunction> {
  const { hostname, port, protocol, pathname } = new URL(url);
  const scheme = protocol === 'https:' ? 'https' : 'http';
  const { address: ip, family } = await lookup(hostname.replace(/^\[|\]$/g, ''));
  const address = family === 6 ? { ipv6Address: ip } : { ipv4Address: ip };
  const apiPrefix = pathname.replace(/\/$/, '');
  const id = instanceIdOf(nf);
  const entry = new NrfEntry({
    env,
    nrf,
    client,
    profile: {
      nfInstanceId: id,
      nfType: nf,
      nfStatus: 'REGISTERED',
      priority: 0,
      ...('ipv4Address' in address
        ? { ipv4Addresses: [address.ipv4Address] }
        : { ipv6Addresses: [address.ipv6Address] }),
      nfServices: services.map((name) => ({
        serviceInstanceId: name,
        serviceName: name,
        versions: [{ apiVersionInUri: 'v1', apiFullVersion: '1.0.0' }],
        scheme,
        nfServiceStatus: 'REGISTERED',
        ...(apiPrefix !== '' && { apiPrefix }),
        ipEndPoints: [
          { ...address, transport: 'TCP', port: Number(port || (scheme === 'https' ? 443 : 80)) },
        ],
      })),
    },
  });
  await entry.register();
  return {
    nf,
    url,
    instance: id,
    beat: () => entry.beat(),
    // What is outside cannot be broken from here.
    kill: () => Promise.resolve(),
    revive: () => Promise.resolve(),
    overload: () => undefined,
    close: () => entry.close({ deregister: true }),
  };
}
