import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { fail } from '../../../src/errors.ts';
import {
  type AnchorClient,
  type AuditEvent,
  type ContextStore,
  connectNetMcp,
  memoryContextStore,
} from '../../../src/netmcp/index.ts';
import { openSession, type SessionOptions } from '../../../src/netmcp/session/client-session.ts';
import type { SbiRequest, SbiResponse } from '../../../src/netmcp/tools/types.ts';
import { adder, anchorWorld, reader } from '../support/anchors.ts';
import { authOf } from '../support/auth.ts';
import { until } from '../support/env.ts';
import { allowed, needs, open, world } from '../support/protected.ts';
import { fakeSbi, ok } from '../support/tools.ts';

const STRONG = 'netagent/test/strong';
const WEAK = 'netagent/test/weak';

type Answer = (request: SbiRequest, signal: AbortSignal) => SbiResponse | Promise<SbiResponse>;

/** Four tool servers that share contexts and want tokens; what reached the network, and what was audited. */
async function four(answer: Answer = () => ok({ value: 7 })) {
  const made = await world();
  const sbi = fakeSbi(answer);
  const contexts: ContextStore = memoryContextStore();
  const audited: AuditEvent[] = [];
  const serve = async (id: string, tools: Parameters<typeof made.toolServer>[1]) =>
    made.toolServer(id, tools, sbi.port, {
      anchor: { contexts },
      audit: {
        write: (event: AuditEvent) => void audited.push(event),
        head: () => '',
        close: () => {},
      } as never,
    });
  const writes = (name: string) => allowed(adder(name), needs('things:write'));
  const reads = (name: string) => allowed(reader(name), needs('things:read'));
  const servers = [
    await serve('ran-tools', [writes('add_ran'), reads('read_ran')]),
    await serve('core-tools', [writes('add_core'), reads('read_core')]),
    await serve('edge-tools', [writes('add_edge'), reads('read_edge')]),
    await serve('cloud-tools', [writes('add_cloud'), reads('read_cloud')]),
  ];
  const client = async (id: string, scopes?: string[]) => {
    const one = await connectNetMcp({
      env: made.env,
      agentId: id,
      management: made.management,
      auth: { ...authOf(id), issuer: made.issuer, ...(scopes && { scopes }) },
    });
    open.push(one);
    return one;
  };
  const count = (operation: string) => sbi.requests.filter((one) => one.operation === operation).length;
  return { ...made, audited, contexts, servers, client, count, requests: sbi.requests };
}

const states = (result: Awaited<ReturnType<AnchorClient['execute']>>) =>
  Object.fromEntries(result.steps.map(({ id, state }) => [id, state]));

test('an anchor works at four servers for an agent with a token: in order, side by side, on a condition', async () => {
  const { client, requests, count } = await four();
  const anchor = await (await client(STRONG)).anchor();
  const result = await anchor.execute({
    steps: [
      { id: 'read', tool: 'read_ran' },
      { id: 'core', tool: 'add_core', arguments: { value: { $from: 'read', at: '/value' } } },
      { id: 'edge', tool: 'add_edge', arguments: { value: 2 }, after: ['read'] },
      { id: 'never', tool: 'add_ran', arguments: { value: 1 }, when: 'steps.read.output.value > 100.0' },
      {
        id: 'cloud',
        tool: 'add_cloud',
        arguments: { value: { $cel: 'steps.core.output.value + steps.edge.output.value' } },
      },
    ],
  });
  expect(states(result)).toEqual({
    read: 'done',
    core: 'done',
    edge: 'done',
    never: 'skipped',
    cloud: 'done',
  });
  expect(result.steps.at(-1)?.output).toMatchObject({ value: 9 });
  expect(new Set(result.steps.map(({ server }) => server)).size).toBeGreaterThanOrEqual(4);
  expect(count('add_ran')).toBe(0);
  // Attack 22: what reaches the network functions carries no token.
  expect(JSON.stringify(requests)).not.toContain('eyJ');
});

