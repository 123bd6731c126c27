import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import * as fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { CONTEXT_FILE, openContextStore } from '../../src/durable/index.ts';
import { type ContextRows, type ContextStore, memoryContextStore } from '../../src/netmcp/index.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'contexts-'));
  folders.push(made);
  return made;
}

type Change =
  | { op: 'put' | 'delete'; context: string; key: string; value: number }
  | { op: 'drop'; context: string };
const name = fc.constantFrom('', 'a', 'a/', 'a/1', 'b', 'é', '\u{1f4f6}', 'constructor', '__proto__');
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    op: fc.constantFrom('put' as const, 'delete' as const),
    context: name,
    key: name,
    value: fc.integer(),
  }),
  fc.record({ op: fc.constant('drop' as const), context: name }),
);

test('memory and SQLite hold the same rows after any history, failed transactions included', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ changes: fc.array(change, { maxLength: 5 }), fails: fc.boolean() }), {
        maxLength: 12,
      }),
      (history) => {
        const sqlite = openContextStore({ dir: folder(), durability: 'write' });
        const stores: ContextStore[] = [memoryContextStore(), sqlite];
        for (const { changes, fails } of history) {
          for (const store of stores) {
            const run = () =>
              store.transact((rows) => {
                for (const one of changes) apply(rows, one);
                if (fails) throw new Error('no');
              });
            if (fails) expect(run).toThrow('no');
            else run();
          }
        }
        const [memory, file] = stores.map((store) =>
          store.transact((rows) =>
            ['', 'a', 'a/', 'b'].map((context) => [
              rows.list(context, 'key'),
              rows.list(context, 'key', { prefix: 'a', limit: 2 }),
              rows.get(context, 'key', '__proto__'),
            ]),
          ),
        );
        expect(file).toEqual(memory);
        sqlite.close();
      },
    ),
    { numRuns: 20 },
  );
});

function apply(rows: ContextRows, one: Change): void {
  if (one.op === 'put') rows.put(one.context, 'key', one.key, { n: one.value });
  else if (one.op === 'delete') rows.delete(one.context, 'key', one.key);
  else rows.drop(one.context);
}

test('two openings of one file see each other, and what was written outlives both', () => {
  const dir = folder();
  const one = openContextStore({ dir });
  const two = openContextStore({ dir });
  one.transact((rows) => rows.put('c', 'key', 'k', 1));
  expect(two.transact((rows) => rows.get('c', 'key', 'k'))).toBe(1);
  two.transact((rows) => rows.put('c', 'key', 'k', 2));
  expect(one.transact((rows) => rows.get('c', 'key', 'k'))).toBe(2);
  one.close();
  two.close();
  const three = openContextStore({ dir });
  expect(three.transact((rows) => rows.get('c', 'key', 'k'))).toBe(2);
  three.close();
});

test('a file of somebody else is refused and left as it is', () => {
  const dir = folder();
  const other = new DatabaseSync(join(dir, CONTEXT_FILE));
  other.exec('CREATE TABLE mine (x)');
  other.close();
  expect(() => openContextStore({ dir })).toThrow(/another program/);
  const text = folder();
  writeFileSync(join(text, CONTEXT_FILE), 'not a database at all, but long enough to be read as one');
  expect(() => openContextStore({ dir: text })).toThrow(/STORE_BROKEN|not a database/);
});
