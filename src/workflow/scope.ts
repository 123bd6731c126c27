import type { PromiseActorLogic } from 'xstate';
import type { Variables } from './expressions.ts';
import type { WorkflowError } from './fault.ts';

/** What a scope's machine is started with. JSON only. */
export interface ScopeInput {
  instance: string;
  /** Iterations that lead here: part of the idempotency key of a call. */
  path: string;
  data: unknown;
  ctx: unknown;
  vars: Variables;
}

/** What a scope's machine ends with; a fault is a value here, never a thrown error. */
export interface ScopeOutput {
  data: unknown;
  ctx: unknown;
  /** `end`: the whole workflow ends here. `cancelled`: it was told to stop. */
  flow: 'next' | 'end' | 'cancelled';
  fault: WorkflowError | null;
}

/** One piece of work of a task, done outside the chart. */
export interface Job extends ScopeInput {
  kind: 'in' | 'work' | 'out' | 'items' | 'while' | 'choose' | 'duration';
  pointer: string;
  /** The task's transformed input. */
  input: unknown;
}

export interface Progress {
  instance: string;
  type: 'task.started' | 'task.completed' | 'task.faulted';
  name: string;
  pointer: string;
}

/** What an engine gives to the charts. */
export interface ChartEffects {
  /** Calls and everything else that a task does. */
  perform: PromiseActorLogic<unknown, Job>;
  /** Expressions. */
  evaluate: PromiseActorLogic<unknown, Job>;
  progress(event: Progress): void;
  faultOf(error: unknown, pointer: string): WorkflowError;
}

/** What a scope keeps while it runs. */
export interface ScopeContext extends ScopeInput, ScopeOutput {
  input: unknown;
  raw: unknown;
  skipped: boolean;
  chosen: string;
  delayMs: number;
  items: unknown[];
  index: number;
  go: boolean;
  branches: unknown[];
  /** Events from outside that nothing took. */
  ignored: number;
}

export type Config = Record<string, unknown>;
// The charts are made from data: their states cannot be in the types. `Done` is what invokes end with.
export type Done = { context: ScopeContext; event: { type: string; output: unknown; error: unknown } };
