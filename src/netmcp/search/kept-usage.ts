import { z } from 'zod';
import type { Env } from '../../../machines/ports.ts';
import type { Usage } from './usage.ts';

/** Where what was learnt of use outlives the process: a collection of the runtime's store. */
export interface UsageStore {
  put(client: string, value: unknown): void;
  delete(client: string): boolean;
  list(): Array<{ id: string; value: unknown }>;
}

/** What is known of one client, as it is kept: pairs instead of maps. */
export interface Remembered {
  /** Tool, decayed uses, time of the last. */
  uses: Array<[string, number, number]>;
  /** Word, then tool and how often. */
  words: Array<[string, Array<[string, number]>]>;
  met: Array<[string, number]>;
  /** When the client was last heard of, ms. */
  at: number;
}

const amount = z.number().min(0);
const rememberedSchema: z.ZodType<Remembered> = z.object({
  uses: z.array(z.tuple([z.string(), amount, z.number()])),
  words: z.array(z.tuple([z.string(), z.array(z.tuple([z.string(), amount]))])),
  met: z.array(z.tuple([z.string(), amount])),
  at: z.number(),
});

/** What is learnt is written so much later, off the path of the call: a killed process loses that much. */
const WRITE_MS = 500;
/** Clients that are written at once; the next ones when as much time has passed again. */
const MAX_WRITES = 16;

export interface KeptUsage {
  /** Something was learnt of the client. */
  touched(client: string): void;
  /** Writes what is not written yet. */
  close(): void;
}

/** Fills the usage with what the store has, and brings there what is learnt from now on. */
export function keepUsage(env: Pick<Env, 'clock' | 'log'>, usage: Usage, store: UsageStore): KeptUsage {
  const { clock, log } = env;
  const dirty = new Set<string>();
  let timer: unknown = null;

  const read = store.list().map(({ id, value }) => ({ id, read: rememberedSchema.safeParse(value) }));
  for (const { id, read: one } of read.sort((a, b) => (a.read.data?.at ?? 0) - (b.read.data?.at ?? 0))) {
    if (one.success) usage.restore(id, one.data);
    else log.warn({ client: id }, 'what was learnt of a client could not be read, and is forgotten');
  }
  // Also those for whom there is no room any more.
  for (const { id } of read) if (usage.remembered(id) === undefined) store.delete(id);

  /** Writes so many clients. What the store does not take is tried again with what is learnt next. */
  function write(most: number): void {
    timer = null;
    for (const client of [...dirty].slice(0, most)) {
      dirty.delete(client);
      const remembered = usage.remembered(client);
      try {
        if (remembered === undefined) store.delete(client);
        else store.put(client, remembered);
      } catch (error) {
        log.warn({ client, error: String(error) }, 'what was learnt of a client is not kept');
      }
    }
    if (dirty.size > 0) timer ??= clock.setTimeout(() => write(MAX_WRITES), WRITE_MS);
  }

  return {
    touched(client) {
      dirty.add(client);
      timer ??= clock.setTimeout(() => write(MAX_WRITES), WRITE_MS);
    },
    close() {
      if (timer !== null) clock.clearTimeout(timer);
      write(Number.POSITIVE_INFINITY);
    },
  };
}
