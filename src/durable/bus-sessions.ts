import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type {
  SessionChange,
  SessionState,
  SessionStore,
  StoredMessage,
} from '../../broker/embedded/session-store.ts';
import { fail } from '../errors.ts';

export const BUS_FILE = 'bus.db';
/** `application_id` of our files ("nbus"): a foreign database is refused, not written into. */
const APPLICATION = 0x6e627573;
const SCHEMA = 1;
const PAGE_BYTES = 4_096;
/** Milliseconds that a change may wait for company when nobody waits for it. */
const LAZY_MS = 20;
const MAX_BYTES = 8 * 1024 ** 3;
const MAGIC = 'SQLite format 3\u0000';

const TABLES = `
CREATE TABLE IF NOT EXISTS retained (topic TEXT PRIMARY KEY, payload BLOB NOT NULL, qos INTEGER NOT NULL,
  properties TEXT, expires_at INTEGER) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS session (client TEXT PRIMARY KEY, expiry_s INTEGER NOT NULL, ended_at INTEGER)
  STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS subscription (client TEXT NOT NULL, topic TEXT NOT NULL, qos INTEGER NOT NULL,
  rh INTEGER, rap INTEGER, nl INTEGER, identifier INTEGER, PRIMARY KEY (client, topic)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY, topic TEXT NOT NULL, payload BLOB NOT NULL,
  properties TEXT, expires_at INTEGER) STRICT;
CREATE TABLE IF NOT EXISTS delivery (seq INTEGER PRIMARY KEY, client TEXT NOT NULL, message INTEGER NOT NULL,
  qos INTEGER NOT NULL, retain INTEGER NOT NULL, message_id INTEGER, released INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS received (client TEXT NOT NULL, message_id INTEGER NOT NULL,
  PRIMARY KEY (client, message_id)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS will (client TEXT PRIMARY KEY, topic TEXT NOT NULL, payload BLOB NOT NULL,
  qos INTEGER NOT NULL, retain INTEGER NOT NULL, properties TEXT) STRICT, WITHOUT ROWID;
`;

export interface BusSessions extends SessionStore {
  file: string;
  /** Writes what waits, at once. */
  flush(): void;
  close(): void;
}

export interface BusSessionsOptions {
  dir: string;
  /** `write` survives a killed process, `fsync` also a loss of power. */
  durability?: 'write' | 'fsync';
  /** Bytes of the file; beyond it what is to be kept is refused, as on a full disk. */
  maxBytes?: number;
}

/**
 * Opens the sessions of a bus: one SQLite file in `dir`, write-ahead log. All changes of one turn of the
 * event loop share one transaction, so that many senders pay for one sync.
 * @throws STORE_BROKEN if the folder or the file cannot be used, STORE_LOCKED if another bus has it; nothing
 * is changed then.
 */
export function openBusSessions(options: BusSessionsOptions): BusSessions {
  const { dir, durability = 'fsync', maxBytes = MAX_BYTES } = options;
  const file = join(dir, BUS_FILE);
  const broken = (error: unknown) => fail('STORE_BROKEN', { file, problem: reason(error) }, { cause: error });
  let database: DatabaseSync;
  try {
    mkdirSync(dir, { recursive: true });
    refuseForeign(file);
    database = new DatabaseSync(file);
  } catch (error) {
    throw broken(error);
  }
  try {
    prepare(database, durability);
    database.exec(`PRAGMA max_page_count = ${Math.ceil(maxBytes / PAGE_BYTES)}`);
    return sessionsOf(database, file);
  } catch (error) {
    database.close();
    throw /locked/.test(reason(error)) ? fail('STORE_LOCKED', { file }) : broken(error);
  }
}

/** A file that is no database is left as it is: SQLite would take some of them for an empty one. */
function refuseForeign(file: string): void {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isFile()) throw new Error('it is not a file');
  if (stat.size > 0 && readFileSync(file).subarray(0, MAGIC.length).toString('latin1') !== MAGIC) {
    throw new Error('it is not a database of netagent');
  }
}

