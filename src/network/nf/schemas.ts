import { z } from 'zod';
import { invalid, problem } from '../../sbi/index.ts';

/** Of the test networks (ITU-T E.212 assigns 001 to them). */
export const PLMN = { mcc: '001', mnc: '01' } as const;

export const supi = z.string().regex(/^imsi-[0-9]{5,15}$/, 'is no SUPI (`imsi-` and 5 to 15 digits)');
export const rat = z.enum(['NR', 'EUTRA']);
export const instant = z.number().min(0).max(8.64e15);
export const point = z.object({
  lat: z.number().min(-90).max(90),
  lon: z.number().min(-180).max(180),
});

/** Date-time of RFC 3339 as network time in ms. */
export const dateTime = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

/** A query parameter that carries JSON (TS 29.501 5.3.13). */
export const json = <S extends z.ZodType>(schema: S) =>
  z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue({ code: 'custom', message: 'is no JSON' });
        return z.NEVER;
      }
    })
    .pipe(schema);

const UNITS: Record<string, number> = { bps: 1e-6, Kbps: 1e-3, Mbps: 1, Gbps: 1e3, Tbps: 1e6 };

/** BitRate of TS 29.571, as Mbit/s. */
export const bitRate = z
  .string()
  .regex(/^\d+(\.\d+)? (bps|Kbps|Mbps|Gbps|Tbps)$/, 'is no BitRate, for example "8 Mbps"')
  .transform((text) => {
    const [value = '', unit = ''] = text.split(' ');
    return Number(value) * (UNITS[unit] ?? 1);
  });

/** Mbit/s as BitRate; the pattern has no exponents. */
export const toBitRate = (mbps: number) => `${Number(Math.max(0, mbps).toFixed(6))} Mbps`;

/** A window that ends after it starts, where both are given. */
export function windowOf(start: number | undefined, end: number | undefined, at = '/start'): void {
  if (start !== undefined && end !== undefined && start >= end) {
    throw invalid(at, 'must be before end');
  }
}

export const subscriberUnknown = (id: string) =>
  problem(404, 'USER_UNKNOWN', `No subscriber is called ${id}`);

/** Of the AMF here: PLMN 001-01, region 02, set 001, pointer 00 (TS 29.571 Guami). */
export const GUAMI = { plmnId: PLMN, amfId: '020040' } as const;
export const snssai = z.object({
  sst: z.number().int().min(0).max(255),
  sd: z
    .string()
    .regex(/^[0-9a-f]{6}$/i, 'has 6 hex digits')
    .optional(),
});
export const iso = (t: number) => new Date(t).toISOString();
export const notifyUri = z.url({ protocol: /^https?$/ });
