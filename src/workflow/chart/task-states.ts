import type { Task } from '../dsl/types.ts';
import { keyOf } from './flow.ts';
import { listenStates } from './listen-states.ts';
import { after, type Parts, partsOf } from './parts.ts';
import type { Config } from './types.ts';

/** What surrounds a task: extensions of the document that match it, by their number. */
export interface Around {
  before: number[];
  after: number[];
}

export interface TaskPlace {
  name: string;
  task: Task;
  pointer: string;
  onDone: Config[];
  around: Around;
  /** Name of the function of the document that a call task calls. */
  callee: string | undefined;
}

/** The state of a task with its work inside. */
export function taskState({ name, task, pointer, onDone, around, callee }: TaskPlace): Config {
  const parts = partsOf(name, pointer);
  const hasIn = task.if !== undefined || task.input !== undefined;
  const hasOut = task.output !== undefined || task.export !== undefined;
  const ending = around.after.length > 0 ? `after${around.after[0]}` : 'done';
  const afterWork = hasOut ? { target: 'out' } : { target: ending, actions: 'keepRaw' };
  const first = hasIn ? 'in' : 'work';
  return {
    description: describe(task),
    meta: { pointer },
    initial: around.before.length > 0 ? `extends${around.before[0]}` : first,
    entry: [{ type: 'started', params: { name, pointer } }, 'begin'],
    exit: { type: 'completed', params: { name, pointer } },
    ...(task.timeout === undefined
      ? {}
      : {
          invoke: parts.timer('timeout', `timeout ${pointer}`, {
            target: '#fault',
            actions: { type: 'timeOut', params: { pointer } },
          }),
        }),
    states: {
      ...beforeStates(around.before, first, parts),
      ...(hasIn
        ? {
            in: {
              description: 'Condition and input.',
              invoke: {
                ...parts.job('in'),
                onDone: [
                  ...(task.if === undefined ? [] : [{ guard: 'skips', target: 'done', actions: 'skip' }]),
                  { target: 'work', actions: 'takeInput' },
                ],
              },
            },
          }
        : {}),
      ...work(task, parts, afterWork, callee),
      ...(hasOut
        ? {
            out: {
              description: 'Output and context.',
              invoke: { ...parts.job('out'), onDone: { target: ending, actions: 'takeOutput' } },
            },
          }
        : {}),
      ...afterStates(around.after, parts),
      done: { type: 'final', description: 'Done.' },
    },
    onDone,
  };
}

/** An extension's tasks before the task; a task of theirs that exits takes the task's place. */
function beforeStates(extensions: number[], first: string, parts: Parts): Record<string, Config> {
  return Object.fromEntries(
    extensions.flatMap((extension, index) => {
      const next = extensions[index + 1];
      const following = next === undefined ? first : `extends${next}`;
      return [
        [
          `extends${extension}`,
          {
            description: 'Whether the extension is for this task.',
            invoke: {
              ...parts.job('extends', { extension }),
              onDone: [{ guard: 'extends', target: `before${extension}` }, { target: following }],
            },
          },
        ],
        [
          `before${extension}`,
          {
            description: 'What the extension does before.',
            invoke: parts.scope(`extension ${extension} before`, { raw: true }, [
              parts.rethrown,
              { guard: 'bodyEnds', target: '#end', actions: ['takeBody', 'keepRaw'] },
              { guard: 'bodyExits', target: 'done', actions: ['takeBody', 'keepRaw'] },
              { target: following, actions: 'takeContext' },
            ]),
          },
        ],
      ];
    }),
  );
}

function afterStates(extensions: number[], parts: Parts): Record<string, Config> {
  return Object.fromEntries(
    extensions.map((extension, index) => {
      const next = extensions[index + 1];
      return [
        `after${extension}`,
        {
          description: 'What the extension does after.',
          invoke: parts.scope(`extension ${extension} after`, { raw: true }, [
            parts.rethrown,
            { target: next === undefined ? 'done' : `after${next}`, actions: 'takeContext' },
          ]),
        },
      ];
    }),
  );
}

function work(task: Task, parts: Parts, done: Config, callee: string | undefined): Record<string, Config> {
  const { pointer } = parts;
  if ('wait' in task) {
    return {
      work: {
        description: 'How long.',
        invoke: { ...parts.job('duration'), onDone: { target: 'pause', actions: 'takeDelay' } },
      },
      pause: {
        description: 'Waits.',
        invoke: parts.timer('delay', `wait ${pointer}`, after(done, 'passInput')),
      },
    };
  }
  if ('switch' in task) {
    return {
      work: {
        description: 'Chooses a case.',
        invoke: { ...parts.job('choose'), onDone: after(done, 'takeChoice', 'passInput') },
      },
    };
  }
  if ('for' in task) return loopStates(task, parts, done);
  if ('fork' in task) return { work: forkState(task, parts, done) };
  if ('try' in task) return tryStates(task, parts, done);
  if ('listen' in task) return listenStates(task, parts, done);
  if ('do' in task) {
    return {
      work: {
        description: 'The inner sequence.',
        invoke: parts.scope(`${pointer}/do`, {}, [parts.rethrown, after(done, 'takeBody')]),
      },
    };
  }
  if (callee !== undefined) {
    return {
      work: {
        description: 'Arguments.',
        invoke: { ...parts.job('args'), onDone: { target: 'function', actions: 'takeArguments' } },
      },
      function: {
        description: `The function ${callee}.`,
        invoke: parts.scope(`function ${callee}`, { bare: true }, [parts.rethrown, after(done, 'takeBody')]),
      },
    };
  }
  const kind = 'set' in task ? 'set' : 'raise' in task ? 'raise' : 'work';
  return {
    work: {
      description: 'Does it.',
      invoke: { ...parts.job(kind), onDone: after(done, 'takeRaw') },
    },
  };
}

