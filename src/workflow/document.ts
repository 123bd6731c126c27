import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { fail } from '../errors.ts';

/** Open Workflow DSL 1.0.3: the tasks that this engine runs. */

const transform = z.strictObject({ from: z.unknown() });
const output = z.strictObject({ as: z.unknown() });

/** Fields that every task may have. */
const common = {
  if: z.string().optional(),
  input: transform.optional(),
  output: output.optional(),
  export: output.optional(),
  then: z.string().optional(),
};

interface Common {
  if?: string | undefined;
  input?: { from?: unknown } | undefined;
  output?: { as?: unknown } | undefined;
  export?: { as?: unknown } | undefined;
  then?: string | undefined;
}
export type CallTask = Common & { call: string; with?: Record<string, unknown> | undefined };
export type SetTask = Common & { set?: unknown };
export type DoTask = Common & { do: TaskList };
export type WaitTask = Common & { wait: string | Record<string, number> };
export type RaiseTask = Common & { raise: { error: Record<string, unknown> } };
export type SwitchTask = Common & {
  switch: Array<Record<string, { when?: string | undefined; then: string }>>;
};
export type ForTask = Common & {
  for: { each: string; in: string; at: string };
  while?: string | undefined;
  do: TaskList;
};
export type ForkTask = Common & { fork: { branches: TaskList } };
export type TryTask = Common & { try: TaskList; catch: { as: string; do?: TaskList | undefined } };
export type Task =
  | CallTask
  | SetTask
  | DoTask
  | WaitTask
  | RaiseTask
  | SwitchTask
  | ForTask
  | ForkTask
  | TryTask;
export type TaskList = Array<Record<string, Task>>;

const list: z.ZodType<TaskList> = z.lazy(() => z.array(z.record(z.string(), taskSchema)).min(1)) as never;

const call = z.strictObject({
  ...common,
  call: z.string(),
  with: z.record(z.string(), z.unknown()).optional(),
});
const set = z.strictObject({ ...common, set: z.unknown() });
const sequence = z.strictObject({ ...common, do: list });
const wait = z.strictObject({ ...common, wait: z.union([z.string(), z.record(z.string(), z.number())]) });
const raise = z.strictObject({
  ...common,
  raise: z.strictObject({ error: z.record(z.string(), z.unknown()) }),
});
const choose = z.strictObject({
  ...common,
  switch: z
    .array(z.record(z.string(), z.strictObject({ when: z.string().optional(), then: z.string() })))
    .min(1),
});
const loop = z.strictObject({
  ...common,
  for: z.strictObject({ each: z.string().default('item'), in: z.string(), at: z.string().default('index') }),
  while: z.string().optional(),
  do: list,
});
const fork = z.strictObject({
  ...common,
  fork: z.strictObject({ branches: list }),
});
const attempt = z.strictObject({
  ...common,
  try: list,
  catch: z.strictObject({ as: z.string().default('error'), do: list.optional() }),
});

const KINDS = { for: loop, try: attempt, call, set, switch: choose, fork, wait, raise, do: sequence };

/** The kind of a task is the one of these keys that it has; `for` and `try` come first: they have a `do` too. */
const taskSchema = z.record(z.string(), z.unknown()).transform((task, context): Task => {
  const kind = Object.keys(KINDS).find((key) => Object.hasOwn(task, key)) as keyof typeof KINDS | undefined;
  if (kind === undefined) {
    context.addIssue({
      code: 'custom',
      message: `a task of a kind that is not run here (${Object.keys(task).join(', ')}); known: ${Object.keys(KINDS).join(', ')}`,
    });
    return z.NEVER;
  }
  const read = KINDS[kind].safeParse(task);
  if (read.success) return read.data as Task;
  for (const { path, message } of read.error.issues) context.addIssue({ code: 'custom', path, message });
  return z.NEVER;
});

export const documentSchema = z.object({
  document: z.object({
    dsl: z.string(),
    namespace: z.string(),
    name: z.string(),
    version: z.string(),
    title: z.string().optional(),
    summary: z.string().optional(),
  }),
  do: list,
});
export type WorkflowDocument = z.infer<typeof documentSchema>;

