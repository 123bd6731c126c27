import { type AnyStateMachine, setup } from 'xstate';
import { type Chart, walk } from '../../../machines/walk.ts';
import { bodies, entries } from '../dsl/scopes.ts';
import { type Extension, kindOf, type Task, type WorkflowDocument } from '../dsl/types.ts';
import { actionsOf, GUARDS } from './actions.ts';
import { flow, keyOf } from './flow.ts';
import { partsOf } from './parts.ts';
import { type Around, taskState } from './task-states.ts';
import type { ChartEffects, Config, ScopeContext, ScopeInput, ScopeOutput } from './types.ts';

type Tasks = ReturnType<typeof entries>;

/** Changes when snapshots of older charts would not fit: an instance of another number is not restored. */
export const CHART_VERSION = 1;

/**
 * Compiles a document to one machine a scope: a state for each task under its name, with the work of the
 * task inside; the bodies of `do`, `for`, `try`, `fork`, functions and extensions are machines of their own that
 * the state invokes. `meta.pointer` is the JSON Pointer of the task.
 */
export function compileDocument(document: WorkflowDocument, effects: ChartEffects): AnyStateMachine {
  const { summary, title, name } = document.document;
  return compileScope(entries(document.do, '/do'), effects, {
    description: summary ?? title ?? name,
    root: document,
    shared: sharedScopes(document, effects),
  });
}

/** Scopes that tasks of several places invoke: functions, and what extensions do. */
type Shared = { document: WorkflowDocument; machine(src: string): AnyStateMachine };

function sharedScopes(document: WorkflowDocument, effects: ChartEffects): Shared {
  const made = new Map<string, AnyStateMachine>();
  const shared: Shared = {
    document,
    machine(src) {
      const known = made.get(src);
      if (known !== undefined) return known;
      const machine = compileScope(tasksOf(document, src), effects, { description: src, shared });
      made.set(src, machine);
      return machine;
    },
  };
  return shared;
}

function tasksOf({ use = {} }: WorkflowDocument, src: string): Tasks {
  const [what, key = '', place = ''] = src.split(' ');
  if (what === 'function') {
    const name = src.slice('function '.length);
    const task = use.functions?.[name];
    return task === undefined ? [] : [{ name, task, pointer: functionPointer(name) }];
  }
  const [name, extension] = Object.entries(use.extensions?.[Number(key)] ?? {})[0] ?? ['', undefined];
  const list = extension?.[place as 'before' | 'after'] ?? [];
  return entries(list, `/use/extensions/${key}/${name}/${place}`);
}

export const functionPointer = (name: string): string =>
  `/use/functions/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;

/** Which extensions of the document are for a task. */
function around({ use = {} }: WorkflowDocument, task: Task): Around {
  const kind = kindOf(task);
  const composite = ['do', 'for', 'fork', 'try'].includes(kind);
  const numbers = (place: 'before' | 'after') =>
    (use.extensions ?? []).flatMap((entry, index) =>
      Object.values(entry).some(
        (one: Extension) =>
          one[place] !== undefined &&
          (one.extend === 'all' || one.extend === kind || (one.extend === 'composite' && composite)),
      )
        ? [index]
        : [],
    );
  return { before: numbers('before'), after: numbers('after') };
}

function compileScope(
  tasks: Tasks,
  effects: ChartEffects,
  { description, root, shared }: { description: string; root?: WorkflowDocument; shared: Shared },
): AnyStateMachine {
  const { perform, evaluate, timer, listen } = effects;
  const actors: Record<string, unknown> = { perform, evaluate, timer, listen };
  const states: Record<string, Config> = {};
  tasks.forEach(({ name, task, pointer }, index) => {
    for (const body of bodies(task)) {
      const inner = entries(body.list, `${pointer}/${body.place}`, body.first);
      actors[`scope ${pointer}/${body.scope}`] = compileScope(inner, effects, {
        description: `Scope ${pointer}/${body.place} of a workflow.`,
        shared,
      });
    }
    const isOwn = pointer.startsWith('/do/');
    const outside = isOwn ? around(shared.document, task) : { before: [], after: [] };
    const callee =
      'call' in task && Object.hasOwn(shared.document.use?.functions ?? {}, task.call)
        ? task.call
        : undefined;
    const scopes = [
      ...(callee === undefined ? [] : [`function ${callee}`]),
      ...outside.before.map((extension) => `extension ${extension} before`),
      ...outside.after.map((extension) => `extension ${extension} after`),
    ];
    for (const src of scopes) actors[`scope ${src}`] = shared.machine(src);
    const next = tasks[index + 1]?.name;
    states[keyOf(name)] = taskState({
      name,
      task,
      pointer,
      onDone: flow(name, task, next),
      around: outside,
      callee,
    });
  });
  const ends = endsOf(root);
  const targets = new Set([...Object.values(states), ...Object.values(ends)].flatMap(targetsOf));
  const machine = {
    id: 'scope',
    description,
    context: ({ input }: { input: ScopeInput }): ScopeContext => ({
      ...input,
      flow: 'next',
      fault: null,
      step: 0,
      since: effects.now(input.instance),
      from: 0,
      input: null,
      raw: null,
      skipped: false,
      caught: false,
      chosen: 'continue',
      delayMs: 0,
      items: [],
      index: 0,
      attempts: 0,
      branches: [],
      held: null,
      ignored: 0,
    }),
    initial: root?.input === undefined ? keyOf(tasks[0]?.name ?? '') : '$input',
    ...(root?.timeout === undefined
      ? {}
      : {
          invoke: partsOf('timeout', '').timer('timeout', 'timeout', {
            target: '#fault',
            actions: { type: 'timeOut', params: { pointer: '' } },
          }),
        }),
    on: {
      CANCEL: { target: '#cancelled', actions: 'stopWork' },
      '*': { actions: 'countIgnored' },
    },
    states: {
      ...inputState(root, tasks),
      ...states,
      ...Object.fromEntries(
        Object.entries(ends).filter(
          ([, { id }]) => id === 'fault' || id === 'cancelled' || targets.has(`#${String(id)}`),
        ),
      ),
    },
    output: ({ context }: { context: ScopeContext }): ScopeOutput => ({
      data: context.data,
      ctx: context.ctx,
      flow: context.flow,
      fault: context.fault,
    }),
    options: { maxIterations: 100_000 },
  };
  const all = {
    actors,
    actions: actionsOf(effects),
    guards: GUARDS,
    delays: {},
  };
  return chart(machine, onlyUsed(all, walk(chart(machine, all))));
}

