import { z } from 'zod';
import { artifactNoteSchema, statusNoteSchema, taskResultSchema } from './task.messages.ts';

/** The data part of a message to a domain agent. Unknown keys pass. */
export const instructionSchema = z.looseObject({
  skill: z.string().min(1).max(100),
  input: z.record(z.string(), z.unknown()),
});
export type Instruction = z.infer<typeof instructionSchema>;

/** What the domain made of the message. */
export const understoodInstructionSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('instruction'), instruction: instructionSchema }),
  z.object({ kind: z.literal('refused'), text: z.string() }),
]);
export type UnderstoodInstruction = z.infer<typeof understoodInstructionSchema>;

/** How the domain's task ended, as the central agent hears it. */
export const subtaskAnswerSchema = z.object({
  state: z.enum([...taskResultSchema.shape.state.options, 'canceled', 'auth-required']),
  text: z.string(),
  data: z.unknown().optional(),
});
export type SubtaskAnswer = z.infer<typeof subtaskAnswerSchema>;

export const delegationEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ACCEPTED'), taskId: z.string() }),
  z.object({ type: z.literal('PROGRESS'), note: statusNoteSchema }),
  /** Something went wrong in the domain, which goes on (Table 2: exceptions in detail). */
  z.object({ type: z.literal('EXCEPTION'), note: statusNoteSchema }),
  z.object({ type: z.literal('CANCEL') }),
]);
export type DelegationEvent = z.infer<typeof delegationEventSchema>;

export const workEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('PROGRESS'), note: statusNoteSchema }),
  z.object({ type: z.literal('ARTIFACT'), artifact: artifactNoteSchema }),
  z.object({ type: z.literal('CANCEL') }),
]);
/** What the work inside a task hears: reports of its effects, and the word to stop. */
export type WorkEvent = z.infer<typeof workEventSchema>;
