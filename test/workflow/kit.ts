import { SimulatedClock } from 'xstate';
import type { Clock, Env } from '../../machines/ports.ts';
import { wallClock } from '../../src/runtime/env.ts';

const quiet = () => {};

/** Wall time for limits, counted ids, silent log. */
export function testEnv(): Env {
  let count = 0;
  return {
    clock: wallClock,
    ids: {
      uuid: () => {
        count += 1;
        return `id-${count}`;
      },
    },
    random: { next: () => 0.5 },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  };
}

/** A clock that stands still until it is moved. */
export function simulatedClock(): Clock & { increment(ms: number): void } {
  const clock = new SimulatedClock();
  return {
    now: () => clock.now(),
    setTimeout: (fn, ms) => clock.setTimeout(fn, ms),
    clearTimeout: (id) => clock.clearTimeout(id as number),
    increment: (ms) => clock.increment(ms),
  };
}

export const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
