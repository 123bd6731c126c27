/** The public index: what an agent, ours or a user's, may import. */
export { z } from 'zod';
export type { TaskRequest, TaskResult } from '../machines/index.ts';
export { NetAgentError } from './errors.ts';
export * from './intent/index.ts';
export { type AgentEffects, intentEffects, type TaskControl } from './runtime/actors/index.ts';
export {
  type Action,
  type AgentModule,
  type AgentServices,
  defineAgent,
  type Evaluation,
} from './runtime/agents/api.ts';
export { CALL_KEY } from './runtime/agents/ask.ts';
export { childId } from './runtime/agents/child-id.ts';
export type { Outcome } from './runtime/outcome.ts';
