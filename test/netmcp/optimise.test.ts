import { expect, test } from 'vitest';
import { confirm, locate, recur, reserve, world } from './support/optimise.ts';

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