test('a weak agent gains nothing through the anchor, and the peer knows who asked', async () => {
  const { client, audited, count } = await four();
  const anchor = await (await client(WEAK)).anchor();
  const result = await anchor.execute({
    steps: [
      { id: 'read', tool: 'read_core' },
      { id: 'add', tool: 'add_core', arguments: { value: 1 }, onError: 'continue' },
      { id: 'edge', tool: 'add_edge', arguments: { value: 1 }, onError: 'continue' },
    ],
  });
  expect(states(result)).toMatchObject({ read: 'done', add: 'failed', edge: 'failed' });
  expect(count('add_core') + count('add_edge')).toBe(0);
  // The refusal stands in the peer's audit under the first subject, with who acted for it.
  expect(audited.filter(({ event, tool }) => event === 'call.refused' && tool === 'add_edge')).toMatchObject([
    { server: 'edge-tools', agent: WEAK, detail: expect.stringContaining(`through ${anchor.serverId()}`) },
  ]);
  // What a strong one does at a peer stands there under its own name, not under the anchor's.
  const strong = await (await client(STRONG)).anchor();
  await strong.execute({ steps: [{ id: 'add', tool: 'add_core', arguments: { value: 1 } }] });
  expect(audited.filter(({ tool }) => tool === 'add_core').map(({ agent }) => agent)).toContain(STRONG);
  expect(audited.map(({ agent }) => agent).filter((agent) => agent.endsWith('-tools'))).toEqual([]);
  // Its list of tools has what it may use, and no more.
  const names = (await anchor.tools()).map(({ name }) => name);
  expect(names).toContain('read_cloud');
});

test('a narrow token gets neither the session, nor the running execution, nor the result of a wide one', async () => {
  let go: () => void = () => {};
  const held = new Promise<void>((resolve) => (go = resolve));
  const { client, count } = await four(async (request) => {
    if (request.operation === 'add_edge') await held;
    return ok({ value: 7 });
  });
  const wide = await (await client(STRONG)).anchor();
  const narrow = await (await client(STRONG, ['netmcp:use', 'things:read'])).anchor();
  const plan = {
    executionId: '11111111-1111-4111-8111-111111111111',
    steps: [
      { id: 'add', tool: 'add_core', arguments: { value: 5 } },
      { id: 'edge', tool: 'add_edge', arguments: { value: 5 }, after: ['add'] },
    ],
  };
  const running = wide.execute(plan);
  await until(() => count('add_edge') === 1, 200_000);
  const forbidden = { code: 'NETMCP_REJECTED', details: { rpcCode: -32012 } };
  await expect(narrow.execute(plan)).rejects.toMatchObject(forbidden);
  go();
  expect(states(await running)).toEqual({ add: 'done', edge: 'done' });
  await expect(narrow.execute(plan)).rejects.toMatchObject(forbidden);
  // The wide one is given its own again, and nothing runs twice.
  expect(states(await wide.execute(plan))).toEqual({ add: 'done', edge: 'done' });
  expect([count('add_core'), count('add_edge')]).toEqual([1, 1]);
  await expect(narrow.call('add_core', { value: 1 })).rejects.toMatchObject({ details: { rpcCode: -32012 } });
  expect(count('add_core')).toBe(1);
  // What a narrow one did is no secret from the same agent with more rights, and is not done again.
  const reading = {
    executionId: '44444444-4444-4444-8444-444444444444',
    steps: [{ id: 'read', tool: 'read_core' }],
  };
  expect(states(await narrow.execute(reading))).toEqual({ read: 'done' });
  expect(states(await wide.execute(reading))).toEqual({ read: 'done' });
  expect(count('read_core')).toBe(1);
});

