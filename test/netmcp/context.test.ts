import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { memoryContextStore } from '../../src/netmcp/index.ts';
import { contextChangedSchema, NOTIFICATIONS } from '../../src/netmcp/schema/index.ts';
import { openSession } from '../../src/netmcp/session/client-session.ts';
import { createHttpPool } from '../../src/netmcp/session/keep-alive.ts';
import { adder, anchorWorld } from './support/anchors.ts';
import { until } from './support/env.ts';

const closers: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
const rejected = (rpcCode: number) => ({ code: 'NETMCP_REJECTED', details: { rpcCode } });

async function two(answer?: Parameters<typeof anchorWorld>[1], shared = true) {
  const world = await anchorWorld(closers, answer);
  const own = () => (shared ? {} : { contexts: memoryContextStore() });
  const a = await world.server('a', [adder('add')], own());
  const b = await world.server('b', [], own());
  const client = await world.client();
  const anchor = await client.anchor();
  const pool = createHttpPool();
  closers.push(pool.close);
  /** A session of an agent with one server. */
  const at = (server: { id: string; url: string }, agentId = 'netagent/test', heard: unknown[] = []) => {
    const session = openSession({
      env: world.env,
      agentId,
      serverId: server.id,
      target: { url: server.url },
      pool,
      onNotification(method, params) {
        if (method === NOTIFICATIONS.context) heard.push(contextChangedSchema.parse(params));
      },
    });
    closers.push(session.close);
    return session;
  };
  return { ...world, a, b, client, anchor, at };
}

test('values have revisions, compare-and-set refuses what came too late, watching tells what changed', async () => {
  const { anchor } = await two();
  const context = await anchor.context();
  expect(await context.get('plan')).toEqual({ found: false, value: null, revision: 0 });
  expect(await context.set('plan', { cells: [1] }, { ifRevision: 0 })).toEqual({ revision: 1 });
  await expect(context.set('plan', {}, { ifRevision: 0 })).rejects.toMatchObject(rejected(-32013));
  await expect(context.delete('plan', { ifRevision: 9 })).rejects.toMatchObject(rejected(-32013));
  await context.set('other', 2);
  expect(await context.get('plan')).toEqual({ found: true, value: { cells: [1] }, revision: 1 });
  expect(await context.watch({ since: 1 })).toEqual({
    revision: 2,
    changes: [{ key: 'other', revision: 2, deleted: false, value: 2 }],
    complete: true,
  });
  await context.delete('plan');
  expect((await context.watch({ since: 2, prefix: 'p' })).changes).toEqual([
    { key: 'plan', revision: 3, deleted: true, value: null },
  ]);
});

test('a long poll ends with the change, a subscription is told of it, a reader wakes nobody', async () => {
  const { anchor, at, a } = await two();
  const context = await anchor.context();
  const heard: unknown[] = [];
  const { contextId, secret } = context;
  const session = at(a, 'netagent/test', heard);
  await session.request(
    'netmcp/context/watch',
    { contextId, secret, prefix: 'k', subscribe: true },
    z.unknown(),
  );
  const poll = context.watch({ since: 0, waitMs: 30_000 });
  await context.get('k');
  await context.set('not watched', 1);
  await context.set('k', 'v');
  expect((await poll).changes.map(({ key }) => key)).toEqual(['not watched']);
  await until(() => heard.length === 1);
  expect(heard).toEqual([{ contextId, key: 'k', revision: 2, deleted: false }]);
});

