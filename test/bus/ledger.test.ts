import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { TaskState } from '@a2a-js/sdk';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TaskLedger } from '../../broker/index.ts';
import { openStore } from '../../src/durable/index.ts';
import { TASK_SCHEMA, taskLedgers } from '../../src/durable/task-ledger.ts';
import { changes, LEDGERS, scope, status, submitted, temporaryFolder } from './task-support.ts';

const { TASK_STATE_WORKING, TASK_STATE_COMPLETED, TASK_STATE_INPUT_REQUIRED } = TaskState;

async function write(ledger: TaskLedger, id: string, ends: TaskState[], second = 1, owner = scope) {
  const items = ends.map((state, index) => status(id, state, second + index));
  for (const change of changes(submitted(id, second), items, owner)) await ledger.commit(change);
}

describe.each(Object.entries(LEDGERS))('the ledger in %s', (_name, open) => {
  test('gives back the fold and the events after a number, to their owner only', async () => {
    const ledger = open();
    await write(ledger, 'a', [TASK_STATE_WORKING, TASK_STATE_COMPLETED]);
    const record = ledger.load(scope, 'a');
    expect(record).toMatchObject({ id: 'a', seq: 3, cancelling: false });
    expect(record?.task.status?.state).toBe(TASK_STATE_COMPLETED);
    expect(record?.task.history).toHaveLength(1);
    expect(ledger.events(scope, 'a', 1).map(({ seq }) => seq)).toEqual([2, 3]);
    expect(ledger.events(scope, 'a', 3)).toEqual([]);
    expect(ledger.load({ ...scope, owner: 'other' }, 'a')).toBeUndefined();
    expect(ledger.load({ ...scope, tenant: 't' }, 'a')).toBeUndefined();
    expect(ledger.events({ ...scope, owner: 'other' }, 'a', 0)).toEqual([]);
  });

  test('events of one commit are read from the middle', async () => {
    const ledger = open();
    const [first, ...more] = [
      ...changes(
        submitted('a'),
        [2, 3, 4, 5].map((n) => status('a', TASK_STATE_WORKING, n)),
      ),
    ];
    await ledger.commit(first!);
    await ledger.commit({ record: more.at(-1)!.record, events: more.flatMap(({ events }) => events) });
    expect(ledger.events(scope, 'a', 3).map(({ seq }) => seq)).toEqual([4, 5]);
    expect(ledger.load(scope, 'a')?.seq).toBe(5);
  });

  test('a long task is folded from its last snapshot', async () => {
    const ledger = open();
    await write(
      ledger,
      'a',
      Array.from({ length: 45 }, () => TASK_STATE_WORKING),
    );
    expect(ledger.load(scope, 'a')).toMatchObject({ seq: 46 });
    expect(ledger.load(scope, 'a')?.task.status?.timestamp).toBe('2026-01-01T00:00:45.000Z');
    expect(ledger.open()).toHaveLength(1);
  });

  test('open tasks are those that neither are over nor wait', async () => {
    const ledger = open();
    await write(ledger, 'working', [TASK_STATE_WORKING]);
    await write(ledger, 'waiting', [TASK_STATE_INPUT_REQUIRED]);
    await write(ledger, 'over', [TASK_STATE_COMPLETED]);
    expect(ledger.open().map(({ id }) => id)).toEqual(['working']);
  });

  test('pages are newest first, whole and without repetition', async () => {
    const ledger = open();
    for (let n = 0; n < 7; n++) await write(ledger, `t${n}`, [TASK_STATE_WORKING], 10 + (n % 3));
    await write(ledger, 'foreign', [TASK_STATE_WORKING], 50, { ...scope, owner: 'other' });
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = ledger.list(scope, { limit: 2, cursor });
      expect(page.total).toBe(7);
      seen.push(...page.tasks.map(({ id }) => id));
      cursor = page.next;
    } while (cursor !== '');
    expect(seen).toEqual(['t5', 't2', 't4', 't1', 't6', 't3', 't0']);
    expect(ledger.list(scope, { limit: 9, contextId: 'none' }).tasks).toEqual([]);
    expect(ledger.list(scope, { limit: 9, state: TASK_STATE_COMPLETED }).total).toBe(0);
    const after = Date.parse('2026-01-01T00:00:12.000Z');
    expect(ledger.list(scope, { limit: 9, updatedAfter: after }).total).toBe(2);
    expect(ledger.list(scope, { limit: 9, cursor: 'nonsense' }).tasks.length).toBeLessThanOrEqual(7);
  });
});

