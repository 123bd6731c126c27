import { createActor, fromPromise, toPromise } from 'xstate';
import { NetAgentError } from '../../../machines/failure.ts';
import type { Env } from '../../../machines/ports.ts';
import {
  type Marks,
  type RouteEnd,
  type RouteEvent,
  routeMachine,
  type StepMark,
} from '../../../machines/protocols/route.machine.ts';
import { outcomeOf } from '../client/outcome.ts';
import { UNKNOWN_CONTEXT } from '../context/meta.ts';
import {
  ERROR_LIMIT,
  ERROR_NOT_OWNER,
  EXTENSION,
  type Execute,
  type ExecuteResult,
  resultMetaSchema,
  type Step,
} from '../schema/index.ts';
import { INVALID_PARAMS, RpcError } from '../session/rpc-error.ts';
import type { Identity } from '../session/server-session.ts';
import { type Journal, type Kept, marksOf } from './journal.ts';
import { BadReference, dependenciesOf, holds, resolve, type StepView } from './references.ts';
import { Fenced, type Routed, type Runner, TokenEnded, Unknown } from './runner.ts';

export interface Execution {
  /** @throws RpcError */
  result: Promise<ExecuteResult>;
  cancel(): void;
  /** The agent asked again: what follows is done with its newer token. */
  renew(identity: Identity): void;
  /** Begins nothing more, lets what runs end for at most `ms`, and leaves the rest to another anchor. */
  leave(ms: number): Promise<void>;
  /** Told of each step that ends. */
  onProgress(listener: (progress: { progress: number; total: number; message: string }) => void): void;
}

