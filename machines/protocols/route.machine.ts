import { assign, fromPromise, setup } from 'xstate';

/** How a step of an execution stands. `unknown`: its server was lost and it may have been executed. */
export type StepMark =
  | 'waiting'
  | 'running'
  | 'done'
  | 'failed'
  | 'skipped'
  | 'cancelled'
  | 'unknown'
  | 'undone';

export interface PlannedStep {
  id: string;
  after: string[];
  onError: 'fail' | 'continue' | 'compensate';
  undoable: boolean;
}

export type RouteJoin = 'all' | 'any' | { atLeast: number };
export type RouteEnd = 'done' | 'failed' | 'cancelled' | 'expired' | 'fenced' | 'refused';
export type Marks = Readonly<Record<string, StepMark>>;

export interface RouteContext {
  plan: PlannedStep[];
  join: RouteJoin;
  deadlineMs: number;
  marks: Marks;
  /** Why the running steps are stopped. */
  stopping: RouteEnd;
  problem: unknown;
  ignored: number;
}

export type RouteEvent =
  | { type: 'STEP_ENDED'; id: string; mark: StepMark }
  | { type: 'CANCEL' }
  /** Another anchor has taken the role. */
  | { type: 'FENCED' };

const markOf = (marks: Marks, id: string): StepMark => marks[id] ?? 'waiting';
const bad = (mark: StepMark) => mark === 'failed' || mark === 'unknown' || mark === 'cancelled';

/** Where an execution stands: what may begin now, and whether its end is decided (NetMCP 6). */
export function judge(
  plan: PlannedStep[],
  marks: Marks,
  join: RouteJoin,
): { verdict: 'open' | 'done' | 'failed'; ready: string[] } {
  const byId = new Map(plan.map((step) => [step.id, step]));
  /** Steps that can never begin, because one before them ended badly. */
  const blocked = new Set<string>();
  const stops = (id: string) => {
    const before = byId.get(id);
    if (before === undefined || blocked.has(id)) return true;
    return bad(markOf(marks, id)) && before.onError !== 'continue';
  };
  for (let grown = true; grown; ) {
    grown = false;
    for (const { id, after } of plan) {
      if (blocked.has(id) || markOf(marks, id) !== 'waiting' || !after.some(stops)) continue;
      blocked.add(id);
      grown = true;
    }
  }
  const ended = (id: string) => !['waiting', 'running'].includes(markOf(marks, id));
  const ready = plan
    .filter(({ id, after }) => markOf(marks, id) === 'waiting' && !blocked.has(id) && after.every(ended))
    .map(({ id }) => id);
  if (join === 'all') {
    const failed = plan.some(({ id, onError }) => bad(markOf(marks, id)) && onError !== 'continue');
    if (failed) return { verdict: 'failed', ready: [] };
    return { verdict: plan.every(({ id }) => ended(id)) ? 'done' : 'open', ready };
  }
  const waitedFor = new Set(plan.flatMap(({ after }) => after));
  const leaves = plan.filter(({ id }) => !waitedFor.has(id));
  const wanted = Math.min(join === 'any' ? 1 : join.atLeast, leaves.length);
  const reached = leaves.filter(({ id }) => markOf(marks, id) === 'done').length;
  if (reached >= wanted) return { verdict: 'done', ready: [] };
  const open = leaves.filter(({ id }) => !ended(id) && !blocked.has(id)).length;
  return reached + open < wanted ? { verdict: 'failed', ready: [] } : { verdict: 'open', ready };
}

/** What must be undone when the execution has failed. */
export function undoOf(plan: PlannedStep[], marks: Marks): string[] {
  const asked = plan.some(({ id, onError }) => onError === 'compensate' && bad(markOf(marks, id)));
  return asked ? plan.filter(({ id, undoable }) => undoable && marks[id] === 'done').map(({ id }) => id) : [];
}

const judged = ({ plan, marks, join }: RouteContext) => judge(plan, marks, join);
const calm = ({ marks }: RouteContext) => !Object.values(marks).includes('running');

/**
 * One execution at its anchor (NetMCP 6): take the role, run steps as they become ready, stop or undo,
 * end. `startSteps` and `stopSteps` are the effects; a step tells its end by STEP_ENDED.
 */
