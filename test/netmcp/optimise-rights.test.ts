import { expect, test } from 'vitest';
import { z } from 'zod';
import { connectPlain, startToolServer } from '../../src/netmcp/index.ts';
import { permissionOf } from '../../src/netmcp/optimise/compose.ts';
import type { Permission } from '../../src/netmcp/schema/index.ts';
import { createToolSearch } from '../../src/netmcp/search/part.ts';
import { createShelf } from '../../src/netmcp/toolserver/shelf.ts';
import { authOf, authWorld, HOST } from './support/auth.ts';
import { testEnv, until } from './support/env.ts';
import { atEnd, locate, reserve, step } from './support/optimise.ts';
import { fakeSbi, ok } from './support/tools.ts';

test('a composite asks for all that its steps need, so it opens nothing to anybody', async () => {
  const agents = ['netagent/test/strong', 'netagent/test/relay'] as const;
  const named = step('named', {
    input: z.strictObject({ cellId: z.string() }),
    output: z.object({ held: z.boolean() }),
    permission: { mode: 'specified', agents: [...agents] },
  });
  const { server: authority, env, management, close } = await authWorld();
  atEnd(close);
  const sbi = fakeSbi(({ operation, body }) =>
    operation === 'locate'
      ? ok({ cell: { id: `of-${(body as { supi: string }).supi}` } })
      : ok({ held: true }),
  );
  const tools = await startToolServer({
    env,
    host: HOST,
    port: 0,
    id: 'ran-tools',
    management,
    nrf: sbi.port,
    tools: [locate, named],
    optimise: {},
    auth: { issuer: authority.issuer, client: authOf('ran-tools') },
  });
  atEnd(tools.close);
  const client = async (agent: string) => {
    const plain = await connectPlain({ env, target: tools.url, agentId: agent, auth: authOf(agent) });
    atEnd(plain.close);
    return plain;
  };
  for (const [agent, subscriber] of [
    [agents[0], 'imsi-1001'],
    [agents[1], 'imsi-1002'],
    [agents[1], 'imsi-1003'],
  ] as const) {
    const plain = await client(agent);
    const { cell } = (await plain.callTool('locate', { supi: subscriber })).output as {
      cell: { id: string };
    };
    await plain.callTool('named', { cellId: cell.id });
  }
  env.pass(30_000);
  const { name } = await until(() => tools.optimiser?.list().find(({ stage }) => stage === 'registered'));
  sbi.requests.length = 0;
  const weak = await (await client('netagent/test/weak')).callTool(name, { supi: 'imsi-1001' });
  expect(weak).toMatchObject({ isError: true, text: expect.stringContaining('may not use') });
  expect(sbi.requests).toEqual([]);
  expect(await (await client(agents[0])).callTool(name, { supi: 'imsi-1001' })).toMatchObject({
    isError: false,
    output: { results: [{ tool: 'locate' }, { tool: 'named', output: { held: true } }] },
  });
});

test.each<[Permission[], Permission | string]>([
  [[{ mode: 'public' }, { mode: 'public' }], { mode: 'public' }],
  [
    [{ mode: 'token', scopes: ['a'] }, { mode: 'public' }, { mode: 'token', scopes: ['b', 'a'] }],
    { mode: 'token', scopes: ['a', 'b'] },
  ],
  [
    [
      { mode: 'specified', agents: ['x', 'y'] },
      { mode: 'specified', agents: ['y', 'z'] },
    ],
    { mode: 'specified', agents: ['y'] },
  ],
  [
    [
      { mode: 'specified', agents: ['x'] },
      { mode: 'specified', agents: ['z'] },
    ],
    'no agent may use all steps',
  ],
  [
    [
      { mode: 'specified', agents: ['x'] },
      { mode: 'token', scopes: ['a'] },
    ],
    'one permission cannot say',
  ],
])('permissions %j together', (permissions, expected) => {
  if (typeof expected === 'string') expect(() => permissionOf(permissions)).toThrow(expected);
  else expect(permissionOf(permissions)).toEqual(expected);
});

test('a step that changes takes the composite off the shelf, and with it out of the search', async () => {
  const env = testEnv();
  const shelf = createShelf([locate, reserve]);
  const { createOptimiser } = await import('../../src/netmcp/optimise/optimiser.ts');
  const optimiser = createOptimiser<object>({
    env,
    serverId: 's',
    shelf,
    call: async () => ({ content: [], structuredContent: {} }),
  });
  const search = createToolSearch({ env, shelf, server: { id: 's', summary: '' } });
  const identity = (agent: string) => ({ agent, authenticated: true, scopes: [], actors: [] });
  for (const [agent, id] of [
    ['a', '1001'],
    ['b', '1002'],
    ['b', '1003'],
  ] as const) {
    const session = {};
    const request = {
      identity: identity(agent),
      meta: undefined,
      signal: new AbortController().signal,
      progress: () => {},
    };
    optimiser.seen(
      session,
      { ...request, name: 'locate', arguments: { supi: id } },
      { content: [], structuredContent: { cell: { id: `cell-${id}` } } },
    );
    optimiser.seen(
      session,
      { ...request, name: 'reserve', arguments: { supi: id, cellId: `cell-${id}`, ratio: 3 } },
      { content: [], structuredContent: {} },
    );
  }
  env.pass(30_000);
  const entry = await until(() => optimiser.list().find(({ stage }) => stage === 'registered'));
  const found = async () => {
    const context = {
      identity: identity('a'),
      meta: undefined,
      signal: new AbortController().signal,
      progress: () => {},
    };
    return (await search.discover({ requirement: 'locate then reserve' }, context)).tools.map(
      ({ name }) => name,
    );
  };
  expect(await found()).toContain(entry.name);
  shelf.put({ ...reserve, description: 'Does something else now.' });
  expect(optimiser.list()[0]).toMatchObject({ stage: 'withdrawn', reason: 'a step changed' });
  expect(await found()).not.toContain(entry.name);
  expect(shelf.list().map(({ tool: { name } }) => name)).toEqual(['locate', 'reserve']);
  optimiser.close();
});
