import { type AnyStateMachine, assign, type PromiseActorLogic, setup } from 'xstate';
import {
  bodies,
  entries,
  type ForkTask,
  type SwitchTask,
  type Task,
  type TaskList,
  type WorkflowDocument,
} from './document.ts';
import type { Variables } from './expressions.ts';
import type { WorkflowError } from './fault.ts';

/** What a scope's machine is started with. JSON only. */
export interface ScopeInput {
  instance: string;
  /** Iterations that lead here: part of the idempotency key of a call. */
  path: string;
  data: unknown;
  ctx: unknown;
  vars: Variables;
}

/** What a scope's machine ends with; a fault is a value here, never a thrown error. */
export interface ScopeOutput {
  data: unknown;
  ctx: unknown;
  flow: 'next' | 'end';
  fault: WorkflowError | null;
}

/** One piece of work of a task, done outside the chart. */
export interface Job extends ScopeInput {
  kind: 'in' | 'work' | 'out' | 'items' | 'while' | 'choose' | 'duration';
  pointer: string;
  /** The task's transformed input. */
  input: unknown;
}

export interface Progress {
  instance: string;
  type: 'task.started' | 'task.completed' | 'task.faulted';
  name: string;
  pointer: string;
}

/** What an engine gives to the charts. */
export interface ChartEffects {
  /** Calls and everything else that a task does. */
  perform: PromiseActorLogic<unknown, Job>;
  /** Expressions. */
  evaluate: PromiseActorLogic<unknown, Job>;
  progress(event: Progress): void;
  faultOf(error: unknown, pointer: string): WorkflowError;
}

interface Context extends ScopeInput, ScopeOutput {
  input: unknown;
  raw: unknown;
  skipped: boolean;
  chosen: string;
  delayMs: number;
  items: unknown[];
  index: number;
  go: boolean;
  branches: unknown[];
}

type Config = Record<string, unknown>;
// The charts are made from data: their states cannot be in the types. `Done` is what invokes end with.
type Done = { context: Context; event: { output: unknown; error: unknown } };

/**
 * Compiles a document to one machine a scope: a state for each task under its name, with the work of the
 * task inside; the bodies of `do`, `for`, `try` and `fork` are machines of their own that the state
 * invokes. `meta.pointer` is the JSON Pointer of the task.
 */
export function compileScope(list: TaskList, pointer: string, effects: ChartEffects): AnyStateMachine {
  const tasks = entries(list, pointer);
  const actors: Record<string, unknown> = { perform: effects.perform, evaluate: effects.evaluate };
  for (const { task, pointer: at } of tasks) {
    for (const [body, key] of bodies(task))
      actors[`scope ${at}/${key}`] = compileScope(body, `${at}/${key}`, effects);
  }
  const states: Record<string, Config> = {};
  tasks.forEach(({ name, task, pointer: at }, index) => {
    const next = tasks[index + 1]?.name;
    states[name] = taskState(name, task, at, flow(task, next));
  });
  const machine = {
    id: 'scope',
    description: `Scope ${pointer} of a workflow.`,
    context: ({ input }: { input: ScopeInput }): Context => ({
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
    }),
    initial: tasks[0]?.name,
    states: {
      ...states,
      $exit: { id: 'exit', type: 'final', description: 'The scope is left.' },
      $end: {
        id: 'end',
        type: 'final',
        description: 'The whole workflow ends here.',
        entry: 'endWorkflow',
      },
      $fault: {
        id: 'fault',
        type: 'final',
        description: 'A task faulted and nothing in this scope caught it.',
      },
    },
    output: ({ context }: { context: Context }): ScopeOutput => ({
      data: context.data,
      ctx: context.ctx,
      flow: context.flow,
      fault: context.fault,
    }),
    options: { maxIterations: 100_000 },
  };
  return setup({
    actors: actors as never,
    actions: actionsOf(effects) as never,
    guards: GUARDS as never,
    delays: { duration: ({ context }: { context: Context }) => context.delayMs } as never,
  }).createMachine(machine as never) as unknown as AnyStateMachine;
}

