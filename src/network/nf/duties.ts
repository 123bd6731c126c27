import type { Log } from '../../../machines/ports.ts';

/** Work that functions owe each other and their subscribers after an event of the network. */
export class Duties {
  readonly #log: Log;
  readonly #open = new Set<Promise<void>>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Takes on a duty. A failure is logged: whoever was owed is gone or refused. */
  owe(what: string, work: () => Promise<unknown>): void {
    const duty = work()
      .then(
        () => undefined,
        (error: unknown) => this.#log.warn({ what, problem: String(error) }, 'network duty failed'),
      )
      .finally(() => this.#open.delete(duty));
    this.#open.add(duty);
  }

  /** Resolves when nothing is owed, also what a duty brought with it. */
  async settled(): Promise<void> {
    while (this.#open.size > 0) await Promise.all([...this.#open]);
  }
}
