import { type Actor, type AnyStateMachine, createActor } from 'xstate';
import type { Clock } from '../../../machines/ports.ts';
import type { Progress, ScopeInput, ScopeOutput } from '../chart/types.ts';
import { standardError } from '../fault.ts';
import { MAX_STATE } from './bounds.ts';
import type { CompiledWorkflow } from './compiled.ts';
import type { Checkpoint, InstanceRow, LedgerChange } from './ledger.ts';
import type { RunOptions } from './types.ts';

/** What the beginning of a task may cost for a checkpoint of its own, characters, and how much of it is saved up. */
const CREDIT = 16_000;
const MAX_CREDIT = 1_000_000;

/** Told by an instance. */
export interface InstanceHost {
  /** The chart came to its end, or broke. */
  ended(instance: Instance, output: ScopeOutput | undefined, error: unknown): void;
}

/** One running workflow: its chart's actor, and what is to be written of it. */
export class Instance {
  readonly row: InstanceRow;
  readonly workflow: CompiledWorkflow;
  readonly options: RunOptions;
  readonly clock: Clock;
  readonly actor: Actor<AnyStateMachine>;
  /** Evaluations and effects under way. */
  working = 0;
  /** The row is not kept yet. */
  fresh: boolean;
  rev: number;
  /** Credentials that calls used, by the key of their step: `$authorization`. */
  readonly authorizations = new Map<string, { scheme: string; parameter: string }>();
  readonly #open = new Map<string, Progress & { path: string }>();
  readonly #durable: boolean;
  readonly #history: number;
  readonly #host: InstanceHost;
  #entered: string[] = [];
  #pending: Checkpoint[] = [];
  #changes = 1;
  #captured = 0;
  #capturing = false;
  /** Changes at the beginning of the tasks in `#entered`: later it is not theirs any more. */
  #enteredAt = 0;
  #credit = MAX_CREDIT;
  #size = 0;
  #gate: { promise: Promise<void>; open: () => void } | undefined;
  stopped = false;

  constructor(init: {
    row: InstanceRow;
    workflow: CompiledWorkflow;
    options: RunOptions;
    clock: Clock;
    machine: AnyStateMachine;
    host: InstanceHost;
    durable: boolean;
    /** Checkpoints that are kept of it. */
    history: number;
    from?: Checkpoint;
  }) {
    const { row, from } = init;
    this.row = row;
    this.workflow = init.workflow;
    this.options = init.options;
    this.clock = init.clock;
    this.#durable = init.durable;
    this.#history = init.history;
    this.#host = init.host;
    this.fresh = from === undefined;
    this.rev = from?.rev ?? 0;
    const input: ScopeInput = { instance: row.id, path: '', data: row.input, ctx: null, vars: {} };
    this.actor = createActor(init.machine, {
      input,
      ...(from === undefined ? {} : { snapshot: JSON.parse(from.snapshot) }),
    });
    this.actor.subscribe({
      complete: () => this.#end(this.actor.getSnapshot().output as ScopeOutput | undefined, undefined),
      error: (error) => this.#end(undefined, error),
    });
    if (row.status === 'suspended') this.shut();
  }

  /** Something of the chart moved: what was captured is no longer the newest. */
  changed(): void {
    this.#changes += 1;
  }

  /** A task began or ended; gives what its end took down with it. */
  note(event: Progress & { path: string }): Array<Progress & { path: string }> {
    this.changed();
    const key = `${event.path}|${event.pointer}`;
    if (event.type === 'task.started') {
      this.#open.set(key, event);
      if (this.#durable) {
        if (!this.#capturing) this.#entered = [];
        this.#entered.push(event.pointer);
        this.#captureSoon();
      }
      return [];
    }
    if (event.type === 'task.retried') return [];
    this.#open.delete(key);
    const inside = `${event.pointer}/`;
    return this.#close((one) => one.pointer.startsWith(inside) && one.path.startsWith(event.path));
  }

  /** All that is still open ends with the instance. */
  closeAll(): Array<Progress & { path: string }> {
    return this.#close(() => true);
  }

  #close(ends: (one: Progress & { path: string }) => boolean): Array<Progress & { path: string }> {
    const closed: Array<Progress & { path: string }> = [];
    for (const [key, one] of this.#open) {
      if (!ends(one)) continue;
      this.#open.delete(key);
      closed.push({ ...one, type: 'task.cancelled' });
    }
    return closed;
  }

