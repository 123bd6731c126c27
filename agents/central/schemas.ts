import type { CoverageForecast, LoadForecast, Trip } from '../../src/index.ts';
import { z } from '../../src/index.ts';
import type { Radio } from './decide.ts';

/**
 * What the workflow hands to the central agent's functions. It comes from other agents: the envelope is
 * parsed; the measurements inside were checked against the output schema of the tool that made them.
 */
const trip = z
  .looseObject({
    tripId: z.string(),
    supi: z.string(),
    segments: z.array(z.looseObject({ kind: z.enum(['drive', 'fly', 'stay']) })).min(1),
    service: z.looseObject({ start: z.number(), end: z.number() }),
  })
  .transform((value) => value as unknown as Trip);

export const evaluationInput = z.object({
  trip,
  coverage: z.array(z.custom<CoverageForecast>((value) => typeof value === 'object' && value !== null)),
  demand: z.object({
    congestion: z.array(z.custom<LoadForecast>((value) => typeof value === 'object' && value !== null)),
  }),
});

const radio = z
  .looseObject({
    t: z.number(),
    medium: z.string(),
    position: z.object({ lat: z.number(), lon: z.number() }),
    rat: z.enum(['NR', 'EUTRA']).nullable(),
    cellId: z.string().nullable(),
  })
  .transform((value) => value as unknown as Radio);

export const lookInput = z.object({
  plan: z.unknown(),
  sessionId: z.string().nullable(),
  state: z.unknown(),
  radio,
  qos: z.looseObject({ guaranteed: z.boolean().nullable() }),
});

export const missedInput = z.object({
  state: z.unknown(),
  problem: z.looseObject({ title: z.string().optional(), detail: z.string().optional() }),
});

export const reviewInput = z.object({
  plan: z.unknown(),
  trip,
  state: z.unknown(),
  prepared: z.array(z.looseObject({ id: z.string() })),
});
