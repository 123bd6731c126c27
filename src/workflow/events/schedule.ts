import { Cron } from 'croner';
import { z } from 'zod';
import { fail } from '../../errors.ts';
import { durationMs } from '../engine/duration.ts';
import { type Duration, durationSchema } from './duration.ts';
import { type ConsumptionStrategy, strategySchema } from './strategy.ts';
import type { ReadAs } from './types.ts';

/** `schedule` of a document (DSL 1.0.3): one of the four ways. */
export interface Schedule {
  every?: Duration | undefined;
  cron?: string | undefined;
  after?: Duration | undefined;
  on?: ConsumptionStrategy | undefined;
  read?: ReadAs | undefined;
}

export const WAYS = ['every', 'cron', 'after', 'on'] as const;

export const scheduleSchema: z.ZodType<Schedule> = z
  .strictObject({
    every: durationSchema.optional(),
    cron: z.string().optional(),
    after: durationSchema.optional(),
    on: strategySchema.optional(),
    read: z.enum(['data', 'envelope', 'raw']).optional(),
  })
  .refine(
    (one) => WAYS.filter((way) => one[way] !== undefined).length === 1,
    `needs exactly one of ${WAYS.join(', ')}`,
  )
  .refine((one) => one.read === undefined || one.on !== undefined, 'read goes with on');

/** What is done about firings that were missed, say while the process was down. */
export type Missed = 'skip' | 'once' | 'all';

/** A schedule ready to be asked. */
export type Plan =
  | { kind: 'every'; ms: number }
  | { kind: 'cron'; cron: Cron }
  | { kind: 'after'; ms: number }
  | { kind: 'on'; strategy: ConsumptionStrategy; read: ReadAs };

/** The shortest time between two starts, ms: below it a mistake in a document is a storm. */
const SHORTEST = 1_000;

/**
 * Reads a schedule. Cron has five fields, or six with seconds, in the time zone given: UTC if none is, never that of
 * the machine.
 * @throws WORKFLOW_SCHEDULE_INVALID
 */
export function planOf(id: string, schedule: unknown, zone = 'UTC'): Plan {
  const invalid = (problem: string) => fail('WORKFLOW_SCHEDULE_INVALID', { id, problem });
  const read = scheduleSchema.safeParse(schedule);
  if (!read.success) {
    const issue = read.error.issues[0];
    throw invalid(`${issue?.path.join('.') || 'schedule'}: ${issue?.message ?? ''}`);
  }
  const { every, cron, after, on, read: as = 'data' } = read.data;
  if (on !== undefined) return { kind: 'on', strategy: on, read: as };
  if (cron !== undefined) return { kind: 'cron', cron: cronOf(cron, zone, invalid) };
  const ms = durationMs(every ?? after ?? {});
  if (ms < SHORTEST) throw invalid(`it is shorter than ${SHORTEST} ms`);
  return { kind: every === undefined ? 'after' : 'every', ms };
}

function cronOf(pattern: string, timezone: string, invalid: (problem: string) => Error): Cron {
  // `?` stands for the moment at which the pattern is read.
  if (pattern.includes('?')) throw invalid(`cron "${pattern}" has a "?"`);
  let first: Date | null;
  let cron: Cron;
  try {
    cron = new Cron(pattern, { timezone, paused: true, mode: '5-or-6-parts' });
    first = cron.nextRun(new Date(0));
  } catch (error) {
    throw invalid(`cron "${pattern}" in ${timezone}: ${(error as Error).message.split('\n')[0] ?? ''}`);
  }
  if (first === null) throw invalid(`cron "${pattern}" never comes`);
  return cron;
}

/** When a schedule fires for the first time; null: not by the clock. `after` begins at once. */
export function firstRun(plan: Plan, now: number): number | null {
  if (plan.kind === 'every') return now + plan.ms;
  if (plan.kind === 'cron') return nextOf(plan.cron, now);
  return plan.kind === 'after' ? now : null;
}

const nextOf = (cron: Cron, after: number) => cron.nextRun(new Date(after))?.getTime() ?? null;

export interface Position {
  /** When it fires next; null: when something else happens. */
  next: number | null;
  /** The time of the last firing. */
  last: number | null;
}

export interface Due {
  /** The time for which it fires. */
  due: number;
  /** Firings that this one stands for besides its own. */
  missed: number;
}

/** Firings made up for at most, by `all`. */
export const MAX_MADE_UP = 1_000;
/** A firing that comes later than this counts as missed, ms. */
const GRACE = 5_000;
/** A clock that is set back further than this was wrong before, ms; less is a correction. */
const WRONG = 3_600_000;

/**
 * What fires at `now`, and where the schedule stands afterwards; pure.
 * - Several firings that are due together are missed ones: `once` makes one of them, the latest; `all` makes each; `skip`
 *   makes the latest only if it is not late.
 * - A clock that is set back does not fire again what has been fired: cron waits until its old position has passed, unless
 *   the clock was wrong by more than an hour; `every` never waits longer than its interval.
 */
export function fireDue(
  plan: Plan,
  position: Position,
  now: number,
  missed: Missed,
): { fires: Due[] } & Position {
  const { next, last } = reanchored(plan, position, now);
  if (next === null || next > now || plan.kind === 'on') return { fires: [], next, last };
  if (plan.kind === 'after') return { fires: [{ due: next, missed: 0 }], next: null, last: next };
  const { times, count, following } =
    plan.kind === 'every' ? everyDue(plan.ms, next, now) : cronDue(plan.cron, next, now);
  const latest = times.at(-1) ?? next;
  const fires =
    missed === 'all'
      ? times.map((due) => ({ due, missed: 0 }))
      : missed === 'once' || now - latest <= GRACE
        ? [{ due: latest, missed: missed === 'once' ? count - 1 : 0 }]
        : [];
  return { fires, next: following, last: latest };
}

function reanchored(plan: Plan, position: Position, now: number): Position {
  const { next, last } = position;
  if (next === null) return position;
  if (plan.kind === 'cron') {
    return last !== null && last - now > WRONG ? { next: nextOf(plan.cron, now), last: null } : position;
  }
  return plan.kind !== 'on' && next - now > plan.ms ? { next: now + plan.ms, last } : position;
}

/** Firings from `next` to `now`, the latest `MAX_MADE_UP` of them, how many there were, and the one after. */
interface DueTimes {
  times: number[];
  count: number;
  following: number | null;
}

function everyDue(ms: number, next: number, now: number): DueTimes {
  const count = Math.floor((now - next) / ms) + 1;
  const shown = Math.min(count, MAX_MADE_UP);
  const times = Array.from({ length: shown }, (_, index) => next + (count - shown + index) * ms);
  return { times, count, following: next + count * ms };
}

function cronDue(cron: Cron, next: number, now: number): DueTimes {
  const following = nextOf(cron, now);
  const times: number[] = [];
  for (let time: number | null = next; time !== null && time <= now; time = nextOf(cron, time)) {
    if (times.length === MAX_MADE_UP) {
      // Too many to count: only the latest are of interest.
      const latest = cron.previousRuns(MAX_MADE_UP, new Date(now + 1_000)).map((date) => date.getTime());
      const shown = latest.filter((one) => one <= now).sort((a, b) => a - b);
      return { times: shown, count: shown.length, following };
    }
    times.push(time);
  }
  return { times, count: times.length, following };
}
