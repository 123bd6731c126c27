import { afterEach, expect, test } from 'vitest';
import { connectNetMcp, startManagementServer, startToolServer } from '../../../src/netmcp/index.ts';
import { wallClock } from '../../../src/runtime/env.ts';
import { triggerTools } from '../../../src/runtime/workflows/trigger-tools.ts';
import { compileWorkflow, createEngine, startOn } from '../../../src/workflow/index.ts';
import { testEnv } from '../kit.ts';
import { repair, world } from './trigger-world.ts';

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

test('a third party starts a workflow through NetMCP, once for a key, and sees what came of it', async () => {
  const env = { ...testEnv(), clock: wallClock };
  const host = '127.0.0.1';
  const { bus, open } = world();
  const workflow = compileWorkflow({
    document: { dsl: '1.0.3', namespace: 'ops', name: 'double', version: '1.0.0' },
    do: [{ double: { set: { twice: '${ .n * 2 }' } } }],
  });
  const engine = createEngine({ env, functions: {}, events: bus });
  closers.push(engine.close);
  const triggers = open(
    [{ id: 'double', on: 'request', workflow: 'ops/double', rate: { count: 2, per: 'PT1M' } }, repair],
    { start: startOn(engine, () => workflow) },
  );
  closers.push(triggers.close);
  const management = await startManagementServer({ env, host, port: 0 });
  closers.push(management.close);
  const server = await startToolServer({
    env,
    host,
    port: 0,
    id: 'workflow-tools',
    management: management.url,
    nrf: 'http://127.0.0.1:1',
    tools: triggerTools({ triggers, show: engine.show }),
  });
  closers.push(server.close);
  const client = await connectNetMcp({ env, agentId: 'partner/one', management: management.url });
  closers.push(client.close);

  expect((await client.callTool('workflow_list_triggers', {})).output).toEqual({
    triggers: [{ trigger: 'double', workflow: 'ops/double', running: 0 }],
  });
  const start = (idempotencyKey: string, n: number) =>
    client.callTool('workflow_start', { trigger: 'double', data: { n } }, { idempotencyKey });
  const { output } = await start('one', 21);
  const { run } = output as { run: string };
  expect(output).toEqual({ started: true, run: expect.stringMatching(/^double@/) });
  expect((await start('one', 21)).output).toEqual({ started: true, run });
  await engine.result(run);
  expect((await client.callTool('workflow_read_run', { run })).output).toEqual({
    found: true,
    status: 'completed',
    output: { twice: 42 },
  });
  await start('two', 1);
  expect((await start('three', 1)).output).toEqual({ started: false, reason: 'rate' });
  expect((await client.callTool('workflow_read_run', { run: 'repair@x' })).output).toEqual({ found: false });
  // What is started by alarms is not started by asking.
  expect((await client.callTool('workflow_start', { trigger: 'repair' })).isError).toBe(true);
});
