import type { Random } from '../../../machines/ports.ts';
import { fail } from '../../errors.ts';
import type { CatchDecision } from '../chart/actions.ts';
import type { Job } from '../chart/types.ts';
import type { ListenTask, OutputSpec, Task, Transform, TryTask, Use } from '../dsl/types.ts';
import type { Evaluator, Variables } from '../expressions.ts';
import { RaisedError, sameErrorType } from '../fault.ts';
import { durationMs } from './duration.ts';
import type { Schemas } from './schemas.ts';
import { discreet } from './secrets.ts';

export interface EvaluateTools {
  evaluator: Evaluator;
  schemas: Pick<Schemas, 'check'>;
  variables: Variables;
  /** Values of the document's secrets: for `input.from` alone. */
  secrets(): Variables;
  use: Use;
  now: number;
  random: Random;
  signal: AbortSignal;
}

/** The longest wait between two attempts, ms. */
const MAX_DELAY = 86_400_000;
/** Retries of one task, whatever its policy says. */
const MAX_RETRIES = 1_000;

/** A condition holds as in jq: unless it is false or null. */
const isTrue = (value: unknown): boolean => value !== false && value !== null && value !== undefined;

/** Does a job of a task that has no effect. @throws RaisedError, WORKFLOW_EXPRESSION */
export async function evaluateJob(job: Job, task: Task, tools: EvaluateTools): Promise<unknown> {
  const { evaluator, variables } = tools;
  const holds = async (expression: string, data: unknown, vars = variables) =>
    isTrue(await evaluator.evaluate(expression, data, vars));

  switch (job.kind) {
    case 'in': {
      const own = tools.secrets();
      const secrets = { ...variables, secrets: own };
      const { if: condition } = task;
      if (condition !== undefined && !(await discreet(own, () => holds(condition, job.data, secrets)))) {
        return { skip: true };
      }
      await tools.schemas.check(task.input?.schema, job.data, 'input', tools.signal);
      const from = task.input?.from;
      return {
        skip: false,
        input:
          from === undefined
            ? job.data
            : await discreet(own, () => transform(from, job.data, secrets, tools)),
      };
    }
    case 'args':
      return 'call' in task ? evaluator.fill(task.with ?? {}, job.input, variables) : job.input;
    case 'set':
      return 'set' in task ? transform(task.set, job.input, variables, tools) : job.input;
    case 'raise':
      if ('raise' in task) await raise(task.raise.error, job, tools);
      return null;
    case 'out':
      return shape(task.output, task.export, job.raw, job, tools);
    case 'items': {
      const source = 'for' in task ? task.for.in : [];
      const items = Array.isArray(source)
        ? await evaluator.fill(source, job.input, variables)
        : await evaluator.evaluate(source, job.input, variables);
      if (Array.isArray(items)) return items;
      throw fail('WORKFLOW_EXPRESSION', { expression: 'for.in', problem: 'gives no array' });
    }
    case 'while': {
      if (!('for' in task) || task.while === undefined) return true;
      return holds(task.while, job.raw);
    }
    case 'choose':
      return 'switch' in task ? choose(task.switch, (when) => holds(when, job.input)) : '';
    case 'duration':
      return 'wait' in task ? durationMs(await evaluator.fill(task.wait, job.input, variables)) : 0;
    case 'caught':
      return 'try' in task ? decide(job, task, tools) : { then: 'pass', delayMs: 0 };
    case 'each': {
      const { foreach } = task as ListenTask;
      return shape(foreach?.output, foreach?.export, job.raw, job, tools);
    }
    case 'extends': {
      const when = Object.values(tools.use.extensions?.[job.extension ?? -1] ?? {})[0]?.when;
      return when === undefined || holds(when, job.data);
    }
    default:
      throw new Error(`no job ${job.kind}`);
  }
}

/** `from`, `as`: an expression with or without braces, or an object with expressions inside. */
export const transform = (
  spec: Transform,
  data: unknown,
  vars: Variables,
  { evaluator }: Pick<EvaluateTools, 'evaluator'>,
) => (typeof spec === 'string' ? evaluator.evaluate(spec, data, vars) : evaluator.fill(spec, data, vars));

