import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { loadPolicy, type OnElicit, type PolicyRule, toolsOf } from '../../src/netmcp/index.ts';
import { tool } from '../../src/netmcp/tools/types.ts';
import { testEnv, until } from './support/env.ts';
import { atEnd, oneServer } from './support/one-server.ts';
import { ok } from './support/tools.ts';

const supi = 'imsi-001010000000001';
const rule = (more: Partial<PolicyRule>): PolicyRule => ({
  id: 'limit',
  tools: ['test_create'],
  rule: 'args.share <= 50.0',
  allowed: 'share <= 50',
  otherwise: 'refuse',
  ...more,
});

test('each step refuses in its turn, before the NF: bounds, schema, constraint, permission, policy, expert', async () => {
  const refusing = {
    judge: () => ({
      decision: 'refuse' as const,
      rule: 'sense',
      parameter: 'share',
      reason: 'it makes no sense',
      allowed: 'share 1',
    }),
  };
  const { client, sbi } = await oneServer({ policy: [rule({})], expert: refusing });
  const one = await client();
  const step = async (args: Record<string, unknown>, name = 'test_create') =>
    /refused \((\w+)\)/.exec((await one.callTool(name, args)).text)?.[1];
  // Each of these breaks its own step and every later one.
  expect(await step({ share: 'x'.repeat(70_000), start: 2, end: 1 })).toBe('bounds');
  expect(await step({ share: 'much', start: 2, end: 1 })).toBe('schema');
  expect(await step({ share: 60, start: 2, end: 1 })).toBe('constraint');
  expect(await step({ share: 60 })).toBe('policy');
  expect(await step({ share: 50 })).toBe('expert');
  expect(await step({}, 'test_secret')).toBe('permission');
  expect(sbi.requests).toEqual([]);
});

test('what no rule decides goes to the human at the client, by elicitation', async () => {
  const { client, sbi } = await oneServer({ policy: [rule({ otherwise: 'ask' })] });
  const questions: string[] = [];
  const answers: Awaited<ReturnType<OnElicit>>[] = [
    { action: 'accept', content: { approve: true, name: 'Kim' } },
    { action: 'accept', content: { approve: false } },
    // An accepted form that nobody filled in is no approval: the default of the box is no.
    { action: 'accept', content: {} },
    { action: 'decline' },
    { action: 'cancel' },
  ];
  const one = await client({
    onElicit: async ({ message }) => {
      questions.push(message);
      return answers[questions.length - 1] as Awaited<ReturnType<OnElicit>>;
    },
  });
  const ends: boolean[] = [];
  for (const _ of answers) ends.push((await one.callTool('test_create', { share: 60 })).isError);
  expect(ends).toEqual([false, true, true, true, true]);
  expect(sbi.requests).toHaveLength(1);
  expect(questions[0]).toContain('netagent/test asks for test_create beyond share <= 50 (limit)');
  expect(questions[0]).toContain('"share":60');
});

test('a client without a human: the operator is asked; without an operator, or an answer in time, it is refused', async () => {
  const asked = await oneServer({
    policy: [rule({ otherwise: 'ask' })],
    approve: async ({ plan, text }) => ({
      approved: plan.args.share === 60 && text !== '',
      approver: 'operator',
    }),
  });
  const one = await asked.client();
  expect((await one.callTool('test_create', { share: 60 })).isError).toBe(false);
  expect((await one.callTool('test_create', { share: 61 })).text).toContain('a human refused it');

  const none = await oneServer({ policy: [rule({ otherwise: 'ask' })] });
  const refused = await (await none.client()).callTool('test_create', { share: 60 });
  expect(refused.text).toContain('no human could be asked');
  expect(none.sbi.requests).toEqual([]);

  let put = false;
  const silent = await oneServer({
    policy: [rule({ otherwise: 'ask' })],
    approve: () => {
      put = true;
      return new Promise(() => undefined);
    },
  });
  const waiting = (await silent.client()).callTool('test_create', { share: 60 }, { deadlineMs: 60_000 });
  await until(() => put);
  silent.env.pass(30_000);
  expect((await waiting).text).toContain('no human answered in time');
  expect(silent.sbi.requests).toEqual([]);
});

