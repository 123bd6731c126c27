import { expect, test } from 'vitest';
import type { Presence, PublishedStatus } from '../../machines/index.ts';
import { domainMachine } from '../../machines/index.ts';
import { createAgentHost, type TaskSink } from '../../src/runtime/actors/index.ts';
import { settle, testEnv } from './kit.ts';

const request = (taskId: string, text = 'x') => ({
  taskId,
  contextId: 'c1',
  text,
  data: undefined,
  history: [],
  caller: 'netagent/core/central',
  metadata: {},
});

function sinkOf(): TaskSink & { ended: PublishedStatus[] } {
  const ended: PublishedStatus[] = [];
  return {
    ended,
    status: () => undefined,
    artifact: () => undefined,
    settle: (status) => ended.push(status),
  };
}

/** A host whose root breaks at a task with the text `poison`. */
function fragile(options: { intensity: number }) {
  const { env, clock, logged } = testEnv();
  const presences: Presence[] = [];
  const given: string[] = [];
  const machine = domainMachine.provide({
    guards: {
      hasTask: ({ event, context }, { taskId }) => {
        if (event.type === 'TASK' && event.request.text === 'poison') throw new Error('poisoned');
        return context.tasks.includes(taskId);
      },
    },
  });
  const host = createAgentHost({
    env,
    id: 'netagent/domains/ran',
    machine,
    effects: {
      perform: (_, { signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped')))),
    },
    restarts: { intensity: options.intensity, periodMs: 60_000, backoffMs: 100, maxBackoffMs: 1000 },
    onPresence: (presence) => presences.push(presence),
    onGivenUp: (reason) => given.push(reason),
  });
  return { host, clock, logged, presences, given };
}

test('a crashed root fails its tasks, and is started afresh after a pause', async () => {
  const { host, clock, presences, given } = fragile({ intensity: 3 });
  await settle();
  const beside = sinkOf();
  host.begin(request('t1'), beside);
  expect(host.tasks()).toEqual([{ taskId: 't1', state: '{"active":"working"}' }]);
  const poisoned = sinkOf();
  host.begin(request('t2', 'poison'), poisoned);
  expect(beside.ended.map(({ state }) => state)).toEqual(['failed']);
  expect(poisoned.ended.map(({ state }) => state)).toEqual(['failed']);
  const between = sinkOf();
  host.begin(request('t3'), between);
  expect(between.ended[0]).toMatchObject({
    state: 'rejected',
    text: expect.stringContaining('out of service'),
  });

  clock.increment(99);
  await settle();
  expect(host.presence()).toBe('starting');
  clock.increment(1);
  await settle();
  expect(host.presence()).toBe('online');
  expect(presences).toEqual(['online', 'online']);
  const after = sinkOf();
  host.begin(request('t4'), after);
  expect(host.tasks()).toEqual([{ taskId: 't4', state: '{"active":"working"}' }]);
  expect(given).toEqual([]);
  host.stop();
  expect(after.ended.map(({ state }) => state)).toEqual(['failed']);
});

test('a poison message that comes again and again ends in giving up, and says so', async () => {
  const { host, clock, given, logged } = fragile({ intensity: 2 });
  await settle();
  for (const pause of [100, 200]) {
    host.begin(request('t1', 'poison'), sinkOf());
    clock.increment(pause);
    await settle();
    expect(host.presence()).toBe('online');
  }
  host.begin(request('t1', 'poison'), sinkOf());
  expect(given).toEqual([expect.stringContaining('poisoned')]);
  expect(host.presence()).toBe('offline');
  clock.increment(60_000);
  const late = sinkOf();
  host.begin(request('t2'), late);
  expect(late.ended[0]?.state).toBe('rejected');
  expect(logged.some(({ message }) => message === 'agent given up')).toBe(true);
});

test('crashes far apart do not add up', async () => {
  const { host, clock, given } = fragile({ intensity: 1 });
  for (let crash = 0; crash < 3; crash++) {
    await settle();
    host.begin(request('t1', 'poison'), sinkOf());
    clock.increment(60_000);
  }
  await settle();
  expect(given).toEqual([]);
  expect(host.presence()).toBe('online');
});

test('what an agent needs first comes first; if it fails the agent is offline', async () => {
  const { env, logged } = testEnv();
  const ready = Promise.withResolvers<void>();
  const host = createAgentHost({
    env,
    id: 'netagent/domains/ran',
    machine: domainMachine,
    effects: { prepare: () => ready.promise, perform: async () => ({ state: 'completed', text: '' }) },
  });
  const early = sinkOf();
  host.begin(request('t1'), early);
  expect(early.ended[0]?.text).toBe('netagent/domains/ran: the agent is starting; try again.');
  ready.reject(new Error('no tools'));
  await settle();
  expect(host.presence()).toBe('offline');
  expect(logged).toHaveLength(1);
  host.stop();
});

test('a draining agent finishes what it has, takes nothing new, and then is offline', async () => {
  const { env } = testEnv();
  const done = Promise.withResolvers<void>();
  const host = createAgentHost({
    env,
    id: 'netagent/domains/ran',
    machine: domainMachine,
    effects: {
      async perform() {
        await done.promise;
        return { state: 'completed', text: 'done' };
      },
    },
  });
  await settle();
  const running = sinkOf();
  host.begin(request('t1'), running);
  const drained = host.drain();
  const late = sinkOf();
  host.begin(request('t2'), late);
  expect(late.ended[0]?.text).toContain('draining');
  expect(host.counts()).toEqual({ refused: 1, ignored: 0 });
  expect(host.presence()).toBe('draining');
  done.resolve();
  await drained;
  expect(running.ended[0]?.state).toBe('completed');
  expect(host.presence()).toBe('offline');
  host.stop();
  host.stop();
  expect(running.ended).toHaveLength(1);
});

test('draining ends at its limit, and stopping fails what is left', async () => {
  const { env, clock } = testEnv();
  const host = createAgentHost({
    env,
    id: 'netagent/domains/ran',
    machine: domainMachine,
    effects: { perform: () => new Promise(() => undefined) },
    limits: { drainMs: 1000 },
  });
  await settle();
  const running = sinkOf();
  host.begin(request('t1'), running);
  const drained = host.drain();
  clock.increment(1000);
  await drained;
  host.stop();
  expect(running.ended).toEqual([
    expect.objectContaining({ state: 'failed', text: 'The agent was stopped.' }),
  ]);
});

test('inspection has no gaps, is bounded, and an observer that throws harms nobody', async () => {
  const { env } = testEnv();
  let heard = 0;
  const host = createAgentHost({
    env,
    id: 'netagent/domains/ran',
    machine: domainMachine,
    effects: { perform: async () => ({ state: 'completed', text: 'done' }) },
    onRecord: () => {
      heard++;
      throw new Error('observer');
    },
  });
  await settle();
  for (let task = 0; task < 60; task++) {
    host.begin(request(`t${task}`), sinkOf());
    await settle();
  }
  const records = host.recent();
  expect(records).toHaveLength(1000);
  expect(heard).toBeGreaterThan(1000);
  expect(records.every(({ seq }, index) => index === 0 || seq === (records[index - 1]?.seq ?? 0) + 1)).toBe(
    true,
  );
  expect(host.tasks()).toEqual([]);
  expect(host.recent(1)).toHaveLength(1);
});
