import type { CallbackActorLogic, PromiseActorLogic } from 'xstate';
import type { ConsumptionState } from '../events/consumption.ts';
import type { Variables } from '../expressions.ts';
import type { WorkflowError } from '../fault.ts';

/** What a scope's machine is started with. JSON only. */
export interface ScopeInput {
  instance: string;
  /** Steps, iterations and attempts that lead here: part of the idempotency key of a call. */
  path: string;
  data: unknown;
  ctx: unknown;
  vars: Variables;
}

/** What a scope's machine ends with; a fault is a value here, never a thrown error. */
export interface ScopeOutput {
  data: unknown;
  ctx: unknown;
  /**
   * `next`: it came to its end. `exit`: a task left it. `end`: the whole workflow ends here. `cancelled`: it was
   * told to stop.
   */
  flow: 'next' | 'exit' | 'end' | 'cancelled';
  fault: WorkflowError | null;
}

export type JobKind =
  | 'start'
  | 'finish'
  | 'extends'
  | 'in'
  | 'args'
  | 'set'
  | 'raise'
  | 'work'
  | 'out'
  | 'items'
  | 'while'
  | 'choose'
  | 'duration'
  | 'caught'
  | 'each';

/** One piece of work of a task, done outside the chart. */
export interface Job extends ScopeInput {
  kind: JobKind;
  pointer: string;
  /** How many tasks the scope began before, this one included. */
  step: number;
  /** The task's transformed input, raw input, raw output. */
  input: unknown;
  raw: unknown;
  fault: WorkflowError | null;
  /** When the task began, ms. */
  since: number;
  /** Of `try`: attempts that failed, and when the first began. */
  attempts: number;
  /** `extends`: which extension. */
  extension?: number;
}

export interface TimerInput {
  instance: string;
  pointer: string;
  /** From when on it runs, ms. */
  since: number;
  /** A length in ms, or the task's or the workflow's timeout. */
  ms: number | 'timeout';
  /** Where its expression is evaluated. */
  job: Job;
}

export interface ListenInput {
  pointer: string;
  job: Job;
}

/** What the `listen` actor tells when it is ready to go on from what is held. */
export interface ListeningEvent {
  type: 'LISTENING';
}
/** An event counted; `state` is what is held from now on. */
export interface ConsumedEvent {
  type: 'CONSUMED';
  state: ConsumptionState;
  done: boolean;
}
/** The chart's answer to LISTENING. */
export interface HeldEvent {
  type: 'HELD';
  state: ConsumptionState | null;
}

export interface Progress {
  instance: string;
  type: 'task.started' | 'task.completed' | 'task.faulted' | 'task.retried' | 'task.cancelled';
  name: string;
  pointer: string;
}

/** What a runtime gives to the charts. */
export interface ChartEffects {
  /** Effects: calls, events, processes, workflows. */
  perform: PromiseActorLogic<unknown, Job>;
  /** Expressions and schemas: without effect. */
  evaluate: PromiseActorLogic<unknown, Job>;
  timer: PromiseActorLogic<unknown, TimerInput>;
  listen: CallbackActorLogic<HeldEvent, ListenInput>;
  now(instance: string): number;
  progress(event: Progress & { path: string }): void;
  faultOf(error: unknown, pointer: string): WorkflowError;
}

/** What a scope keeps while it runs. */
export interface ScopeContext extends ScopeInput, ScopeOutput {
  step: number;
  since: number;
  /** From when on a delay runs. */
  from: number;
  input: unknown;
  raw: unknown;
  skipped: boolean;
  caught: boolean;
  chosen: string;
  delayMs: number;
  items: unknown[];
  index: number;
  attempts: number;
  branches: unknown[];
  held: ConsumptionState | null;
  /** Events from outside that nothing took. */
  ignored: number;
}

export type Config = Record<string, unknown>;
// The charts are made from data: their states cannot be in the types. `output` is what invokes end with.
export type Done = { context: ScopeContext; event: { type: string; output: unknown; error: unknown } };
