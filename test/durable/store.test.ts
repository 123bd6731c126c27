import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { openStore, STORE_FILE } from '../../src/durable/index.ts';

const fresh = () => mkdtempSync(join(tmpdir(), 'netagent-store-'));
const codeOf = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'none';
};

test('values come back after close, in order of their ids; names of prototypes are only names', () => {
  const dir = fresh();
  const store = openStore({ dir });
  const things = store.collection<{ n: number }>('things');
  things.put('b', { n: 2 });
  things.put('a', { n: 1 });
  things.put('__proto__', { n: 3 });
  store.collection('others').put('a', { n: 9 });
  expect(things.delete('b')).toBe(true);
  expect(things.delete('b')).toBe(false);
  store.close();
  const again = openStore({ dir });
  expect(again.collection('things').list()).toEqual([
    { id: '__proto__', value: { n: 3 } },
    { id: 'a', value: { n: 1 } },
  ]);
  again.close();
});

test('a transaction is all or nothing', () => {
  const store = openStore({ dir: fresh() });
  const things = store.collection<number>('things');
  expect(() =>
    store.transaction(() => {
      things.put('a', 1);
      throw new Error('no');
    }),
  ).toThrow('no');
  expect(things.list()).toEqual([]);
  store.close();
});

test('a second runtime is told that the store is in use', () => {
  const dir = fresh();
  const store = openStore({ dir });
  expect(codeOf(() => openStore({ dir }))).toBe('STORE_LOCKED');
  store.close();
  openStore({ dir }).close();
});

test('what is no store of ours is refused and left as it is', () => {
  const text = fresh();
  writeFileSync(join(text, STORE_FILE), 'my diary');
  expect(codeOf(() => openStore({ dir: text }))).toBe('STORE_BROKEN');
  expect(readFileSync(join(text, STORE_FILE), 'utf8')).toBe('my diary');

  const foreign = fresh();
  const other = new DatabaseSync(join(foreign, STORE_FILE));
  other.exec('CREATE TABLE invoices (id INTEGER)');
  other.close();
  const before = readFileSync(join(foreign, STORE_FILE));
  expect(codeOf(() => openStore({ dir: foreign }))).toBe('STORE_BROKEN');
  expect(readFileSync(join(foreign, STORE_FILE)).equals(before)).toBe(true);

  const cut = fresh();
  const store = openStore({ dir: cut });
  for (let i = 0; i < 500; i += 1) store.collection('things').put(`k${i}`, 'x'.repeat(200));
  store.close();
  truncateSync(join(cut, STORE_FILE), 9000);
  expect(codeOf(() => openStore({ dir: cut }))).toBe('STORE_BROKEN');

  const newer = fresh();
  openStore({ dir: newer }).close();
  const database = new DatabaseSync(join(newer, STORE_FILE));
  database.exec('PRAGMA user_version = 99');
  database.close();
  expect(codeOf(() => openStore({ dir: newer }))).toBe('STORE_BROKEN');
});

test('kill -9: every acknowledged write is there', async () => {
  const dir = fresh();
  const index = resolve(import.meta.dirname, '../../src/durable/index.ts');
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { openStore } from ${JSON.stringify(index)};
       const things = openStore({ dir: ${JSON.stringify(dir)} }).collection('things');
       for (let i = 0; ; i += 1) { things.put(String(i), { i }); process.stdout.write(i + '\\n'); }`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let acked = -1;
  await new Promise<void>((done) => {
    child.stdout.on('data', (chunk: Buffer) => {
      const lines = chunk.toString().split('\n');
      const whole = lines.slice(0, -1).filter((line) => line !== '');
      if (whole.length > 0) acked = Math.max(acked, Number(whole.at(-1)));
      if (acked > 200) child.kill('SIGKILL');
    });
    child.on('close', () => done());
  });
  const store = openStore({ dir });
  const things = store.collection<{ i: number }>('things');
  for (let i = 0; i <= acked; i += 1) expect(things.get(String(i))).toEqual({ i });
  store.close();
});
