import { parse } from 'yaml';
import { z } from 'zod';
import { fail } from '../../errors.ts';
import { ALARM_RAISED } from './alarms.ts';
import { CONDITION_ENTERED } from './conditions.ts';
import { type Duration, durationSchema } from './duration.ts';
import { type Missed, type Schedule, scheduleSchema } from './schedule.ts';
import { type EventFilter, eventFilterSchema } from './strategy.ts';

export const INITIATIVE_PROPOSED = 'netagent.initiative.proposed';
export const TRIGGER_REQUESTED = 'netagent.trigger.requested';
export const SCHEDULE_FIRED = 'netagent.schedule.fired';

/** What starts a workflow without being asked for that very run (see docs/workflow-triggers.md). */
export interface Trigger {
  id: string;
  on: 'alarm' | 'condition' | 'event' | 'schedule' | 'initiative' | 'request';
  workflow: string;
  /** Which events, beyond those of `on`; needed with `event`. */
  filter?: EventFilter | undefined;
  /** With `condition`: the id of one that is watched, or one of the trigger's own. */
  condition?: string | Record<string, unknown> | undefined;
  /** With `schedule`. */
  schedule?: Schedule | undefined;
  zone?: string | undefined;
  missed?: Missed | undefined;
  /** Filled from the event; its data, if not given. */
  input?: unknown;
  /** After a start, how long the same key starts nothing. */
  cooldown?: Duration | undefined;
  /** Expression of the key on the event: of one key one instance runs at a time. */
  dedupe?: string | undefined;
  maxConcurrent: number;
  /** At most `count` starts in any `per`. */
  rate: { count: number; per: Duration };
  /** Whether events that the workflow itself led to may start it again. */
  loop: boolean;
}

const schema = z
  .strictObject({
    id: z.string().regex(/^[A-Za-z0-9][\w.-]{0,99}$/, 'is not a plain name'),
    on: z.enum(['alarm', 'condition', 'event', 'schedule', 'initiative', 'request']),
    workflow: z.string().regex(/^\S+$/, 'has spaces'),
    filter: eventFilterSchema.optional(),
    condition: z.union([z.string(), z.record(z.string(), z.unknown())]).optional(),
    schedule: scheduleSchema.optional(),
    zone: z.string().optional(),
    missed: z.enum(['skip', 'once', 'all']).optional(),
    input: z.unknown().optional(),
    cooldown: durationSchema.optional(),
    dedupe: z.string().optional(),
    maxConcurrent: z.int().min(1).max(1_000).default(10),
    rate: z
      .strictObject({ count: z.int().min(1).max(10_000), per: durationSchema })
      .default({ count: 60, per: 'PT1M' }),
    loop: z.boolean().default(false),
  })
  .superRefine((one, context) => {
    const wrong = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (one.on === 'event' && one.filter === undefined) wrong('filter', 'is needed with on: event');
    for (const way of ['condition', 'schedule'] as const) {
      if ((one.on === way) !== (one[way] !== undefined)) wrong(way, `goes with on: ${way}, and only with it`);
    }
    if (one.on !== 'schedule' && (one.zone ?? one.missed) !== undefined) {
      wrong('zone' in one ? 'zone' : 'missed', 'goes with on: schedule');
    }
    if (['schedule', 'request'].includes(one.on) && one.filter !== undefined) {
      wrong('filter', `has no use with on: ${one.on}`);
    }
  });

/**
 * Reads triggers as data: a list, or an object with the list under `triggers`.
 * @throws WORKFLOW_TRIGGER_INVALID
 */
export function parseTriggers(value: unknown, file: string, workflow?: string): Trigger[] {
  const list = Array.isArray(value) ? value : ((value as { triggers?: unknown } | null)?.triggers ?? []);
  if (!Array.isArray(list)) throw invalid('', file, 'triggers is not a list');
  const triggers = list.map((one): Trigger => {
    const given = workflow === undefined ? one : { workflow, ...(one as object) };
    const read = schema.safeParse(given);
    if (read.success) return read.data as Trigger;
    const issue = read.error.issues[0];
    const { id } = (one ?? {}) as { id?: unknown };
    throw invalid(String(id ?? ''), file, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  });
  const twice = triggers.find(({ id }, index) => triggers.findIndex((one) => one.id === id) !== index);
  if (twice !== undefined) throw invalid(twice.id, file, 'another trigger has the same id');
  return triggers;
}

/** Reads a YAML file of triggers. @throws WORKFLOW_TRIGGER_INVALID */
export function readTriggers(text: string, file: string): Trigger[] {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw invalid('', file, (error as Error).message.split('\n')[0] ?? 'not YAML');
  }
  return parseTriggers(value, file);
}

/**
 * The triggers that a workflow document brings along in `document.metadata.netagent.triggers`; they start that workflow
 * unless they name another.
 * @throws WORKFLOW_TRIGGER_INVALID
 */
export function triggersOf(source: unknown, file: string): Trigger[] {
  const { document } = (source ?? {}) as {
    document?: { namespace?: string; name?: string; metadata?: { netagent?: { triggers?: unknown } } };
  };
  const triggers = document?.metadata?.netagent?.triggers;
  if (triggers === undefined) return [];
  return parseTriggers(triggers, file, `${document?.namespace}/${document?.name}`);
}

const invalid = (id: string, file: string, problem: string) =>
  fail('WORKFLOW_TRIGGER_INVALID', { id, file, problem });

/** Ids of the condition that a trigger is about. */
export function conditionIdOf({ id, condition }: Trigger): string {
  if (typeof condition === 'string') return condition;
  return typeof condition?.id === 'string' ? condition.id : id;
}

/** The filter of a trigger: what `on` means, and what `filter` says beyond it; null where no event of the bus starts it. */
export function filterOf(trigger: Trigger): EventFilter | null {
  const basic: Partial<Record<Trigger['on'], Record<string, unknown>>> = {
    alarm: { type: ALARM_RAISED },
    condition: { type: CONDITION_ENTERED, source: `/netagent/conditions/${conditionIdOf(trigger)}` },
    event: {},
    initiative: { type: INITIATIVE_PROPOSED },
  };
  const attributes = basic[trigger.on];
  return attributes === undefined
    ? null
    : { ...trigger.filter, with: { ...attributes, ...trigger.filter?.with } };
}

/** The expression of the key, where it goes without saying: one alarm, one subject of a condition. */
export function keyOf({ dedupe, on }: Trigger): string | undefined {
  return dedupe ?? { alarm: '.data.alarmId', condition: '.subject' }[on as string];
}
