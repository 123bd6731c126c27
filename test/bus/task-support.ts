import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type StreamResponse, type Task, TaskState } from '@a2a-js/sdk';
import { onTestFinished } from 'vitest';
import { fold, memoryLedger, type TaskChange, type TaskLedger, type TaskRecord } from '../../broker/index.ts';
import { openStore } from '../../src/durable/index.ts';
import { request } from './support.ts';

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'netagent-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Ledgers by kind; the one in SQLite is closed after the test. */
export const LEDGERS: Record<string, () => TaskLedger> = {
  memory: () => memoryLedger({ maxFinished: 3 }),
  SQLite: () => {
    const store = openStore({ dir: temporaryFolder(), maxFinishedTasks: 3 });
    onTestFinished(() => store.close());
    return store.tasks('org/unit/agent');
  },
};

export const scope = { tenant: '', owner: 'org/unit/asker' };

export const status = (id: string, state: TaskState, second: number): StreamResponse => ({
  payload: {
    $case: 'statusUpdate',
    value: {
      taskId: id,
      contextId: 'c',
      status: {
        state,
        message: undefined,
        timestamp: `2026-01-01T00:00:${String(second).padStart(2, '0')}.000Z`,
      },
      metadata: undefined,
    },
  },
});

export function submitted(id: string, second = 0): Task {
  return {
    id,
    contextId: 'c',
    status: {
      state: TaskState.TASK_STATE_SUBMITTED,
      message: undefined,
      timestamp: `2026-01-01T00:00:${String(second).padStart(2, '0')}.000Z`,
    },
    artifacts: [],
    history: [request('hello', { taskId: id, contextId: 'c', messageId: 'm' }).message],
    metadata: undefined,
  };
}

/** The changes that a task of these items makes, one a commit. */
export function* changes(task: Task, items: StreamResponse[], owner = scope): Generator<TaskChange> {
  const first: StreamResponse = { payload: { $case: 'task', value: task } };
  let record: TaskRecord = { ...owner, id: task.id, seq: 0, cancelling: false, task };
  for (const item of [first, ...items]) {
    const seq = record.seq + 1;
    record = { ...record, seq, task: fold(record.task, item) };
    yield { record, events: [{ seq, item }] };
  }
}