export const routeMachine = setup({
  types: {
    context: {} as RouteContext,
    events: {} as RouteEvent,
    input: {} as { plan: PlannedStep[]; join: RouteJoin; deadlineMs: number },
    output: {} as { marks: Marks; problem: unknown },
  },
  actors: {
    /** Takes the role and gives what earlier anchors have finished. */
    claim: fromPromise<Marks>(() => Promise.reject(new Error('claim is not provided'))),
    /** Undoes steps, the last first, and gives those that are undone. */
    undo: fromPromise<string[], { ids: string[] }>(() => Promise.reject(new Error('undo is not provided'))),
  },
  guards: {
    finished: ({ context }) => judged(context).verdict === 'done' && calm(context),
    finishedEarly: ({ context }) => judged(context).verdict === 'done',
    mustUndo: ({ context }) =>
      judged(context).verdict === 'failed' && calm(context) && undoOf(context.plan, context.marks).length > 0,
    failed: ({ context }) => judged(context).verdict === 'failed' && calm(context),
    calmAfterAll: ({ context }) => calm(context) && context.stopping === 'done',
    calmAfterCancel: ({ context }) => calm(context) && context.stopping === 'cancelled',
    calmAfterDeadline: ({ context }) => calm(context),
  },
  actions: {
    keepMarks: assign({ marks: (_, params: Marks) => params }),
    keepMark: assign({
      marks: ({ context }, params: { id: string; mark: StepMark }) =>
        context.plan.some(({ id }) => id === params.id)
          ? { ...context.marks, [params.id]: params.mark }
          : context.marks,
    }),
    markReady: assign({
      marks: ({ context }) => ({
        ...context.marks,
        ...Object.fromEntries(judged(context).ready.map((id) => [id, 'running' as const])),
      }),
    }),
    /** Whoever has not answered in time may or may not have been executed. */
    markLost: assign({
      marks: ({ context }) =>
        Object.fromEntries(
          Object.entries(context.marks).map(([id, mark]) => [id, mark === 'running' ? 'unknown' : mark]),
        ),
    }),
    markUndone: assign({
      marks: ({ context }, params: { ids: string[] }) => ({
        ...context.marks,
        ...Object.fromEntries(params.ids.map((id) => [id, 'undone' as const])),
      }),
    }),
    stopBecause: assign({ stopping: (_, params: { end: RouteEnd }) => params.end }),
    keepProblem: assign({ problem: (_, params: { problem: unknown }) => params.problem }),
    countIgnored: assign({ ignored: ({ context }) => context.ignored + 1 }),
    /** Effect: begins these steps. */
    startSteps: (_, _params: { ids: string[] }) => {},
    /** Effect: tells the running steps to stop. */
    stopSteps: () => {},
    /** Effect: the execution is cancelled for good, also for an anchor that takes it over. */
    noteCancel: () => {},
  },
  delays: {
    deadline: ({ context }) => context.deadlineMs,
    stopTimeout: 10_000,
    undoTimeout: 60_000,
  },
}).createMachine({
  id: 'route',
  description: 'An execution of steps over several tool servers, at the anchor that has the role.',
  context: ({ input }) => ({
    plan: input.plan,
    join: input.join,
    deadlineMs: input.deadlineMs,
    marks: {},
    stopping: 'done',
    problem: null,
    ignored: 0,
  }),
  initial: 'working',
  on: { '*': { actions: 'countIgnored' } },
  states: {
    working: {
      description: 'From taking the role to the last step; bounded by the deadline of the agent.',
      initial: 'claiming',
      on: {
        CANCEL: {
          target: 'stopping',
          actions: ['noteCancel', { type: 'stopBecause', params: { end: 'cancelled' } }],
        },
        FENCED: { target: 'fenced' },
      },
      after: {
        deadline: { target: 'stopping', actions: { type: 'stopBecause', params: { end: 'expired' } } },
      },
      states: {
        claiming: {
          description: 'Takes the role with a new epoch and reads what is finished.',
          invoke: {
            src: 'claim',
            id: 'claim',
            onDone: {
              target: 'deciding',
              actions: { type: 'keepMarks', params: ({ event }) => event.output },
            },
            onError: {
              target: '#route.refused',
              actions: { type: 'keepProblem', params: ({ event }) => ({ problem: event.error }) },
            },
          },
        },
        deciding: {
          description: 'Looks what follows from the steps that have ended.',
          always: [
            { target: '#route.done', guard: 'finished' },
            {
              target: '#route.stopping',
              guard: 'finishedEarly',
              actions: { type: 'stopBecause', params: { end: 'done' } },
            },
            { target: '#route.undoing', guard: 'mustUndo' },
            { target: '#route.failed', guard: 'failed' },
            {
              target: 'executing',
              actions: [
                { type: 'startSteps', params: ({ context }) => ({ ids: judged(context).ready }) },
                'markReady',
              ],
            },
          ],
        },
        executing: {
          description: 'Steps are under way.',
          on: {
            STEP_ENDED: {
              target: 'deciding',
              actions: { type: 'keepMark', params: ({ event }) => event },
            },
          },
        },
      },
    },
    stopping: {
      description: 'The running steps are told to stop; what they answer still counts.',
      entry: 'stopSteps',
      always: [
        { target: 'done', guard: 'calmAfterAll' },
        { target: 'cancelled', guard: 'calmAfterCancel' },
        { target: 'expired', guard: 'calmAfterDeadline' },
      ],
      on: {
        STEP_ENDED: { actions: { type: 'keepMark', params: ({ event }) => event } },
        FENCED: { target: 'fenced' },
      },
      after: { stopTimeout: { target: 'stopping', reenter: true, actions: 'markLost' } },
    },
    undoing: {
      description: 'Undoes what was done, the last first.',
      invoke: {
        src: 'undo',
        id: 'undo',
        input: ({ context }) => ({ ids: undoOf(context.plan, context.marks) }),
        onDone: {
          target: 'failed',
          actions: { type: 'markUndone', params: ({ event }) => ({ ids: event.output }) },
        },
        onError: {
          target: 'failed',
          actions: { type: 'keepProblem', params: ({ event }) => ({ problem: event.error }) },
        },
      },
      on: { FENCED: { target: 'fenced' } },
      after: { undoTimeout: { target: 'failed' } },
    },
    done: { type: 'final', description: 'As many steps ended well as the join asks for.' },
    failed: { type: 'final', description: 'It cannot end well any more; what could be undone is undone.' },
    cancelled: { type: 'final', description: 'The agent withdrew it.' },
    expired: { type: 'final', description: 'The deadline of the agent passed.' },
    fenced: {
      type: 'final',
      description: 'Another anchor has the role; calls under way are left to it.',
    },
    refused: { type: 'final', description: 'The role could not be taken.' },
  },
  output: ({ context }) => ({ marks: context.marks, problem: context.problem }),
  options: { maxIterations: 1000 },
});
