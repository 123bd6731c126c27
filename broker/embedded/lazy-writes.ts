import type { Clock } from '../../machines/ports.ts';
import type { Delivery } from './delivery-queue.ts';

/** Milliseconds in which a message for a connected client is usually acknowledged and never written. */
const LAZY_MS = 20;

/** Deliveries to connected clients that are written a moment later, if they still are there by then. */
export class LazyWrites {
  readonly #clock: Clock;
  readonly #store: (delivery: Delivery) => void;
  readonly #waiting = new Set<Delivery>();
  #timer: unknown;

  /** `store` writes one; it takes it out of here by `delete`. */
  constructor(clock: Clock, store: (delivery: Delivery) => void) {
    this.#clock = clock;
    this.#store = store;
  }

  add(delivery: Delivery): void {
    this.#waiting.add(delivery);
    this.#timer ??= this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.flush();
    }, LAZY_MS);
  }

  delete(delivery: Delivery): void {
    this.#waiting.delete(delivery);
  }

  /** Writes at once what waits, of one client or of all. */
  flush(client?: string): void {
    for (const delivery of this.#waiting)
      if (client === undefined || delivery.client === client) this.#store(delivery);
  }

  close(): void {
    this.#clock.clearTimeout(this.#timer);
    this.flush();
  }
}
