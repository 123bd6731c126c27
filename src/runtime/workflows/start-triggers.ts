import type { Clock, Env } from '../../../machines/ports.ts';
import type { Store } from '../../durable/index.ts';
import type { NetMcpClient } from '../../netmcp/index.ts';
import {
  type Evaluator,
  type EventBus,
  openScheduler,
  openTriggers,
  type Pool,
  publishAlarms,
  readTriggers,
  type ScheduleRecord,
  type StartWorkflow,
  schedulesOf,
  type Trigger,
  type TriggerRecord,
  type Triggers,
  triggersOf,
  type WatchRecord,
  watchConditions,
} from '../../workflow/index.ts';
import { readText } from './read-text.ts';
import { type AlarmRecord, toolAlarms, toolReadings } from './sources.ts';

/** How often alarms and figures are read, ms. */
const EVERY_MS = 10_000;

/**
 * What starts workflows: the triggers of a file and of the templates, the schedules of the documents. Alarms and
 * figures of the network are read only where a trigger asks for them.
 */
export async function startTriggers(parts: {
  env: Env;
  clock: Clock;
  store: Store;
  events: EventBus;
  evaluator: Evaluator;
  tools(): Promise<NetMcpClient>;
  pool: Pool;
  /** IANA name, for cron. */
  zone: string;
  file: string | undefined;
  start: StartWorkflow;
}): Promise<Pick<Triggers, 'list' | 'request' | 'propose'> & { close(): void }> {
  const { env, clock, store, events, pool } = parts;
  const evaluate = (expression: string, data: unknown, variables: Record<string, unknown>) =>
    parts.evaluator.evaluate(expression, data, variables);
  const call: NetMcpClient['callTool'] = async (...given) => (await parts.tools()).callTool(...given);
  const watch = watchConditions({
    clock,
    log: env.log,
    bus: events,
    every: { milliseconds: EVERY_MS },
    read: toolReadings({ call, evaluate }),
    store: store.collection<WatchRecord>('workflow-condition'),
  });
  const common = {
    clock,
    log: env.log,
    bus: events,
    evaluate,
    start: parts.start,
    transaction: store.transaction,
  };
  const triggers = openTriggers({
    ...common,
    ids: env.ids,
    store: store.collection<TriggerRecord>('workflow-trigger'),
    schedules: store.collection<ScheduleRecord>('workflow-trigger-schedule'),
    watch,
  });
  const scheduler = openScheduler({
    ...common,
    store: store.collection<ScheduleRecord>('workflow-schedule'),
  });
  let alarms: { close(): void } | undefined;
  const listenToAlarms = () => {
    if (alarms !== undefined) return;
    const source = toolAlarms({
      clock,
      log: env.log,
      call,
      store: store.collection<AlarmRecord>('workflow-alarm'),
      every: EVERY_MS,
    });
    const stop = publishAlarms({ bus: events, source, log: env.log });
    alarms = {
      close() {
        stop();
        source.close();
      },
    };
  };
  const fromFile = parts.file === undefined ? [] : readTriggers(readText(parts.file), parts.file);

  /** Brings triggers and schedules up to what the pool has now. */
  const load = () => {
    const own: Trigger[] = [];
    const scheduled = new Set<string>();
    for (const template of pool.list()) {
      try {
        const { document } = template.workflow;
        own.push(...triggersOf(document, template.file));
        for (const { id, definition } of schedulesOf(document, parts.zone)) {
          scheduler.set(id, definition);
          scheduled.add(id);
        }
      } catch (error) {
        env.log.warn({ template: template.id, problem: String(error) }, 'a template is not triggered');
      }
    }
    for (const { id } of scheduler.list()) if (!scheduled.has(id)) scheduler.remove(id);
    const all = [...fromFile, ...own];
    triggers.load(all);
    if (all.some(({ on }) => on === 'alarm')) listenToAlarms();
  };
  load();
  const stop = pool.onChange(() => {
    try {
      load();
    } catch (error) {
      env.log.warn({ problem: String(error) }, 'triggers stay as they were');
    }
  });
  return {
    list: () => triggers.list(),
    request: (...given) => triggers.request(...given),
    propose: (...given) => triggers.propose(...given),
    close() {
      stop();
      alarms?.close();
      watch.close();
      scheduler.close();
      triggers.close();
    },
  };
}
