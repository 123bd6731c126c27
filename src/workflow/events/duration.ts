import type { z } from 'zod';
import { duration, isExpression } from '../dsl/parts.ts';

/** A duration of the DSL: ISO 8601 text or an object of units. */
export type Duration =
  | string
  | { days?: number; hours?: number; minutes?: number; seconds?: number; milliseconds?: number };

/** Where there is no data on which an expression could be evaluated. */
export const durationSchema = duration.refine(
  (one) => typeof one !== 'string' || !isExpression(one),
  'is an expression, and there is nothing to evaluate it on',
) as z.ZodType<Duration>;
