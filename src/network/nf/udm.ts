import { z } from 'zod';
import { problem } from '../../sbi/index.ts';
import type { NfContext } from './context.ts';
import { type NetworkFunction, startFunction } from './function.ts';
import { supi } from './schemas.ts';

/** GPSI of an MSISDN (TS 29.571 5.3.2). */
const gpsi = z.string().regex(/^msisdn-[0-9]{5,15}$/, 'is no GPSI (`msisdn-` and 5 to 15 digits)');

/** Numbers of the simulated subscribers: the end of the IMSI after a country code that nobody has. */
const MSISDN_PREFIX = 'msisdn-999';
const TAIL = 10;
const gpsiOf = (id: string) => `${MSISDN_PREFIX}${id.slice(-TAIL)}`;

/** UDM: which subscriber a number belongs to, and the other way round (TS 29.503 5.2.2.2.10). */
export async function startUdm(context: NfContext): Promise<NetworkFunction> {
  const { simulation } = context;
  return startFunction(context, 'UDM', [{ name: 'nudm-sdm', version: 'v2' }], (server) => {
    server.route('GET', '/nudm-sdm/v2/{ueId}/id-translation-result', {}, ({ params }) => {
      const asked = params.ueId ?? '';
      const unknown = () => problem(404, 'USER_NOT_FOUND', `No subscriber is called ${asked}`);
      if (supi.safeParse(asked).success) {
        if (simulation.ue(asked) === undefined) throw unknown();
        return { status: 200, body: { supi: asked, gpsi: gpsiOf(asked) } };
      }
      if (!gpsi.safeParse(asked).success || !asked.startsWith(MSISDN_PREFIX)) throw unknown();
      const found = simulation.subscribers().find((one) => gpsiOf(one) === asked);
      if (found === undefined) throw unknown();
      return { status: 200, body: { supi: found, gpsi: asked } };
    });
  });
}
