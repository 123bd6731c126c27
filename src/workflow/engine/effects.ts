import { fromCallback, fromPromise } from 'xstate';
import type { Env } from '../../../machines/ports.ts';
import { fail } from '../../errors.ts';
import type { ReadScope } from '../calls/types.ts';
import type {
  ChartEffects,
  ConsumedEvent,
  HeldEvent,
  Job,
  ListenInput,
  Progress,
  TimerInput,
} from '../chart/types.ts';
import { createConsumer } from '../events/consumer.ts';
import { begin, type ConsumptionState } from '../events/consumption.ts';
import type { CloudEvent } from '../events/types.ts';
import type { Evaluator, Variables } from '../expressions.ts';
import { faultOf, standardError } from '../fault.ts';
import type { FunctionContext } from '../functions.ts';
import { idling } from './activity.ts';
import { createTurns, keepable } from './bounds.ts';
import { durationMs } from './duration.ts';
import { evaluateJob, transform } from './evaluate.ts';
import type { Instance } from './instance.ts';
import { type PerformTools, performJob } from './perform.ts';
import type { Schemas } from './schemas.ts';
import { type RuntimeFacts, scopeVariables } from './scope-variables.ts';
import { discreet, keyOf, needsSecrets, secretsOf } from './secrets.ts';
import type { EngineOptions } from './types.ts';

/** The longest timer that a clock takes, ms; longer ones are set again. */
const LONGEST = 2_147_483_647;

export interface EffectsHost {
  env: Env;
  options: EngineOptions;
  evaluator: Evaluator;
  schemas: Schemas;
  functions: PerformTools['functions'];
  runtime: RuntimeFacts;
  instance(id: string): Instance | undefined;
  /** By the clock of an instance, also of one whose chart is just being made. */
  now(id: string): number;
  /** Resolves when what happened so far is kept; undefined where nothing is. */
  kept(instance: Instance): Promise<boolean> | undefined;
  child: PerformTools['child'];
  noted(instance: Instance, event: Progress & { path: string }): void;
  progress(instance: Instance, pointer: string, text: string, data: unknown): void;
  /** Counts evaluations under way. */
  evaluating(change: 1 | -1): void;
}

const interrupted = ({ row }: Instance) => fail('WORKFLOW_INTERRUPTED', { name: row.workflow });

