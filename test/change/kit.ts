import { SimulatedClock } from 'xstate';
import type { Clock } from '../../machines/ports.ts';
import type { Collection } from '../../src/durable/index.ts';

export const START = Date.UTC(2026, 0, 5);

/** A clock that only `increment` moves. */
export function virtualClock(): Clock & { increment(ms: number): void } {
  const clock = new SimulatedClock();
  return {
    now: () => START + clock.now(),
    setTimeout: (fn, ms) => clock.setTimeout(fn, ms),
    clearTimeout: (id) => clock.clearTimeout(id as number),
    increment: (ms) => clock.increment(ms),
  };
}

/** A collection in memory that keeps text, as the store does. */
export function memory<T>(): Collection<T> {
  const rows = new Map<string, string>();
  return {
    get: (id) => {
      const text = rows.get(id);
      return text === undefined ? undefined : (JSON.parse(text) as T);
    },
    put: (id, value) => void rows.set(id, JSON.stringify(value)),
    delete: (id) => rows.delete(id),
    list: () =>
      [...rows]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([id, text]) => ({ id, value: JSON.parse(text) as T })),
  };
}

/** Until everything that is ready has been done. */
export async function settle(turns = 3): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}