export const compileDocument = (document: WorkflowDocument, effects: ChartEffects): AnyStateMachine =>
  compileScope(document.do, '/do', effects);

/** Where the flow goes after a task: one guarded edge for each possible target, so that the chart shows all. */
function flow(task: Task, next: string | undefined): Config[] {
  const target = (directive: string): string => {
    if (directive === 'continue') return next ?? '#exit';
    if (directive === 'exit') return '#exit';
    return directive === 'end' ? '#end' : directive;
  };
  const own = target(task.then ?? 'continue');
  const cases =
    'switch' in task ? task.switch.flatMap((one) => Object.values(one).map(({ then }) => then)) : [];
  return [
    { guard: 'wasSkipped', target: next ?? '#exit' },
    { guard: 'bodyEndedAll', target: '#end' },
    ...[...new Set(cases)].map((then) => ({
      guard: { type: 'chose', params: { then } },
      target: target(then),
    })),
    { target: own },
  ];
}

function taskState(name: string, task: Task, pointer: string, onDone: Config[]): Config {
  const job = (kind: Job['kind']) => ({
    src: kind === 'work' ? 'perform' : 'evaluate',
    input: ({ context }: { context: Context }): Job => ({
      kind,
      pointer,
      instance: context.instance,
      path: context.path,
      data: kind === 'out' || kind === 'while' ? context.raw : context.data,
      ctx: context.ctx,
      vars: context.vars,
      input: context.input,
    }),
    onError: {
      target: '#fault',
      actions: { type: 'fault', params: ({ event }: Done) => ({ error: event.error, name, pointer }) },
    },
  });
  const hasIn = task.if !== undefined || task.input !== undefined;
  const hasOut = task.output !== undefined || task.export !== undefined;
  const afterWork = hasOut ? { target: 'out' } : { target: 'done', actions: 'keepRaw' };
  return {
    description: describe(task),
    meta: { pointer },
    initial: hasIn ? 'in' : 'work',
    entry: [{ type: 'started', params: { name, pointer } }, 'begin'],
    exit: { type: 'completed', params: { name, pointer } },
    states: {
      ...(hasIn
        ? {
            in: {
              description: 'Condition and input.',
              invoke: {
                ...job('in'),
                onDone: [
                  { guard: 'skips', target: 'done', actions: 'skip' },
                  { target: 'work', actions: 'takeInput' },
                ],
              },
            },
          }
        : {}),
      ...work(task, name, pointer, job, afterWork),
      ...(hasOut
        ? {
            out: {
              description: 'Output and context.',
              invoke: { ...job('out'), onDone: { target: 'done', actions: 'takeOutput' } },
            },
          }
        : {}),
      done: { type: 'final', description: 'Done.' },
    },
    onDone,
  };
}

function work(
  task: Task,
  name: string,
  pointer: string,
  job: (kind: Job['kind']) => Config,
  after: Config,
): Record<string, Config> {
  if ('wait' in task) {
    return {
      work: {
        description: 'How long.',
        invoke: { ...job('duration'), onDone: { target: 'pause', actions: 'takeDelay' } },
      },
      pause: {
        description: 'Waits on network time.',
        after: { duration: { ...after, actions: ['passInput', ...actionList(after)] } },
      },
    };
  }
  if ('switch' in task) {
    return {
      work: {
        description: 'Chooses a case.',
        invoke: {
          ...job('choose'),
          onDone: { ...after, actions: ['takeChoice', 'passInput', ...actionList(after)] },
        },
      },
    };
  }
  if ('for' in task) return loopStates(task, pointer, name, job, after);
  if ('fork' in task) return { work: forkState(task, pointer, name, after) };
  if ('try' in task) {
    const handler = task.catch.do === undefined ? undefined : 'handle';
    return {
      work: {
        description: 'The body that may fault.',
        invoke: scope(
          `${pointer}/try`,
          {},
          [
            handler === undefined
              ? { guard: 'bodyFaulted', ...after, actions: ['passInput', ...actionList(after)] }
              : { guard: 'bodyFaulted', target: handler, actions: 'keepFault' },
            { ...after, actions: ['takeBody', ...actionList(after)] },
          ],
          name,
          pointer,
        ),
      },
      ...(handler === undefined
        ? {}
        : {
            handle: {
              description: 'Handles the fault.',
              invoke: scope(
                `${pointer}/catch/do`,
                { fault: task.catch.as },
                bodyDone(after, name, pointer),
                name,
                pointer,
              ),
            },
          }),
    };
  }
  if ('do' in task) {
    return {
      work: {
        description: 'The inner sequence.',
        invoke: scope(`${pointer}/do`, {}, bodyDone(after, name, pointer), name, pointer),
      },
    };
  }
  return {
    work: {
      description: 'Does it.',
      invoke: { ...job('work'), onDone: { ...after, actions: ['takeRaw', ...actionList(after)] } },
    },
  };
}

