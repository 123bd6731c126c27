import {
  createEventBus,
  openTriggers,
  parseTriggers,
  type ScheduleRecord,
  type TriggerRecord,
  type TriggersOptions,
} from '../../../src/workflow/events/index.ts';
import { settle, testEnv } from '../kit.ts';
import { engine, event, memory, scopeOf, WallClock } from './kit.ts';

export const START = Date.parse('2026-05-01T00:00:00Z');

/** Triggers on a clock that stands, with an engine that only keeps what is started. */
export function world() {
  const clock = new WallClock(START);
  const { log, ids } = testEnv();
  const warned: object[] = [];
  const bus = createEventBus({ log });
  const store = memory<TriggerRecord>();
  const schedules = memory<ScheduleRecord>();
  const run = engine();
  const options: TriggersOptions = {
    clock,
    ids,
    log: { ...log, warn: (fields) => void warned.push(fields) },
    bus,
    evaluate: scopeOf().evaluate,
    store,
    schedules,
    start: run.start,
  };
  const open = (triggers: unknown, more: Partial<TriggersOptions> = {}) => {
    const opened = openTriggers({ ...options, ...more });
    opened.load(parseTriggers(triggers, 'test'));
    return opened;
  };
  const started = () => run.started().map(({ by, input }) => [by, input]);
  const endAll = async () => {
    for (const { end } of run.instances.values()) end();
    await settle();
  };
  return { clock, bus, store, schedules, run, open, started, endAll, warned, options };
}

export const alarm = (id: string, alarmId: string, more: object = {}) =>
  event(id, 'netagent.alarm.raised', {
    subject: `cell/${alarmId}`,
    data: { alarmId, probableCause: 'cell-down' },
    ...more,
  });
export const repair = { id: 'repair', on: 'alarm', workflow: 'ops/repair' };
