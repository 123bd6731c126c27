import { afterEach } from 'vitest';
import type { Clock, Env } from '../../machines/ports.ts';

const silent = () => undefined;

/** A clock that stands still until a test moves it. */
export class TestClock implements Clock {
  #now = 0;
  #timers: Array<{ at: number; fn: () => void }> = [];

  now(): number {
    return this.#now;
  }

  setTimeout(fn: () => void, ms: number): unknown {
    const timer = { at: this.#now + ms, fn };
    this.#timers.push(timer);
    return timer;
  }

  clearTimeout(id: unknown): void {
    this.#timers = this.#timers.filter((timer) => timer !== id);
  }

  pending(): number {
    return this.#timers.length;
  }

  advance(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter((timer) => timer.at <= this.#now);
    this.#timers = this.#timers.filter((timer) => timer.at > this.#now);
    for (const timer of due) timer.fn();
  }
}

export function testEnv(): Env & { clock: TestClock; errors: string[] } {
  const errors: string[] = [];
  let ids = 0;
  return {
    clock: new TestClock(),
    errors,
    ids: { uuid: () => `00000000-0000-4000-8000-${String(++ids).padStart(12, '0')}` },
    random: { next: () => 0.5 },
    log: {
      debug: silent,
      info: silent,
      warn: silent,
      error: (fields, message) => errors.push(`${message} ${JSON.stringify(fields)}`),
    },
  };
}

const open: Array<{ close(): Promise<void> }> = [];

/** Closes what a test opened, last first, after it. */
export function closing<T extends { close(): Promise<void> }>(thing: T): T {
  open.push(thing);
  return thing;
}

afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});
