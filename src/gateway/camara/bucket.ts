import type { Clock } from '../../../machines/ports.ts';

/** Clients that are remembered; the one not seen for longest goes first. */
const MAX_CLIENTS = 10_000;

/** A token bucket a client: `perMinute` at once, and as many again each minute. */
export class Bucket {
  readonly #clock: Clock;
  readonly #perMinute: number;
  readonly #left = new Map<string, { left: number; at: number }>();

  constructor(clock: Clock, perMinute: number) {
    this.#clock = clock;
    this.#perMinute = perMinute;
  }

  /** Whether one more is allowed now. */
  take(client: string): boolean {
    const now = this.#clock.now();
    const before = this.#left.get(client) ?? { left: this.#perMinute, at: now };
    const refill = (Math.max(0, now - before.at) / 60_000) * this.#perMinute;
    const left = Math.min(this.#perMinute, before.left + refill);
    this.#left.delete(client);
    this.#left.set(client, { left: left >= 1 ? left - 1 : left, at: now });
    if (this.#left.size > MAX_CLIENTS) this.#left.delete(this.#left.keys().next().value as string);
    return left >= 1;
  }
}
