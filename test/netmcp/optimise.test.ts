import * as fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { connectPlain, startToolServer, type ToolServerOptions } from '../../src/netmcp/index.ts';
import { compose, permissionOf } from '../../src/netmcp/optimise/compose.ts';
import {
  argumentsOf,
  at,
  beginFlow,
  narrowFlow,
  type SeenCall,
  settle,
} from '../../src/netmcp/optimise/flow.ts';
import { createMiner, MINER_LIMITS } from '../../src/netmcp/optimise/miner.ts';
import type { OptimiseOptions } from '../../src/netmcp/optimise/optimiser.ts';
import type { Permission } from '../../src/netmcp/schema/index.ts';
import { createToolSearch } from '../../src/netmcp/search/part.ts';
import { type NfTool, tool } from '../../src/netmcp/tools/types.ts';
import { createShelf } from '../../src/netmcp/toolserver/shelf.ts';
import { authOf, authWorld, HOST } from './support/auth.ts';
import { testEnv, until } from './support/env.ts';
import { fakeSbi, ok } from './support/tools.ts';

const closers: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const supi = z.string().min(3).describe('Subscriber');
const step = (name: string, more: Partial<Parameters<typeof tool>[0]> & Pick<NfTool, 'input' | 'output'>) =>
  tool({
    name,
    title: `Title of ${name}`,
    description: `Does ${name} for a subscriber.`,
    category: 'policy',
    kind: 'resource management',
    labels: [name],
    effects: 'read',
    nf: [{ type: 'PCF', operations: [name] }],
    async execute(args, { sbi }) {
      const answer = await sbi({ nf: 'PCF', operation: name, method: 'POST', path: '/x', body: args });
      return answer.body as Record<string, unknown>;
    },
    ...more,
  } as Parameters<typeof tool>[0]);

const locate = step('locate', {
  input: z.strictObject({ supi }),
  output: z.object({ cell: z.object({ id: z.string() }) }),
});
const reserve = step('reserve', {
  effects: 'reversible',
  input: z.strictObject({
    supi,
    cellId: z.string(),
    ratio: z.number().min(1).max(100),
    mode: z.enum(['soft', 'hard']).optional(),
  }),
  output: z.object({ reservation: z.string() }),
});
const confirm = step('confirm', {
  input: z.strictObject({ reservation: z.string() }),
  output: z.object({ held: z.boolean() }),
});
const erase = step('erase', {
  effects: 'irreversible',
  input: z.strictObject({ cellId: z.string() }),
  output: z.object({ erased: z.boolean() }),
});

async function world(
  tools: NfTool[] = [locate, reserve, confirm, erase],
  optimise: OptimiseOptions = {},
  governance: Partial<ToolServerOptions> = {},
) {
  const env = testEnv();
  let failing = false;
  const sbi = fakeSbi(({ operation, body }) => {
    const args = body as Record<string, string>;
    if (failing && operation === 'reserve')
      return { status: 403, body: { cause: 'NO_RADIO' }, location: null };
    if (operation === 'locate') return ok({ cell: { id: `cell-of-${args.supi}` } });
    if (operation === 'reserve') return ok({ reservation: `r-${args.cellId}-${args.ratio}` });
    if (operation === 'confirm') return ok({ held: true });
    return ok({ erased: true, held: true });
  });
  const server = await startToolServer({
    env,
    host: '127.0.0.1',
    port: 0,
    id: 's',
    nrf: sbi.port,
    tools,
    optimise,
    ...governance,
  });
  closers.push(server.close);
  const client = async (agentId: string) => {
    const plain = await connectPlain({ env, target: server.url, agentId });
    closers.push(plain.close);
    return plain;
  };
  type Client = Awaited<ReturnType<typeof client>>;
  const trip = async (plain: Client, subscriber: string, ratio: number) => {
    const located = await plain.callTool('locate', { supi: subscriber });
    const { cell } = located.output as { cell: { id: string } };
    const reserved = await plain.callTool('reserve', {
      supi: subscriber,
      cellId: cell.id,
      ratio,
      mode: 'soft',
    });
    const { reservation } = reserved.output as { reservation: string };
    return [located, reserved, await plain.callTool('confirm', { reservation })];
  };
  const optimiser = server.optimiser!;
  const settled = async (stage: string) => {
    env.pass(30_000);
    return until(() => optimiser.list().find((entry) => entry.stage === stage));
  };
  return { env, sbi, server, client, trip, optimiser, settled, fail: (on: boolean) => (failing = on) };
}

