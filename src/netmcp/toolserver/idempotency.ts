import { createHash } from 'node:crypto';
import type { Clock } from '../../../machines/ports.ts';

export interface Replays<T> {
  /**
   * Runs `work` once for each key; who comes again gets the first result, also while it is under way.
   * A result that `keep` refuses is forgotten, so that a call that was not executed can be repeated.
   * `conflict`: the key was used with other arguments.
   */
  once(
    key: string,
    args: unknown,
    work: () => Promise<T>,
  ): Promise<{ result: T; replayed: boolean } | 'conflict'>;
}

interface Kept<T> {
  digest: string;
  result: Promise<T>;
  until: number;
}

/** Results by idempotency key, for an hour, the last 10 000 of them. */
export function createReplays<T>(clock: Clock, keep: (result: T) => boolean): Replays<T> {
  const kept = new Map<string, Kept<T>>();
  return {
    async once(key, args, work) {
      const digest = createHash('sha256').update(JSON.stringify(args)).digest('hex');
      const before = kept.get(key);
      if (before !== undefined && before.until > clock.now()) {
        if (before.digest !== digest) return 'conflict';
        return { result: await before.result, replayed: true };
      }
      const entry: Kept<T> = { digest, result: work(), until: clock.now() + 3_600_000 };
      kept.set(key, entry);
      if (kept.size > 10_000) kept.delete(kept.keys().next().value as string);
      const forget = () => {
        if (kept.get(key) === entry) kept.delete(key);
      };
      try {
        const result = await entry.result;
        if (!keep(result)) forget();
        return { result, replayed: false };
      } catch (error) {
        forget();
        throw error;
      }
    },
  };
}

/** A UUID made of the key: every execution under one key names the same resource. */
export function uuidOf(key: string): string {
  const hex = createHash('sha256').update(key).digest('hex');
  const variant = ((Number.parseInt(hex[16] as string, 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
