import type { DatabaseSync } from 'node:sqlite';
import { StreamResponse, Task } from '@a2a-js/sdk';
import {
  type Durability,
  fold,
  isAtRest,
  isTerminal,
  type LoggedEvent,
  type TaskChange,
  type TaskLedger,
  type TaskPage,
  type TaskQuery,
  type TaskRecord,
  type TaskScope,
} from '../../broker/index.ts';

/**
 * A snapshot is written after this many events; reads fold the rest. Few tasks have so many, and the first of
 * them holds the accepted task, so that most are written once and not three times.
 */
const SNAPSHOT_EVERY = 32;
/** Finished tasks beyond the limit, or as many again if that is less, before the oldest are deleted. */
const TRIM_SLACK = 1_024;

export const TASK_SCHEMA = `
CREATE TABLE IF NOT EXISTS task (
  key INTEGER PRIMARY KEY, agent TEXT NOT NULL, tenant TEXT NOT NULL, owner TEXT NOT NULL, id TEXT NOT NULL,
  context TEXT NOT NULL, state INTEGER NOT NULL, updated TEXT NOT NULL, resting INTEGER NOT NULL,
  cancelling INTEGER NOT NULL, seq INTEGER NOT NULL, snapshot TEXT NOT NULL,
  UNIQUE (agent, tenant, owner, id)) STRICT;
CREATE INDEX IF NOT EXISTS task_by_time ON task (agent, tenant, owner, updated DESC, id DESC);
CREATE INDEX IF NOT EXISTS task_open ON task (agent) WHERE resting = 0;
CREATE TABLE IF NOT EXISTS task_event (
  task INTEGER NOT NULL REFERENCES task (key) ON DELETE CASCADE, seq INTEGER NOT NULL, items TEXT NOT NULL,
  PRIMARY KEY (task, seq)) STRICT, WITHOUT ROWID;
`;

export interface LedgerOptions {
  database: DatabaseSync;
  durability: Durability;
  /** Finished tasks kept for each agent. */
  maxFinished: number;
}

interface Row {
  key: number;
  tenant: string;
  owner: string;
  id: string;
  cancelling: number;
  seq: number;
  snapshot: string;
}

interface Write {
  agent: string;
  change: TaskChange;
  resolve(): void;
  reject(error: unknown): void;
}

export interface TaskLedgers {
  /** The tasks of one agent. */
  of(agent: string): TaskLedger;
  /** Writes what waits, at once. */
  flush(): void;
}

/**
 * The event logs of all agents' tasks. All commits of one turn of the event loop share one transaction, so
 * that many writers pay for one sync.
 */
export function taskLedgers({ database, durability, maxFinished }: LedgerOptions): TaskLedgers {
  const sql = statements(database);
  const keys = new Map<string, { key: number; snapshotAt: number }>();
  let queue: Write[] = [];
  let scheduled = false;
  /** Finished tasks by agent, at most: deletions by hand are not seen. */
  const finished = new Map<string, number>();

  const write = ({ agent, change: { record, events } }: Write) => {
    const { tenant, owner, id, seq, task, cancelling } = record;
    const name = nameOf(agent, record, id);
    const state = task.status?.state ?? 0;
    const resting = isAtRest(state) ? 1 : 0;
    const facts = [state, task.status?.timestamp ?? '', resting, cancelling ? 1 : 0] as const;
    const known = keys.get(name) ?? sql.find(agent, tenant, owner, id);
    if (known === undefined) {
      const isWhole = events[0]?.seq === 1 && events[0].item.payload?.$case === 'task';
      const snapshotAt = isWhole && events.length < SNAPSHOT_EVERY ? 0 : seq;
      const snapshot = snapshotAt === 0 ? NO_SNAPSHOT : encode(task);
      const key = sql.insert(agent, tenant, owner, id, task.contextId, ...facts, snapshotAt, snapshot);
      keys.set(name, { key, snapshotAt });
    } else if (seq - known.snapshotAt >= SNAPSHOT_EVERY) {
      sql.update(...facts, seq, encode(task), known.key);
      keys.set(name, { key: known.key, snapshotAt: seq });
    } else {
      sql.touch(...facts, known.key);
      keys.set(name, known);
    }
    const { key } = keys.get(name) as { key: number };
    const first = events[0];
    if (first !== undefined) {
      sql.log(key, first.seq, JSON.stringify(events.map(({ item }) => StreamResponse.toJSON(item))));
    }
    if (resting === 1) keys.delete(name);
    if (isTerminal(state)) finished.set(agent, (finished.get(agent) ?? sql.finished(agent) - 1) + 1);
  };

  const flush = () => {
    scheduled = false;
    const writes = queue;
    queue = [];
    if (writes.length === 0) return;
    try {
      database.exec('BEGIN IMMEDIATE');
      for (const each of writes) write(each);
      for (const [agent, count] of finished) {
        if (count < maxFinished + Math.min(TRIM_SLACK, maxFinished)) continue;
        sql.trim(agent, maxFinished);
        finished.set(agent, maxFinished);
      }
      database.exec('COMMIT');
    } catch (error) {
      if (database.isOpen && database.isTransaction) database.exec('ROLLBACK');
      // What was noted of keys may have been undone.
      keys.clear();
      finished.clear();
      for (const { reject } of writes) reject(error);
      return;
    }
    for (const { resolve } of writes) resolve();
  };

  const read = (row: Row): TaskRecord => {
    let { seq } = row;
    let task = Task.fromJSON(row.snapshot === NO_SNAPSHOT ? {} : JSON.parse(row.snapshot));
    for (const event of sql.events(row.key, seq)) {
      task = fold(task, event.item);
      seq = event.seq;
    }
    return { tenant: row.tenant, owner: row.owner, id: row.id, cancelling: row.cancelling === 1, seq, task };
  };

  return {
    flush,
    of: (agent) => ({
      durability,
      commit: (change) =>
        new Promise<void>((resolve, reject) => {
          queue.push({ agent, change, resolve, reject });
          if (scheduled) return;
          scheduled = true;
          setImmediate(flush);
        }),
      load: ({ tenant, owner }, id) => {
        const row = sql.row(agent, tenant, owner, id);
        return row === undefined ? undefined : read(row);
      },
      events: ({ tenant, owner }, id, after) => {
        const found = sql.find(agent, tenant, owner, id);
        return found === undefined ? [] : sql.events(found.key, after);
      },
      list: (scope, query) => list(sql, agent, scope, query, read),
      open: () => sql.open(agent).map(read),
    }),
  };
}

