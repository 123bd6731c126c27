import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../../machines/ports.ts';
import type { Collection } from '../../durable/index.ts';
import { fail } from '../../errors.ts';
import type { ApprovalView } from '../../gateway/index.ts';
import { durationMs, type FunctionContext } from '../../workflow/index.ts';

const input = z.strictObject({
  title: z.string().min(1).max(500),
  /** What is to be done; the decision is bound to it. */
  plan: z.unknown(),
  /** How long it is waited for; ISO 8601 or an object of days to milliseconds. */
  within: z.unknown().default('PT24H'),
});

export interface ApprovalRecord extends ApprovalView {
  decision: 'approve' | 'reject' | null;
}

type Verdict = 'approve' | 'reject';

/** Wall time after which a decision that nobody came for is forgotten, ms. */
const KEPT = 7 * 86_400_000;

/**
 * Decisions of a human that workflows wait for (`approve:1.0.0@default`). A request is kept under the key of its step
 * before it is shown, a decision before it counts; both are bound to the SHA-256 of the plan.
 */
export function openApprovals({ clock, records }: { clock: Clock; records: Collection<ApprovalRecord> }) {
  const waiting = new Map<string, () => void>();
  for (const { id, value } of records.list()) if (value.expiresAt + KEPT < clock.now()) records.delete(id);

  const wait = (id: string, ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const done = () => {
        waiting.delete(id);
        clock.clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = clock.setTimeout(done, Math.min(ms, 2_147_483_647));
      signal.addEventListener('abort', done, { once: true });
      waiting.set(id, done);
    });

  return {
    /**
     * Waits for the decision on a plan. Gives `{approved: true, hash}`.
     * @throws WORKFLOW_REJECTED if it was refused or nobody decided in time
     */
    async approve(
      given: unknown,
      { idempotencyKey: id, instanceId, signal, waiting: apart = (work) => work() }: FunctionContext,
    ) {
      const read = input.safeParse(given);
      if (!read.success)
        throw fail('WORKFLOW_REJECTED', { title: 'It', problem: z.prettifyError(read.error) });
      const { title, plan, within } = read.data;
      const now = clock.now();
      const hash = createHash('sha256')
        .update(JSON.stringify(plan ?? null))
        .digest('hex');
      const known = records.get(id);
      const record: ApprovalRecord =
        known?.hash === hash
          ? known
          : {
              id,
              instance: instanceId,
              title,
              plan: plan ?? null,
              hash,
              requestedAt: now,
              expiresAt: now + durationMs(within),
              decision: null,
            };
      if (record !== known) records.put(id, record);
      while (records.get(id)?.decision === null && clock.now() < record.expiresAt && !signal.aborted) {
        await apart(() => wait(id, record.expiresAt - clock.now(), signal));
      }
      signal.throwIfAborted();
      const decision = records.get(id)?.decision ?? null;
      if (decision === 'approve') return { approved: true, hash };
      const problem = decision === null ? 'nobody decided in time' : 'the operator refused';
      throw fail('WORKFLOW_REJECTED', { title, problem });
    },
    /** Those that wait for a decision. */
    list: (): ApprovalView[] =>
      records
        .list()
        .filter(({ value }) => value.decision === null && value.expiresAt > clock.now())
        .map(({ value: { decision: _, ...view } }) => view),
    /** @throws WORKFLOW_APPROVAL_UNKNOWN for another plan too */
    decide(id: string, verdict: Verdict, hash: string): void {
      const record = records.get(id);
      const late = record !== undefined && record.expiresAt <= clock.now();
      if (record === undefined || late || record.decision !== null || record.hash !== hash) {
        throw fail('WORKFLOW_APPROVAL_UNKNOWN', { id });
      }
      records.put(id, { ...record, decision: verdict });
      waiting.get(id)?.();
    },
    /** Ids of those that an instance asked for. */
    of: (instance: string): string[] =>
      records
        .list()
        .filter(({ value }) => value.instance === instance)
        .map(({ id }) => id),
    forget: (id: string) => void records.delete(id),
    /** Of an instance that ended: nobody asks for it any more. */
    drop(instance: string): void {
      for (const { id, value } of records.list()) if (value.instance === instance) records.delete(id);
    },
  };
}
