export { makePlan, reservedRatio } from './plan.ts';
export { buildQualityMap } from './quality-map.ts';
export { reviewTrip } from './review.ts';
export {
  type CoverageForecast,
  type Evidence,
  type Experience,
  experienceSchema,
  type Intent,
  intentSchema,
  type Journey,
  journeySchema,
  type LoadForecast,
  type Missing,
  type Plan,
  type PlanStep,
  type QualityMap,
  type Risk,
  type Trip,
  type TripException,
  type TripSegment,
  type Understanding,
  understandingSchema,
} from './types.ts';
export { type UnderstandOptions, understand } from './understand.ts';
