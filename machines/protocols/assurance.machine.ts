import { assign, setup } from 'xstate';
import { effect } from '../effects.ts';

/** What was decided from one look: `none`, or a measure to take. */
export interface AssuranceDecision {
  measure: string;
  reason: string;
}

export interface AssuranceInput {
  /** Time between two looks, ms. */
  periodMs: number;
  /** Looks that may fail in a row before the service counts as lost from sight. */
  maxMissed: number;
  subject: unknown;
}

interface Context extends AssuranceInput {
  observation: unknown;
  decision: AssuranceDecision;
  helped: boolean;
  looks: number;
  measures: number;
  missed: number;
  ignored: number;
}

export interface AssuranceOutput {
  looks: number;
  measures: number;
  end: 'ended' | 'blind';
}

const NONE: AssuranceDecision = { measure: 'none', reason: '' };

/** The closed loop around one service: perceive, decide, act, verify, learn, and again. */
export const assuranceMachine = setup({
  types: {
    context: {} as Context,
    events: {} as { type: 'END' },
    input: {} as AssuranceInput,
    output: {} as AssuranceOutput,
  },
  actors: {
    perceive: effect<unknown, { subject: unknown }>('perceive'),
    decide: effect<AssuranceDecision, { subject: unknown; observation: unknown }>('decide'),
    act: effect<void, { subject: unknown; decision: AssuranceDecision }>('act'),
    verify: effect<{ helped: boolean }, { subject: unknown; decision: AssuranceDecision }>('verify'),
    learn: effect<
      void,
      { subject: unknown; observation: unknown; decision: AssuranceDecision; helped: boolean }
    >('learn'),
  },
  actions: {
    keepObservation: assign({
      observation: (_, params: { observation: unknown }) => params.observation,
      looks: ({ context }) => context.looks + 1,
      missed: 0,
    }),
    countMissed: assign({ missed: ({ context }) => context.missed + 1 }),
    keepDecision: assign({
      decision: (_, params: { decision: AssuranceDecision }) => params.decision,
      helped: false,
    }),
    countMeasure: assign({ measures: ({ context }) => context.measures + 1 }),
    keepVerdict: assign({ helped: (_, params: { helped: boolean }) => params.helped }),
    countIgnored: assign({ ignored: ({ context }) => context.ignored + 1 }),
  },
  guards: {
    nothingToDo: (_, params: { decision: AssuranceDecision }) => params.decision.measure === 'none',
    blind: ({ context }) => context.missed + 1 >= context.maxMissed,
  },
  delays: { period: ({ context }) => context.periodMs },
}).createMachine({
  id: 'assurance',
  description: 'Keeps one service good while it lasts.',
  context: ({ input }) => ({
    ...input,
    observation: null,
    decision: NONE,
    helped: false,
    looks: 0,
    measures: 0,
    missed: 0,
    ignored: 0,
  }),
  output: ({ context: { looks, measures, missed, maxMissed } }) => ({
    looks,
    measures,
    end: missed >= maxMissed ? 'blind' : 'ended',
  }),
  initial: 'perceiving',
  on: { END: { target: '.ended' }, '*': { actions: 'countIgnored' } },
  states: {
    perceiving: {
      description: 'Looks at radio, path and service.',
      invoke: {
        src: 'perceive',
        id: 'perceive',
        input: ({ context: { subject } }) => ({ subject }),
        onDone: {
          target: 'deciding',
          actions: { type: 'keepObservation', params: ({ event }) => ({ observation: event.output }) },
        },
        onError: [
          { target: 'blind', guard: 'blind', actions: 'countMissed' },
          { target: 'waiting', actions: 'countMissed' },
        ],
      },
    },
    deciding: {
      description: 'Finds out whether something must be done.',
      invoke: {
        src: 'decide',
        id: 'decide',
        input: ({ context: { subject, observation } }) => ({ subject, observation }),
        onDone: [
          {
            target: 'waiting',
            guard: { type: 'nothingToDo', params: ({ event }) => ({ decision: event.output }) },
          },
          {
            target: 'acting',
            actions: { type: 'keepDecision', params: ({ event }) => ({ decision: event.output }) },
          },
        ],
        onError: { target: 'waiting' },
      },
    },
    acting: {
      description: 'Takes the measure.',
      invoke: {
        src: 'act',
        id: 'act',
        input: ({ context: { subject, decision } }) => ({ subject, decision }),
        onDone: { target: 'verifying', actions: 'countMeasure' },
        onError: { target: 'learning' },
      },
    },
    verifying: {
      description: 'Looks whether the measure helped.',
      invoke: {
        src: 'verify',
        id: 'verify',
        input: ({ context: { subject, decision } }) => ({ subject, decision }),
        onDone: {
          target: 'learning',
          actions: { type: 'keepVerdict', params: ({ event }) => event.output },
        },
        onError: { target: 'learning' },
      },
    },
    learning: {
      description: 'Notes what was seen, done and reached.',
      invoke: {
        src: 'learn',
        id: 'learn',
        input: ({ context: { subject, observation, decision, helped } }) => ({
          subject,
          observation,
          decision,
          helped,
        }),
        onDone: { target: 'waiting' },
        onError: { target: 'waiting' },
      },
    },
    waiting: {
      description: 'Until the next look.',
      after: { period: { target: 'perceiving' } },
    },
    ended: { type: 'final', description: 'The service is over.' },
    blind: {
      type: 'final',
      description: 'The service can no longer be seen: a human or another agent must.',
    },
  },
  options: { maxIterations: 1000 },
});