function prepare(database: DatabaseSync, durability: 'write' | 'fsync'): void {
  const number = (query: string) => Object.values(database.prepare(query).get() as object)[0] as number;
  const application = number('PRAGMA application_id');
  if (
    application !== APPLICATION &&
    (application !== 0 || number('SELECT count(*) FROM sqlite_master') > 0)
  ) {
    throw new Error('it is a database of another program');
  }
  const version = number('PRAGMA user_version');
  if (version > SCHEMA)
    throw new Error(`its schema ${version} is newer than ${SCHEMA}, which this version knows`);
  // Before anything is written.
  const check = Object.values(database.prepare('PRAGMA quick_check(1)').get() as object)[0];
  if (check !== 'ok') throw new Error('it is damaged');
  // One bus a file: the exclusive lock is taken by the first statement and held until close.
  database.exec(
    'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;' +
      ` PRAGMA synchronous = ${durability === 'fsync' ? 'FULL' : 'NORMAL'}`,
  );
  database.exec(
    `BEGIN IMMEDIATE; PRAGMA application_id = ${APPLICATION}; PRAGMA user_version = ${SCHEMA}; ${TABLES} COMMIT`,
  );
}

/** What a failed transaction leaves to be done, since memory has gone on without it. */
const STANDING = new Set<SessionChange['kind']>([
  'unretain',
  'forget',
  'unsubscribe',
  'dequeue',
  'received',
  'unwill',
]);

function sessionsOf(database: DatabaseSync, file: string): BusSessions {
  const apply = writers(database);
  let queue: SessionChange[] = [];
  let batch: PromiseWithResolvers<void> | undefined;
  let later: NodeJS.Timeout | undefined;

  const flush = () => {
    const changes = queue;
    const waiting = batch;
    queue = [];
    batch = undefined;
    clearTimeout(later);
    later = undefined;
    if (changes.length === 0) return waiting?.resolve();
    try {
      database.exec('BEGIN IMMEDIATE');
      for (const change of changes) apply(change);
      database.exec('COMMIT');
      waiting?.resolve();
    } catch (error) {
      if (database.isOpen && database.isTransaction) database.exec('ROLLBACK');
      queue = [...changes.filter(({ kind }) => STANDING.has(kind)), ...queue];
      waiting?.reject(fail('STORE_BROKEN', { file, problem: reason(error) }, { cause: error }));
    }
  };

  return {
    file,
    load: () => load(database),
    write(change) {
      queue.push(change);
      // Nobody waits for most changes, such as the end of a delivery: those share a later sync.
      later ??= setTimeout(flush, LAZY_MS);
    },
    committed() {
      if (queue.length === 0) return Promise.resolve();
      if (batch === undefined) {
        batch = Promise.withResolvers();
        setImmediate(flush);
      }
      return batch.promise;
    },
    flush,
    close() {
      if (!database.isOpen) return;
      flush();
      database.close();
    },
  };
}

const bit = (value: boolean | undefined) => (value === undefined ? null : Number(value));
const flag = (value: unknown) => (value === null ? undefined : value === 1);

