import type { Clock } from '../../../machines/ports.ts';

export interface Meter {
  /** Waits for a place. Null: the queue is full, nobody was let in. */
  enter(): Promise<() => void> | null;
  /** 0..100. */
  load(): number;
  inFlight(): number;
  queue(): number;
  /** 95th percentile of the last calls, ms. */
  p95Ms(): number;
  /** Fixes the load that is reported, for drills; null measures again. */
  force(load: number | null): void;
}

/**
 * Own load of a tool server: calls in flight against the number that it works on at once. Past that,
 * callers wait in a queue; past the queue they are refused.
 */
export function createMeter(clock: Clock, limits: { parallel: number; queue: number }): Meter {
  const waiting: Array<() => void> = [];
  const times: number[] = [];
  let active = 0;
  let forced: number | null = null;

  const place = () => {
    active += 1;
    const began = clock.now();
    let left = false;
    return () => {
      if (left) return;
      left = true;
      active -= 1;
      times.push(clock.now() - began);
      if (times.length > 200) times.shift();
      waiting.shift()?.();
    };
  };

  return {
    enter() {
      if (forced !== null && forced >= 100) return null;
      if (active < limits.parallel) return Promise.resolve(place());
      if (waiting.length >= limits.queue) return null;
      return new Promise((resolve) => waiting.push(() => resolve(place())));
    },
    load() {
      if (forced !== null) return forced;
      const busy = active / limits.parallel;
      const queued = limits.queue === 0 ? 0 : waiting.length / limits.queue;
      // A full floor is 80 percent; the queue fills the rest.
      return Math.min(100, Math.round(busy * 80 + queued * 20));
    },
    inFlight: () => active,
    queue: () => waiting.length,
    p95Ms() {
      if (times.length === 0) return 0;
      const sorted = [...times].sort((a, b) => a - b);
      return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))] as number;
    },
    force(load) {
      forced = load;
    },
  };
}
