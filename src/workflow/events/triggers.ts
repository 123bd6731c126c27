import { createHash } from 'node:crypto';
import type { Clock, Ids, Log } from '../../../machines/ports.ts';
import type { Collection } from '../../durable/index.ts';
import { fail } from '../../errors.ts';
import { causeOf } from './cause.ts';
import { identityOf, makeEvent } from './cloud-event.ts';
import { parseCondition } from './condition.ts';
import type { ConditionWatch } from './conditions.ts';
import { fill } from './fill.ts';
import { matchFilter } from './filter.ts';
import { noRecord, type Occasion, type Refusal, refusalOf, type TriggerRecord, withStart } from './guard.ts';
import { createLauncher, type Fire, type StartWorkflow } from './launcher.ts';
import { planOf } from './schedule.ts';
import { openScheduler, type ScheduleRecord, type Scheduler, type SchedulerOptions } from './scheduler.ts';
import {
  conditionIdOf,
  filterOf,
  INITIATIVE_PROPOSED,
  keyOf,
  SCHEDULE_FIRED,
  TRIGGER_REQUESTED,
  type Trigger,
} from './trigger.ts';
import type { CloudEvent, EventBus, EventScope } from './types.ts';

export interface TriggersOptions {
  clock: Clock;
  ids: Ids;
  log: Log;
  bus: EventBus;
  evaluate: EventScope['evaluate'];
  /** What each trigger has started, and positions of the schedules. */
  store: Collection<TriggerRecord>;
  schedules: Collection<ScheduleRecord>;
  /** Makes one write of many, as that of the store does. */
  transaction?: SchedulerOptions['transaction'];
  start: StartWorkflow;
  /** Watches the conditions of triggers; without it `on: condition` is refused. */
  watch?: Pick<ConditionWatch, 'add' | 'remove'>;
  /** Instances of all triggers together. */
  maxRunning?: number;
}

/** `fire` is the id of the instance; with `repeated`, of the one that was started before. */
export type Outcome =
  | { started: true; fire: string }
  | { started: false; reason: Refusal | 'failed'; fire?: string };

export interface Triggers {
  /**
   * Makes these the triggers that there are; those with the same id keep what they have started.
   * @throws WORKFLOW_TRIGGER_INVALID, WORKFLOW_CONDITION_INVALID, WORKFLOW_SCHEDULE_INVALID
   */
  load(triggers: readonly Trigger[]): void;
  /**
   * Asks for a start by name: the way in for the HTTP interface, for agents and for third parties. The same `id` starts
   * once.
   * @throws WORKFLOW_TRIGGER_UNKNOWN
   */
  request(id: string, data: unknown, from: { source: string; id?: string; cause?: string }): Promise<Outcome>;
  /** The central agent's own initiative: a task with the reason for it. @returns ids of the triggers that it started */
  propose(task: string, reason: string, about?: Record<string, unknown>): Promise<string[]>;
  list(): TriggerStanding[];
  close(): void;
}

export interface TriggerStanding {
  trigger: Trigger;
  /** Ids of what it started and has not ended. */
  running: string[];
  /** Since the process began. */
  started: number;
  refused: Partial<Record<Refusal | 'failed', number>>;
}

const MAX_RUNNING = 200;
/** A trigger that is held back says so once in this time, ms. */
const SAID_MS = 60_000;

interface Entry {
  trigger: Trigger;
  started: number;
  refused: TriggerStanding['refused'];
  saidAt: number;
  /** Occasions are judged one after the other. */
  last: Promise<unknown>;
}

/**
 * Starts workflows for what happens. A start is recorded, with all that the guards need to know of it, before it begins
 * anything; the instance's id is made of the trigger and the event, so that the same event never starts two.
 */
