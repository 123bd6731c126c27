import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { NetAgentError } from '../../src/errors.ts';
import { compileWorkflow, createEngine, loadTemplates } from '../../src/workflow/index.ts';
import { settle, simulatedClock, testEnv } from './kit.ts';

const calls: Array<{ name: string; input: unknown; key: string }> = [];
let hold: Promise<void> = Promise.resolve();
const engine = createEngine({
  env: testEnv(),
  functions: {
    async echo(input, { idempotencyKey }) {
      calls.push({ name: 'echo', input, key: idempotencyKey });
      return input;
    },
    async broken() {
      throw new Error('the line is down');
    },
    async slow(input, { signal }) {
      await hold;
      if (signal.aborted) throw new Error('aborted');
      return input;
    },
  },
});
afterAll(() => engine.close());

const workflow = (body: string) =>
  compileWorkflow(`document: { dsl: 1.0.3, namespace: test, name: probe, version: 1.0.0 }\ndo:\n${body}`);
const run = async (body: string, input: unknown = null) =>
  (await engine.run(workflow(body), input, { clock: simulatedClock() })).output;

describe('tasks', () => {
  test('set replaces the data; expressions are evaluated, data never', async () => {
    const body = "  - shape: { set: { name: '${ .who }', fixed: 1, text: 'a ${b}' } }";
    expect(await run(body, { who: '${ .secret }' })).toEqual({
      name: '${ .secret }',
      fixed: 1,
      text: 'a ${b}',
    });
  });

  test('input, output and context travel as the DSL says', async () => {
    const body = `
  - first:
      input: { from: '\${ .outer }' }
      call: echo:1.0.0@default
      with: { value: '\${ .value }' }
      output: { as: '\${ { got: .value, from: $input.value } }' }
      export: { as: { kept: '\${ .got }', whole: '\${ $output }' } }
  - second: { set: { sum: '\${ $context.kept + .got }', whole: '\${ $context.whole }' } }`;
    expect(await run(body, { outer: { value: 4 } })).toEqual({ sum: 8, whole: { got: 4, from: 4 } });
  });

  test('a condition that is false skips the task and keeps the data', async () => {
    const body = "  - never: { if: '${ .go }', set: { x: 1 } }";
    expect(await run(body, { go: false })).toEqual({ go: false });
  });

  test('switch: first match, default, no match; flow directives', async () => {
    const body = `
  - choose:
      switch:
        - red: { when: '\${ .colour == "red" }', then: paint }
        - blue: { when: '\${ .colour == "blue" }', then: end }
        - other: { then: exit }
  - skipped: { set: { painted: never } }
  - paint: { set: { painted: '\${ .colour }' } }`;
    expect(await run(body, { colour: 'red' })).toEqual({ painted: 'red' });
    expect(await run(body, { colour: 'blue' })).toEqual({ colour: 'blue' });
    expect(await run(body, { colour: 'green' })).toEqual({ colour: 'green' });
  });

  test('for: each iteration starts from the one before; item, index, while; keys differ', async () => {
    calls.length = 0;
    const body = `
  - loop:
      input: { from: { seen: [] } }
      for: { each: colour, in: '\${ ["a", "b", "c"] }', at: i }
      while: '\${ (.seen | length) < 2 }'
      do:
        - keep: { set: { seen: '\${ .seen + [[$colour, $i]] }' } }
        - tell: { call: 'echo:1.0.0@default', with: '\${ . }' }`.replace(
      "with: '${ . }'",
      "with: { seen: '${ .seen }' }",
    );
    expect(await run(body)).toEqual({
      seen: [
        ['a', 0],
        ['b', 1],
      ],
    });
    expect(new Set(calls.map(({ key }) => key)).size).toBe(2);
  });

  test('fork joins in declared order', async () => {
    const body = `
  - both:
      fork:
        branches:
          - late: { do: [{ one: { call: 'echo:1.0.0@default', with: { n: 1 } } }, { two: { call: 'echo:1.0.0@default', with: { n: 2 } } }] }
          - early: { set: { n: 3 } }`;
    expect(await run(body)).toEqual([{ n: 2 }, { n: 3 }]);
  });

  test('try catches, the handler sees the error; without try the workflow faults with the pointer', async () => {
    const guarded = `
  - careful:
      try: [{ call: { call: 'broken:1.0.0@default' } }]
      catch: { as: problem, do: [{ tell: { set: { title: '\${ $problem.title }', at: '\${ $problem.instance }', had: '\${ .x }' } } }] }
  - after: { set: { then: '\${ . }' } }`;
    expect(await run(guarded, { x: 1 })).toEqual({
      then: { title: 'the line is down', at: '/do/0/careful/try/0/call', had: 1 },
    });
    const bare = "  - inner: { do: [{ call: { call: 'broken:1.0.0@default' } }] }";
    await expect(run(bare)).rejects.toMatchObject({
      code: 'WORKFLOW_FAULTED',
      details: { task: '/do/0/inner/do/0/call' },
    });
  });

  test('raise, end inside a body, unknown function, failing expression', async () => {
    await expect(
      run("  - stop: { raise: { error: { type: urn:x, status: 418, title: '${ .t }' } } }", { t: 'teapot' }),
    ).rejects.toMatchObject({
      details: { fault: { type: 'urn:x', status: 418, title: 'teapot', instance: '/do/0/stop' } },
    });
    const ends = '  - inner: { do: [{ stop: { set: { x: 1 }, then: end } }] }\n  - never: { set: { x: 2 } }';
    expect(await run(ends)).toEqual({ x: 1 });
    await expect(run("  - a: { call: 'constructor:1.0.0@default' }")).rejects.toMatchObject({
      code: 'WORKFLOW_INVALID',
      details: { where: '/do/0/a/call' },
    });
    await expect(run("  - a: { set: { x: '${ .a.b.c | error }' } }", {})).rejects.toMatchObject({
      details: { fault: { detail: 'WORKFLOW_EXPRESSION' } },
    });
  });
});

