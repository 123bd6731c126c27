import type { StreamResponse } from '@a2a-js/sdk';
import type { Clock, Log } from '../../../machines/ports.ts';
import { endsStream, fold, isTerminal } from './fold.ts';
import type { LoggedEvent, TaskLedger, TaskRecord } from './ledger.ts';

/** Committed events kept in memory for watchers; older ones are read from the ledger. */
const KEPT_EVENTS = 64;
/** Pause before a commit that failed is tried again, ms. */
const COMMIT_RETRY_MS = 1_000;

export interface RunOptions {
  ledger: TaskLedger;
  clock: Clock;
  log: Log;
  record: TaskRecord;
  /** Hears of every commit; the run may be forgotten when it says idle. */
  onCommit(run: TaskRun): void;
}

interface Waiter {
  seq: number;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * One task while somebody works on it or watches it: appends to its log, write-ahead. `record` runs
 * ahead of what is committed; watchers and `committed` only see what is.
 */
export class TaskRun {
  readonly #options: RunOptions;
  #abort: AbortController | undefined;
  /** An executor is at work on it. */
  executing = false;
  /** First number of the present turn. */
  turnFrom = 1;
  record: TaskRecord;
  committed: TaskRecord;
  /** Items that came after the end, or against a cancellation. */
  late = 0;
  #pending: LoggedEvent[] = [];
  #kept: LoggedEvent[] = [];
  #dirty = false;
  #state: 'idle' | 'scheduled' | 'committing' = 'idle';
  #waiters: Waiter[] = [];
  #resting: Array<() => void> = [];
  #shown = 0;
  readonly #watchers = new Set<() => void>();

  constructor(options: RunOptions) {
    this.#options = options;
    this.record = options.record;
    this.committed = options.record;
  }

  /** Nobody works on it, watches it, or waits for a commit. */
  get idle(): boolean {
    return (
      !this.executing && this.#watchers.size === 0 && this.#resting.length === 0 && this.#state === 'idle'
    );
  }

