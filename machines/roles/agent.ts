import { assign, sendTo, setup, spawnChild, stopChild } from 'xstate';
import { effect, hostAction } from '../effects.ts';
import { taskMachine } from '../protocols/task.machine.ts';
import type { AgentEvent, AgentLimits, Presence, TaskRefusal } from './agent.messages.ts';

interface Context extends AgentLimits {
  agentId: string;
  /** Ids of the tasks that have not ended; each is a child of that id. */
  tasks: string[];
  refused: number;
  ignored: number;
}

/** What XState raises when a task's chart ends or breaks. */
type TaskEnded =
  | { type: `xstate.done.actor.${string}`; output: unknown }
  | { type: `xstate.error.actor.${string}`; error: unknown };

const DONE = 'xstate.done.actor.';
const ERROR = 'xstate.error.actor.';

/** The task that an event of a child, or a message, is about. */
const taskOf = (event: { type: string; taskId?: string }) =>
  event.taskId ?? event.type.replace(DONE, '').replace(ERROR, '');

/**
 * The root machine of an agent: presence, and a registry of its tasks. The roles are this machine with
 * an id of their own and with the work of a task done in their way.
 */
export function agentRole(id: string, description: string) {
  return setup({
    types: {
      context: {} as Context,
      events: {} as AgentEvent | TaskEnded,
      input: {} as { agentId: string } & AgentLimits,
    },
    actors: {
      task: taskMachine,
      /** What the agent needs before its first task. */
      prepare: effect<void, { agentId: string }>('prepare'),
    },
    actions: {
      spawnTask: spawnChild('task', {
        id: ({ event }) => (event as Extract<AgentEvent, { type: 'TASK' }>).request.taskId,
        input: ({ context, event }) => ({
          request: (event as Extract<AgentEvent, { type: 'TASK' }>).request,
          patienceMs: context.patienceMs,
          releaseMs: context.releaseMs,
        }),
      }),
      keepTask: assign({
        tasks: ({ context }, params: { taskId: string }) => [...context.tasks, params.taskId],
      }),
      beginTask: sendTo((_, params: { taskId: string }) => params.taskId, { type: 'BEGIN' }),
      passMessage: sendTo(
        (_, params: Extract<AgentEvent, { type: 'MESSAGE' }>) => params.taskId,
        (_, { message }) => ({ type: 'MESSAGE', message }),
      ),
      passCancel: sendTo((_, params: { taskId: string }) => params.taskId, { type: 'CANCEL' }),
      removeTask: stopChild((_, params: { taskId: string }) => params.taskId),
      forgetTask: assign({
        tasks: ({ context }, params: { taskId: string }) =>
          context.tasks.filter((taskId) => taskId !== params.taskId),
      }),
      countRefused: assign({ refused: ({ context }) => context.refused + 1 }),
      countIgnored: assign({ ignored: ({ context }) => context.ignored + 1 }),
      /** Answers a task that was not taken. */
      refuseTask: hostAction<TaskRefusal>('refuseTask'),
      /** Ends a task whose chart broke, as failed. */
      failTask: hostAction<{ taskId: string; error: unknown }>('failTask'),
      tellPresence: hostAction<{ presence: Presence }>('tellPresence'),
    },
    guards: {
      hasTask: ({ context }, params: { taskId: string }) => context.tasks.includes(params.taskId),
      full: ({ context }) => context.tasks.length >= context.maxTasks,
      lastTask: ({ context }, params: { taskId: string }) =>
        context.tasks.every((taskId) => taskId === params.taskId),
      idle: ({ context }) => context.tasks.length === 0,
    },
    delays: { drain: ({ context }) => context.drainMs },
  }).createMachine({
    id,
    description,
    context: ({ input }) => ({ ...input, tasks: [], refused: 0, ignored: 0 }),
    initial: 'starting',
    on: {
      MESSAGE: {
        guard: { type: 'hasTask', params: ({ event }) => event },
        actions: { type: 'passMessage', params: ({ event }) => event },
      },
      CANCEL: {
        guard: { type: 'hasTask', params: ({ event }) => event },
        actions: { type: 'passCancel', params: ({ event }) => event },
      },
      'xstate.done.actor.*': {
        actions: [
          { type: 'removeTask', params: ({ event }) => ({ taskId: taskOf(event) }) },
          { type: 'forgetTask', params: ({ event }) => ({ taskId: taskOf(event) }) },
        ],
      },
      'xstate.error.actor.*': {
        actions: [
          {
            type: 'failTask',
            params: ({ event }) => ({ taskId: taskOf(event), error: errorOf(event) }),
          },
          { type: 'removeTask', params: ({ event }) => ({ taskId: taskOf(event) }) },
          { type: 'forgetTask', params: ({ event }) => ({ taskId: taskOf(event) }) },
        ],
      },
      '*': { actions: 'countIgnored' },
    },
    states: {
      starting: {
        description: 'Prepares itself; takes no task yet.',
        invoke: {
          src: 'prepare',
          id: 'prepare',
          input: ({ context }) => ({ agentId: context.agentId }),
          onDone: { target: 'online' },
          onError: { target: 'offline' },
        },
        on: {
          TASK: {
            actions: [
              'countRefused',
              {
                type: 'refuseTask',
                params: ({ event }) => refusalOf(event, 'the agent is starting; try again'),
              },
            ],
          },
          DRAIN: { target: 'offline' },
        },
      },
      online: {
        description: 'Takes tasks, up to its bound.',
        entry: { type: 'tellPresence', params: { presence: 'online' } },
        on: {
          TASK: [
            {
              guard: { type: 'hasTask', params: ({ event }) => event.request },
              actions: 'countIgnored',
            },
            {
              guard: 'full',
              actions: [
                'countRefused',
                {
                  type: 'refuseTask',
                  params: ({ context, event }) =>
                    refusalOf(
                      event,
                      `the agent has ${context.maxTasks} tasks and takes no more; try again later`,
                    ),
                },
              ],
            },
            {
              actions: [
                'spawnTask',
                { type: 'keepTask', params: ({ event }) => event.request },
                { type: 'beginTask', params: ({ event }) => event.request },
              ],
            },
          ],
          DRAIN: [{ target: 'offline', guard: 'idle' }, { target: 'draining' }],
        },
      },
      draining: {
        description: 'Finishes what it has and takes nothing new.',
        entry: { type: 'tellPresence', params: { presence: 'draining' } },
        on: {
          TASK: {
            actions: [
              'countRefused',
              {
                type: 'refuseTask',
                params: ({ event }) => refusalOf(event, 'the agent is draining; ask another'),
              },
            ],
          },
          RESUME: { target: 'online' },
          'xstate.done.actor.*': [
            {
              target: 'offline',
              guard: { type: 'lastTask', params: ({ event }) => ({ taskId: taskOf(event) }) },
              actions: [
                { type: 'removeTask', params: ({ event }) => ({ taskId: taskOf(event) }) },
                { type: 'forgetTask', params: ({ event }) => ({ taskId: taskOf(event) }) },
              ],
            },
            {
              actions: [
                { type: 'removeTask', params: ({ event }) => ({ taskId: taskOf(event) }) },
                { type: 'forgetTask', params: ({ event }) => ({ taskId: taskOf(event) }) },
              ],
            },
          ],
        },
        after: { drain: { target: 'offline' } },
      },
      offline: {
        description: "Out of service until resumed; tasks that are left are the host's to end.",
        entry: { type: 'tellPresence', params: { presence: 'offline' } },
        on: {
          TASK: {
            actions: [
              'countRefused',
              { type: 'refuseTask', params: ({ event }) => refusalOf(event, 'the agent is offline') },
            ],
          },
          RESUME: { target: 'starting' },
        },
      },
    },
    options: { maxIterations: 1000 },
  });
}

/** Root machine of any role. */
export type AgentRoleMachine = ReturnType<typeof agentRole>;

function refusalOf(event: Extract<AgentEvent, { type: 'TASK' }>, reason: string): TaskRefusal {
  return { taskId: event.request.taskId, contextId: event.request.contextId, reason };
}

function errorOf(event: object): unknown {
  return 'error' in event ? event.error : undefined;
}
