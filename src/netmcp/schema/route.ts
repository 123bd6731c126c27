import { z } from 'zod';
import { name } from './base.ts';
import { chainEntrySchema } from './call.ts';
import { contextRefSchema, ownKey } from './context.ts';

/** 6. One tool, here or on a peer of the anchor. */
export const routeCallParamsSchema = z.object({
  tool: name,
  arguments: z.record(z.string().max(128), z.json()).default({}),
  serverId: name.optional(),
  serviceArea: name.optional(),
});

const stepId = z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/);
const expression = z.string().min(1).max(500);

/**
 * A value of an argument that is an object with one of these keys is a reference:
 * `{"$from": "step", "at": "/pointer", "default": ...}` into the output of a step (RFC 6901),
 * `{"$cel": "expression over steps"}`, `{"$context": "key"}` in the context.
 */
const argumentsSchema = z.record(z.string().max(128), z.json());

export const stepSchema = z.object({
  id: stepId,
  tool: name,
  arguments: argumentsSchema.default({}),
  serverId: name.optional(),
  serviceArea: name.optional(),
  /** Steps that must have ended before; those that it refers to are added. */
  after: z.array(stepId).max(64).default([]),
  /** CEL over `steps`; the step is skipped unless it is true. */
  when: expression.optional(),
  onError: z.enum(['fail', 'continue', 'compensate']).default('fail'),
  /** Undoes the step when another one fails with `compensate`. */
  undo: z
    .object({ tool: name, arguments: argumentsSchema.default({}), serverId: name.optional() })
    .optional(),
  /** Key of the context that gets the output. */
  saveAs: ownKey.optional(),
  /** ms for the step. */
  deadlineMs: z.number().int().positive().max(3_600_000).default(60_000),
});
export type Step = z.infer<typeof stepSchema>;

export const joinSchema = z.union([
  z.literal('all'),
  z.literal('any'),
  z.object({ atLeast: z.number().int().min(1).max(64) }),
]);
export type Join = z.infer<typeof joinSchema>;

export const routeExecuteParamsSchema = z.object({
  /** The same id means the same execution: what is finished is not run again. */
  executionId: z.string().min(1).max(128).optional(),
  steps: z.array(stepSchema).min(1).max(64),
  /** Over the steps that no other one waits for. */
  join: joinSchema.default('all'),
  /** Where it keeps its state; without one it has a context of its own. */
  context: contextRefSchema.optional(),
  /** Sent again after the anchor of this id was lost: take the role over. */
  resume: z.object({ from: name }).optional(),
  deadlineMs: z.number().int().positive().max(86_400_000).default(300_000),
});
export type ExecuteParams = z.input<typeof routeExecuteParamsSchema>;
export type Execute = z.infer<typeof routeExecuteParamsSchema>;

export const stepStateSchema = z.enum([
  'waiting',
  'running',
  'done',
  'failed',
  'skipped',
  'cancelled',
  /** Its server was lost and it may or may not have been executed. */
  'unknown',
  'undone',
]);
export type StepState = z.infer<typeof stepStateSchema>;

export const stepReportSchema = z.object({
  id: stepId,
  tool: name,
  state: stepStateSchema,
  /** Where it ran; '' if it never began. */
  server: z.string(),
  output: z.json(),
  /** Why it failed; '' if it did not. */
  problem: z.string(),
  chain: z.array(chainEntrySchema),
  /** The tool server answered from its memory: the step had been executed before. */
  replayed: z.boolean(),
});
export type StepReport = z.infer<typeof stepReportSchema>;

export const routeExecuteResultSchema = z.object({
  executionId: z.string(),
  state: z.enum(['done', 'failed', 'cancelled', 'expired']),
  anchor: name,
  epoch: z.number().int(),
  steps: z.array(stepReportSchema),
});
export type ExecuteResult = z.infer<typeof routeExecuteResultSchema>;

/** Data of -32011: who has the role, as far as it is known. */
export const notOwnerDataSchema = z.object({
  owner: z.string(),
  url: z.string(),
  epoch: z.number().int(),
});
