import type { Task } from '@a2a-js/sdk';
import { expect, test } from 'vitest';
import { firstTask, lineOf, linesOf, serve, settle, stateOf } from './kit.ts';

test('a task runs from the first event to the final status, with what was said on the way', async () => {
  const agent = serve({
    async perform(request, control) {
      expect(request).toMatchObject({
        text: 'reserve',
        data: { skill: 'reserve-radio', input: {} },
        history: [],
        caller: 'netagent/core/central',
        metadata: { 'netagent/call': 'c1' },
      });
      control.status('half way', { share: 0.5 });
      control.artifact({ name: 'policy', text: 'one policy', data: { policyId: 'p1' } });
      return { state: 'completed', text: 'done' };
    },
  });
  await settle();
  const lines = await linesOf(
    agent.stream({
      text: 'reserve',
      data: { skill: 'reserve-radio', input: {} },
      metadata: { 'netagent/call': 'c1' },
    }),
  );
  expect(lines).toEqual([
    'task submitted',
    'status working',
    'status working half way',
    'artifact policy one policy',
    'status completed done',
  ]);
  expect(agent.host.tasks()).toEqual([]);
});

test('a question is answered in the same task', async () => {
  const seen: { text: string; history: string[] }[] = [];
  const agent = serve({
    async perform({ text, history }) {
      seen.push({ text, history });
      return history.length === 0
        ? { state: 'input-required', text: 'when?', data: { missing: ['time'] } }
        : { state: 'completed', text: `done ${text}` };
    },
  });
  await settle();
  const asked = (await agent.send({ text: 'a conference' })) as Task;
  expect(stateOf(asked.status?.state)).toBe('input_required');
  expect(agent.host.tasks()).toEqual([{ taskId: asked.id, state: 'inputRequired' }]);
  const lines = await linesOf(
    agent.stream({ text: 'at eight', taskId: asked.id, contextId: asked.contextId }),
  );
  expect(lines).toEqual(['task submitted', 'status working', 'status completed done at eight']);
  expect(seen).toEqual([
    { text: 'a conference', history: [] },
    { text: 'at eight', history: ['a conference'] },
  ]);
  const stored = await agent.task(asked.id);
  expect(stateOf(stored.status?.state)).toBe('completed');
  expect(stored.history.filter(({ role }) => role === 1)).toHaveLength(2);
});

test('cancelling stops the work, waits until it cleaned up, and no late result overwrites it', async () => {
  let cleaned = false;
  const agent = serve({
    async perform(_, { signal, status, artifact }) {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      await settle();
      status('late');
      artifact({ name: 'late', text: '' });
      cleaned = true;
      return { state: 'completed', text: 'late' };
    },
  });
  await settle();
  const stream = agent.stream({ text: 'x' });
  const { id } = await firstTask(stream);
  const rest = linesOf(stream);
  await settle();
  const canceled = await agent.cancel(id);
  expect(cleaned).toBe(true);
  expect(stateOf(canceled.status?.state)).toBe('canceled');
  expect(await rest).toEqual(['status working', 'status canceled Cancelled.']);
  expect(canceled.artifacts).toEqual([]);
  expect(stateOf((await agent.cancel(id)).status?.state)).toBe('canceled');
});

test('work that does not stop is left behind after the time to release', async () => {
  const agent = serve({ perform: () => new Promise(() => undefined) }, { limits: { releaseMs: 500 } });
  await settle();
  const stream = agent.stream({ text: 'x' });
  const { id } = await firstTask(stream);
  const rest = linesOf(stream);
  await settle();
  const cancel = agent.cancel(id);
  await settle();
  expect(agent.host.tasks()).toEqual([{ taskId: id, state: '{"active":"canceling"}' }]);
  agent.clock.increment(500);
  expect(stateOf((await cancel).status?.state)).toBe('canceled');
  expect((await rest).at(-1)).toBe('status canceled Cancelled.');
});

test('a task that waits for input can be cancelled', async () => {
  const agent = serve({ perform: async () => ({ state: 'input-required', text: 'when?' }) });
  await settle();
  const { id } = (await agent.send({ text: 'x' })) as Task;
  expect(stateOf((await agent.cancel(id)).status?.state)).toBe('canceled');
  expect(agent.host.tasks()).toEqual([]);
});

test('an answer to a question whose chart is gone begins the work with what was said before', async () => {
  const heard: string[][] = [];
  const agent = serve(
    {
      perform: async ({ text, history }) => {
        heard.push([...history, text]);
        return heard.length === 1
          ? { state: 'input-required', text: 'when?' }
          : { state: 'completed', text: 'done' };
      },
    },
    { limits: { patienceMs: 1000 } },
  );
  await settle();
  const { id, contextId } = (await agent.send({ text: 'x' })) as Task;
  agent.clock.increment(1000);
  await settle();
  const lines = await linesOf(agent.stream({ text: 'at eight', taskId: id, contextId }));
  expect(lines.at(-1)).toBe('status completed done');
  expect(heard).toEqual([['x'], ['x', 'at eight']]);
});

