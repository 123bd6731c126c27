export {
  ALARM_CHANGED,
  ALARM_CLEARED,
  ALARM_RAISED,
  type Alarm,
  type AlarmChange,
  type AlarmSource,
  alarmChanges,
  alarmEvent,
  publishAlarms,
} from './alarms.ts';
export { createEventBus } from './bus.ts';
export { CAUSE, causedBy, causeOf } from './cause.ts';
export { type EventDefaults, identityOf, makeEvent, parseEvent } from './cloud-event.ts';
export { type Condition, type ConditionState, observe, parseCondition, unknownState } from './condition.ts';
export {
  CONDITION_ENTERED,
  CONDITION_LEFT,
  type ConditionWatch,
  type Reading,
  type WatchOptions,
  type WatchRecord,
  watchConditions,
} from './conditions.ts';
export { type Consumer, type ConsumerOptions, createConsumer, outputOf, readEvent } from './consumer.ts';
export { begin, type ConsumptionState, type Offer, type Step, step } from './consumption.ts';
export { type Duration, durationSchema } from './duration.ts';
export { matchFilter } from './filter.ts';
export type { Refusal, TriggerRecord } from './guard.ts';
export type { Fire, StartWorkflow } from './launcher.ts';
export { type Missed, type Schedule, scheduleSchema } from './schedule.ts';
export {
  openScheduler,
  type ScheduleDefinition,
  type ScheduleRecord,
  type Scheduler,
  type SchedulerOptions,
  schedulesOf,
} from './scheduler.ts';
export { startOn } from './start.ts';
export {
  type ConsumptionStrategy,
  type EventFilter,
  eventFilterSchema,
  filtersOf,
  type IndexedFilter,
  strategySchema,
} from './strategy.ts';
export { parseTriggers, readTriggers, type Trigger, triggersOf } from './trigger.ts';
export {
  type Outcome,
  openTriggers,
  type TriggerStanding,
  type Triggers,
  type TriggersOptions,
} from './triggers.ts';
export type { CloudEvent, EventBus, EventScope, ReadAs } from './types.ts';
