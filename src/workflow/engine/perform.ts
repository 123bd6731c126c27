import { fail } from '../../errors.ts';
import { fillArguments } from '../calls/fill.ts';
import type { CallContext, CallHandlers, ReadScope } from '../calls/types.ts';
import { PROTOCOLS, type Protocol } from '../calls/types.ts';
import type { Job } from '../chart/types.ts';
import { CATALOGUED } from '../dsl/outside.ts';
import type { CallTask, EmitTask, RunSpec, RunTask, Task } from '../dsl/types.ts';
import { CAUSE, causedBy } from '../events/cause.ts';
import type { CloudEvent, EventBus } from '../events/types.ts';
import type { Evaluator, Variables } from '../expressions.ts';
import { type StandardError, standardError } from '../fault.ts';
import type { FunctionContext, RuntimeFunction } from '../functions.ts';
import type { CompiledWorkflow } from './compiled.ts';
import { located, type ReadText } from './schemas.ts';

/** Runs a process that a document asks for; only what the operator allows gets this far. */
export type RunProcess = (
  spec: Pick<RunSpec, 'script' | 'shell'>,
  context: FunctionContext,
) => Promise<{ code: number; stdout: string; stderr: string }>;

export interface PerformTools {
  evaluator: Evaluator;
  variables: Variables;
  workflow: CompiledWorkflow;
  labels: Record<string, string>;
  functions: ReadonlyMap<string, RuntimeFunction>;
  calls: CallHandlers | undefined;
  events: EventBus | undefined;
  processes: RunProcess | undefined;
  /** Starts a workflow of the catalogue under this id, or finds it there; its output once it ended. */
  child(
    ref: { namespace: string; name: string; version: string },
    input: unknown,
    options: { id: string; await: boolean; cause: string | undefined; context: FunctionContext },
  ): Promise<unknown>;
  texts: ReadText | undefined;
  /** In whose name the task reads what stands elsewhere. */
  scope: Required<ReadScope>;
  context: FunctionContext;
  authorized(scheme: string, parameter: string): void;
  progress(text: string, data?: unknown): void;
  now: number;
}

/** Does the work of a task that has an effect. @throws RaisedError, and what a function throws */
export async function performJob(job: Job, task: Task, tools: PerformTools): Promise<unknown> {
  if ('call' in task) return call(job, task, tools);
  if ('emit' in task) return emit(job, task, tools);
  if ('run' in task) return run(job, task, tools);
  return job.input;
}

const isProtocol = (name: string): name is Protocol => (PROTOCOLS as readonly string[]).includes(name);

async function call(job: Job, task: CallTask, tools: PerformTools): Promise<unknown> {
  const { evaluator, variables, context } = tools;
  if (!isProtocol(task.call)) {
    const [, name, , catalogue] = CATALOGUED.exec(task.call) ?? [];
    const found = name === undefined || catalogue !== 'default' ? undefined : tools.functions.get(name);
    if (found === undefined) throw fail('WORKFLOW_FUNCTION_UNKNOWN', { name: task.call });
    return found(await evaluator.fill(task.with ?? {}, job.input, variables), context);
  }
  const handler = tools.calls?.[task.call];
  if (handler === undefined) throw unsupported('configuration', `Calls over ${task.call} are not made here.`);
  const full: CallContext = {
    ...context,
    ...tools.scope,
    evaluate: (expression, data) => evaluator.evaluate(expression, data, variables),
    authorized: tools.authorized,
    progress: tools.progress,
  };
  const args = await fillArguments(task.with ?? {}, (value) => evaluator.fill(value, job.input, variables));
  return handler(args as Record<string, unknown>, full);
}

const unsupported = (kind: StandardError, title: string) => standardError(kind, title);

async function emit(job: Job, task: EmitTask, tools: PerformTools): Promise<CloudEvent> {
  const { evaluator, variables, workflow, context } = tools;
  const filled = (await evaluator.fill(task.emit.event.with, job.input, variables)) as Record<
    string,
    unknown
  >;
  const event = {
    specversion: '1.0',
    // The same after a restart: who listens tells by it that the event came before.
    id: context.idempotencyKey,
    source: `/${workflow.id}/${workflow.version}`,
    time: new Date(tools.now).toISOString(),
    ...filled,
    // Who is started by it tells by this that it led to itself; a document has no say in it.
    [CAUSE]: causedBy((tools.labels[CAUSE] ?? '').split(' ').filter(Boolean), workflow.id),
  } as unknown as CloudEvent;
  if (tools.events === undefined) throw unsupported('configuration', 'Events are not sent here.');
  await tools.events.publish(event);
  return event;
}

async function run(job: Job, { run: spec }: RunTask, tools: PerformTools): Promise<unknown> {
  const { evaluator, variables, context } = tools;
  if (spec.workflow !== undefined) {
    const { namespace, name, version, input } = spec.workflow;
    const given = input === undefined ? job.input : await evaluator.fill(input, job.input, variables);
    const output = await tools.child({ namespace, name, version }, given, {
      id: context.idempotencyKey,
      await: spec.await,
      cause: tools.labels[CAUSE],
      context,
    });
    return spec.await ? output : job.input;
  }
  if (tools.processes === undefined) throw unsupported('configuration', 'Processes are not run here.');
  const { script, shell } = spec;
  const { source: _, ...inline } = script ?? {};
  const filled = (await evaluator.fill(
    { ...(script && { script: inline }), ...(shell && { shell }) },
    job.input,
    variables,
  )) as Pick<RunSpec, 'script' | 'shell'>;
  // Code is program text of the document: what looks like an expression in it is its own.
  if (script !== undefined && filled.script !== undefined) {
    filled.script.code = script.code ?? (await sourceOf(script, tools));
  }
  const ended = tools.processes(filled, context);
  if (!spec.await) {
    ended.catch(() => {});
    return job.input;
  }
  const result = await ended;
  if (spec.return === 'none') return null;
  return spec.return === 'all' ? result : result[spec.return];
}

/** The code of a script that stands elsewhere. */
async function sourceOf(
  { source }: NonNullable<RunSpec['script']>,
  { texts, scope, context }: PerformTools,
): Promise<string> {
  if (source === undefined || texts === undefined) {
    throw unsupported('configuration', 'Scripts from elsewhere are not read here.');
  }
  return texts(await located(source, scope), context.signal, scope);
}
