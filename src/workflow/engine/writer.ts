import type { Clock, Log } from '../../../machines/ports.ts';
import type { Instance } from './instance.ts';
import type { WorkflowLedger } from './ledger.ts';

/** How long after a write that failed the next one is tried, ms. */
const RETRY_MS = 1_000;

/** Writes what moved in one turn of the event loop in one transaction. */
export class Writer {
  readonly #ledger: WorkflowLedger;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #dirty = new Set<Instance>();
  #waiting: Array<(kept: boolean) => void> = [];
  #scheduled = false;
  #timer: unknown;
  #closed = false;

  constructor(options: { ledger: WorkflowLedger; clock: Clock; log: Log }) {
    this.#ledger = options.ledger;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /**
   * Resolves to true when the instance, as it is at the end of this turn, is kept, to false when it will not be: the
   * engine stops. While the store fails, nothing that waits for it begins, and nothing is lost but time.
   */
  barrier(instance: Instance): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false);
    this.#dirty.add(instance);
    if (!this.#scheduled && this.#timer === undefined) {
      this.#scheduled = true;
      setImmediate(() => this.flush());
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Whether something waits to be written. */
  get busy(): boolean {
    return this.#dirty.size > 0;
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#closed) return;
    const now = this.#clock.now();
    const instances = [...this.#dirty].filter(({ stopped }) => !stopped);
    const changes = instances.map((instance) => instance.change(now));
    try {
      if (changes.length > 0) this.#ledger.commit(changes.map(({ change }) => change));
    } catch (error) {
      this.#log.error(
        { problem: error instanceof Error ? error.message : String(error) },
        'workflows are not written; they wait',
      );
      this.#clock.clearTimeout(this.#timer);
      this.#timer = this.#clock.setTimeout(() => {
        this.#timer = undefined;
        this.flush();
      }, RETRY_MS);
      return;
    }
    this.#dirty.clear();
    for (const { written } of changes) written();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve(true);
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#dirty.clear();
    for (const resolve of this.#waiting.splice(0)) resolve(false);
  }
}
