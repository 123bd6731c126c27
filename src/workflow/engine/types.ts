import type { Clock, Env } from '../../../machines/ports.ts';
import type { CallHandlers, Protocol } from '../calls/types.ts';
import type { Progress } from '../chart/types.ts';
import type { RunPolicy } from '../dsl/check.ts';
import type { PlacedProblem } from '../dsl/parse.ts';
import type { WorkflowDocument } from '../dsl/types.ts';
import type { EventBus } from '../events/types.ts';
import type { WorkflowError } from '../fault.ts';
import type { RuntimeFunction } from '../functions.ts';
import type { CompiledWorkflow } from './compiled.ts';
import type { WorkflowLedger } from './ledger.ts';
import type { RunProcess } from './perform.ts';
import type { ReadResource, ReadText } from './schemas.ts';

export interface Activity {
  begin(): void;
  end(): void;
  /**
   * Within a `begin` and its `end`: waits for another instance, an event, an operator. The function that it gives
   * ends that.
   */
  idle?(): () => void;
}

export interface RunOptions {
  /** Clock of the instance's waits; the engine's own unless given. */
  clock?: Clock;
  signal?: AbortSignal;
  onProgress?: (event: Progress & { at: number }) => void;
  /** Reaches every function; `activity` hears when the instance works and when it waits. */
  meta?: Record<string, unknown> & { activity?: Activity };
  /** Id of the instance; a run of an id that is known joins that instance. */
  id?: string;
  /** Told once when the instance does not run here any more: it ended, was set back, or the engine stops. */
  release?: () => void;
  /** Kept with the instance and shown: who asked, what triggered it, whose child it is. */
  labels?: Record<string, string>;
}

export type InstanceStatus = 'running' | 'waiting' | 'suspended' | 'completed' | 'faulted' | 'cancelled';

export interface InstanceView {
  id: string;
  /** `{namespace}/{name}` */
  workflow: string;
  version: string;
  status: InstanceStatus;
  startedAt: number;
  updatedAt: number;
  endedAt: number | null;
  /** How often it was set back to a step. */
  run: number;
  labels: Record<string, string>;
  /** References of the tasks that are under way. */
  active: string[];
  output?: unknown;
  fault?: WorkflowError;
}

export type Lifecycle =
  | {
      type:
        | 'workflow.started'
        | 'workflow.suspended'
        | 'workflow.resumed'
        | 'workflow.cancelled'
        | 'workflow.completed';
      instance: string;
      workflow: string;
      version: string;
      at: number;
    }
  | {
      type: 'workflow.faulted';
      instance: string;
      workflow: string;
      version: string;
      at: number;
      fault: WorkflowError;
    }
  | (Progress & { workflow: string; version: string; at: number })
  | {
      type: 'task.progress';
      instance: string;
      workflow: string;
      version: string;
      at: number;
      pointer: string;
      text: string;
      data?: unknown;
    };

export interface EngineOptions {
  env: Env;
  /** Functions of the default catalogue: `NAME:1.0.0@default`. */
  functions: Record<string, RuntimeFunction>;
  /** Where instances are kept; without one they live and die with the engine. */
  ledger?: WorkflowLedger;
  /** Clock of waits, timeouts and retries; `env.clock` unless given. */
  clock?: Clock;
  calls?: CallHandlers & { lacking?: readonly Protocol[] };
  events?: EventBus;
  processes?: RunProcess;
  /** Reads schemas and functions that stand elsewhere; without it documents that need them are refused. */
  resources?: ReadResource;
  /** Reads scripts that stand elsewhere. */
  texts?: ReadText;
  /** What a function that was read from elsewhere may run; nothing, if not given. */
  policy?: RunPolicy;
  /** Value of a secret; undefined if there is none of that name. */
  secret?: (name: string) => unknown;
  /** The catalogue for `run: workflow`; version `latest` is the newest. */
  workflows?: (namespace: string, name: string, version: string) => CompiledWorkflow | undefined;
  /** What an instance runs with beyond what its start gives, also one that is recovered or set back. */
  options?: (id: string) => Pick<RunOptions, 'clock' | 'meta' | 'onProgress' | 'release'>;
  runtime?: { name: string; version: string; metadata: Record<string, unknown> };
  /** Hears of every step of every instance. */
  observe?: (event: Lifecycle) => void;
  /** Checkpoints kept of each running instance: how far back a restart from a step can go. */
  history?: number;
}

export interface WorkflowEngine {
  /**
   * Runs one instance to its end.
   * @throws WORKFLOW_FAULTED with the workflow error in its details, WORKFLOW_CANCELLED after `signal`.
   */
  run(workflow: CompiledWorkflow, input: unknown, options?: RunOptions): Promise<{ output: unknown }>;
  /** Starts an instance; resolves with its id once it will survive the process. */
  start(workflow: CompiledWorkflow, input: unknown, options?: RunOptions): Promise<string>;
  /** The end of an instance, also of one that ended before. @throws as `run`, WORKFLOW_INSTANCE_UNKNOWN */
  result(id: string): Promise<{ output: unknown }>;
  /** Takes up every instance that had not ended; how many. */
  recover(): Promise<number>;
  /** What would keep a workflow from running here: functions, protocols, events, secrets, workflows. */
  check(workflow: CompiledWorkflow): PlacedProblem[];
  /**
   * The same and what takes time: functions from elsewhere are read, expressions compiled; with warnings. A place
   * within such a function is below `/use/functions/NAME`.
   */
  examine(workflow: CompiledWorkflow): Promise<PlacedProblem[]>;
  /** Running instances with the ids of their active states. */
  instances(): Array<{ id: string; workflow: string; active: string[] }>;
  /** Running ones and ended ones, newest first. */
  list(filter?: { status?: InstanceStatus; workflow?: string; limit?: number }): InstanceView[];
  show(id: string): InstanceView | undefined;
  /** The document of an instance, as it was when it began. */
  document(id: string): WorkflowDocument | undefined;
  /** Adds to the story of an instance: what a task has to tell while it is under way. */
  tell(id: string, pointer: string, text: string, data?: unknown): void;
  /** Steps that an instance can be set back to, oldest first. */
  steps(id: string): Array<{ rev: number; at: number; entered: string[] }>;
  /** @throws WORKFLOW_INSTANCE_UNKNOWN, WORKFLOW_INSTANCE_STATE */
  cancel(id: string): Promise<void>;
  /** What is under way ends; nothing new begins until `resume`. */
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  /** Sets an instance back to a step (a task's reference; without it, where it faulted) and goes on from there. */
  restart(id: string, from?: string): Promise<void>;
  /** Forgets ended instances: one, or all that ended before. */
  purge(what: { id: string } | { endedBefore: number }): number;
  /** Resolves when no evaluation and no write is under way. */
  idle(): Promise<void>;
  /** Instances that are kept go on when the next engine recovers them; the others are cancelled. */
  close(): Promise<void>;
}
