import { type Actor, createActor, type Snapshot } from 'xstate';
import { type ChangeOutcome, type ChangeOutput, type Clock, changeMachine } from '../../machines/index.ts';
import type { Collection } from '../durable/index.ts';
import { fail } from '../errors.ts';
import { type Arbiter, type ArbiterOptions, createArbiter, type Entry } from './arbiter.ts';
import { canonical } from './conflicts.ts';
import { type Bounds, type ChangePorts, changeEffects, EFFECT_MS } from './effects.ts';
import { type Change, parseChange, usesFields } from './input.ts';
import { effectActors } from './wire.ts';

/** What a workflow gets. */
export interface ChangeReport {
  kept: boolean;
  rolledBack: boolean;
  outcome: ChangeOutcome;
  reason: string;
  /** What `do` gave; null if nothing was changed. */
  result: unknown;
  evidence: {
    reach: string;
    before: { value: number; at: number } | null;
    looks: Array<{ value: number; at: number }>;
  };
}

/** A change as it is written down. */
export interface ChangeRecord {
  key: string;
  holder: string;
  agent: string;
  change: Change;
  snapshot: Snapshot<unknown> | null;
  state: string;
  /** When the state was entered, ms. */
  at: number;
  report: ChangeReport | null;
}

export interface RunChange {
  /** Names the change; the same key goes on with it, also after a restart. */
  key: string;
  /** The intent or instance behind it. */
  holder: string;
  /** Whose calls they are; idempotency keys are its own. */
  agent?: string;
  /** Of the waits; that of all changes if not given. */
  clock?: Clock;
  signal?: AbortSignal;
  onState?: (state: string) => void;
  /** It waits for time to pass, or works again. */
  onIdle?: (idle: boolean) => void;
}

export interface GuardedChanges {
  arbiter: Arbiter;
  /**
   * Runs a change to its end. A refusal or a rollback is an answer, not an error.
   * @throws CHANGE_INVALID, CHANGE_DIFFERENT
   */
  run(input: unknown, options: RunChange): Promise<ChangeReport>;
  /** Goes on with what a killed process left open. */
  resume(): void;
  list(): ChangeRecord[];
  /** Ends when all changes under way have ended. */
  settled(): Promise<void>;
  /** Stops without a word; the records go on with the next process. */
  stop(): void;
}

export interface GuardedOptions {
  /** Network time. */
  clock: Clock;
  ports: ChangePorts;
  bounds: Bounds;
  entries: Collection<Entry>;
  records: Collection<ChangeRecord>;
  arbitration?: Pick<ArbiterOptions, 'oppositions' | 'ageMs' | 'tenureMs'>;
  /** Time between two questions to arbitration, and before an effect in doubt is tried again, ms. */
  againMs?: number;
}

const AGAIN_MS = 5_000;
/** How long the report of an ended change is kept for somebody who asks again, ms. */
const KEPT_MS = 86_400_000;
const IDLE = new Set(['queued', 'doubtful', 'undoAgain', 'watching.pausing']);
const stateOf = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : Object.entries(value as object)
        .map(([key, inner]) => `${key}.${stateOf(inner)}`)
        .join();

