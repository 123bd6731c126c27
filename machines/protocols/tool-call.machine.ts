import { assign, fromPromise, setup } from 'xstate';

/** Why a call was refused before anything reached a network function (NetMCP 3). */
export interface Refusal {
  /** Which step refused it. */
  step:
    | 'bounds'
    | 'schema'
    | 'constraint'
    | 'permission'
    | 'policy'
    | 'expert'
    | 'approval'
    | 'human'
    | 'idempotency';
  parameter: string;
  rule: string;
  allowed: string;
  message: string;
}

export type Verdict =
  | { decision: 'allow' }
  | { decision: 'refuse'; refusal: Refusal }
  /**
   * No rule decides it. A human must, and no answer counts as refused; `by: 'expert'` lets the expert model
   * settle it first.
   */
  | { decision: 'ask'; question: string; by?: 'human' | 'expert' };

/** What is known of an execution that failed. */
export interface ExecutionFailure {
  code: string;
  message: string;
  retryable: boolean;
  /** `no`: certainly nothing was changed in the network. */
  executed: 'no' | 'maybe';
  retryAfterMs?: number;
}

export type Effects = 'read' | 'reversible' | 'irreversible';

export type ToolCallOutput<T = unknown> =
  | { end: 'succeeded'; result: T; attempts: number }
  /** `needs`: the question that a human would have to answer before it is executed. */
  | { end: 'rehearsed'; needs: string | null }
  | { end: 'refused'; refusal: Refusal }
  | { end: 'failed'; failure: ExecutionFailure; attempts: number }
  | { end: 'cancelled' }
  | { end: 'expired' };

interface Context {
  /** What the host's actors work on; the chart only hands it on. */
  call: unknown;
  effects: Effects;
  idempotent: boolean;
  dryRun: boolean;
  deadlineMs: number;
  maxAttempts: number;
  attempts: number;
  question: string;
  /** A rule of the operator wants a human, whatever the expert model says. */
  humanMust: boolean;
  outcome: ToolCallOutput;
  ignored: number;
}

/** What each actor of the chart gets. */
interface Handed {
  call: unknown;
}

const humanRefusal = (message: string): Refusal => ({
  step: 'human',
  parameter: '',
  rule: 'approval',
  allowed: 'with the approval of a human',
  message,
});

/** Reads a thrown value; whatever is not marked otherwise may have been executed and is not repeated. */
export function failureOf(error: unknown): ExecutionFailure {
  if (typeof error === 'object' && error !== null && 'failure' in error) {
    return (error as { failure: ExecutionFailure }).failure;
  }
  return {
    code: 'INTERNAL',
    message: error instanceof Error ? error.message : String(error),
    retryable: false,
    executed: 'maybe',
  };
}

/**
 * One tool call at its server: verify, authorise, escalate if nobody can decide, execute, and retry
 * only where a second execution cannot change the network twice.
 */
