import { z } from 'zod';
import { bitRate, notifyUri, snssai, supi } from './schemas.ts';

/** Bodies of the policy authorization service (TS 29.514 5.6), as far as this network uses them. */

const mediaComponent = z.object({
  medCompN: z.number().int().min(0),
  medType: z.string().optional(),
  fStatus: z.string().optional(),
  medSubComps: z
    .record(
      z.string(),
      z.looseObject({ fNum: z.number().int(), fDescs: z.array(z.string()).max(2).optional() }),
    )
    .optional(),
  mirBwDl: bitRate.optional(),
  mirBwUl: bitRate.optional(),
  marBwDl: bitRate.optional(),
  marBwUl: bitRate.optional(),
  /** ms, one way, from end to end. */
  desMaxLatency: z.number().positive().optional(),
  preemptCap: z.enum(['NOT_PREEMPT', 'MAY_PREEMPT']).optional(),
  preemptVuln: z.enum(['NOT_PREEMPTABLE', 'PREEMPTABLE']).optional(),
  resPrio: z
    .string()
    .regex(/^PRIO_([1-9]|1[0-6])$/)
    .optional(),
});
export type MediaComponent = z.output<typeof mediaComponent>;

export const eventsSubscription = z.object({
  events: z.array(z.looseObject({ event: z.string(), notifMethod: z.string().optional() })).min(1),
  notifUri: notifyUri.optional(),
});

export const ascReqData = z
  .object({
    notifUri: notifyUri,
    suppFeat: z.string().regex(/^[A-Fa-f0-9]*$/),
    /** By address (TS 29.514 5.6.2.3), or, beyond the specification, by subscriber alone. */
    ueIpv4: z.ipv4().optional(),
    supi: supi.optional(),
    sliceInfo: snssai.optional(),
    afAppId: z.string().optional(),
    dnn: z.string().optional(),
    medComponents: z.record(z.string(), mediaComponent).optional(),
    evSubsc: eventsSubscription.optional(),
    afRoutReq: z
      .object({
        routeToLocs: z
          .array(z.looseObject({ dnai: z.string() }))
          .min(1)
          .optional(),
      })
      .optional(),
  })
  .refine((body) => body.ueIpv4 !== undefined || body.supi !== undefined, {
    path: ['ueIpv4'],
    message: 'or supi is needed',
  });
export type AscReqData = z.output<typeof ascReqData>;

/** The body as it came: what is stored and answered keeps the form that its sender chose. */
export const rawContext = z.object({ ascReqData: z.record(z.string(), z.unknown()) });

/** RFC 7396. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  // A map: members may be called `__proto__` or `constructor`.
  const result = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else result.set(name, mergePatch(result.get(name), value));
  }
  return Object.fromEntries(result);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
