import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { openStore } from '../../src/durable/index.ts';
import { connectPlain } from '../../src/netmcp/index.ts';
import { type KeptUsage, keepUsage, type UsageStore } from '../../src/netmcp/search/kept-usage.ts';
import { createUsage, type UsageOptions } from '../../src/netmcp/search/usage.ts';
import { systemEnv } from './conformance/system-env.ts';
import { testEnv } from './support/env.ts';
import { fakeNetwork } from './support/nf.ts';
import { atEnd } from './support/one-server.ts';

function memory() {
  const kept = new Map<string, string>();
  const store: UsageStore = {
    put: (client, value) => void kept.set(client, JSON.stringify(value)),
    delete: (client) => kept.delete(client),
    list: () => [...kept].map(([id, text]) => ({ id, value: JSON.parse(text) as unknown })),
  };
  return { kept, store };
}
function learning(store: UsageStore, options: UsageOptions = {}, env = testEnv()) {
  let keeping: KeptUsage | null = null;
  const usage = createUsage(env.clock, { ...options, onChange: (client) => keeping?.touched(client) });
  keeping = keepUsage(env, usage, store);
  return { env, usage, close: keeping.close };
}

test('what is learnt is written a moment later, never in the call, and is there in the next process', () => {
  const { kept, store } = memory();
  const first = learning(store);
  first.usage.searched('a', 'how full is the cell', ['t_load', 't_name']);
  first.usage.used('a', 't_load');
  expect(kept.size).toBe(0);
  first.env.pass(500);
  expect([...kept.keys()]).toEqual(['a']);
  // Killed here: nothing is closed.
  const { usage } = learning(store, {}, first.env);
  expect(usage.frequency('a', 't_load')).toBe(first.usage.frequency('a', 't_load'));
  expect(usage.learnt('a')?.('cell')).toEqual(first.usage.learnt('a')?.('cell'));
  expect(usage.learnt('a')?.('cell')?.get('t_load')).toBeGreaterThan(0);
  expect(usage.frequency('b', 't_load')).toBe(0);
});

test('closing writes the rest; a tool that went is forgotten there too', () => {
  const { kept, store } = memory();
  const { usage, close } = learning(store);
  for (const tool of ['t_a', 't_b']) usage.used('a', tool);
  close();
  expect(kept.get('a')).toContain('t_b');
  usage.forgetTool('t_b');
  close();
  expect(kept.get('a')).not.toContain('t_b');
  expect(kept.get('a')).toContain('t_a');
});

test('the store keeps no more clients than the memory, also where fewer are remembered than before', () => {
  const { kept, store } = memory();
  const first = learning(store, { maxClients: 3 });
  for (const client of ['a', 'b', 'c', 'd']) {
    first.usage.used(client, 't');
    first.env.pass(500);
  }
  expect([...kept.keys()].sort()).toEqual(['b', 'c', 'd']);
  learning(store, { maxClients: 2 }, first.env);
  expect([...kept.keys()].sort()).toEqual(['c', 'd']);
});

test('a store that fails breaks no call, and what is no memory is left out with a word', () => {
  const { kept, store } = memory();
  kept.set('odd', '{"uses":"many"}');
  const env = testEnv();
  const failing: UsageStore = {
    ...store,
    put() {
      throw new Error('the disk is full');
    },
  };
  const { usage } = learning(failing, {}, env);
  expect(kept.has('odd')).toBe(false);
  usage.used('a', 't');
  env.pass(500);
  expect(usage.frequency('a', 't')).toBeCloseTo(1);
  expect(env.lines.map(({ message }) => message)).toEqual([
    'what was learnt of a client could not be read, and is forgotten',
    'what was learnt of a client is not kept',
  ]);
});

test('whatever was learnt comes back the same', () => {
  const word = fc.constantFrom('cell', 'slice', 'power', 'route', 'delay', 'video');
  const lesson = fc.record({
    client: fc.constantFrom('a', 'b'),
    requirement: fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join(' ')),
    tool: fc.constantFrom('t_1', 't_2', '__proto__'),
    used: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(lesson, { maxLength: 20 }), (lessons) => {
      const { store } = memory();
      const first = learning(store, { maxPairs: 8 });
      for (const { client, requirement, tool, used } of lessons) {
        if (used) first.usage.used(client, tool);
        else first.usage.teach(client, requirement, tool);
      }
      first.close();
      const second = learning(store, { maxPairs: 8 }, first.env);
      for (const client of ['a', 'b'])
        expect(second.usage.remembered(client)).toEqual(first.usage.remembered(client));
    }),
    { numRuns: 100 },
  );
});

test('a killed tool server still shows first what a client used before', async () => {
  const nf = await fakeNetwork(() => ({ status: 200, body: { value: 1 } }));
  atEnd(nf.close);
  const dir = mkdtempSync(join(tmpdir(), 'netagent-usage-'));
  atEnd(() => rmSync(dir, { recursive: true, force: true }));
  async function start() {
    const script = join(import.meta.dirname, 'support/learning-server.ts');
    const child: ChildProcess = spawn(process.execPath, [script, nf.nrf, dir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const kill = async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    };
    atEnd(kill);
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    const url = String((await lines.next()).value);
    const client = async (agentId: string) => {
      const plain = await connectPlain({ env: systemEnv(), target: url, agentId });
      atEnd(() => plain.close().catch(() => undefined));
      return plain;
    };
    return { client, kill, next: () => lines.next() };
  }
  const first = await start();
  const used = await (await first.client('agent/a')).callTool('test_read', {});
  expect(used).toMatchObject({ isError: false });
  expect((await first.next()).value).toBe('kept');
  await first.kill();
  const second = await start();
  const names = async (agent: string) =>
    (await (await second.client(agent)).listTools()).map(({ name }) => name).slice(0, 2);
  expect(await names('agent/a')).toEqual(['test_read', 'test_create']);
  expect(await names('agent/b')).toEqual(['test_create', 'test_read']);
  await second.kill();
  const [entry] = openStore({ dir }).collection('netmcp-usage/learning').list();
  expect(entry).toMatchObject({ id: 'agent/a', value: { uses: [['test_read', 1, expect.any(Number)]] } });
}, 20_000);
