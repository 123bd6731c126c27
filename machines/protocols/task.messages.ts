import { z } from 'zod';

/** One message of a task, as the agent's work sees it. */
export const taskRequestSchema = z.object({
  taskId: z.string().min(1),
  contextId: z.string(),
  /** Text parts of the message, joined by line. */
  text: z.string(),
  /** Data part of the message, undefined if there is none. Comes from outside: parse it. */
  data: z.unknown(),
  /** Texts of the user's earlier messages in this task, oldest first. */
  history: z.array(z.string()),
  /** A2A client id of the requester as the broker stamped it. */
  caller: z.string(),
  metadata: z.record(z.string(), z.unknown()),
});
export type TaskRequest = z.infer<typeof taskRequestSchema>;

/** How one turn of a task ended. */
export const taskResultSchema = z.object({
  state: z.enum(['completed', 'failed', 'rejected', 'input-required']),
  text: z.string(),
  data: z.unknown().optional(),
});
export type TaskResult = z.infer<typeof taskResultSchema>;

export const statusNoteSchema = z.object({ text: z.string(), data: z.unknown().optional() });
export type StatusNote = z.infer<typeof statusNoteSchema>;

export const artifactNoteSchema = z.object({
  name: z.string(),
  text: z.string(),
  data: z.unknown().optional(),
});
export type ArtifactNote = z.infer<typeof artifactNoteSchema>;

/** What follows the first message of a task. */
export const followUpSchema = taskRequestSchema.pick({
  text: true,
  data: true,
  metadata: true,
  caller: true,
});
export type FollowUp = z.infer<typeof followUpSchema>;

/** A status as the requester sees it (A2A 4.1.3). */
export interface PublishedStatus {
  taskId: string;
  contextId: string;
  state: 'working' | TaskResult['state'] | 'canceled';
  text: string;
  data?: unknown;
}

export interface PublishedArtifact extends ArtifactNote {
  taskId: string;
  contextId: string;
}

export const taskEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('BEGIN') }),
  z.object({ type: z.literal('PROGRESS'), note: statusNoteSchema }),
  z.object({ type: z.literal('ARTIFACT'), artifact: artifactNoteSchema }),
  z.object({ type: z.literal('MESSAGE'), message: followUpSchema }),
  z.object({ type: z.literal('CANCEL') }),
]);
export type TaskEvent = z.infer<typeof taskEventSchema>;
