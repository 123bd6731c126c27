import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TaskLedger } from '../../broker/index.ts';
import { fail } from '../errors.ts';
import { TASK_SCHEMA, type TaskLedgers, taskLedgers } from './task-ledger.ts';
import { WORKFLOW_SCHEMA, type WorkflowLedger, workflowLedger } from './workflow-ledger.ts';

/** JSON values by id. */
export interface Collection<T> {
  get(id: string): T | undefined;
  put(id: string, value: T): void;
  delete(id: string): boolean;
  /** In the order of the ids. */
  list(): Array<{ id: string; value: T }>;
}

export interface Store {
  file: string;
  collection<T>(name: string): Collection<T>;
  /** The tasks of one agent, as event logs. */
  tasks(agent: string): TaskLedger;
  /** The workflow instances of the runtime. */
  workflows(): WorkflowLedger;
  /** All of `work` or nothing of it. */
  transaction<R>(work: () => R): R;
  close(): void;
}

export const STORE_FILE = 'netagent.db';
/** `application_id` of our files ("neta"): a foreign database is refused, not written into. */
const APPLICATION = 0x6e657461;
const SCHEMA = 3;
const MAGIC = 'SQLite format 3\u0000';

export interface StoreOptions {
  dir: string;
  /** `write` survives a killed process, `fsync` also a loss of power. */
  durability?: 'write' | 'fsync';
  /** Finished tasks kept for each agent; the oldest go. */
  maxFinishedTasks?: number;
}

/**
 * Opens the store of a runtime: one SQLite file in `dir`, write-ahead log, so that what was written when a
 * call returns survives a killed process.
 * @throws STORE_BROKEN if the folder or the file cannot be used, STORE_LOCKED if another runtime has it;
 * nothing is changed then.
 */
export function openStore({ dir, durability = 'fsync', maxFinishedTasks = 20_000 }: StoreOptions): Store {
  const file = join(dir, STORE_FILE);
  const broken = (problem: string) => fail('STORE_BROKEN', { file, problem });
  try {
    mkdirSync(dir, { recursive: true });
  } catch (error) {
    throw broken(reason(error));
  }
  refuseForeign(file, broken);
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(file);
  } catch (error) {
    throw broken(reason(error));
  }
  try {
    prepare(database, durability);
  } catch (error) {
    database.close();
    if (/locked/.test(reason(error))) throw fail('STORE_LOCKED', { file });
    throw broken(reason(error));
  }
  const ledgers = taskLedgers({ database, durability, maxFinished: maxFinishedTasks });
  return storeOf(database, file, ledgers);
}

/** A file that is no database is left as it is: SQLite would take some of them for an empty one. */
function refuseForeign(file: string, broken: (problem: string) => Error): void {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isFile()) throw broken('it is not a file');
  if (stat.size === 0) return;
  let head: string;
  try {
    head = readFileSync(file).subarray(0, MAGIC.length).toString('latin1');
  } catch (error) {
    throw broken(reason(error));
  }
  if (head !== MAGIC) throw broken('it is not a database of netagent');
}

function prepare(database: DatabaseSync, durability: 'write' | 'fsync'): void {
  const number = (pragma: string) =>
    Object.values(database.prepare(`PRAGMA ${pragma}`).get() as Record<string, number>)[0] as number;
  const tables = database.prepare('SELECT count(*) AS n FROM sqlite_master').get() as { n: number };
  const application = number('application_id');
  if (application !== APPLICATION && (application !== 0 || tables.n > 0)) {
    throw new Error('it is a database of another program');
  }
  const version = number('user_version');
  if (version > SCHEMA)
    throw new Error(`its schema ${version} is newer than ${SCHEMA}, which this version knows`);
  // One runtime a store: the exclusive lock is taken by the first statement and held until close.
  const synchronous = durability === 'fsync' ? 'FULL' : 'NORMAL';
  database.exec(
    `PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}`,
  );
  database.exec(
    `BEGIN IMMEDIATE; PRAGMA application_id = ${APPLICATION}; PRAGMA user_version = ${SCHEMA};` +
      'CREATE TABLE IF NOT EXISTS item (collection TEXT NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL,' +
      ` PRIMARY KEY (collection, id)) STRICT, WITHOUT ROWID; ${TASK_SCHEMA} ${WORKFLOW_SCHEMA} COMMIT`,
  );
  const check = database.prepare('PRAGMA quick_check(1)').get() as Record<string, string>;
  if (Object.values(check)[0] !== 'ok') throw new Error('it is damaged');
}

function storeOf(database: DatabaseSync, file: string, ledgers: TaskLedgers): Store {
  const get = database.prepare('SELECT value FROM item WHERE collection = ? AND id = ?');
  const put = database.prepare(
    'INSERT INTO item (collection, id, value) VALUES (?, ?, ?)' +
      ' ON CONFLICT (collection, id) DO UPDATE SET value = excluded.value',
  );
  const remove = database.prepare('DELETE FROM item WHERE collection = ? AND id = ?');
  const list = database.prepare('SELECT id, value FROM item WHERE collection = ? ORDER BY id');
  const guarded = <R>(work: () => R): R => {
    try {
      return work();
    } catch (error) {
      throw fail('STORE_BROKEN', { file, problem: reason(error) }, { cause: error });
    }
  };
  let depth = 0;
  return {
    file,
    collection: <T>(name: string): Collection<T> => ({
      get: (id) => {
        const row = guarded(() => get.get(name, id)) as { value: string } | undefined;
        return row === undefined ? undefined : (JSON.parse(row.value) as T);
      },
      put: (id, value) => void guarded(() => put.run(name, id, JSON.stringify(value))),
      delete: (id) => guarded(() => remove.run(name, id)).changes > 0,
      list: () =>
        (guarded(() => list.all(name)) as Array<{ id: string; value: string }>).map((row) => ({
          id: row.id,
          value: JSON.parse(row.value) as T,
        })),
    }),
    tasks: ledgers.of,
    workflows: () => guarded(() => workflowLedger(database, guarded)),
    transaction: (work) => {
      if (depth > 0) return work();
      guarded(() => database.exec('BEGIN IMMEDIATE'));
      depth += 1;
      try {
        const result = work();
        guarded(() => database.exec('COMMIT'));
        return result;
      } catch (error) {
        database.exec('ROLLBACK');
        throw error;
      } finally {
        depth -= 1;
      }
    },
    close: () => {
      if (!database.isOpen) return;
      ledgers.flush();
      database.close();
    },
  };
}

function reason(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  if (code === 'ENOTDIR' || code === 'EEXIST') return 'the folder is a file';
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') return 'it cannot be written';
  return (message ?? String(error)).split('\n')[0] ?? '';
}