/** What the charts of an engine's workflows are given. */
export function chartEffects(host: EffectsHost): ChartEffects {
  const { env, evaluator, schemas } = host;
  const turns = createTurns();
  const found = (id: string): Instance => {
    const instance = host.instance(id);
    if (instance === undefined) throw new Error(`no instance ${id}`);
    return instance;
  };
  const variablesOf = (job: Job, instance: Instance): Variables => {
    const facts = {
      id: instance.row.id,
      workflow: instance.workflow,
      input: instance.row.input,
      startedAt: instance.row.startedAt,
    };
    const authorization = instance.authorizations.get(keyOf(job, instance)) ?? null;
    return { ...scopeVariables(job, facts, host.runtime), authorization };
  };
  /** In whose name a task reads what stands elsewhere. */
  const scopeOf = (job: Job, instance: Instance, variables: Variables): Required<ReadScope> => {
    const { document } = instance.workflow;
    const secrets = () => secretsOf(document, host.options.secret);
    const input = job.kind === 'in' || job.kind === 'start' ? job.data : job.input;
    return {
      input,
      authentications: document.use?.authentications ?? {},
      fill: async (value) => {
        const own = secrets();
        return discreet(own, () => evaluator.fill(value, input, { ...variables, secrets: own }));
      },
      secret: (name) => secretsOf(document, host.options.secret, name)[name],
    };
  };
  const schemasOf = (scope: ReadScope): Pick<Schemas, 'check'> => ({
    check: (spec, value, what, signal) => schemas.check(spec, value, what, signal, scope),
  });
  const taskOf = (job: Job, instance: Instance) => {
    const known = instance.workflow.tasks.get(job.pointer);
    if (known === undefined) throw new Error(`no task ${job.pointer}`);
    return known.task;
  };
  /** Counts work of an instance from its first moment on until its result is in the chart. */
  const working = async <T>(instance: Instance, work: () => Promise<T>): Promise<T> => {
    const activity = instance.options.meta?.activity;
    activity?.begin();
    instance.working += 1;
    instance.changed();
    try {
      const turn = turns();
      if (turn !== undefined) await turn;
      return keepable(await work());
    } finally {
      instance.working -= 1;
      instance.changed();
      // The chart takes the result in before the activity ends: microtasks run ahead of this.
      if (activity !== undefined) setImmediate(() => activity.end());
    }
  };
  /** Within work of an instance: what others do meanwhile is not its own. */
  const waiting = async <T>(instance: Instance, work: () => Promise<T>): Promise<T> => {
    instance.working -= 1;
    try {
      return await idling(instance.options.meta?.activity, work);
    } finally {
      instance.working += 1;
    }
  };
  const evaluated = (job: Job, instance: Instance, signal: AbortSignal): Promise<unknown> => {
    const variables = variablesOf(job, instance);
    const { document } = instance.workflow;
    if (job.kind === 'start') return started(job, instance, variables, signal);
    if (job.kind === 'finish') return finished(job, instance, variables, signal);
    const task = taskOf(job, instance);
    return evaluateJob(job, task, {
      evaluator,
      schemas: schemasOf(scopeOf(job, instance, variables)),
      variables,
      secrets: () => (needsSecrets(task) ? secretsOf(document, host.options.secret) : {}),
      use: document.use ?? {},
      now: instance.clock.now(),
      random: env.random,
      signal,
    });
  };
  const started = async (job: Job, instance: Instance, variables: Variables, signal: AbortSignal) => {
    const { input } = instance.workflow.document;
    const scope = scopeOf(job, instance, variables);
    await schemas.check(input?.schema, job.data, "workflow's input", signal, scope);
    if (input?.from === undefined) return job.data;
    const secrets = needsSecrets(input) ? secretsOf(instance.workflow.document, host.options.secret) : {};
    const { from } = input;
    return discreet(secrets, () => transform(from, job.data, { ...variables, secrets }, { evaluator }));
  };
  const finished = async (job: Job, instance: Instance, variables: Variables, signal: AbortSignal) => {
    const { output } = instance.workflow.document;
    const data =
      output?.as === undefined ? job.data : await transform(output.as, job.data, variables, { evaluator });
    const scope = scopeOf(job, instance, variables);
    await schemas.check(output?.schema, data, "workflow's output", signal, scope);
    return data;
  };
  const resumed = (instance: Instance): Promise<void> =>
    waiting(instance, async () => {
      while (instance.gate !== undefined) await instance.gate;
    });
  const ready = async (instance: Instance): Promise<void> => {
    if ((await host.kept(instance)) === false) throw interrupted(instance);
    if (instance.gate !== undefined) await resumed(instance);
  };

  const evaluate = fromPromise<unknown, Job>(({ input: job, signal }) => {
    const instance = found(job.instance);
    host.evaluating(1);
    return working(instance, () => evaluated(job, instance, signal)).finally(() => host.evaluating(-1));
  });

  const perform = fromPromise<unknown, Job>(({ input: job, signal }) => {
    const instance = found(job.instance);
    return working(instance, async () => {
      await ready(instance);
      signal.throwIfAborted();
      const variables = variablesOf(job, instance);
      const context: FunctionContext = {
        signal,
        instanceId: job.instance,
        pointer: job.pointer,
        idempotencyKey: keyOf(job, instance),
        meta: instance.options.meta ?? {},
        progress: (text, data) => host.progress(instance, job.pointer, text, data),
        waiting: (work) => waiting(instance, work),
      };
      return performJob(job, taskOf(job, instance), {
        evaluator,
        variables,
        workflow: instance.workflow,
        labels: instance.row.labels,
        functions: host.functions,
        calls: host.options.calls,
        events: host.options.events,
        processes: host.options.processes,
        child: (ref, given, options) => waiting(instance, () => host.child(ref, given, options)),
        texts: host.options.texts,
        scope: scopeOf(job, instance, variables),
        context,
        authorized: (scheme, parameter) =>
          instance.authorizations.set(context.idempotencyKey, { scheme, parameter }),
        progress: (text, data) => host.progress(instance, job.pointer, text, data),
        now: instance.clock.now(),
      });
      // What it gave is kept as soon as the chart has it, whatever else the chart waits for.
    }).finally(() => void host.kept(instance));
  });

  const timer = fromPromise<unknown, TimerInput>(async ({ input, signal }) => {
    const instance = found(input.instance);
    instance.changed();
    const { ms } = input;
    const length =
      typeof ms === 'number'
        ? ms
        : await working(instance, () => timeoutOf(input, instance, variablesOf(input.job, instance)));
    const clock = instance.clock;
    if (signal.aborted) return;
    const kept = host.kept(instance);
    if ((await kept) === false) throw interrupted(instance);
    // A clock that was set back must not make a wait longer than it is.
    const end = clock.now() + Math.min(length, Math.max(0, input.since + length - clock.now()));
    for (let rest = end - clock.now(); rest > 0 && !signal.aborted; rest = end - clock.now()) {
      await slept(instance, Math.min(rest, LONGEST), signal);
    }
    if (instance.gate !== undefined && !signal.aborted) await working(instance, () => resumed(instance));
  });

  const slept = (instance: Instance, ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const activity = instance.options.meta?.activity;
      const stop = () => {
        instance.clock.clearTimeout(id);
        resolve();
      };
      const id = instance.clock.setTimeout(() => {
        signal.removeEventListener('abort', stop);
        activity?.begin();
        resolve();
        if (activity !== undefined) setImmediate(() => activity.end());
      }, ms);
      signal.addEventListener('abort', stop, { once: true });
    });

  const timeoutOf = async ({ pointer }: TimerInput, instance: Instance, variables: Variables) => {
    const { document, tasks } = instance.workflow;
    const spec = pointer === '' ? document.timeout : tasks.get(pointer)?.task.timeout;
    const { after } = (typeof spec === 'string' ? document.use?.timeouts?.[spec] : spec) ?? { after: 'PT0S' };
    return durationMs(await evaluator.fill(after, instance.row.input, variables));
  };

  const listen = fromCallback<HeldEvent, ListenInput>(({ input: { job, pointer }, sendBack, receive }) => {
    const instance = found(job.instance);
    const task = taskOf(job, instance);
    const bus = host.options.events;
    if (!('listen' in task)) throw new Error(`no listener ${pointer}`);
    if (bus === undefined) throw standardError('configuration', 'Events are not listened to here.');
    instance.changed();
    let stopped = false;
    let leave = () => {};
    // An instance that listens waits: time passes for others, and for what it listens to.
    const given = instance.options.meta?.activity;
    const activity = given?.idle === undefined ? undefined : given;
    activity?.begin();
    const back = activity?.idle?.();
    receive(({ state }) => {
      const from: ConsumptionState = state ?? begin(task.listen.to as never);
      const tell = (next: ConsumptionState) => {
        if (stopped) return;
        instance.changed();
        sendBack({ type: 'CONSUMED', state: next, done: next.done } satisfies ConsumedEvent);
      };
      const consumer = createConsumer({
        strategy: task.listen.to as never,
        read: task.listen.read,
        state: from,
        scope: {
          evaluate: (expression, data, variables) => evaluator.evaluate(expression, data, variables),
          input: job.input,
          variables: variablesOf(job, instance),
        },
        // The chart holds the event first, and the store the chart: then it counts.
        journal: (_, next) => {
          tell(next);
          return host.kept(instance)?.then((kept) => {
            if (!kept) throw interrupted(instance);
          });
        },
        onProblem: (problem) =>
          env.log.warn(
            { instance: job.instance, pointer, problem: String(problem) },
            'a filter failed on an event',
          ),
      });
      if (from.done) tell(from);
      leave = bus.subscribe(async (event: CloudEvent) => {
        const activity = instance.options.meta?.activity;
        activity?.begin();
        try {
          if (!stopped) await consumer.offer(event);
        } finally {
          if (activity !== undefined) setImmediate(() => activity.end());
        }
      });
      void host.kept(instance);
    });
    sendBack({ type: 'LISTENING' });
    return () => {
      stopped = true;
      leave();
      back?.();
      if (activity !== undefined) setImmediate(() => activity.end());
    };
  });

  return {
    perform,
    evaluate,
    timer,
    listen,
    now: (id) => host.now(id),
    progress: (event) => {
      const instance = host.instance(event.instance);
      if (instance !== undefined) host.noted(instance, event);
    },
    faultOf,
  };
}
