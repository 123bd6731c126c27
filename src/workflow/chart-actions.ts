import { assign } from 'xstate';
import type { ChartEffects, Done, Progress, ScopeContext, ScopeOutput } from './scope.ts';

const outputOf = (event: unknown) => (event as { output: unknown }).output as never;

/** Guards of the charts of workflows. */
export const GUARDS = {
  wasSkipped: ({ context }: Done) => context.skipped,
  skips: ({ event }: Done) => (outputOf(event) as { skip: boolean }).skip,
  bodyEndedAll: ({ context }: Done) => context.flow === 'end',
  bodyFaulted: ({ event }: Done) => (outputOf(event) as ScopeOutput).fault !== null,
  bodyEnds: ({ event }: Done) => (outputOf(event) as ScopeOutput).flow === 'end',
  chose: ({ context }: Done, { then }: { then: string }) => context.chosen === then,
  hasItem: ({ context }: Done) => context.index < context.items.length,
  goesOn: ({ event }: Done) => outputOf(event) === (true as never),
};

/** Actions of the charts of workflows. */
export function actionsOf(effects: ChartEffects) {
  const take = (patch: (context: ScopeContext, output: never) => Partial<ScopeContext>) =>
    assign((({ context, event }: Done) => patch(context, outputOf(event))) as never);
  const note =
    (type: Progress['type']) =>
    ({ context }: Done, params: { name: string; pointer: string }) =>
      effects.progress({ instance: context.instance, type, ...params });
  return {
    started: note('task.started'),
    completed: ({ context, event }: Done, params: { name: string; pointer: string }) => {
      if (event.type === 'CANCEL') return;
      effects.progress({
        instance: context.instance,
        type: context.fault === null ? 'task.completed' : 'task.faulted',
        ...params,
      });
    },
    begin: assign((({ context }: Done) => ({
      input: context.data,
      raw: null,
      skipped: false,
      chosen: '',
      items: [],
      index: 0,
      branches: [],
    })) as never),
    endWorkflow: assign({ flow: 'end' } as never),
    stopWork: assign({ flow: 'cancelled' } as never),
    // The chart's own events (a branch that ended) come here too when no state asks for them.
    countIgnored: assign((({ context, event }: Done) => ({
      ignored: context.ignored + (event.type.startsWith('xstate.') ? 0 : 1),
    })) as never),
    skip: assign({ skipped: true } as never),
    takeInput: take((_, output: { input: unknown }) => ({ input: output.input })),
    takeRaw: take((_, output: unknown) => ({ raw: output })),
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
      flow: output.flow,
      fault: null,
    })),
    nextItem: assign((({ context }: Done) => ({ index: context.index + 1 })) as never),
    takeBranch: assign((({ context, event }: Done, { index }: { index: number }) => {
      const branches = [...context.branches];
      branches[index] = (outputOf(event) as ScopeOutput).data;
      return { branches };
    }) as never),
    joinBranches: assign((({ context }: Done) => ({ raw: context.branches })) as never),
    keepFault: take((_, output: ScopeOutput) => ({ fault: output.fault })),
    rethrow: take((_, output: ScopeOutput) => ({ fault: output.fault })),
    fault: assign(((_: Done, { error, pointer }: { error: unknown; pointer: string }) => ({
      fault: effects.faultOf(error, pointer),
    })) as never),
  };
}
