import { type AnyStateMachine, setup } from 'xstate';
import { type Chart, walk } from '../../machines/walk.ts';
import { actionsOf, GUARDS } from './chart-actions.ts';
import { bodies, entries, type TaskList, type WorkflowDocument } from './document.ts';
import type { ChartEffects, Config, ScopeContext, ScopeInput, ScopeOutput } from './scope.ts';
import { flow, taskState } from './task-states.ts';

/**
 * Compiles a document to one machine a scope: a state for each task under its name, with the work of the
 * task inside; the bodies of `do`, `for`, `try` and `fork` are machines of their own that the state
 * invokes. `meta.pointer` is the JSON Pointer of the task.
 */
export function compileScope(
  list: TaskList,
  pointer: string,
  effects: ChartEffects,
  { first = 0, description = `Scope ${pointer} of a workflow.` } = {},
): AnyStateMachine {
  const tasks = entries(list, pointer, first);
  const actors: Record<string, unknown> = { perform: effects.perform, evaluate: effects.evaluate };
  for (const { task, pointer: at } of tasks) {
    for (const body of bodies(task)) {
      actors[`scope ${at}/${body.scope}`] = compileScope(body.list, `${at}/${body.place}`, effects, {
        first: body.first,
      });
    }
  }
  const states: Record<string, Config> = {};
  tasks.forEach(({ name, task, pointer: at }, index) => {
    const next = tasks[index + 1]?.name;
    states[name] = taskState(name, task, at, flow(task, next));
  });
  const machine = {
    id: 'scope',
    description,
    context: ({ input }: { input: ScopeInput }): ScopeContext => ({
      ...input,
      flow: 'next',
      fault: null,
      input: null,
      raw: null,
      skipped: false,
      chosen: 'continue',
      delayMs: 0,
      items: [],
      index: 0,
      go: true,
      branches: [],
      ignored: 0,
    }),
    initial: tasks[0]?.name,
    on: {
      CANCEL: { target: '#cancelled', actions: 'stopWork' },
      '*': { actions: 'countIgnored' },
    },
    states: {
      ...states,
      ...endsOf(states),
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
    delays: { duration: ({ context }: { context: ScopeContext }) => context.delayMs },
  };
  return chart(machine, onlyUsed(all, walk(chart(machine, all))));
}

/** The ends of a scope that something leads to. */
function endsOf(states: Record<string, Config>): Record<string, Config> {
  const targets = new Set(Object.values(states).flatMap(targetsOf));
  return {
    ...(targets.has('#exit')
      ? { $exit: { id: 'exit', type: 'final', description: 'The scope is left.' } }
      : {}),
    ...(targets.has('#end')
      ? {
          $end: {
            id: 'end',
            type: 'final',
            description: 'The whole workflow ends here.',
            entry: 'endWorkflow',
          },
        }
      : {}),
    $cancelled: { id: 'cancelled', type: 'final', description: 'The workflow was told to stop.' },
    $fault: {
      id: 'fault',
      type: 'final',
      description: 'A task faulted and nothing in this scope caught it.',
    },
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
    delays: pick(
      'delays',
      edges.map(({ delay }) => delay),
    ),
  };
}

export const compileDocument = (document: WorkflowDocument, effects: ChartEffects): AnyStateMachine =>
  compileScope(document.do, '/do', effects, {
    description: document.document.summary ?? document.document.title ?? document.document.name,
  });
