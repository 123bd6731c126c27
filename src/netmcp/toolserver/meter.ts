import type { Clock } from '../../../machines/ports.ts';

export interface Meter {
  /** Waits for a place. Null: the queue is full, nobody was let in. */
  enter(): Promise<() => void> | null;
  /** 0..100. */
  load(): number;
  inFlight(): number;
  queue(): number;
  /** 95th percentile of the calls that ended in the last 10 s, at most 200, ms. */
  p95Ms(): number;
  /** Fixes the load that is reported, for drills; null measures again. */
  force(load: number | null): void;
  forced(): number | null;
}

const WINDOW_MS = 10_000;
const SAMPLES = 200;
/** A load that moved so far since it was last told is told at once. */
const STEP = 15;

/**
 * Own load of a tool server: calls in flight against the number that it works on at once. Past that,
 * callers wait in a queue; past the queue they are refused. `onStep` is called where the load has moved
 * far; what it returns tells when the next call is wanted.
 */
export function createMeter(
  clock: Clock,
  limits: { parallel: number; queue: number },
  onStep: () => Promise<unknown> = async () => {},
): Meter {
  const waiting: Array<() => void> = [];
  const times: Array<{ at: number; ms: number }> = [];
  let active = 0;
  let forced: number | null = null;
  let told = 0;
  let telling = false;

  function measured(): number {
    const busy = active / limits.parallel;
    const queued = limits.queue === 0 ? 0 : waiting.length / limits.queue;
    // A full floor is 80 percent; the queue fills the rest.
    return Math.min(100, Math.round(busy * 80 + queued * 20));
  }

  function watch(): void {
    const now = measured();
    if (telling || forced !== null || Math.abs(now - told) < STEP) return;
    told = now;
    telling = true;
    void onStep().finally(() => {
      telling = false;
      watch();
    });
  }

  const place = (began: number) => {
    active += 1;
    watch();
    let left = false;
    return () => {
      if (left) return;
      left = true;
      active -= 1;
      times.push({ at: clock.now(), ms: clock.now() - began });
      if (times.length > SAMPLES) times.shift();
      waiting.shift()?.();
      watch();
    };
  };

  return {
    enter() {
      if (forced !== null && forced >= 100) return null;
      const began = clock.now();
      if (active < limits.parallel) return Promise.resolve(place(began));
      if (waiting.length >= limits.queue) return null;
      const turn = new Promise<() => void>((resolve) => waiting.push(() => resolve(place(began))));
      watch();
      return turn;
    },
    load: () => forced ?? measured(),
    inFlight: () => active,
    queue: () => waiting.length,
    p95Ms() {
      const since = clock.now() - WINDOW_MS;
      while (times[0] !== undefined && times[0].at < since) times.shift();
      if (times.length === 0) return 0;
      const sorted = times.map(({ ms }) => ms).sort((a, b) => a - b);
      return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))] as number;
    },
    force(load) {
      forced = load;
    },
    forced: () => forced,
  };
}