/** Runs changes by the `change` chart; each is written down after every step. */
export function createGuardedChanges(options: GuardedOptions): GuardedChanges {
  const { clock, ports, bounds, records, againMs = AGAIN_MS } = options;
  const running = new Map<string, { actor: Actor<typeof changeMachine>; done: Promise<ChangeReport> }>();
  const undoing = new Map<string, Promise<void>>();

  const arbiter = createArbiter({
    ...options.arbitration,
    clock,
    entries: options.entries,
    onYield({ id }, text) {
      const live = running.get(id);
      if (live !== undefined) live.actor.send({ type: 'PREEMPTED', text });
      else yieldKept(id, text);
    },
  });

  /** A change that stayed, and must go for another one. */
  function yieldKept(key: string, text: string): void {
    const record = records.get(key);
    if (record?.report?.outcome !== 'kept' || undoing.has(key)) return;
    const { undo } = effectsOf(record, () => undefined);
    const { result } = record.report;
    const before = (record.snapshot as { context?: { before?: { whole?: unknown } } } | null)?.context
      ?.before;
    const close = (outcome: ChangeOutcome, reason: string) => {
      const report = { ...(record.report as ChangeReport), ...verdictOf(outcome), reason };
      records.put(key, { ...record, state: outcome, report });
    };
    const work = async () => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          await undo(result, before?.whole, new AbortController().signal);
          close('rolledBack', text);
          arbiter.release(key);
          return;
        } catch (error) {
          if (attempt < 3) continue;
          // Its claims run out with their lease: who waits is held off until then.
          close('rollbackFailed', `${text} ${error instanceof Error ? error.message : String(error)}`);
          return;
        }
      }
    };
    undoing.set(
      key,
      work().finally(() => undoing.delete(key)),
    );
  }

  function effectsOf(
    { key, holder, agent, change }: ChangeRecord,
    lost: (text: string) => void,
    its = clock,
  ) {
    return changeEffects({ key, holder, agent, change, arbiter, clock: its, ports, bounds, lost });
  }

  function start(
    record: ChangeRecord,
    run: Omit<RunChange, 'key' | 'holder' | 'agent'>,
  ): Promise<ChangeReport> {
    const { key, change } = record;
    const its = run.clock ?? clock;
    const { promise, resolve, reject } = Promise.withResolvers<ChangeReport>();
    let yielded = false;
    const effects = effectsOf(record, (text) => actor.send({ type: 'PREEMPTED', text }), its);
    const machine = changeMachine.provide({
      actors: effectActors(effects, () => {
        yielded = true;
      }),
    });
    const { read: _, kpi: __, periodS, ...guard } = change.guard;
    const restored = record.snapshot;
    const actor = createActor(machine, {
      clock: its,
      input: {
        key,
        guard: definedOf({ ...guard, periodMs: periodS * 1000 }),
        onlyRehearse: change.dryRun,
        undoBlind: !usesFields(change.undo.arguments, 'result'),
        claimAgainMs: againMs,
        approvalMs: change.approvalS * 1000,
        effectMs: EFFECT_MS,
        againMs,
      },
      // Effects begin again by RESUME, not by themselves: once, and with their limit.
      ...(restored !== null && { snapshot: { ...restored, children: {} } as never }),
    });
    let at = record.at;
    let state = record.state;
    let idle = false;
    const save = (report: ChangeReport | null) => {
      const next = stateOf(actor.getSnapshot().value);
      if (next !== state) at = its.now();
      state = next;
      records.put(key, { ...record, snapshot: actor.getPersistedSnapshot(), state, at, report });
      run.onState?.(state);
      if (IDLE.has(state) === idle) return;
      idle = !idle;
      run.onIdle?.(idle);
    };
    actor.subscribe({
      next: () => {
        if (actor.getSnapshot().status === 'active') save(null);
      },
      error: (error) => {
        running.delete(key);
        reject(error);
      },
      complete: () => {
        // Stopped, not ended.
        if (actor.getSnapshot().status !== 'done') return;
        const report = reportOf(actor.getSnapshot().output as ChangeOutput, yielded);
        save(report);
        running.delete(key);
        resolve(report);
      },
    });
    const cancel = () => actor.send({ type: 'CANCEL' });
    running.set(key, { actor, done: promise });
    actor.start();
    if (restored !== null) actor.send({ type: 'RESUME', elapsedMs: Math.max(0, its.now() - record.at) });
    if (run.signal?.aborted) cancel();
    run.signal?.addEventListener('abort', cancel, { once: true });
    return promise.finally(() => run.signal?.removeEventListener('abort', cancel));
  }

  function prune(): void {
    for (const { id, value } of records.list()) {
      const over = value.report !== null && value.at + KEPT_MS < clock.now();
      if (over && arbiter.get(id) === undefined) records.delete(id);
    }
  }

  return {
    arbiter,
    async run(input, { key, holder, agent = '', ...run }) {
      const change = parseChange(input);
      const known = records.get(key);
      if (known !== undefined && canonical(known.change) !== canonical(change)) {
        throw fail('CHANGE_DIFFERENT', { id: key });
      }
      if (known?.report) return known.report;
      const live = running.get(key);
      if (live !== undefined) return live.done;
      if (known !== undefined) return start(known, run);
      prune();
      const record = { key, holder, agent, change, snapshot: null, state: '', at: clock.now(), report: null };
      return start(record, run);
    },
    resume() {
      for (const { value: record } of records.list()) {
        if (record.report === null && !running.has(record.key)) start(record, {}).catch(() => undefined);
        const entry = arbiter.get(record.key);
        if (entry?.state === 'ending') yieldKept(record.key, `It yields to ${entry.yields}.`);
      }
    },
    list: () => records.list().map(({ value }) => value),
    async settled() {
      await Promise.allSettled([...running.values()].map(({ done }) => done));
      await Promise.allSettled([...undoing.values()]);
    },
    stop() {
      for (const { actor } of running.values()) actor.stop();
      running.clear();
    },
  };
}

const verdictOf = (outcome: ChangeOutcome) => ({
  outcome,
  kept: outcome === 'kept',
  rolledBack: outcome === 'rolledBack',
});

function reportOf(output: ChangeOutput, yielded: boolean): ChangeReport {
  const { reach, looks } = output;
  const before = output.before === null ? null : { value: output.before.value, at: output.before.at };
  return {
    ...verdictOf(yielded ? 'rolledBack' : output.outcome),
    reason: yielded ? 'Another change took precedence at its end.' : output.reason,
    result: output.result,
    evidence: { reach, before, looks },
  };
}

/** Without the fields that are not there: a snapshot is JSON. */
function definedOf<T extends object>(value: T): never {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as never;
}
