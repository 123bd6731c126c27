import { z } from 'zod';
import { problem } from '../../sbi/index.ts';
import type { NfContext } from './context.ts';
import { type NetworkFunction, startFunction } from './function.ts';
import { PLMN, subscriberUnknown, supi } from './schemas.ts';

const request = z.object({
  req5gsLoc: z.boolean().optional(),
  reqCurrentLoc: z.boolean().optional(),
  reqRatType: z.boolean().optional(),
});

/** AMF: location of subscribers (TS 29.518 5.5), and the registration of the one under assurance. */
export async function startAmf(context: NfContext): Promise<NetworkFunction> {
  const { simulation } = context;
  return startFunction(context, 'AMF', [{ name: 'namf-loc', version: 'v1' }], (server) => {
    server.route('POST', '/namf-loc/v1/{ueContextId}/provide-loc-info', { body: request }, ({ params }) => {
      const id = supi.safeParse(params.ueContextId);
      const radio = id.success ? simulation.ue(id.data) : undefined;
      // TS 29.518 6.4.7.3
      if (radio === undefined) throw problem(404, 'CONTEXT_NOT_FOUND', `No context of ${params.ueContextId}`);
      const cell = radio.cellId === null ? undefined : simulation.cell(radio.cellId);
      if (cell === undefined) return { status: 200, body: { currentLoc: false } };
      const region = simulation.regions().find((one) => one.id === cell.regionId);
      const tai = { plmnId: PLMN, tac: region?.tac ?? '000000' };
      const location =
        cell.rat === 'NR'
          ? { nrLocation: { tai, ncgi: { plmnId: PLMN, nrCellId: cell.id } } }
          : { eutraLocation: { tai, ecgi: { plmnId: PLMN, eutraCellId: cell.id } } };
      return {
        status: 200,
        body: { currentLoc: true, location, ratType: cell.rat, geoInfo: cell.regionId },
      };
    });
  });
}

/** The subscriber's phone is on: a PDU session is established for it (TS 23.502 4.3.2). */
export async function establishSession(context: NfContext, subscriber: string): Promise<void> {
  const { client, nrf, simulation } = context;
  if (!simulation.subscribers().includes(subscriber)) throw subscriberUnknown(subscriber);
  await client.request({
    nf: 'SMF',
    base: await client.discover(nrf, 'SMF'),
    method: 'POST',
    path: '/nsmf-pdusession/v1/sm-contexts',
    body: {
      supi: subscriber,
      pduSessionId: 1,
      dnn: 'internet',
      sNssai: { sst: 1 },
      servingNetwork: PLMN,
      anType: '3GPP_ACCESS',
    },
  });
}
