import type { Log } from '../../machines/ports.ts';

/** Parts in the order of their start; stopped in reverse, each with a time limit, however many fail. */
export class Lifecycle {
  readonly #parts: Array<{ name: string; stop: () => unknown }> = [];
  readonly #log: Log;
  #stopping: Promise<void> | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Registers how to stop a part that has just started. */
  started(name: string, stop: () => unknown): void {
    this.#parts.push({ name, stop });
  }

  /** Stops everything; safe to call more than once. */
  stop(limitMs = 5_000): Promise<void> {
    this.#stopping ??= this.#stopAll(limitMs);
    return this.#stopping;
  }

  async #stopAll(limitMs: number): Promise<void> {
    for (const { name, stop } of this.#parts.reverse()) {
      const limit = Promise.withResolvers<'late'>();
      const timer = setTimeout(() => limit.resolve('late'), limitMs);
      try {
        const ended = await Promise.race([Promise.resolve().then(stop), limit.promise]);
        if (ended === 'late') this.#log.warn({ part: name, limitMs }, 'part did not stop in time');
      } catch (error) {
        this.#log.warn({ part: name, problem: String(error) }, 'part failed to stop');
      } finally {
        clearTimeout(timer);
      }
    }
  }
}