export function openTriggers(options: TriggersOptions): Triggers {
  const { clock, ids, log, bus, store, evaluate, maxRunning = MAX_RUNNING } = options;
  const entries = new Map<string, Entry>();
  const records = new Map(store.list().map(({ id, value }) => [id, value]));
  const ends = new Map<string, PromiseWithResolvers<void>>();
  const scope = { evaluate, input: null, variables: {} };
  const launcher = createLauncher({ clock, log, start: options.start });
  let scheduler: Scheduler | undefined;
  let ownConditions: string[] = [];

  const save = (id: string, record: TriggerRecord) => {
    store.put(id, record);
    records.set(id, record);
  };
  const change = (id: string, edit: (running: TriggerRecord['running']) => TriggerRecord['running']) => {
    const record = records.get(id);
    if (record === undefined) return true;
    try {
      save(id, { ...record, running: edit(record.running) });
      return true;
    } catch (error) {
      log.error({ trigger: id, problem: String(error) }, 'a trigger could not be written');
      return false;
    }
  };
  const launch = (id: string, { fire, attempts }: TriggerRecord['running'][number]) => {
    ends.set(fire.id, Promise.withResolvers());
    launcher.launch({
      fire,
      attempts,
      until: 'ended',
      finish() {
        if (!change(id, (running) => running.filter((one) => one.fire.id !== fire.id))) return false;
        ends.get(fire.id)?.resolve();
        ends.delete(fire.id);
        return true;
      },
      failed(attempts) {
        change(id, (running) => running.map((one) => (one.fire.id === fire.id ? { ...one, attempts } : one)));
        return true;
      },
    });
  };
  const countRunning = () => [...records.values()].reduce((sum, { running }) => sum + running.length, 0);

  const judge = (trigger: Trigger, occasion: Occasion): Refusal | null => {
    const refusal = refusalOf(trigger, records.get(trigger.id) ?? noRecord(), occasion);
    return refusal ?? (countRunning() >= maxRunning ? 'concurrent' : null);
  };
  const decide = async (entry: Entry, event: CloudEvent, due: number): Promise<Outcome> => {
    const { trigger } = entry;
    const now = clock.now();
    const occasion = { identity: identityOf(event), key: null, cause: causeOf(event), now };
    // In a storm most end here, before an expression is evaluated.
    const early = judge(trigger, occasion);
    if (early === 'repeated') return { started: false, reason: early, fire: fireId(trigger.id, event) };
    if (early !== null) return { started: false, reason: early };
    const expression = keyOf(trigger);
    const key = expression === undefined ? null : keyText(await evaluate(expression, event, {}));
    const reason = judge(trigger, { ...occasion, key });
    if (reason !== null) return { started: false, reason };
    const input = trigger.input === undefined ? (event.data ?? {}) : await fill(trigger.input, event, scope);
    const fire: Fire = {
      id: fireId(trigger.id, event),
      by: trigger.id,
      workflow: trigger.workflow,
      due,
      at: now,
      missed: 0,
      input,
      cause: occasion.cause,
    };
    const running = { fire, key, attempts: 0 };
    save(
      trigger.id,
      withStart(trigger, records.get(trigger.id) ?? noRecord(), { ...occasion, key }, running),
    );
    launch(trigger.id, running);
    return { started: true, fire: fire.id };
  };
  /** One occasion of one trigger, after those before it. */
  const offer = (entry: Entry, event: CloudEvent, due = clock.now()): Promise<Outcome> => {
    const turn = entry.last.then(() => decide(entry, event, due));
    entry.last = turn.then(
      (outcome) => tell(entry, outcome),
      (error) => tell(entry, { started: false, reason: 'failed' }, error),
    );
    return turn;
  };
  const tell = (entry: Entry, outcome: Outcome, error?: unknown) => {
    if (outcome.started) {
      entry.started += 1;
      return;
    }
    const { reason } = outcome;
    entry.refused[reason] = (entry.refused[reason] ?? 0) + 1;
    if (reason === 'repeated' || clock.now() - entry.saidAt < SAID_MS) return;
    entry.saidAt = clock.now();
    const fields = {
      trigger: entry.trigger.id,
      reason,
      ...(error !== undefined && { problem: String(error) }),
    };
    log.warn(fields, 'a trigger was held back');
  };

  const leave = bus.subscribe(async (event) => {
    const offers = [...entries.values()].map(async (entry) => {
      const filter = filterOf(entry.trigger);
      if (filter === null || !(await matchFilter(filter, event, scope)).matched) return;
      await offer(entry, event);
    });
    const failed = (await Promise.allSettled(offers)).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  });

  /** A schedule of a trigger fires: an occasion like any other, that ends when what it started has ended. */
  const fired: StartWorkflow = async (_, input, fire) => {
    const entry = entries.get(fire.by);
    if (entry === undefined) return { ended: Promise.resolve() };
    const event = makeEvent(
      {
        type: SCHEDULE_FIRED,
        id: fire.id,
        time: new Date(fire.due).toISOString(),
        data: { due: fire.due, missed: fire.missed, input },
        ...(fire.cause.length > 0 && { netagentcause: fire.cause.join(' ') }),
      },
      { clock, ids, source: `/netagent/schedules/${fire.by}` },
    );
    await offer(entry, event, fire.due);
    return { ended: ends.get(fireId(fire.by, event))?.promise ?? Promise.resolve() };
  };

  for (const [id, { running }] of records) for (const one of running) launch(id, one);

  const loadSchedules = (triggers: readonly Trigger[]) => {
    const scheduled = triggers.filter(({ schedule }) => schedule !== undefined);
    const wanted = new Set(scheduled.map(({ id }) => id));
    for (const { id } of options.schedules.list()) {
      if (wanted.has(id)) continue;
      if (scheduler === undefined) options.schedules.delete(id);
      else scheduler.remove(id);
    }
    // Opened only when the triggers are known: what it missed fires at once.
    scheduler ??= openScheduler({
      clock,
      log,
      bus,
      evaluate,
      store: options.schedules,
      start: fired,
      ...(options.transaction && { transaction: options.transaction }),
    });
    for (const { id, workflow, schedule = {}, zone, missed } of scheduled) {
      scheduler.set(id, { workflow, schedule, ...(zone && { zone }), ...(missed && { missed }) });
    }
  };
  const loadConditions = (triggers: readonly Trigger[]) => {
    const own = triggers.filter(({ condition }) => typeof condition === 'object');
    const wanted = own.map(conditionIdOf);
    for (const id of ownConditions) if (!wanted.includes(id)) options.watch?.remove(id);
    for (const trigger of own) {
      const { condition, id } = trigger;
      if (options.watch === undefined) {
        throw fail('WORKFLOW_TRIGGER_INVALID', {
          id,
          file: 'the runtime',
          problem: 'no conditions are watched',
        });
      }
      options.watch.add({ ...(condition as object), id: conditionIdOf(trigger) });
    }
    ownConditions = wanted;
  };

  return {
    load(triggers) {
      // All of them or none: what is wrong is found before anything changes.
      for (const trigger of triggers) check(trigger, options.watch !== undefined);
      const twice = triggers.find(({ id }, index) => triggers.findIndex((one) => one.id === id) !== index);
      if (twice !== undefined) throw refused(twice.id, 'another trigger has the same id');
      const before = new Map(entries);
      entries.clear();
      for (const trigger of triggers) {
        const known = before.get(trigger.id);
        entries.set(trigger.id, {
          started: known?.started ?? 0,
          refused: known?.refused ?? {},
          saidAt: Number.NEGATIVE_INFINITY,
          last: known?.last ?? Promise.resolve(),
          trigger,
        });
      }
      for (const [id, { running }] of records) {
        if (!entries.has(id) && running.length === 0 && store.delete(id)) records.delete(id);
      }
      loadConditions(triggers);
      loadSchedules(triggers);
    },
    async request(id, data, from) {
      const entry = entries.get(id);
      if (entry?.trigger.on !== 'request') throw fail('WORKFLOW_TRIGGER_UNKNOWN', { id });
      const event = makeEvent(
        {
          type: TRIGGER_REQUESTED,
          subject: id,
          data: data ?? {},
          ...(from.id !== undefined && { id: from.id }),
          ...(from.cause !== undefined && { netagentcause: from.cause }),
        },
        { clock, ids, source: from.source },
      );
      return offer(entry, event);
    },
    async propose(task, reason, about = {}) {
      const event = makeEvent(
        { type: INITIATIVE_PROPOSED, data: { ...about, task, reason } },
        { clock, ids, source: '/netagent/core/central' },
      );
      await bus.publish(event);
      const identity = identityOf(event);
      return [...entries.keys()].filter((id) => records.get(id)?.recent.includes(identity));
    },
    list: () =>
      [...entries.values()].map(({ trigger, started, refused }) => ({
        trigger,
        running: (records.get(trigger.id)?.running ?? []).map(({ fire }) => fire.id),
        started,
        refused: { ...refused },
      })),
    close() {
      leave();
      scheduler?.close();
      launcher.close();
    },
  };
}

const conditionOf = (trigger: Trigger) => ({ ...(trigger.condition as object), id: conditionIdOf(trigger) });

const refused = (id: string, problem: string) =>
  fail('WORKFLOW_TRIGGER_INVALID', { id, file: 'the catalogue', problem });

function check(trigger: Trigger, watched: boolean): void {
  const { id, condition, schedule, zone } = trigger;
  if (schedule !== undefined) planOf(id, schedule, zone);
  if (typeof condition !== 'object') return;
  if (!watched) {
    throw refused(id, 'no conditions are watched');
  }
  parseCondition(conditionOf(trigger));
}

const fireId = (trigger: string, event: CloudEvent) =>
  `${trigger}@${createHash('sha256').update(identityOf(event)).digest('hex').slice(0, 32)}`;

const keyText = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value ?? null);