function list(
  sql: ReturnType<typeof statements>,
  agent: string,
  { tenant, owner }: TaskScope,
  query: TaskQuery,
  read: (row: Row) => TaskRecord,
): TaskPage {
  const after = query.updatedAfter === undefined ? '' : new Date(query.updatedAfter).toISOString();
  const filter = { agent, tenant, owner, context: query.contextId ?? '', state: query.state ?? 0, after };
  const split = query.cursor?.indexOf(' ') ?? -1;
  const cursor =
    query.cursor === undefined
      ? { updated: '~', id: '' }
      : { updated: query.cursor.slice(0, split), id: query.cursor.slice(split + 1) };
  const rows = sql.page({ ...filter, ...cursor, limit: query.limit + 1 });
  const tasks = rows.slice(0, query.limit).map((row) => read(row).task);
  const last = tasks.at(-1);
  const more = rows.length > query.limit && last !== undefined;
  return { tasks, total: sql.count(filter), next: more ? `${last.status?.timestamp ?? ''} ${last.id}` : '' };
}

/** The first event holds the task. */
const NO_SNAPSHOT = '';
const encode = (task: Task) => JSON.stringify(Task.toJSON(task));
const nameOf = (agent: string, { tenant, owner }: TaskScope, id: string) =>
  [agent, tenant, owner, id].join('\n');

function statements(database: DatabaseSync) {
  const same = 'agent = ? AND tenant = ? AND owner = ? AND id = ?';
  const filter =
    "agent = :agent AND tenant = :tenant AND owner = :owner AND (:context = '' OR context = :context)" +
    ' AND (:state = 0 OR state = :state) AND updated >= :after';
  const find = database.prepare(`SELECT key, seq AS snapshotAt FROM task WHERE ${same}`);
  const row = database.prepare(`SELECT * FROM task WHERE ${same}`);
  const insert = database.prepare(
    'INSERT INTO task (agent, tenant, owner, id, context, state, updated, resting, cancelling, seq, snapshot)' +
      ' VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const facts = 'state = ?, updated = ?, resting = ?, cancelling = ?';
  const update = database.prepare(`UPDATE task SET ${facts}, seq = ?, snapshot = ? WHERE key = ?`);
  const touch = database.prepare(`UPDATE task SET ${facts} WHERE key = ?`);
  const log = database.prepare('INSERT INTO task_event (task, seq, items) VALUES (?, ?, ?)');
  // A row holds the events of one commit, from its number on: the row before may reach beyond `after`.
  const events = database.prepare(
    'SELECT seq, items FROM task_event WHERE task = ? AND seq >=' +
      ' (SELECT coalesce(max(seq), 0) FROM task_event WHERE task = ? AND seq <= ?) ORDER BY seq',
  );
  const open = database.prepare('SELECT * FROM task WHERE agent = ? AND resting = 0 ORDER BY key');
  const page = database.prepare(
    `SELECT * FROM task WHERE ${filter} AND (updated, id) < (:updated, :id)` +
      ' ORDER BY updated DESC, id DESC LIMIT :limit',
  );
  const count = database.prepare(`SELECT count(*) AS n FROM task WHERE ${filter}`);
  const finished = database.prepare(
    'SELECT count(*) AS n FROM task WHERE agent = ? AND state IN (3, 4, 5, 7)',
  );
  const trim = database.prepare(
    'DELETE FROM task WHERE key IN (SELECT key FROM task WHERE agent = :agent AND state IN (3, 4, 5, 7)' +
      ' ORDER BY updated DESC LIMIT -1 OFFSET :keep)',
  );
  return {
    find: (...ids: [string, string, string, string]) =>
      find.get(...ids) as { key: number; snapshotAt: number } | undefined,
    row: (...ids: [string, string, string, string]) => row.get(...ids) as Row | undefined,
    insert: (...values: Array<string | number>) => Number(insert.run(...values).lastInsertRowid),
    update: (...values: Array<string | number>) => void update.run(...values),
    touch: (...values: Array<string | number>) => void touch.run(...values),
    log: (key: number, seq: number, items: string) => void log.run(key, seq, items),
    events: (key: number, after: number): LoggedEvent[] =>
      (events.all(key, key, after) as Array<{ seq: number; items: string }>).flatMap(({ seq, items }) =>
        (JSON.parse(items) as unknown[]).flatMap((item, index) =>
          seq + index > after ? [{ seq: seq + index, item: StreamResponse.fromJSON(item) }] : [],
        ),
      ),
    open: (agent: string) => open.all(agent) as unknown as Row[],
    page: (values: Record<string, string | number>) => page.all(values) as unknown as Row[],
    count: (values: Record<string, string | number>) => (count.get(values) as { n: number }).n,
    finished: (agent: string) => (finished.get(agent) as { n: number }).n,
    trim: (agent: string, keep: number) => void trim.run({ agent, keep }),
  };
}