  /** The executor's turn is over. */
  release(): void {
    this.executing = false;
    for (const wake of [...this.#watchers]) wake();
    this.#options.onCommit(this);
  }

  /** Made when somebody looks: few do, and it weighs more than the rest of a run. */
  get abort(): AbortController {
    this.#abort ??= new AbortController();
    return this.#abort;
  }

  get over(): boolean {
    return isTerminal(this.record.task.status?.state);
  }

  /** Appends, unless the task is over; returns the number, or null if it was dropped. */
  append(item: StreamResponse): number | null {
    if (this.over) {
      this.late += 1;
      return null;
    }
    const seq = this.record.seq + 1;
    this.record = { ...this.record, seq, task: fold(this.record.task, item) };
    this.#pending.push({ seq, item });
    this.#schedule();
    return seq;
  }

  /** Accepts a cancellation; from here on the task ends as canceled or failed. */
  cancelling(): void {
    if (this.record.cancelling) return;
    this.record = { ...this.record, cancelling: true };
    this.#dirty = true;
    this.#schedule();
  }

  /** Resolves when everything up to `seq` is durable; rejects when that commit failed. */
  durable(seq: number = this.record.seq): Promise<void> {
    if (this.committed.seq >= seq && !this.#dirty) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiters.push({ seq, resolve, reject }));
  }

  /**
   * Committed events after `after`, then those to come, until one ends the stream. Ending the iteration
   * early does nothing to the task.
   */
  async *watch(after: number, signal?: AbortSignal): AsyncGenerator<LoggedEvent, void, undefined> {
    let cursor = after;
    let wake: () => void = () => undefined;
    const awake = () => wake();
    this.#watchers.add(awake);
    signal?.addEventListener('abort', awake, { once: true });
    try {
      while (signal?.aborted !== true) {
        const next = this.#after(cursor);
        for (const event of next) {
          cursor = event.seq;
          yield event;
          if (endsStream(event.item)) return;
        }
        if (next.length > 0) continue;
        if (isTerminal(this.committed.task.status?.state)) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      signal?.removeEventListener('abort', awake);
      this.#watchers.delete(awake);
      this.#options.onCommit(this);
    }
  }

  /** The executor wants the accepted task of this turn to be seen, before any other item. */
  show(): void {
    this.#shown = this.turnFrom;
    for (const wake of [...this.#watchers]) wake();
  }

  /** Somebody has seen the task of this turn, so that it cannot be answered by a message alone. */
  get shown(): boolean {
    return this.#shown >= this.turnFrom || this.record.seq > this.turnFrom;
  }

  /** Resolves when there is more than the accepted task of this turn, or it may be shown, or after `ms`. */
  moved(ms: number): Promise<void> {
    const seq = this.turnFrom;
    const waits = () => this.executing && this.#shown < seq && this.committed.seq <= seq;
    if (!waits()) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        this.#options.clock.clearTimeout(timer);
        this.#watchers.delete(check);
        resolve();
      };
      const check = () => {
        if (!waits()) end();
      };
      const timer = this.#options.clock.setTimeout(() => {
        this.show();
        end();
      }, ms);
      this.#watchers.add(check);
    });
  }

  /** Resolves when the present turn has come to rest, or was answered by a message. */
  rest(): Promise<void> {
    const ended = this.itemAt(this.committed.seq);
    const answered = this.committed.seq >= this.turnFrom && ended !== undefined && endsStream(ended);
    if (answered || isTerminal(this.committed.task.status?.state)) return Promise.resolve();
    return new Promise((resolve) => this.#resting.push(resolve));
  }

  /** A committed item. */
  itemAt(seq: number): StreamResponse | undefined {
    return this.#after(seq - 1)[0]?.item;
  }

  #after(cursor: number): LoggedEvent[] {
    if (cursor >= this.committed.seq) return [];
    const first = this.#kept[0];
    if (first === undefined || first.seq > cursor + 1) {
      return this.#options.ledger.events(this.committed, this.committed.id, cursor);
    }
    return this.#kept.slice(cursor + 1 - first.seq);
  }

  /** What is published in one go is committed in one go. */
  #schedule(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'scheduled';
    queueMicrotask(() => this.#commit());
  }

  #commit(): void {
    const events = this.#pending;
    const record = this.record;
    this.#pending = [];
    this.#dirty = false;
    this.#state = 'committing';
    let done: Promise<void> | undefined;
    try {
      done = this.#options.ledger.commit({ record, events });
    } catch (error) {
      this.#failed(events, error);
      return;
    }
    if (done === undefined) this.#deliver(record, events);
    else
      done.then(
        () => this.#deliver(record, events),
        (error) => this.#failed(events, error),
      );
  }

  #deliver(record: TaskRecord, events: LoggedEvent[]): void {
    this.#state = 'idle';
    this.committed = record;
    this.#kept.push(...events);
    if (this.#kept.length > KEPT_EVENTS) this.#kept.splice(0, this.#kept.length - KEPT_EVENTS);
    const waiting = this.#waiters;
    this.#waiters = waiting.filter(({ seq }) => seq > record.seq);
    for (const { seq, resolve } of waiting) if (seq <= record.seq) resolve();
    if (this.#pending.length > 0 || this.#dirty) this.#schedule();
    if (this.#resting.length > 0 && events.some(({ item }) => endsStream(item))) {
      for (const resolve of this.#resting.splice(0)) resolve();
    }
    for (const wake of [...this.#watchers]) wake();
    this.#options.onCommit(this);
  }

  /**
   * Nothing of it is kept. A task that was never accepted is refused by its waiter; for a later event
   * the same commit is tried again, since what an executor did cannot be taken back.
   */
  #failed(events: LoggedEvent[], error: unknown): void {
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const { reject } of waiting) reject(error);
    this.#pending = [...events, ...this.#pending];
    this.#dirty = true;
    this.#state = 'scheduled';
    if (this.committed.seq === 0) return;
    this.#options.log.error({ task: this.record.id, problem: String(error) }, 'task log not written');
    this.#options.clock.setTimeout(() => this.#commit(), COMMIT_RETRY_MS);
  }
}
