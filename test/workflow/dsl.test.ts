import { afterAll, describe, expect, test } from 'vitest';
import {
  type CloudEvent,
  compileWorkflow,
  createEngine,
  createEventBus,
  type Lifecycle,
  standardError,
} from '../../src/workflow/index.ts';
import { settle, simulatedClock, testEnv } from './kit.ts';

const env = testEnv();
const clock = simulatedClock();
const events = createEventBus({ log: env.log });
const told: Lifecycle[] = [];
let failures = 0;
const engine = createEngine({
  env,
  clock,
  events,
  functions: {
    async echo(input) {
      return input;
    },
    /** Fails as often as `failures` says, with a status. */
    async flaky(input) {
      if (failures > 0) {
        failures -= 1;
        throw standardError('communication', 'the peer is away', { status: 503 });
      }
      return input;
    },
    hang: (_, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))),
  },
  secret: (name) => (name === 'key' ? 'abc' : undefined),
  workflows: (namespace, name) =>
    namespace === 'test' && name === 'child'
      ? compileWorkflow(document('  - double: { set: "${ .n * 2 }" }', '', 'child'))
      : undefined,
  observe: (event) => told.push(event),
});
afterAll(() => engine.close());

const document = (body: string, head = '', name = 'probe') =>
  `document: { dsl: 1.0.3, namespace: test, name: ${name}, version: 1.0.0 }\n${head}do:\n${body}`;

/** Runs to the end; virtual time moves whenever nothing else does. */
async function run(body: string, input: unknown = {}, head = ''): Promise<unknown> {
  let ended = false;
  const result = engine.run(compileWorkflow(document(body, head)), input).finally(() => {
    ended = true;
  });
  result.catch(() => {});
  while (!ended) {
    for (let turn = 0; turn < 8; turn += 1) {
      await settle();
      await engine.idle();
    }
    if (!ended) clock.increment(500);
  }
  return (await result) && (await result).output;
}

const faultOf = async (...args: Parameters<typeof run>) =>
  run(...args).then(
    (output) => ({ output }),
    (error) => error.details.fault as { type: string; status: number; instance: string; title: string },
  );

describe('timeouts', () => {
  test('of a task: what runs in it is stopped, and the error is one that can be caught', async () => {
    const body = `
  - careful:
      try: [{ slow: { call: 'hang:1.0.0@default', timeout: { after: { seconds: 5 } } } }]
      catch:
        errors: { with: { type: 'https://serverlessworkflow.io/spec/1.0.0/errors/timeout', status: 408 } }
        as: e
        do: [{ tell: { set: { at: '\${ $e.instance }' } } }]`;
    expect(await run(body)).toEqual({ at: '/do/0/careful/try/0/slow' });
  });

  test('of a workflow, by name, with a length from its input', async () => {
    const head = 'timeout: short\nuse: { timeouts: { short: { after: "${ .limit }" } } }\n';
    const before = clock.now();
    expect(await faultOf('  - a: { wait: PT1H }', { limit: 'PT2S' }, head)).toMatchObject({
      status: 408,
      type: expect.stringMatching(/timeout$/),
    });
    expect(clock.now() - before).toBeLessThan(4_000);
  });
});

describe('try', () => {
  const retried = (retry: string, more = '') => `
  - careful:
      try: [{ ask: { call: 'flaky:1.0.0@default', with: { n: '\${ .n }' } } }]
      catch: { errors: { with: { status: 503 } }, retry: ${retry}${more} }`;

  test('retries from the original input, with a back-off, until it works', async () => {
    failures = 3;
    const before = clock.now();
    const policy =
      '{ delay: { seconds: 1 }, backoff: { exponential: {} }, limit: { attempt: { count: 5 } } }';
    expect(await run(retried(policy), { n: 7 })).toEqual({ n: 7 });
    expect(clock.now() - before).toBeGreaterThanOrEqual(7_000);
    expect(told.filter(({ type }) => type === 'task.retried')).toHaveLength(3);
  });

  test('a policy by name; the fault passes when its attempts are used up, or is handled', async () => {
    const head = 'use: { retries: { twice: { limit: { attempt: { count: 2 } } } } }\n';
    failures = 10;
    expect(await faultOf(retried('twice'), {}, head)).toMatchObject({
      status: 503,
      instance: '/do/0/careful/try/0/ask',
    });
    expect(failures).toBe(7);
    expect(await run(retried('twice', ', do: [{ give: { set: { up: true } } }]'), {}, head)).toEqual({
      up: true,
    });
    failures = 0;
  });

  test('when, exceptWhen and then of the catch', async () => {
    const caught = (more: string) => `
  - careful:
      try: [{ stop: { raise: { error: { type: urn:x, status: 409, title: no } } } }]
      catch: { as: e${more} }
      then: never
  - after: { set: { after: true }, then: exit }
  - never: { set: { never: true } }`;
    expect(await run(caught(', when: "${ $e.status == 409 }", then: after'))).toEqual({ after: true });
    expect(await faultOf(caught(', exceptWhen: "${ $e.status == 409 }"'))).toMatchObject({ status: 409 });
  });
});