function loopStates(
  task: Extract<Task, { for: unknown }>,
  parts: Parts,
  done: Config,
): Record<string, Config> {
  const body = task.while === undefined ? 'body' : 'check';
  return {
    work: {
      description: 'What to go over.',
      invoke: { ...parts.job('items'), onDone: { target: 'next', actions: ['takeItems', 'passInput'] } },
    },
    next: {
      description: 'Another item, or the end.',
      always: [{ guard: 'bodyEndedAll', ...done }, { guard: 'hasItem', target: body }, done],
    },
    ...(task.while === undefined
      ? {}
      : {
          check: {
            description: 'Whether to go on.',
            invoke: {
              ...parts.job('while', {}, task.for),
              onDone: [{ guard: 'goesOn', target: 'body' }, done],
            },
          },
        }),
    body: {
      description: 'One item.',
      invoke: parts.scope(`${parts.pointer}/do`, { each: task.for.each, at: task.for.at }, [
        parts.rethrown,
        { target: 'next', actions: ['takeBody', 'nextItem'] },
      ]),
    },
  };
}

function forkState(task: Extract<Task, { fork: unknown }>, parts: Parts, done: Config): Config {
  const { branches, compete } = task.fork;
  return {
    description: compete ? 'Branches race.' : 'Branches side by side.',
    type: 'parallel',
    states: Object.fromEntries(
      branches.map((branch, index) => [
        keyOf(Object.keys(branch)[0] as string),
        {
          description: 'A branch.',
          initial: 'run',
          states: {
            run: {
              description: 'Runs.',
              invoke: parts.scope(`${parts.pointer}/fork/branches/${index}`, {}, [
                parts.rethrown,
                { guard: 'bodyEnds', target: '#end', actions: ['takeBody', 'keepRaw'] },
                {
                  target: 'ended',
                  actions: compete ? 'takeWinner' : { type: 'takeBranch', params: { index } },
                },
              ]),
            },
            ended: { type: 'final', description: 'Ended.' },
          },
        },
      ]),
    ),
    ...(compete ? { always: { guard: 'hasWinner', ...done } } : { onDone: after(done, 'joinBranches') }),
  };
}

function tryStates({ catch: caught }: Extract<Task, { try: unknown }>, parts: Parts, done: Config) {
  const { pointer } = parts;
  const retry = caught.retry !== undefined;
  const handled = after(done, 'forgive', 'caughtIt');
  return {
    work: {
      description: 'The body that may fault.',
      invoke: parts.scope(`${pointer}/try`, { attempt: true }, [
        { guard: 'bodyFaulted', target: 'caught', actions: 'keepFault' },
        after(done, 'takeBody'),
      ]),
    },
    caught: {
      description: 'Whether the fault is one to catch.',
      invoke: {
        ...parts.job('caught'),
        onDone: [
          ...(retry
            ? [
                {
                  guard: 'retries',
                  target: 'backoff',
                  actions: ['planRetry', { type: 'retried', params: { name: parts.name, pointer } }],
                },
              ]
            : []),
          {
            guard: 'handles',
            ...(caught.do === undefined
              ? after(handled, 'passInput')
              : { target: 'handle', actions: 'caughtIt' }),
          },
          { target: '#fault' },
        ],
      },
    },
    ...(retry
      ? {
          backoff: {
            description: 'Waits before the next attempt.',
            invoke: parts.timer('delay', `backoff ${pointer}`, { target: 'work' }),
          },
        }
      : {}),
    ...(caught.do === undefined
      ? {}
      : {
          handle: {
            description: 'Handles the fault.',
            invoke: parts.scope(`${pointer}/catch/do`, { fault: caught.as }, [
              parts.rethrown,
              after(done, 'takeBody'),
            ]),
          },
        }),
  };
}

function describe(task: Task): string {
  if ('call' in task) return `Calls ${task.call}.`;
  if ('wait' in task) return 'Waits.';
  if ('switch' in task) {
    return `Chooses between ${task.switch.flatMap((one) => Object.keys(one)).join(', ')}.`;
  }
  if ('for' in task) return `For each ${task.for.each}.`;
  if ('fork' in task) return task.fork.compete ? 'Lets branches race.' : 'Runs branches side by side.';
  if ('try' in task) return 'Tries, and handles a fault.';
  if ('emit' in task) return `Emits ${String(task.emit.event.with.type)}.`;
  if ('listen' in task) return 'Listens to events.';
  if ('run' in task)
    return `Runs a ${['workflow', 'script', 'shell'].find((way) => way in task.run) ?? 'process'}.`;
  if ('do' in task) return 'Runs a sequence.';
  return 'raise' in task ? 'Raises an error.' : 'Sets data.';
}
