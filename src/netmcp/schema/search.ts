import { z } from 'zod';
import { count, name } from './base.ts';
import { categorySchema } from './tool.ts';

/** 8. What is needed, in words; steps that were planned already stand on lines of their own. */
export const toolsDiscoverParamsSchema = z.object({
  requirement: z.string().min(1).max(4_000).describe('What is needed, in words; one step a line'),
  categories: z.array(categorySchema).max(16).optional().describe('Only tools of these categories'),
  limit: z.number().int().min(1).max(50).default(5).describe('Most tools to return'),
  budgetTokens: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .describe('Most tokens that the definitions may cost'),
});
export type ToolsDiscoverParams = z.input<typeof toolsDiscoverParamsSchema>;

export const toolsDiscoverResultSchema = z.object({
  tools: z.array(
    z.object({
      name,
      /** 0..1; 1 is the best of this answer. */
      score: z.number(),
      /** What the definition costs, estimated. */
      tokens: count,
      /** Cut to what a call needs, for the budget. */
      partial: z.boolean().optional(),
      /** Of a tool of other servers, which the answering one can route to. */
      servers: z.array(z.string()).optional(),
      definition: z.looseObject({ name }),
    }),
  ),
  /** Of all definitions returned, estimated. */
  tokens: count,
  /** Tools that the caller could have been shown. */
  of: count,
  /** Found, but over the budget. */
  omitted: z.array(name),
});
export type ToolsDiscoverResult = z.infer<typeof toolsDiscoverResultSchema>;
