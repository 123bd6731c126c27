import { afterEach, expect, test } from 'vitest';
import { createPeers } from '../../src/netmcp/anchor/peers.ts';
import { connectPlain } from '../../src/netmcp/index.ts';
import { openSession } from '../../src/netmcp/session/client-session.ts';
import { createHttpPool } from '../../src/netmcp/session/keep-alive.ts';
import { adder, anchorWorld, reader } from './support/anchors.ts';
import { until } from './support/env.ts';
import { ok } from './support/tools.ts';

const closers: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function three(answer?: Parameters<typeof anchorWorld>[1]) {
  const world = await anchorWorld(closers, answer);
  const a = await world.server('a', [adder('add_a'), reader('read_a')]);
  await world.server('b', [adder('add_b')]);
  await world.server('c', [adder('add_c')]);
  const client = await world.client();
  const anchor = await client.anchor();
  return { ...world, a, client, anchor };
}

test('one call goes through the anchor to the peer that has the tool', async () => {
  const { anchor, client, count } = await three();
  expect(anchor.serverId()).toBe('a');
  expect(await anchor.call('add_c', { value: 3 })).toMatchObject({
    output: { thing: 'add_c', value: 3 },
    server: 'c',
    isError: false,
    chain: [{ operation: 'add_c', status: 200 }],
  });
  expect(await anchor.call('add_a', { value: 3 })).toMatchObject({ server: 'a' });
  expect(count('add_c')).toBe(1);
  expect(client.sessions()).toEqual([]);
});

test('steps run in order and side by side, references carry results on, one result comes back', async () => {
  const { anchor, requests } = await three();
  const seen: string[] = [];
  const result = await anchor.execute(
    {
      steps: [
        { id: 'read', tool: 'read_a' },
        { id: 'one', tool: 'add_b', arguments: { value: { $from: 'read', at: '/value' } } },
        { id: 'two', tool: 'add_c', arguments: { value: { $cel: 'steps.read.output.value * 2.0' } } },
        {
          id: 'last',
          tool: 'add_a',
          arguments: {
            value: { $cel: 'steps.one.output.value + steps.two.output.value' },
            to: { $from: 'one', at: '/thing' },
          },
        },
      ],
    },
    { onProgress: ({ progress, total, message }) => seen.push(`${progress}/${total} ${message}`) },
  );
  expect(result).toMatchObject({ state: 'done', anchor: 'a', epoch: 1 });
  expect(result.steps.map(({ id, state, server }) => [id, state, server])).toEqual([
    ['read', 'done', 'a'],
    ['one', 'done', 'b'],
    ['two', 'done', 'c'],
    ['last', 'done', 'a'],
  ]);
  expect(result.steps[3]?.output).toEqual({ thing: 'add_a', value: 21 });
  expect(requests.at(-1)?.body).toEqual({ value: 21, to: 'add_b' });
  await until(() => seen.length === 4);
  expect(seen.at(-1)).toBe('4/4 last done at a');
});

const states = (result: { steps: Array<{ id: string; state: string }> }) =>
  Object.fromEntries(result.steps.map(({ id, state }) => [id, state]));

test('a condition chooses between branches; what depends on a skipped one goes on with a default', async () => {
  const { anchor, count } = await three();
  const result = await anchor.execute({
    steps: [
      { id: 'read', tool: 'read_a' },
      { id: 'high', tool: 'add_b', arguments: { value: 1 }, when: 'steps.read.output.value > 100.0' },
      { id: 'low', tool: 'add_c', arguments: { value: 2 }, when: 'steps.read.output.value <= 100.0' },
      {
        id: 'join',
        tool: 'add_a',
        arguments: { value: { $from: 'high', at: '/value', default: 50 } },
        after: ['low'],
      },
    ],
  });
  expect(states(result)).toEqual({ read: 'done', high: 'skipped', low: 'done', join: 'done' });
  expect(result.steps[3]?.output).toMatchObject({ value: 50 });
  expect(count('add_b')).toBe(0);
});

test.each([
  ['fail', 'failed', { bad: 'failed', side: 'done', next: 'cancelled' }],
  ['continue', 'done', { bad: 'failed', side: 'done', next: 'done' }],
] as const)(
  'a step that fails with onError %s ends the execution as %s',
  async (onError, state, expected) => {
    const { anchor } = await three();
    const result = await anchor.execute({
      steps: [
        { id: 'bad', tool: 'add_b', arguments: { value: 5_000 }, onError },
        { id: 'side', tool: 'add_c', arguments: { value: 1 } },
        { id: 'next', tool: 'add_a', arguments: { value: 1 }, after: ['bad'] },
      ],
    });
    expect(result.state).toBe(state);
    expect(states(result)).toEqual(expected);
    expect(result.steps[0]?.problem).toContain('value');
  },
);

