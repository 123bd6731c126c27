import { assign, sendTo } from 'xstate';
import { outputOf as eventsOf } from '../events/consumer.ts';
import { standardError } from '../fault.ts';
import type {
  ChartEffects,
  ConsumedEvent,
  Done,
  HeldEvent,
  Progress,
  ScopeContext,
  ScopeOutput,
} from './types.ts';

const outputOf = (event: unknown) => (event as { output: unknown }).output as never;

/** Whether a task is left by an event that is a fault; the context knows of it only after the task was left. */
const faults = ({ type, output }: Done['event']): boolean =>
  type.startsWith('xstate.error.') ||
  type.startsWith('xstate.done.actor.timeout ') ||
  (type.startsWith('xstate.done.actor.') &&
    ((output as Partial<ScopeOutput> | null)?.fault ?? null) !== null);

/** What a decision about a caught fault says. */
export interface CatchDecision {
  then: 'retry' | 'handle' | 'pass';
  delayMs: number;
}

/** Guards of the charts of workflows. */
export const GUARDS = {
  wasSkipped: ({ context }: Done) => context.skipped,
  wasCaught: ({ context }: Done) => context.caught,
  skips: ({ event }: Done) => (outputOf(event) as { skip: boolean }).skip,
  extends: ({ event }: Done) => outputOf(event) === (true as never),
  bodyEndedAll: ({ context }: Done) => context.flow === 'end',
  bodyFaulted: ({ event }: Done) => (outputOf(event) as ScopeOutput).fault !== null,
  bodyExits: ({ event }: Done) => (outputOf(event) as ScopeOutput).flow === 'exit',
  bodyEnds: ({ event }: Done) => (outputOf(event) as ScopeOutput).flow === 'end',
  retries: ({ event }: Done) => (outputOf(event) as CatchDecision).then === 'retry',
  handles: ({ event }: Done) => (outputOf(event) as CatchDecision).then === 'handle',
  chose: ({ context }: Done, { then }: { then: string }) => context.chosen === then,
  hasItem: ({ context }: Done) => context.index < context.items.length,
  consumedAll: ({ event }: Done) => (event as unknown as ConsumedEvent).done,
  handledAll: ({ context }: Done) => context.held?.done === true,
  hasWinner: ({ context }: Done) => context.branches.length > 0,
  goesOn: ({ event }: Done) => outputOf(event) === (true as never),
};

type Named = { name: string; pointer: string };

/** Actions of the charts of workflows. */
export function actionsOf(effects: ChartEffects) {
  const take = (patch: (context: ScopeContext, output: never) => Partial<ScopeContext>) =>
    assign((({ context, event }: Done) => patch(context, outputOf(event))) as never);
  const note =
    (type: Progress['type']) =>
    ({ context }: Done, { name, pointer }: Named) =>
      effects.progress({ instance: context.instance, type, name, pointer, path: context.path });
  return {
    started: note('task.started'),
    retried: note('task.retried'),
    completed: ({ context, event }: Done, { name, pointer }: Named) => {
      // The workflow was told to stop, or its time is over: what is open then is told to be cancelled.
      if (event.type === 'CANCEL' || event.type === 'xstate.done.actor.timeout') return;
      const type = context.fault === null && !faults(event) ? 'task.completed' : 'task.faulted';
      effects.progress({ instance: context.instance, type, name, pointer, path: context.path });
    },
    begin: assign((({ context }: Done) => {
      const now = effects.now(context.instance);
      return {
        input: context.data,
        raw: null,
        skipped: false,
        caught: false,
        chosen: '',
        items: [],
        index: 0,
        attempts: 0,
        branches: [],
        held: null,
        step: context.step + 1,
        since: now,
        from: now,
      };
    }) as never),
    exitScope: assign({ flow: 'exit' } as never),
    endWorkflow: assign({ flow: 'end' } as never),
    stopWork: assign({ flow: 'cancelled' } as never),
    // The chart's own events (a branch that ended) come here too when no state asks for them.
    countIgnored: assign((({ context, event }: Done) => ({
      ignored: context.ignored + (event.type.startsWith('xstate.') ? 0 : 1),
    })) as never),
    skip: assign({ skipped: true } as never),
    takeInput: take((_, output: { input: unknown }) => ({ input: output.input })),
    takeArguments: take((_, output: unknown) => ({ input: output })),
    takeRaw: take((_, output: unknown) => ({ raw: output })),
    takeData: take((_, output: unknown) => ({ data: output })),
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
      flow: output.flow === 'exit' ? 'next' : output.flow,
      fault: null,
    })),
    /** Of a body whose data go nowhere: what an extension does before or after a task. */
    takeContext: take((_, output: ScopeOutput) => ({ ctx: output.ctx })),
    nextItem: assign((({ context }: Done) => ({ index: context.index + 1 })) as never),
    takeBranch: assign((({ context, event }: Done, { index }: { index: number }) => {
      const branches = [...context.branches];
      branches[index] = (outputOf(event) as ScopeOutput).data;
      return { branches };
    }) as never),
    takeWinner: take((context, output: ScopeOutput) =>
      context.branches.length > 0 ? {} : { raw: output.data, branches: [true] },
    ),
    joinBranches: assign((({ context }: Done) => ({ raw: context.branches })) as never),
    giveHeld: sendTo(
      (_: unknown, { id }: { id: string }) => id,
      (({ context }: Done): HeldEvent => ({ type: 'HELD', state: context.held })) as never,
    ),
    takeEvents: assign((({ event }: Done, { read }: { read: 'data' | 'envelope' | 'raw' }) => {
      const { state } = event as unknown as ConsumedEvent;
      return { held: state, items: eventsOf(state, read) };
    }) as never),
    joinItems: assign((({ context }: Done) => ({ raw: context.items })) as never),
    takeEach: take((_, output: { data: unknown; ctx: unknown }) => ({ raw: output.data, ctx: output.ctx })),
    keepItem: assign((({ context }: Done) => ({ branches: [...context.branches, context.raw] })) as never),
    // What the body exported before it faulted is the workflow's context all the same.
    keepFault: take((_, output: ScopeOutput) => ({ fault: output.fault, ctx: output.ctx })),
    rethrow: take((_, output: ScopeOutput) => ({ fault: output.fault, ctx: output.ctx })),
    caughtIt: assign({ caught: true } as never),
    forgive: assign({ fault: null } as never),
    planRetry: take((context, output: CatchDecision) => ({
      delayMs: output.delayMs,
      attempts: context.attempts + 1,
      fault: null,
      from: effects.now(context.instance),
    })),
    timeOut: assign(((_: Done, { pointer }: { pointer: string }) => ({
      fault: effects.faultOf(standardError('timeout', 'The time for it is over.'), pointer),
    })) as never),
    fault: assign(((_: Done, { error, pointer }: { error: unknown; pointer: string }) => ({
      fault: effects.faultOf(error, pointer),
    })) as never),
  };
}
