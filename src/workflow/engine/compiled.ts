import { createHash } from 'node:crypto';
import { type AnyStateMachine, fromCallback, fromPromise } from 'xstate';
import { compileDocument, functionPointer } from '../chart/compile.ts';
import type { HeldEvent, Job, ListenInput, TimerInput } from '../chart/types.ts';
import type { RunPolicy } from '../dsl/check.ts';
import { parseWorkflow } from '../dsl/parse.ts';
import { indexTasks, type TaskIndex, token } from '../dsl/scopes.ts';
import type { WorkflowDocument } from '../dsl/types.ts';
import { faultOf } from '../fault.ts';

export interface CompiledWorkflow {
  /** `{namespace}/{name}` */
  id: string;
  name: string;
  version: string;
  document: WorkflowDocument;
  /** SHA-256 of the document: running instances keep to theirs. */
  hash: string;
  /** All tasks by their JSON Pointer, those of functions and extensions too. */
  tasks: TaskIndex;
  /** The chart, with its effects named and not given. */
  readonly machine: AnyStateMachine;
}

/**
 * Compiles a document, YAML text or object.
 * @throws WORKFLOW_INVALID with the line and the reason
 */
export function compileWorkflow(
  source: string | object,
  file?: string,
  policy: RunPolicy = {},
): CompiledWorkflow {
  if (typeof source !== 'string') return compiled(parseWorkflow(source, file, policy));
  // The same templates are read by the pool and by agents: reading YAML is what takes the time.
  const key = `${JSON.stringify(policy)}\n${source}`;
  const known = texts.get(key);
  if (known !== undefined) return known;
  const made = compiled(parseWorkflow(source, file, policy));
  if (texts.size >= KEPT) texts.delete(texts.keys().next().value as string);
  texts.set(key, made);
  return made;
}

/** Documents that were compiled, by policy and text; the oldest go. */
const texts = new Map<string, CompiledWorkflow>();
const KEPT = 200;

/** Of a document that was checked. */
export function compiled(document: WorkflowDocument): CompiledWorkflow {
  const { namespace, name, version } = document.document;
  let machine: AnyStateMachine | undefined;
  return {
    id: `${namespace}/${name}`,
    name,
    version,
    document,
    hash: createHash('sha256').update(JSON.stringify(document)).digest('hex'),
    tasks: tasksOf(document),
    get machine() {
      machine ??= compileDocument(document, UNGIVEN);
      return machine;
    },
  };
}

function tasksOf(document: WorkflowDocument): TaskIndex {
  const tasks = indexTasks(document.do, '/do');
  const { functions = {}, extensions = [] } = document.use ?? {};
  for (const [name, task] of Object.entries(functions)) {
    const at = functionPointer(name);
    for (const [pointer, found] of indexTasks([{ [name]: task }], '')) {
      tasks.set(`${at}${pointer.slice(`/0/${token(name)}`.length)}`, found);
    }
  }
  extensions.forEach((entry, index) => {
    for (const [name, { before, after }] of Object.entries(entry)) {
      const at = `/use/extensions/${index}/${name}`;
      if (before) indexTasks(before, `${at}/before`, tasks);
      if (after) indexTasks(after, `${at}/after`, tasks);
    }
  });
  return tasks;
}

const notGiven = () => new Error('No engine runs this chart.');
const UNGIVEN = {
  perform: fromPromise<unknown, Job>(() => Promise.reject(notGiven())),
  evaluate: fromPromise<unknown, Job>(() => Promise.reject(notGiven())),
  timer: fromPromise<unknown, TimerInput>(() => Promise.reject(notGiven())),
  listen: fromCallback<HeldEvent, ListenInput>(() => {
    throw notGiven();
  }),
  now: () => 0,
  progress: () => {},
  faultOf,
};