/** Three sessions of two agents, with three subscribers. */
async function recur({ client, trip }: Awaited<ReturnType<typeof world>>) {
  await trip(await client('agent/a'), 'imsi-1001', 20);
  await trip(await client('agent/b'), 'imsi-1002', 30);
  await trip(await client('agent/b'), 'imsi-1003', 40);
}

test('a sequence that recurs becomes one tool that does the same with one call', async () => {
  const here = await world();
  const stages: string[] = [];
  here.optimiser.onEvent(({ stage }) => stages.push(stage));
  await recur(here);
  const entry = await here.settled('registered');
  expect(stages).toEqual(['proposed', 'tried', 'registered']);
  expect(entry).toMatchObject({
    steps: ['locate', 'reserve', 'confirm'],
    support: { count: 3, sessions: 3, agents: 2 },
  });

  const fresh = await here.client('agent/c');
  const listed = (await fresh.listTools()).find((candidate) => candidate.name === entry.name);
  // The free parameters only: the cell and the reservation follow, and `mode` was always the same listed word.
  expect(listed?.inputSchema).toMatchObject({ required: ['supi', 'ratio'], additionalProperties: false });
  expect(listed?.meta).toMatchObject({
    effects: 'reversible',
    permission: { mode: 'public' },
    kind: 'composite',
  });
  expect(listed?.description).toContain('1. Title of locate (locate); 2. Title of reserve');

  here.sbi.requests.length = 0;
  const outcome = await fresh.callTool(entry.name, { supi: 'imsi-1009', ratio: 50 }, { idempotencyKey: 'k' });
  expect(outcome.output).toEqual({
    results: [
      { tool: 'locate', output: { cell: { id: 'cell-of-imsi-1009' } } },
      { tool: 'reserve', output: { reservation: 'r-cell-of-imsi-1009-50' } },
      { tool: 'confirm', output: { held: true } },
    ],
  });
  expect(outcome.chain.map(({ operation }) => operation)).toEqual(['locate', 'reserve', 'confirm']);
  const composed = here.sbi.requests.map(({ operation, body }) => ({ operation, body }));

  // The same by hand: three calls, the same requests at the NF.
  here.sbi.requests.length = 0;
  const byHand = await here.trip(fresh, 'imsi-1009', 50);
  expect(byHand).toHaveLength(3);
  expect(here.sbi.requests.map(({ operation, body }) => ({ operation, body }))).toEqual(composed);
  // The same key changes nothing a second time.
  here.sbi.requests.length = 0;
  const again = await fresh.callTool(entry.name, { supi: 'imsi-1009', ratio: 50 }, { idempotencyKey: 'k' });
  expect(again.output).toEqual(outcome.output);
  expect(here.sbi.requests).toEqual([]);
  expect(here.optimiser.list()[0]?.uses).toBe(2);
});

test('a composite refuses before its first step what a step would refuse, and rehearses without effect', async () => {
  const here = await world([locate, reserve, confirm], {});
  await recur(here);
  const { name } = await here.settled('registered');
  const client = await here.client('agent/c');
  here.sbi.requests.length = 0;
  expect(await client.callTool(name, { supi: 'imsi-1', ratio: 101 })).toMatchObject({ isError: true });
  expect(await client.callTool(name, { supi: 'imsi-1' })).toMatchObject({ isError: true });
  expect(await client.callTool(name, { supi: 'imsi-1', ratio: 5, cellId: 'mine' })).toMatchObject({
    isError: true,
  });
  const dry = await client.callTool(name, { supi: 'imsi-1', ratio: 5 }, { dryRun: true });
  expect(dry).toMatchObject({ isError: false, output: null });
  expect(here.sbi.requests).toEqual([]);
});

test('it stops at a step that fails and says what was done; failing again and again withdraws it', async () => {
  const here = await world();
  await recur(here);
  const { name } = await here.settled('registered');
  const client = await here.client('agent/c');
  here.fail(true);
  const failed = await client.callTool(name, { supi: 'imsi-1001', ratio: 20 });
  expect(failed).toMatchObject({ isError: true, chain: [{ status: 200 }, { status: 403 }] });
  expect(failed.text).toContain('stopped at step 2, reserve');
  expect(failed.text).toContain('Done before: locate');
  await client.callTool(name, { supi: 'imsi-1001', ratio: 20 });
  await client.callTool(name, { supi: 'imsi-1001', ratio: 20 });
  expect(here.optimiser.list()[0]).toMatchObject({ stage: 'withdrawn', reason: 'failed 3 times in a row' });
  expect((await (await here.client('x')).listTools()).map((listed) => listed.name)).not.toContain(name);
});

