import type { NfContext } from './context.ts';
import type { Policy } from './policy-engine.ts';

/** Tells the BSF which PCF serves an address (TS 29.521 4.2.2). Without a BSF nothing is told. */
export function bind(
  { client, duties, nrf }: NfContext,
  policy: Policy,
  { url, instance }: { url: string; instance: string },
): void {
  const { supi, ipv4Address, dnn, sliceInfo } = policy.context;
  if (ipv4Address === undefined) return;
  const { hostname, port } = new URL(url);
  const address = hostname.startsWith('[')
    ? { ipv6Address: hostname.slice(1, -1) }
    : { ipv4Address: hostname };
  duties.owe('binding of an address', async () => {
    const base = await client.discover(nrf, 'BSF');
    const { headers } = await client.request({
      nf: 'BSF',
      base,
      method: 'POST',
      path: '/nbsf-management/v1/pcfBindings',
      body: {
        supi,
        ipv4Addr: ipv4Address,
        dnn,
        snssai: sliceInfo,
        pcfId: instance,
        pcfSetId: 'set001.pcfset.5gc.mnc001.mcc001',
        pcfIpEndPoints: [{ ...address, port: Number(port), transport: 'TCP' }],
      },
    });
    policy.binding = new URL(headers.location ?? '', base).pathname;
  });
}

export function unbind({ client, duties, nrf }: NfContext, { binding }: Policy): void {
  if (binding === undefined) return;
  duties.owe('end of a binding', async () => {
    const base = await client.discover(nrf, 'BSF');
    return client.request({ nf: 'BSF', base, method: 'DELETE', path: binding });
  });
}
