import { expect, test } from 'vitest';
import { client, counting, eventually, register, toolServer } from './support/life.ts';

const CORE = { tools: ['test_read'] };
const load = (of: Awaited<ReturnType<typeof client>>, params: object) =>
  of.request('netmcp/toolsets/load', { ...params });

async function setting(plain?: 'all' | 'core') {
  const made = await toolServer({
    toolsets: {
      core: CORE,
      sets: [{ name: 'counting', labels: ['counted'] }],
      hot: 1,
      ...(plain && { plain }),
    },
  });
  const nf = await client(made.server.url, 'nf-a');
  await register(nf, counting({}, { labels: ['counted', 'thing'] }));
  return made;
}

test('a session that chooses sees the core, loads sets on demand and puts them away again', async () => {
  const { server } = await setting();
  const [agent, other] = [await client(server.url, 'one'), await client(server.url, 'two')];
  expect(await agent.names()).toEqual(['test_read']);
  expect(await load(agent, { sets: ['counting', 'no-such-set'] })).toMatchObject({
    loaded: ['counting'],
    tools: ['policy_count_things'],
    available: expect.arrayContaining([
      { name: 'counting', tools: 1 },
      { name: 'policy', tools: 2 },
    ]),
  });
  await eventually(agent.names, (names) => names.includes('policy_count_things'));
  await load(agent, { sets: ['policy'] });
  await eventually(agent.names, (names) => names.length === 3);
  expect(await agent.request('netmcp/toolsets/unload', { sets: ['policy'] })).toMatchObject({
    loaded: ['counting'],
  });
  await eventually(agent.names, (names) => names.length === 2);
  await agent.request('netmcp/toolsets/unload', {});
  await eventually(agent.names, (names) => names.length === 1);
  expect(await other.names()).toEqual(['test_read']);
});

test('a task loads the tools that fit its words, a label those that carry it', async () => {
  const { server } = await setting();
  const agent = await client(server.url, 'one');
  expect(await load(agent, { task: 'how many things has this subscriber' })).toMatchObject({
    loaded: ['task:how many things has this subscriber'],
    tools: expect.arrayContaining(['policy_count_things']),
  });
  expect(await load(agent, { labels: ['bandwidth'] })).toMatchObject({
    tools: expect.arrayContaining(['test_create']),
  });
});

test('what is not shown can be called, and what is called often is shown', async () => {
  const { server } = await setting();
  const agent = await client(server.url, 'one');
  for (let i = 0; i < 3; i += 1)
    expect((await agent.callTool('test_create', { share: 10 })).isError).toBe(false);
  await agent.callTool('test_read', {});
  await load(agent, { sets: ['counting'] });
  expect(await eventually(agent.names, (names) => names.length === 3)).toEqual([
    'policy_count_things',
    'test_create',
    'test_read',
  ]);
  expect(await (await client(server.url, 'two')).names()).toEqual(['test_read']);
});

test('a plain client sees all tools, or the core where the operator says so', async () => {
  const all = await setting();
  expect(await (await client(all.server.url, 'plain', [])).names()).toHaveLength(3);
  const core = await setting('core');
  expect(await (await client(core.server.url, 'plain', [])).names()).toEqual(['test_read']);
});

test('sets do not pile up: beyond sixteen the oldest make room', async () => {
  const { server } = await setting();
  const agent = await client(server.url, 'one');
  for (let i = 0; i < 17; i += 1) await load(agent, { labels: [`label-${i}`] });
  const { loaded } = (await load(agent, {})) as { loaded: string[] };
  expect(loaded).toHaveLength(16);
  expect(loaded[0]).toBe('label:label-1');
});