test('a human is asked once by a composite, never by a trial; what a human let through is not composed', async () => {
  const asked: string[] = [];
  const here = await world(
    undefined,
    {},
    {
      policy: [
        {
          id: 'much',
          tools: ['reserve'],
          rule: 'args.ratio <= 60.0',
          allowed: 'ratio <= 60',
          otherwise: 'ask',
        },
      ],
      approve: async ({ plan }) => {
        asked.push(plan.tool);
        return { approved: true, approver: 'o' };
      },
    },
  );
  await recur(here);
  const { name } = await here.settled('registered');
  expect(asked).toEqual([]);
  const outcome = await (await here.client('agent/c')).callTool(name, { supi: 'imsi-1', ratio: 70 });
  expect(outcome.isError).toBe(false);
  expect(asked).toEqual(['reserve']);

  const other = await world(
    undefined,
    {},
    {
      policy: [
        { id: 'all', tools: ['reserve'], rule: 'args.ratio <= 1.0', allowed: 'ratio <= 1', otherwise: 'ask' },
      ],
      approve: async () => ({ approved: true, approver: 'o' }),
    },
  );
  await recur(other);
  expect(await other.settled('refused')).toMatchObject({ reason: 'step 2 needs the approval of a human' });
});

test('unused, it is withdrawn; and by hand', async () => {
  const here = await world(undefined, { unusedMs: 60_000, restMs: 0 });
  await recur(here);
  const { name } = await here.settled('registered');
  here.env.pass(50_000);
  await (await here.client('agent/c')).callTool(name, { supi: 'imsi-1', ratio: 5 });
  here.env.pass(50_000);
  expect(here.optimiser.list()[0]?.stage).toBe('registered');
  here.env.pass(10_000);
  expect(here.optimiser.list()[0]).toMatchObject({ stage: 'withdrawn', reason: 'unused' });
  await recur(here);
  const second = await here.settled('registered');
  expect(here.optimiser.withdraw(second.name, 'by the operator')).toBe(true);
  expect(here.optimiser.withdraw(second.name, 'twice')).toBe(false);
});

test.each(['observe', 'propose', 'try'] as const)('up to "%s" nothing is offered', async (upTo) => {
  const here = await world(undefined, { upTo });
  await recur(here);
  if (upTo === 'observe') {
    here.env.pass(60_000);
    expect(here.optimiser.list()).toEqual([]);
    return;
  }
  const entry = await here.settled(upTo === 'propose' ? 'proposed' : 'tried');
  expect((await (await here.client('x')).listTools()).map(({ name }) => name)).not.toContain(entry.name);
  expect(here.optimiser.register(entry.name)).toBe(upTo === 'try');
  expect(here.optimiser.list()[0]?.stage).toBe(upTo === 'try' ? 'registered' : 'proposed');
});

test('one agent alone makes no tool for others, however often it tries', async () => {
  const here = await world();
  for (let i = 0; i < 5; i += 1) await here.trip(await here.client('agent/evil'), `imsi-100${i}`, 20 + i);
  here.env.pass(60_000);
  expect(here.optimiser.list()).toEqual([]);
});

test('a step that cannot be undone is not hidden in a tool, though two agents ask for it', async () => {
  const here = await world();
  for (const [agent, subscriber] of [
    ['agent/evil', 'imsi-1001'],
    ['agent/evil2', 'imsi-1002'],
    ['agent/evil2', 'imsi-1003'],
  ] as const) {
    const client = await here.client(agent);
    const { cell } = (await client.callTool('locate', { supi: subscriber })).output as {
      cell: { id: string };
    };
    await client.callTool('erase', { cellId: cell.id });
  }
  const entry = await here.settled('refused');
  expect(entry).toMatchObject({ steps: ['locate', 'erase'], reason: 'a step cannot be undone' });
  expect((await (await here.client('x')).listTools()).every(({ name }) => !name.includes('erase_'))).toBe(
    true,
  );
});