test('a message to a task at work neither breaks nor ends its stream', async () => {
  const release = Promise.withResolvers<void>();
  const agent = serve({
    async perform() {
      await release.promise;
      return { state: 'completed', text: 'done' };
    },
  });
  await settle();
  const stream = agent.stream({ text: 'x' });
  const { id, contextId } = await firstTask(stream);
  const rest = linesOf(stream);
  const second = agent.send({ text: 'and?', taskId: id, contextId });
  await settle();
  release.resolve();
  expect(await rest).toEqual(['status working', 'status completed done']);
  expect(stateOf(((await second) as Task).status?.state)).toBe('completed');
});

test('what the work throws fails the task and is logged; refusals are no faults', async () => {
  const agent = serve({
    async perform({ text }) {
      if (text === 'refuse') return { state: 'rejected', text: 'not mine', data: { code: 'X' } };
      throw new Error('boom');
    },
  });
  await settle();
  expect(await linesOf(agent.stream({ text: 'x' }))).toEqual([
    'task submitted',
    'status working',
    'status failed boom',
  ]);
  expect(agent.logged.filter(({ level }) => level === 'error')).toHaveLength(1);
  expect((await linesOf(agent.stream({ text: 'refuse' }))).at(-1)).toBe('status rejected not mine');
});

test('beyond its bound the agent refuses with the reason, and takes tasks again when one has ended', async () => {
  const release = Promise.withResolvers<void>();
  const agent = serve(
    {
      async perform() {
        await release.promise;
        return { state: 'completed', text: 'done' };
      },
    },
    { limits: { maxTasks: 2 } },
  );
  await settle();
  const running = [linesOf(agent.stream({ text: '1' })), linesOf(agent.stream({ text: '2' }))];
  await settle();
  expect((await linesOf(agent.stream({ text: '3' }))).at(-1)).toMatch(/^status rejected .* has 2 tasks/);
  release.resolve();
  await Promise.all(running);
  expect((await linesOf(agent.stream({ text: '4' }))).at(-1)).toBe('status completed done');
});

test('each event of a stream has text or data as it was given', async () => {
  const agent = serve({ perform: async () => ({ state: 'completed', text: '', data: { a: 1 } }) });
  await settle();
  const events = [];
  for await (const event of agent.stream({ text: 'x' })) events.push(event);
  expect(lineOf(events.at(-1)!)).toBe('status completed');
  const payload = events.at(-1)?.payload;
  const parts = payload?.$case === 'statusUpdate' ? payload.value.status?.message?.parts : [];
  expect(parts?.map(({ content }) => content)).toEqual([{ $case: 'data', value: { a: 1 } }]);
});

test('a report of an earlier turn is not heard in a later one', async () => {
  const reports: (() => void)[] = [];
  const release = Promise.withResolvers<void>();
  const agent = serve({
    async perform({ history }, { status, artifact }) {
      reports.push(() => {
        status('late');
        artifact({ name: 'late', text: '' });
      });
      if (history.length === 0) return { state: 'input-required', text: 'when?' };
      await release.promise;
      return { state: 'completed', text: 'done' };
    },
  });
  await settle();
  const { id, contextId } = (await agent.send({ text: 'x' })) as Task;
  const rest = linesOf(agent.stream({ text: 'at eight', taskId: id, contextId }));
  await settle();
  reports[0]?.();
  release.resolve();
  expect(await rest).toEqual(['task submitted', 'status working', 'status completed done']);
});

test('two tasks at once do not hear one another', async () => {
  const agent = serve({
    async perform({ text }, { status }) {
      await settle();
      status(`at ${text}`);
      return { state: 'completed', text };
    },
  });
  await settle();
  const [one, two] = await Promise.all(['1', '2'].map((text) => linesOf(agent.stream({ text }))));
  expect(one?.slice(2)).toEqual(['status working at 1', 'status completed 1']);
  expect(two?.slice(2)).toEqual(['status working at 2', 'status completed 2']);
});

test('work that ends with nonsense breaks its own task only', async () => {
  const agent = serve({
    async perform({ text }) {
      return (text === 'bad' ? undefined : { state: 'completed', text: 'done' }) as never;
    },
  });
  await settle();
  expect((await linesOf(agent.stream({ text: 'bad' }))).at(-1)).toBe(
    'status failed The agent broke at this task.',
  );
  expect(agent.host.tasks()).toEqual([]);
  expect(agent.host.presence()).toBe('online');
  expect(agent.logged.map(({ message }) => message)).toEqual(['work broke']);
  expect((await linesOf(agent.stream({ text: 'good' }))).at(-1)).toBe('status completed done');
});
