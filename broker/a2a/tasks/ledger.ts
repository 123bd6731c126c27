import type { StreamResponse, Task } from '@a2a-js/sdk';

/** What survives of tasks, and how: the port of the task service to a store. */

/** `none`: memory. `write`: survives a killed process. `fsync`: survives loss of power. */
export type Durability = 'none' | 'write' | 'fsync';

/** Nobody sees a task of another scope. */
export interface TaskScope {
  tenant: string;
  /** Who sent the first message: the identity of the connection, or the subject of its token. */
  owner: string;
}

export interface TaskRecord extends TaskScope {
  id: string;
  /** Number of the last event that `task` contains; the first event has 1. */
  seq: number;
  task: Task;
}

export interface LoggedEvent {
  seq: number;
  item: StreamResponse;
}

/** One change of one task: its new events, and the record that they lead to. */
export interface TaskChange {
  record: TaskRecord;
  events: readonly LoggedEvent[];
}

export interface TaskQuery {
  contextId?: string;
  /** A2A state number. */
  state?: number;
  /** Status not older than this, ms since the epoch. */
  updatedAfter?: number;
  limit: number;
  /** Of the last page. */
  cursor?: string;
}

export interface TaskPage {
  records: TaskRecord[];
  total: number;
  /** Empty at the end. */
  next: string;
}

/** The tasks of one agent. Reads are synchronous and see what was committed. */
export interface TaskLedger {
  readonly durability: Durability;
  /** Resolves when all of it is durable, rejects when nothing of it is. Calls keep their order. */
  commit(change: TaskChange): Promise<void>;
  load(scope: TaskScope, id: string): TaskRecord | undefined;
  /** Events after `seq`, oldest first. */
  events(scope: TaskScope, id: string, after: number): LoggedEvent[];
  /** Newest status first. @throws on a cursor that is not one of ours */
  list(scope: TaskScope, query: TaskQuery): TaskPage;
  /** Tasks of all scopes that are neither over nor waiting for the other side. */
  open(): TaskRecord[];
}
