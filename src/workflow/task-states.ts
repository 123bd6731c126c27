import { bodies, type ForkTask, type SwitchTask, type Task } from './document.ts';
import type { Config, Done, Job, ScopeContext, ScopeInput } from './scope.ts';

/** Where the flow goes after a task: one guarded edge for each possible target, so that the chart shows all. */
export function flow(task: Task, next: string | undefined): Config[] {
  const following = next === undefined ? '#exit' : stateOf(next);
  const target = (directive: string): string => {
    if (directive === 'continue') return following;
    if (directive === 'exit') return '#exit';
    return directive === 'end' ? '#end' : stateOf(directive);
  };
  const own = target(task.then ?? 'continue');
  const cases =
    'switch' in task ? task.switch.flatMap((one) => Object.values(one).map(({ then }) => then)) : [];
  return [
    ...(task.if === undefined ? [] : [{ guard: 'wasSkipped', target: following }]),
    ...(bodies(task).length === 0 || 'fork' in task ? [] : [{ guard: 'bodyEndedAll', target: '#end' }]),
    ...[...new Set(cases)].map((then) => ({
      guard: { type: 'chose', params: { then } },
      target: target(then),
    })),
    { target: own },
  ];
}

/** A task's name as the target of an edge: a dot would be a path. */
const stateOf = (name: string): string => name.replace(/[\\.]/g, '\\$&');

/** The state of a task with its work inside. */
export function taskState(name: string, task: Task, pointer: string, onDone: Config[]): Config {
  const job = (kind: Job['kind']) => ({
    src: kind === 'work' ? 'perform' : 'evaluate',
    input: ({ context }: { context: ScopeContext }): Job => ({
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
                  ...(task.if === undefined ? [] : [{ guard: 'skips', target: 'done', actions: 'skip' }]),
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
                  { guard: 'bodyEnds', target: '#end', actions: ['takeBody', 'keepRaw'] },
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
    input: ({ context }: { context: ScopeContext }): ScopeInput => ({
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
