/** The public index: what an agent, ours or a user's, may import. */
export { z } from 'zod';
export { NetAgentError } from './errors.ts';
export * from './intent/index.ts';
export {
  type Action,
  type AgentModule,
  type AgentServices,
  defineAgent,
  type Evaluation,
  type Perform,
  type TaskControl,
  type TaskRequest,
  type TaskResult,
} from './runtime/agents/api.ts';
export type { Outcome } from './runtime/outcome.ts';