/** Runs one execution by its chart (NetMCP 6). */
export function startExecution(options: {
  env: Env;
  serverId: string;
  executionId: string;
  contextId: string;
  identity: Identity;
  params: Execute;
  traceparent: string | undefined;
  /** Takes the role. @throws RpcError */
  claim(): Journal;
  run: Runner;
}): Execution {
  const { env, serverId, executionId, params, run } = options;
  const steps = new Map(params.steps.map((step) => [step.id, step]));
  const kept = new Map<string, Kept>();
  const views = new Map<string, StepView>();
  /** Where an earlier anchor began a step that it did not finish. */
  const begunAt = new Map<string, string>();
  const running = new Map<string, Promise<void>>();
  const stop = new AbortController();
  const listeners = new Set<Parameters<Execution['onProgress']>[0]>();
  let journal: Journal | null = null;
  let leaving = false;
  let failure: unknown = null;
  let identity = options.identity;

  const owned = (): Journal => {
    if (journal === null) throw new Fenced('the role is not taken');
    return journal;
  };
  const remember = (id: string, value: Kept) => {
    kept.set(id, { ...value, order: value.order ?? kept.size });
    const { state, output } = value.report;
    views.set(id, { state, output, isError: state !== 'done', text: value.text });
  };
  const blank = (step: Step, state: StepMark, more: Partial<Kept['report']> = {}): Kept => ({
    text: '',
    report: {
      id: step.id,
      tool: step.tool,
      state,
      server: '',
      output: null,
      problem: '',
      chain: [],
      replayed: false,
      ...more,
    },
  });

  function resume(): Marks {
    journal = options.claim();
    const before = journal.steps();
    const { end, cancelled } = journal.head();
    if (end !== null) {
      for (const [id, value] of before) remember(id, value);
      throw new Ended(assemble(end, marksOf(before)));
    }
    if (cancelled) throw new RpcError(INVALID_PARAMS, 'The execution was cancelled');
    for (const [id, value] of before) {
      if (value.report.state === 'running') begunAt.set(id, value.report.server);
      else remember(id, value);
    }
    return marksOf(before);
  }

  function call(step: Pick<Step, 'tool' | 'serverId' | 'serviceArea' | 'deadlineMs'>, key: string) {
    const { tool, serverId: wanted, serviceArea, deadlineMs } = step;
    return {
      identity,
      tool,
      serverId: wanted,
      serviceArea,
      deadlineMs: Math.min(deadlineMs, params.deadlineMs),
      meta: {
        idempotencyKey: key,
        contextId: options.contextId,
        execution: { id: executionId, epoch: owned().epoch },
        ...(options.traceparent !== undefined && { traceparent: options.traceparent }),
      },
    };
  }

  function argumentsOf(args: Record<string, unknown>) {
    return resolve(args, views, (key) => owned().value(key));
  }

  /** Again, if the agent has brought a newer token than the one that ended meanwhile. @throws TokenEnded */
  async function withToken(work: (bound?: string) => Promise<Routed>): Promise<Routed> {
    let bound: string | undefined;
    for (;;) {
      const used = identity;
      try {
        return await work(bound);
      } catch (error) {
        if (!(error instanceof TokenEnded) || used === identity) throw error;
        bound = error.bound;
      }
    }
  }

  /** Runs one step to its end and keeps how it ended. @throws Fenced, RpcError */
  async function perform(step: Step): Promise<Kept> {
    const earlier = begunAt.get(step.id);
    let server = earlier ?? '';
    try {
      if (step.when !== undefined && earlier === undefined && !holds(step.when, views))
        return blank(step, 'skipped');
      const routed = await withToken((bound) =>
        run({
          ...call(step, `${executionId}/${step.id}`),
          arguments: argumentsOf(step.arguments),
          signal: stop.signal,
          begunAt: bound ?? earlier,
          begin(to) {
            server = to;
            owned().keep(step.id, blank(step, 'running', { server: to }));
          },
        }),
      );
      return reportOf(step, routed, server);
    } catch (error) {
      if (error instanceof Fenced || error instanceof TokenEnded || isFencing(error)) throw error;
      if (error instanceof Unknown)
        return blank(step, 'unknown', { server: error.server, problem: error.message });
      if (error instanceof NetAgentError && error.code === 'NETMCP_CANCELLED')
        return blank(step, 'cancelled', { problem: error.message });
      const known =
        error instanceof NetAgentError || error instanceof RpcError || error instanceof BadReference;
      if (!known) env.log.error({ step: step.id, error: String(error) }, 'a step failed');
      return blank(step, 'failed', { server, problem: known ? error.message : 'internal error' });
    }
  }

  function reportOf(step: Step, { result }: Routed, server: string): Kept {
    const { output, isError, text, server: by, chain } = outcomeOf(result, server);
    const meta = resultMetaSchema.safeParse(result._meta?.[EXTENSION]);
    return {
      text: text.slice(0, 4_000),
      report: {
        id: step.id,
        tool: step.tool,
        state: isError ? 'failed' : 'done',
        server: by,
        output: isError ? null : (output as never),
        problem: isError ? text.slice(0, 2_000) : '',
        chain,
        replayed: meta.success && meta.data.replayed === true,
      },
    };
  }

  async function begin(step: Step): Promise<void> {
    // After the action of the chart has returned: what follows runs other charts.
    await null;
    try {
      const value = await perform(step);
      const { state, output } = value.report;
      if (state === 'done' && step.saveAs !== undefined) owned().save(step.saveAs, output);
      const order = kept.size;
      const written = owned().keep(step.id, { ...value, order });
      // The journal may have left out an output that is too large; this anchor still has it.
      remember(step.id, { text: value.text, order, report: { ...written.report, output } });
      send({ type: 'STEP_ENDED', id: step.id, mark: state });
      tell(value);
    } catch (error) {
      failure = error;
      env.log.warn({ executionId, step: step.id, error: String(error) }, 'the role of the anchor is lost');
      send({ type: 'FENCED' });
    }
  }

  function tell({ report }: Kept): void {
    const progress = {
      progress: kept.size,
      total: steps.size,
      message: `${report.id} ${report.state}${report.server === '' ? '' : ` at ${report.server}`}`,
    };
    for (const listener of listeners) listener(progress);
  }

  async function undo(ids: string[]): Promise<string[]> {
    const undone: string[] = [];
    const latest = [...kept].sort(([, a], [, b]) => (b.order ?? 0) - (a.order ?? 0)).map(([id]) => id);
    for (const id of latest.filter((one) => ids.includes(one))) {
      const step = steps.get(id) as Step;
      const before = kept.get(id) as Kept;
      if (step.undo === undefined) continue;
      let problem: string;
      try {
        const { tool, serverId: at, arguments: args } = step.undo;
        const { result } = await withToken((bound) =>
          run({
            ...call(
              { tool, serverId: at, serviceArea: step.serviceArea, deadlineMs: step.deadlineMs },
              `${executionId}/${id}/undo`,
            ),
            arguments: argumentsOf(args),
            signal: stop.signal,
            begunAt: bound,
          }),
        );
        problem = result.isError === true ? outcomeOf(result, '').text : '';
      } catch (error) {
        if (error instanceof Fenced || error instanceof TokenEnded || isFencing(error)) throw error;
        problem = error instanceof Error ? error.message : String(error);
      }
      const state = problem === '' ? 'undone' : 'done';
      const note = problem === '' ? '' : `not undone: ${problem}`.slice(0, 2_000);
      remember(id, owned().keep(id, { ...before, report: { ...before.report, state, problem: note } }));
      if (problem === '') undone.push(id);
    }
    return undone;
  }

  const actor = createActor(
    routeMachine.provide({
      actors: {
        claim: fromPromise(async () => resume()),
        undo: fromPromise(async ({ input }) => undo(input.ids)),
      },
      actions: {
        startSteps: (_, { ids }) => {
          for (const id of ids) {
            if (leaving) return;
            const work = begin(steps.get(id) as Step).finally(() => running.delete(id));
            running.set(id, work);
          }
        },
        stopSteps: () => stop.abort(new Error('the execution is stopped')),
        noteCancel: () => {
          try {
            journal?.cancel();
          } catch (error) {
            env.log.debug({ executionId, error: String(error) }, 'the cancellation is not kept');
          }
        },
      },
    }),
    {
      input: {
        plan: params.steps.map((step) => ({
          id: step.id,
          after: dependenciesOf(step),
          onError: step.onError,
          undoable: step.undo !== undefined,
        })),
        join: params.join,
        deadlineMs: params.deadlineMs,
      },
      clock: env.clock,
    },
  );
  actor.subscribe({
    error: (error) => env.log.error({ executionId, error: String(error) }, 'execution actor failed'),
  });
  const send = (event: RouteEvent) => {
    if (actor.getSnapshot().status === 'active') actor.send(event);
  };
  const done = toPromise(actor);
  actor.start();

  async function finish(): Promise<ExecuteResult> {
    const { marks, problem } = await done;
    const end = actor.getSnapshot().value as RouteEnd;
    if (problem instanceof Ended) return problem.result;
    if (problem instanceof TokenEnded) throw problem;
    if (end === 'refused') throw problem instanceof Error ? problem : new Error('refused');
    if (end === 'fenced')
      throw isLimit(failure) || failure instanceof TokenEnded
        ? failure
        : new Fenced('another anchor has the role');
    owned().end(end);
    return assemble(end, marks);
  }

  function assemble(state: ExecuteResult['state'], marks: Marks): ExecuteResult {
    return {
      executionId,
      state,
      anchor: serverId,
      epoch: owned().epoch,
      steps: params.steps.map((step) => {
        const mark = marks[step.id] ?? 'waiting';
        // What never began is cancelled with the whole.
        return (kept.get(step.id) ?? blank(step, mark === 'waiting' ? 'cancelled' : mark)).report;
      }),
    };
  }

  return {
    result: finish(),
    cancel: () => send({ type: 'CANCEL' }),
    renew(newer) {
      identity = newer;
    },
    async leave(ms) {
      leaving = true;
      let timer: unknown;
      await Promise.race([
        Promise.allSettled(running.values()),
        new Promise((resolve) => {
          timer = env.clock.setTimeout(() => resolve(undefined), ms);
        }),
      ]);
      env.clock.clearTimeout(timer);
      send({ type: 'FENCED' });
    },
    onProgress: (listener) => void listeners.add(listener),
  };
}

/** It had ended before; this is its result. */
class Ended extends Error {
  readonly result: ExecuteResult;
  constructor(result: ExecuteResult) {
    super('the execution has ended');
    this.result = result;
  }
}

/** The context refused a write: another anchor owns it, or it has ended. */
const isFencing = (error: unknown) =>
  error instanceof RpcError && (error.code === ERROR_NOT_OWNER || error.message === UNKNOWN_CONTEXT);

const isLimit = (error: unknown) => error instanceof RpcError && error.code === ERROR_LIMIT;
