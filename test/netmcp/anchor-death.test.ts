import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openContextStore } from '../../src/durable/index.ts';
import {
  connectNetMcp,
  type ExecuteParams,
  startManagementServer,
  startToolServer,
} from '../../src/netmcp/index.ts';
import type { SbiRequest } from '../../src/netmcp/tools/types.ts';
import { createEnv } from '../../src/runtime/env.ts';
import { adder, reader } from './support/anchors.ts';
import { fakeNetwork } from './support/nf.ts';
import { fakeSbi, ok } from './support/tools.ts';

/**
 * Attack 22, with real processes: the anchor is killed at every point of an execution. Peers `p` and `q` live
 * here and share the file of the contexts with it.
 */
const closers: Array<() => unknown> = [];
const env = createEnv({ level: 'silent' });
const host = '127.0.0.1';
let dir = '';
let management = '';
let network: Awaited<ReturnType<typeof fakeNetwork>>;
let client: Awaited<ReturnType<typeof connectNetMcp>>;
/** Told of each request to the network, before it is answered. */
let onRequest: (operation: string) => Promise<void> | void = () => {};
const done: string[] = [];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'anchor-'));
  closers.push(() => rmSync(dir, { recursive: true, force: true }));
  network = await fakeNetwork(({ path }) => {
    const operation = path.split('/').at(-1) as string;
    if (operation.startsWith('add_')) done.push(operation);
    void onRequest(operation);
    return { status: 200, body: { value: 7 } };
  });
  closers.push(() => network.close());
  const registry = await startManagementServer({ env, host, port: 0 });
  closers.push(registry.close);
  management = registry.url;
  const sbi = fakeSbi(async ({ operation }: SbiRequest) => {
    if (operation.startsWith('add_')) done.push(operation);
    await onRequest(operation);
    return ok({ value: 7 });
  });
  for (const [id, tools] of [
    ['p', [adder('add_1'), adder('add_3'), reader('read_any')]],
    ['q', [adder('add_2'), adder('add_4')]],
  ] as const) {
    const contexts = openContextStore({ dir, durability: 'write' });
    const server = await startToolServer({
      env,
      host,
      port: 0,
      id,
      management,
      nrf: sbi.port,
      tools: [...tools],
      anchor: { contexts },
    });
    closers.push(async () => {
      await server.close();
      contexts.close();
    });
  }
  client = await connectNetMcp({ env, agentId: 'netagent/test', management });
  closers.push(client.close);
});
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

let count = 99;
/** Starts an anchor that comes first in the order of the management server. */
async function anchorProcess(): Promise<{ id: string; kill(): Promise<void> }> {
  count -= 1;
  const id = `a${count}`;
  const child: ChildProcess = spawn(
    process.execPath,
    [join(import.meta.dirname, 'support/anchor-child.ts'), id, management, network.nrf, dir],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  await lines[Symbol.asyncIterator]().next();
  const kill = () => {
    child.kill('SIGKILL');
    return exited;
  };
  closers.push(kill);
  return { id, kill };
}

const turns = async (n: number) => {
  for (let i = 0; i < n; i += 1) await new Promise((resolve) => setImmediate(resolve));
};
const remote: ExecuteParams['steps'] = [
  { id: 's1', tool: 'add_1', arguments: { value: 1 } },
  { id: 's2', tool: 'add_2', arguments: { value: { $cel: 'steps.s1.output.value + 1.0' } } },
  { id: 's3', tool: 'add_3', arguments: { value: 3 }, after: ['s1'] },
  {
    id: 's4',
    tool: 'add_4',
    arguments: { value: { $cel: 'steps.s2.output.value + steps.s3.output.value' } },
  },
];

/** A small seeded generator: which turn of the event loop the anchor dies in. */
const seeded = (seed: number) => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

describe.each([
  ['before anything', ''],
  ['in step 1', 'add_1'],
  ['in step 2 and 3', 'add_2'],
  ['in step 4', 'add_4'],
])('the anchor dies %s', (_, operation) => {
  test.each([
    ['the peer is still at work', 1, true],
    ['the peer answers', 2, false],
  ])(
    'while %s (seed %i): nothing is lost and nothing doubled',
    async (__, seed, holds) => {
      done.length = 0;
      const random = seeded(seed + 17 * operation.length);
      const anchor = await client.anchor();
      await anchor.close();
      const victim = await anchorProcess();
      const bound = await client.anchor();
      expect(bound.serverId()).toBe(victim.id);
      let dead: Promise<void> | null = null;
      const die = async () => {
        await turns(Math.floor(random() * 40));
        dead = victim.kill();
        await dead;
      };
      onRequest = (now) => {
        if (now !== operation || dead !== null) return undefined;
        const dying = die();
        return holds ? dying : undefined;
      };
      const run = bound.execute({ executionId: `${operation}-${seed}`, steps: remote });
      if (operation === '') await die();
      const result = await run;
      onRequest = () => {};
      expect(result.state).toBe('done');
      expect(result.steps.map(({ output }) => (output as { value: number } | null)?.value)).toEqual([
        1, 2, 3, 5,
      ]);
      expect([...done].sort()).toEqual(['add_1', 'add_2', 'add_3', 'add_4']);
      if (dead !== null) await dead;
      await bound.close();
    },
    60_000,
  );
});

test('a step that ran on the dead anchor itself is not run elsewhere: its outcome is said to be unknown', async () => {
  done.length = 0;
  const victim = await anchorProcess();
  const bound = await client.anchor();
  expect(bound.serverId()).toBe(victim.id);
  onRequest = (operation) => (operation === 'add_local' ? victim.kill() : undefined);
  const result = await bound.execute({
    steps: [
      { id: 'read', tool: 'read_any' },
      { id: 'local', tool: 'add_local', arguments: { value: 1 }, after: ['read'], onError: 'continue' },
      { id: 'then', tool: 'add_1', arguments: { value: 1 }, after: ['local'] },
    ],
  });
  onRequest = () => {};
  expect(result.steps.map(({ id, state }) => [id, state])).toEqual([
    ['read', 'done'],
    ['local', 'unknown'],
    ['then', 'done'],
  ]);
  expect(result).toMatchObject({ state: 'done', epoch: 2 });
  expect(result.steps[1]).toMatchObject({ server: victim.id });
  expect(done).toEqual(['add_local', 'add_1']);
  await bound.close();
}, 60_000);
