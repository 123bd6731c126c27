import type { Clock } from '../../../machines/ports.ts';
import { fail } from '../../errors.ts';
import { CHART_VERSION } from '../chart/compile.ts';
import type { ScopeOutput } from '../chart/types.ts';
import { createEvaluator } from '../expressions.ts';
import { faultOf } from '../fault.ts';
import { createAdmission } from './admission.ts';
import { unkeepable } from './bounds.ts';
import { createCharts, remember } from './charts.ts';
import { childOf } from './child.ts';
import type { CompiledWorkflow } from './compiled.ts';
import { counting } from './counting.ts';
import { chartEffects } from './effects.ts';
import { activeStates, Instance } from './instance.ts';
import type { Checkpoint, InstanceRow, WorkflowLedger } from './ledger.ts';
import { createSchemas } from './schemas.ts';
import { setBack } from './set-back.ts';
import type { EngineOptions, RunOptions, WorkflowEngine } from './types.ts';
import { answer, cancelled, viewOf } from './view.ts';
import { createVoice } from './voice.ts';
import { Waiters } from './waiters.ts';
import { Writer } from './writer.ts';

const HISTORY = 64;
/** Ended instances of an engine without a ledger that are still shown. */
const REMEMBERED = 1_000;
/** Instances that are taken up in one turn of the event loop. */
const BATCH = 100;

/**
 * Runs workflows: each instance is a root actor of its own. With a ledger, no effect begins before the state that
 * asks for it is kept, so an engine that recovers goes on where the killed one was: an effect that may have begun
 * is begun again under the same key, everything that ended is not.
 */
