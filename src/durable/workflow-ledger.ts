import type { DatabaseSync } from 'node:sqlite';

/** One instance of a workflow as it is kept. */
export interface InstanceRow {
  id: string;
  /** `{namespace}/{name}` */
  workflow: string;
  version: string;
  /** Hash of its document. */
  document: string;
  /** Form of the charts that its snapshots are of. */
  chart: number;
  input: unknown;
  startedAt: number;
  updatedAt: number;
  endedAt: number | null;
  status: 'running' | 'suspended' | 'completed' | 'faulted' | 'cancelled';
  /** How often it was set back to a step. */
  run: number;
  labels: Record<string, string>;
  output?: unknown;
  /** RFC 7807, as the DSL has it. */
  fault?: { type: string; status: number; title: string; detail: string; instance: string };
}

/** The state of an instance at one moment. */
export interface Checkpoint {
  rev: number;
  at: number;
  /** References of the tasks that were begun since the one before. */
  entered: string[];
  /** JSON of the chart's snapshot. */
  snapshot: string;
}

export interface LedgerChange {
  row: InstanceRow;
  /** JSON of the document, where it may not be known yet. */
  source?: string;
  checkpoints: Checkpoint[];
  /** Checkpoints before this one are dropped. */
  keepFrom: number;
}

/** Where workflow instances are kept; `commit` is all or nothing, and what it took survives the process. */
export interface WorkflowLedger {
  /** @throws if nothing of it was kept */
  commit(changes: LedgerChange[]): void;
  get(id: string): InstanceRow | undefined;
  /** Newest first. */
  list(filter?: { status?: InstanceRow['status']; workflow?: string; limit?: number }): InstanceRow[];
  /** Those that have not ended, oldest first, each with its last checkpoint. */
  open(): Iterable<{ row: InstanceRow; last: Checkpoint }>;
  document(hash: string): string | undefined;
  checkpoints(id: string): Array<Omit<Checkpoint, 'snapshot'>>;
  checkpoint(id: string, rev: number): Checkpoint | undefined;
  /** Of ended instances; how many. `endedBefore` is wall time, as `updatedAt`. */
  purge(what: { id: string } | { endedBefore: number }): number;
}

export const WORKFLOW_SCHEMA = `
CREATE TABLE IF NOT EXISTS workflow_document (hash TEXT PRIMARY KEY, source TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS workflow_instance (
  id TEXT PRIMARY KEY, workflow TEXT NOT NULL, document TEXT NOT NULL, status TEXT NOT NULL,
  started INTEGER NOT NULL, ended INTEGER, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS workflow_open ON workflow_instance (started) WHERE ended IS NULL;
CREATE INDEX IF NOT EXISTS workflow_ended ON workflow_instance (ended) WHERE ended IS NOT NULL;
CREATE INDEX IF NOT EXISTS workflow_time ON workflow_instance (started);
CREATE TABLE IF NOT EXISTS workflow_checkpoint (
  instance TEXT NOT NULL, rev INTEGER NOT NULL, at INTEGER NOT NULL, entered TEXT NOT NULL, snapshot TEXT NOT NULL,
  PRIMARY KEY (instance, rev)) STRICT, WITHOUT ROWID;
`;

interface CheckpointRow {
  rev: number;
  at: number;
  entered: string;
  snapshot: string;
}

/** Ended instances that are kept; the oldest go. */
const MAX_ENDED = 20_000;
/** How many more may gather before they are cleared, so that not every end pays for it. */
const SLACK = 500;

