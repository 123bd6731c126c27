import { durationMs } from '../engine/duration.ts';
import { MAX_CHAIN } from './cause.ts';
import type { Fire } from './launcher.ts';
import type { Trigger } from './trigger.ts';

/** What is kept of a trigger; JSON. */
export interface TriggerRecord {
  /** Instances that it started and that have not ended, as far as is known. */
  running: Array<{ fire: Fire; key: string | null; attempts: number }>;
  /** Times of its latest starts, those within `rate.per`. */
  started: number[];
  /** Time of the latest start of each key, those within `cooldown`; the key null stands under "". */
  keys: Record<string, number>;
  /** Events that started something: they may come again after a restart. */
  recent: string[];
}

/** Why an event that a trigger is about starts nothing. */
export type Refusal = 'repeated' | 'loop' | 'running' | 'cooldown' | 'concurrent' | 'rate';

export interface Occasion {
  /** `source` and `id` of the event. */
  identity: string;
  key: string | null;
  cause: readonly string[];
  now: number;
}

const MAX_RECENT = 256;

export const noRecord = (): TriggerRecord => ({ running: [], started: [], keys: {}, recent: [] });

/**
 * Whether an occasion may start the workflow; pure. Times in the future, of a clock that was set back since, count for
 * nothing.
 */
export function refusalOf(
  trigger: Trigger,
  record: TriggerRecord,
  { identity, key, cause, now }: Occasion,
): Refusal | null {
  if (record.recent.includes(identity)) return 'repeated';
  if (
    cause.length >= MAX_CHAIN ||
    (!trigger.loop && cause.some((one) => sameWorkflow(one, trigger.workflow)))
  ) {
    return 'loop';
  }
  if (key !== null && record.running.some((one) => one.key === key)) return 'running';
  if (recently(record.keys[key ?? ''], now, trigger.cooldown)) return 'cooldown';
  if (record.running.length >= trigger.maxConcurrent) return 'concurrent';
  const { count, per } = trigger.rate;
  return record.started.filter((at) => recently(at, now, per)).length >= count ? 'rate' : null;
}

/** The record with a start in it; what has no more effect is forgotten. */
export function withStart(
  trigger: Trigger,
  record: TriggerRecord,
  { identity, key, now }: Occasion,
  start: TriggerRecord['running'][number],
): TriggerRecord {
  const keys = Object.entries({ ...record.keys, [key ?? '']: now }).filter(([, at]) =>
    recently(at, now, trigger.cooldown),
  );
  return {
    running: [...record.running, start],
    started: [...record.started.filter((at) => recently(at, now, trigger.rate.per)), now],
    keys: Object.fromEntries(keys),
    recent: [...record.recent, identity].slice(-MAX_RECENT),
  };
}

function recently(at: number | undefined, now: number, span: Trigger['cooldown']): boolean {
  if (at === undefined || span === undefined) return false;
  return at <= now && now - at < durationMs(span);
}

/** References of one workflow, with or without a version (`namespace/name:version`). */
function sameWorkflow(one: string, other: string): boolean {
  return one.split(':', 1)[0] === other.split(':', 1)[0];
}