export const toolCallMachine = setup({
  types: {
    context: {} as Context,
    events: {} as { type: 'CANCEL' },
    input: {} as {
      call?: unknown;
      effects: Effects;
      idempotent: boolean;
      dryRun: boolean;
      deadlineMs: number;
      maxAttempts?: number;
    },
    output: {} as ToolCallOutput,
  },
  actors: {
    verify: fromPromise<Verdict, Handed>(() => Promise.reject(new Error('verify is not provided'))),
    authorise: fromPromise<Verdict, Handed>(() => Promise.reject(new Error('authorise is not provided'))),
    judge: fromPromise<Verdict, Handed & { doubt: string | null }>(() =>
      Promise.reject(new Error('judge is not provided')),
    ),
    redeem: fromPromise<Verdict, Handed & { question: string }>(() =>
      Promise.reject(new Error('redeem is not provided')),
    ),
    escalate: fromPromise<boolean, Handed & { question: string }>(() =>
      Promise.reject(new Error('escalate is not provided')),
    ),
    execute: fromPromise<unknown, Handed & { attempt: number }>(() =>
      Promise.reject(new Error('execute is not provided')),
    ),
  },
  guards: {
    refuses: (_, params: Verdict) => params.decision === 'refuse',
    asks: (_, params: Verdict) => params.decision === 'ask',
    approved: (_, params: { approved: boolean }) => params.approved,
    /** The expert allows it, but a human must decide, or a human is asked by the expert. */
    wantsHuman: ({ context }, params: Verdict) => params.decision === 'ask' || context.humanMust,
    rehearsesAsking: ({ context }, params: Verdict) => context.dryRun && params.decision === 'ask',
    dryRun: ({ context }) => context.dryRun,
    mayRetry: ({ context }, params: ExecutionFailure) =>
      params.retryable &&
      context.attempts < context.maxAttempts &&
      (params.executed === 'no' || context.effects === 'read' || context.idempotent),
  },
  actions: {
    refuse: assign({
      outcome: (_, params: Verdict): ToolCallOutput =>
        params.decision === 'refuse'
          ? { end: 'refused', refusal: params.refusal }
          : { end: 'refused', refusal: humanRefusal('undecided') },
    }),
    refuseByHuman: assign({
      outcome: (_, params: { message: string }): ToolCallOutput => ({
        end: 'refused',
        refusal: humanRefusal(params.message),
      }),
    }),
    keepQuestion: assign({
      question: ({ context }, params: Verdict) =>
        params.decision === 'ask' ? params.question : context.question,
      humanMust: ({ context }, params: Verdict) =>
        context.humanMust || (params.decision === 'ask' && params.by !== 'expert'),
    }),
    doubtExpert: assign({
      question: ({ context }) => context.question || 'The expert model gave no judgement',
    }),
    countAttempt: assign({ attempts: ({ context }) => context.attempts + 1 }),
    succeed: assign({
      outcome: ({ context }, params: { result: unknown }): ToolCallOutput => ({
        end: 'succeeded',
        result: params.result,
        attempts: context.attempts,
      }),
    }),
    rehearse: assign({ outcome: (): ToolCallOutput => ({ end: 'rehearsed', needs: null }) }),
    rehearseAsking: assign({
      outcome: ({ context }): ToolCallOutput => ({ end: 'rehearsed', needs: context.question }),
    }),
    fail: assign({
      outcome: ({ context }, params: ExecutionFailure): ToolCallOutput => ({
        end: 'failed',
        failure: params,
        attempts: context.attempts,
      }),
    }),
    cancel: assign({ outcome: (): ToolCallOutput => ({ end: 'cancelled' }) }),
    expire: assign({ outcome: (): ToolCallOutput => ({ end: 'expired' }) }),
    countIgnored: assign({ ignored: ({ context }) => context.ignored + 1 }),
  },
  delays: {
    deadline: ({ context }) => context.deadlineMs,
    backoff: ({ context }) => Math.min(2_000, 50 * 2 ** (context.attempts - 1)),
    expertTimeout: 5_000,
    humanTimeout: 30_000,
  },
}).createMachine({
  id: 'toolCall',
  description: 'A tool call from its arrival to its result.',
  context: ({ input }) => ({
    call: input.call,
    effects: input.effects,
    idempotent: input.idempotent,
    dryRun: input.dryRun,
    deadlineMs: input.deadlineMs,
    maxAttempts: input.maxAttempts ?? 3,
    attempts: 0,
    question: '',
    humanMust: false,
    outcome: { end: 'expired' },
    ignored: 0,
  }),
  output: ({ context }) => context.outcome,
  initial: 'working',
  on: { '*': { actions: 'countIgnored' } },
  states: {
    working: {
      description: 'Everything between arrival and end; bounded by the deadline of the caller.',
      initial: 'verifying',
      on: { CANCEL: { target: 'cancelled' } },
      after: { deadline: { target: 'expired' } },
      states: {
        verifying: {
          description: 'JSON Schema, then the constraints between parameters.',
          invoke: {
            src: 'verify',
            id: 'verify',
            input: ({ context }) => ({ call: context.call }),
            onDone: [
              {
                target: '#toolCall.refused',
                guard: { type: 'refuses', params: ({ event }) => event.output },
                actions: { type: 'refuse', params: ({ event }) => event.output },
              },
              { target: 'authorising' },
            ],
            onError: {
              target: '#toolCall.failed',
              actions: {
                type: 'fail',
                params: ({ event }) => ({ ...failureOf(event.error), executed: 'no' }),
              },
            },
          },
        },
        authorising: {
          description: 'Permission of the tool, then the limits of the operator.',
          invoke: {
            src: 'authorise',
            id: 'authorise',
            input: ({ context }) => ({ call: context.call }),
            onDone: [
              {
                target: '#toolCall.refused',
                guard: { type: 'refuses', params: ({ event }) => event.output },
                actions: { type: 'refuse', params: ({ event }) => event.output },
              },
              {
                target: 'judging',
                guard: { type: 'asks', params: ({ event }) => event.output },
                actions: { type: 'keepQuestion', params: ({ event }) => event.output },
              },
              { target: 'judging' },
            ],
            onError: {
              target: '#toolCall.failed',
              actions: {
                type: 'fail',
                params: ({ event }) => ({ ...failureOf(event.error), executed: 'no' }),
              },
            },
          },
        },
        judging: {
          description: 'The expert model: does the call make sense in this network, now?',
          invoke: {
            src: 'judge',
            id: 'judge',
            input: ({ context }) => ({ call: context.call, doubt: context.question || null }),
            onDone: [
              {
                target: '#toolCall.refused',
                guard: { type: 'refuses', params: ({ event }) => event.output },
                actions: { type: 'refuse', params: ({ event }) => event.output },
              },
              {
                target: 'redeeming',
                guard: { type: 'wantsHuman', params: ({ event }) => event.output },
                actions: { type: 'keepQuestion', params: ({ event }) => event.output },
              },
              { target: 'deciding' },
            ],
            onError: { target: 'redeeming', actions: 'doubtExpert' },
          },
          after: { expertTimeout: { target: 'redeeming', actions: 'doubtExpert' } },
        },
        redeeming: {
          description: 'Still undecided. Did the call bring the approval of a human for exactly this plan?',
          invoke: {
            src: 'redeem',
            id: 'redeem',
            input: ({ context }) => ({ call: context.call, question: context.question }),
            onDone: [
              {
                target: '#toolCall.refused',
                guard: { type: 'refuses', params: ({ event }) => event.output },
                actions: { type: 'refuse', params: ({ event }) => event.output },
              },
              {
                target: '#toolCall.rehearsed',
                guard: { type: 'rehearsesAsking', params: ({ event }) => event.output },
                actions: 'rehearseAsking',
              },
              { target: 'escalating', guard: { type: 'asks', params: ({ event }) => event.output } },
              { target: 'deciding' },
            ],
            onError: {
              target: '#toolCall.failed',
              actions: {
                type: 'fail',
                params: ({ event }) => ({ ...failureOf(event.error), executed: 'no' }),
              },
            },
          },
        },
        escalating: {
          description: 'Asks a human; no answer counts as refused.',
          invoke: {
            src: 'escalate',
            id: 'escalate',
            input: ({ context }) => ({ call: context.call, question: context.question }),
            onDone: [
              {
                target: 'deciding',
                guard: { type: 'approved', params: ({ event }) => ({ approved: event.output }) },
              },
              {
                target: '#toolCall.refused',
                actions: { type: 'refuseByHuman', params: { message: 'a human refused it' } },
              },
            ],
            onError: {
              target: '#toolCall.refused',
              actions: { type: 'refuseByHuman', params: { message: 'no human could be asked' } },
            },
          },
          after: {
            humanTimeout: {
              target: '#toolCall.refused',
              actions: { type: 'refuseByHuman', params: { message: 'no human answered in time' } },
            },
          },
        },
        deciding: {
          description: 'Allowed: rehearse or execute.',
          always: [
            { target: '#toolCall.rehearsed', guard: 'dryRun', actions: 'rehearse' },
            { target: 'executing' },
          ],
        },
        executing: {
          description: 'The SBI requests of the tool are under way.',
          entry: 'countAttempt',
          invoke: {
            src: 'execute',
            id: 'execute',
            input: ({ context }) => ({ call: context.call, attempt: context.attempts }),
            onDone: {
              target: '#toolCall.succeeded',
              actions: { type: 'succeed', params: ({ event }) => ({ result: event.output }) },
            },
            onError: [
              {
                target: 'retrying',
                guard: { type: 'mayRetry', params: ({ event }) => failureOf(event.error) },
              },
              {
                target: '#toolCall.failed',
                actions: { type: 'fail', params: ({ event }) => failureOf(event.error) },
              },
            ],
          },
        },
        retrying: {
          description: 'Waits before the next attempt.',
          after: { backoff: { target: 'executing' } },
        },
      },
    },
    succeeded: { type: 'final', description: 'Executed, with a result.' },
    rehearsed: {
      type: 'final',
      description: 'A dry run: verified and authorised, not executed.',
    },
    refused: { type: 'final', description: 'Refused; nothing has reached a network function.' },
    failed: { type: 'final', description: 'The execution failed.' },
    cancelled: { type: 'final', description: 'The caller withdrew it.', entry: 'cancel' },
    expired: { type: 'final', description: 'The deadline of the caller passed.', entry: 'expire' },
  },
  options: { maxIterations: 1000 },
});
