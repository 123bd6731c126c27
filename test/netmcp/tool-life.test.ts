import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { connectNetMcp, toolsOf } from '../../src/netmcp/index.ts';
import { lexicalMatch } from '../../src/netmcp/life/match.ts';
import { requestOf } from '../../src/netmcp/life/published.ts';
import { bindingSchema } from '../../src/netmcp/schema/index.ts';
import { testEnv, until } from './support/env.ts';
import { client, closing, counting, eventually, register, toolServer } from './support/life.ts';
import { ok } from './support/tools.ts';

const total = () => ok({ data: { total: 3 } });

test('an NF publishes a tool without any code of ours: it is listed, verified, executed and chained', async () => {
  const { server, requests } = await toolServer({}, { answer: total });
  const [nf, agent] = [await client(server.url, 'nf-a'), await client(server.url)];
  expect(await register(nf, counting())).toMatchObject({
    name: 'policy_count_things',
    taken: true,
    state: 'available',
    score: expect.any(Number),
  });
  expect(await agent.names()).toEqual(['policy_count_things', 'test_create', 'test_read']);
  const called = await agent.callTool('policy_count_things', { supi: 'imsi-46000/1', active: true });
  expect(called).toMatchObject({
    isError: false,
    output: { count: 3 },
    chain: [{ nf: 'PCF', operation: 'CountThings' }],
  });
  expect(requests).toMatchObject([
    { method: 'GET', path: '/npcf-things/v1/subscribers/imsi-46000%2F1/things', query: { active: 'true' } },
  ]);
  expect(await agent.callTool('policy_count_things', { supi: 7 })).toMatchObject({
    isError: true,
    text: expect.stringContaining('refused (schema)'),
  });
  expect(await agent.callTool('policy_count_things', { supi: '..' })).toMatchObject({ isError: true });
  expect(requests).toHaveLength(1);
});

test('the registry hears of each change, so that agents find the server by its new tool', async () => {
  const { env, server, management } = await toolServer();
  const agent = await connectNetMcp({ env: testEnv(), agentId: 'agent', management });
  closing(agent.close);
  const find = () => agent.discover({ tool: 'policy_count_things' });
  expect(await find()).toEqual([]);
  const [before] = await agent.discover({ tool: 'test_read' });
  const nf = await client(server.url, 'nf-a');
  await register(nf, counting());
  await until(() => env.lines.some(({ message }) => message === 'tool examined'));
  const found = await eventually(find, (servers) => servers.length === 1);
  expect(found[0]?.digest).not.toBe(before?.digest);
  await nf.request('netmcp/tools/remove', { name: 'policy_count_things', replacedBy: 'test_read' });
  await eventually(find, (servers) => servers.length === 0);
});

test('what is out of scope is refused, with the score', async () => {
  const { server } = await toolServer();
  const nf = await client(server.url, 'nf-a');
  const bread = counting(
    {
      name: 'bake_bread',
      title: 'Bake bread',
      description: 'Bakes sourdough loaves inside a wood oven.',
    },
    { labels: ['kitchen', 'dough'], category: 'storage' },
  );
  const refused = await register({ request: (method, { tool }) => nf.request(method, { tool }) }, bread);
  expect(refused).toMatchObject({ taken: false, state: 'withdrawn' });
  expect(refused.score).toBeLessThan(0.2);
  expect(refused.reason).toContain(`score ${refused.score}, wanted 0.2`);
  expect(await nf.names()).not.toContain('bake_bread');
});

test('the match sends each tool of the network to the server that it belongs to', async () => {
  const areas = ['ran', 'core', 'transport'] as const;
  const scopes = areas.map((area) => {
    const tools = toolsOf(area);
    return { area, tools, summary: `Tools: ${tools.map(({ title }) => title).join('; ')}.` };
  });
  let right = 0;
  let all = 0;
  for (const { area, tools } of scopes) {
    for (const tool of tools) {
      const words = { ...tool, summary: '', labels: tool.meta.labels, category: tool.meta.category };
      const scores = await Promise.all(
        scopes.map(async (scope) => ({
          area: scope.area,
          // The tool itself is left out: a scope must know it by the others.
          score: await lexicalMatch.score(words, {
            summary: '',
            categories: [...new Set(scope.tools.map(({ meta }) => meta.category))],
            tools: scope.tools
              .filter(({ name }) => name !== tool.name)
              .map((one) => ({ ...one, labels: one.meta.labels })),
          }),
        })),
      );
      all += 1;
      if ([...scores].sort((a, b) => b.score - a.score)[0]?.area === area) right += 1;
    }
  }
  expect(right / all).toBeGreaterThan(0.6);
});

