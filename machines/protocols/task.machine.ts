import { assign, sendTo, setup } from 'xstate';
import { effect, hostAction } from '../effects.ts';
import { failureResult } from './result.ts';
import type {
  FollowUp,
  PublishedArtifact,
  PublishedStatus,
  TaskEvent,
  TaskRequest,
  TaskResult,
} from './task.messages.ts';

export interface TaskLimits {
  /** How long a task waits for the answer to its question, ms. */
  patienceMs: number;
  /** How long cancelled work may take to give back what it holds, ms. */
  releaseMs: number;
}

/** What XState raises when the work of a turn ends. */
type WorkEnded =
  | { type: 'xstate.done.actor.perform'; output: TaskResult }
  | { type: 'xstate.error.actor.perform'; error: unknown };

type End = Omit<TaskResult, 'state'> & { state: TaskResult['state'] | 'canceled' };

interface Context extends TaskLimits {
  request: TaskRequest;
  result: End;
  ignored: number;
}

/** One A2A task as its executor sees it (A2A 4.1.3). A cancelled task stays cancelled. */
export const taskMachine = setup({
  types: {
    context: {} as Context,
    events: {} as TaskEvent | WorkEnded,
    input: {} as { request: TaskRequest } & TaskLimits,
    output: {} as { taskId: string; state: End['state'] },
  },
  actors: {
    /** Does the work of one turn. Hears CANCEL when it must stop, and then ends when it has cleaned up. */
    perform: effect<TaskResult, TaskRequest>('perform'),
  },
  actions: {
    publishStatus: hostAction<PublishedStatus>('publishStatus'),
    publishArtifact: hostAction<PublishedArtifact>('publishArtifact'),
    /** The turn is over: this is the last status of it. */
    settle: hostAction<PublishedStatus>('settle'),
    /** Tells the work of the turn to stop and clean up. */
    stopWork: sendTo('perform', { type: 'CANCEL' }),
    keepResult: assign({ result: (_, params: { result: End }) => params.result }),
    takeMessage: assign({
      request: ({ context: { request } }, { message }: { message: FollowUp }) => ({
        ...request,
        ...message,
        history: request.text === '' ? request.history : [...request.history, request.text],
      }),
    }),
    countIgnored: assign({ ignored: ({ context }) => context.ignored + 1 }),
  },
  guards: {
    endedAs: (_, params: { result: TaskResult; state: TaskResult['state'] }) =>
      params.result.state === params.state,
  },
  delays: {
    patience: ({ context }) => context.patienceMs,
    release: ({ context }) => context.releaseMs,
  },
}).createMachine({
  id: 'task',
  description: 'One A2A task on the side of the agent that does it.',
  context: ({ input }) => ({ ...input, result: { state: 'failed', text: '' }, ignored: 0 }),
  output: ({ context }) => ({ taskId: context.request.taskId, state: context.result.state }),
  initial: 'submitted',
  on: { '*': { actions: 'countIgnored' } },
  states: {
    submitted: {
      description: 'Accepted, not begun.',
      on: { BEGIN: { target: 'active' }, CANCEL: { target: 'canceled' } },
    },
    active: {
      description: 'A turn of the work runs.',
      invoke: {
        src: 'perform',
        id: 'perform',
        input: ({ context }) => context.request,
        onDone: [
          {
            target: 'completed',
            guard: { type: 'endedAs', params: ({ event }) => ({ result: event.output, state: 'completed' }) },
            actions: { type: 'keepResult', params: ({ event }) => ({ result: event.output }) },
          },
          {
            target: 'inputRequired',
            guard: {
              type: 'endedAs',
              params: ({ event }) => ({ result: event.output, state: 'input-required' }),
            },
            actions: { type: 'keepResult', params: ({ event }) => ({ result: event.output }) },
          },
          {
            target: 'rejected',
            guard: { type: 'endedAs', params: ({ event }) => ({ result: event.output, state: 'rejected' }) },
            actions: { type: 'keepResult', params: ({ event }) => ({ result: event.output }) },
          },
          {
            target: 'failed',
            actions: { type: 'keepResult', params: ({ event }) => ({ result: event.output }) },
          },
        ],
        onError: {
          target: 'failed',
          actions: {
            type: 'keepResult',
            params: ({ event }) => ({ result: failureResult(event.error) }),
          },
        },
      },
      initial: 'working',
      states: {
        working: {
          description: 'The work reports as it goes.',
          entry: {
            type: 'publishStatus',
            params: ({ context }) => ({ ...addressOf(context), state: 'working', text: '' }),
          },
          on: {
            PROGRESS: {
              actions: {
                type: 'publishStatus',
                params: ({ context, event }) => ({
                  ...addressOf(context),
                  state: 'working',
                  ...event.note,
                }),
              },
            },
            ARTIFACT: {
              actions: {
                type: 'publishArtifact',
                params: ({ context, event }) => ({ ...addressOf(context), ...event.artifact }),
              },
            },
            CANCEL: { target: 'canceling' },
          },
        },
        canceling: {
          description:
            'Told to stop; silent while it gives back what it holds. How it ends no longer matters.',
          entry: 'stopWork',
          on: {
            'xstate.done.actor.perform': { target: '#task.canceled' },
            'xstate.error.actor.perform': { target: '#task.canceled' },
          },
          after: { release: { target: '#task.canceled' } },
        },
      },
    },
    inputRequired: {
      description: 'The turn ended with a question; the next message answers it.',
      entry: {
        type: 'settle',
        params: ({ context }) => ({ ...addressOf(context), ...context.result }),
      },
      on: {
        MESSAGE: {
          target: 'active',
          actions: { type: 'takeMessage', params: ({ event }) => ({ message: event.message }) },
        },
        CANCEL: { target: 'canceled' },
      },
      after: {
        patience: {
          target: 'failed',
          actions: {
            type: 'keepResult',
            params: { result: { state: 'failed', text: 'No answer came to the question in time.' } },
          },
        },
      },
    },
    completed: {
      type: 'final',
      description: 'Done; the results are in artifacts.',
      entry: { type: 'settle', params: ({ context }) => ({ ...addressOf(context), ...context.result }) },
    },
    failed: {
      type: 'final',
      description: 'Could not be done.',
      entry: { type: 'settle', params: ({ context }) => ({ ...addressOf(context), ...context.result }) },
    },
    rejected: {
      type: 'final',
      description: 'Refused by the agent.',
      entry: { type: 'settle', params: ({ context }) => ({ ...addressOf(context), ...context.result }) },
    },
    canceled: {
      type: 'final',
      description: 'Stopped at the request of the requester.',
      entry: [
        { type: 'keepResult', params: { result: { state: 'canceled', text: 'Cancelled.' } } },
        { type: 'settle', params: ({ context }) => ({ ...addressOf(context), ...context.result }) },
      ],
    },
  },
  options: { maxIterations: 1000 },
});

function addressOf({ request: { taskId, contextId } }: Context) {
  return { taskId, contextId };
}
