import { z } from 'zod';
import { notifyUri, snssai, supi } from './schemas.ts';

/** Bodies of the SM context service (TS 29.502 6.1.6), as far as this network uses them. */

export const smContext = z.object({
  supi,
  pduSessionId: z.number().int().min(1).max(15),
  dnn: z.string().min(1),
  sNssai: snssai,
  servingNfId: z.uuid(),
  anType: z.enum(['3GPP_ACCESS', 'NON_3GPP_ACCESS']),
  smContextStatusUri: notifyUri,
});

export const smContextUpdate = z.object({
  upCnxState: z.enum(['ACTIVATED', 'DEACTIVATED']).optional(),
  release: z.boolean().optional(),
});