/** Name and task of each entry of a list, with its JSON Pointer; the list starts with entry `first` of its place. */
export function entries(
  list: TaskList,
  pointer: string,
  first = 0,
): Array<{ name: string; task: Task; pointer: string }> {
  return list.map((entry, index) => {
    const [name, task] = Object.entries(entry)[0] as [string, Task];
    const token = name.replaceAll('~', '~0').replaceAll('/', '~1');
    return { name, task, pointer: `${pointer}/${first + index}/${token}` };
  });
}

/**
 * Reads a document.
 * @throws WORKFLOW_INVALID with the line and the path of the first mistake.
 */
export function parseWorkflow(source: string | object, file = 'the document'): WorkflowDocument {
  const lines = new LineCounter();
  const yaml = typeof source === 'string' ? parseDocument(source, { lineCounter: lines }) : undefined;
  const invalid = (where: string, problem: string) => fail('WORKFLOW_INVALID', { file, where, problem });
  if (yaml !== undefined && yaml.errors.length > 0) {
    const error = yaml.errors[0];
    throw invalid(`line ${error?.linePos?.[0].line ?? 1}`, error?.message.split('\n')[0] ?? 'not YAML');
  }
  const read = documentSchema.safeParse(yaml === undefined ? source : yaml.toJS());
  if (!read.success) {
    const issue = read.error.issues[0];
    const path = (issue?.path ?? []) as Array<string | number>;
    throw invalid(where(path), issue?.message ?? 'not a workflow');
  }
  checkNames(read.data.do, '/do', invalid);
  return read.data;

  function where(path: Array<string | number>): string {
    const pointer = `/${path.join('/')}`;
    for (let depth = path.length; yaml !== undefined && depth > 0; depth -= 1) {
      const node = yaml.getIn(path.slice(0, depth), true) as { range?: [number] } | undefined;
      if (node?.range) return `line ${lines.linePos(node.range[0]).line} (${pointer})`;
    }
    return pointer;
  }
}

const DIRECTIVES = new Set(['continue', 'exit', 'end']);

/** Names are unique in their scope, and every flow directive names a task of its scope. */
function checkNames(
  list: TaskList,
  pointer: string,
  invalid: (where: string, problem: string) => Error,
  first = 0,
): void {
  const tasks = entries(list, pointer, first);
  const names = new Set(tasks.map(({ name }) => name));
  if (names.size !== tasks.length) throw invalid(pointer, 'two tasks of a scope have the same name');
  for (const { name, task, pointer: at } of tasks) {
    if (DIRECTIVES.has(name)) throw invalid(at, `"${name}" is a flow directive, not a name`);
    const targets =
      'switch' in task ? task.switch.flatMap((one) => Object.values(one).map(({ then }) => then)) : [];
    for (const target of [...targets, ...(task.then === undefined ? [] : [task.then])]) {
      if (!DIRECTIVES.has(target) && !names.has(target))
        throw invalid(at, `then: no task "${target}" in this scope`);
    }
    for (const { list: body, place, first: from } of bodies(task))
      checkNames(body, `${at}/${place}`, invalid, from);
  }
}

/** A list of tasks inside a task, the place of its first task, and the name of its scope there. */
export interface Body {
  list: TaskList;
  place: string;
  first: number;
  scope: string;
}

/** The scopes inside a task; each branch of a fork is one of its own. */
export function bodies(task: Task): Body[] {
  const whole = (list: TaskList, place: string): Body => ({ list, place, first: 0, scope: place });
  if ('for' in task) return [whole(task.do, 'do')];
  if ('try' in task) {
    return [whole(task.try, 'try'), ...(task.catch.do ? [whole(task.catch.do, 'catch/do')] : [])];
  }
  if ('fork' in task) {
    return task.fork.branches.map((branch, first) => ({
      list: [branch],
      place: 'fork/branches',
      first,
      scope: `fork/branches/${first}`,
    }));
  }
  return 'do' in task ? [whole(task.do, 'do')] : [];
}
