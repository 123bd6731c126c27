import { createHash } from 'node:crypto';
import type { Clock } from '../../../machines/ports.ts';
import { digestOf } from './canonical.ts';
import type { Receipts } from './receipts.ts';

export interface Replays<T> {
  /**
   * Runs `work` once for each key; who comes again gets the first result, also while it is under way, and
   * with durable receipts also after the server was killed. `work` calls `mark` before anything leaves that
   * changes the network. A result that `keep` refuses is forgotten, so that a call that was not executed can
   * be repeated.
   * `conflict`: the key was used with other arguments. `doubt`: an execution ended in the middle.
   */
  once(
    key: string,
    args: unknown,
    options: { rerun: boolean },
    work: (mark: () => void) => Promise<T>,
  ): Promise<{ result: T; replayed: boolean } | 'conflict' | 'doubt'>;
}

/** How long a key is remembered, ms. */
const KEPT_MS = 86_400_000;
const TRIM_EVERY = 5_000;

export function createReplays<T>(options: {
  clock: Clock;
  receipts: Receipts;
  keep(result: T): boolean;
  onError(error: unknown): void;
}): Replays<T> {
  const { clock, receipts, keep, onError } = options;
  const running = new Map<string, { digest: string; result: Promise<T> }>();
  let written = 0;
  receipts.trim(clock.now());

  async function run(key: string, digest: string, work: (mark: () => void) => Promise<T>): Promise<T> {
    const until = clock.now() + KEPT_MS;
    let marked = false;
    const mark = () => {
      if (!marked) receipts.put(key, { state: 'open', digest, until });
      marked = true;
    };
    const result = await work(mark);
    try {
      if (keep(result)) receipts.put(key, { state: 'done', digest, until, result });
      else receipts.forget(key);
      written += 1;
      if (written % TRIM_EVERY === 0) receipts.trim(clock.now());
    } catch (error) {
      // The effect is done; the key stays open, so that it is not done again.
      onError(error);
    }
    return result;
  }

  return {
    async once(key, args, { rerun }, work) {
      const digest = digestOf(args);
      const now = running.get(key);
      if (now !== undefined) {
        if (now.digest !== digest) return 'conflict';
        return { result: await now.result, replayed: true };
      }
      const before = receipts.get(key);
      if (before !== undefined && before.until > clock.now()) {
        if (before.digest !== digest) return 'conflict';
        if (before.state === 'done') return { result: before.result as T, replayed: true };
        if (!rerun) return 'doubt';
      }
      const entry = { digest, result: run(key, digest, work) };
      running.set(key, entry);
      try {
        return { result: await entry.result, replayed: false };
      } finally {
        running.delete(key);
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
