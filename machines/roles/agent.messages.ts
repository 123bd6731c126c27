import { z } from 'zod';
import { followUpSchema, taskRequestSchema } from '../protocols/task.messages.ts';

/** What the host tells the root of an agent. */
export const agentEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('TASK'), request: taskRequestSchema }),
  z.object({ type: z.literal('MESSAGE'), taskId: z.string().min(1), message: followUpSchema }),
  z.object({ type: z.literal('CANCEL'), taskId: z.string().min(1) }),
  z.object({ type: z.literal('DRAIN') }),
  z.object({ type: z.literal('RESUME') }),
]);
export type AgentEvent = z.infer<typeof agentEventSchema>;

export const presences = ['starting', 'online', 'draining', 'offline'] as const;
export type Presence = (typeof presences)[number];

/** Why a task was not taken. */
export interface TaskRefusal {
  taskId: string;
  contextId: string;
  reason: string;
}

export interface AgentLimits {
  /** Tasks at once, those that wait for input included. */
  maxTasks: number;
  /** How long a task waits for the answer to its question, ms. */
  patienceMs: number;
  /** How long cancelled work may take to give back what it holds, ms. */
  releaseMs: number;
  /** How long running tasks may take to end once the agent drains, ms. */
  drainMs: number;
}

export const DEFAULT_LIMITS: AgentLimits = {
  maxTasks: 64,
  patienceMs: 15 * 60_000,
  releaseMs: 10_000,
  drainMs: 10_000,
};
