import { isDeepStrictEqual } from 'node:util';
import type { Clock, Log } from '../../../machines/ports.ts';
import type { Collection } from '../../durable/index.ts';
import { durationMs } from '../engine/duration.ts';
import { parseEvent } from './cloud-event.ts';
import {
  type Condition,
  type ConditionState,
  type Evidence,
  observe,
  parseCondition,
  unknownState,
} from './condition.ts';
import type { Duration } from './duration.ts';
import type { CloudEvent, EventBus } from './types.ts';

export const CONDITION_ENTERED = 'netagent.condition.entered';
export const CONDITION_LEFT = 'netagent.condition.left';

/** A figure of a subject: a cell, a subscriber, a function. */
export interface Reading {
  subject: string;
  value: number | null;
}

/** What is kept of a condition and a subject, and the event that is still to be published. */
export interface WatchRecord {
  condition: string;
  subject: string;
  state: ConditionState;
  outbox: CloudEvent | null;
}

export interface WatchOptions {
  clock: Clock;
  log: Log;
  bus: EventBus;
  /** How often a condition without its own `every` is read. */
  every: Duration;
  /** Reads the figures of all subjects of a condition; one that fails, or takes too long, has read nothing. */
  read(condition: Condition, signal: AbortSignal): Promise<Reading[]>;
  /** Without a store, what was entered is told again after a restart. */
  store?: Collection<WatchRecord>;
}

export interface ConditionWatch {
  /** Begins a condition, or changes it; what is entered stays entered. @throws WORKFLOW_CONDITION_INVALID */
  add(condition: unknown): Condition;
  remove(id: string): void;
  /** Subjects for which a condition is entered now. */
  entered(): Array<{ condition: string; subject: string; since: number | null }>;
  close(): void;
}

/** A read that takes longer has read nothing, ms; or the interval, if that is longer. */
const PATIENCE = 10_000;
/** Subjects of one condition: what is read decides their number. */
const MAX_SUBJECTS = 10_000;

/**
 * Watches conditions of the network and tells when one is entered or left, as CloudEvents with the figures that decided.
 * A change is written before it is told and told again after a restart until somebody has taken it over, under one id.
 */
export function watchConditions(options: WatchOptions): ConditionWatch {
  const { clock, log, bus, store } = options;
  const watched = new Map<
    string,
    { condition: Condition; subjects: Map<string, WatchRecord>; stop(): void }
  >();
  /** Of conditions that have not been added yet. */
  const kept = new Set(store?.list().map(({ value }) => value));

  const publish = async ({ condition, subject, outbox }: WatchRecord): Promise<void> => {
    if (outbox === null) return;
    await bus.publish(outbox);
    // By now it may be another one, or gone.
    const now = watched.get(condition)?.subjects.get(subject);
    if (now?.outbox === outbox) write({ ...now, outbox: null });
  };
  const write = (record: WatchRecord) => {
    store?.put(keyOf(record), record);
    watched.get(record.condition)?.subjects.set(record.subject, record);
  };
  const take = async (condition: Condition, { subject, value }: Reading, at: number): Promise<void> => {
    const entry = watched.get(condition.id);
    if (entry?.condition !== condition) return;
    const { subjects } = entry;
    const record = subjects.get(subject) ?? {
      condition: condition.id,
      subject,
      state: unknownState(),
      outbox: null,
    };
    if (!subjects.has(subject) && subjects.size >= MAX_SUBJECTS) {
      log.warn({ condition: condition.id, subject }, 'a condition has too many subjects');
      return;
    }
    const { state, change } = observe(record.state, condition, { at, value });
    // Only a change is written: what led to it is seen again soon after a restart.
    if (change === null) return void subjects.set(subject, { ...record, state });
    const next = { ...record, state, outbox: eventOf(condition, subject, value, at, change) };
    write(next);
    await publish(next);
  };
  const look = async (condition: Condition, patience: number): Promise<void> => {
    const { subjects } = watched.get(condition.id) ?? {};
    const readings = await within(clock, patience, (signal) => options.read(condition, signal)).catch(
      (error) => {
        log.warn({ condition: condition.id, problem: String(error) }, 'a condition could not be read');
        return [];
      },
    );
    const at = clock.now();
    const read = new Map(readings.map(({ subject, value }) => [subject, value]));
    const all = new Set([...(condition.subjects ?? []), ...(subjects?.keys() ?? []), ...read.keys()]);
    for (const subject of all) {
      try {
        await take(condition, { subject, value: read.get(subject) ?? null }, at);
      } catch (error) {
        log.error(
          { condition: condition.id, subject, problem: String(error) },
          'a condition could not be told',
        );
      }
    }
  };

  return {
    add(given) {
      const condition = parseCondition(given);
      const before = watched.get(condition.id);
      if (before !== undefined && isDeepStrictEqual(before.condition, condition)) return before.condition;
      before?.stop();
      const every = durationMs(condition.every ?? options.every);
      let timer: unknown;
      let stopped = false;
      const again = () => {
        timer = clock.setTimeout(() => {
          void look(condition, Math.max(every, PATIENCE)).finally(() => {
            if (!stopped) again();
          });
        }, every);
      };
      // Other bounds do not undo what was told: it is left by them, or stays entered.
      const found = [...kept].filter((record) => record.condition === condition.id);
      for (const record of found) kept.delete(record);
      const records = [...(before?.subjects.values() ?? found)];
      watched.set(condition.id, {
        condition,
        subjects: new Map(records.map((record) => [record.subject, record])),
        stop() {
          stopped = true;
          clock.clearTimeout(timer);
        },
      });
      again();
      for (const record of records) {
        publish(record).catch((error) =>
          log.error({ condition: condition.id, problem: String(error) }, 'a condition could not be told'),
        );
      }
      return condition;
    },
    remove(id) {
      const entry = watched.get(id);
      entry?.stop();
      watched.delete(id);
      for (const record of entry?.subjects.values() ?? []) store?.delete(keyOf(record));
    },
    entered: () =>
      [...watched.values()].flatMap(({ condition, subjects }) =>
        [...subjects.values()]
          .filter(({ state }) => state.phase === 'in')
          .map(({ subject, state }) => ({ condition: condition.id, subject, since: state.enteredAt })),
      ),
    close() {
      for (const { stop } of watched.values()) stop();
      watched.clear();
    },
  };
}

const keyOf = ({ condition, subject }: WatchRecord) => `${condition} ${subject}`;

function eventOf(
  { id, kind }: Condition,
  subject: string,
  value: number | null,
  at: number,
  { to, evidence }: { to: 'entered' | 'left'; evidence: Evidence },
): CloudEvent {
  const time = new Date(at).toISOString();
  return parseEvent({
    specversion: '1.0',
    id: `${subject} ${to} ${time}`,
    source: `/netagent/conditions/${id}`,
    type: to === 'entered' ? CONDITION_ENTERED : CONDITION_LEFT,
    subject,
    time,
    data: { condition: id, kind, subject, value, evidence },
  });
}

/** The result of some work, or an error after `ms`; the work is told to stop then. */
async function within<T>(clock: Clock, ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = clock.setTimeout(() => {
    reject(new Error(`took longer than ${ms} ms`));
    controller.abort();
  }, ms);
  try {
    return await Promise.race([work(controller.signal), promise]);
  } finally {
    clock.clearTimeout(timer);
  }
}
