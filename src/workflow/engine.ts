import { type Actor, type AnyStateMachine, createActor, fromPromise } from 'xstate';
import type { Clock, Env } from '../../machines/ports.ts';
import { fail } from '../errors.ts';
import { compileDocument } from './compile.ts';
import { parseWorkflow, type WorkflowDocument } from './document.ts';
import { createEvaluator } from './expressions.ts';
import { faultOf } from './fault.ts';
import type { RuntimeFunction } from './functions.ts';
import { indexTasks, runJob, type TaskIndex } from './jobs.ts';
import type { Job, Progress, ScopeInput, ScopeOutput } from './scope.ts';

export interface CompiledWorkflow {
  /** `{namespace}/{name}` */
  id: string;
  name: string;
  version: string;
  document: WorkflowDocument;
  tasks: TaskIndex;
  /** The chart, with its effects named and not given. */
  machine: AnyStateMachine;
}

export interface Activity {
  begin(): void;
  end(): void;
}

export interface RunOptions {
  /** Network time: the clock of the instance's waits. */
  clock: Clock;
  signal?: AbortSignal;
  onProgress?: (event: Progress & { at: number }) => void;
  /** Reaches every function; `activity` hears when the instance works and when it waits. */
  meta?: Record<string, unknown> & { activity?: Activity };
}

export interface WorkflowEngine {
  /**
   * Runs one instance to its end.
   * @throws WORKFLOW_FAULTED with the workflow error in its details, WORKFLOW_CANCELLED after `signal`.
   */
  run(workflow: CompiledWorkflow, input: unknown, options: RunOptions): Promise<{ output: unknown }>;
  /** Running instances with the ids of their active states. */
  instances(): Array<{ id: string; workflow: string; active: string[] }>;
  close(): Promise<void>;
}

interface Instance {
  id: string;
  workflow: CompiledWorkflow;
  actor: Actor<AnyStateMachine>;
  options: RunOptions;
  cancel(): void;
}

/** Compiles a document, YAML text or object. @throws WORKFLOW_INVALID */
export function compileWorkflow(source: string | object, file?: string): CompiledWorkflow {
  const document = parseWorkflow(source, file);
  const { namespace, name, version } = document.document;
  const notGiven = fromPromise<unknown, Job>(() => Promise.reject(new Error('No engine runs this chart.')));
  return {
    id: `${namespace}/${name}`,
    name,
    version,
    document,
    tasks: indexTasks(document.do, '/do'),
    machine: compileDocument(document, {
      perform: notGiven,
      evaluate: notGiven,
      progress: () => {},
      faultOf,
    }),
  };
}

/**
 * Runs workflows: each instance is a root actor of its own, whose clock is network time. An instance
 * works from its first step on, and waits only when every effect has ended and the chart has taken the
 * results in.
 */
export function createEngine(options: {
  env: Env;
  functions: Record<string, RuntimeFunction>;
}): WorkflowEngine {
  const { env } = options;
  const functions = new Map(Object.entries(options.functions));
  const evaluator = createEvaluator({ clock: env.clock });
  const instances = new Map<string, Instance>();
  const charts = new WeakMap<CompiledWorkflow, AnyStateMachine>();

  const effect = fromPromise<unknown, Job>(async ({ input: job, signal }) => {
    const instance = instances.get(job.instance);
    const task = instance?.workflow.tasks.get(job.pointer);
    if (instance === undefined || task === undefined) throw new Error(`no task ${job.pointer}`);
    const { meta = {} } = instance.options;
    meta.activity?.begin();
    try {
      return await runJob(job, task, {
        evaluator,
        functions,
        context: {
          signal,
          instanceId: job.instance,
          pointer: job.pointer,
          idempotencyKey: `${job.instance}:${job.pointer}${job.path}`,
          meta,
        },
      });
    } finally {
      // The chart takes the result in before the activity ends: microtasks run ahead of this.
      if (meta.activity !== undefined) setImmediate(() => meta.activity?.end());
    }
  });

  const chartOf = (workflow: CompiledWorkflow) => {
    let chart = charts.get(workflow);
    if (chart === undefined) {
      chart = compileDocument(workflow.document, {
        perform: effect,
        evaluate: effect,
        progress: (event) => {
          const { onProgress, clock } = instances.get(event.instance)?.options ?? {};
          if (clock !== undefined) onProgress?.({ ...event, at: clock.now() });
        },
        faultOf,
      });
      charts.set(workflow, chart);
    }
    return chart;
  };

  return {
    run(workflow, input, runOptions) {
      const id = env.ids.uuid();
      const cancelled = () => fail('WORKFLOW_CANCELLED', { name: workflow.id });
      if (runOptions.signal?.aborted) return Promise.reject(cancelled());
      return new Promise((resolve, reject) => {
        const start: ScopeInput = { instance: id, path: '', data: input ?? null, ctx: null, vars: {} };
        const actor = createActor(chartOf(workflow), { input: start, clock: runOptions.clock });
        const finish = (settle: () => void) => {
          runOptions.signal?.removeEventListener('abort', cancel);
          instances.delete(id);
          settle();
        };
        const cancel = () => actor.send({ type: 'CANCEL' });
        actor.subscribe({
          complete: () => {
            const output = actor.getSnapshot().output as ScopeOutput | undefined;
            if (!instances.has(id) || output === undefined) return;
            finish(() => {
              if (output.flow === 'cancelled') reject(cancelled());
              else if (output.fault === null) resolve({ output: output.data });
              else {
                const { title, instance } = output.fault;
                reject(
                  fail('WORKFLOW_FAULTED', {
                    name: workflow.id,
                    task: instance,
                    problem: title,
                    fault: output.fault,
                  }),
                );
              }
            });
          },
          error: (error) => finish(() => reject(error)),
        });
        instances.set(id, { id, workflow, actor, options: runOptions, cancel });
        runOptions.signal?.addEventListener('abort', cancel, { once: true });
        actor.start();
      });
    },
    instances: () =>
      [...instances.values()].map(({ id, workflow, actor }) => ({
        id,
        workflow: workflow.id,
        active: activeStates(actor),
      })),
    async close() {
      for (const { cancel } of [...instances.values()]) cancel();
      await evaluator.close();
    },
  };
}

/** Paths of the active states, those of inner scopes behind their parent's. */
function activeStates(actor: { getSnapshot(): unknown }): string[] {
  const snapshot = actor.getSnapshot() as {
    _nodes?: Array<{ path: string[] }>;
    children?: Record<string, { getSnapshot(): unknown } | undefined>;
  };
  const own = (snapshot._nodes ?? []).map(({ path }) => path.join('.')).filter((path) => path !== '');
  const inner = Object.values(snapshot.children ?? {}).flatMap((child) => (child ? activeStates(child) : []));
  return [...own, ...inner.map((path) => `${own.at(-1) ?? ''} > ${path}`)];
}