/** @param guarded turns what the database throws into an error of the store */
export function workflowLedger(
  database: DatabaseSync,
  guarded: <R>(work: () => R) => R,
  maxEnded = MAX_ENDED,
): WorkflowLedger {
  const sql = (text: string) => database.prepare(text);
  const putDocument = sql('INSERT OR IGNORE INTO workflow_document (hash, source) VALUES (?, ?)');
  const putInstance = sql(
    'INSERT INTO workflow_instance (id, workflow, document, status, started, ended, value) VALUES (?, ?, ?, ?, ?, ?, ?)' +
      ' ON CONFLICT (id) DO UPDATE SET status = excluded.status, ended = excluded.ended, value = excluded.value',
  );
  const putCheckpoint = sql(
    'INSERT OR REPLACE INTO workflow_checkpoint (instance, rev, at, entered, snapshot) VALUES (?, ?, ?, ?, ?)',
  );
  const dropOld = sql('DELETE FROM workflow_checkpoint WHERE instance = ? AND rev < ?');
  const get = sql('SELECT value FROM workflow_instance WHERE id = ?');
  const source = sql('SELECT source FROM workflow_document WHERE hash = ?');
  const steps = sql('SELECT rev, at, entered FROM workflow_checkpoint WHERE instance = ? ORDER BY rev');
  const step = sql(
    'SELECT rev, at, entered, snapshot FROM workflow_checkpoint WHERE instance = ? AND rev = ?',
  );
  const open = sql('SELECT id, value FROM workflow_instance WHERE ended IS NULL ORDER BY started');
  const last = sql(
    'SELECT rev, at, entered, snapshot FROM workflow_checkpoint WHERE instance = ? ORDER BY rev DESC LIMIT 1',
  );
  const list = sql(
    'SELECT value FROM workflow_instance WHERE (?1 IS NULL OR status = ?1) AND (?2 IS NULL OR workflow = ?2)' +
      ' ORDER BY started DESC LIMIT ?3',
  );
  const endedIds = sql('SELECT id FROM workflow_instance WHERE ended IS NOT NULL AND ended < ?');
  const oldest = sql(
    'SELECT id FROM workflow_instance WHERE ended IS NOT NULL ORDER BY ended DESC LIMIT -1 OFFSET ?',
  );
  const isEnded = sql('SELECT id FROM workflow_instance WHERE ended IS NOT NULL AND id = ?');
  const countEnded = sql('SELECT count(*) AS n FROM workflow_instance WHERE ended IS NOT NULL');
  const dropInstance = sql('DELETE FROM workflow_instance WHERE id = ?');
  const dropSteps = sql('DELETE FROM workflow_checkpoint WHERE instance = ?');
  const dropDocuments = sql(
    'DELETE FROM workflow_document WHERE hash NOT IN (SELECT document FROM workflow_instance)',
  );
  let ended = (countEnded.get() as { n: number }).n;

  const transaction = <R>(work: () => R): R =>
    guarded(() => {
      database.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        database.exec('COMMIT');
        return result;
      } catch (error) {
        if (database.isTransaction) database.exec('ROLLBACK');
        throw error;
      }
    });
  const drop = (ids: Array<{ id: string }>): number => {
    for (const { id } of ids) {
      dropInstance.run(id);
      dropSteps.run(id);
    }
    if (ids.length > 0) dropDocuments.run();
    ended -= ids.length;
    return ids.length;
  };
  const stepOf = ({ rev, at, entered, snapshot }: CheckpointRow): Checkpoint => ({
    rev,
    at,
    entered: JSON.parse(entered) as string[],
    snapshot,
  });
  const rowOf = (found: unknown) => JSON.parse((found as { value: string }).value) as InstanceRow;

  return {
    commit(changes) {
      transaction(() => {
        for (const { row, source: text, checkpoints, keepFrom } of changes) {
          if (text !== undefined) putDocument.run(row.document, text);
          const { id, workflow, document, status, startedAt, endedAt } = row;
          // Instances may live in a time of their own; what is purged by age is purged by wall time.
          const ended = endedAt === null ? null : row.updatedAt;
          putInstance.run(id, workflow, document, status, startedAt, ended, JSON.stringify(row));
          for (const { rev, at, entered, snapshot } of checkpoints) {
            putCheckpoint.run(id, rev, at, JSON.stringify(entered), snapshot);
          }
          if (keepFrom > 1 && checkpoints.length > 0) dropOld.run(id, keepFrom);
        }
      });
      ended += changes.filter(({ row }) => row.endedAt !== null).length;
      if (ended > maxEnded + SLACK) {
        transaction(() => {
          drop(oldest.all(maxEnded) as Array<{ id: string }>);
          ended = (countEnded.get() as { n: number }).n;
        });
      }
    },
    get(id) {
      const found = guarded(() => get.get(id));
      return found === undefined ? undefined : rowOf(found);
    },
    list({ status, workflow, limit = 100 } = {}) {
      return guarded(() => list.all(status ?? null, workflow ?? null, limit)).map(rowOf);
    },
    *open() {
      for (const found of guarded(() => open.all())) {
        const row = rowOf(found);
        const newest = guarded(() => last.get(row.id)) as CheckpointRow | undefined;
        if (newest !== undefined) yield { row, last: stepOf(newest) };
      }
    },
    document: (hash) => (guarded(() => source.get(hash)) as { source: string } | undefined)?.source,
    checkpoints: (id) =>
      (guarded(() => steps.all(id)) as unknown as CheckpointRow[]).map(({ rev, at, entered }) => ({
        rev,
        at,
        entered: JSON.parse(entered) as string[],
      })),
    checkpoint(id, rev) {
      const found = guarded(() => step.get(id, rev)) as CheckpointRow | undefined;
      return found === undefined ? undefined : stepOf(found);
    },
    purge: (what) =>
      transaction(() =>
        drop(('id' in what ? isEnded.all(what.id) : endedIds.all(what.endedBefore)) as Array<{ id: string }>),
      ),
  };
}
