import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import * as fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import {
  connectPlain,
  startManagementServer,
  startToolServer,
  TOOL_AREAS,
  toolsOf,
} from '../../src/netmcp/index.ts';
import { METHODS, toolsDiscoverResultSchema } from '../../src/netmcp/schema/index.ts';
import { estimateTokens, fill } from '../../src/netmcp/search/budget.ts';
import { type Embedder, openAiEmbedder } from '../../src/netmcp/search/embedder.ts';
import { createFinder } from '../../src/netmcp/search/finder.ts';
import { needsOf } from '../../src/netmcp/search/needs.ts';
import { createToolSearch } from '../../src/netmcp/search/part.ts';
import { readRequest, stepsOf } from '../../src/netmcp/search/request.ts';
import { stem, terms } from '../../src/netmcp/search/text.ts';
import { createUsage } from '../../src/netmcp/search/usage.ts';
import { createShelf } from '../../src/netmcp/toolserver/shelf.ts';
import { testEnv } from './support/env.ts';
import { create, fakeSbi, ok, read, secret } from './support/tools.ts';

const closers: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const all = TOOL_AREAS.flatMap((area) => toolsOf(area));

async function world(tools = all, embedder?: Embedder) {
  const env = testEnv();
  const host = '127.0.0.1';
  const management = await startManagementServer({ env, host, port: 0 });
  closers.push(management.close);
  const server = await startToolServer({
    env,
    host,
    port: 0,
    id: 'all-tools',
    management: management.url,
    nrf: fakeSbi(() => ok({ value: 7 })).port,
    tools,
    ...(embedder && { embedder }),
  });
  closers.push(server.close);
  const client = async (agentId: string) => {
    const plain = await connectPlain({ env, target: server.url, agentId });
    closers.push(plain.close);
    return {
      ...plain,
      discover: async (params: Record<string, unknown>) =>
        toolsDiscoverResultSchema.parse(await plain.request(METHODS.toolsDiscover, params)),
    };
  };
  return { env, server, client };
}

const context = (agent: string) => ({
  identity: { agent, authenticated: false, scopes: [], actors: [] },
  meta: undefined,
  signal: new AbortController().signal,
  progress: () => {},
});

test.each([
  ['will the reception along my trip be bad', 'ran_get_coverage'],
  ['dedicate PRBs of a gNB to a UE', 'ran_reserve_prbs'],
  ['prepare handoff from 5G to 4G in the tunnel', 'ran_preset_handover'],
  ['ask for a guaranteed bit rate, 5QI flow', 'core_create_qos_session'],
  ['is the cell crowded', 'ran_collect_cell_kpis'],
  ['预测小区拥塞', 'core_predict_congestion'],
  ['local breakout to an edge host near the terminal', 'compute_place_relay'],
])('"%s" finds %s over the wire', async (requirement, name) => {
  const { client } = await world();
  const found = await (await client('a')).discover({ requirement, limit: 3 });
  expect(found.tools.map((tool) => tool.name)).toContain(name);
  expect(found.tools[0]).toMatchObject({ score: 1, definition: { name: found.tools[0]?.name } });
  expect(found.of).toBe(all.length);
});

test('steps on lines of their own are each met by their best tool', async () => {
  const { client } = await world();
  const requirement = '1. find weak coverage on the route\n2. reserve resource blocks\n3. set the priority';
  const found = await (await client('a')).discover({ requirement, limit: 3 });
  expect(new Set(found.tools.map((tool) => tool.name))).toEqual(
    new Set(['ran_get_coverage', 'ran_reserve_prbs', 'ran_set_ue_priority']),
  );
});

test('the budget holds exactly what it is for, and says what did not fit', async () => {
  const { client } = await world();
  const a = await client('a');
  const ask = (budgetTokens?: number) =>
    a.discover({ requirement: 'reserve radio resources', limit: 1, ...(budgetTokens && { budgetTokens }) });
  const [best] = (await ask()).tools;
  expect(best?.tokens).toBe(estimateTokens(JSON.stringify(best?.definition)));
  expect((await ask(best?.tokens)).tools).toEqual([best]);
  // One token less: the definition is cut to what a call needs, and says so.
  const [less] = (await ask((best?.tokens ?? 0) - 1)).tools;
  expect(less).toMatchObject({ name: best?.name, partial: true });
  expect(Object.keys(less?.definition ?? {})).toEqual(['name', 'title', 'description', 'inputSchema']);
  // Less than that: left out by name, and what is smaller may take its place.
  const least = await ask((less?.tokens ?? 0) - 1);
  expect(least.tools.map((tool) => tool.name)).not.toContain(best?.name);
  expect(least.omitted[0]).toBe(best?.name);
});

test.each([
  [{}, 'requirement'],
  [{ requirement: '' }, 'requirement'],
  [{ requirement: 'x'.repeat(4_001) }, 'requirement'],
  [{ requirement: 'x', limit: 51 }, 'limit'],
  [{ requirement: 'x', categories: ['none'] }, 'categories'],
])('parameters %# are refused by name', async (params, word) => {
  const { client } = await world([read]);
  await expect((await client('a')).discover(params)).rejects.toThrow(word);
});

