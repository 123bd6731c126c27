import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AnyStateMachine, assign, createActor, createMachine, fromPromise, setup } from 'xstate';
import { lightActor } from '../../machines/light.ts';
import type { Clock } from '../../machines/ports.ts';
import { presenceMachine } from '../../machines/protocols/presence.machine.ts';
import { requestMachine } from '../../machines/protocols/request.machine.ts';

/** Time that moves when it is told to. */
function handClock() {
  let now = 0;
  let count = 0;
  const due = new Map<number, { at: number; work: () => void }>();
  const clock: Clock = {
    now: () => now,
    setTimeout: (work, ms) => {
      count += 1;
      due.set(count, { at: now + ms, work });
      return count;
    },
    clearTimeout: (id) => void due.delete(id as number),
  };
  return {
    clock,
    pending: () => due.size,
    advance(ms: number) {
      const until = now + ms;
      while (true) {
        const [next] = [...due].filter(([, { at }]) => at <= until).sort(([, a], [, b]) => a.at - b.at);
        if (next === undefined) break;
        due.delete(next[0]);
        now = next[1].at;
        next[1].work();
      }
      now = until;
    },
  };
}

interface Subject {
  machine: AnyStateMachine;
  input: unknown;
  actions: string[];
  actors: string[];
  events: Array<{ type: string }>;
}

type Step = { event: { type: string } } | { ms: number } | { settle: number; ok: boolean };

const flat = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : Object.entries(value as object)
        .map(([key, below]) => (Object.keys(below as object).length === 0 ? key : `${key}.${flat(below)}`))
        .join('.');

/** Both ways of running a chart, side by side: what each does at each step. */
function sideBySide({ machine, input, actions, actors }: Subject) {
  const side = () => {
    const log: unknown[] = [];
    const work: Array<{ resolve(value: unknown): void; reject(error: unknown): void }> = [];
    const begin = (name: string, given: unknown) => {
      log.push([name, given]);
      return new Promise((resolve, reject) => work.push({ resolve, reject }));
    };
    const acts = Object.fromEntries(
      actions.map((name) => [
        name,
        ({ context, event }: { context: unknown; event: unknown }, params: unknown) =>
          void log.push([name, structuredClone(context), event, params]),
      ]),
    );
    return { log, work, begin, acts, time: handClock() };
  };
  const heavy = side();
  const light = side();
  const provided = machine.provide({
    actions: heavy.acts,
    actors: Object.fromEntries(
      actors.map((name) => [name, fromPromise(({ input: given }) => heavy.begin(name, given))]),
    ),
  } as never);
  const one = createActor(provided, { input, clock: heavy.time.clock } as never);
  one.subscribe({
    error: (error) => heavy.log.push(['error', String(error)]),
    complete: () => heavy.log.push('complete'),
  });
  one.start();
  const other = lightActor(machine, {
    input: input as never,
    clock: light.time.clock,
    actions: light.acts,
    actors: Object.fromEntries(actors.map((name) => [name, (given: never) => light.begin(name, given)])),
    ended: (error) => void light.log.push(error === undefined ? 'complete' : ['error', String(error)]),
  }).start();
  const both = [heavy, light];
  return {
    async step(step: Step) {
      if ('event' in step) {
        if (one.getSnapshot().status === 'active') one.send(step.event as never);
        other.send(step.event as never);
      } else if ('ms' in step) for (const { time } of both) time.advance(step.ms);
      else {
        for (const { work } of both) {
          const at = work[step.settle % Math.max(1, work.length)];
          if (step.ok) at?.resolve({ state: step.settle % 2 === 0 ? 'live' : 'settled' });
          else at?.reject(new Error('no'));
        }
      }
      await new Promise((resolve) => setImmediate(resolve));
    },
    compare() {
      const { value, context, status, output } = one.getSnapshot();
      expect({
        state: other.state,
        context: other.context,
        status: other.status,
        output: other.output,
        log: light.log,
        timers: light.time.pending(),
      }).toEqual({
        state: flat(value),
        context: context ?? {},
        status,
        output,
        log: heavy.log,
        timers: heavy.time.pending(),
      });
    },
  };
}

