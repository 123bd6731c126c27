import { fail } from '../errors.ts';
import { bodies, entries, type Task, type TaskList } from './document.ts';
import type { Evaluator, Variables } from './expressions.ts';
import { RaisedError } from './fault.ts';
import type { FunctionContext, RuntimeFunction } from './functions.ts';
import type { Job } from './scope.ts';

export type TaskIndex = ReadonlyMap<string, Task>;

/** All tasks of a document by their JSON Pointer. */
export function indexTasks(
  list: TaskList,
  pointer: string,
  index = new Map<string, Task>(),
  first = 0,
): TaskIndex {
  for (const { task, pointer: at } of entries(list, pointer, first)) {
    index.set(at, task);
    for (const body of bodies(task)) indexTasks(body.list, `${at}/${body.place}`, index, body.first);
  }
  return index;
}

/** Does one job of a task. @throws what the function throws, or WORKFLOW_EXPRESSION. */
export async function runJob(
  job: Job,
  task: Task,
  tools: { evaluator: Evaluator; functions: ReadonlyMap<string, RuntimeFunction>; context: FunctionContext },
): Promise<unknown> {
  const { evaluator } = tools;
  const variables: Variables = {
    ...job.vars,
    context: job.ctx,
    input: job.input,
    workflow: { id: job.instance },
    task: { reference: job.pointer },
  };
  /** `from`, `as`: an expression with or without braces, or an object with expressions inside. */
  const transform = (spec: unknown, data: unknown, vars = variables) =>
    typeof spec === 'string' ? evaluator.evaluate(spec, data, vars) : evaluator.fill(spec, data, vars);

  switch (job.kind) {
    case 'in': {
      if (task.if !== undefined && (await evaluator.evaluate(task.if, job.data, variables)) !== true) {
        return { skip: true };
      }
      const from = task.input?.from;
      return { skip: false, input: from === undefined ? job.data : await transform(from, job.data) };
    }
    case 'out': {
      const as = task.output?.as;
      const data = as === undefined ? job.data : await transform(as, job.data);
      const exported = task.export?.as;
      const ctx =
        exported === undefined ? job.ctx : await transform(exported, data, { ...variables, output: data });
      return { data, ctx };
    }
    case 'items': {
      const items = 'for' in task ? await evaluator.evaluate(task.for.in, job.input, variables) : [];
      if (!Array.isArray(items)) {
        throw fail('WORKFLOW_EXPRESSION', { expression: 'for.in', problem: 'gives no array' });
      }
      return items;
    }
    case 'while':
      return 'for' in task && task.while !== undefined
        ? (await evaluator.evaluate(task.while, job.data, variables)) === true
        : true;
    case 'choose': {
      if (!('switch' in task)) return '';
      for (const one of task.switch) {
        for (const { when, then } of Object.values(one)) {
          if (when === undefined || (await evaluator.evaluate(when, job.input, variables)) === true)
            return then;
        }
      }
      return '';
    }
    case 'duration':
      return 'wait' in task ? durationMs(await evaluator.fill(task.wait, job.input, variables)) : 0;
    case 'work':
      return work(job, task, variables, tools);
  }
}

async function work(
  job: Job,
  task: Task,
  variables: Variables,
  { evaluator, functions, context }: Parameters<typeof runJob>[2],
): Promise<unknown> {
  if ('set' in task) return evaluator.fill(task.set, job.input, variables);
  if ('raise' in task) {
    const error = (await evaluator.fill(task.raise.error, job.input, variables)) as Record<string, unknown>;
    throw new RaisedError({
      type: String(error.type ?? 'about:blank'),
      status: Number(error.status ?? 500),
      title: String(error.title ?? 'raised'),
      detail: String(error.detail ?? ''),
    });
  }
  if (!('call' in task)) return job.input;
  const name = /^([A-Za-z][\w-]*):1\.0\.0@default$/.exec(task.call)?.[1];
  const found = name === undefined ? undefined : functions.get(name);
  if (found === undefined) throw fail('WORKFLOW_FUNCTION_UNKNOWN', { name: task.call });
  return found(await evaluator.fill(task.with ?? {}, job.input, variables), context);
}

const ISO = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;
const UNITS: Record<string, number> = {
  days: 86_400_000,
  hours: 3_600_000,
  minutes: 60_000,
  seconds: 1_000,
  milliseconds: 1,
};

/** Milliseconds of a duration: ISO 8601 text, or an object of days to milliseconds. */
export function durationMs(duration: unknown): number {
  if (typeof duration === 'string') {
    const match = ISO.exec(duration);
    if (match) {
      const [, days, hours, minutes, seconds] = match;
      return (
        Number(days ?? 0) * 86_400_000 +
        Number(hours ?? 0) * 3_600_000 +
        Number(minutes ?? 0) * 60_000 +
        Math.round(Number(seconds ?? 0) * 1_000)
      );
    }
  } else if (duration !== null && typeof duration === 'object') {
    return Object.entries(duration).reduce(
      (sum, [unit, value]) => sum + (UNITS[unit] ?? Number.NaN) * Number(value),
      0,
    );
  }
  throw fail('WORKFLOW_EXPRESSION', {
    expression: 'wait',
    problem: `${JSON.stringify(duration)} is no duration`,
  });
}
