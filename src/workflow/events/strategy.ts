import { z } from 'zod';
import { isExpression } from '../expressions.ts';
import { compilePattern, looksLikePattern } from './pattern.ts';

/** Attributes that an event must have: equality, a regular expression, or `${ }`. */
export interface EventFilter {
  with: Record<string, unknown>;
  correlate?: Record<string, { from: string; expect?: string | undefined }> | undefined;
}
export type SimpleStrategy = { one: EventFilter } | { all: EventFilter[] } | { any: EventFilter[] };
/** DSL 1.0.3, "Event Consumption Strategy"; `until` is an expression or a strategy without `until`. */
export type ConsumptionStrategy = SimpleStrategy | { any: EventFilter[]; until?: string | SimpleStrategy };

/** Filters of one strategy; each is one bit of work for each event. */
const MAX_FILTERS = 100;

const attributes = z
  .record(z.string(), z.unknown())
  .refine((one) => Object.keys(one).length > 0, 'a filter names at least one attribute')
  .superRefine((one, context) => {
    for (const [name, value] of Object.entries(one)) {
      if (typeof value !== 'string' || isExpression(value) || !looksLikePattern(value)) continue;
      const pattern = compilePattern(value);
      // What is no regular expression at all can still be meant as the text that it is.
      if (typeof pattern === 'string' && pattern !== 'is no regular expression') {
        context.addIssue({ code: 'custom', path: [name], message: `the pattern ${pattern}` });
      }
    }
  });

export const eventFilterSchema: z.ZodType<EventFilter> = z.strictObject({
  with: attributes,
  correlate: z
    .record(z.string(), z.strictObject({ from: z.string(), expect: z.string().optional() }))
    .optional(),
});

const filters = z.array(eventFilterSchema).max(MAX_FILTERS);
const simple = z.union([
  z.strictObject({ one: eventFilterSchema }),
  z.strictObject({ all: filters }),
  z.strictObject({ any: filters }),
]);

/** A strategy as a document has it; refuses patterns that cannot be matched in bounded time. */
export const strategySchema: z.ZodType<ConsumptionStrategy> = z.union([
  simple,
  z.strictObject({ any: filters, until: z.union([z.string(), simple]) }),
]);

export interface IndexedFilter {
  index: number;
  filter: EventFilter;
  /** What an event that meets it counts for. */
  role: 'take' | 'until';
}

/**
 * The filters of a strategy with indexes that depend on the document alone: those of the strategy itself, then
 * those of its `until`. `any: []` is one filter that everything meets.
 */
export function filtersOf(strategy: ConsumptionStrategy): IndexedFilter[] {
  const taken = simpleFilters(strategy).map((filter) => ({ filter, role: 'take' as const }));
  const until = untilOf(strategy);
  const ending =
    typeof until === 'object'
      ? simpleFilters(until).map((filter) => ({ filter, role: 'until' as const }))
      : [];
  return [...taken, ...ending].map((one, index) => ({ index, ...one }));
}

const EVERYTHING: EventFilter = { with: {} };

export function simpleFilters(strategy: SimpleStrategy | ConsumptionStrategy): EventFilter[] {
  if ('one' in strategy) return [strategy.one];
  if ('all' in strategy) return strategy.all;
  return strategy.any.length === 0 ? [EVERYTHING] : strategy.any;
}

export const untilOf = (strategy: ConsumptionStrategy): string | SimpleStrategy | undefined =>
  'until' in strategy ? strategy.until : undefined;
