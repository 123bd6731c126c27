import type { ReadScope } from '../calls/types.ts';
import { checkDocument, type RunPolicy } from '../dsl/check.ts';
import { outsideFunctions } from '../dsl/outside.ts';
import type { PlacedProblem } from '../dsl/parse.ts';
import { taskSchema } from '../dsl/schema.ts';
import { token } from '../dsl/scopes.ts';
import type { Task, WorkflowDocument } from '../dsl/types.ts';
import { faultOf } from '../fault.ts';
import { type CompiledWorkflow, compiled } from './compiled.ts';
import type { ReadResource } from './schemas.ts';

/** Functions that one document may draw in. */
const MAX_FUNCTIONS = 100;

export interface Resolved {
  /** With every function that it calls under `use.functions`, by the name that the call has. */
  workflow: CompiledWorkflow;
  problems: PlacedProblem[];
}

/** Whether a workflow calls functions that are to be read from elsewhere first. */
export const hasOutside = ({ document, tasks }: CompiledWorkflow): boolean =>
  outsideFunctions(tasksOf(tasks), document.use ?? {}).size > 0;

/**
 * Reads the functions of catalogues that a workflow calls, and those that these call, and puts them into its document:
 * an instance keeps them with it, so what a catalogue says later does not change what runs.
 */
export async function resolveOutside(
  workflow: CompiledWorkflow,
  read: ReadResource,
  { scope, policy, signal }: { scope: ReadScope; policy: RunPolicy; signal: AbortSignal },
): Promise<Resolved> {
  const problems: PlacedProblem[] = [];
  const drawn = new Set<string>();
  let current = workflow;
  for (;;) {
    const { document, tasks } = current;
    const wanted = outsideFunctions(tasksOf(tasks), document.use ?? {});
    if (wanted.size === 0 || problems.length > 0) break;
    const found: Record<string, Task> = {};
    await Promise.all(
      [...wanted].map(async ([name, resource]) => {
        drawn.add(name);
        const at = calledAt(tasks, name);
        try {
          const task = taskSchema.safeParse(await read(resource, signal, scope));
          if (task.success) found[name] = task.data;
          else {
            const { path, message } = task.error.issues[0] ?? { path: [], message: 'is no task' };
            problems.push(problem(at, `the function ${name}: ${[...path.map(String), message].join(': ')}`));
          }
        } catch (error) {
          const { title, detail } = faultOf(error, '');
          problems.push(problem(at, `the function ${name} cannot be read: ${title} ${detail}`.trim()));
        }
      }),
    );
    if (drawn.size > MAX_FUNCTIONS) {
      problems.push(problem('/use', `more than ${MAX_FUNCTIONS} functions from elsewhere`));
    }
    current = compiled(withFunctions(document, found));
  }
  const places = [...drawn].map((name) => `/use/functions/${token(name)}`);
  const wrong = checkDocument(current.document, policy).filter(
    ({ pointer, severity }) =>
      severity === 'error' && places.some((place) => pointer === place || pointer.startsWith(`${place}/`)),
  );
  return { workflow: current, problems: [...problems, ...wrong.map((one) => ({ line: 0, ...one }))] };
}

const tasksOf = (tasks: CompiledWorkflow['tasks']): Task[] => [...tasks.values()].map(({ task }) => task);

const problem = (pointer: string, text: string): PlacedProblem => ({
  line: 0,
  pointer,
  problem: text,
  severity: 'error',
});

function calledAt(tasks: CompiledWorkflow['tasks'], name: string): string {
  for (const [pointer, { task }] of tasks) if ('call' in task && task.call === name) return `${pointer}/call`;
  return '';
}

function withFunctions(document: WorkflowDocument, found: Record<string, Task>): WorkflowDocument {
  const { use = {} } = document;
  // In an order of their own, so that the same functions give the same document.
  const sorted = Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { ...document, use: { ...use, functions: { ...use.functions, ...sorted } } };
}