const nested = setup({
  types: { context: {} as { count: number; last: string }, events: {} as { type: string; n?: number } },
  actions: {
    note: (_, _params: { what: string }) => {},
    left: () => {},
    add: assign({ count: ({ context }, { by }: { by: number }) => context.count + by }),
    name: assign(({ event }) => ({ last: event.type })),
    fail: () => {
      throw new Error('an action that throws');
    },
  },
  guards: { isOver: ({ context }, { limit }: { limit: number }) => context.count > limit },
  delays: { nap: 50 },
}).createMachine({
  id: 'nested',
  context: { count: 0, last: '' },
  initial: 'outer',
  exit: 'left',
  on: { '*': { actions: 'name' }, OUT: { target: '.end' }, BREAK: { actions: 'fail' } },
  states: {
    outer: {
      initial: 'inner',
      entry: { type: 'note', params: ({ context }) => ({ what: `outer ${context.count}` }) },
      exit: 'left',
      on: {
        AGAIN: { target: 'outer', reenter: true, actions: { type: 'add', params: { by: 1 } } },
        SAME: { target: 'outer', actions: { type: 'add', params: { by: 2 } } },
        DEEP: { target: '.second.low' },
        ADD: [
          { guard: { type: 'isOver', params: { limit: 5 } }, target: 'end' },
          { actions: { type: 'add', params: ({ event }) => ({ by: event.n ?? 1 }) } },
        ],
      },
      states: {
        inner: {
          entry: { type: 'note', params: { what: 'inner' } },
          exit: 'left',
          after: { nap: { target: 'second' }, 200: { target: '#nested.end' } },
        },
        second: {
          initial: 'high',
          exit: 'left',
          on: { ADD: { target: 'inner' } },
          states: { high: { after: { 20: { target: 'low' } } }, low: { on: { UP: { target: 'high' } } } },
        },
      },
    },
    end: { type: 'final', entry: { type: 'note', params: { what: 'end' } } },
  },
});

const item = { jsonrpc: '2.0' };
const SUBJECTS: Record<string, Subject> = {
  request: {
    machine: requestMachine,
    input: {
      operation: 'o',
      maxAttempts: 3,
      firstReplyTimeoutMs: 100,
      streamIdleTimeoutMs: 150,
      backoffMs: [10, 20],
    },
    actions: ['publish', 'deliver', 'countUnexpected'],
    actors: ['probe'],
    events: [
      { type: 'TAKEN' },
      { type: 'NOT_TAKEN', problem: 'full' } as never,
      { type: 'REPLY', last: false, item } as never,
      { type: 'REPLY', last: true, item } as never,
      { type: 'BUSY', item } as never,
      { type: 'RECONNECTED' },
      { type: 'ABORT' },
    ],
  },
  presence: {
    machine: presenceMachine,
    input: undefined,
    actions: ['countUnexpected'],
    actors: ['announce', 'withdraw'],
    events: ['CONNECTED', 'LOST', 'REFUSED', 'CARD_CHANGED', 'LEAVE'].map((type) => ({ type })),
  },
  nested: {
    machine: nested,
    input: undefined,
    actions: ['note', 'left'],
    actors: [],
    events: ['OUT', 'AGAIN', 'SAME', 'DEEP', 'ADD', 'UP', 'BREAK', 'ELSE'].map((type) => ({ type })),
  },
};

test.each(Object.entries(SUBJECTS))('%s: runs as XState runs it, step by step', async (_, subject) => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...subject.events).map((event): Step => ({ event })) },
    { weight: 2, arbitrary: fc.constantFrom(5, 10, 60, 160, 1_500).map((ms): Step => ({ ms })) },
    { weight: 2, arbitrary: fc.record({ settle: fc.nat(5), ok: fc.boolean() }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
      const pair = sideBySide(subject);
      pair.compare();
      for (const each of steps) {
        await pair.step(each);
        pair.compare();
      }
    }),
    { numRuns: 300 },
  );
});

test('an event that an action sends is taken after the present one; a stop is obeyed after it', () => {
  const { clock, pending } = handClock();
  const seen: string[] = [];
  const chart = setup({ actions: { first: () => {}, second: () => {} } }).createMachine({
    initial: 'a',
    states: {
      a: { on: { GO: { target: 'b', actions: 'first' } } },
      b: { entry: 'second', after: { 10: { target: 'a' } }, on: { NEXT: { target: 'c' } } },
      c: { after: { 10: { target: 'a' } } },
    },
  });
  const actor = lightActor(chart, {
    input: undefined,
    clock,
    actions: {
      first: () => {
        actor.send({ type: 'NEXT' });
        seen.push(actor.state);
      },
      second: () => {
        seen.push(actor.state);
        actor.stop();
      },
    },
    changed: (state) => void seen.push(`now ${state}`),
    ended: () => void seen.push('ended'),
  });
  actor.send({ type: 'GO' });
  actor.start().send({ type: 'GO' });
  // In the middle of a transition no state is active below the root.
  expect(seen).toEqual(['now a', '', 'b', 'now b']);
  expect(actor.status).toBe('stopped');
  expect(pending()).toBe(0);
});

test.each([
  ['parallel', createMachine({ type: 'parallel', states: { a: {} } })],
  ['transitions without event', createMachine({ initial: 'a', states: { a: { always: 'b' }, b: {} } })],
  ['no name', createMachine({ entry: () => undefined })],
  [
    'not below the root',
    createMachine({ initial: 'a', states: { a: { initial: 'b', states: { b: { type: 'final' } } } } }),
  ],
] as const)('a chart that needs more is refused: %s', (problem, machine) => {
  const { clock } = handClock();
  expect(() => lightActor(machine as AnyStateMachine, { input: undefined, clock })).toThrow(problem);
});
