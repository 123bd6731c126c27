import { UNEVALUATED } from '../calls/types.ts';
import { isExpression } from './parts.ts';
import { token } from './scopes.ts';
import type { OutputSpec, RetryPolicy, Strategy, Task, TaskList, WorkflowDocument } from './types.ts';

/** An expression of a document and the variables that it has where it stands. */
export interface PlacedExpression {
  /** JSON Pointer of the text. */
  pointer: string;
  /** With or without its braces. */
  text: string;
  variables: readonly string[];
}

/** What every expression of a task has (`engine/scope-variables.ts`). */
const TASK = ['context', 'input', 'task', 'workflow', 'runtime', 'authorization'];

/** All expressions of a document, and texts that look like one and are none: in strict mode those stay text. */
export function expressionsOf(document: WorkflowDocument): {
  expressions: PlacedExpression[];
  lookalikes: string[];
} {
  const expressions: PlacedExpression[] = [];
  const lookalikes: string[] = [];
  const { use = {} } = document;
  /** A field that is an expression by its type. */
  const whole = (pointer: string, text: unknown, variables: readonly string[]) => {
    if (typeof text === 'string') expressions.push({ pointer, text, variables });
  };
  /** A value whose leaves may be expressions. */
  const leaves = (
    pointer: string,
    value: unknown,
    variables: readonly string[],
    skip?: ReadonlySet<string>,
  ): void => {
    if (typeof value === 'string') {
      if (isExpression(value)) whole(pointer, value, variables);
      else if (/\$\{[^}]*\}/.test(value)) lookalikes.push(pointer);
    } else if (value !== null && typeof value === 'object') {
      for (const [key, inner] of Object.entries(value)) {
        if (skip?.has(key)) continue;
        leaves(`${pointer}/${token(key)}`, inner, variables, skip);
      }
    }
  };
  const transform = (pointer: string, value: unknown, variables: readonly string[]) =>
    typeof value === 'string' ? whole(pointer, value, variables) : leaves(pointer, value, variables);
  const secret = (variables: readonly string[]) => [...variables, 'secrets'];

  // What is called from several places sees the variables of any of them.
  const anywhere = [...TASK, ...namesIn(document)];
  const start = [...TASK, 'secrets'];
  transform('/input/from', document.input?.from, start);
  leaves('/input/schema/resource', document.input?.schema?.resource, start);
  transform('/output/as', document.output?.as, TASK);
  leaves('/output/schema/resource', document.output?.schema?.resource, TASK);
  leaves('/timeout', document.timeout, TASK);
  if (document.schedule?.on !== undefined) strategy('/schedule/on', document.schedule.on, []);
  list('/do', document.do, TASK);
  for (const [name, task] of Object.entries(use.functions ?? {})) {
    // A function sees its arguments alone.
    one(`/use/functions/${token(name)}`, task, TASK);
  }
  (use.extensions ?? []).forEach((entry, index) => {
    for (const [name, { when, before, after }] of Object.entries(entry)) {
      const at = `/use/extensions/${index}/${token(name)}`;
      whole(`${at}/when`, when, anywhere);
      list(`${at}/before`, before, anywhere);
      list(`${at}/after`, after, anywhere);
    }
  });
  leaves('/use/errors', use.errors, anywhere);
  leaves('/use/timeouts', use.timeouts, anywhere);
  leaves('/use/authentications', use.authentications, secret(anywhere));
  for (const [name, policy] of Object.entries(use.retries ?? {})) {
    retry(`/use/retries/${token(name)}`, policy, anywhere);
  }
  return { expressions, lookalikes };

  function list(pointer: string, tasks: TaskList | undefined, variables: readonly string[]): void {
    (tasks ?? []).forEach((entry, index) => {
      for (const [name, task] of Object.entries(entry)) {
        one(`${pointer}/${index}/${token(name)}`, task, variables);
      }
    });
  }

  function one(at: string, task: Task, variables: readonly string[]): void {
    whole(`${at}/if`, task.if, secret(variables));
    transform(`${at}/input/from`, task.input?.from, secret(variables));
    leaves(`${at}/input/schema/resource`, task.input?.schema?.resource, secret(variables));
    output(at, task.output, task.export, variables);
    leaves(`${at}/timeout`, task.timeout, variables);
    if ('call' in task) call(at, task, variables);
    else if ('set' in task) transform(`${at}/set`, task.set, variables);
    else if ('raise' in task) leaves(`${at}/raise/error`, task.raise.error, variables);
    else if ('wait' in task) leaves(`${at}/wait`, task.wait, variables);
    else if ('emit' in task) leaves(`${at}/emit/event/with`, task.emit.event.with, variables);
    else if ('run' in task) run(at, task, variables);
    else inner(at, task, variables);
  }

  /** Tasks with tasks or cases inside. */
  function inner(at: string, task: Task, variables: readonly string[]): void {
    if ('switch' in task) {
      task.switch.forEach((entry, index) => {
        for (const [name, { when }] of Object.entries(entry)) {
          whole(`${at}/switch/${index}/${token(name)}/when`, when, variables);
        }
      });
    } else if ('for' in task) {
      const round = [...variables, task.for.each, task.for.at];
      transform(`${at}/for/in`, task.for.in, variables);
      whole(`${at}/while`, task.while, round);
      list(`${at}/do`, task.do, round);
    } else if ('fork' in task) list(`${at}/fork/branches`, task.fork.branches, variables);
    else if ('try' in task) {
      const { as, errors, when, exceptWhen, do: handler, retry: policy } = task.catch;
      const caught = [...variables, as];
      list(`${at}/try`, task.try, variables);
      leaves(`${at}/catch/errors/with`, errors?.with, caught);
      whole(`${at}/catch/when`, when, caught);
      whole(`${at}/catch/exceptWhen`, exceptWhen, caught);
      if (typeof policy === 'object') retry(`${at}/catch/retry`, policy, caught);
      list(`${at}/catch/do`, handler, caught);
    } else if ('listen' in task) {
      const { foreach } = task;
      strategy(`${at}/listen/to`, task.listen.to, variables);
      if (foreach === undefined) return;
      list(`${at}/foreach/do`, foreach.do, [...variables, foreach.item, foreach.at]);
      output(`${at}/foreach`, foreach.output, foreach.export, variables);
    } else if ('do' in task) list(`${at}/do`, task.do, variables);
  }

  function output(
    at: string,
    made: OutputSpec | undefined,
    exported: OutputSpec | undefined,
    variables: readonly string[],
  ): void {
    transform(`${at}/output/as`, made?.as, variables);
    leaves(`${at}/output/schema/resource`, made?.schema?.resource, variables);
    transform(`${at}/export/as`, exported?.as, [...variables, 'output']);
    leaves(`${at}/export/schema/resource`, exported?.schema?.resource, variables);
  }

  function call(at: string, task: Extract<Task, { call: string }>, variables: readonly string[]): void {
    const args = task.with ?? {};
    leaves(`${at}/with`, args, variables, UNEVALUATED);
    authentications(`${at}/with`, args, variables);
    const subscription = args.subscription;
    if (task.call !== 'asyncapi' || subscription === null || typeof subscription !== 'object') return;
    const { filter, consume } = subscription as Record<string, unknown>;
    whole(`${at}/with/subscription/filter`, filter, variables);
    for (const [key, value] of Object.entries((consume ?? {}) as object)) {
      const place = `${at}/with/subscription/consume/${token(key)}`;
      if (key === 'while' || key === 'until') whole(place, value, variables);
      else leaves(place, value, secret(variables));
    }
  }

  /** Credentials may read secrets. */
  function authentications(at: string, value: unknown, variables: readonly string[]): void {
    if (value === null || typeof value !== 'object') return;
    for (const [key, below] of Object.entries(value)) {
      const place = `${at}/${token(key)}`;
      if (key === 'authentication') leaves(place, below, secret(variables));
      else authentications(place, below, variables);
    }
  }

  function run(at: string, task: Extract<Task, { run: unknown }>, variables: readonly string[]): void {
    const { workflow, script, shell } = task.run;
    leaves(`${at}/run/workflow/input`, workflow?.input, variables);
    // Code is program text: what looks like an expression in it is its own.
    leaves(`${at}/run/script`, script, variables, new Set(['code', 'authentication']));
    leaves(`${at}/run/shell`, shell, variables);
  }

  function retry(at: string, policy: RetryPolicy, variables: readonly string[]): void {
    const { when, exceptWhen, ...durations } = policy;
    whole(`${at}/when`, when, variables);
    whole(`${at}/exceptWhen`, exceptWhen, variables);
    leaves(at, durations, variables);
  }

  function strategy(at: string, to: Strategy, variables: readonly string[]): void {
    const filters = [
      ...(to.one === undefined ? [] : [{ place: 'one', filter: to.one }]),
      ...(['all', 'any'] as const).flatMap((way) =>
        (to[way] ?? []).map((filter, index) => ({ place: `${way}/${index}`, filter })),
      ),
    ];
    for (const { place, filter } of filters) {
      leaves(`${at}/${place}/with`, filter.with, variables);
      for (const [name, { from, expect }] of Object.entries(filter.correlate ?? {})) {
        whole(`${at}/${place}/correlate/${token(name)}/from`, from, variables);
        leaves(`${at}/${place}/correlate/${token(name)}/expect`, expect, variables);
      }
    }
    if (typeof to.until === 'string') whole(`${at}/until`, to.until, variables);
    else if (to.until !== undefined) strategy(`${at}/until`, to.until, variables);
  }
}

/** Names of variables that any task gives to its body. */
function namesIn(value: unknown): string[] {
  if (value === null || typeof value !== 'object') return [];
  const keys = ['each', 'at', 'as', 'item'] as const;
  const own = keys.flatMap((key) => {
    const name = (value as Record<string, unknown>)[key];
    return typeof name === 'string' && /^[A-Za-z_]\w*$/.test(name) ? [name] : [];
  });
  return [...new Set([...own, ...Object.values(value).flatMap(namesIn)])];
}
