import { z } from 'zod';

/** Times are ms since the Unix epoch of network time; rates Mbit/s; delays ms; distances m. */
const windowSchema = z
  .object({ start: z.number(), end: z.number() })
  .refine(({ start, end }) => start < end, 'a window starts before it ends');
export type Window = z.infer<typeof windowSchema>;

/** Where a field comes from: a stretch of what was said, or a convention that is named. */
export const evidenceSchema = z.union([
  z.object({ source: z.literal('text'), text: z.string(), start: z.number(), end: z.number() }),
  z.object({ source: z.literal('convention'), text: z.string() }),
]);
export type Evidence = z.infer<typeof evidenceSchema>;

export const serviceKindSchema = z.enum([
  'video-conference',
  'live-stream',
  'voice-call',
  'gaming',
  'video-streaming',
]);
export type ServiceKind = z.infer<typeof serviceKindSchema>;

export const journeySchema = z.object({
  mode: z.enum(['fly', 'drive', 'stay']),
  /** Absent where no place was said: the service is used where the subscriber is. */
  destination: z.object({ name: z.string(), slug: z.string() }).optional(),
  departure: windowSchema,
  service: z.object({
    name: z.string(),
    kind: serviceKindSchema,
    dlMbps: z.number().positive(),
    ulMbps: z.number().positive(),
    maxDelayMs: z.number().positive(),
    fiveQi: z.number().int(),
    priority: z.enum(['high', 'normal', 'low']),
    window: windowSchema,
  }),
  /** Keyed by the field's path, for example `service.window`. */
  evidence: z.record(z.string(), evidenceSchema),
});
export type Journey = z.infer<typeof journeySchema>;
export type ServiceNeed = Omit<Journey['service'], 'window'>;

const targetSchema = z.object({
  targetName: z.string(),
  targetCondition: z.string(),
  targetValueRange: z.unknown(),
});
const contextSchema = z.object({
  contextAttribute: z.string(),
  contextCondition: z.string(),
  contextValueRange: z.unknown(),
});

/** Intent with one RadioServiceExpectation, TS 28.312. */
export const intentSchema = z.object({
  userLabel: z.string(),
  intentExpectations: z
    .array(
      z.object({
        expectationId: z.string(),
        expectationVerb: z.enum(['DELIVER', 'ENSURE']),
        expectationObject: z.object({ objectType: z.literal('Radio_Service') }),
        expectationTargets: z.array(targetSchema),
        expectationContexts: z.array(contextSchema),
      }),
    )
    .min(1),
  contextSelectivity: z.enum(['ALL_OF', 'ONE_OF', 'ANY_OF']),
  intentContexts: z.array(contextSchema),
  intentAdminState: z.enum(['ACTIVATED', 'DEACTIVATED']),
  intentPriority: z.number().int().min(1).max(100),
});
export type Intent = z.infer<typeof intentSchema>;

export const missingSchema = z.object({
  field: z.enum(['destination', 'departure', 'service', 'service.window', 'service.dlMbps']),
  question: z.string(),
  why: z.string(),
});
export type Missing = z.infer<typeof missingSchema>;

export const refusalCodes = [
  'INTENT_EMPTY',
  'INTENT_TOO_LONG',
  'INTENT_LANGUAGE',
  'INTENT_UNSAFE',
  'INTENT_NOT_NETWORK',
] as const;

export const understandingSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('intent'), intent: intentSchema, journey: journeySchema }),
  z.object({
    kind: z.literal('incomplete'),
    missing: z.array(missingSchema).min(1),
    partial: z.record(z.string(), z.unknown()),
  }),
  z.object({ kind: z.literal('refused'), code: z.enum(refusalCodes), reason: z.string() }),
]);
export type Understanding = z.infer<typeof understandingSchema>;

export interface GeoPoint {
  lat: number;
  lon: number;
}

export interface TripSegment {
  id: string;
  kind: 'drive' | 'fly' | 'stay';
  regionId: string | null;
  from: string;
  to: string;
  start: number;
  end: number;
  waypoints: Array<GeoPoint & { t: number }>;
}

export interface Trip {
  tripId: string;
  supi: string;
  segments: TripSegment[];
  service: {
    name: string;
    dlMbps: number;
    ulMbps: number;
    maxDelayMs: number;
    start: number;
    end: number;
  };
}

export interface CoverageForecast {
  point: GeoPoint;
  t: number;
  cellId: string | null;
  rsrpDbm: number;
  sinrDb: number;
  dlMbps: number;
  ulMbps: number;
  standby: { cellId: string; rsrpDbm: number; sinrDb: number; dlMbps: number; ulMbps: number } | null;
  confidence: number;
}

/** Percent of PRBs expected in use. Without a window it holds for the whole service. */
export interface LoadForecast {
  cellId: string;
  start?: number;
  end?: number;
  prbRatio: number;
  gbrPrbRatio: number;
  confidence: number;
}

export type RiskKind = 'in-flight' | 'weak-coverage' | 'congestion' | 'outage';

export interface Risk {
  id: string;
  kind: RiskKind;
  start: number;
  end: number;
  cellIds: string[];
  /** Null where no point is known: in the air. */
  where: { from: GeoPoint; to: GeoPoint } | null;
  standbyUsable: boolean;
  confidence: number;
  source: 'forecast' | 'experience';
  detail: string;
}

export interface QualityMap {
  risks: Risk[];
  /** What the service meets on the ground, in order of time. */
  coverage: CoverageForecast[];
}

export const experienceSchema = z.object({
  id: z.string(),
  region: z.string(),
  place: z.object({ lat: z.number(), lon: z.number(), radiusM: z.number().positive() }),
  kind: z.enum(['weak-coverage', 'congestion', 'outage']),
  cellIds: z.array(z.string()),
  /** Minutes of the day, UTC; past midnight where `start` is greater than `end`. */
  timeOfDay: z.object({ start: z.number(), end: z.number() }),
  /** 0..1. */
  severity: z.number(),
  measure: z.string(),
  helped: z.boolean(),
});
export type Experience = z.infer<typeof experienceSchema>;

export interface PlanStep {
  id: string;
  domain: 'ran' | 'core' | 'transport' | 'computing' | 'proxy';
  skill: string;
  input: Record<string, unknown>;
  because: string;
}

export interface RadioLimit {
  rsrpDbm: number;
  sinrDb: number;
}

export interface Plan {
  template: 'travel-assurance';
  segments: TripSegment[];
  risks: Risk[];
  steps: PlanStep[];
  monitoring: {
    start: number;
    end: number;
    periodS: number;
    thresholds: {
      toStandbyBelow: RadioLimit;
      returnAbove: RadioLimit;
      standbyUsableAbove: RadioLimit;
      dlMbps: number;
      ulMbps: number;
      maxDelayMs: number;
    };
  };
  lessons: Array<{ experienceId: string; text: string; change: string }>;
}

/** What monitoring met on the way. */
export interface TripException {
  t: number;
  kind: 'weak-coverage' | 'congestion' | 'outage';
  measure: string;
  reason: string;
  cellId: string | null;
  place: GeoPoint | null;
  foreseen: boolean;
}
