import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fail } from '../errors.ts';

/** JSON values under context, kind and key. */
export interface SharedRows {
  get<T>(context: string, kind: string, key: string): T | undefined;
  put(context: string, kind: string, key: string, value: unknown): void;
  delete(context: string, kind: string, key: string): void;
  /** In the order of the keys' UTF-8 bytes. */
  list<T>(
    context: string,
    kind: string,
    options?: { prefix?: string; limit?: number },
  ): Array<{ key: string; value: T }>;
  drop(context: string): void;
}

/** Rows that several processes of one machine share; each transaction excludes all others. */
export interface SharedStore {
  file: string;
  transact<R>(work: (rows: SharedRows) => R): R;
  close(): void;
}

export const CONTEXT_FILE = 'contexts.db';
/** "netc": a foreign database is refused, not written into. */
const APPLICATION = 0x6e657463;
const SCHEMA = 1;
/** How long a transaction waits for those of other processes, ms. */
const BUSY = 5_000;

/**
 * Opens the execution contexts of the tool servers of one machine: a file of its own, since the store of a
 * runtime belongs to one process alone.
 * @throws STORE_BROKEN if the folder or the file cannot be used
 */
export function openContextStore(options: { dir: string; durability?: 'write' | 'fsync' }): SharedStore {
  const file = join(options.dir, CONTEXT_FILE);
  const guarded = <R>(work: () => R): R => {
    try {
      return work();
    } catch (error) {
      const problem = (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
      throw fail('STORE_BROKEN', { file, problem }, { cause: error });
    }
  };
  const database = guarded(() => {
    mkdirSync(options.dir, { recursive: true });
    const opened = new DatabaseSync(file, { timeout: BUSY });
    try {
      prepare(opened, options.durability ?? 'fsync');
      return opened;
    } catch (error) {
      opened.close();
      throw error;
    }
  });
  const get = database.prepare('SELECT value FROM row WHERE context = ? AND kind = ? AND key = ?');
  const put = database.prepare(
    'INSERT INTO row (context, kind, key, value) VALUES (?, ?, ?, ?)' +
      ' ON CONFLICT (context, kind, key) DO UPDATE SET value = excluded.value',
  );
  const remove = database.prepare('DELETE FROM row WHERE context = ? AND kind = ? AND key = ?');
  const list = database.prepare(
    'SELECT key, value FROM row WHERE context = ? AND kind = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?',
  );
  const drop = database.prepare('DELETE FROM row WHERE context = ?');
  const rows: SharedRows = {
    get<T>(context: string, kind: string, key: string) {
      const row = guarded(() => get.get(context, kind, key)) as { value: string } | undefined;
      return row === undefined ? undefined : (JSON.parse(row.value) as T);
    },
    put: (context, kind, key, value) =>
      void guarded(() => put.run(context, kind, key, JSON.stringify(value))),
    delete: (context, kind, key) => void guarded(() => remove.run(context, kind, key)),
    list<T>(
      context: string,
      kind: string,
      { prefix = '', limit = -1 }: { prefix?: string; limit?: number } = {},
    ) {
      const found = guarded(() => list.all(context, kind, prefix, `${prefix}\u{10ffff}`, limit));
      return (found as Array<{ key: string; value: string }>).map(({ key, value }) => ({
        key,
        value: JSON.parse(value) as T,
      }));
    },
    drop: (context) => void guarded(() => drop.run(context)),
  };
  let inside = false;
  return {
    file,
    transact(work) {
      if (inside) return work(rows);
      guarded(() => database.exec('BEGIN IMMEDIATE'));
      inside = true;
      try {
        const result = work(rows);
        guarded(() => database.exec('COMMIT'));
        return result;
      } catch (error) {
        if (database.isOpen && database.isTransaction) database.exec('ROLLBACK');
        throw error;
      } finally {
        inside = false;
      }
    },
    close() {
      if (database.isOpen) database.close();
    },
  };
}

function prepare(database: DatabaseSync, durability: 'write' | 'fsync'): void {
  const number = (pragma: string) =>
    Object.values(database.prepare(`PRAGMA ${pragma}`).get() as Record<string, number>)[0] as number;
  const refuse = () => {
    const tables = database.prepare('SELECT count(*) AS n FROM sqlite_master').get() as { n: number };
    const application = number('application_id');
    if (application !== APPLICATION && (application !== 0 || tables.n > 0))
      throw new Error('it is a database of another program');
    const version = number('user_version');
    if (version > SCHEMA)
      throw new Error(`its schema ${version} is newer than ${SCHEMA}, which this version knows`);
  };
  refuse();
  database.exec(
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = ${durability === 'fsync' ? 'FULL' : 'NORMAL'}`,
  );
  // Processes that open it at once must not see each other half-way.
  database.exec('BEGIN IMMEDIATE');
  try {
    refuse();
    database.exec(
      `PRAGMA application_id = ${APPLICATION}; PRAGMA user_version = ${SCHEMA};` +
        'CREATE TABLE IF NOT EXISTS row (context TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL,' +
        ' value TEXT NOT NULL, PRIMARY KEY (context, kind, key)) STRICT, WITHOUT ROWID; COMMIT',
    );
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