function writers(database: DatabaseSync): (change: SessionChange) => void {
  const put = (table: string, columns: string): StatementSync =>
    database.prepare(`INSERT OR REPLACE INTO ${table} (${columns}) VALUES (${columns.replace(/\w+/g, '?')})`);
  const remove = (table: string, where: string) =>
    database.prepare(`DELETE FROM ${table} WHERE ${where.replace(/\w+/g, '$& = ?').replaceAll(',', ' AND')}`);
  const putRetained = put('retained', 'topic, payload, qos, properties, expires_at');
  const putSession = put('session', 'client, expiry_s, ended_at');
  const putSubscription = put('subscription', 'client, topic, qos, rh, rap, nl, identifier');
  const putMessage = database.prepare('INSERT OR IGNORE INTO message VALUES (?, ?, ?, ?, ?)');
  const putDelivery = put('delivery', 'seq, client, message, qos, retain, message_id, released');
  const update = database.prepare('UPDATE delivery SET message_id = ?, released = ? WHERE seq = ?');
  const putReceived = put('received', 'client, message_id');
  const putWill = put('will', 'client, topic, payload, qos, retain, properties');
  const removeRetained = remove('retained', 'topic');
  const removeSubscription = remove('subscription', 'client, topic');
  const removeDelivery = remove('delivery', 'seq');
  const removeMessage = remove('message', 'id');
  const removeReceived = remove('received', 'client, message_id');
  const removeWill = remove('will', 'client');
  const ofClient = ['session', 'subscription', 'received'].map((table) => remove(table, 'client'));

  return (change) => {
    switch (change.kind) {
      case 'retain': {
        const { topic, payload, qos, properties, expiresAt } = change.message;
        return void putRetained.run(topic, payload, qos, properties, expiresAt);
      }
      case 'unretain':
        return void removeRetained.run(change.topic);
      case 'session': {
        const { client, expiryS, endedAt } = change.session;
        return void putSession.run(client, expiryS, endedAt);
      }
      case 'forget':
        for (const statement of ofClient) statement.run(change.client);
        return;
      case 'subscribe': {
        const { topic, qos, rh, rap, nl, subscriptionIdentifier } = change.subscription;
        const identifier = subscriptionIdentifier ?? null;
        return void putSubscription.run(change.client, topic, qos, rh ?? null, bit(rap), bit(nl), identifier);
      }
      case 'unsubscribe':
        return void removeSubscription.run(change.client, change.topic);
      case 'enqueue': {
        const { seq, client, message, qos, retain, messageId, released } = change.delivery;
        const { topic, payload, properties, expiresAt } = change.body;
        putMessage.run(message, topic, payload, properties, expiresAt);
        return void putDelivery.run(seq, client, message, qos, Number(retain), messageId, Number(released));
      }
      case 'update':
        return void update.run(change.messageId, Number(change.released), change.seq);
      case 'dequeue':
        removeDelivery.run(change.seq);
        if (change.orphan !== null) removeMessage.run(change.orphan);
        return;
      case 'receive':
        return void putReceived.run(change.client, change.messageId);
      case 'received':
        return void removeReceived.run(change.client, change.messageId);
      case 'will': {
        const { topic, payload, qos, retain, properties } = change.message;
        return void putWill.run(change.client, topic, payload, qos, Number(retain), properties);
      }
      case 'unwill':
        return void removeWill.run(change.client);
    }
  };
}

type Row = Record<string, string | number | Uint8Array | null>;

function load(database: DatabaseSync): SessionState {
  const all = (query: string) => database.prepare(query).all() as Row[];
  const message = (row: Row): StoredMessage => ({
    topic: row.topic as string,
    payload: Buffer.from(row.payload as Uint8Array),
    qos: row.qos as 0 | 1 | 2,
    retain: row.retain === 1,
    properties: row.properties as string | null,
    expiresAt: (row.expires_at as number | null) ?? null,
  });
  return {
    retained: all('SELECT *, 1 AS retain FROM retained').map(message),
    sessions: all('SELECT * FROM session').map((row) => ({
      client: row.client as string,
      expiryS: row.expiry_s as number,
      endedAt: row.ended_at as number | null,
    })),
    subscriptions: all('SELECT * FROM subscription').map((row) => ({
      client: row.client as string,
      subscription: {
        topic: row.topic as string,
        qos: row.qos as 0 | 1 | 2,
        rh: (row.rh as number | null) ?? undefined,
        rap: flag(row.rap),
        nl: flag(row.nl),
        ...(row.identifier === null ? {} : { subscriptionIdentifier: row.identifier as number }),
      },
    })),
    deliveries: all('SELECT * FROM delivery JOIN message ON message.id = delivery.message ORDER BY seq').map(
      (row) => ({
        delivery: {
          client: row.client as string,
          seq: row.seq as number,
          message: row.message as number,
          qos: row.qos as 0 | 1 | 2,
          retain: row.retain === 1,
          messageId: row.message_id as number | null,
          released: row.released === 1,
        },
        body: message(row),
      }),
    ),
    received: all('SELECT * FROM received').map((row) => ({
      client: row.client as string,
      messageId: row.message_id as number,
    })),
    wills: all('SELECT * FROM will').map((row) => ({ client: row.client as string, message: message(row) })),
  };
}

function reason(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  if (code === 'ENOTDIR' || code === 'EEXIST') return 'the folder is a file';
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') return 'it cannot be written';
  return (message ?? String(error)).split('\n')[0] ?? '';
}