test('no token of an agent is in a log, a context, a receipt or an audit event', async () => {
  const { client, env, store, contexts, audited } = await four();
  const anchor = await (await client(STRONG)).anchor();
  const context = await anchor.context();
  await context.set('k', 1);
  await anchor.execute({ steps: [{ id: 'add', tool: 'add_core', arguments: { value: 1 } }] });
  await turn();
  const kept = contexts.transact((rows) =>
    rows.list('', 'context').map(({ key }) => [rows.list(key, 'meta'), rows.list(key, 'key')]),
  );
  // The journal of the execution is in what is looked through.
  expect(JSON.stringify(kept)).toContain('$execution/');
  const collections = [...store.collections].map(([, rows]) => [...rows]);
  const written = JSON.stringify([env.lines, audited, collections, kept]);
  expect(written).not.toMatch(/eyJ[\w-]+\.eyJ[\w-]+\./);
  expect(written).not.toContain('secret-of-');
});

test('a token that ends in the middle is a plain refusal; asked again with a new one, nothing runs twice', async () => {
  let go: () => void = () => {};
  const held = new Promise<void>((resolve) => (go = resolve));
  const closers: Array<() => Promise<void>> = [];
  open.push({
    close: async () => {
      for (const close of closers.splice(0).reverse()) await close();
    },
  });
  const { server, client, count } = await anchorWorld(closers, async (request) => {
    if (request.operation === 'add_b') await held;
    return ok({ value: 7 });
  });
  let ended = false;
  // A peer refuses the token before it looks at the call.
  const openPeer = (options: SessionOptions) => {
    const session = openSession(options);
    const call: typeof session.call = (...given) =>
      ended
        ? Promise.reject(fail('NETMCP_UNAUTHORISED', { server: 'c', problem: 'the token ended' }))
        : session.call(...given);
    return { ...session, call };
  };
  await server('a', [reader('read_a')], { openPeer });
  await server('b', [adder('add_b')]);
  await server('c', [adder('add_c')]);
  const anchor = await (await client()).anchor();
  const plan = {
    executionId: '22222222-2222-4222-8222-222222222222',
    steps: [
      { id: 'b', tool: 'add_b', arguments: { value: 5 } },
      { id: 'c', tool: 'add_c', arguments: { value: 5 }, after: ['b'] },
    ],
  };
  const running = anchor.execute(plan).catch((error: unknown) => error);
  await until(() => count('add_b') === 1, 200_000);
  ended = true;
  go();
  expect(await running).toMatchObject({ code: 'NETMCP_REJECTED', details: { rpcCode: -32012 } });
  expect([count('add_b'), count('add_c')]).toEqual([1, 0]);
  ended = false;
  expect(states(await anchor.execute(plan))).toEqual({ b: 'done', c: 'done' });
  expect([count('add_b'), count('add_c')]).toEqual([1, 1]);
});

test('the anchor dies: another one goes on for the agent with a token', async () => {
  let go: () => void = () => {};
  const held = new Promise<void>((resolve) => (go = resolve));
  const { client, count, servers } = await four(async (request) => {
    if (request.operation === 'add_cloud') await held;
    return ok({ value: 7 });
  });
  const anchor = await (await client(STRONG)).anchor();
  const first = anchor.serverId();
  const others = ['ran', 'core', 'edge'].filter((area) => !first?.startsWith(area));
  const running = anchor.execute({
    steps: [
      { id: 'one', tool: `add_${others[0]}`, arguments: { value: 1 } },
      {
        id: 'two',
        tool: first?.startsWith('cloud') ? `add_${others[1]}` : 'add_cloud',
        arguments: { value: 1 },
        after: ['one'],
      },
      { id: 'three', tool: `add_${others[1]}`, arguments: { value: 3 }, after: ['two'] },
    ],
  });
  await until(() => count(`add_${others[0]}`) === 1, 200_000);
  await servers.find(({ id }) => id === first)?.close();
  go();
  expect(states(await running)).toEqual({ one: 'done', two: 'done', three: 'done' });
  expect(anchor.serverId()).not.toBe(first);
  expect(count(`add_${others[0]}`)).toBe(1);
});