test('an expert that cannot judge, or takes too long, leaves it to a human; reads are not shown to it', async () => {
  const broken = await oneServer({
    expert: {
      judge: () => {
        throw new Error('no answer of the model');
      },
    },
  });
  const one = await broken.client();
  expect((await one.callTool('test_create', { share: 5 })).text).toContain('no human could be asked');
  expect((await one.callTool('test_read', {})).isError).toBe(false);

  let shown = false;
  const slow = await oneServer({
    expert: {
      judge: () => {
        shown = true;
        return new Promise(() => undefined);
      },
    },
    approve: async ({ text }) => ({ approved: text.includes('no judgement'), approver: 'operator' }),
  });
  const waiting = (await slow.client()).callTool('test_create', { share: 5 });
  await until(() => shown);
  slow.env.pass(5_000);
  expect((await waiting).isError).toBe(false);
});

test('a rule that leaves it to the expert: the expert settles it; one that wants a human: it cannot', async () => {
  const yes = { judge: () => ({ decision: 'allow' as const }) };
  const settled = await oneServer({ policy: [rule({ otherwise: 'expert' })], expert: yes });
  expect((await (await settled.client()).callTool('test_create', { share: 60 })).isError).toBe(false);
  // The rules that ship know nothing of this tool, so they do not settle a doubt.
  const unknown = await oneServer({ policy: [rule({ otherwise: 'expert' })] });
  expect((await (await unknown.client()).callTool('test_create', { share: 60 })).isError).toBe(true);
  const human = await oneServer({ policy: [rule({ otherwise: 'ask' })], expert: yes });
  expect((await (await human.client()).callTool('test_create', { share: 60 })).isError).toBe(true);
});

test('a dry run that would need a human asks nobody and says what to approve', async () => {
  const { client, sbi } = await oneServer({
    policy: [rule({ otherwise: 'ask' })],
    approve: () => Promise.reject(new Error('must not be asked')),
  });
  const dry = await (await client()).callTool('test_create', { share: 60 }, { dryRun: true });
  expect(dry).toMatchObject({ isError: false, output: null });
  expect(dry.text).toContain('needs the approval of a human');
  expect(sbi.requests).toEqual([]);
});

test('limits per cell, slice, subscriber and agent, out of a YAML file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'netagent-policy-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'policy.yaml');
  writeFileSync(
    file,
    `rules:
  - id: stadium-cells
    tools: [ran_*]
    cells: ["00000a*"]
    rule: args.ratio <= 20.0
    allowed: ratio <= 20 in the cells of the stadium
  - id: one-subscriber
    tools: [ran_reserve_prbs]
    subscribers: [${supi}]
    agents: ["guest/*"]
    rule: state.subscriber.reservations < 1
    allowed: one reservation at a time for guests
`,
  );
  const { client, sbi, server } = await oneServer({
    tools: toolsOf('ran'),
    policy: file,
    answer: () => ok(),
  });
  expect(server.id).toBe('tools-a');
  const one = await client({ agentId: 'guest/a' });
  const reserve = (cellId: string, ratio: number, who = supi) =>
    one.callTool('ran_reserve_prbs', { supi: who, cellIds: [cellId], ratio });
  expect((await reserve('00000a1', 21)).text).toContain('stadium-cells');
  expect((await reserve('00000b1', 21)).isError).toBe(false);
  // State remembers the first reservation.
  expect((await reserve('00000b2', 5)).text).toContain('one reservation at a time');
  expect((await reserve('00000b2', 5, 'imsi-001010000000002')).isError).toBe(false);
  const home = await client({ agentId: 'home/a' });
  const args = { supi, cellIds: ['00000b2'], ratio: 5 };
  expect((await home.callTool('ran_reserve_prbs', args)).isError).toBe(false);
  expect(sbi.requests).toHaveLength(3);
});

