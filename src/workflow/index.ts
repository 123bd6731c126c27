export type { CallContext, CallHandler, CallHandlers, Protocol } from './calls/types.ts';
export { parseWorkflow, type WorkflowDocument } from './document.ts';
export {
  type Activity,
  type CompiledWorkflow,
  compileWorkflow,
  createEngine,
  type RunOptions,
  type WorkflowEngine,
} from './engine.ts';
export type { CloudEvent, EventBus } from './events/types.ts';
export { createEvaluator, type Evaluator } from './expressions.ts';
export { RaisedError, sameErrorType, standardError, type WorkflowError } from './fault.ts';
export type { FunctionContext, RuntimeFunction } from './functions.ts';
export {
  AI_FUNCTIONS,
  CAUSES,
  type Cause,
  type Diagnosis,
  diagnose,
  type Evidence,
  type ExperienceEstimate,
  estimateExperience,
} from './functions-ai/index.ts';
export * from './pool/index.ts';
export type { Progress } from './scope.ts';
export { loadTemplates } from './templates.ts';
