export { type CallPolicy, type CallsOptions, createCalls } from './calls/index.ts';
export type { CallContext, CallHandler, CallHandlers, Protocol } from './calls/types.ts';
export type { Progress } from './chart/types.ts';
export { checkDocument, type Problem, type RunPolicy } from './dsl/check.ts';
export { checkWorkflow, type PlacedProblem, parseWorkflow } from './dsl/parse.ts';
export type { WorkflowDocument } from './dsl/types.ts';
export { idling } from './engine/activity.ts';
export { type CompiledWorkflow, compileWorkflow } from './engine/compiled.ts';
export { durationMs } from './engine/duration.ts';
export { createEngine } from './engine/engine.ts';
export type { Checkpoint, InstanceRow, LedgerChange, WorkflowLedger } from './engine/ledger.ts';
export type { RunProcess } from './engine/perform.ts';
export type {
  Activity,
  EngineOptions,
  InstanceStatus,
  InstanceView,
  Lifecycle,
  RunOptions,
  WorkflowEngine,
} from './engine/types.ts';
export * from './events/index.ts';
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
export { loadTemplates } from './templates.ts';
export * from './translate/index.ts';