test.each([
  ['rules: [{id: a, tools: [x], rule: "args.", allowed: y}]', 'the rule a:'],
  ['rules: [{id: a, tools: [x], rule: "true", allowed: y, spelt: wrong}]', 'spelt'],
  ['rules: [{id: a, tools: [], rule: "true", allowed: y}]', 'rules.0.tools'],
  [
    'rules: [{id: a, tools: [x], rule: "true", allowed: y}, {id: a, tools: [x], rule: "true", allowed: y}]',
    'there twice',
  ],
  ['rules: [', ''],
  ['', 'it:'],
])('the policy file %# is refused as a whole', (text, problem) => {
  const folder = mkdtempSync(join(tmpdir(), 'netagent-policy-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'policy.yaml');
  writeFileSync(file, text);
  expect(() => loadPolicy(file)).toThrow(problem);
  expect(() => loadPolicy(file)).toThrow('policy.yaml');
});

test('a policy file that is not there is refused by its name', () => {
  expect(() => loadPolicy('/nowhere/policy.yaml')).toThrow('/nowhere/policy.yaml');
});

const filled = tool({
  name: 'test_filled',
  title: 'Filled by the server',
  description: 'The agent gives a rate; slice and priority are filled.',
  category: 'policy',
  kind: 'resource management',
  labels: [],
  effects: 'reversible',
  defaults: { slice: 'embb' },
  derived: { priority: 'args.mbps > 50.0 ? 3 : 9', load: 'state.load' },
  constraints: [{ rule: 'args.priority < 9 || args.mbps <= 50.0', message: 'priority by rate' }],
  nf: [{ type: 'PCF', operations: ['fill'] }],
  input: z.strictObject({
    mbps: z.number().min(1).max(100),
    slice: z.string(),
    priority: z.number().int().min(1).max(15),
    load: z.number().min(0).max(100),
  }),
  output: z.object({ done: z.boolean() }),
  async execute(args, { sbi }) {
    await sbi({ nf: 'PCF', operation: 'fill', method: 'POST', path: '/x', body: args });
    return { done: true };
  },
});

test('fixed and derived parameters are filled by the server and never shown to, or taken from, an agent', async () => {
  const { client, sbi } = await oneServer({ tools: [filled] });
  const one = await client();
  const shown = (await one.listTools()).find(({ name }) => name === 'test_filled');
  expect(shown?.inputSchema).toMatchObject({ properties: { mbps: {} }, required: ['mbps'] });
  expect(JSON.stringify(shown)).not.toMatch(/slice"|priority"|derived|embb/);
  expect((await one.callTool('test_filled', { mbps: 60 })).isError).toBe(false);
  expect(sbi.requests[0]?.body).toEqual({ mbps: 60, slice: 'embb', priority: 3, load: expect.any(Number) });
  const forced = await one.callTool('test_filled', { mbps: 60, slice: 'urllc' });
  expect(forced.text).toContain('slice');
  expect(sbi.requests).toHaveLength(1);
});

test.each([
  [{ defaults: { nothing: 1 } }, 'nothing, which is no parameter'],
  [{ defaults: { slice: 'a' }, derived: { slice: 'args.mbps' } }, 'twice'],
  [{ derived: { priority: 'args.' } }, ''],
])('a tool that fills wrongly is not offered: %#', async (more, problem) => {
  const meta = { ...filled.meta, defaults: undefined, derived: undefined, ...more };
  const wrong = { ...filled, meta } as unknown as typeof filled;
  await expect(oneServer({ tools: [wrong] })).rejects.toThrow(problem);
  await expect(oneServer({ tools: [wrong] })).rejects.toMatchObject({ code: 'NETMCP_TOOL_INVALID' });
});

test('the expert that ships has the sense of the trade', async () => {
  const env = testEnv();
  const answer = () => ({ status: 201, body: {}, location: '/s/1' });
  const core = await oneServer({ tools: toolsOf('core'), policy: [], answer }, env);
  const one = await core.client();
  const session = (dlMbps: number, maxDelayMs: number) =>
    one.callTool('core_create_qos_session', { supi, dlMbps, ulMbps: 1, maxDelayMs });
  // TS 23.501 table 5.7.4-1: 5QI 89 carries 17 000 bytes within 15 ms.
  expect((await session(30, 15)).text).toContain('5QI 89');
  expect((await session(9, 15)).isError).toBe(false);
  expect((await session(1, 4)).text).toContain('maxDelayMs >= 5');
  expect((await session(350, 100)).isError).toBe(false);
  expect((await session(80, 100)).text).toContain('subscriber-total');

  const ran = await oneServer({ tools: toolsOf('ran'), policy: [], answer: () => ok() }, env);
  const two = await ran.client();
  const cells = (count: number) =>
    Array.from({ length: count }, (_, i) => `000${String(i).padStart(4, '0')}`);
  const reserve = (count: number, ratio: number, who = supi) =>
    two.callTool('ran_reserve_prbs', { supi: who, cellIds: cells(count), ratio });
  expect((await reserve(100, 80)).text).toContain('blast-radius');
  expect((await reserve(40, 50)).text).toContain('no human could be asked');
  expect((await reserve(1, 70)).isError).toBe(false);
  expect((await reserve(1, 40, 'imsi-001010000000002')).text).toContain('ratio <= 30');
});