export function createEngine(options: EngineOptions): WorkflowEngine {
  const { env, ledger } = options;
  const clockOf = (run: RunOptions) => run.clock ?? options.clock ?? env.clock;
  const history = options.history ?? HISTORY;
  let evaluations = 0;
  const evaluator = counting(createEvaluator({ clock: env.clock }), (change) => {
    evaluations += change;
  });
  const functions = new Map(Object.entries(options.functions));
  const schemas = createSchemas(options.resources);
  const admission = createAdmission(options, { clock: env.clock, evaluator, schemas, functions });
  const instances = new Map<string, Instance>();
  /** By instance, from before its chart is made: its first state begins with it. */
  const clocks = new Map<string, Clock>();
  const ended = new Map<string, InstanceRow>();
  const waiters = new Waiters();
  const writer = ledger === undefined ? undefined : new Writer({ ledger, clock: env.clock, log: env.log });
  let closed = false;

  const voice = createVoice({ log: env.log, ...(options.observe && { observe: options.observe }) });
  const tell = (instance: Instance, type: Parameters<typeof voice.tell>[1]) =>
    voice.tell(instance.row, type, instance.clock.now());
  const effects = chartEffects({
    env,
    options,
    evaluator,
    schemas,
    functions,
    runtime: options.runtime ?? { name: 'netagent', version: '0.1.0', metadata: {} },
    instance: (id) => instances.get(id),
    now: (id) => (clocks.get(id) ?? env.clock).now(),
    kept: (instance) => writer?.barrier(instance),
    child: childOf(options, () => engine),
    noted: (instance, event) => {
      for (const one of [event, ...instance.note(event)]) voice.report(instance, one);
    },
    progress: voice.progress,
    evaluating: (change) => {
      evaluations += change;
    },
  });

  const { chartOf, workflowOf } = createCharts(ledger, effects);

  const open = (row: InstanceRow, workflow: CompiledWorkflow, run: RunOptions, from?: Checkpoint) => {
    const clock = clockOf(run);
    clocks.set(row.id, clock);
    try {
      const instance = new Instance({
        row,
        workflow,
        options: run,
        clock,
        machine: chartOf(workflow),
        host: { ended: end },
        durable: ledger !== undefined,
        history,
        ...(from === undefined ? {} : { from }),
      });
      instances.set(row.id, instance);
      return instance;
    } catch (error) {
      clocks.delete(row.id);
      voice.heard(() => run.release?.());
      throw error;
    }
  };
  /** Every way out of running leads here. */
  const leave = (instance: Instance) => {
    instances.delete(instance.row.id);
    clocks.delete(instance.row.id);
    voice.heard(() => instance.options.release?.());
  };
  /** @throws WORKFLOW_INTERRUPTED where it is not kept, as the engine stops */
  const kept = async (instance: Instance): Promise<void> => {
    if ((await writer?.barrier(instance)) !== false) return;
    throw fail('WORKFLOW_INTERRUPTED', { name: instance.row.workflow });
  };

  /** An instance ended: that is kept before anybody hears of it. */
  function end(instance: Instance, output: ScopeOutput | undefined, error: unknown): void {
    const { row } = instance;
    row.endedAt = instance.clock.now();
    if (output === undefined) {
      row.status = 'faulted';
      row.fault = faultOf(error, '');
    } else if (output.flow === 'cancelled') row.status = 'cancelled';
    else if (output.fault !== null) {
      row.status = 'faulted';
      row.fault = output.fault;
    } else {
      row.status = 'completed';
      row.output = output.data;
    }
    for (const one of instance.closeAll()) voice.report(instance, one);
    const settle = () => {
      leave(instance);
      if (ledger === undefined) {
        remember(ended, row.id, row, REMEMBERED);
      }
      voice.ended(row, instance.clock.now());
      waiters.answer(row);
    };
    if (writer === undefined) settle();
    // What is not kept has not ended: it goes on in the next engine.
    else void writer.barrier(instance).then((written) => written && settle());
  }

  const engine: WorkflowEngine = {
    async run(workflow, input, run = {}) {
      if (run.signal?.aborted) throw cancelled(workflow.id);
      const id = await engine.start(workflow, input, run);
      return engine.result(id);
    },
    async start(asked, input, given = {}) {
      if (closed) throw fail('WORKFLOW_INTERRUPTED', { name: asked.id });
      const workflow = admission.admitted(asked) ?? (await admitted(asked, given));
      if (given.signal?.aborted) throw cancelled(asked.id);
      if (closed) throw fail('WORKFLOW_INTERRUPTED', { name: asked.id });
      const id = given.id ?? env.ids.uuid();
      const known = instances.get(id);
      if (known !== undefined || ledger?.get(id) !== undefined) {
        if (known?.fresh === true) await kept(known);
        return id;
      }
      const problem = unkeepable(input);
      if (problem !== undefined) throw fail('WORKFLOW_INPUT_INVALID', { name: workflow.id, problem });
      const run: RunOptions = { ...options.options?.(id), ...given };
      const now = clockOf(run).now();
      const row: InstanceRow = {
        id,
        workflow: workflow.id,
        version: workflow.version,
        document: workflow.hash,
        chart: CHART_VERSION,
        input: input ?? null,
        startedAt: now,
        updatedAt: now,
        endedAt: null,
        status: 'running',
        run: 0,
        labels: run.labels ?? {},
      };
      const instance = open(row, workflow, run);
      if (run.signal !== undefined) {
        const cancel = () => void engine.cancel(id).catch(() => {});
        run.signal.addEventListener('abort', cancel, { once: true });
        void engine.result(id).then(
          () => run.signal?.removeEventListener('abort', cancel),
          () => run.signal?.removeEventListener('abort', cancel),
        );
      }
      tell(instance, 'workflow.started');
      instance.actor.start();
      await kept(instance);
      return id;
    },
    result(id) {
      return new Promise((resolve, reject) => {
        const waiter = { resolve, reject };
        if (instances.has(id)) {
          waiters.add(id, waiter);
          return;
        }
        const row = ended.get(id) ?? ledger?.get(id);
        if (row === undefined) reject(fail('WORKFLOW_INSTANCE_UNKNOWN', { id }));
        else if (row.endedAt !== null) answer(row, waiter);
        else waiters.add(id, waiter);
      });
    },
    async recover() {
      let count = 0;
      let seen = 0;
      for (const { row, last } of ledger?.open() ?? []) {
        seen += 1;
        // It may have begun, or been cancelled, while others were taken up.
        const now = instances.has(row.id) ? undefined : ledger?.get(row.id);
        if (now?.endedAt === null && takeUp(now, last)) count += 1;
        if (seen % BATCH === 0) await new Promise<void>((resolve) => setImmediate(resolve));
        if (closed) break;
      }
      return count;
    },
    check: admission.check,
    examine: admission.examine,
    instances: () =>
      [...instances.values()].map(({ row, actor }) => ({
        id: row.id,
        workflow: row.workflow,
        active: activeStates(actor),
      })),
    list({ status, workflow, limit = 100 } = {}) {
      const kept = status === 'waiting' ? 'running' : status;
      const rows =
        ledger?.list({
          ...(kept === undefined ? {} : { status: kept }),
          ...(workflow === undefined ? {} : { workflow }),
          limit,
        }) ?? [...instances.values()].map(({ row }) => row).concat([...ended.values()]);
      return rows
        .map((row) => viewOf(instances.get(row.id)?.row ?? row, instances.get(row.id)))
        .filter(
          (view) => (status ?? view.status) === view.status && (workflow ?? view.workflow) === view.workflow,
        )
        .sort((a, b) => b.startedAt - a.startedAt)
        .slice(0, limit);
    },
    show(id) {
      const row = instances.get(id)?.row ?? ended.get(id) ?? ledger?.get(id);
      return row === undefined ? undefined : viewOf(row, instances.get(id));
    },
    document(id) {
      const instance = instances.get(id);
      if (instance !== undefined) return instance.workflow.document;
      const row = ledger?.get(id);
      return row === undefined ? undefined : workflowOf(row).document;
    },
    tell(id, pointer, text, data) {
      const instance = instances.get(id);
      if (instance !== undefined) voice.progress(instance, pointer, text, data);
    },
    steps: (id) => ledger?.checkpoints(id) ?? [],
    async cancel(id) {
      // The steps of those that stop with the engine are told to stop too: that is no cancel.
      if (closed) throw fail('WORKFLOW_INTERRUPTED', { name: id });
      const idle = instances.has(id) ? undefined : ledger?.get(id);
      if (ledger !== undefined && idle?.endedAt === null) {
        giveUp(ledger, idle);
        return;
      }
      const instance = running(id);
      instance.open();
      instance.actor.send({ type: 'CANCEL' });
      await kept(instance);
    },
    async pause(id) {
      const instance = running(id);
      if (instance.row.status === 'suspended') return;
      instance.row.status = 'suspended';
      instance.shut();
      await kept(instance);
      if (is(instance, 'suspended')) tell(instance, 'workflow.suspended');
    },
    async resume(id) {
      const instance = running(id);
      if (instance.row.status !== 'suspended') return;
      instance.row.status = 'running';
      await kept(instance);
      if (!is(instance, 'running')) return;
      instance.open();
      tell(instance, 'workflow.resumed');
    },
    async restart(id, from) {
      if (ledger === undefined)
        throw fail('WORKFLOW_INSTANCE_STATE', { id, problem: 'nothing is kept of it' });
      let running = instances.get(id);
      while (running !== undefined) {
        await kept(running);
        const now = instances.get(id);
        if (now === running && now.row.endedAt === null) break;
        // It ended meanwhile, or another restart was first.
        running = now;
      }
      if (closed) throw fail('WORKFLOW_INTERRUPTED', { name: id });
      const row = ledger.get(id);
      if (row === undefined) throw fail('WORKFLOW_INSTANCE_UNKNOWN', { id });
      const clock = running?.clock ?? options.clock ?? env.clock;
      const checkpoint = setBack(ledger, row, from, clock.now());
      const workflow = workflowOf(row);
      if (running !== undefined) {
        running.halt();
        leave(running);
      }
      const { output: _, fault: __, ...rest } = row;
      const last = ledger.checkpoints(id).at(-1)?.rev ?? checkpoint.rev;
      const again = open(
        { ...rest, status: 'running', endedAt: null, run: row.run + 1 },
        workflow,
        { ...running?.options, ...options.options?.(row.id) },
        { ...checkpoint, rev: last },
      );
      tell(again, 'workflow.resumed');
      again.actor.start();
      await kept(again);
    },
    purge(what) {
      if ('id' in what && instances.has(what.id)) {
        throw fail('WORKFLOW_INSTANCE_STATE', { id: what.id, problem: 'it has not ended' });
      }
      if (ledger !== undefined) return ledger.purge(what);
      const gone = [...ended.values()].filter((row) =>
        'id' in what ? row.id === what.id : row.updatedAt < what.endedBefore,
      );
      for (const { id } of gone) ended.delete(id);
      return gone.length;
    },
    async idle() {
      do await new Promise<void>((resolve) => setImmediate(resolve));
      while (!closed && (evaluations > 0 || writer?.busy === true));
    },
    async close() {
      closed = true;
      writer?.flush();
      writer?.close();
      const names = new Map([...instances].map(([id, { row }]) => [id, row.workflow]));
      for (const instance of [...instances.values()]) {
        if (ledger === undefined) instance.actor.send({ type: 'CANCEL' });
        else {
          instance.halt();
          leave(instance);
        }
      }
      waiters.refuse((id) => fail('WORKFLOW_INTERRUPTED', { name: names.get(id) ?? id }));
      await evaluator.close();
    },
  };
  return engine;

  /** Counts as work: a clock that moves while all wait must not move ahead of it. */
  async function admitted(workflow: CompiledWorkflow, { meta }: RunOptions): Promise<CompiledWorkflow> {
    evaluations += 1;
    meta?.activity?.begin();
    try {
      return await admission.admit(workflow);
    } finally {
      evaluations -= 1;
      if (meta?.activity !== undefined) setImmediate(() => meta.activity?.end());
    }
  }

  function running(id: string): Instance {
    const instance = instances.get(id);
    if (instance !== undefined && instance.row.endedAt === null) return instance;
    const row = instance?.row ?? ended.get(id) ?? ledger?.get(id);
    if (row === undefined) throw fail('WORKFLOW_INSTANCE_UNKNOWN', { id });
    throw fail('WORKFLOW_INSTANCE_STATE', { id, problem: `it is ${row.status}` });
  }

  /** Ends what does not run here: it could not be taken up. */
  function giveUp(known: WorkflowLedger, row: InstanceRow): void {
    const at = env.clock.now();
    const over: InstanceRow = { ...row, status: 'cancelled', endedAt: at, updatedAt: at };
    known.commit([{ row: over, checkpoints: [], keepFrom: 0 }]);
    voice.ended(over, at);
    waiters.answer(over);
  }

  /** What cannot be taken up stays as it is and is told; it keeps nothing else from going on. */
  function takeUp(row: InstanceRow, last: Checkpoint): boolean {
    try {
      if (row.chart !== CHART_VERSION)
        throw new Error(`its chart has form ${row.chart}, not ${CHART_VERSION}`);
      const instance = open(row, workflowOf(row), options.options?.(row.id) ?? {}, last);
      instance.actor.start();
      return true;
    } catch (error) {
      const half = instances.get(row.id);
      if (half !== undefined) leave(half);
      const problem = error instanceof Error ? error.message : String(error);
      env.log.error({ instance: row.id, workflow: row.workflow, problem }, 'an instance cannot be taken up');
      return false;
    }
  }
}

const is = ({ row }: Instance, status: InstanceRow['status']) => row.status === status;
