import type { Env } from '../../../machines/ports.ts';
import { RpcError } from '../session/rpc-error.ts';
import type { Identity } from '../session/server-session.ts';
import type { Contexts } from './contexts.ts';
import { publish } from './queue.ts';
import { advance, type Due, dueNow, nextDue, postpone, type Schedule, takeDue } from './schedule.ts';

/** Calls a tool for a schedule; throws where no answer came, so that it is tried again. */
export type ScheduledCall = (call: {
  identity: Identity;
  tool: string;
  arguments: Record<string, unknown>;
  serverId: string | undefined;
  contextId: string;
  idempotencyKey: string;
  signal: AbortSignal;
}) => Promise<object>;

export interface Scheduler {
  /** Looks at the clock again: something was scheduled. */
  heed(): void;
  close(): void;
}

/** How long a call of a schedule is waited for before it counts as failed, ms. */
const CALL_TIME = 60_000;

/**
 * Fires what is due in the contexts that this server owns, and in those whose owner is gone. A message is
 * published in the transaction that moves the schedule on: never lost, never twice. A tool is called at
 * least once, under one idempotency key for each firing.
 */
export function createScheduler(options: {
  env: Env;
  contexts: Contexts;
  call: ScheduledCall;
  /** Between two looks at the contexts of others, ms. */
  lookMs: number;
}): Scheduler {
  const { env, contexts, lookMs } = options;
  const { clock } = env;
  const calling = new Map<string, AbortController>();
  let timer: unknown;
  let closed = false;

  function look(): void {
    clock.clearTimeout(timer);
    if (closed) return;
    for (const due of contexts.rows((rows) => dueNow(rows, clock.now()))) fire(due);
    const next = contexts.rows((rows) => nextDue(rows, clock.now()));
    const wait = Math.min(lookMs, next === undefined ? lookMs : next - clock.now());
    timer = clock.setTimeout(look, Math.max(1, wait));
    if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as NodeJS.Timeout).unref();
  }

  function fire({ contextId, scheduleId }: Due): void {
    const key = `${contextId} ${scheduleId}`;
    if (calling.has(key)) return;
    try {
      contexts.claim(contextId, false);
      const taken = contexts.within(contextId, null, (tx) => {
        const schedule = takeDue(tx, scheduleId, CALL_TIME * 2);
        if (schedule?.action.kind !== 'publish') return schedule;
        const { queue, message } = schedule.action;
        try {
          publish(tx, queue, message);
        } catch (error) {
          if (!(error instanceof RpcError)) throw error;
          postpone(tx, scheduleId, schedule.firing, error.message);
          return undefined;
        }
        advance(tx, scheduleId, schedule.firing);
        return undefined;
      });
      if (taken !== undefined) void work(contextId, taken, key);
    } catch (error) {
      // Owned by another server, which fires it; or the context has ended.
      if (!(error instanceof RpcError))
        env.log.error({ contextId, scheduleId, error: String(error) }, 'schedule not fired');
    }
  }

  async function work(contextId: string, schedule: Schedule, key: string): Promise<void> {
    const { scheduleId, action, firing } = schedule;
    if (action.kind !== 'call') return;
    const controller = new AbortController();
    calling.set(key, controller);
    const limit = clock.setTimeout(() => controller.abort(new Error('no answer in time')), CALL_TIME);
    const settle = (change: Parameters<typeof contexts.within<void>>[2]) => {
      try {
        contexts.within(contextId, null, change);
      } catch (error) {
        // Another owner fires it again, under the same idempotency key.
        env.log.warn(
          { contextId, scheduleId, error: String(error) },
          'the outcome of a schedule is not kept',
        );
      }
    };
    try {
      const outcome = await options.call({
        identity: schedule.identity,
        tool: action.tool,
        arguments: action.arguments,
        serverId: action.serverId,
        contextId,
        idempotencyKey: `${contextId}/${scheduleId}/${firing}`,
        signal: controller.signal,
      });
      settle((tx) => {
        if (action.queue !== undefined) publish(tx, action.queue, { scheduleId, firing, ...outcome });
        advance(tx, scheduleId, firing);
      });
    } catch (error) {
      if (!closed)
        settle((tx) => postpone(tx, scheduleId, firing, error instanceof Error ? error.message : 'failed'));
    } finally {
      clock.clearTimeout(limit);
      calling.delete(key);
      if (!closed) look();
    }
  }

  look();
  return {
    heed: look,
    close() {
      closed = true;
      clock.clearTimeout(timer);
      for (const controller of calling.values()) controller.abort(new Error('the server closes'));
    },
  };
}