function inputState(root: WorkflowDocument | undefined, tasks: Tasks): Record<string, Config> {
  if (root?.input === undefined) return {};
  return {
    $input: {
      description: "The workflow's input: schema and transformation.",
      invoke: {
        ...partsOf('input', '/input').job('start'),
        onDone: { target: keyOf(tasks[0]?.name ?? '').replace(/[\\.]/g, '\\$&'), actions: 'takeData' },
      },
    },
  };
}

/** The ends of a scope; that of a workflow with an output goes over its transformation. */
function endsOf(root: WorkflowDocument | undefined): Record<string, Config> {
  const ends: Record<string, Config> = {
    $done: { id: 'done', type: 'final', description: 'The scope came to its end.' },
    $exit: { id: 'exit', type: 'final', description: 'The scope is left.', entry: 'exitScope' },
    $end: { id: 'end', type: 'final', description: 'The whole workflow ends here.', entry: 'endWorkflow' },
    $cancelled: { id: 'cancelled', type: 'final', description: 'The workflow was told to stop.' },
    $fault: {
      id: 'fault',
      type: 'final',
      description: 'A task faulted and nothing in this scope caught it.',
    },
  };
  if (root?.output === undefined) return ends;
  const finish = (state: Config): Config => ({
    ...state,
    type: 'atomic',
    invoke: {
      ...partsOf('output', '/output').job('finish'),
      onDone: { target: '#finished', actions: 'takeData' },
    },
  });
  return {
    ...ends,
    $done: finish(ends.$done as Config),
    $exit: finish(ends.$exit as Config),
    $end: finish(ends.$end as Config),
    $output: { id: 'finished', type: 'final', description: "The workflow's output was made." },
  };
}

function targetsOf(config: unknown): string[] {
  if (config === null || typeof config !== 'object') return [];
  return Object.entries(config).flatMap(([key, value]) =>
    key === 'target' ? [String(value)] : targetsOf(value),
  );
}

type Implementations = Record<'actors' | 'actions' | 'guards' | 'delays', Record<string, unknown>>;

const chart = (machine: Config, given: Implementations) =>
  setup(given as never).createMachine(machine as never) as unknown as AnyStateMachine;

/** What this scope's chart names: a chart carries nothing that it does not use. */
function onlyUsed(all: Implementations, { nodes, edges }: Chart): Implementations {
  const pick = (kind: keyof Implementations, names: Array<string | null | undefined>) => {
    const used = new Set(names);
    return Object.fromEntries(Object.entries(all[kind]).filter(([name]) => used.has(name)));
  };
  return {
    actors: pick(
      'actors',
      nodes.flatMap(({ invokes }) => invokes.map(({ src }) => src)),
    ),
    actions: pick(
      'actions',
      [...nodes, ...edges].flatMap(({ actions }) => actions),
    ),
    guards: pick(
      'guards',
      edges.map(({ guard }) => guard),
    ),
    delays: {},
  };
}