test('what was committed is there after the store was opened again; versions before are taken over', async () => {
  const dir = temporaryFolder();
  const store = openStore({ dir });
  const ids = Array.from({ length: 50 }, () => randomUUID());
  await Promise.all(ids.map((id) => write(store.tasks('a/b/c'), id, [TASK_STATE_COMPLETED])));
  store.close();
  const old = new DatabaseSync(store.file);
  old.exec('PRAGMA user_version = 1');
  old.close();
  const again = openStore({ dir });
  expect(ids.every((id) => again.tasks('a/b/c').load(scope, id)?.seq === 2)).toBe(true);
  expect(again.tasks('a/b/d').load(scope, ids[0] as string)).toBeUndefined();
  again.close();
});

test('a full disk refuses the commit whole, and takes it when there is room again', async () => {
  const database = new DatabaseSync(':memory:');
  database.exec(TASK_SCHEMA);
  const pages = () => (database.prepare('PRAGMA page_count').get() as { page_count: number }).page_count;
  const ledger = taskLedgers({ database, durability: 'write', maxFinished: 10 }).of('a/b/c');
  await write(ledger, 'before', [TASK_STATE_WORKING]);
  database.exec(`PRAGMA max_page_count = ${pages()}`);
  const big = { ...submitted('big'), metadata: { text: 'x'.repeat(100_000) } };
  const [change] = [...changes(big, [])];
  await expect(ledger.commit(change!)).rejects.toThrow(/full/);
  expect(ledger.load(scope, 'big')).toBeUndefined();
  expect(ledger.load(scope, 'before')?.seq).toBe(2);
  database.exec('PRAGMA max_page_count = 100000');
  await ledger.commit(change!);
  expect(ledger.load(scope, 'big')?.seq).toBe(1);
});

test('the oldest finished tasks of an agent go, open ones stay', async () => {
  const database = new DatabaseSync(':memory:');
  database.exec(TASK_SCHEMA);
  const ledger = taskLedgers({ database, durability: 'write', maxFinished: 10 }).of('a/b/c');
  await write(ledger, 'open', [TASK_STATE_WORKING]);
  for (let n = 0; n < 260; n++) {
    const [begun, ended] = [
      ...changes(submitted(`t${n}`, 1), [status(`t${n}`, TASK_STATE_COMPLETED, n % 60)]),
    ];
    void ledger.commit(begun!);
    await ledger.commit(ended!);
  }
  expect(ledger.list(scope, { limit: 100 }).total).toBe(11);
  expect(ledger.load(scope, 'open')).toBeDefined();
  const events = database.prepare('SELECT count(DISTINCT task) AS n FROM task_event').get();
  expect(events).toEqual({ n: 11 });
});

test('both ledgers say the same of any writes', async () => {
  const step = fc.record({
    id: fc.constantFrom('a', 'b', 'c'),
    states: fc.array(fc.constantFrom(TASK_STATE_WORKING, TASK_STATE_INPUT_REQUIRED), { maxLength: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(step, { selector: ({ id }) => id }), async (steps) => {
      const database = new DatabaseSync(':memory:');
      database.exec(TASK_SCHEMA);
      const ledgers = [
        LEDGERS.memory!(),
        taskLedgers({ database, durability: 'write', maxFinished: 10 }).of('a/b/c'),
      ];
      for (const ledger of ledgers) for (const { id, states } of steps) await write(ledger, id, states);
      const [memory, sqlite] = ledgers.map((ledger) => ({
        open: ledger.open().map(({ id, seq }) => ({ id, seq })),
        page: ledger.list(scope, { limit: 10 }),
        events: steps.map(({ id }) => ledger.events(scope, id, 1)),
      }));
      expect(sqlite).toEqual(memory);
      database.close();
    }),
    { numRuns: 30 },
  );
});
