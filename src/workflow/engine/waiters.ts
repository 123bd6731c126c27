import type { InstanceRow } from './ledger.ts';
import { answer, type Waiter } from './view.ts';

/** Who waits for the end of which instance. */
export class Waiters {
  readonly #waiting = new Map<string, Waiter[]>();

  add(id: string, waiter: Waiter): void {
    this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), waiter]);
  }

  /** An instance ended. */
  answer(row: InstanceRow): void {
    for (const waiter of this.#waiting.get(row.id) ?? []) answer(row, waiter);
    this.#waiting.delete(row.id);
  }

  refuse(error: (id: string) => unknown): void {
    for (const [id, waiting] of this.#waiting) for (const { reject } of waiting) reject(error(id));
    this.#waiting.clear();
  }
}
