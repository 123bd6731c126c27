import { afterEach, expect, test } from 'vitest';
import { memoryContextStore } from '../../src/netmcp/index.ts';
import { type ExecuteResult, METHODS, routeExecuteResultSchema } from '../../src/netmcp/schema/index.ts';
import { openSession } from '../../src/netmcp/session/client-session.ts';
import { createHttpPool } from '../../src/netmcp/session/keep-alive.ts';
import { adder, anchorWorld } from './support/anchors.ts';
import { until } from './support/env.ts';
import { ok } from './support/tools.ts';

const closers: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** `a` has no tools of its own; `b` and `c` have the same. The network answers when it is told to. */
async function rivals(shared = true) {
  const gate = Promise.withResolvers<void>();
  const world = await anchorWorld(closers, async () => {
    await gate.promise;
    return ok();
  });
  const own = () => (shared ? {} : { contexts: memoryContextStore() });
  const a = await world.server('a', [], own());
  const b = await world.server('b', [adder('add')], own());
  const c = await world.server('c', [adder('add')], own());
  const pool = createHttpPool();
  closers.push(pool.close);
  const ask = (server: { id: string; url: string }) => {
    const session = openSession({
      env: world.env,
      agentId: 'agent',
      serverId: server.id,
      target: { url: server.url },
      pool,
    });
    closers.push(session.close);
    return (resume?: { from: string }): Promise<ExecuteResult> =>
      session.request(
        METHODS.routeExecute,
        {
          executionId: 'x',
          steps: [
            { id: 'one', tool: 'add', arguments: { value: 1 } },
            { id: 'two', tool: 'add', arguments: { value: 2 }, after: ['one'] },
          ],
          ...(resume && { resume }),
        },
        routeExecuteResultSchema,
        { timeoutMs: 20_000 },
      );
  };
  const takeovers = () => world.env.lines.filter(({ message }) => message === 'context taken over').length;
  return { ...world, gate, takeovers, a: ask(a), b: ask(b), c: ask(c) };
}
const fenced = { code: 'NETMCP_REJECTED', details: { rpcCode: -32011 } };

test('an anchor that was replaced while its step was under way is fenced; the step runs once, where it was begun', async () => {
  const { a, b, gate, requests, takeovers } = await rivals();
  const old = a();
  old.catch(() => {});
  await until(() => requests.length === 1);
  const next = b({ from: 'a' });
  // The new anchor has the tool too, but asks the server where the step was begun.
  await until(() => takeovers() === 1);
  gate.resolve();
  const result = await next;
  await expect(old).rejects.toMatchObject(fenced);
  expect(result).toMatchObject({ state: 'done', anchor: 'b', epoch: 2 });
  expect(result.steps.map(({ server, replayed }) => [server, replayed])).toEqual([
    ['c', true],
    ['b', false],
  ]);
  expect(requests.map(({ body }) => (body as { value: number }).value)).toEqual([1, 2]);
});

test('without being told to take over, a server leaves the execution to the anchor that has it', async () => {
  const { a, c, gate, requests } = await rivals();
  const run = a();
  await until(() => requests.length === 1);
  await expect(c()).rejects.toMatchObject(fenced);
  gate.resolve();
  expect(await run).toMatchObject({ state: 'done', anchor: 'a', epoch: 1 });
});

test('two servers that claim the role at once: one ends it, the other is refused, no effect is doubled', async () => {
  const { a, b, c, gate, requests, takeovers } = await rivals();
  const first = a();
  first.catch(() => {});
  await until(() => requests.length === 1);
  const claims = [b({ from: 'a' }), c({ from: 'a' })].map((claim) =>
    claim.then(
      (result) => ({ result, error: null }),
      (error: unknown) => ({ result: null, error }),
    ),
  );
  await until(() => takeovers() === 2);
  gate.resolve();
  const ends = await Promise.all(claims);
  const winners = ends.filter(({ result }) => result !== null);
  expect(winners).toHaveLength(1);
  expect(winners[0]?.result).toMatchObject({ state: 'done', epoch: 3 });
  expect(ends.find(({ error }) => error !== null)?.error).toMatchObject(fenced);
  await expect(first).rejects.toMatchObject(fenced);
  expect(requests.map(({ body }) => (body as { value: number }).value)).toEqual([1, 2]);
});

test('a server that cannot know what the lost anchor has done refuses to begin anew', async () => {
  const { b, requests } = await rivals(false);
  await expect(b({ from: 'a' })).rejects.toMatchObject(fenced);
  expect(requests).toEqual([]);
});

test('an anchor that the management server calls gone is left, although it is alive and at work', async () => {
  const { client, gate, requests } = await rivals();
  const anchor = await (await client('agent')).anchor();
  expect(anchor.serverId()).toBe('a');
  const run = anchor.execute({
    steps: [
      { id: 'one', tool: 'add', arguments: { value: 1 } },
      { id: 'two', tool: 'add', arguments: { value: 2 }, after: ['one'] },
    ],
  });
  await until(() => requests.length === 1);
  anchor.heed({ serverId: 'a', load: 0, state: 'gone', alternates: [], weight: 0 });
  await until(() => anchor.serverId() === 'b');
  gate.resolve();
  expect(await run).toMatchObject({ state: 'done', anchor: 'b', epoch: 2 });
  expect(requests.map(({ body }) => (body as { value: number }).value)).toEqual([1, 2]);
});
