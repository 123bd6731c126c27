import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import type { Clock, Env, Ids, Log, Random } from '../../machines/ports.ts';

/** The wall clock of this process. The only place in the project that reads ambient time. */
export const wallClock: Clock = {
  now: () => Date.now(),
  setTimeout: (fn, ms) => setTimeout(fn, ms),
  clearTimeout: (id) => clearTimeout(id as NodeJS.Timeout),
};

/** Ambient identifiers and randomness of this process. */
export const systemIds: Ids = { uuid: () => randomUUID() };
export const systemRandom: Random = { next: () => Math.random() };

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';

/** JSON lines on standard error; values under these keys are never written. */
export function createLog(level: LogLevel): Log {
  return pino(
    {
      level,
      base: undefined,
      redact: { paths: ['token', 'password', 'authorization', '*.token', '*.password', '*.authorization'] },
    },
    pino.destination({ dest: 2, sync: false }),
  );
}

/**
 * The environment of a run. Identifiers and randomness on the wire are ambient: nothing that is shown
 * or decided depends on them; what must repeat with the seed is drawn inside the network.
 */
export function createEnv(options: { level: LogLevel; clock?: Clock }): Env {
  return {
    clock: options.clock ?? wallClock,
    ids: systemIds,
    random: systemRandom,
    log: createLog(options.level),
  };
}
