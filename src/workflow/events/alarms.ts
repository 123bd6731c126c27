import type { Log } from '../../../machines/ports.ts';
import { parseEvent } from './cloud-event.ts';
import type { CloudEvent, EventBus } from './types.ts';

export const ALARM_RAISED = 'netagent.alarm.raised';
export const ALARM_CHANGED = 'netagent.alarm.changed';
export const ALARM_CLEARED = 'netagent.alarm.cleared';

/** An alarm with the names of TS 28.532 fault supervision; what a source does not know is missing. */
export interface Alarm {
  alarmId: string;
  /** What it is about. */
  objectInstance: string;
  probableCause: string;
  alarmType?: string;
  perceivedSeverity?: string;
  specificProblem?: string;
  additionalText?: string;
}

/** One notification of an alarm (TS 28.532: notifyNewAlarm, notifyChangedAlarm, notifyClearedAlarm). */
export interface AlarmChange {
  kind: 'new' | 'changed' | 'cleared';
  alarm: Alarm;
  /** When it came to be, ms; one alarm may come again later. */
  eventTime: number;
}

export interface AlarmSource {
  subscribe(listener: (change: AlarmChange) => void | Promise<void>): () => void;
}

const TYPES = { new: ALARM_RAISED, changed: ALARM_CHANGED, cleared: ALARM_CLEARED } as const;

/** The event of a change of an alarm; the same change gives the same event. */
export function alarmEvent({ kind, alarm, eventTime }: AlarmChange): CloudEvent {
  const time = new Date(eventTime).toISOString();
  return parseEvent({
    specversion: '1.0',
    id: `${alarm.alarmId} ${kind} ${time}`,
    source: '/netagent/alarms',
    type: TYPES[kind],
    time,
    // An attribute is a text with something in it.
    subject: alarm.objectInstance === '' ? null : alarm.objectInstance,
    data: { ...alarm, eventTime: time },
  });
}

/** Publishes what a source says of alarms. @returns stops it */
export function publishAlarms({
  source,
  bus,
  log,
}: {
  source: AlarmSource;
  bus: EventBus;
  log: Log;
}): () => void {
  return source.subscribe(async (change) => {
    try {
      await bus.publish(alarmEvent(change));
    } catch (error) {
      log.error({ alarm: change.alarm.alarmId, problem: String(error) }, 'an alarm could not be told');
    }
  });
}

/**
 * What changed between two lists of alarms, for a function that has a list and no notifications; pure. `known` says since
 * when each has been there.
 */
export function alarmChanges(
  known: ReadonlyMap<string, AlarmChange>,
  now: readonly Alarm[],
  at: number,
): AlarmChange[] {
  const there = new Set(now.map(({ alarmId }) => alarmId));
  const appeared = now.flatMap((alarm): AlarmChange[] => {
    const before = known.get(alarm.alarmId);
    if (before === undefined) return [{ kind: 'new', alarm, eventTime: at }];
    return JSON.stringify(before.alarm) === JSON.stringify(alarm)
      ? []
      : [{ kind: 'changed', alarm, eventTime: at }];
  });
  const gone = [...known.values()]
    .filter(({ alarm }) => !there.has(alarm.alarmId))
    .map(({ alarm }): AlarmChange => ({ kind: 'cleared', alarm, eventTime: at }));
  return [...gone, ...appeared];
}
