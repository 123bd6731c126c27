import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Clock, Log } from '../../../machines/ports.ts';
import type { Collection } from '../../durable/index.ts';
import type { WorkflowDocument } from '../dsl/types.ts';
import { causesOf, MAX_CHAIN } from './cause.ts';
import { identityOf } from './cloud-event.ts';
import { consume, judge, outputOf } from './consumer.ts';
import { begin, type ConsumptionState } from './consumption.ts';
import { createLauncher, type Fire, type StartWorkflow } from './launcher.ts';
import {
  fireDue,
  firstRun,
  type Missed,
  type Plan,
  type Position,
  planOf,
  type Schedule,
  WAYS,
} from './schedule.ts';
import { filtersOf } from './strategy.ts';
import type { CloudEvent, EventBus, EventScope } from './types.ts';

export interface ScheduleDefinition {
  /** Reference of the workflow, handed to `start` as it is. */
  workflow: string;
  schedule: Schedule;
  /** IANA name, for cron; UTC if not given. */
  zone?: string;
  missed?: Missed;
  /** Input of what it starts; with `on`, the array of events is the input. */
  input?: unknown;
}

/**
 * The schedules of a document: one for each way that it names, for the newest version of the workflow. What the document
 * needs beyond them, a time zone, is given.
 */
export function schedulesOf(
  { document, schedule }: Pick<WorkflowDocument, 'document' | 'schedule'>,
  zone?: string,
): Array<{ id: string; definition: ScheduleDefinition }> {
  const { namespace, name } = document;
  const workflow = `${namespace}/${name}`;
  return WAYS.filter((way) => schedule?.[way] !== undefined).map((way) => ({
    // Labels of DNS have no dots. Ids of instances begin with it, so it has no slash.
    id: `${namespace}.${name}.${way}`,
    definition: {
      workflow,
      schedule: {
        [way]: schedule?.[way],
        ...(way === 'on' && schedule?.read !== undefined && { read: schedule.read }),
      },
      ...(way === 'cron' && zone !== undefined && { zone }),
    },
  }));
}

export interface ScheduleRecord extends Position {
  definition: ScheduleDefinition;
  /** Recorded and not yet known to have begun; with `after`, not yet known to have ended. */
  pending: Array<Fire & { attempts: number }>;
  /** Consumptions under way, one for each set of correlated values. */
  contexts: ConsumptionState[];
  /** Events consumed last: they may come again after a restart. */
  recent: string[];
}

export interface SchedulerOptions {
  clock: Clock;
  log: Log;
  store: Collection<ScheduleRecord>;
  /** Makes one write of many, as that of the store does. */
  transaction?: <R>(work: () => R) => R;
  bus: EventBus;
  evaluate: EventScope['evaluate'];
  start: StartWorkflow;
}

export interface Scheduler {
  /**
   * Adds or replaces a schedule; one that is there unchanged keeps its position.
   * @throws WORKFLOW_SCHEDULE_INVALID
   */
  set(id: string, definition: ScheduleDefinition): void;
  /** Ends a schedule; what it has started goes on. */
  remove(id: string): boolean;
  list(): Array<{ id: string; definition: ScheduleDefinition; pending: number } & Position>;
  close(): void;
}

/** The clock is looked at this often, whatever the timers say: it may be set, or the machine may have slept. */
const LOOK_MS = 60_000;
const RETRY_MS = 1_000;
const MAX_CONTEXTS = 1_000;
const MAX_HELD = 1_000;
const MAX_RECENT = 256;

interface Entry {
  record: ScheduleRecord;
  plan: Plan;
  /** Events are taken one after the other. */
  last: Promise<unknown>;
}

/**
 * Opens the schedules that are kept. Each firing is recorded before it starts anything, under an id of its own, in the
 * same write that moves the schedule on: a process that dies in between starts it after the restart, and once.
 */