const invalid: Array<[string, object, RegExp]> = [
  ['a name of other letters', counting({ name: 'policy_cоunt' }), /name/],
  [
    'a definition over 4 KB',
    counting({
      description: 'x'.repeat(1_999),
      title: 'y'.repeat(200),
      meta: {
        category: 'policy',
        effects: 'read',
        constraints: Array.from({ length: 16 }, () => ({
          rule: 'args.supi != "'.concat('z'.repeat(60), '"'),
          message: 'm'.repeat(100),
        })),
      },
    }),
    /4096/,
  ],
  [
    'a constraint that does not parse',
    counting({}, { constraints: [{ rule: 'args.supi ==', message: 'm' }] }),
    /not valid/,
  ],
  [
    'a nested parameter',
    counting({
      inputSchema: {
        type: 'object',
        properties: { supi: { type: 'string' }, active: { type: 'object', properties: {} } },
        required: ['supi'],
      },
    }),
    /not flat/,
  ],
  [
    'a reference to another document',
    counting({
      inputSchema: {
        type: 'object',
        properties: { supi: { $ref: 'http://x.example/y' } },
        required: ['supi'],
      },
    }),
    /another document/,
  ],
  [
    'a pattern that explodes',
    counting({
      inputSchema: {
        type: 'object',
        properties: { supi: { type: 'string', pattern: '^(x+)+$' }, active: {} },
        required: ['supi'],
      },
    }),
    /exponential/,
  ],
  [
    'a path argument that may be missing',
    counting({
      inputSchema: { type: 'object', properties: { supi: { type: 'string' }, active: { type: 'boolean' } } },
    }),
    /not required/,
  ],
  [
    'an argument that does not exist',
    counting({ binding: { ...counting().binding, query: { q: '{nothing}' } } }),
    /unknown nothing/,
  ],
  ['a path that climbs', counting({ binding: { ...counting().binding, path: '/a/../{supi}' } }), /relative/],
  ['effects without a permission', counting({}, { effects: 'reversible' }), /permission/],
];
test.each(invalid)('%s is refused when it is published', async (_, tool, why) => {
  const { server } = await toolServer();
  const nf = await client(server.url, 'nf-a');
  await expect(register(nf, tool)).rejects.toMatchObject({
    code: 'NETMCP_REJECTED',
    message: expect.stringMatching(why),
  });
  expect(await nf.names()).toEqual(['test_create', 'test_read']);
});

test('no argument leaves the path of its operation', () => {
  const binding = bindingSchema.parse({
    ...counting().binding,
    body: { a: [{ $arg: 'supi' }, 1], b: { $arg: 'active' } },
  });
  fc.assert(
    fc.property(fc.string(), (supi) => {
      let request: ReturnType<typeof requestOf>;
      try {
        request = requestOf(binding, { supi });
      } catch (error) {
        expect(['', '.', '..']).toContain(supi);
        expect(error).toMatchObject({ failure: { executed: 'no' } });
        return;
      }
      const { pathname, search } = new URL(request.path, 'http://nf');
      expect(pathname.split('/')).toHaveLength(6);
      expect(decodeURIComponent(pathname.split('/')[4] as string)).toBe(supi);
      expect(search).toBe('');
      expect(request.body).toEqual({ a: [supi, 1], b: undefined });
    }),
  );
});

