import type { Clock } from '../../../machines/ports.ts';

export interface VirtualClock extends Clock {
  /** Moves to the next timer and fires it alone; false if there is none. */
  step(): boolean;
  /** Timers that are armed. */
  pending(): number;
}

/** A clock that stands still until `step`: timers fire one by one, in the order of time, then of arming. */
export function virtualClock(start = 0): VirtualClock {
  let now = start;
  let count = 0;
  const timers = new Map<number, { at: number; fn: () => void }>();
  return {
    now: () => now,
    setTimeout(fn, ms) {
      count += 1;
      timers.set(count, { at: now + Math.max(0, ms), fn });
      return count;
    },
    clearTimeout: (id) => void timers.delete(id as number),
    pending: () => timers.size,
    step() {
      let next: [number, { at: number; fn: () => void }] | undefined;
      for (const entry of timers) if (next === undefined || entry[1].at < next[1].at) next = entry;
      if (next === undefined) return false;
      timers.delete(next[0]);
      now = Math.max(now, next[1].at);
      next[1].fn();
      return true;
    },
  };
}

/** Resolves after `ms` of `clock`; rejects with the reason of `signal` as soon as that aborts. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const abort = () => {
      clock.clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = clock.setTimeout(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal.addEventListener('abort', abort, { once: true });
  });
}

/** Until everything that waits for nothing but promises has gone on. */
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