export function openScheduler(options: SchedulerOptions): Scheduler {
  const { clock, log, store, bus, evaluate, transaction = (work) => work() } = options;
  const entries = new Map<string, Entry>();
  const launcher = createLauncher({ clock, log, start: options.start });
  let timer: unknown;
  let closed = false;
  /** The last look could not write: the next one is not at once. */
  let failing = false;

  /** What is kept is what is: nothing goes on from a record that could not be written. */
  const save = (id: string, entry: Entry, change: Partial<ScheduleRecord>) => {
    const record = { ...entry.record, ...change };
    store.put(id, record);
    entry.record = record;
  };
  const launch = (id: string, { attempts, ...fire }: ScheduleRecord['pending'][number]) => {
    launcher.launch({
      fire,
      attempts,
      until: entries.get(id)?.plan.kind === 'after' ? 'ended' : 'begun',
      finish: () => finish(id, fire.id),
      failed: (count) => {
        const entry = entries.get(id);
        if (entry === undefined) return false;
        const pending = entry.record.pending.map((one) =>
          one.id === fire.id ? { ...one, attempts: count } : one,
        );
        guarded(id, () => save(id, entry, { pending }));
        return true;
      },
    });
  };
  const finish = (id: string, fireId: string): boolean => {
    const entry = entries.get(id);
    if (entry === undefined) return true;
    const pending = entry.record.pending.filter((one) => one.id !== fireId);
    const again = entry.plan.kind === 'after' && pending.length === 0 && entry.record.next === null;
    const next = again && entry.plan.kind === 'after' ? clock.now() + entry.plan.ms : entry.record.next;
    const written = guarded(id, () => save(id, entry, { pending, next }));
    arm();
    return written;
  };
  /** A store that is full or gone must not end the process; what was not written is done again. */
  const guarded = (id: string, work: () => void): boolean => {
    try {
      work();
      return true;
    } catch (error) {
      log.error({ schedule: id, problem: String(error) }, 'a schedule could not be written');
      return false;
    }
  };

  const look = () => {
    const now = clock.now();
    const changes = [...entries].flatMap(([id, entry]) => {
      const { record, plan } = entry;
      const { fires, next, last } = fireDue(plan, record, now, record.definition.missed ?? 'once');
      if (fires.length === 0 && next === record.next) return [];
      const { workflow, input = {} } = record.definition;
      const added = fires.map(({ due, missed }) => ({
        id: `${id}@${new Date(due).toISOString()}`,
        by: id,
        workflow,
        due,
        at: now,
        missed,
        input,
        cause: [],
        attempts: 0,
      }));
      return [
        { id, entry, added, record: { ...record, next, last, pending: [...record.pending, ...added] } },
      ];
    });
    const written = guarded('all that is due', () =>
      transaction(() => {
        for (const { id, record } of changes) store.put(id, record);
      }),
    );
    failing = !written;
    for (const { id, entry, record, added } of written ? changes : []) {
      entry.record = record;
      for (const fire of added) launch(id, fire);
    }
    arm();
  };
  const arm = () => {
    if (timer !== undefined) clock.clearTimeout(timer);
    timer = undefined;
    const next = [...entries.values()].reduce<number | null>(
      (earliest, { record }) =>
        record.next === null ? earliest : Math.min(earliest ?? record.next, record.next),
      null,
    );
    if (closed || next === null) return;
    timer = clock.setTimeout(
      () => {
        timer = undefined;
        look();
      },
      Math.min(LOOK_MS, Math.max(failing ? RETRY_MS : 0, next - clock.now())),
    );
  };

  const take = async (id: string, entry: Entry, event: CloudEvent): Promise<void> => {
    const { plan } = entry;
    const identity = identityOf(event);
    if (plan.kind !== 'on' || entries.get(id) !== entry || entry.record.recent.includes(identity)) return;
    const found = await consumed(plan, entry.record.contexts, event, {
      scope: { evaluate, input: null, variables: {} },
      maxHeld: MAX_HELD,
      onProblem: (problem) =>
        log.debug({ schedule: id, problem: String(problem) }, 'a filter failed on an event'),
    });
    if (found === undefined || entries.get(id) !== entry) return;
    const { contexts, done } = found;
    if (contexts.length > MAX_CONTEXTS)
      log.warn({ schedule: id }, 'the oldest consumption of events was given up');
    const kept = contexts.slice(-MAX_CONTEXTS);
    const recent = [...entry.record.recent, identity].slice(-MAX_RECENT);
    if (done === undefined) return save(id, entry, { contexts: kept, recent });
    const cause = causesOf(done.held);
    if (cause.length >= MAX_CHAIN) {
      log.warn({ schedule: id, cause }, 'a chain of workflows is too long, and ends here');
      return save(id, entry, { contexts: kept, recent });
    }
    const now = clock.now();
    const fire = {
      id: `${id}@${digest(done.held.map(identityOf))}`,
      by: id,
      workflow: entry.record.definition.workflow,
      due: now,
      at: now,
      missed: 0,
      input: outputOf(done, plan.read),
      cause,
      attempts: 0,
    };
    save(id, entry, { contexts: kept, recent, last: now, pending: [...entry.record.pending, fire] });
    launch(id, fire);
  };
  const leave = bus.subscribe(async (event) => {
    const turns = [...entries].map(([id, entry]) => {
      const turn = entry.last.then(() => take(id, entry, event));
      entry.last = turn.catch(() => {});
      return turn;
    });
    await Promise.all(turns);
  });

  for (const { id, value: record } of store.list()) {
    const { schedule, zone } = record.definition;
    try {
      entries.set(id, { record, plan: planOf(id, schedule, zone), last: Promise.resolve() });
    } catch (error) {
      log.error({ schedule: id, problem: String(error) }, 'a schedule that was kept cannot be read');
      continue;
    }
    for (const fire of record.pending) launch(id, fire);
  }
  look();

  return {
    set(id, definition) {
      const plan = planOf(id, definition.schedule, definition.zone);
      const there = entries.get(id);
      const plain = JSON.parse(JSON.stringify(definition)) as ScheduleDefinition;
      if (there !== undefined && isDeepStrictEqual(there.record.definition, plain)) return;
      const record: ScheduleRecord = {
        definition: plain,
        next: firstRun(plan, clock.now()),
        last: null,
        pending: there?.record.pending ?? [],
        contexts: [],
        recent: [],
      };
      store.put(id, record);
      entries.set(id, { record, plan, last: Promise.resolve() });
      look();
    },
    remove(id) {
      const gone = store.delete(id);
      entries.delete(id);
      arm();
      return gone;
    },
    list: () =>
      [...entries].map(([id, { record }]) => ({
        id,
        definition: record.definition,
        pending: record.pending.length,
        next: record.next,
        last: record.last,
      })),
    close() {
      closed = true;
      leave();
      if (timer !== undefined) clock.clearTimeout(timer);
      launcher.close();
    },
  };
}