test('a new version replaces the old one, while the call in flight ends on the old one', async () => {
  const gate = Promise.withResolvers<void>();
  const { server, life } = await toolServer(
    {},
    {
      async answer({ path }) {
        if (path.includes('/v1/')) await gate.promise;
        return path.includes('/v1/') ? total() : ok({ data: { total: 99 } });
      },
    },
  );
  const [nf, agent] = [await client(server.url, 'nf-a'), await client(server.url)];
  await register(nf, counting({ probe: undefined }));
  const old = agent.callTool('policy_count_things', { supi: 'a' });
  const path = '/npcf-things/v2/subscribers/{supi}/things';
  const next = counting({ probe: undefined, binding: { ...counting().binding, path } }, { version: '2.0' });
  expect(await nf.request('netmcp/tools/update', { tool: next })).toMatchObject({ taken: true });
  expect(life.tools()).toMatchObject([{ state: 'available', version: '2.0' }]);
  expect(await agent.callTool('policy_count_things', { supi: 'a' })).toMatchObject({ output: { count: 99 } });
  gate.resolve();
  expect(await old).toMatchObject({ output: { count: 3 } });
});

test('another content under the same version is held, its difference shown, and the approval bound to it', async () => {
  const { server, life } = await toolServer();
  const [nf, agent] = [await client(server.url, 'nf-a'), await client(server.url)];
  await register(nf, counting());
  const changed = counting({ description: 'Counts the things of a subscriber, and of the neighbours.' });
  const held = (await nf.request('netmcp/tools/update', { tool: changed })) as { hash: string };
  expect(held).toMatchObject({
    taken: false,
    state: 'quarantined',
    reason: expect.stringContaining('changed'),
  });
  expect(await agent.text('policy_count_things', { supi: 'a' })).toContain(
    'held until an operator approves it',
  );
  expect(await agent.names()).toEqual(['test_create', 'test_read']);
  expect(life.approvals()).toMatchObject([
    { name: 'policy_count_things', provider: 'agent:nf-a', difference: [{ path: '/description' }] },
  ]);
  await expect(life.approve('policy_count_things', 'f'.repeat(64), { by: 'op' })).rejects.toMatchObject({
    code: 'NETMCP_NOT_PENDING',
  });
  expect(await life.approve('policy_count_things', held.hash, { by: 'op' })).toMatchObject({
    state: 'available',
  });
  await expect(life.approve('policy_count_things', held.hash, { by: 'op' })).rejects.toMatchObject({
    code: 'NETMCP_NOT_PENDING',
  });
  await eventually(agent.names, (names) => names.includes('policy_count_things'));
});

test('redundant providers: one takes over within the same call, and the client notices nothing', async () => {
  const dead = new Set<string>();
  const { server, life, requests } = await toolServer(
    { times: { maxFailures: 1 } },
    { answer: () => (dead.size > 0 && requests.length % 2 === 1 ? Promise.reject(unreached()) : total()) },
  );
  const [a, b, agent] = [
    await client(server.url, 'nf-a'),
    await client(server.url, 'nf-b'),
    await client(server.url),
  ];
  await register(a, counting());
  expect(await register(b, counting())).toMatchObject({ taken: true });
  expect(life.tools()).toMatchObject([{ providers: ['agent:nf-a', 'agent:nf-b'] }]);
  const before = await agent.names();
  dead.add('nf-a');
  expect(await agent.callTool('policy_count_things', { supi: 'a' })).toMatchObject({ output: { count: 3 } });
  expect(requests).toHaveLength(2);
  expect(life.tools()).toMatchObject([{ state: 'available', providers: ['agent:nf-b'] }]);
  expect(await agent.names()).toEqual(before);
});

test('a tool whose only provider fails its probes is deprecated, then withdrawn, then revived', async () => {
  let down = false;
  const { env, server, life } = await toolServer(
    { times: { maxFailures: 2, graceMs: 1_000 } },
    { answer: () => (down ? Promise.reject(unreached()) : total()) },
  );
  const [nf, agent] = [await client(server.url, 'nf-a'), await client(server.url)];
  await register(nf, counting());
  await life.check();
  down = true;
  await life.check();
  expect(life.tools()).toMatchObject([{ state: 'available' }]);
  await life.check();
  expect(life.tools()).toMatchObject([{ state: 'deprecated', reason: 'agent:nf-a fails its probes' }]);
  const marked = (await agent.listTools()).find(({ name }) => name === 'policy_count_things');
  expect(marked?.meta).toMatchObject({ deprecated: { since: expect.stringMatching(/^\d{4}-/) } });
  env.pass(1_000);
  expect(life.tools()).toMatchObject([{ state: 'withdrawn' }]);
  expect(await agent.text('policy_count_things', { supi: 'a' })).toContain('fails its probes');
  down = false;
  await life.check();
  expect(life.tools()).toMatchObject([{ state: 'available', providers: ['agent:nf-a'] }]);
  expect(await agent.callTool('policy_count_things', { supi: 'a' })).toMatchObject({ isError: false });
});

