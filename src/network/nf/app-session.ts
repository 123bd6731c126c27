import { z } from 'zod';
import { bitRate, supi } from './schemas.ts';

/** Bodies of the policy authorization service (TS 29.514 5.6), as far as this network uses them. */

const mediaComponent = z.object({
  medCompN: z.number().int().min(0),
  medType: z.string().optional(),
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
  notifUri: z.url().optional(),
});

export const ascReqData = z.object({
  notifUri: z.url(),
  suppFeat: z.string().regex(/^[A-Fa-f0-9]*$/),
  supi,
  afAppId: z.string().optional(),
  dnn: z.string().optional(),
  medComponents: z.record(z.string(), mediaComponent).optional(),
  evSubsc: eventsSubscription.optional(),
  afRoutReq: z
    .object({
      routeToLocs: z
        .array(z.object({ dnai: z.string() }))
        .min(1)
        .optional(),
    })
    .optional(),
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