test('a composite asks for all that its steps need, so it opens nothing to anybody', async () => {
  const agents = ['netagent/test/strong', 'netagent/test/relay'] as const;
  const named = step('named', {
    input: z.strictObject({ cellId: z.string() }),
    output: z.object({ held: z.boolean() }),
    permission: { mode: 'specified', agents: [...agents] },
  });
  const { server: authority, env, management, close } = await authWorld();
  closers.push(close);
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
  closers.push(tools.close);
  const client = async (agent: string) => {
    const plain = await connectPlain({ env, target: tools.url, agentId: agent, auth: authOf(agent) });
    closers.push(plain.close);
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

const seen = (name: string, args: Record<string, unknown>, output: unknown = {}): SeenCall => ({
  tool: name,
  args,
  output,
});

test('data of a client is never frozen into a tool: only truths and listed words are', () => {
  const calls = [
    seen('locate', { supi: 'imsi-1001' }, { cell: { id: 'x' } }),
    seen('reserve', { supi: 'imsi-1001', cellId: 'home-cell', ratio: 7, mode: 'hard' }),
  ];
  const flow = beginFlow(calls);
  narrowFlow(flow, calls);
  const pattern = {
    key: 'k',
    tools: ['locate', 'reserve'],
    count: 3,
    sessions: new Set<number>(),
    agents: new Set<string>(),
    flow,
    sample: { identity: { agent: 'a', authenticated: false, scopes: [], actors: [] }, calls },
  };
  const { plan, tool: made } = compose(pattern, createShelf([locate, reserve]));
  expect(plan.steps[1]?.get('mode')).toEqual({ from: 'constant', value: 'hard' });
  expect([...plan.inputs.keys()]).toEqual(['supi', 'cellId', 'ratio']);
  expect(JSON.stringify([made.title, made.description, made.meta])).not.toMatch(/imsi|home-cell/);
});

test('a link that breaks once is no link', () => {
  const calls = (id: string, used: string) => [seen('locate', {}, { id }), seen('reserve', { cellId: used })];
  const flow = beginFlow(calls('c-1', 'c-1'));
  narrowFlow(flow, calls('c-2', 'c-2'));
  expect(settle(flow, () => false).linked).toBe(1);
  narrowFlow(flow, calls('c-3', 'other'));
  expect(settle(flow, () => false).linked).toBe(0);
});

test('what is planned gives back the arguments that were seen, whatever they are', () => {
  const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.string(), { maxLength: 3 }));
  const args = fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'constructor', 'toString'), value);
  fc.assert(
    fc.property(args, fc.jsonValue(), args, (first, output, second) => {
      const calls = [seen('x', first, output), seen('y', second)];
      const flow = beginFlow(calls);
      const plan = settle(flow, () => true);
      const inputs = Object.fromEntries(
        [...plan.inputs].map(([name, { step: of, parameter }]) => [name, calls[of]?.args[parameter]]),
      );
      plan.steps.forEach((sources, i) => {
        const made = argumentsOf(sources, inputs, [output]);
        expect(JSON.stringify(Object.entries(made).sort())).toBe(
          JSON.stringify(Object.entries(calls[i]?.args ?? {}).sort()),
        );
      });
    }),
  );
  expect(at({ a: 1 }, ['__proto__'])).toBeUndefined();
});

test('a call that fails cuts a sequence, and does not make two sessions of one', () => {
  const identity = { agent: 'a', authenticated: false, scopes: [], actors: [] };
  const miner = createMiner<number>({ ...MINER_LIMITS, minAgents: 1 });
  const once = () => {
    miner.seen(0, identity, seen('x', {}), 0);
    miner.interrupt(0);
    const cut = miner.seen(0, identity, seen('y', {}), 0);
    expect(cut).toEqual([]);
    miner.seen(0, identity, seen('x', {}), 0);
    return miner.seen(0, identity, seen('y', {}), 0);
  };
  for (let i = 0; i < 5; i += 1) expect(once().filter(({ tools }) => tools.join() === 'x,y')).toEqual([]);
  miner.gone(0);
  expect(once().map(({ tools }) => tools.join())).toContain('x,y');
});

test('the memory of the miner is bounded, and a tool that repeats is no sequence', () => {
  const identity = { agent: 'a', authenticated: false, scopes: [], actors: [] };
  const miner = createMiner<number>({ ...MINER_LIMITS, maxSessions: 3, maxPatterns: 10 });
  for (let i = 0; i < 100; i += 1) {
    miner.seen(i, identity, seen(`t${i}`, {}), i);
    miner.seen(i, identity, seen(`u${i}`, {}), i);
  }
  expect(miner.size).toEqual({ sessions: 3, patterns: 10 });
  const polling = createMiner<number>({ ...MINER_LIMITS, minAgents: 1, minSessions: 1 });
  for (let i = 0; i < 20; i += 1) expect(polling.seen(0, identity, seen('poll', {}), i)).toEqual([]);
  expect(polling.size.patterns).toBe(0);
});