const digest = (identities: string[]) =>
  createHash('sha256').update(JSON.stringify(identities)).digest('hex').slice(0, 32);

/**
 * Offers an event to the consumptions under way, the oldest first, and then to a new one: with correlations each set of
 * values has one of its own, without there is one at a time.
 * @returns undefined if nobody takes it
 */
async function consumed(
  plan: Plan & { kind: 'on' },
  contexts: ConsumptionState[],
  event: CloudEvent,
  edge: { scope: EventScope; maxHeld: number; onProblem: (problem: unknown) => void },
): Promise<{ contexts: ConsumptionState[]; done?: ConsumptionState } | undefined> {
  const { strategy, read } = plan;
  const correlates = filtersOf(strategy).some(({ filter }) =>
    Object.values(filter.correlate ?? {}).some(({ expect }) => expect === undefined),
  );
  const fresh = contexts.length === 0 || correlates ? [begin(strategy)] : [];
  const judged = await judge(event, { ...edge, strategy });
  if (judged.matched.length === 0) return undefined;
  for (const [index, state] of [...contexts, ...fresh].entries()) {
    const { next } = await consume(state, judged, { ...edge, strategy, read });
    if (!next.changed) continue;
    const isTwin = contexts.some(
      (one, place) => place !== index && isDeepStrictEqual(one.correlations, next.state.correlations),
    );
    // The values have a consumption already, which did not want the event.
    if (index >= contexts.length && isTwin) return undefined;
    if (next.done) return { contexts: contexts.filter((_, place) => place !== index), done: next.state };
    return { contexts: [...contexts.slice(0, index), next.state, ...contexts.slice(index + 1)] };
  }
  return undefined;
}
