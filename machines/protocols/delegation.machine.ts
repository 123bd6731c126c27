import { assign, setup } from 'xstate';
import { effect, hostAction } from '../effects.ts';
import type { DelegationEvent, Instruction, SubtaskAnswer } from './delegation.messages.ts';
import type { StatusNote } from './task.messages.ts';

export interface DelegationLimits {
  /** The domain must have accepted by then, ms. */
  acceptMs: number;
  /** The result must be there by then, over all assignments, ms. */
  deadlineMs: number;
}

interface DelegationInput extends DelegationLimits {
  /** The agent to ask, then the one to ask instead, by id; both may be the same. */
  agents: [string, ...string[]];
  instruction: Instruction;
}

interface Context extends DelegationInput {
  /** Assignments made. */
  assigned: number;
  taskId: string;
  exceptions: StatusNote[];
  answer: SubtaskAnswer;
  ignored: number;
}

export interface DelegationOutput {
  agent: string;
  assignments: number;
  exceptions: StatusNote[];
  answer: SubtaskAnswer;
}

/** One first assignment and one more (Table 2 leaves the number open). */
const ASSIGNMENTS = 2;
/** Exceptions that are kept; the newest count. */
const EXCEPTIONS = 20;

const agentOf = ({ agents, assigned }: Context) =>
  agents[Math.min(Math.max(assigned, 1), agents.length) - 1] ?? agents[0];

const failed = (text: string): SubtaskAnswer => ({ state: 'failed', text });
const problemOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/**
 * Delegation on the central agent's side (Table 2: schedules across domains, global progress, exceptions
 * as a whole): one subtask, given to another agent once if the first does not do it.
 */
export const delegationMachine = setup({
  types: {
    context: {} as Context,
    events: {} as DelegationEvent,
    input: {} as DelegationInput,
    output: {} as DelegationOutput,
  },
  actors: {
    /** The A2A exchange of one assignment. Ends with its answer; stopping it cancels the task. */
    assign: effect<SubtaskAnswer, { agent: string; instruction: Instruction }>('assign'),
  },
  actions: {
    tellProgress: hostAction<{ agent: string; note: StatusNote }>('tellProgress'),
    tellException: hostAction<{ agent: string; note: StatusNote }>('tellException'),
    countAssignment: assign({ assigned: ({ context }) => context.assigned + 1, taskId: '' }),
    keepTask: assign({ taskId: (_, params: { taskId: string }) => params.taskId }),
    keepException: assign({
      exceptions: ({ context }, params: { note: StatusNote }) =>
        [...context.exceptions, params.note].slice(-EXCEPTIONS),
    }),
    keepAnswer: assign({ answer: (_, params: { answer: SubtaskAnswer }) => params.answer }),
    countIgnored: assign({ ignored: ({ context }) => context.ignored + 1 }),
  },
  guards: {
    isCompleted: (_, params: { answer: SubtaskAnswer }) => params.answer.state === 'completed',
    mayReassign: ({ context }) => context.assigned < ASSIGNMENTS,
  },
  delays: {
    accept: ({ context }) => context.acceptMs,
    deadline: ({ context }) => context.deadlineMs,
  },
}).createMachine({
  id: 'delegation',
  description: 'One subtask of the central agent in another domain.',
  context: ({ input }) => ({
    ...input,
    assigned: 0,
    taskId: '',
    exceptions: [],
    answer: failed('not assigned'),
    ignored: 0,
  }),
  output: ({ context }) => ({
    agent: agentOf(context),
    assignments: context.assigned,
    exceptions: context.exceptions,
    answer: context.answer,
  }),
  initial: 'open',
  on: { '*': { actions: 'countIgnored' } },
  states: {
    open: {
      description: 'The subtask is in the hands of a domain.',
      initial: 'assigning',
      on: { CANCEL: { target: 'canceled' } },
      after: { deadline: { target: 'timedOut' } },
      states: {
        assigning: {
          description: 'An assignment is out.',
          entry: 'countAssignment',
          on: {
            EXCEPTION: {
              actions: [
                { type: 'keepException', params: ({ event }) => event },
                {
                  type: 'tellException',
                  params: ({ context, event }) => ({ agent: agentOf(context), note: event.note }),
                },
              ],
            },
          },
          invoke: {
            src: 'assign',
            id: 'assign',
            input: ({ context }) => ({ agent: agentOf(context), instruction: context.instruction }),
            onDone: [
              {
                target: '#delegation.reported',
                guard: { type: 'isCompleted', params: ({ event }) => ({ answer: event.output }) },
                actions: { type: 'keepAnswer', params: ({ event }) => ({ answer: event.output }) },
              },
              {
                target: 'assigning',
                reenter: true,
                guard: 'mayReassign',
                actions: { type: 'keepAnswer', params: ({ event }) => ({ answer: event.output }) },
              },
              {
                target: '#delegation.failed',
                actions: { type: 'keepAnswer', params: ({ event }) => ({ answer: event.output }) },
              },
            ],
            onError: [
              {
                target: 'assigning',
                reenter: true,
                guard: 'mayReassign',
                actions: {
                  type: 'keepAnswer',
                  params: ({ event }) => ({ answer: failed(problemOf(event.error)) }),
                },
              },
              {
                target: '#delegation.failed',
                actions: {
                  type: 'keepAnswer',
                  params: ({ event }) => ({ answer: failed(problemOf(event.error)) }),
                },
              },
            ],
          },
          initial: 'sent',
          states: {
            sent: {
              description: 'The domain has not answered yet.',
              on: {
                ACCEPTED: {
                  target: 'accepted',
                  actions: { type: 'keepTask', params: ({ event }) => event },
                },
              },
              after: {
                accept: [
                  {
                    target: '#delegation.open.assigning',
                    reenter: true,
                    guard: 'mayReassign',
                    actions: {
                      type: 'keepAnswer',
                      params: { answer: { state: 'failed', text: 'The agent did not accept in time.' } },
                    },
                  },
                  {
                    target: '#delegation.failed',
                    actions: {
                      type: 'keepAnswer',
                      params: { answer: { state: 'failed', text: 'No agent accepted in time.' } },
                    },
                  },
                ],
              },
            },
            accepted: {
              description: 'The domain works at it and reports.',
              on: {
                PROGRESS: {
                  actions: {
                    type: 'tellProgress',
                    params: ({ context, event }) => ({ agent: agentOf(context), note: event.note }),
                  },
                },
              },
            },
          },
        },
      },
    },
    reported: { type: 'final', description: 'The domain did it; its result is in the answer.' },
    failed: { type: 'final', description: 'No assignment brought the result.' },
    timedOut: {
      type: 'final',
      description: 'The result did not come in time; what the domain still does was stopped.',
      entry: {
        type: 'keepAnswer',
        params: { answer: { state: 'failed', text: 'No result came in time.' } },
      },
    },
    canceled: {
      type: 'final',
      description: 'No longer wanted.',
      entry: { type: 'keepAnswer', params: { answer: { state: 'canceled', text: 'Cancelled.' } } },
    },
  },
  options: { maxIterations: 1000 },
});
