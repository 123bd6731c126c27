import { expect, test } from 'vitest';
import { type AnyActorRef, type AnyStateMachine, createActor, fromPromise, SimulatedClock } from 'xstate';
import { getAdjacencyMap, getShortestPaths } from 'xstate/graph';
import { presenceMachine } from '../../machines/protocols/presence.machine.ts';
import { type RequestInput, requestMachine } from '../../machines/protocols/request.machine.ts';

const INPUT: RequestInput = {
  operation: 'op',
  maxAttempts: 3,
  firstReplyTimeoutMs: 15_000,
  streamIdleTimeoutMs: 30_000,
  backoffMs: [1_000, 2_000],
};

interface Edges {
  transitions: Record<string, { event: Step; state: { value: unknown } }>;
}

type Step = { type: string; output?: unknown; error?: unknown };

/** The promise of the state now entered, settled by the test. */
function effects() {
  const waiting: Array<{ resolve: (value: unknown) => void; reject: (error: unknown) => void }> = [];
  const actor = fromPromise<unknown>(
    () => new Promise((resolve, reject) => void waiting.push({ resolve, reject })),
  );
  return { actor, last: () => waiting.at(-1), count: () => waiting.length };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

async function drive(
  actor: AnyActorRef,
  clock: SimulatedClock,
  step: Step,
  settle: ReturnType<typeof effects>['last'],
) {
  if (step.type.startsWith('xstate.done.actor')) settle()?.resolve(step.output);
  else if (step.type.startsWith('xstate.error.actor')) settle()?.reject(step.error);
  else if (step.type.startsWith('xstate.after'))
    clock.increment(DELAYS[step.type.split('.')[2] as string] as number);
  else actor.send(step);
  await turn();
}

const DELAYS: Record<string, number> = {
  firstReply: 15_000,
  idle: 30_000,
  backoff: 2_000,
  announceRetry: 1_000,
  withdrawTimeout: 2_000,
};

/** What the state names of timers and invoked promises, and every event of the protocol. */
function eventsOf(cases: Step[], outputs: unknown[]) {
  return (snapshot: { _nodes: Array<{ transitions: Map<string, unknown> }> }): Step[] => [
    ...cases,
    ...snapshot._nodes
      .flatMap((node) => [...node.transitions.keys()])
      .filter((type) => type.startsWith('xstate.'))
      .flatMap((type) => {
        if (type.startsWith('xstate.done.actor')) return outputs.map((output) => ({ type, output }));
        if (type.startsWith('xstate.error.actor')) return [{ type, error: 'refused' }];
        return [{ type }];
      }),
  ];
}

function pathsOf(machine: AnyStateMachine, cases: Step[], outputs: unknown[], input?: unknown) {
  const options = {
    events: eventsOf(cases, outputs),
    input,
    serializeState: (snapshot: { value: unknown; context: { attempt?: number } }) =>
      JSON.stringify([snapshot.value, snapshot.context.attempt]),
  };
  const graph = options as unknown as NonNullable<Parameters<typeof getShortestPaths>[1]>;
  const edges = getAdjacencyMap(machine, graph) as unknown as Record<string, Edges | undefined>;
  return { paths: getShortestPaths(machine, graph), edges };
}

const REQUEST_CASES: Step[] = [
  { type: 'REPLY', last: true, item: 'last' } as Step,
  { type: 'REPLY', last: false, item: 'item' } as Step,
  { type: 'BUSY', item: 'busy' } as Step,
  { type: 'ABORT' },
  { type: 'NOISE' },
];
const PRESENCE_CASES = ['CONNECTED', 'LOST', 'REFUSED', 'CARD_CHANGED', 'LEAVE', 'NOISE'].map((type) => ({
  type,
}));

test.each([
  [
    'request',
    requestMachine,
    REQUEST_CASES,
    [{ state: 'live' }, { state: 'settled' }],
    INPUT,
    ['publish', 'probe'],
  ],
  ['presence', presenceMachine, PRESENCE_CASES, [undefined], undefined, ['announce', 'withdraw']],
] as const)(
  'the %s machine does what its model says, over every transition',
  async (_name, machine, cases, outputs, input, actors) => {
    const { paths, edges } = pathsOf(machine as AnyStateMachine, [...cases], [...outputs], input);
    let taken = 0;
    for (const path of paths) {
      const from =
        edges[JSON.stringify([path.state.value, (path.state.context as { attempt?: number }).attempt])];
      for (const { event, state } of Object.values(from?.transitions ?? {})) {
        const clock = new SimulatedClock();
        const effect = effects();
        const live = createActor(
          (machine as AnyStateMachine).provide({
            actors: Object.fromEntries(actors.map((name) => [name, effect.actor])),
          }),
          { clock, input },
        );
        live.subscribe({ error: () => undefined });
        live.start();
        await turn();
        for (const step of path.steps.slice(1)) await drive(live, clock, step.event as Step, effect.last);
        if (live.getSnapshot().status !== 'active') continue;
        await drive(live, clock, event as Step, effect.last);
        expect(live.getSnapshot().value, `${JSON.stringify(path.state.value)} on ${event.type}`).toEqual(
          state.value,
        );
        live.stop();
        taken += 1;
      }
    }
    expect(taken).toBeGreaterThan(_name === 'request' ? 60 : 30);
  },
);

test('three attempts without a reply, with back-off between, then it gives up', async () => {
  const clock = new SimulatedClock();
  const published: number[] = [];
  const actor = createActor(
    requestMachine.provide({
      actors: {
        publish: fromPromise(async ({ input }) => {
          published.push(input.attempt);
        }),
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
