import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { exportJWK, generateKeyPair } from 'jose';
import { expect, test } from 'vitest';
import { openStore } from '../../src/durable/index.ts';
import {
  connectPlain,
  memoryReceipts,
  planHash,
  type Receipts,
  signApproval,
  startManagementServer,
  storeReceipts,
} from '../../src/netmcp/index.ts';
import { createReplays } from '../../src/netmcp/toolserver/idempotency.ts';
import { systemEnv } from './conformance/system-env.ts';
import { testEnv, until } from './support/env.ts';
import { fakeNetwork, type Seen } from './support/nf.ts';
import { atEnd, oneServer } from './support/one-server.ts';

const temporary = () => {
  const folder = mkdtempSync(join(tmpdir(), 'netagent-receipts-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};
const nameOf = ({ body }: Seen) => String((body as { name?: unknown }).name);

/** A tool server that can be killed and started again on the same store. */
async function killable(approver: unknown = null) {
  const env = systemEnv();
  let silent = true;
  const nf = await fakeNetwork(() => (silent ? null : { status: 201, body: {} }));
  atEnd(nf.close);
  const management = await startManagementServer({ env, host: '127.0.0.1', port: 0 });
  atEnd(management.close);
  const dir = temporary();
  let child: ChildProcess | null = null;
  const kill = () =>
    new Promise<void>((done) => {
      if (child === null || child.exitCode !== null || child.signalCode !== null) return done();
      child.once('exit', () => done());
      child.kill('SIGKILL');
    });
  atEnd(kill);
  return {
    env,
    nf,
    kill,
    answer: (now: boolean) => {
      silent = !now;
    },
    async start() {
      const script = join(import.meta.dirname, 'support/killed-server.ts');
      child = spawn(process.execPath, [script, management.url, nf.nrf, dir, JSON.stringify(approver)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const url = await new Promise<string>((done, reject) => {
        child?.stdout?.once('data', (line: Buffer) => done(line.toString().trim()));
        child?.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
      });
      const client = await connectPlain({ env, target: url, agentId: 'netagent/test' });
      atEnd(() => client.close().catch(() => undefined));
      return client;
    },
  };
}

const waitFor = (check: () => boolean) => until(check, 200_000);

test('killed in the middle of an effect: the same key answers "maybe" and executes nothing; a new key executes', async () => {
  const { start, kill, nf, answer } = await killable();
  const first = await start();
  const lost = first.callTool('test_create', { share: 5, name: 'x' }, { idempotencyKey: 'k' });
  lost.catch(() => undefined);
  await waitFor(() => nf.seen.length === 1);
  await kill();
  await expect(lost).rejects.toMatchObject({ code: 'NETMCP_LOST', details: { executed: 'maybe' } });
  answer(true);
  const second = await start();
  for (let i = 0; i < 2; i += 1) {
    const again = await second.callTool('test_create', { share: 5, name: 'x' }, { idempotencyKey: 'k' });
    expect(again).toMatchObject({ isError: true, executed: 'maybe' });
    expect(again.text).toContain('not known whether it took effect');
  }
  expect(nf.seen).toHaveLength(1);
  const fresh = await second.callTool('test_create', { share: 5, name: 'x' }, { idempotencyKey: 'k2' });
  expect(fresh.isError).toBe(false);
  const conflict = await second.callTool('test_create', { share: 6, name: 'x' }, { idempotencyKey: 'k' });
  expect(conflict.text).toContain('idempotency');
});

test('killed in the middle of an idempotent effect: it is done again under the same names', async () => {
  const { start, kill, nf, answer } = await killable();
  const first = await start();
  first.callTool('test_put', { share: 5 }, { idempotencyKey: 'k' }).catch(() => undefined);
  await waitFor(() => nf.seen.length === 1);
  await kill();
  answer(true);
  const again = await (await start()).callTool('test_put', { share: 5 }, { idempotencyKey: 'k' });
  expect(again.isError).toBe(false);
  expect(nf.seen.map(nameOf)).toEqual([again.output?.thing, again.output?.thing]);
});

test('killed after an effect: the same key brings the stored result, and a spent approval stays spent', async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const { start, kill, nf, answer, env } = await killable({ name: 'kim', key: await exportJWK(publicKey) });
  answer(true);
  const agent = 'netagent/test';
  const args = { share: 60, name: 'y' };
  const approval = await signApproval({
    env,
    approver: 'kim',
    key: await exportJWK(privateKey),
    agent,
    plan: planHash({ agent, tool: 'test_create', args }),
  });
  const before = await (await start()).callTool('test_create', args, { idempotencyKey: 'k', approval });
  expect(before.isError).toBe(false);
  await kill();
  const client = await start();
  const after = await client.callTool('test_create', args, { idempotencyKey: 'k' });
  expect(after.output).toEqual(before.output);
  const twice = await client.callTool('test_create', args, { idempotencyKey: 'other', approval });
  expect(twice.text).toContain('used before');
  expect(nf.seen).toHaveLength(1);
});

test('killed after the n-th request, whatever n: no key ever reaches the NF twice', async () => {
  for (const n of [1, 3]) {
    const { start, kill, nf, answer } = await killable();
    answer(true);
    const names = Array.from({ length: 6 }, (_, i) => `thing-${i}`);
    const send = (client: Awaited<ReturnType<typeof start>>) =>
      Promise.allSettled(
        names.map((name) => client.callTool('test_create', { share: 5, name }, { idempotencyKey: name })),
      );
    const first = send(await start());
    await waitFor(() => nf.seen.length >= n);
    await kill();
    await first;
    const ends = await send(await start());
    const counts = names.map((name) => nf.seen.filter((request) => nameOf(request) === name).length);
    expect(Math.max(...counts)).toBe(1);
    for (const [i, end] of ends.entries()) {
      expect(end.status).toBe('fulfilled');
      // Each is done, or said to be in doubt.
      if (end.status === 'fulfilled' && end.value.isError) expect(end.value.executed).toBe('maybe');
      else expect(counts[i]).toBe(1);
    }
    await kill();
  }
}, 60_000);

test('a server that cannot write down what it is about to do does not do it', async () => {
  const full: Receipts = {
    ...memoryReceipts(),
    put: () => {
      throw new Error('no space left');
    },
  };
  const { client, sbi } = await oneServer({ receipts: full });
  const one = await client();
  const refused = await one.callTool('test_create', { share: 5 }, { idempotencyKey: 'k' });
  expect(refused).toMatchObject({ isError: true, executed: 'no' });
  expect(sbi.requests).toEqual([]);
  // Reads need no receipt.
  expect((await one.callTool('test_read', {}, { idempotencyKey: 'k' })).isError).toBe(false);
});

/** Every implementation keeps the same promises. */
test.each<[string, () => Receipts]>([
  ['memory', () => memoryReceipts()],
  [
    'store',
    () => {
      const store = openStore({ dir: temporary(), durability: 'write' });
      atEnd(() => store.close());
      return storeReceipts(store, 'a');
    },
  ],
])('receipts in %s: kept, replaced, forgotten, taken once, trimmed by time', (_, make) => {
  const receipts = make();
  receipts.put('__proto__', { state: 'open', digest: 'd', until: 10 });
  receipts.put('k', { state: 'open', digest: 'd', until: 20 });
  receipts.put('k', { state: 'done', digest: 'd', until: 20, result: { a: 1 } });
  expect(receipts.get('k')).toEqual({ state: 'done', digest: 'd', until: 20, result: { a: 1 } });
  expect(receipts.get('constructor')).toBeUndefined();
  expect(receipts.take('id', 'a', 15)).toBe(true);
  expect(receipts.take('id', 'b', 15)).toBe(false);
  expect(receipts.take('id', 'a', 15)).toBe(true);
  receipts.trim(15);
  expect(receipts.get('__proto__')).toBeUndefined();
  expect(receipts.get('k')).toBeDefined();
  expect(receipts.take('id', 'b', 30)).toBe(true);
  receipts.forget('k');
  expect(receipts.get('k')).toBeUndefined();
});

test('any order of calls, deaths and repeats: an effect is done at most once for each key', async () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    dies: fc.constantFrom('no', 'before', 'after'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const receipts = memoryReceipts();
      const { clock } = testEnv();
      const done = new Map<string, number>();
      for (const { key, dies } of steps) {
        // Each life of the server begins with nothing but its receipts.
        const replays = createReplays<number>({
          clock,
          receipts,
          keep: () => true,
          onError: () => undefined,
        });
        const working = replays.once(key, key, { rerun: false }, (mark) => {
          if (dies === 'before') return new Promise(() => undefined);
          mark();
          done.set(key, (done.get(key) ?? 0) + 1);
          return dies === 'after' ? new Promise(() => undefined) : Promise.resolve(1);
        });
        if (dies === 'no') await working;
      }
      for (const count of done.values()) expect(count).toBe(1);
    }),
    { numRuns: 200 },
  );
});
