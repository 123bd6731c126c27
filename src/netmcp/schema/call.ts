import { z } from 'zod';
import { name } from './base.ts';

/** 3. `_meta` of a call. */
export const callMetaSchema = z.object({
  version: z.string().max(16).optional(),
  idempotencyKey: z.string().min(1).max(200).optional(),
  contextId: z.string().max(200).optional(),
  /** ms left. */
  deadline: z.number().positive().max(86_400_000).optional(),
  traceparent: z.string().max(64).optional(),
  dryRun: z.boolean().optional(),
  /** A human's approval of exactly this call: a JWS (RFC 7515) by a key that the operator trusts. */
  approval: z.string().max(4_096).optional(),
  /** 6. The execution that the call is a step of, and the epoch of the anchor that sends it. */
  execution: z.object({ id: z.string().max(200), epoch: z.number().int().min(0) }).optional(),
});
export type CallMeta = z.infer<typeof callMetaSchema>;

export const chainEntrySchema = z.object({
  nf: z.string(),
  operation: z.string(),
  /** HTTP status of the NF; 0 when no answer came. */
  status: z.number().int(),
  ms: z.number().min(0),
});
export type ChainEntry = z.infer<typeof chainEntrySchema>;

/** Text that hides something or gives orders; `excerpt` shows what is invisible. */
export const taintSchema = z.object({
  kind: z.enum(['zero-width', 'bidi', 'tag', 'control', 'comment', 'base64', 'instruction']),
  where: z.string(),
  excerpt: z.string(),
});
export type Taint = z.infer<typeof taintSchema>;

/** 3. `_meta` of a result. */
export const resultMetaSchema = z.object({
  server: name,
  chain: z.array(chainEntrySchema),
  dryRun: z.boolean().optional(),
  replayed: z.boolean().optional(),
  attempts: z.number().int().optional(),
  /** `maybe`: it is not known whether the effect took place. */
  executed: z.enum(['no', 'maybe']).optional(),
  /** What a human would have to approve; the hash goes into the approval. */
  approval: z.object({ plan: z.string(), question: z.string() }).optional(),
  taint: z.array(taintSchema).optional(),
  refusal: z
    .object({
      step: z.string(),
      parameter: z.string(),
      rule: z.string(),
      allowed: z.string(),
      message: z.string(),
    })
    .optional(),
});
export type ResultMeta = z.infer<typeof resultMetaSchema>;
