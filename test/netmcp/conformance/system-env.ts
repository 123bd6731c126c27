import { randomUUID } from 'node:crypto';
import type { Env } from '../../../machines/ports.ts';

const quiet = () => undefined;

/** The real clock and a silent log, for fixtures that run as processes of their own. */
export function systemEnv(): Env {
  return {
    clock: {
      now: () => Date.now(),
      setTimeout: (fn, ms) => setTimeout(fn, ms),
      clearTimeout: (id) => clearTimeout(id as NodeJS.Timeout),
    },
    ids: { uuid: () => randomUUID() },
    random: { next: Math.random },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  };
}