test('a failure with compensation undoes what was done, the last first, each once', async () => {
  const { anchor, requests } = await three();
  const undo = { tool: 'add_a', arguments: { value: 0, to: { $from: 'one', at: '/thing' } } };
  const result = await anchor.execute({
    executionId: 'saga',
    steps: [
      { id: 'one', tool: 'add_b', arguments: { value: 1 }, undo },
      { id: 'two', tool: 'add_c', arguments: { value: 2 }, after: ['one'], undo: { ...undo, tool: 'add_b' } },
      { id: 'bad', tool: 'add_b', arguments: { value: 5_000 }, after: ['two'], onError: 'compensate' },
    ],
  });
  expect(result.state).toBe('failed');
  expect(states(result)).toEqual({ one: 'undone', two: 'undone', bad: 'failed' });
  expect(requests.map(({ operation }) => operation)).toEqual(['add_b', 'add_c', 'add_b', 'add_a']);
  const again = await anchor.execute({ executionId: 'saga', steps: planOf(result) });
  expect(again).toEqual(result);
  expect(requests).toHaveLength(4);

  function planOf(_: unknown) {
    return [
      { id: 'one', tool: 'add_b', arguments: { value: 1 }, undo },
      { id: 'two', tool: 'add_c', arguments: { value: 2 }, after: ['one'], undo: { ...undo, tool: 'add_b' } },
      {
        id: 'bad',
        tool: 'add_b',
        arguments: { value: 5_000 },
        after: ['two'],
        onError: 'compensate' as const,
      },
    ];
  }
});

test('join any ends with the first leaf and stops the others; atLeast counts; too few is a failure', async () => {
  const { anchor, requests } = await three(({ operation }, signal) =>
    operation === 'add_c'
      ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))))
      : ok({ value: 7 }),
  );
  const fast = { id: 'fast', tool: 'add_b', arguments: { value: 1 } };
  const slow = { id: 'slow', tool: 'add_c', arguments: { value: 1 } };
  const bad = { id: 'bad', tool: 'add_a', arguments: { value: 5_000 } };
  const any = await anchor.execute({ steps: [fast, slow], join: 'any' });
  expect(any.state).toBe('done');
  expect(states(any).fast).toBe('done');
  // It was under way: nobody claims to know.
  expect(states(any).slow).toBe('unknown');
  expect(requests.map(({ operation }) => operation).sort()).toEqual(['add_b', 'add_c']);
  const two = { atLeast: 2 };
  const other = { ...fast, id: 'other' };
  expect((await anchor.execute({ steps: [fast, bad, other], join: two })).state).toBe('done');
  expect((await anchor.execute({ steps: [fast, bad], join: two })).state).toBe('failed');
});

test('a cancellation reaches the step that runs on a peer, and nothing more begins', async () => {
  let stopped = false;
  const { anchor, requests } = await three(
    (_, signal) =>
      new Promise((__, reject) =>
        signal.addEventListener('abort', () => {
          stopped = true;
          reject(new Error('stopped'));
        }),
      ),
  );
  const controller = new AbortController();
  const steps = [
    { id: 'one', tool: 'add_b', arguments: { value: 1 } },
    { id: 'two', tool: 'add_c', arguments: { value: 1 }, after: ['one'] },
  ];
  const run = anchor.execute({ executionId: 'x', steps }, { signal: controller.signal });
  await until(() => requests.length === 1);
  controller.abort();
  await expect(run).rejects.toMatchObject({ code: 'NETMCP_CANCELLED' });
  await until(() => stopped);
  // The agent can still learn how it ended.
  const end = await anchor.execute({ executionId: 'x', steps });
  expect(end.state).toBe('cancelled');
  expect(states(end)).toEqual({ one: 'unknown', two: 'cancelled' });
  expect(requests).toHaveLength(1);
});

test.each([
  [
    [
      { id: 'a', tool: 'add_a' },
      { id: 'a', tool: 'add_b' },
    ],
    'two steps have one id',
  ],
  [[{ id: 'a', tool: 'add_a', after: ['z'] }], 'waits for z'],
  [
    [
      { id: 'a', tool: 'add_a', arguments: { value: { $from: 'b' } } },
      { id: 'b', tool: 'add_b', after: ['a'] },
    ],
    'wait for each other',
  ],
  [[{ id: 'a', tool: 'add_a', when: 'steps.' }], 'steps.'],
  [[{ id: '__proto__', tool: 'add_a', after: ['__proto__'] }], 'id'],
  [[], 'steps'],
])('the plan %# is refused before anything runs', async (steps, words) => {
  const { anchor, requests } = await three();
  await expect(anchor.execute({ steps })).rejects.toMatchObject({
    code: 'NETMCP_REJECTED',
    message: expect.stringContaining(words),
  });
  expect(requests).toEqual([]);
});

test('the same execution asked for twice at once runs once; its id with other steps is refused', async () => {
  const { anchor, count } = await three();
  const plan = { executionId: 'same', steps: [{ id: 'a', tool: 'add_b', arguments: { value: 1 } }] };
  const [one, two] = await Promise.all([anchor.execute(plan), anchor.execute(plan)]);
  expect(two).toEqual(one);
  expect(await anchor.execute(plan)).toEqual(one);
  expect(count('add_b')).toBe(1);
  const other = { ...plan, steps: [{ id: 'a', tool: 'add_b', arguments: { value: 2 } }] };
  await expect(anchor.execute(other)).rejects.toMatchObject({ code: 'NETMCP_REJECTED' });
});

