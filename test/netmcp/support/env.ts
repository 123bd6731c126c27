import { SimulatedClock } from 'xstate';
import type { Env } from '../../../machines/ports.ts';

export interface TestEnv extends Env {
  /** Moves the virtual clock, in ms. */
  pass(ms: number): void;
  lines: Array<{ fields: object; message: string }>;
}

/** A virtual clock that only a test moves, counted ids, and a log to look into. */
export function testEnv(): TestEnv {
  const clock = new SimulatedClock();
  let ids = 0;
  const lines: TestEnv['lines'] = [];
  const write = (fields: object, message: string) => void lines.push({ fields, message });
  return {
    clock: {
      now: () => clock.now(),
      setTimeout: (fn, ms) => clock.setTimeout(fn, ms),
      clearTimeout: (id) => clock.clearTimeout(id as number),
    },
    ids: {
      uuid() {
        ids += 1;
        return `00000000-0000-4000-8000-${String(ids).padStart(12, '0')}`;
      },
    },
    random: { next: () => 0.5 },
    log: { debug: write, info: write, warn: write, error: write },
    pass: (ms) => clock.increment(ms),
    lines,
  };
}

/** Waits until `check` gives something, over real I/O. */
export async function until<T>(check: () => T | undefined | false | null, tries = 2_000): Promise<T> {
  for (let i = 0; i < tries; i += 1) {
    const value = check();
    if (value !== undefined && value !== false && value !== null) return value;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('what was waited for did not come');
}
