import type { Clock } from '../../../machines/ports.ts';

/** Missed beats after which an NF counts as failed: "longer than the heart-beat interval". */
const MISSED = 2;

/** Supervises the heart-beats of NFs that named an interval (TS 29.510 5.2.2.3.2). */
export class HeartBeats {
  readonly #clock: Clock;
  readonly #onMissed: (id: string) => void;
  readonly #timers = new Map<string, unknown>();

  constructor(clock: Clock, onMissed: (id: string) => void) {
    this.#clock = clock;
    this.#onMissed = onMissed;
  }

  /** A beat of `id`; the next one is due within `seconds`, or never where none are given. */
  heard(id: string, seconds: number | undefined): void {
    this.stop(id);
    if (seconds === undefined) return;
    const timer = this.#clock.setTimeout(
      () => {
        this.#timers.delete(id);
        this.#onMissed(id);
      },
      seconds * 1000 * MISSED,
    );
    if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as NodeJS.Timeout).unref();
    this.#timers.set(id, timer);
  }

  stop(id: string): void {
    this.#clock.clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  close(): void {
    for (const id of [...this.#timers.keys()]) this.stop(id);
  }
}
