import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import type { ChangeRecord, Entry } from '../../src/change/index.ts';
import { connectNetMcp, startManagementServer, startToolServer } from '../../src/netmcp/index.ts';
import { tool } from '../../src/netmcp/tools/types.ts';
import { effectKey } from '../../src/runtime/agents/workflows.ts';
import { NetworkTime } from '../../src/runtime/network-time.ts';
import { openApprovals } from '../../src/runtime/workflows/approvals.ts';
import { approvedBy, changeFunction } from '../../src/runtime/workflows/change.ts';
import { compileWorkflow, createEngine } from '../../src/workflow/index.ts';
import { memory } from '../change/kit.ts';
import { testEnv } from '../netmcp/support/env.ts';
import { create, fakeSbi, ok, read } from '../netmcp/support/tools.ts';

const closers: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const release = tool({
  name: 'test_release',
  title: 'Release a thing',
  description: 'Gives a thing back that was created.',
  category: 'policy',
  kind: 'resource management',
  labels: ['thing'],
  effects: 'reversible',
  nf: [{ type: 'PCF', operations: ['delete'] }],
  input: z.strictObject({ thing: z.string() }),
  output: z.object({ released: z.boolean() }),
  async execute({ thing }, { sbi }) {
    await sbi({ nf: 'PCF', operation: 'delete', method: 'DELETE', path: `/npcf-test/v1/things/${thing}` });
    return { released: true };
  },
});

const document = `
document: { dsl: 1.0.3, namespace: test, name: guarded, version: 1.0.0 }
do:
  - change:
      call: change:1.0.0@default
      with:
        do: { tool: test_create, arguments: { share: 20, name: "\${ .name }" } }
        undo: { tool: test_release, arguments: { thing: "\${result}/thing" } }
        guard: { read: { tool: test_read }, kpi: /value, worseBy: 1, looks: 3, bad: 2, periodS: 60 }
  - answer: { set: { outcome: "\${ .outcome }", reason: "\${ .reason }", thing: "\${ .result.thing }" } }
`;

/** A real management server, tool server, client and engine, in lock-step network time. */
async function world(after: number) {
  const env = testEnv();
  const host = '127.0.0.1';
  let value = 10;
  const seen: string[] = [];
  const sbi = fakeSbi((request) => {
    if (request.operation !== 'read') seen.push(`${request.operation} ${request.path.split('/').at(-1)}`);
    if (request.operation === 'create') value = after;
    if (request.operation === 'delete') value = 10;
    return ok({ value });
  });
  const management = await startManagementServer({ env, host, port: 0 });
  closers.push(management.close);
  const tools = [create, read, release];
  const server = await startToolServer({
    env,
    host,
    port: 0,
    id: 'tools',
    management: management.url,
    nrf: sbi.port,
    tools,
  });
  closers.push(server.close);
  const client = await connectNetMcp({ env, agentId: 'netagent/test', management: management.url });
  closers.push(client.close);
  const time = new NetworkTime({
    start: 0,
    advance: async () => undefined,
    mode: 'lockstep',
    wall: env.clock,
    onError: (error) => {
      throw error;
    },
  });
  const { change, changes } = changeFunction({
    clock: time,
    log: env.log,
    netmcp: async () => client,
    entries: memory<Entry>(),
    records: memory<ChangeRecord>(),
    level: 3,
    traits: async (name) => tools.find((one) => one.name === name)?.meta,
  });
  const engine = createEngine({ env: { ...env, clock: time }, functions: { change } });
  closers.push(engine.close);
  const run = async () => {
    const participant = time.join();
    const slots: unknown[][] = [];
    const said: string[] = [];
    const onProgress = ({ text }: { text: string }) => said.push(text);
    const { output } = await engine.run(
      compileWorkflow(document),
      { name: 'x' },
      {
        clock: participant.clock,
        meta: { participant, activity: participant.activity, caller: { agent: 'ran' }, slots, onProgress },
      },
    );
    participant.leave();
    return { output, actions: slots.flat() as Array<{ tool: string }>, at: time.now(), said };
  };
  return { run, seen, changes };
}

test('a workflow changes the network with a guard: kept, over NetMCP, while network time passes', async () => {
  const { run, seen } = await world(10);
  const { output, actions, at } = await run();
  expect(output).toEqual({ outcome: 'kept', reason: 'The figure held over 3 looks.', thing: 'x' });
  expect(seen).toEqual(['create things']);
  expect(at).toBe(180_000);
  expect(actions.map((action) => action.tool)).toEqual([
    'test_read',
    'test_create',
    'test_read',
    'test_read',
    'test_read',
  ]);
});

test('a workflow changes the network with a guard: rolled back, by the id that the change gave', async () => {
  const { run, seen } = await world(8);
  const { output, said } = await run();
  expect(said).toEqual([
    'how far it reaches is counted',
    'what it sets is claimed',
    'it is rehearsed',
    'the figure before is read',
    'it is applied',
    'it is watched',
    'it is taken back',
    'its claims are settled',
    'it was taken back',
  ]);
  expect(output).toMatchObject({
    outcome: 'rolledBack',
    reason: 'The figure was bad in 2 looks in a row: 8, before 10.',
  });
  expect(seen).toEqual(['create things', 'delete x']);
});

test('an operator decides on the call and its undo; a refusal and silence are a no', async () => {
  const env = testEnv();
  const approvals = openApprovals({ clock: env.clock, records: memory() });
  const call = { tool: 'test_create', arguments: { share: 20 } };
  const change = { do: call, undo: { tool: 'test_release', arguments: {} }, approvalS: 60 };
  const ask = (key: string) => {
    const question = {
      key,
      holder: 'i',
      text: 'It reaches far.',
      change,
      signal: new AbortController().signal,
    };
    return approvedBy(approvals)(question as never);
  };
  const yes = ask('a');
  const no = ask('b');
  const silence = ask('c');
  const [first, second] = approvals.list();
  if (first === undefined || second === undefined) throw new Error('nobody was asked');
  expect(first.plan).toEqual({ do: call, undo: change.undo });
  approvals.decide(first.id, 'approve', first.hash);
  approvals.decide(second.id, 'reject', second.hash);
  env.pass(60_000);
  expect((await yes).approved).toBe(true);
  expect(await no).toMatchObject({ approved: false, text: expect.stringContaining('the operator refused') });
  expect(await silence).toMatchObject({
    approved: false,
    text: expect.stringContaining('nobody decided in time'),
  });
});

test('an effect is named by its step in every life, and the name is short enough for a tool server', () => {
  const context = (instanceId: string, place: string, step?: string) =>
    effectKey({
      instanceId,
      pointer: place,
      idempotencyKey: `${instanceId}:${place}`,
      meta: { step },
    } as never);
  expect(context('a', '/do/0/x')).toBe('a:/do/0/x');
  expect(context('a', '/do/0/x', 'step')).toBe(context('b', '/do/0/x', 'step'));
  expect(context('a', '/do/0/x', 'step')).not.toBe(context('a', '/do/1/x', 'step'));
  expect(context('a', '/do/0/x', 'step')).not.toBe(context('a', '/do/0/x', 'other'));
  const deep = '/do/0/a-long-name'.repeat(20);
  expect(context('a', deep)).toHaveLength(36);
  expect(context('a', deep)).not.toBe(context('b', deep));
});
