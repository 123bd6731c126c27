import { z } from 'zod';

/** A policy as the planner hands it down. Goals are written in the terms of TS 28.312. */

const name = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9-]{0,40}$/, 'letters, digits and hyphens, 41 at most')
  .refine((one) => !['continue', 'exit', 'end'].includes(one), 'a word of the workflow language');

/** `expectationTargets`: a figure and where it shall be. */
const targetSchema = z.strictObject({
  targetName: z.string().min(1),
  targetCondition: z.enum([
    'IS_GREATER_THAN',
    'IS_EQUAL_TO_OR_GREATER_THAN',
    'IS_LESS_THAN',
    'IS_EQUAL_TO_OR_LESS_THAN',
    'IS_EQUAL_TO',
    'IS_WITHIN_RANGE',
  ]),
  /** A number; a pair for a range; or the attributes of a throughput (`guaThpt`). */
  targetValueRange: z.union([
    z.number(),
    z.tuple([z.number(), z.number()]),
    z.strictObject({ guaThpt: z.number(), maxThpt: z.number().optional() }),
  ]),
});
export type PolicyTarget = z.output<typeof targetSchema>;

const toolCall = z.strictObject({
  tool: z.string().min(1),
  arguments: z.record(z.string(), z.unknown()).default({}),
});
const agentCall = z.strictObject({
  agent: z.string().min(1),
  skill: z.string().min(1),
  input: z.record(z.string(), z.unknown()).default({}),
});
const templateCall = z.strictObject({
  /** `NAMESPACE/NAME` of the pool. */
  workflow: z.string().min(1),
  version: z.string().optional(),
  input: z.record(z.string(), z.unknown()).default({}),
});
export type ToolDo = z.output<typeof toolCall>;
export type Do = ToolDo | z.output<typeof agentCall> | z.output<typeof templateCall>;

const measureSchema = z.strictObject({
  id: name,
  title: z.string().max(200).default(''),
  /** Why the planner wants it; kept in the document. */
  because: z.string().max(300).default(''),
  /** Only if this target is missed (the default is: if any is), or always. */
  when: z.union([z.literal('always'), z.strictObject({ missed: z.string() })]).optional(),
  /** Once for each of the scope. */
  each: z.enum(['cells', 'subscribers']).optional(),
  do: z.union([toolCall, agentCall, templateCall]),
  undo: z.union([toolCall, agentCall]).optional(),
  /** Watches a target after the change and takes it back on harm. */
  guard: z
    .strictObject({
      target: z.string(),
      worseBy: z.number().nonnegative().default(0),
      clear: z.number().nonnegative().default(0),
      looks: z.number().int().min(1).max(1000).default(6),
      bad: z.number().int().min(1).optional(),
      periodS: z.number().positive().default(30),
    })
    .optional(),
  retry: z
    .strictObject({ times: z.number().int().min(1).max(10), delayS: z.number().min(0).max(3600).default(1) })
    .optional(),
  timeoutS: z.number().positive().max(86_400).optional(),
});
export type Measure = z.output<typeof measureSchema>;

export const policySchema = z
  .strictObject({
    id: name,
    version: z
      .string()
      .regex(/^\d+\.\d+\.\d+$/)
      .default('1.0.0'),
    title: z.string().min(1).max(200),
    /** The intent that it serves. */
    intent: z.string().max(100).default(''),
    expectations: z
      .array(
        z.strictObject({
          expectationId: z.string().min(1),
          expectationVerb: z.enum(['DELIVER', 'ENSURE']).default('ENSURE'),
          expectationObject: z.strictObject({ objectType: z.string() }).optional(),
          expectationTargets: z.array(targetSchema).min(1),
        }),
      )
      .min(1),
    scope: z.strictObject({
      area: z.string().optional(),
      cells: z.array(z.string().min(1)).default([]),
      subscribers: z.array(z.string().min(1)).default([]),
    }),
    /** Network time, ms. */
    window: z
      .strictObject({ start: z.number(), end: z.number() })
      .refine(({ start, end }) => start < end, 'a window starts before it ends')
      .optional(),
    priority: z.number().int().min(1).max(100).default(50),
    constraints: z
      .strictObject({
        maxCells: z.number().int().nonnegative().optional(),
        maxSubscribers: z.number().int().nonnegative().optional(),
        approval: z.enum(['as-needed', 'always']).default('as-needed'),
        dryRun: z.boolean().default(false),
      })
      .prefault({}),
    /** In this order; each sees what those before it brought. */
    measures: z.array(measureSchema).min(1).max(50),
    /** After a measure that failed: take back all, the last first; stop; or go on with the next. */
    onFailure: z.enum(['undo', 'stop', 'continue']).default('undo'),
    /** Time that the measures have to work before the result is read, s. */
    settleS: z.number().nonnegative().max(86_400).default(0),
  })
  .refine(({ measures }) => new Set(measures.map(({ id }) => id)).size === measures.length, {
    error: 'two measures have the same id',
    path: ['measures'],
  });
export type Policy = z.output<typeof policySchema>;
export type PolicyInput = z.input<typeof policySchema>;

/** The figure that a target names as its limit, and its condition as an operator of jq. */
export function conditionOf(
  { targetCondition, targetValueRange }: PolicyTarget,
  figure: string,
): string | null {
  if (targetCondition === 'IS_WITHIN_RANGE') {
    if (!Array.isArray(targetValueRange)) return null;
    const [low, high] = targetValueRange;
    return `${figure} >= ${low} and ${figure} <= ${high}`;
  }
  if (Array.isArray(targetValueRange)) return null;
  const limit = typeof targetValueRange === 'number' ? targetValueRange : targetValueRange.guaThpt;
  const operators = {
    IS_GREATER_THAN: '>',
    IS_EQUAL_TO_OR_GREATER_THAN: '>=',
    IS_LESS_THAN: '<',
    IS_EQUAL_TO_OR_LESS_THAN: '<=',
    IS_EQUAL_TO: '==',
  };
  return `${figure} ${operators[targetCondition]} ${limit}`;
}
