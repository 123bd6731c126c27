import type { ScheduleAction } from '../schema/index.ts';
import type { Identity } from '../session/server-session.ts';
import { setKey } from './keys.ts';
import { beyond, grow, sizeOf, type Tx } from './meta.ts';
import type { ContextRows } from './store.ts';

export interface Schedule {
  scheduleId: string;
  /** For whom tools are called. */
  identity: Identity;
  action: ScheduleAction;
  /** When it should fire by its plan; the time of an attempt may be later. */
  planned: number;
  /** Where its row in the index of due times is. */
  dueAt: number;
  every: number | null;
  /** Firings left; null = until it is cancelled. */
  left: number | null;
  retries: { max: number; backoffMs: number };
  /** Failed attempts of this firing. */
  failed: number;
  /** Number of this firing, for its idempotency key. */
  firing: number;
  bytes: number;
}

export interface Due {
  contextId: string;
  scheduleId: string;
}

const dueKey = (dueAt: number, { contextId, scheduleId }: Due) =>
  `${String(Math.round(dueAt)).padStart(16, '0')} ${contextId} ${scheduleId}`;
const timeOf = (key: string) => Number(key.slice(0, 16));

const find = ({ rows, meta }: Tx, id: string) => rows.get<Schedule>(meta.contextId, 'schedule', id);

function place(tx: Tx, schedule: Schedule): void {
  const due = { contextId: tx.meta.contextId, scheduleId: schedule.scheduleId };
  tx.rows.put(due.contextId, 'schedule', schedule.scheduleId, schedule);
  tx.rows.put('', 'due', dueKey(schedule.dueAt, due), due);
}

const unplace = ({ rows, meta }: Tx, { dueAt, scheduleId }: Schedule) =>
  rows.delete('', 'due', dueKey(dueAt, { contextId: meta.contextId, scheduleId }));

export interface Plan {
  scheduleId: string;
  at?: number | undefined;
  after?: number | undefined;
  every?: number | undefined;
  count?: number | undefined;
  action: ScheduleAction;
  retries: { max: number; backoffMs: number };
}

/** @throws RpcError -32014 */
export function addSchedule(tx: Tx, plan: Plan, identity: Identity): { scheduleId: string; dueAt: number } {
  cancelSchedule(tx, plan.scheduleId);
  if (tx.meta.schedules >= tx.limits.schedules) throw beyond('schedules', tx.limits.schedules);
  const bytes = sizeOf(tx, plan.scheduleId, plan.action);
  grow(tx, bytes);
  tx.meta.schedules += 1;
  const dueAt = plan.at ?? tx.now + (plan.after ?? plan.every ?? 0);
  place(tx, {
    scheduleId: plan.scheduleId,
    identity,
    action: plan.action,
    planned: dueAt,
    dueAt,
    every: plan.every ?? null,
    left: plan.every === undefined ? 1 : (plan.count ?? null),
    retries: plan.retries,
    failed: 0,
    firing: 1,
    bytes,
  });
  return { scheduleId: plan.scheduleId, dueAt };
}

export function cancelSchedule(tx: Tx, scheduleId: string): { cancelled: boolean } {
  const found = find(tx, scheduleId);
  if (found === undefined) return { cancelled: false };
  unplace(tx, found);
  tx.rows.delete(tx.meta.contextId, 'schedule', scheduleId);
  tx.meta.schedules -= 1;
  tx.meta.bytes -= found.bytes;
  return { cancelled: true };
}

/** Removes all of a context that the index of due times knows, before its rows go. */
export function dropSchedules(rows: ContextRows, contextId: string): void {
  for (const { value } of rows.list<Schedule>(contextId, 'schedule'))
    rows.delete('', 'due', dueKey(value.dueAt, { contextId, scheduleId: value.scheduleId }));
}

/** What is due, the oldest first. */
export function dueNow(rows: ContextRows, now: number): Due[] {
  return rows
    .list<Due>('', 'due', { limit: 1_000 })
    .filter(({ key }) => timeOf(key) <= now)
    .map(({ value }) => value);
}

/** When the first schedule after `now` is due. */
export function nextDue(rows: ContextRows, now: number): number | undefined {
  return rows
    .list('', 'due', { limit: 1_000 })
    .map(({ key }) => timeOf(key))
    .find((at) => at > now);
}

/** The schedule, if it is due; with `hideMs` it is hidden from the index for that long. */
export function takeDue(tx: Tx, scheduleId: string, hideMs: number): Schedule | undefined {
  const found = find(tx, scheduleId);
  if (found === undefined || found.dueAt > tx.now) return undefined;
  unplace(tx, found);
  const taken = { ...found, dueAt: tx.now + hideMs };
  place(tx, taken);
  return taken;
}

/** A firing has been done: the next one is planned, or the schedule goes. Missed times are not made up. */
export function advance(tx: Tx, scheduleId: string, firing: number): void {
  const found = find(tx, scheduleId);
  if (found === undefined || found.firing !== firing) return;
  const left = found.left === null ? null : found.left - 1;
  if (left === 0 || found.every === null) {
    cancelSchedule(tx, scheduleId);
    return;
  }
  unplace(tx, found);
  const periods = Math.max(1, Math.ceil((tx.now + 1 - found.planned) / found.every));
  const planned = found.planned + periods * found.every;
  place(tx, { ...found, left, planned, dueAt: planned, failed: 0, firing: firing + 1 });
}

/** A firing failed: again after a back-off, or given up, which `$schedule/<id>` then says. */
export function postpone(tx: Tx, scheduleId: string, firing: number, problem: string): void {
  const found = find(tx, scheduleId);
  if (found === undefined || found.firing !== firing) return;
  const failed = found.failed + 1;
  if (failed > found.retries.max) {
    try {
      setKey(tx, `$schedule/${scheduleId}`, { firing, problem: problem.slice(0, 500), at: tx.now });
    } catch {
      // A context that is full cannot hold the note; the schedule goes on all the same.
    }
    advance(tx, scheduleId, firing);
    return;
  }
  unplace(tx, found);
  place(tx, { ...found, failed, dueAt: tx.now + found.retries.backoffMs * 2 ** (failed - 1) });
}