test('an agent gains nothing through its anchor: the peer sees who asks', async () => {
  const world = await anchorWorld(closers);
  const guarded = adder('add_guarded');
  guarded.meta.permission = { mode: 'specified', agents: ['a'] };
  const seen: string[] = [];
  const audit = { write: ({ agent }: { agent: string }) => void seen.push(agent), close: async () => {} };
  await world.server('a', [adder('add_a')]);
  await world.server('b', [guarded, adder('add_b')], {}, { audit });
  for (const name of ['netagent/weak', 'netagent/strong']) {
    const anchor = await (await world.client(name)).anchor();
    expect(anchor.serverId()).toBe('a');
    await anchor.call('add_b', { value: 1 });
    // The anchor itself may use it; those that it works for may not.
    const refused = await anchor.call('add_guarded', { value: 1 });
    expect(refused).toMatchObject({ isError: true });
    expect(refused.text).toContain('permission');
  }
  expect(world.count('add_guarded')).toBe(0);
  expect(new Set(seen)).toEqual(new Set(['netagent/weak', 'netagent/strong']));
});

test('in the name of an agent that had to show a token no peer is asked without one', async () => {
  const world = await anchorWorld(closers);
  const b = await world.server('b', [adder('add_b')]);
  const peers = createPeers({ env: world.env, serverId: 'a', management: [world.management] });
  closers.push(peers.close);
  const identity = { agent: 'netagent/test', authenticated: true, scopes: [], actors: [] };
  const to = { serverId: 'b', url: b.url, endpoints: [b.url], digest: '' };
  expect(() => peers.session(identity, to)).toThrow(expect.objectContaining({ code: -32012 }));
  const session = peers.session({ ...identity, authenticated: false }, to);
  expect((await session.ready()).features).not.toContain('route');
});

test('the list of an anchor covers its peers; who does not negotiate route sees its own tools', async () => {
  const { anchor, env, a } = await three();
  const names = (tools: Array<{ name: string }>) =>
    tools.map(({ name }) => name).filter((name) => name !== 'tools_discover');
  expect(names(await anchor.tools())).toEqual(['add_a', 'read_a', 'add_b', 'add_c']);
  const pool = createHttpPool();
  closers.push(pool.close);
  const offer = { version: '1.0', versions: ['1.0'], features: ['trace'] };
  const plain = openSession({ env, agentId: 'p', serverId: 'a', target: { url: a.url }, pool, offer });
  closers.push(plain.close);
  expect(names(await plain.tools())).toEqual(['add_a', 'read_a']);
});

test('a tool server refuses a step of an anchor whose epoch is behind, for that agent alone', async () => {
  const world = await anchorWorld(closers);
  const b = await world.server('b', [adder('add_b')]);
  const pool = createHttpPool();
  closers.push(pool.close);
  const as = (agentId: string) => {
    const session = openSession({ env: world.env, agentId, serverId: 'b', target: { url: b.url }, pool });
    closers.push(session.close);
    return (epoch: number) =>
      session.call('add_b', { value: epoch }, { execution: { id: 'e', epoch } }, { timeoutMs: 5_000 });
  };
  const mine = as('agent-1');
  await mine(2);
  await expect(mine(1)).rejects.toMatchObject({ code: 'NETMCP_REJECTED', details: { rpcCode: -32011 } });
  await mine(2);
  await as('agent-2')(1);
  expect(world.count('add_b')).toBe(3);
});

test('a search at the anchor covers the tools of its peers, in one order, and names their servers', async () => {
  const world = await anchorWorld(closers);
  const a = await world.server('a', [reader('read_alarms'), adder('add_slice')]);
  await world.server('b', [adder('add_bearer'), reader('read_battery')]);
  await world.server('c', [reader('read_battery')]);
  const client = await connectPlain({ env: world.env, target: a.url, agentId: 'netagent/test' });
  closers.push(client.close);
  const find = async (requirement: string, more: object = {}) =>
    (await client.request('netmcp/tools/discover', { requirement, ...more })) as {
      tools: Array<{ name: string; score: number; servers?: string[]; tokens: number }>;
      of: number;
      tokens: number;
    };
  const found = await find('read the battery');
  expect(found.of).toBe(4);
  expect(found.tools[0]).toMatchObject({ name: 'read_battery', score: 1, servers: ['b', 'c'] });
  const own = await find('read the alarms');
  expect(own.tools[0]).toMatchObject({ name: 'read_alarms', score: 1 });
  expect(own.tools[0]?.servers).toBeUndefined();
  const scores = own.tools.map(({ score }) => score);
  expect(scores).toEqual([...scores].sort((x, y) => y - x));
  const budget = (found.tools[0]?.tokens ?? 0) + 1;
  expect((await find('read the battery', { budgetTokens: budget })).tokens).toBeLessThanOrEqual(budget);
});