test('only tools that the caller may use are shown, and only of the categories asked for', async () => {
  const search = createToolSearch({
    env: testEnv(),
    shelf: createShelf([create, read, secret]),
    server: { id: 's', summary: '' },
  });
  const names = async (agent: string, authenticated: boolean, more: object = {}) => {
    const as = { ...context(agent), identity: { agent, authenticated, scopes: [], actors: [] } };
    const found = await search.discover({ requirement: 'a named agent, things', limit: 9, ...more }, as);
    return found.tools.map((tool) => tool.name);
  };
  expect(await names('anybody', true)).not.toContain('test_secret');
  expect(await names('netagent/trusted', false)).not.toContain('test_secret');
  expect(await names('netagent/trusted', true)).toContain('test_secret');
  expect(await names('anybody', true, { categories: ['policy'] })).toEqual(['test_create']);
  search.close();
});

test('a plain MCP client finds tools by a plain tool', async () => {
  const { server } = await world();
  const client = new Client({ name: 'plain', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(server.url)));
  closers.push(() => client.close());
  expect((await client.listTools()).tools.at(-1)?.name).toBe('tools_discover');
  const found = await client.callTool({
    name: 'tools_discover',
    arguments: { requirement: 'weak coverage', limit: 1 },
  });
  expect(found.structuredContent).toMatchObject({ tools: [{ name: 'ran_get_coverage' }] });
  const bad = await client.callTool({ name: 'tools_discover', arguments: {} });
  expect(bad).toMatchObject({ isError: true });
});

test('hot tools stand first in the list of the client that uses them, and of no other', async () => {
  const { client } = await world([create, read]);
  // A client keeps the list that it has, so each looks over a session of its own.
  const names = async (agent: string) => (await (await client(agent)).listTools()).map((tool) => tool.name);
  expect(await names('a')).toEqual(['test_create', 'test_read']);
  await (await client('a')).callTool('test_read', {});
  expect(await names('a')).toEqual(['test_read', 'test_create']);
  const refused = await (await client('b')).callTool('test_read', { extra: 1 });
  expect(refused.isError).toBe(true);
  expect(await names('b')).toEqual(['test_create', 'test_read']);
});

test('words under which a client found and called a tool lead that client to it', async () => {
  const { client } = await world([create, read]);
  const [a, b] = [await client('a'), await client('b')];
  const asks = { requirement: 'wibble the status', limit: 1 };
  await a.discover(asks);
  await a.callTool('test_read', {});
  const again = { requirement: 'wibble' };
  expect((await a.discover(again)).tools.map((tool) => tool.name)).toEqual(['test_read']);
  expect((await b.discover(again)).tools).toEqual([]);
});

test('the index follows the shelf, and what was learnt of a tool goes with it', async () => {
  const env = testEnv();
  const shelf = createShelf([create]);
  const search = createToolSearch({ env, shelf, server: { id: 's', summary: '' } });
  const find = async () =>
    (await search.discover({ requirement: 'how things are, status' }, context('a'))).tools.map((t) => t.name);
  expect(await find()).not.toContain('test_read');
  shelf.put(read);
  expect(await find()).toContain('test_read');
  search.called(context('a').identity, 'test_read', { content: [] });
  shelf.remove('test_read');
  expect(await find()).not.toContain('test_read');
  shelf.put(read);
  const peer = { agreement: { mode: 'netmcp' as const, version: '1.0', features: [], reason: null } };
  expect(search.list(peer, context('a').identity).map((tool) => tool.name)).toEqual([
    'test_create',
    'test_read',
  ]);
  search.close();
});

test('uses decay by half in a half-life; the client unheard of for longest is forgotten', () => {
  const env = testEnv();
  const usage = createUsage(env.clock, { halfLifeMs: 1_000, maxClients: 2 });
  usage.used('a', 't');
  usage.used('a', 't');
  expect(usage.frequency('a', 't')).toBe(2);
  env.pass(1_000);
  expect(usage.frequency('a', 't')).toBe(1);
  usage.used('b', 't');
  usage.used('a', 't');
  usage.used('c', 't');
  expect([usage.clients, usage.frequency('b', 't')]).toEqual([2, 0]);
  expect(usage.frequency('a', 't')).toBe(2);
});

test('what is learnt of one client stays within its bound, and the newest is kept', () => {
  const usage = createUsage({ now: () => 0 }, { maxPairs: 20 });
  for (let i = 0; i < 200; i += 1) usage.teach('a', `word${i} again`, `tool${i}`);
  const learnt = usage.learnt('a');
  const known = Array.from({ length: 200 }, (_, i) => learnt?.(stem(`word${i}`)) ?? learnt?.('word')).filter(
    (gains) => gains !== undefined,
  );
  expect(known.length).toBeGreaterThan(0);
  expect(new Set(known.flatMap((gains) => [...(gains?.keys() ?? [])])).size).toBeLessThanOrEqual(20);
  expect([...(learnt?.(stem('again'))?.keys() ?? [])]).toContain('tool199');
});