  #end(output: ScopeOutput | undefined, error: unknown): void {
    if (!this.stopped && this.row.endedAt === null) this.#host.ended(this, output, error);
  }

  /**
   * After the macrostep that began a task, before anything else moves: an instance can be set back to here. A large
   * state is not kept at each task: what it costs would grow with the square of a loop.
   */
  #captureSoon(): void {
    if (this.#capturing) return;
    this.#capturing = true;
    queueMicrotask(() => {
      this.#capturing = false;
      this.#enteredAt = this.#changes;
      this.#credit = Math.min(MAX_CREDIT, this.#credit + CREDIT);
      if (!this.stopped && this.#size <= this.#credit) this.#capture();
    });
  }

  #capture(): void {
    if (this.#captured === this.#changes || this.row.endedAt !== null) return;
    this.#captured = this.#changes;
    let snapshot: string;
    try {
      snapshot = JSON.stringify(this.actor.getPersistedSnapshot());
      if (snapshot.length > MAX_STATE) throw new RangeError(`${snapshot.length} characters`);
    } catch (error) {
      this.#break(error);
      return;
    }
    this.#size = snapshot.length;
    this.#credit = Math.max(0, this.#credit - snapshot.length);
    this.rev += 1;
    this.#pending.push({
      rev: this.rev,
      at: this.clock.now(),
      entered: this.#enteredAt === this.#changes ? this.#entered : [],
      snapshot,
    });
    this.#entered = [];
    // Nothing may be written for long: only what will be kept is held.
    if (this.#pending.length > this.#history) this.#pending.shift();
  }

  /** What cannot be written must not keep others from being written. */
  #break(error: unknown): void {
    const detail = error instanceof Error ? error.message : String(error);
    this.#end(undefined, standardError('runtime', 'The state of the workflow cannot be kept.', { detail }));
    this.actor.stop();
  }

  /** What is to be written, and what to do once it was. */
  change(now: number): { change: LedgerChange; written: () => void } {
    this.#capture();
    this.row.updatedAt = now;
    const checkpoints = [...this.#pending];
    const change: LedgerChange = {
      row: { ...this.row },
      ...(this.fresh ? { source: JSON.stringify(this.workflow.document) } : {}),
      checkpoints,
      keepFrom: this.rev - this.#history + 1,
    };
    return {
      change,
      written: () => {
        this.fresh = false;
        this.#pending = this.#pending.slice(checkpoints.length);
      },
    };
  }

  /** New effects wait until `open`. */
  shut(): void {
    if (this.#gate !== undefined) return;
    let open = () => {};
    const promise = new Promise<void>((resolve) => {
      open = resolve;
    });
    this.#gate = { promise, open };
  }

  open(): void {
    this.#gate?.open();
    this.#gate = undefined;
  }

  /** Resolves when the instance is not suspended. */
  get gate(): Promise<void> | undefined {
    return this.#gate?.promise;
  }

  /** Ends the actor without an end of the instance: its effects are told to stop, nothing is written. */
  halt(): void {
    this.stopped = true;
    this.actor.stop();
  }
}

/** References of the innermost tasks that are under way. */
export function activeTasks(actor: { getSnapshot(): unknown }): string[] {
  const snapshot = actor.getSnapshot() as {
    _nodes?: Array<{ meta?: { pointer?: string } }>;
    children?: Record<string, { getSnapshot(): unknown } | undefined>;
  };
  const inner = Object.values(snapshot.children ?? {}).flatMap((child) =>
    child === undefined ? [] : activeTasks(child),
  );
  const own = (snapshot._nodes ?? []).flatMap(({ meta }) =>
    meta?.pointer === undefined ? [] : [meta.pointer],
  );
  const covered = (pointer: string) => inner.some((one) => one.startsWith(`${pointer}/`));
  return [...new Set([...own.filter((pointer) => !covered(pointer)), ...inner])];
}

/** Paths of the active states, those of inner scopes behind their parent's. */
export function activeStates(actor: { getSnapshot(): unknown }): string[] {
  const snapshot = actor.getSnapshot() as {
    _nodes?: Array<{ path: string[] }>;
    children?: Record<string, { getSnapshot(): unknown } | undefined>;
  };
  const own = (snapshot._nodes ?? []).map(({ path }) => path.join('.')).filter((path) => path !== '');
  const inner = Object.values(snapshot.children ?? {}).flatMap((child) => (child ? activeStates(child) : []));
  return [...own, ...inner.map((path) => `${own.at(-1) ?? ''} > ${path}`)];
}
