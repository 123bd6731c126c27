import { afterAll, describe, expect, test } from 'vitest';
import { compileWorkflow, createEngine } from '../../src/workflow/index.ts';
import { settle, simulatedClock, testEnv } from './kit.ts';

const aborted: string[] = [];
const calls: string[] = [];
const engine = createEngine({
  env: testEnv(),
  functions: {
    async note(input, { pointer, idempotencyKey }) {
      calls.push(idempotencyKey.slice(idempotencyKey.indexOf(':') + 1 + pointer.length));
      return input;
    },
    async flaky(input) {
      const { n } = input as { n: number };
      if (n % 2 === 1) throw new Error(`odd ${n}`);
      return { n };
    },
    hang: (_, { signal, pointer }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          aborted.push(pointer);
          reject(new Error('aborted'));
        });
      }),
  },
});
afterAll(() => engine.close());

const workflow = (body: string) =>
  compileWorkflow(`document: { dsl: 1.0.3, namespace: test, name: nest, version: 1.0.0 }\ndo:${body}`);
const run = async (body: string, input: unknown = null) =>
  (await engine.run(workflow(body), input, { clock: simulatedClock() })).output;

describe('tasks within tasks', () => {
  test('a loop in a loop: variables of both, keys of each step differ', async () => {
    calls.length = 0;
    const output = await run(
      `
  - rows:
      for: { each: row, in: '\${ .rows }', at: r }
      do:
        - cells:
            for: { each: cell, in: '\${ $row }', at: c }
            do:
              - tell: { call: 'note:1.0.0@default', with: { rows: '\${ .rows }', seen: '\${ .seen + [[$r, $c, $cell]] }' } }`,
      { rows: [['a', 'b'], [], ['c']], seen: [] },
    );
    expect(output).toEqual({
      rows: [['a', 'b'], [], ['c']],
      seen: [
        [0, 0, 'a'],
        [0, 1, 'b'],
        [2, 0, 'c'],
      ],
    });
    expect(calls).toEqual(['@/1[0]/1[0]/1', '@/1[0]/1[1]/1', '@/1[2]/1[0]/1']);
  });

  test('a try in a loop catches each fault by itself and the loop goes on', async () => {
    const output = await run(
      `
  - each:
      for: { each: n, in: '\${ [1, 2, 3] }' }
      do:
        - careful:
            try: [{ ask: { call: 'flaky:1.0.0@default', with: { n: '\${ $n }' }, output: { as: '\${ $input + {n: .n} }' } } }]
            catch: { as: e, do: [{ note: { set: { odd: '\${ .odd + [$e.title] }', at: '\${ $e.instance }' } } }] }`,
      {},
    );
    expect(output).toEqual({ odd: ['odd 1', 'odd 3'], at: '/do/0/each/do/0/careful/try/0/ask' });
  });

  test('a fault in a handler leaves the loop and is caught further out', async () => {
    const body = `
  - outer:
      try:
        - each:
            for: { each: n, in: '\${ [2, 1, 4] }' }
            do:
              - careful:
                  try: [{ ask: { call: 'flaky:1.0.0@default', with: { n: '\${ $n }' } } }]
                  catch: { as: e, do: [{ worse: { raise: { error: { type: 'urn:t', status: 500, title: '\${ "worse: " + $e.title }' } } } }] }
      catch: { as: e, do: [{ keep: { set: { title: '\${ $e.title }' } } }] }`;
    expect(await run(body, {})).toEqual({ title: 'worse: odd 1' });
  });

  test('forks in a fork join in declared order; a fault of one branch stops the others', async () => {
    const body = `
  - outer:
      fork:
        branches:
          - left: { fork: { branches: [{ a: { set: '\${ 1 }' } }, { b: { do: [{ b1: { set: '\${ 2 }' } }, { b2: { set: '\${ . + 1 }' } }] } }] } }
          - right: { set: '\${ 4 }' }`;
    expect(await run(body)).toEqual([[1, 3], 4]);
    aborted.length = 0;
    const broken = `
  - outer: { fork: { branches: [{ stuck: { call: 'hang:1.0.0@default' } }, { bad: { raise: { error: { type: 'urn:t', status: 500, title: no } } } }] } }`;
    await expect(run(broken)).rejects.toMatchObject({
      details: { fault: { title: 'no', instance: '/do/0/outer/fork/branches/1/bad' } },
    });
    expect(aborted).toEqual(['/do/0/outer/fork/branches/0/stuck']);
  });

  test('a name with a dot or a blank is a name', async () => {
    const body = `
  - v1.2 check: { switch: [{ any: { then: set it.now } }] }
  - skipped: { set: '\${ 1 }' }
  - set it.now: { set: '\${ 2 }' }`;
    expect(await run(body)).toBe(2);
  });
});

