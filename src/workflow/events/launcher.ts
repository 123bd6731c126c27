import type { Clock, Log } from '../../../machines/ports.ts';
import { NetAgentError } from '../../errors.ts';

/** One start of a workflow that a schedule or a trigger wants. */
export interface Fire {
  /** The same for the same occasion, also after a restart and after the clock was set back. */
  id: string;
  /** The schedule or the trigger. */
  by: string;
  workflow: string;
  /** The time for which it starts, and when that was decided. */
  due: number;
  at: number;
  /** Firings of a schedule that it stands for besides its own. */
  missed: number;
  input: unknown;
  /** Workflows that led to it; what the instance emits carries them on (`causedBy`). */
  cause: string[];
}

/**
 * Begins an instance; resolves once it exists for good. Called again with the same `fire.id`, it gives the instance that
 * there is. `ended` settles when the instance has ended, in whatever way. What rejects with an error that is not
 * terminal is tried again.
 */
export type StartWorkflow = (
  workflow: string,
  input: unknown,
  fire: Fire,
) => Promise<{ ended: Promise<unknown> }>;

/** A start that is recorded. */
export interface Recorded {
  fire: Fire;
  /** How often it was tried in vain. */
  attempts: number;
  /** What the record waits for. */
  until: 'begun' | 'ended';
  /** Takes it out of the record; false if that could not be written. */
  finish(): boolean;
  /** Notes that it was tried in vain; false if nobody wants it any more. */
  failed(attempts: number): boolean;
}

export interface Launcher {
  /** Starts what is recorded, and again until it has begun; one that is under way is left alone. */
  launch(recorded: Recorded): void;
  close(): void;
}

const RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;
const MAX_ATTEMPTS = 10;

/** Carries recorded starts out. After `close` no record is touched: what was under way is started again by the next. */
export function createLauncher({
  clock,
  log,
  start,
}: {
  clock: Clock;
  log: Log;
  start: StartWorkflow;
}): Launcher {
  const underWay = new Set<string>();
  const timers = new Set<unknown>();
  let closed = false;

  const later = (fn: () => void, ms: number) => {
    const handle = clock.setTimeout(() => {
      timers.delete(handle);
      fn();
    }, ms);
    timers.add(handle);
  };
  const finish = (recorded: Recorded) => {
    if (!closed && !recorded.finish()) later(() => finish(recorded), MAX_RETRY_MS);
  };
  const attempt = async (recorded: Recorded): Promise<void> => {
    const { fire, attempts, until } = recorded;
    if (closed || underWay.has(fire.id)) return;
    underWay.add(fire.id);
    try {
      const { ended } = await start(fire.workflow, fire.input, fire);
      // An instance that faults has ended too; why is not of interest here.
      const over = ended.catch((error) => {
        if (interrupted(error)) throw error;
      });
      if (until === 'ended') await over;
      else over.catch(() => {});
      finish(recorded);
    } catch (error) {
      // An engine that closes ends nothing: it goes on with the next one.
      if (interrupted(error)) return;
      const fields = { by: fire.by, fire: fire.id, problem: String(error) };
      const terminal = error instanceof NetAgentError && error.class === 'terminal';
      if (terminal || attempts + 1 >= MAX_ATTEMPTS) {
        log.error(fields, 'a workflow could not be started');
        finish(recorded);
      } else if (!closed) {
        log.warn(fields, 'a workflow could not be started yet');
        if (!recorded.failed(attempts + 1)) return;
        const again = { ...recorded, attempts: attempts + 1 };
        later(() => void attempt(again), Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** attempts));
      }
    } finally {
      underWay.delete(fire.id);
    }
  };
  return {
    launch: (recorded) => void attempt(recorded),
    close() {
      closed = true;
      for (const handle of timers) clock.clearTimeout(handle);
    },
  };
}

const interrupted = (error: unknown) => (error as { code?: unknown } | null)?.code === 'WORKFLOW_INTERRUPTED';
