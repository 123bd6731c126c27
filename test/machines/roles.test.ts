import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createActor, fromPromise, SimulatedClock } from 'xstate';
import {
  type AgentEvent,
  DEFAULT_LIMITS,
  domainMachine,
  type PublishedStatus,
  type TaskRequest,
  type TaskResult,
  taskMachine,
} from '../../machines/index.ts';

const MAX_TASKS = 2;

function role() {
  const settled: PublishedStatus[] = [];
  const presences: string[] = [];
  const clock = new SimulatedClock();
  const prepared = Promise.withResolvers<void>();
  const actor = createActor(
    domainMachine.provide({
      actors: {
        prepare: fromPromise<void, { agentId: string }>(() => prepared.promise),
        task: taskMachine.provide({
          actors: { perform: fromPromise<TaskResult, TaskRequest>(() => new Promise(() => undefined)) },
          actions: {
            publishStatus: () => undefined,
            publishArtifact: () => undefined,
            settle: (_, status) => settled.push(status),
          },
        }),
      },
      actions: {
        refuseTask: (_, { taskId, contextId, reason }) =>
          settled.push({ taskId, contextId, state: 'rejected', text: reason }),
        failTask: (_, { error }) => {
          throw error;
        },
        tellPresence: (_, { presence }) => presences.push(presence),
      },
    }),
    { clock, input: { agentId: 'netagent/domains/ran', ...DEFAULT_LIMITS, maxTasks: MAX_TASKS } },
  );
  let broken: unknown;
  actor.subscribe({
    error: (error) => {
      broken = error;
    },
  });
  actor.start();
  const ready = async () => {
    prepared.resolve();
    await new Promise<void>((resolve) => setImmediate(resolve));
  };
  return { actor, settled, presences, clock, ready, broken: () => broken };
}

const task = (taskId: string): AgentEvent => ({
  type: 'TASK',
  request: { taskId, contextId: 'c', text: '', data: null, history: [], caller: '', metadata: {} },
});

test('an agent that is told to drain while it starts does not come online, and can be resumed', async () => {
  const { actor, presences, ready } = role();
  actor.send({ type: 'DRAIN' });
  expect(actor.getSnapshot().value).toBe('offline');
  actor.send(task('t1'));
  expect(actor.getSnapshot().context).toMatchObject({ refused: 1, tasks: [] });
  actor.send({ type: 'RESUME' });
  await ready();
  expect(actor.getSnapshot().value).toBe('online');
  actor.send({ type: 'DRAIN' });
  expect(presences).toEqual(['offline', 'online', 'offline']);
});

test('a draining agent that is resumed keeps its tasks', async () => {
  const { actor, ready } = role();
  await ready();
  actor.send(task('t1'));
  actor.send({ type: 'DRAIN' });
  actor.send({ type: 'RESUME' });
  expect(actor.getSnapshot().value).toBe('online');
  expect(actor.getSnapshot().context.tasks).toEqual(['t1']);
});

test('whatever comes, the tasks stay in their bound, each is a child, and each that was sent ends at most once', async () => {
  const event = fc.oneof(
    fc.constantFrom('t1', 't2', 't3').map(task),
    fc.constantFrom('t1', 't2', 't3').map((taskId): AgentEvent => ({ type: 'CANCEL', taskId })),
    fc.constantFrom<AgentEvent>({ type: 'DRAIN' }, { type: 'RESUME' }),
    fc.constantFrom<AgentEvent>({
      type: 'MESSAGE',
      taskId: 't1',
      message: { text: 'x', data: null, caller: '', metadata: {} },
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 30 }), async (events) => {
      const { actor, settled, clock, ready, broken } = role();
      await ready();
      let sent = 0;
      for (const next of events) {
        if (next.type === 'TASK') sent++;
        actor.send(next);
        const { context, children } = actor.getSnapshot();
        expect(context.tasks.length).toBeLessThanOrEqual(MAX_TASKS);
        expect(
          Object.keys(children)
            .filter((id) => id !== 'prepare')
            .sort(),
        ).toEqual([...context.tasks].sort());
      }
      clock.increment(DEFAULT_LIMITS.releaseMs);
      const { tasks, ignored } = actor.getSnapshot().context;
      expect(settled.length + tasks.length).toBeLessThanOrEqual(sent);
      expect(settled.length + tasks.length + ignored).toBeGreaterThanOrEqual(sent);
      expect(broken()).toBeUndefined();
      actor.stop();
    }),
    { seed: 1, numRuns: 200 },
  );
});