test('an embedding endpoint is fused by rank; where it fails, words alone decide and no key is told', async () => {
  const vectors = (input: string[]) =>
    input.map((text, index) => ({ index, embedding: /quux|Reads how/.test(text) ? [1, 0] : [0, 1] }));
  let up = true;
  const asked: RequestInit[] = [];
  const embedder = openAiEmbedder({
    baseUrl: 'http://127.0.0.1:9/v1/',
    model: 'm',
    apiKey: 'secret-key',
    fetch: async (url, init) => {
      expect(String(url)).toBe('http://127.0.0.1:9/v1/embeddings');
      asked.push(init ?? {});
      const { input } = JSON.parse(String(init?.body)) as { input: string[] };
      return up ? Response.json({ data: vectors(input) }) : new Response('no', { status: 500 });
    },
  });
  const { env, client } = await world([create, read], embedder);
  const a = await client('a');
  expect((await a.discover({ requirement: 'quux' })).tools[0]?.name).toBe('test_read');
  expect(asked).toHaveLength(2);
  await a.discover({ requirement: 'quux' });
  expect(asked).toHaveLength(3);
  up = false;
  const words = await a.discover({ requirement: 'create a thing' });
  expect(words.tools[0]?.name).toBe('test_create');
  expect(env.lines.some((line) => line.message.includes('embedding failed'))).toBe(true);
  expect(JSON.stringify(env.lines)).not.toContain('secret-key');
});

test('an endpoint that never answers costs a search its time limit and no more', async () => {
  const { env, client } = await world([read], { embed: () => new Promise(() => {}) });
  const found = (await client('a')).discover({ requirement: 'status' });
  let ended = false;
  const watch = found.finally(() => {
    ended = true;
  });
  while (!ended) {
    await new Promise((resolve) => setImmediate(resolve));
    env.pass(100);
  }
  expect((await watch).tools.map((tool) => tool.name)).toEqual(['test_read']);
});

test.each([
  ['getUserName', 'user name'],
  ['ran_reserve_prbs', 'ran reserv prb'],
  ['the 5QI of HTTPServer in 5G', '5qi http serv 5g'],
  ['列出小区', '列出 出小 小区'],
])('%s is the terms %s', (text, expected) => {
  expect(terms(text).join(' ')).toBe(expected);
});

test.each([
  ['reserve', 'reserved', 'reserving', 'reserves', 'reservation'],
  ['predict', 'prediction', 'predicted', 'predicting'],
  ['policy', 'policies'],
  ['schedule', 'scheduling', 'scheduled', 'scheduler'],
])('%s and its forms have one stem', (...forms) => {
  expect(new Set(forms.map(stem)).size).toBe(1);
});

test('a path says its kind, a link its host, data nothing; lines are steps', () => {
  const { weights } = readRequest(
    `save it as /tmp/out/plan.pptx from https://www.youtube.com/x ${'A1'.repeat(40)}`,
  );
  expect(weights.get('pptx')).toBe(0.8);
  expect([...weights.keys()]).toContain(stem('youtube'));
  expect([...weights.keys()].every((word) => word.length < 40)).toBe(true);
  expect(weights.has('tmp')).toBe(false);
  expect(stepsOf('one thing\n- another; a third')).toHaveLength(3);
  expect(stepsOf('read this and write that')).toHaveLength(1);
  expect(needsOf('save the summary to /x/a.md by tomorrow')).toEqual([
    ['write', 'file'],
    ['current|now|today', 'time|date'],
  ]);
});

test('any text is searched without error, in order, and the same way twice', () => {
  const finder = createFinder(
    all.map(({ name, title, description }) => ({ id: name, name, title, description })),
  );
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.lorem(), fc.constantFrom('__proto__', 'constructor')), (text) => {
      const found = finder.find(text);
      expect(found).toEqual(finder.find(text));
      expect(found.map(({ score }) => score)).toEqual(found.map(({ score }) => score).sort((x, y) => y - x));
      expect(found.every(({ score }) => score > 0)).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test('a budget is never broken, whatever the sizes', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 60 })), fc.nat(60), fc.nat(9), (texts, budget, limit) => {
      const items = texts.map((text) => ({ text }));
      const { taken, tokens, omitted } = fill(items, {
        textOf: ({ text }) => text,
        smaller: ({ text }) => ({ text: text.slice(0, 9) }),
        limit,
        budget,
      });
      expect(tokens).toBeLessThanOrEqual(budget);
      expect(taken.length).toBeLessThanOrEqual(limit);
      expect(taken.reduce((sum, item) => sum + item.tokens, 0)).toBe(tokens);
      if (taken.length < limit) expect(taken.length + omitted.length).toBe(items.length);
    }),
  );
});
