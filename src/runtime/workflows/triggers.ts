import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Env } from '../../../machines/index.ts';
import type { Store } from '../../durable/index.ts';
import type { NetMcpClient, NfTool } from '../../netmcp/index.ts';
import {
  type CompiledWorkflow,
  type ConditionWatch,
  type Evaluator,
  type EventBus,
  openScheduler,
  openTriggers,
  publishAlarms,
  readTriggers,
  type Scheduler,
  type StartWorkflow,
  schedulesOf,
  type Trigger,
  type Triggers,
  triggersOf,
  type WorkflowEngine,
  watchConditions,
} from '../../workflow/index.ts';
import { toolAlarms, toolReadings } from './sources.ts';
import { triggerTools } from './trigger-tools.ts';

/** How often figures and alarms of the network are read, ms of the clock that is given. */
const READ_MS = 10_000;
const ALARMS_MS = 5_000;

export interface Started {
  triggers: Triggers;
  scheduler: Scheduler;
  watch: ConditionWatch;
  /** For a tool server: the way in for agents and third parties. */
  tools: NfTool[];
  /** Takes over what the catalogue and a folder of triggers say now. */
  load(workflows: readonly CompiledWorkflow[], more: readonly Trigger[]): void;
  /** Before the engine is closed. */
  close(): void;
}

/**
 * Everything that starts workflows by itself, on the store of the runtime and the tools of the network; `load` sets it
 * going. The engine must have taken up its instances.
 */
export function startTriggers(parts: {
  env: Env;
  /** Network time, or wall time where workflows live in it. */
  clock: Clock;
  bus: EventBus;
  store: Store;
  evaluator: Pick<Evaluator, 'evaluate'>;
  /** Begins instances; `startOn` makes one of an engine. */
  start: StartWorkflow;
  show: WorkflowEngine['show'];
  call: NetMcpClient['callTool'];
  /** Of cron schedules that name none. */
  timeZone?: string;
}): Started {
  const { env, clock, bus, store, start, show, call, timeZone } = parts;
  const { log, ids } = env;
  const { evaluate } = parts.evaluator;
  const common = { clock, log, bus, evaluate, start, transaction: store.transaction };
  const watch = watchConditions({
    clock,
    log,
    bus,
    every: { milliseconds: READ_MS },
    read: toolReadings({ call, evaluate }),
    store: store.collection('workflow-conditions'),
  });
  const alarms = toolAlarms({
    clock,
    log,
    call,
    every: ALARMS_MS,
    store: store.collection('workflow-alarms'),
  });
  const triggers = openTriggers({
    ...common,
    ids,
    watch,
    store: store.collection('workflow-triggers'),
    schedules: store.collection('workflow-trigger-schedules'),
  });
  const scheduler = openScheduler({ ...common, store: store.collection('workflow-schedules') });
  let stopAlarms: (() => void) | undefined;

  return {
    triggers,
    scheduler,
    watch,
    tools: triggerTools({ triggers, show }),
    load(workflows, more) {
      const own = workflows.flatMap(({ document, id }) => triggersOf(document, id));
      triggers.load([...more, ...own]);
      const wanted = workflows.flatMap(({ document }) => schedulesOf(document, timeZone));
      for (const { id } of scheduler.list()) if (!wanted.some((one) => one.id === id)) scheduler.remove(id);
      for (const { id, definition } of wanted) scheduler.set(id, definition);
      // Only now is there somebody to hear of them.
      stopAlarms ??= publishAlarms({ source: alarms, bus, log });
    },
    close() {
      stopAlarms?.();
      alarms.close();
      watch.close();
      triggers.close();
      scheduler.close();
    },
  };
}

/** The triggers of a folder, of all YAML files in it, in their order. @throws WORKFLOW_TRIGGER_INVALID */
export function triggersIn(folder: string): Trigger[] {
  return readdirSync(folder)
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .flatMap((name) => readTriggers(readFileSync(join(folder, name), 'utf8'), join(folder, name)));
}
