import { assign, sendTo, setup } from 'xstate';
import { effect, hostAction } from '../effects.ts';
import type { WorkEvent } from './delegation.messages.ts';
import { type IntentUnderstanding, type Stage, stageOf, stages } from './intent.messages.ts';
import { failureResult } from './result.ts';
import type { ArtifactNote, StatusNote, TaskRequest, TaskResult } from './task.messages.ts';

interface Context {
  request: TaskRequest;
  /** JSON; what `understand` found. */
  intent: unknown;
  /** JSON; what `assure` brought. */
  outcome: unknown;
  stage: Stage;
  end: 'reported' | 'failed' | 'canceled';
  result: TaskResult;
  ignored: number;
}

/** What XState raises when the assurance ends. */
type AssureEnded =
  | { type: 'xstate.done.actor.assure'; output: unknown }
  | { type: 'xstate.error.actor.assure'; error: unknown };

const CLEAN_UP_MS = 30_000;

/**
 * An intent in the central agent, from the words to the report (TS 28.312). Once something may have been
 * taken from the network, every way out goes through `releasing`.
 */
export const intentMachine = setup({
  types: {
    context: {} as Context,
    events: {} as WorkEvent | AssureEnded,
    input: {} as TaskRequest,
    output: {} as TaskResult,
  },
  actors: {
    understand: effect<IntentUnderstanding, TaskRequest>('understand'),
    /** Runs the workflow of the plan; its progress notes name the phase. */
    assure: effect<unknown, { request: TaskRequest; intent: unknown }>('assure'),
    report: effect<TaskResult, { request: TaskRequest; intent: unknown; outcome: unknown }>('report'),
    /** Gives back what the intent still holds. */
    release: effect<void, { request: TaskRequest }>('release'),
  },
  actions: {
    passStatus: hostAction<{ taskId: string; note: StatusNote }>('passStatus'),
    passArtifact: hostAction<{ taskId: string; artifact: ArtifactNote }>('passArtifact'),
    stopAssuring: sendTo('assure', { type: 'CANCEL' }),
    keepIntent: assign({
      intent: (_, { understanding }: { understanding: IntentUnderstanding }) =>
        understanding.kind === 'understood' ? understanding.intent : null,
    }),
    keepStage: assign({
      stage: ({ context }, { note }: { note: StatusNote }) => stageOf(note.data) ?? context.stage,
    }),
    keepOutcome: assign({ outcome: (_, params: { outcome: unknown }) => params.outcome }),
    keepEnd: assign({
      end: (_, params: { end: Context['end']; result: TaskResult }) => params.end,
      result: (_, params) => params.result,
    }),
    keepReleaseProblem: assign({
      result: ({ context: { result } }, { error }: { error: unknown }) => ({
        ...result,
        text: `${result.text} Not everything could be given back: ${failureResult(error).text}`.trim(),
      }),
    }),
    countIgnored: assign({ ignored: ({ context }) => context.ignored + 1 }),
  },
  guards: {
    isKind: (_, params: { understanding: IntentUnderstanding; kind: IntentUnderstanding['kind'] }) =>
      params.understanding.kind === params.kind,
    /** Stages go forward only: a late note of an earlier one moves nothing. */
    enters: ({ context }, params: { note: StatusNote; stage: Stage }) =>
      stageOf(params.note.data) === params.stage &&
      stages.indexOf(params.stage) > stages.indexOf(context.stage),
    endsAs: ({ context }, params: { end: Context['end'] }) => context.end === params.end,
  },
  delays: {
    /** For the workflow to stop, and then for giving back what it took. */
    cleanUp: CLEAN_UP_MS,
  },
}).createMachine({
  id: 'intent',
  description: 'What a user wants of the network, and what the central agent does about it.',
  context: ({ input }) => ({
    request: input,
    intent: null,
    outcome: null,
    stage: 'planning',
    end: 'failed',
    result: { state: 'failed', text: '' },
    ignored: 0,
  }),
  output: ({ context }) => context.result,
  initial: 'received',
  on: { '*': { actions: 'countIgnored' } },
  states: {
    received: { description: 'The words are there.', always: { target: 'understanding' } },
    understanding: {
      description: 'Turns words into an intent.',
      invoke: {
        src: 'understand',
        id: 'understand',
        input: ({ context }) => context.request,
        onDone: [
          {
            target: 'clarifying',
            guard: {
              type: 'isKind',
              params: ({ event }) => ({ understanding: event.output, kind: 'incomplete' }),
            },
            actions: {
              type: 'keepEnd',
              params: ({ event }) => ({ end: 'failed', result: resultOf(event.output) }),
            },
          },
          {
            target: 'refused',
            guard: {
              type: 'isKind',
              params: ({ event }) => ({ understanding: event.output, kind: 'refused' }),
            },
            actions: {
              type: 'keepEnd',
              params: ({ event }) => ({ end: 'failed', result: resultOf(event.output) }),
            },
          },
          {
            target: 'pursuing',
            actions: { type: 'keepIntent', params: ({ event }) => ({ understanding: event.output }) },
          },
        ],
        onError: {
          target: 'failed',
          actions: {
            type: 'keepEnd',
            params: ({ event }) => ({ end: 'failed', result: failureResult(event.error) }),
          },
        },
      },
      on: {
        PROGRESS: {
          actions: {
            type: 'passStatus',
            params: ({ context, event }) => ({ taskId: context.request.taskId, note: event.note }),
          },
        },
        CANCEL: { target: 'canceled' },
      },
    },
    pursuing: {
      description: 'The workflow of the intent runs; its notes say in which stage.',
      invoke: {
        src: 'assure',
        id: 'assure',
        input: ({ context: { request, intent } }) => ({ request, intent }),
        onDone: {
          target: 'reporting',
          actions: { type: 'keepOutcome', params: ({ event }) => ({ outcome: event.output }) },
        },
        onError: {
          target: 'releasing',
          actions: {
            type: 'keepEnd',
            params: ({ event }) => ({ end: 'failed', result: failureResult(event.error) }),
          },
        },
      },
      initial: 'planning',
      on: {
        ARTIFACT: {
          actions: {
            type: 'passArtifact',
            params: ({ context, event }) => ({ taskId: context.request.taskId, artifact: event.artifact }),
          },
        },
        CANCEL: { target: '.withdrawing' },
        PROGRESS: [
          {
            target: '.evaluating',
            guard: { type: 'enters', params: ({ event }) => ({ note: event.note, stage: 'evaluating' }) },
            actions: [
              { type: 'keepStage', params: ({ event }) => event },
              {
                type: 'passStatus',
                params: ({ context, event }) => ({ taskId: context.request.taskId, note: event.note }),
              },
            ],
          },
          {
            target: '.assuring',
            guard: { type: 'enters', params: ({ event }) => ({ note: event.note, stage: 'assuring' }) },
            actions: [
              { type: 'keepStage', params: ({ event }) => event },
              {
                type: 'passStatus',
                params: ({ context, event }) => ({ taskId: context.request.taskId, note: event.note }),
              },
            ],
          },
          {
            target: '.monitoring',
            guard: { type: 'enters', params: ({ event }) => ({ note: event.note, stage: 'monitoring' }) },
            actions: [
              { type: 'keepStage', params: ({ event }) => event },
              {
                type: 'passStatus',
                params: ({ context, event }) => ({ taskId: context.request.taskId, note: event.note }),
              },
            ],
          },
          {
            target: '.reviewing',
            guard: { type: 'enters', params: ({ event }) => ({ note: event.note, stage: 'reviewing' }) },
            actions: [
              { type: 'keepStage', params: ({ event }) => event },
              {
                type: 'passStatus',
                params: ({ context, event }) => ({ taskId: context.request.taskId, note: event.note }),
              },
            ],
          },
          {
            actions: {
              type: 'passStatus',
              params: ({ context, event }) => ({ taskId: context.request.taskId, note: event.note }),
            },
          },
        ],
      },
      states: {
        planning: { description: 'Finds the subtasks and who does them.' },
        evaluating: { description: 'Looks ahead along the whole route.' },
        assuring: { description: 'Reserves and sets before it begins.' },
        monitoring: { description: 'Watches, and acts on what it sees.' },
        reviewing: { description: 'Looks back and learns.' },
        withdrawing: {
          description: 'Told to stop; waits until the workflow has.',
          entry: 'stopAssuring',
          on: {
            'xstate.done.actor.assure': {
              target: '#intent.releasing',
              actions: {
                type: 'keepEnd',
                params: { end: 'canceled', result: { state: 'failed', text: 'Cancelled.' } },
              },
            },
            'xstate.error.actor.assure': {
              target: '#intent.releasing',
              actions: {
                type: 'keepEnd',
                params: { end: 'canceled', result: { state: 'failed', text: 'Cancelled.' } },
              },
            },
            PROGRESS: { actions: 'countIgnored' },
            ARTIFACT: { actions: 'countIgnored' },
            CANCEL: { actions: 'countIgnored' },
          },
          after: {
            cleanUp: {
              target: '#intent.releasing',
              actions: {
                type: 'keepEnd',
                params: { end: 'canceled', result: { state: 'failed', text: 'Cancelled.' } },
              },
            },
          },
        },
      },
    },
    reporting: {
      description: 'Says what was wanted, done and reached.',
      invoke: {
        src: 'report',
        id: 'report',
        input: ({ context: { request, intent, outcome } }) => ({ request, intent, outcome }),
        onDone: {
          target: 'releasing',
          actions: { type: 'keepEnd', params: ({ event }) => ({ end: 'reported', result: event.output }) },
        },
        onError: {
          target: 'releasing',
          actions: {
            type: 'keepEnd',
            params: ({ event }) => ({ end: 'failed', result: failureResult(event.error) }),
          },
        },
      },
      on: {
        PROGRESS: {
          actions: {
            type: 'passStatus',
            params: ({ context, event }) => ({ taskId: context.request.taskId, note: event.note }),
          },
        },
        ARTIFACT: {
          actions: {
            type: 'passArtifact',
            params: ({ context, event }) => ({ taskId: context.request.taskId, artifact: event.artifact }),
          },
        },
        CANCEL: {
          target: 'releasing',
          actions: {
            type: 'keepEnd',
            params: { end: 'canceled', result: { state: 'failed', text: 'Cancelled.' } },
          },
        },
      },
    },
    releasing: {
      description: 'Nothing of the intent stays in the network.',
      invoke: {
        src: 'release',
        id: 'release',
        input: ({ context }) => ({ request: context.request }),
        onDone: [
          { target: 'reported', guard: { type: 'endsAs', params: { end: 'reported' } } },
          { target: 'canceled', guard: { type: 'endsAs', params: { end: 'canceled' } } },
          { target: 'failed' },
        ],
        onError: [
          {
            target: 'reported',
            guard: { type: 'endsAs', params: { end: 'reported' } },
            actions: { type: 'keepReleaseProblem', params: ({ event }) => event },
          },
          {
            target: 'canceled',
            guard: { type: 'endsAs', params: { end: 'canceled' } },
            actions: { type: 'keepReleaseProblem', params: ({ event }) => event },
          },
          { target: 'failed', actions: { type: 'keepReleaseProblem', params: ({ event }) => event } },
        ],
      },
      after: {
        cleanUp: [
          {
            target: 'reported',
            guard: { type: 'endsAs', params: { end: 'reported' } },
            actions: { type: 'keepReleaseProblem', params: { error: 'it took too long' } },
          },
          {
            target: 'canceled',
            guard: { type: 'endsAs', params: { end: 'canceled' } },
            actions: { type: 'keepReleaseProblem', params: { error: 'it took too long' } },
          },
          {
            target: 'failed',
            actions: { type: 'keepReleaseProblem', params: { error: 'it took too long' } },
          },
        ],
      },
    },
    clarifying: {
      type: 'final',
      description: 'Something is missing: the turn ends with a question, the answer begins the next.',
    },
    refused: { type: 'final', description: 'Not a wish for the network.' },
    reported: { type: 'final', description: 'The user has the report.' },
    failed: { type: 'final', description: 'It could not be done; the user is told why.' },
    canceled: { type: 'final', description: 'No longer wanted.' },
  },
  options: { maxIterations: 1000 },
});

function resultOf(understanding: IntentUnderstanding): TaskResult {
  if (understanding.kind === 'understood') return { state: 'failed', text: '' };
  const { kind, text, data } = understanding;
  return { state: kind === 'incomplete' ? 'input-required' : 'rejected', text, data };
}