describe('time and life', () => {
  test('a wait runs on the given clock; the instance is busy or asleep as its activity says', async () => {
    const clock = simulatedClock();
    let active = 0;
    const activity = {
      begin: () => {
        active += 1;
      },
      end: () => {
        active -= 1;
      },
    };
    const body =
      "  - pause: { wait: '${ .for }' }\n  - after: { call: 'echo:1.0.0@default', with: { x: 1 } }";
    let ended = false;
    const done = engine
      .run(workflow(body), { for: 'PT1H30M' }, { clock, meta: { activity } })
      .then(({ output }) => {
        ended = true;
        return output;
      });
    for (let i = 0; i < 10; i += 1) await settle();
    expect(active).toBe(0);
    expect(engine.instances()).toMatchObject([{ workflow: 'test/probe', active: ['pause', 'pause.pause'] }]);
    clock.increment(5_399_999);
    for (let i = 0; i < 10; i += 1) await settle();
    expect(ended).toBe(false);
    clock.increment(1);
    expect(await done).toEqual({ x: 1 });
    await settle();
    expect(active).toBe(0);
    expect(engine.instances()).toEqual([]);
  });

  test('cancel aborts the effect and ends the run', async () => {
    const gate = Promise.withResolvers<void>();
    hold = gate.promise;
    const controller = new AbortController();
    const body = "  - work: { call: 'slow:1.0.0@default' }";
    const done = engine.run(workflow(body), null, { clock: simulatedClock(), signal: controller.signal });
    await settle();
    controller.abort();
    await expect(done).rejects.toMatchObject({ code: 'WORKFLOW_CANCELLED' });
    gate.resolve();
  });

  test('progress tells each task in order', async () => {
    const seen: string[] = [];
    const body = '  - a: { set: { x: 1 } }\n  - b: { do: [{ c: { set: { x: 2 } } }] }';
    await engine.run(workflow(body), null, {
      clock: simulatedClock(),
      onProgress: ({ type, name }) => seen.push(`${name} ${type.slice(5)}`),
    });
    expect(seen).toEqual([
      'a started',
      'a completed',
      'b started',
      'c started',
      'c completed',
      'b completed',
    ]);
  });

  test('an endless expression is stopped, and the next one works', { timeout: 15_000 }, async () => {
    await expect(
      run("  - a: { set: { x: '${ [limit(1; repeat(.)) | select(false)] | last(range(1e12)) }' } }"),
    ).rejects.toMatchObject({
      details: { fault: { detail: 'WORKFLOW_EXPRESSION' } },
    });
    expect(await run("  - a: { set: { x: '${ [1, 2] | add }' } }")).toEqual({ x: 3 });
  });
});

describe('documents', () => {
  test.each([
    ['  - a: { frobnicate: 1 }', /line 3 .*no known kind/],
    ['  - a: { set: { x: 1 } }\n  - a: { set: { x: 2 } }', /same name/],
    ['  - a: { set: { x: 1 }, then: nowhere }', /no task "nowhere"/],
    ['  - a: { call: x, wiht: {} }', /line 3/],
    ['  - a: { call: x }', /line 3 .*no function "x"/],
    ['  - a: { run: { container: { image: x } } }', /line 3 .*containers are not run here/],
    ['  - a: { run: { shell: { command: ls } } }', /--allow-run shell/],
    ['  - a: { try: [{ b: { wait: PT1S } }], catch: { retry: often } }', /no "often" under use.retries/],
    ['  - [', /line/],
  ])('%s is refused with the place', (body, pattern) => {
    try {
      workflow(body);
    } catch (error) {
      expect((error as NetAgentError).code).toBe('WORKFLOW_INVALID');
      expect((error as NetAgentError).message).toMatch(pattern);
      return;
    }
    throw new Error('accepted');
  });

  const agents = resolve(import.meta.dirname, '../../agents');
  const folders = readdirSync(agents, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('workflows'),
  );
  test.each(folders)('the templates of agents/%s compile', (folder) => {
    const templates = loadTemplates(join(agents, folder));
    expect(templates.size).toBeGreaterThan(0);
    for (const [name, { machine, document }] of templates) {
      expect(document.document.name).toBe(name);
      expect(Object.keys(machine.states)).toEqual(
        expect.arrayContaining(document.do.flatMap((task) => Object.keys(task))),
      );
    }
  });
});
