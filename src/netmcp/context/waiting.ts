import type { Clock } from '../../../machines/ports.ts';
import { beyond } from './meta.ts';

/** Those who wait for a context to change. */
export interface Waiting {
  /** Resolves at the next change of the context, after `ms`, or on abort. @throws RpcError -32014 */
  change(contextId: string, ms: number, signal: AbortSignal): Promise<void>;
  /** Wakes whoever waits for the context. */
  wake(contextId: string): void;
  wakeAll(): void;
}

export function createWaiting(clock: Clock, max: number): Waiting {
  const waiting = new Map<string, Set<() => void>>();
  return {
    change(contextId, ms, signal) {
      const there = waiting.get(contextId) ?? new Set();
      if (there.size >= max) throw beyond('watchers', max);
      waiting.set(contextId, there);
      return new Promise((resolve) => {
        const finish = () => {
          clock.clearTimeout(timer);
          signal.removeEventListener('abort', finish);
          there.delete(finish);
          if (there.size === 0 && waiting.get(contextId) === there) waiting.delete(contextId);
          resolve();
        };
        const timer = clock.setTimeout(finish, ms);
        there.add(finish);
        signal.addEventListener('abort', finish, { once: true });
        if (signal.aborted) finish();
      });
    },
    wake(contextId) {
      for (const finish of [...(waiting.get(contextId) ?? [])]) finish();
    },
    wakeAll() {
      for (const there of [...waiting.values()]) for (const finish of [...there]) finish();
    },
  };
}
