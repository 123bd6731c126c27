/** Open Workflow DSL 1.0.3 as this engine reads it; the names are the specification's. */

export type DurationSpec = string | Record<string, number>;
export type Transform = string | Record<string, unknown>;

export interface SchemaSpec {
  format?: string | undefined;
  document?: unknown;
  resource?: Resource | undefined;
}

/** `externalResource` */
export interface Resource {
  name?: string | undefined;
  endpoint: string | { uri: string; authentication?: unknown };
}

export interface TimeoutSpec {
  after: DurationSpec;
}

export interface ErrorSpec {
  type: string;
  status: number | string;
  title?: string | undefined;
  detail?: string | undefined;
  instance?: string | undefined;
}

export interface RetryPolicy {
  when?: string | undefined;
  exceptWhen?: string | undefined;
  delay?: DurationSpec | undefined;
  backoff?: { constant?: unknown; linear?: unknown; exponential?: unknown } | undefined;
  jitter?: { from: DurationSpec; to: DurationSpec } | undefined;
  limit?:
    | {
        attempt?: { count?: number | undefined; duration?: DurationSpec | undefined } | undefined;
        duration?: DurationSpec | undefined;
      }
    | undefined;
}

export interface InputSpec {
  schema?: SchemaSpec | undefined;
  from?: Transform | undefined;
}
/** `output` and `export` */
export interface OutputSpec {
  schema?: SchemaSpec | undefined;
  as?: Transform | undefined;
}

/** `taskBase` */
export interface TaskBase {
  if?: string | undefined;
  input?: InputSpec | undefined;
  output?: OutputSpec | undefined;
  export?: OutputSpec | undefined;
  timeout?: TimeoutSpec | string | undefined;
  then?: string | undefined;
  metadata?: Record<string, unknown> | undefined;
}

export interface EventFilter {
  with: Record<string, unknown>;
  correlate?: Record<string, { from: string; expect?: string | undefined }> | undefined;
}
/** `eventConsumptionStrategy` */
export interface Strategy {
  all?: EventFilter[] | undefined;
  any?: EventFilter[] | undefined;
  one?: EventFilter | undefined;
  until?: string | Strategy | undefined;
}
/** `subscriptionIterator` */
export interface Foreach {
  item: string;
  at: string;
  do?: TaskList | undefined;
  output?: OutputSpec | undefined;
  export?: OutputSpec | undefined;
}

export type CallTask = TaskBase & { call: string; with?: Record<string, unknown> | undefined };
export type SetTask = TaskBase & { set: string | Record<string, unknown> };
export type DoTask = TaskBase & { do: TaskList };
export type WaitTask = TaskBase & { wait: DurationSpec };
export type RaiseTask = TaskBase & { raise: { error: ErrorSpec | string } };
export type SwitchTask = TaskBase & {
  switch: Array<Record<string, { when?: string | undefined; then: string }>>;
};
export type ForTask = TaskBase & {
  for: { each: string; in: string | unknown[]; at: string };
  while?: string | undefined;
  do: TaskList;
};
export type ForkTask = TaskBase & { fork: { branches: TaskList; compete: boolean } };
export interface Catch {
  errors?: { with?: Partial<Record<keyof ErrorSpec, unknown>> | undefined } | undefined;
  as: string;
  when?: string | undefined;
  exceptWhen?: string | undefined;
  retry?: RetryPolicy | string | undefined;
  do?: TaskList | undefined;
  then?: string | undefined;
}
export type TryTask = TaskBase & { try: TaskList; catch: Catch };
export type EmitTask = TaskBase & { emit: { event: { with: Record<string, unknown> } } };
export type ListenTask = TaskBase & {
  listen: { to: Strategy; read: 'data' | 'envelope' | 'raw' };
  foreach?: Foreach | undefined;
};
export interface ProcessSpec {
  stdin?: string | undefined;
  arguments?: string[] | undefined;
  environment?: Record<string, unknown> | undefined;
}
export type RunSpec = {
  await: boolean;
  return: 'stdout' | 'stderr' | 'code' | 'all' | 'none';
  container?: Record<string, unknown> | undefined;
  script?:
    | (ProcessSpec & { language: string; code?: string | undefined; source?: Resource | undefined })
    | undefined;
  shell?: (ProcessSpec & { command: string }) | undefined;
  workflow?: { namespace: string; name: string; version: string; input?: unknown } | undefined;
};
export type RunTask = TaskBase & { run: RunSpec };

export type Task =
  | CallTask
  | SetTask
  | DoTask
  | WaitTask
  | RaiseTask
  | SwitchTask
  | ForTask
  | ForkTask
  | TryTask
  | EmitTask
  | ListenTask
  | RunTask;
export type TaskList = Array<Record<string, Task>>;

/** The kinds of tasks; the kind of a task is the first of these keys that it has: `for` and `try` have others. */
export const KINDS = [
  'for',
  'try',
  'call',
  'set',
  'switch',
  'fork',
  'wait',
  'raise',
  'emit',
  'listen',
  'run',
  'do',
] as const;
export type Kind = (typeof KINDS)[number];

export interface Extension {
  extend: Kind | 'composite' | 'all';
  when?: string | undefined;
  before?: TaskList | undefined;
  after?: TaskList | undefined;
}

export interface Use {
  authentications?: Record<string, unknown> | undefined;
  errors?: Record<string, ErrorSpec> | undefined;
  extensions?: Array<Record<string, Extension>> | undefined;
  functions?: Record<string, Task> | undefined;
  retries?: Record<string, RetryPolicy> | undefined;
  secrets?: string[] | undefined;
  timeouts?: Record<string, TimeoutSpec> | undefined;
  catalogs?: Record<string, { endpoint: Resource['endpoint'] }> | undefined;
}

export interface Schedule {
  every?: DurationSpec | undefined;
  cron?: string | undefined;
  after?: DurationSpec | undefined;
  on?: Strategy | undefined;
  read?: 'data' | 'envelope' | 'raw' | undefined;
}

export interface WorkflowDocument {
  document: {
    dsl: string;
    namespace: string;
    name: string;
    version: string;
    title?: string | undefined;
    summary?: string | undefined;
    tags?: Record<string, unknown> | undefined;
    metadata?: Record<string, unknown> | undefined;
  };
  input?: InputSpec | undefined;
  use?: Use | undefined;
  do: TaskList;
  timeout?: TimeoutSpec | string | undefined;
  output?: OutputSpec | undefined;
  schedule?: Schedule | undefined;
  evaluate?: { language?: string | undefined; mode?: string | undefined } | undefined;
}

/** @throws never: a task that was parsed has a kind */
export const kindOf = (task: Task): Kind => KINDS.find((key) => Object.hasOwn(task, key)) as Kind;