describe('end and exit', () => {
  test('end in a loop ends the workflow at that item', async () => {
    const body = `
  - each:
      for: { each: n, in: '\${ [1, 2, 3] }' }
      do:
        - stop: { switch: [{ two: { when: '\${ $n == 2 }', then: end } }] }
        - keep: { set: { last: '\${ $n }' } }
  - never: { set: { never: true } }`;
    expect(await run(body, {})).toEqual({ last: 1 });
  });

  test('exit in a loop only leaves the body', async () => {
    const body = `
  - each:
      for: { each: n, in: '\${ [1, 2, 3] }' }
      do:
        - skip: { switch: [{ two: { when: '\${ $n == 2 }', then: exit } }] }
        - keep: { set: { seen: '\${ .seen + [$n] }' } }
  - after: { set: { seen: '\${ .seen }', after: true } }`;
    expect(await run(body, {})).toEqual({ seen: [1, 3], after: true });
  });

  test('end in a branch ends the workflow and stops the other branches', async () => {
    aborted.length = 0;
    const body = `
  - both:
      fork:
        branches:
          - stuck: { call: 'hang:1.0.0@default' }
          - quick: { do: [{ stop: { set: { ended: here }, then: end } }] }
  - never: { set: { never: true } }`;
    expect(await run(body, {})).toEqual({ ended: 'here' });
    expect(aborted).toEqual(['/do/0/both/fork/branches/0/stuck']);
  });

  test('end in a try and in its handler', async () => {
    const body = (task: string) => `
  - careful: { try: [{ a: ${task} }], catch: { do: [{ h: { set: { x: 2 }, then: end } }] } }
  - never: { set: { x: 3 } }`;
    expect(await run(body('{ set: { x: 1 }, then: end }'))).toEqual({ x: 1 });
    expect(await run(body('{ raise: { error: { type: urn:t, status: 500, title: t } } }'))).toEqual({ x: 2 });
  });
});

describe('life', () => {
  test('abort during a wait in a fork ends the run, its timers and its calls', async () => {
    aborted.length = 0;
    const clock = simulatedClock();
    const timers = new Set<unknown>();
    const counting = {
      now: clock.now,
      setTimeout: (fn: () => void, ms: number) => {
        const id = clock.setTimeout(fn, ms);
        timers.add(id);
        return id;
      },
      clearTimeout: (id: unknown) => {
        timers.delete(id);
        clock.clearTimeout(id);
      },
    };
    const controller = new AbortController();
    const seen: string[] = [];
    const body = `
  - both: { fork: { branches: [{ pause: { wait: PT1H } }, { stuck: { call: 'hang:1.0.0@default' } }] } }
  - never: { set: '\${ 1 }' }`;
    const done = engine.run(workflow(body), null, {
      clock: counting,
      signal: controller.signal,
      onProgress: ({ type, name }) => seen.push(`${name} ${type}`),
    });
    for (let i = 0; i < 10; i += 1) await settle();
    expect(timers.size).toBe(1);
    controller.abort();
    await expect(done).rejects.toMatchObject({ code: 'WORKFLOW_CANCELLED' });
    expect(timers.size).toBe(0);
    expect(aborted).toEqual(['/do/0/both/fork/branches/1/stuck']);
    clock.increment(7_200_000);
    for (let i = 0; i < 10; i += 1) await settle();
    // XState starts the children of an initial state before its entry actions: the order is not the task's.
    expect(seen.sort()).toEqual([
      'both task.cancelled',
      'both task.started',
      'pause task.cancelled',
      'pause task.started',
      'stuck task.cancelled',
      'stuck task.started',
    ]);
    expect(engine.instances()).toEqual([]);
  });

  test('many instances at once keep apart', async () => {
    const body = `
  - a: { set: { n: '\${ .n }', twice: '\${ .n * 2 }' } }
  - b: { do: [{ c: { set: { sum: '\${ .n + .twice }' } } }] }`;
    const outputs = await Promise.all(Array.from({ length: 50 }, (_, n) => run(body, { n })));
    expect(outputs).toEqual(Array.from({ length: 50 }, (_, n) => ({ sum: 3 * n })));
  });

  test('expressions in the data stay text through calls, loops, exports and faults', async () => {
    const hostile = '${ $context.secret }';
    const body = `
  - keep: { set: { text: '\${ .text }' }, export: { as: { secret: s3cret, text: '\${ .text }' } } }
  - each:
      for: { each: one, in: '\${ [.text, .text] }' }
      do: [{ tell: { call: 'note:1.0.0@default', with: { text: '\${ $one }' } } }]
  - careful:
      try: [{ stop: { raise: { error: { type: 'urn:t', status: 500, title: '\${ .text }', detail: '\${ $context.text }' } } } }]
      catch: { as: e, do: [{ out: { set: { title: '\${ $e.title }', detail: '\${ $e.detail }' } } }] }`;
    expect(await run(body, { text: hostile })).toEqual({ title: hostile, detail: hostile });
  });
});
