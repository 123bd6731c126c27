import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { connectNetMcp, memoryContextStore, type NfTool } from '../../../src/netmcp/index.ts';
import type { SbiRequest } from '../../../src/netmcp/tools/types.ts';
import { adder, reader } from '../support/anchors.ts';
import { authOf, authWorld } from '../support/auth.ts';
import { until } from '../support/env.ts';
import { allowed, needs, open } from '../support/protected.ts';
import { fakeSbi, ok } from '../support/tools.ts';

const STRONG = 'netagent/test/strong';
const writes = (name: string) => allowed(adder(name), needs('things:write'));
const reads = (name: string) => allowed(reader(name), needs('things:read'));

/** Tool servers with unequal tools, so that an agent's tokens for them differ; one operation is held back. */
async function unequal(tools: Record<string, NfTool[]>, heldBack: string, accessToken = 300) {
  const made = await authWorld({ lifetimes: { accessToken } });
  open.push(made);
  const gate = Promise.withResolvers<void>();
  const sbi = fakeSbi(async ({ operation }: SbiRequest) => {
    if (operation === heldBack) await gate.promise;
    return ok({ value: 7 });
  });
  const anchor = { contexts: memoryContextStore() };
  const servers = [];
  for (const [id, own] of Object.entries(tools))
    servers.push(await made.toolServer(id, own, sbi.port, { anchor }));
  const client = async () => {
    const auth = { ...authOf(STRONG), issuer: made.server.issuer };
    const one = await connectNetMcp({ env: made.env, agentId: STRONG, management: made.management, auth });
    open.push(one);
    return one.anchor();
  };
  /** Lets virtual time go on while something waits for it. */
  const passing = async <T>(work: Promise<T>): Promise<T> => {
    let waits = true;
    const pump = (async () => {
      for (; waits; await turn()) made.env.pass(2);
    })();
    try {
      return await work;
    } finally {
      waits = false;
      await pump;
    }
  };
  const count = (operation: string) => sbi.requests.filter((one) => one.operation === operation).length;
  return { env: made.env, servers, client, passing, count, go: gate.resolve };
}

test('an anchor at which the agent has fewer rights does not begin anew what another one has done', async () => {
  const { servers, client, passing, count, go } = await unequal(
    {
      'cloud-tools': [reads('read_cloud')],
      'core-tools': [adder('add_both')],
      'edge-tools': [adder('add_both'), reads('read_edge')],
    },
    'read_edge',
  );
  const anchor = await client();
  expect(anchor.serverId()).toBe('cloud-tools');
  const running = anchor.execute({
    steps: [
      { id: 'add', tool: 'add_both', arguments: { value: 1 } },
      { id: 'read', tool: 'read_edge', after: ['add'] },
    ],
  });
  const outcome = running.catch((error: unknown) => error);
  await until(() => count('read_edge') === 1, 200_000);
  await passing(servers.find(({ id }) => id === 'cloud-tools')?.close() ?? Promise.resolve());
  go();
  expect(await passing(outcome)).toMatchObject({
    code: 'NETMCP_REJECTED',
    details: { server: 'core-tools', rpcCode: -32012 },
    message: expect.stringContaining('things:read'),
  });
  expect(count('add_both')).toBe(1);
});

test('a token that is over before a peer is first reached is a refusal of the whole, not a failed step', async () => {
  const { env, client, passing, count, go } = await unequal(
    {
      'cloud-tools': [writes('add_cloud')],
      'core-tools': [writes('add_core')],
      'edge-tools': [writes('add_edge')],
    },
    'add_core',
    60,
  );
  const anchor = await client();
  const plan = {
    executionId: '33333333-3333-4333-8333-333333333333',
    deadlineMs: 600_000,
    steps: [
      { id: 'core', tool: 'add_core', arguments: { value: 1 }, deadlineMs: 500_000 },
      { id: 'edge', tool: 'add_edge', arguments: { value: 1 }, after: ['core'] },
    ],
  };
  const outcome = anchor.execute(plan).catch((error: unknown) => error);
  await until(() => count('add_core') === 1, 200_000);
  // Over for the authorisation server; within what resources allow for clocks, so that they still answer.
  env.pass(61_500);
  go();
  expect(await passing(outcome)).toMatchObject({ code: 'NETMCP_REJECTED', details: { rpcCode: -32012 } });
  expect([count('add_core'), count('add_edge')]).toEqual([1, 0]);
});