describe('branches', () => {
  test('of a race: the winner gives the output, the losers are stopped', async () => {
    told.length = 0;
    const body = `
  - race:
      fork:
        compete: true
        branches:
          - slow: { call: 'hang:1.0.0@default' }
          - fast: { do: [{ pause: { wait: PT2S } }, { win: { set: { winner: fast } } }] }`;
    expect(await run(body)).toEqual({ winner: 'fast' });
    expect(told).toContainEqual(expect.objectContaining({ type: 'task.cancelled', name: 'slow' }));
  });
});

describe('events', () => {
  test('emit gives the event; who listens gets it, reads it, and handles each in order', async () => {
    const sent: CloudEvent[] = [];
    const stop = events.subscribe((event) => void sent.push(event));
    const body = `
  - both:
      fork:
        branches:
          - hear:
              listen:
                to: { any: [{ with: { type: reading } }], until: '\${ .[-1].value > 2 }' }
              foreach: { item: one, at: n, do: [{ shape: { set: { n: '\${ $n }', value: '\${ $one.value }' } } }] }
          - tell:
              do:
                - each:
                    for: { in: '\${ [1, 2, 3, 4] }', each: v }
                    do: [{ send: { emit: { event: { with: { type: reading, source: 'urn:meter', data: { value: '\${ $v }' } } } } } }]
      output: { as: '\${ .[0] }' }`;
    expect(await run(body)).toEqual([
      { n: 0, value: 1 },
      { n: 1, value: 2 },
      { n: 2, value: 3 },
    ]);
    expect(sent.map(({ id }) => id)).toEqual([...new Set(sent.map(({ id }) => id))]);
    expect(sent[0]).toMatchObject({ specversion: '1.0', source: 'urn:meter', data: { value: 1 } });
    stop();
  });
});

describe('functions, extensions, schemas, workflows', () => {
  test('a function of the document is called with its arguments', async () => {
    const head = `
use:
  functions:
    add: { set: { sum: '\${ .a + .b }' }, input: { schema: { document: { type: object, required: [a, b] } } } }
`;
    expect(await run('  - one: { call: add, with: { a: 1, b: "${ .x }" } }', { x: 2 }, head)).toEqual({
      sum: 3,
    });
    expect(await faultOf('  - one: { call: add, with: { a: 1 } }', {}, head)).toMatchObject({
      type: expect.stringMatching(/validation$/),
      instance: '/use/functions/add',
    });
  });

  test('an extension stands in for a call, where its condition holds', async () => {
    const head = `
use:
  extensions:
    - mock:
        extend: call
        when: '\${ .mock == true }'
        before: [{ instead: { set: { mocked: true }, then: exit } }]
`;
    const body = "  - ask: { call: 'echo:1.0.0@default', with: { real: true } }";
    expect(await run(body, { mock: true }, head)).toEqual({ mocked: true });
    expect(await run(body, { mock: false }, head)).toEqual({ real: true });
  });

  test('input and output of the workflow: schema, transformation, secrets', async () => {
    const head = `
input: { schema: { document: { type: object, required: [n] } }, from: '\${ { n: .n, key: $secrets.key } }' }
output: { as: '\${ .n }' }
use: { secrets: [key] }
`;
    expect(await run('  - a: { set: { n: "${ .key }" } }', { n: 1 }, head)).toBe('abc');
    expect(await faultOf('  - a: { set: { n: 1 } }', {}, head)).toMatchObject({
      status: 400,
      instance: '/input',
    });
  });

  test('a workflow as a step, waited for and not', async () => {
    const step = (more: string) =>
      `  - sub: { run: { workflow: { namespace: test, name: child, version: latest, input: { n: 21 } }${more} } }`;
    expect(await run(step(''))).toBe(42);
    expect(await run(step(', await: false'), { same: true })).toEqual({ same: true });
    await expect(run(step('').replace('name: child', 'name: other'))).rejects.toMatchObject({
      code: 'WORKFLOW_INVALID',
    });
  });
});
