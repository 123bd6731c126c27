import { expect, test } from 'vitest';
import { createActor, SimulatedClock } from 'xstate';
import { type RequestInput, requestMachine } from '../../machines/protocols/request.machine.ts';

const INPUT: RequestInput = {
  operation: 'op',
  maxAttempts: 3,
  firstReplyTimeoutMs: 15_000,
  streamIdleTimeoutMs: 30_000,
  backoffMs: [1_000, 2_000],
};

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('three attempts without a reply, with back-off between, then it gives up', async () => {
  const clock = new SimulatedClock();
  const published: number[] = [];
  const actor = createActor(
    requestMachine.provide({
      actions: {
        publish: ({ self }, { attempt }) => {
          published.push(attempt);
          queueMicrotask(() => self.send({ type: 'TAKEN' }));
        },
      },
    }),
    { clock, input: INPUT },
  );
  actor.subscribe({ error: () => undefined });
  actor.start();
  for (const ms of [15_000, 1_000, 15_000, 2_000, 15_000]) {
    await turn();
    expect(actor.getSnapshot().status).toBe('active');
    clock.increment(ms);
  }
  expect(published).toEqual([1, 2, 3]);
  expect(actor.getSnapshot().output).toEqual({ failure: 'no-reply', attempts: 3, problem: null });
});
