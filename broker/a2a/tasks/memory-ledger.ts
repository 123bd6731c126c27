import type { Task } from '@a2a-js/sdk';
import { isAtRest, isTerminal } from './fold.ts';
import {
  type LoggedEvent,
  scopeKey,
  type TaskLedger,
  type TaskPage,
  type TaskQuery,
  type TaskRecord,
} from './ledger.ts';

/** Finished tasks that are kept to be asked for; the oldest is forgotten beyond it. */
const MAX_FINISHED = 10_000;

/** Tasks in memory: what a killed process had is gone. */
export function memoryLedger({ maxFinished = MAX_FINISHED } = {}): TaskLedger {
  const entries = new Map<string, { record: TaskRecord; events: LoggedEvent[] }>();
  const finished = new Set<string>();
  return {
    durability: 'none',
    commit({ record, events }) {
      const key = scopeKey(record, record.id);
      const entry = entries.get(key);
      if (entry === undefined) entries.set(key, { record, events: [...events] });
      else {
        entry.record = record;
        entry.events.push(...events);
      }
      if (isTerminal(record.task.status?.state)) {
        finished.add(key);
        if (finished.size > maxFinished) {
          const oldest = finished.values().next().value as string;
          finished.delete(oldest);
          entries.delete(oldest);
        }
      }
      return undefined;
    },
    load: (scope, id) => entries.get(scopeKey(scope, id))?.record,
    events: (scope, id, after) =>
      (entries.get(scopeKey(scope, id))?.events ?? []).filter(({ seq }) => seq > after),
    list: (scope, query) => {
      const own = [...entries.values()].filter(
        ({ record }) => record.tenant === scope.tenant && record.owner === scope.owner,
      );
      return pageOf(
        own.map(({ record }) => record.task),
        query,
      );
    },
    open: () =>
      [...entries.values()].map(({ record }) => record).filter(({ task }) => !isAtRest(task.status?.state)),
  };
}

/** Newest status first, equal times by id; the cursor names the last task of the page before. */
export function pageOf(tasks: Task[], query: TaskQuery): TaskPage {
  const at = (task: Task) => task.status?.timestamp ?? '';
  const position = (task: Task) => `${at(task)} ${task.id}`;
  const wanted = tasks
    .filter(
      (task) =>
        (query.contextId === undefined || task.contextId === query.contextId) &&
        (query.state === undefined || task.status?.state === query.state) &&
        (query.updatedAfter === undefined || Date.parse(at(task)) >= query.updatedAfter),
    )
    .sort((a, b) => (position(a) < position(b) ? 1 : -1));
  const rest =
    query.cursor === undefined ? wanted : wanted.filter((task) => position(task) < (query.cursor ?? ''));
  const page = rest.slice(0, query.limit);
  const last = page.at(-1);
  return {
    tasks: page,
    total: wanted.length,
    next: last !== undefined && rest.length > page.length ? position(last) : '',
  };
}