/** The output, validated, and the context that follows from it. */
async function shape(
  output: OutputSpec | undefined,
  exported: OutputSpec | undefined,
  raw: unknown,
  job: Job,
  tools: EvaluateTools,
): Promise<{ data: unknown; ctx: unknown }> {
  const { variables, schemas, signal } = tools;
  const data = output?.as === undefined ? raw : await transform(output.as, raw, variables, tools);
  await schemas.check(output?.schema, data, 'output', signal);
  if (exported === undefined) return { data, ctx: job.ctx };
  const ctx =
    exported.as === undefined
      ? job.ctx
      : await transform(exported.as, data, { ...variables, output: data }, tools);
  await schemas.check(exported.schema, ctx, 'context', signal);
  return { data, ctx };
}

/** The directive of the first case that holds, else of the default; none: the task's own. */
async function choose(
  cases: Array<Record<string, { when?: string | undefined; then: string }>>,
  holds: (when: string) => Promise<boolean>,
): Promise<string> {
  let fallback = '';
  for (const { when, then } of cases.flatMap((one) => Object.values(one))) {
    if (when === undefined) fallback = then;
    else if (await holds(when)) return then;
  }
  return fallback;
}

async function raise(
  error: Extract<Task, { raise: unknown }>['raise']['error'],
  job: Job,
  { evaluator, variables, use }: EvaluateTools,
): Promise<never> {
  const spec = typeof error === 'string' ? use.errors?.[error] : error;
  const filled = (await evaluator.fill(spec ?? {}, job.input, variables)) as Record<string, unknown>;
  throw new RaisedError({
    type: String(filled.type ?? 'about:blank'),
    status: Number.isInteger(Number(filled.status)) ? Number(filled.status) : 500,
    title: String(filled.title ?? ''),
    detail: String(filled.detail ?? ''),
  });
}

/** What becomes of a fault in the body of a `try`: another attempt, the handler, or upward. */
async function decide(job: Job, { catch: caught }: TryTask, tools: EvaluateTools): Promise<CatchDecision> {
  const { evaluator } = tools;
  const pass: CatchDecision = { then: 'pass', delayMs: 0 };
  const { fault } = job;
  if (fault === null) return pass;
  const variables = { ...tools.variables, [caught.as]: fault };
  const filter = (await evaluator.fill(caught.errors?.with ?? {}, job.input, variables)) as Record<
    string,
    unknown
  >;
  for (const [field, wanted] of Object.entries(filter)) {
    const value = fault[(field === 'details' ? 'detail' : field) as keyof typeof fault];
    if (field === 'type' ? !sameErrorType(String(value), String(wanted)) : value !== wanted) return pass;
  }
  const admits = async ({
    when,
    exceptWhen,
  }: {
    when?: string | undefined;
    exceptWhen?: string | undefined;
  }) =>
    (when === undefined || isTrue(await evaluator.evaluate(when, job.input, variables))) &&
    (exceptWhen === undefined || !isTrue(await evaluator.evaluate(exceptWhen, job.input, variables)));
  if (!(await admits(caught))) return pass;
  const policy = typeof caught.retry === 'string' ? tools.use.retries?.[caught.retry] : caught.retry;
  const handled: CatchDecision =
    caught.do === undefined && policy !== undefined ? pass : { then: 'handle', delayMs: 0 };
  if (policy === undefined || !(await admits(policy))) return handled;

  const ms = async (duration: unknown) =>
    duration === undefined ? undefined : durationMs(await evaluator.fill(duration, job.input, variables));
  const attempt = job.attempts + 1;
  if (attempt > Math.min(policy.limit?.attempt?.count ?? MAX_RETRIES, MAX_RETRIES)) return handled;
  const base = (await ms(policy.delay)) ?? 0;
  const factor =
    policy.backoff?.exponential !== undefined
      ? 2 ** Math.min(attempt - 1, 30)
      : policy.backoff?.linear !== undefined
        ? attempt
        : 1;
  const from = (await ms(policy.jitter?.from)) ?? 0;
  const to = (await ms(policy.jitter?.to)) ?? from;
  const delayMs = Math.min(MAX_DELAY, Math.round(base * factor + from + (to - from) * tools.random.next()));
  const elapsed = tools.now - job.since + delayMs;
  for (const limit of [policy.limit?.attempt?.duration, policy.limit?.duration]) {
    const longest = await ms(limit);
    if (longest !== undefined && elapsed > longest) return handled;
  }
  return { then: 'retry', delayMs };
}