function loopStates(
  task: Extract<Task, { for: unknown }>,
  pointer: string,
  name: string,
  job: (kind: Job['kind']) => Config,
  after: Config,
): Record<string, Config> {
  const body = task.while === undefined ? 'body' : 'check';
  return {
    work: {
      description: 'What to go over.',
      invoke: { ...job('items'), onDone: { target: 'next', actions: ['takeItems', 'passInput'] } },
    },
    next: {
      description: 'Another item, or the end.',
      always: [{ guard: 'bodyEndedAll', ...after }, { guard: 'hasItem', target: body }, after],
    },
    ...(task.while === undefined
      ? {}
      : {
          check: {
            description: 'Whether to go on.',
            invoke: {
              ...job('while'),
              onDone: [{ guard: 'goesOn', target: 'body' }, after],
            },
          },
        }),
    body: {
      description: 'One item.',
      invoke: scope(
        `${pointer}/do`,
        { each: task.for.each, at: task.for.at },
        [
          { guard: 'bodyFaulted', target: '#fault', actions: { type: 'rethrow', params: { name, pointer } } },
          { target: 'next', actions: ['takeBody', 'nextItem'] },
        ],
        name,
        pointer,
      ),
    },
  };
}

function forkState(task: ForkTask, pointer: string, name: string, after: Config): Config {
  return {
    description: 'Branches side by side.',
    type: 'parallel',
    states: Object.fromEntries(
      task.fork.branches.map((branch, index) => [
        Object.keys(branch)[0] as string,
        {
          description: 'A branch.',
          initial: 'run',
          states: {
            run: {
              description: 'Runs.',
              invoke: scope(
                `${pointer}/fork/branches/${index}`,
                {},
                [
                  {
                    guard: 'bodyFaulted',
                    target: '#fault',
                    actions: { type: 'rethrow', params: { name, pointer } },
                  },
                  { target: 'ended', actions: { type: 'takeBranch', params: { index } } },
                ],
                name,
                pointer,
              ),
            },
            ended: { type: 'final', description: 'Ended.' },
          },
        },
      ]),
    ),
    onDone: { ...after, actions: ['joinBranches', ...actionList(after)] },
  };
}

/** Invokes the machine of an inner scope on the task's input. */
function scope(
  src: string,
  names: { each?: string; at?: string; fault?: string },
  onDone: Config[],
  name: string,
  pointer: string,
): Config {
  return {
    src: `scope ${src}`,
    input: ({ context }: { context: Context }): ScopeInput => ({
      instance: context.instance,
      path: names.each === undefined ? context.path : `${context.path}[${context.index}]`,
      data: names.each === undefined ? context.input : context.raw,
      ctx: context.ctx,
      vars: {
        ...context.vars,
        ...(names.each === undefined ? {} : { [names.each]: context.items[context.index] }),
        ...(names.at === undefined ? {} : { [names.at]: context.index }),
        ...(names.fault === undefined ? {} : { [names.fault]: context.fault }),
      },
    }),
    onDone,
    onError: {
      target: '#fault',
      actions: { type: 'fault', params: ({ event }: Done) => ({ error: event.error, name, pointer }) },
    },
  };
}

