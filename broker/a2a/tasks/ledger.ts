import type { StreamResponse, Task, TaskState } from '@a2a-js/sdk';

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
  /** The fold of all events. Never changed in place. */
  task: Task;
  /** A cancellation was accepted: it can only end as canceled or failed. */
  cancelling: boolean;
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
  contextId?: string | undefined;
  state?: TaskState | undefined;
  /** Status not older than this, ms since the epoch. */
  updatedAfter?: number | undefined;
  limit: number;
  /** `next` of the page before. */
  cursor?: string | undefined;
}

export interface TaskPage {
  tasks: Task[];
  total: number;
  /** Empty at the end. */
  next: string;
}

/** The tasks of one agent. Reads are synchronous and see what was committed. */
export interface TaskLedger {
  readonly durability: Durability;
  /**
   * Resolves when all of it is durable, rejects when nothing of it is; undefined where there is nothing
   * to wait for. Calls keep their order.
   */
  commit(change: TaskChange): Promise<void> | undefined;
  load(scope: TaskScope, id: string): TaskRecord | undefined;
  /** Events after `seq`, oldest first. */
  events(scope: TaskScope, id: string, after: number): LoggedEvent[];
  /** Newest status first; an unknown cursor gives an empty page. */
  list(scope: TaskScope, query: TaskQuery): TaskPage;
  /** Tasks of all scopes that are neither over nor waiting for the other side. */
  open(): TaskRecord[];
}

export const scopeKey = ({ tenant, owner }: TaskScope, id: string) => `${tenant}\n${owner}\n${id}`;
