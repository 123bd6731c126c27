export { parseWorkflow, type WorkflowDocument } from './document.ts';
export {
  type Activity,
  type CompiledWorkflow,
  compileWorkflow,
  createEngine,
  type RunOptions,
  type WorkflowEngine,
} from './engine.ts';
export { createEvaluator, type Evaluator } from './expressions.ts';
export type { WorkflowError } from './fault.ts';
export type { FunctionContext, RuntimeFunction } from './jobs.ts';
export type { Progress } from './scope.ts';
export { loadTemplates } from './templates.ts';
