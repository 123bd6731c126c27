import type {
  Config,
  Done,
  Job,
  JobKind,
  ListenInput,
  ScopeContext,
  ScopeInput,
  TimerInput,
} from './types.ts';

type At = { context: ScopeContext };

/** What the states of one task share: how they do a job, wait, and run an inner scope. */
export function partsOf(name: string, pointer: string) {
  const fault = {
    target: '#fault',
    actions: { type: 'fault', params: ({ event }: Done) => ({ error: event.error, name, pointer }) },
  };
  const rethrown = {
    guard: 'bodyFaulted',
    target: '#fault',
    actions: { type: 'rethrow', params: { name, pointer } },
  };
  const jobOf = (kind: JobKind, context: ScopeContext): Job => ({
    kind,
    pointer,
    instance: context.instance,
    path: context.path,
    step: context.step,
    since: context.since,
    attempts: context.attempts,
    data: context.data,
    ctx: context.ctx,
    vars: context.vars,
    input: context.input,
    raw: context.raw,
    fault: context.fault,
  });
  return {
    name,
    pointer,
    fault,
    rethrown,
    job: (kind: JobKind, more: Partial<Job> = {}, names: { each?: string; at?: string } = {}): Config => ({
      src: kind === 'work' ? 'perform' : 'evaluate',
      input: ({ context }: At): Job => ({
        ...jobOf(kind, context),
        ...(names.each === undefined ? {} : { vars: { ...context.vars, ...itemOf(names, context) } }),
        ...more,
      }),
      onError: fault,
    }),
    timer: (ms: 'timeout' | 'delay', id: string, onDone: Config): Config => ({
      id,
      src: 'timer',
      input: ({ context }: At): TimerInput => ({
        instance: context.instance,
        pointer,
        since: ms === 'timeout' ? context.since : context.from,
        ms: ms === 'timeout' ? 'timeout' : context.delayMs,
        job: jobOf('duration', context),
      }),
      onDone,
      onError: fault,
    }),
    listen: (): Config => ({
      src: 'listen',
      input: ({ context }: At): ListenInput => ({ pointer, job: jobOf('each', context) }),
      onError: fault,
    }),
    /** Invokes the machine of an inner scope on the task's input. */
    scope: (
      src: string,
      names: {
        each?: string;
        at?: string;
        fault?: string;
        attempt?: boolean;
        raw?: boolean;
        item?: boolean;
        bare?: boolean;
      },
      onDone: Config[],
    ): Config => ({
      src: `scope ${src}`,
      input: ({ context }: At): ScopeInput => ({
        instance: context.instance,
        path: `${context.path}/${context.step}${shared(src) ? `<${pointer}>` : ''}${
          names.each === undefined ? '' : `[${context.index}]`
        }${names.attempt === true && context.attempts > 0 ? `#${context.attempts}` : ''}`,
        data:
          names.item === true
            ? context.items[context.index]
            : names.each !== undefined
              ? context.raw
              : names.raw === true
                ? context.data
                : context.input,
        ctx: context.ctx,
        vars: {
          // A function of the document sees its arguments alone.
          ...(names.bare === true ? {} : context.vars),
          ...itemOf(names, context),
          ...(names.fault === undefined ? {} : { [names.fault]: context.fault }),
        },
      }),
      onDone,
      onError: fault,
    }),
  };
}

/** Whether a scope has several places that invoke it: only the one that does tells its steps apart. */
const shared = (src: string) => /^(function|extension) /.test(src);

/** The variables of one round of a loop. */
const itemOf = ({ each, at }: { each?: string; at?: string }, { items, index }: ScopeContext) => ({
  ...(each === undefined ? {} : { [each]: items[index] }),
  ...(at === undefined ? {} : { [at]: index }),
});

export type Parts = ReturnType<typeof partsOf>;

/** The actions of an edge, with others before them. */
export function after(edge: Config, ...actions: Array<string | Config>): Config {
  const own = edge.actions === undefined ? [] : [edge.actions].flat();
  return { ...edge, actions: [...actions, ...(own as string[])] };
}