test('each group of a queue gets every message in order; what is not acknowledged comes again', async () => {
  const { anchor, env } = await two();
  const context = await anchor.context();
  for (const n of [1, 2, 3]) await context.publish('kpi', { n });
  const take = async (group: string, max = 10) =>
    (await context.consume('kpi', { group, max, visibilityMs: 1_000 })).map(({ seq, attempt, receipt }) => ({
      seq,
      attempt,
      receipt,
    }));
  const first = await take('a', 2);
  expect(first.map(({ seq }) => seq)).toEqual([1, 2]);
  expect((await take('b')).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  expect(await context.ack('kpi', [first[0]?.receipt as string], 'a')).toEqual({ acked: 1 });
  expect(await context.ack('kpi', ['1.1', '9.9', 'x', '__proto__'], 'a')).toEqual({ acked: 0 });
  env.pass(1_000);
  expect((await take('a')).map(({ seq, attempt }) => [seq, attempt])).toEqual([
    [2, 2],
    [3, 1],
  ]);
  // The receipt of the first delivery still counts: the message has been worked on.
  expect(await context.ack('kpi', ['2.1'], 'a')).toEqual({ acked: 1 });
  const waiting = context.consume('kpi', { group: 'c', max: 1, waitMs: 30_000 });
  expect((await waiting)[0]?.message).toEqual({ n: 1 });
});

test('a consumer that waits gets a message when it is published', async () => {
  const { anchor } = await two();
  const context = await anchor.context();
  const waiting = context.consume('q', { waitMs: 30_000 });
  await context.publish('q', 'now');
  expect((await waiting).map(({ message }) => message)).toEqual(['now']);
});

test('schedules fire at, after and every; a cancelled one does not; missed times are not made up', async () => {
  const { anchor, env } = await two();
  const context = await anchor.context();
  const publish = (message: string) => ({ kind: 'publish' as const, queue: 'q', message });
  await context.schedule({ after: 1_000, action: publish('after') });
  await context.schedule({ at: 500, action: publish('at') });
  await context.schedule({ every: 2_000, count: 2, action: publish('every') });
  const { scheduleId } = await context.schedule({ after: 700, action: publish('never') });
  expect(await context.cancel(scheduleId)).toEqual({ cancelled: true });
  expect(await context.cancel(scheduleId)).toEqual({ cancelled: false });
  const got = async () => {
    const messages = await context.consume('q', { max: 100 });
    if (messages.length > 0)
      await context.ack(
        'q',
        messages.map(({ receipt }) => receipt),
      );
    return messages.map(({ message }) => message);
  };
  env.pass(600);
  expect(await got()).toEqual(['at']);
  env.pass(400);
  expect(await got()).toEqual(['after']);
  env.pass(1_000);
  expect(await got()).toEqual(['every']);
  env.pass(100_000);
  expect(await got()).toEqual(['every']);
  env.pass(100_000);
  expect(await got()).toEqual([]);
});

test('a scheduled call is tried again with a back-off until a server has the tool; its outcome is published', async () => {
  const { anchor, env, server, count } = await two();
  const context = await anchor.context();
  await context.schedule({
    scheduleId: 'job',
    after: 100,
    action: { kind: 'call', tool: 'add_late', arguments: { value: 4 }, queue: 'done' },
    retries: { max: 20, backoffMs: 10 },
  });
  env.pass(100);
  await server('late', [adder('add_late')]);
  let got = await context.consume('done');
  while (got.length === 0) {
    env.pass(1_000);
    got = await context.consume('done');
  }
  expect(got[0]?.message).toEqual({
    scheduleId: 'job',
    firing: 1,
    server: 'late',
    isError: false,
    output: { thing: 'add_late', value: 4 },
  });
  expect(count('add_late')).toBe(1);
  expect(await context.cancel('job')).toEqual({ cancelled: false });
});

test('a schedule whose attempts are used up goes on with its next time, and says so in the context', async () => {
  const { anchor, env } = await two();
  const context = await anchor.context();
  const action = { kind: 'call' as const, tool: 'no_such_tool', arguments: {} };
  await context.schedule({ scheduleId: 'job', after: 0, action, retries: { max: 1, backoffMs: 10 } });
  let note = await context.get('$schedule/job');
  while (!note.found) {
    env.pass(10);
    note = await context.get('$schedule/job');
  }
  expect(note.value).toMatchObject({ firing: 1, problem: expect.stringContaining('no_such_tool') });
  expect(await context.cancel('job')).toEqual({ cancelled: false });
});

test('a context of one agent does not exist for another, nor without its secret (attack 29)', async () => {
  const { anchor, at, a, b, env } = await two();
  const context = await anchor.context();
  await context.set('k', 'private');
  const { contextId, secret } = context;
  const ask = (agent: string, ref: object, server = a) =>
    at(server, agent).request('netmcp/context/get', { ...ref, key: 'k' }, z.unknown());
  const answers = await Promise.all(
    [
      ask('netagent/other', { contextId, secret }),
      ask('netagent/other', { contextId, secret }, b),
      ask('netagent/test', { contextId, secret: 'guess' }),
      ask('netagent/test', { contextId: 'a:nothing', secret }),
      ask('netagent/test', { contextId: '__proto__', secret }),
    ].map((answer) => answer.catch((error: { message: string; details: { rpcCode: number } }) => error)),
  );
  const words = new Set(
    answers.map((answer) => (answer as { details: { problem: string } }).details.problem.split(': ').at(-1)),
  );
  expect([...words]).toEqual(['Unknown context']);
  expect(await ask('netagent/test', { contextId, secret })).toMatchObject({ value: 'private' });
  const audited = env.lines.filter(({ message }) => message.includes('access to a context was denied'));
  expect(audited.length).toBeGreaterThanOrEqual(3);
  expect(JSON.stringify(env.lines)).not.toContain(secret);
});

test('a context is reached from each server: through its owner, and by take-over when that is gone', async () => {
  const { anchor, at, a, b } = await two();
  expect(anchor.serverId()).toBe('a');
  const context = await anchor.context();
  await context.set('k', 1);
  const { contextId, secret } = context;
  const result = z.looseObject({});
  const session = at(b);
  const get = () => session.request('netmcp/context/get', { contextId, secret, key: 'k' }, result);
  expect(await get()).toMatchObject({ value: 1, revision: 1 });
  // Both servers change one context, and each sees the other's change.
  await session.request('netmcp/context/set', { contextId, secret, key: 'k', value: 2 }, result);
  expect(await context.get('k')).toMatchObject({ value: 2, revision: 2 });
  closers.splice(closers.indexOf(a.close), 1);
  await a.close();
  expect(await get()).toMatchObject({ value: 2, revision: 2 });
  expect(await context.get('k')).toMatchObject({ value: 2 });
  expect(anchor.serverId()).toBe('b');
});

test('without a common store a context is reached through its owner, and not taken over', async () => {
  const { anchor, at, a, b } = await two(undefined, false);
  const context = await anchor.context();
  await context.set('k', 1);
  const { contextId, secret } = context;
  const get = () => at(b).request('netmcp/context/get', { contextId, secret, key: 'k' }, z.looseObject({}));
  expect(await get()).toMatchObject({ value: 1 });
  closers.splice(closers.indexOf(a.close), 1);
  await a.close();
  await expect(get()).rejects.toMatchObject(rejected(-32602));
});

test('schedules of a server that is gone are fired by another one that shares its store', async () => {
  const { anchor, a, env } = await two();
  const context = await anchor.context();
  await context.schedule({ after: 20_000, action: { kind: 'publish', queue: 'q', message: 'late' } });
  closers.splice(closers.indexOf(a.close), 1);
  await a.close();
  await until(() => anchor.serverId() === 'b');
  for (let i = 0; i < 8; i += 1) {
    env.pass(4_000);
    // Lets the servers report between two steps of the clock.
    await context.get('k');
  }
  expect((await context.consume('q')).map(({ message }) => message)).toEqual(['late']);
});

test.each([
  ['valueBytes', { valueBytes: 100 }, (c: Ctx) => c.set('k', 'x'.repeat(100))],
  ['contextBytes', { contextBytes: 100 }, (c: Ctx) => fill((n) => c.set(`k${n}`, 'x'.repeat(20)))],
  ['keys', { keys: 2 }, (c: Ctx) => fill((n) => c.set(`k${n}`, 1))],
  ['queues', { queues: 2 }, (c: Ctx) => fill((n) => c.publish(`q${n}`, 1))],
  ['messages', { messages: 2 }, (c: Ctx) => fill(() => c.publish('q', 1))],
  ['groups', { groups: 2 }, (c: Ctx) => fill((n) => c.consume('q', { group: `g${n}` }))],
  [
    'schedules',
    { schedules: 2 },
    (c: Ctx) => fill(() => c.schedule({ after: 9_000, action: { kind: 'publish', queue: 'q', message: 1 } })),
  ],
] as const)('the limit %s holds: what is beyond it is refused with -32014', async (limit, limits, beyond) => {
  const world = await anchorWorld(closers);
  await world.server('a', [], { limits });
  const anchor = await (await world.client()).anchor();
  const context = await anchor.context();
  await expect(beyond(context)).rejects.toMatchObject(rejected(-32014));
  await expect(beyond(context)).rejects.toMatchObject({ message: expect.stringContaining(limit) });
});
type Ctx = Awaited<ReturnType<Awaited<ReturnType<typeof two>>['anchor']['context']>>;
async function fill(work: (n: number) => Promise<unknown>): Promise<void> {
  for (let n = 0; n < 10; n += 1) await work(n);
}

test('an agent may open so many contexts; one that ended or whose time has come makes room', async () => {
  const world = await anchorWorld(closers);
  await world.server('a', [], { limits: { contextsOfAgent: 2 } });
  const anchor = await (await world.client()).anchor();
  const first = await anchor.context({ ttlMs: 3_600_000 });
  await anchor.context({ ttlMs: 5_000 });
  await expect(anchor.context()).rejects.toMatchObject(rejected(-32014));
  await first.end();
  await expect(first.get('k')).rejects.toMatchObject(rejected(-32602));
  const third = await anchor.context();
  await expect(anchor.context()).rejects.toMatchObject(rejected(-32014));
  for (let i = 0; i < 10; i += 1) world.env.pass(1_000);
  await anchor.context();
  await third.set('k', 1);
});

test('steps of an execution read and write the context of their workflow, which shows how they stand', async () => {
  const { anchor } = await two();
  const context = await anchor.context();
  await context.set('share', 30);
  const { contextId, secret } = context;
  const result = await anchor.execute({
    executionId: 'flow',
    context: { contextId, secret },
    steps: [{ id: 's', tool: 'add', arguments: { value: { $context: 'share' } }, saveAs: 'made' }],
  });
  expect(result.state).toBe('done');
  expect(await context.get('made')).toMatchObject({ value: { thing: 'add', value: 30 } });
  // For whoever only polls: the marks of the steps are keys of the context.
  const marks = await context.watch({ prefix: '$execution/flow/' });
  expect(marks.changes).toMatchObject([{ key: '$execution/flow/s', value: { report: { state: 'done' } } }]);
  await expect(context.set('$execution/flow', 'forged')).rejects.toMatchObject(rejected(-32602));
});