function bodyDone(after: Config, name: string, pointer: string): Config[] {
  return [
    { guard: 'bodyFaulted', target: '#fault', actions: { type: 'rethrow', params: { name, pointer } } },
    { ...after, actions: ['takeBody', ...actionList(after)] },
  ];
}

function actionList(after: Config): string[] {
  return typeof after.actions === 'string' ? [after.actions] : [];
}

const outputOf = (event: unknown) => (event as { output: unknown }).output as never;

const GUARDS = {
  wasSkipped: ({ context }: Done) => context.skipped,
  skips: ({ event }: Done) => (outputOf(event) as { skip: boolean }).skip,
  bodyEndedAll: ({ context }: Done) => context.flow === 'end',
  bodyFaulted: ({ event }: Done) => (outputOf(event) as ScopeOutput).fault !== null,
  chose: ({ context }: Done, { then }: { then: string }) => context.chosen === then,
  hasItem: ({ context }: Done) => context.index < context.items.length,
  goesOn: ({ event }: Done) => outputOf(event) === (true as never),
};

function actionsOf(effects: ChartEffects) {
  const take = (patch: (context: Context, output: never) => Partial<Context>) =>
    assign((({ context, event }: Done) => patch(context, outputOf(event))) as never);
  const note =
    (type: Progress['type']) =>
    ({ context }: Done, params: { name: string; pointer: string }) =>
      effects.progress({ instance: context.instance, type, ...params });
  return {
    started: note('task.started'),
    completed: ({ context }: Done, params: { name: string; pointer: string }) =>
      effects.progress({
        instance: context.instance,
        type: context.fault === null ? 'task.completed' : 'task.faulted',
        ...params,
      }),
    begin: assign((({ context }: Done) => ({
      input: context.data,
      raw: null,
      skipped: false,
      chosen: '',
      items: [],
      index: 0,
      branches: [],
    })) as never),
    endWorkflow: assign({ flow: 'end' } as never),
    skip: assign({ skipped: true } as never),
    takeInput: take((_, output: { input: unknown }) => ({ input: output.input })),
    takeRaw: take((_, output: unknown) => ({ raw: output })),
    passInput: assign((({ context }: Done) => ({ raw: context.input })) as never),
    keepRaw: assign((({ context }: Done) => ({ data: context.raw })) as never),
    takeOutput: take((_, output: { data: unknown; ctx: unknown }) => ({
      data: output.data,
      ctx: output.ctx,
    })),
    takeDelay: take((_, output: number) => ({ delayMs: output })),
    takeChoice: take((_, output: string) => ({ chosen: output })),
    takeItems: take((_, output: unknown[]) => ({ items: output })),
    takeBody: take((_, output: ScopeOutput) => ({
      raw: output.data,
      ctx: output.ctx,
      flow: output.flow,
      fault: null,
    })),
    nextItem: assign((({ context }: Done) => ({ index: context.index + 1 })) as never),
    takeBranch: assign((({ context, event }: Done, { index }: { index: number }) => {
      const branches = [...context.branches];
      branches[index] = (outputOf(event) as ScopeOutput).data;
      return { branches };
    }) as never),
    joinBranches: assign((({ context }: Done) => ({ raw: context.branches })) as never),
    keepFault: take((_, output: ScopeOutput) => ({ fault: output.fault })),
    rethrow: take((_, output: ScopeOutput) => ({ fault: output.fault })),
    fault: assign(((_: Done, { error, pointer }: { error: unknown; pointer: string }) => ({
      fault: effects.faultOf(error, pointer),
    })) as never),
  };
}

function describe(task: Task): string {
  if ('call' in task) return `Calls ${task.call}.`;
  if ('wait' in task) return 'Waits.';
  if ('switch' in task) return `Chooses between ${names(task)}.`;
  if ('for' in task) return `For each ${task.for.each}.`;
  if ('fork' in task) return 'Runs branches side by side.';
  if ('try' in task) return 'Tries, and handles a fault.';
  if ('do' in task) return 'Runs a sequence.';
  return 'raise' in task ? 'Raises an error.' : 'Sets data.';
}

function names(task: SwitchTask): string {
  return task.switch.flatMap((one) => Object.keys(one)).join(', ');
}