test('a tool that its owner deprecates is marked, then answered with what replaces it, then forgotten', async () => {
  const { env, server, life } = await toolServer({ times: { graceMs: 1_000, memoryMs: 1_000 } });
  const [nf, agent] = [await client(server.url, 'nf-a'), await client(server.url)];
  await register(nf, counting());
  expect(
    await nf.request('netmcp/tools/update', { name: 'policy_count_things', replacedBy: 'test_read' }),
  ).toMatchObject({ state: 'deprecated' });
  const marked = (await agent.listTools()).find(({ name }) => name === 'policy_count_things');
  expect(marked?.meta).toMatchObject({ deprecated: { replacedBy: 'test_read' } });
  env.pass(1_000);
  const gone = await agent.callTool('policy_count_things', { supi: 'a' });
  expect(gone).toMatchObject({
    isError: true,
  });
  expect(gone.text).toContain('Use test_read instead');
  env.pass(1_000);
  expect(life.tools()).toEqual([]);
  await expect(agent.callTool('policy_count_things', { supi: 'a' })).rejects.toMatchObject({
    code: 'NETMCP_REJECTED',
  });
});

test('nobody changes or removes what another one published, nor shadows it', async () => {
  const { server, life } = await toolServer();
  const [a, b] = [await client(server.url, 'nf-a'), await client(server.url, 'nf-b')];
  await register(a, counting());
  for (const [method, params] of [
    ['netmcp/tools/remove', { name: 'policy_count_things' }],
    ['netmcp/tools/update', { name: 'policy_count_things' }],
    ['netmcp/tools/update', { tool: counting({}, { version: '9.0' }) }],
  ] as const)
    await expect(b.request(method, params)).rejects.toMatchObject({
      code: 'NETMCP_REJECTED',
      details: { rpcCode: -32012 },
    });
  const shadow = await register(
    b,
    counting({ description: 'Counts the things of another.' }, { version: '9.0' }),
  );
  expect(shadow).toMatchObject({ taken: false, reason: expect.stringContaining('shadows') });
  expect(life.tools()).toMatchObject([{ state: 'available', providers: ['agent:nf-a'], version: '1.0' }]);
  const own = await register(
    b,
    counting({ name: 'test_read', description: 'Reads how things are, elsewhere.' }),
  );
  expect(own).toMatchObject({ taken: false, reason: expect.stringContaining('of this server itself') });
  expect(life.approvals().map(({ name }) => name)).toEqual(['policy_count_things', 'test_read']);
  await expect(life.approve('test_read', own.hash, { by: 'op' })).rejects.toMatchObject({
    code: 'NETMCP_NAME_RESERVED',
  });
});

test('an unknown publisher is visible as unapproved, alerted and never called, until it is approved', async () => {
  const { env, server, life, requests } = await toolServer({}, { answer: total });
  const [stranger, agent] = [await client(server.url, 'nf-x'), await client(server.url)];
  const held = await register(stranger, counting());
  expect(held).toMatchObject({ taken: false, state: 'quarantined' });
  expect(life.approvals()).toMatchObject([
    { provider: 'agent:nf-x', reasons: [expect.stringContaining('not approved as a publisher')] },
  ]);
  expect(env.lines).toContainEqual(expect.objectContaining({ message: 'tool held for approval' }));
  expect(await agent.callTool('policy_count_things', { supi: 'a' })).toMatchObject({ isError: true });
  await life.check();
  expect(requests.filter(({ operation }) => operation !== 'probe')).toEqual([]);
  await life.approve('policy_count_things', held.hash, { by: 'op' });
  expect(await agent.callTool('policy_count_things', { supi: 'a' })).toMatchObject({ isError: false });
});

function unreached(): Error {
  return Object.assign(new Error('not reached'), {
    failure: { code: 'NF_NOT_REACHED', message: 'not reached', retryable: false, executed: 'no' },
  });
}
