import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { planOf, readFeature } from '../ctk.ts';
import { interpret } from './interpreter.ts';
import { byReference, drive } from './sides.ts';
import { virtualClock } from './time.ts';

/** The reference itself is held against the conformance kit, and against times counted by hand. */
const FEATURES = resolve(import.meta.dirname, '../../../../shared/data/workflow-ctk/features');
const scenarios = existsSync(FEATURES)
  ? readdirSync(FEATURES)
      .flatMap((file) => readFeature(readFileSync(join(FEATURES, file), 'utf8')))
      .map((scenario) => ({ name: scenario.name, ...planOf(scenario) }))
      .filter(({ definition }) => !/call: (http|openapi)/.test(definition))
  : [];

test.each(scenarios)('conformance: $name', async ({ definition, input, expectations }) => {
  const started: string[] = [];
  const clock = virtualClock();
  const run = interpret(parse(definition), input, {
    clock,
    functions: {},
    publish: () => {},
    random: () => 0.5,
    started: (name) => void started.push(name),
  });
  const outcome = await drive(clock, run);
  const { output, fault } = { output: undefined, fault: undefined, ...outcome };
  for (const expectation of expectations) {
    const { actual, expected } = expectation({ output, fault, started });
    expect(actual).toEqual(expected);
  }
});

const BASE = 'https://open-workflow-specification.org/spec/1.0.0/errors';
const down = { type: `${BASE}/communication`, status: 503, title: 'down' };
const probe = (delay: number, faults = 0) => ({
  delay,
  value: { ok: 1 },
  faults,
  fault: down,
  branch: 'main',
});
const behaviours = { quick: probe(0), slow: probe(10_000), twice: probe(100, 2), never: probe(100, 99) };
const call = (id: keyof typeof behaviours) => `{ call: 'probe:1.0.0@default', with: { id: ${id} } }`;

async function run(body: string, rest = '') {
  const text = `document: { dsl: 1.0.3, namespace: test, name: fixed, version: 1.0.0 }\n${rest}\ndo:\n${body}`;
  const {
    effects,
    events: _,
    ...seen
  } = await byReference({
    document: parse(text),
    input: { n: 1 },
    behaviours,
  });
  return { ...seen, calls: effects.map(({ at }) => at) };
}

describe('times and paths counted by hand', () => {
  const retry = (policy: string, more = '') =>
    `  - a: { try: [{ ask: ${call('never')} }], catch: { retry: ${policy}${more} } }`;
  const fault = { type: `${BASE}/communication`, status: 503, instance: '/do/0/a/try/0/ask' };

  test('a policy that gives up passes the error on, at once where nothing handles it', async () => {
    const constant = '{ delay: { seconds: 1 }, limit: { attempt: { count: 2 } } }';
    expect(await run(retry(constant))).toEqual({ fault, ended: 2_300, calls: [0, 1_100, 2_200] });
    expect(
      await run(retry(constant, ', do: [{ b: { set: { at: "${ $error.instance }" } } }]')),
    ).toMatchObject({
      output: { at: '/do/0/a/try/0/ask' },
      ended: 2_300,
    });
  });

  test.each([
    ['linear: {}', 6_400],
    ['exponential: {}', 7_400],
    ['constant: {}', 3_400],
  ])('backoff %s', async (backoff, ended) => {
    const policy = `{ delay: PT1S, backoff: { ${backoff} }, limit: { attempt: { count: 3 } } }`;
    expect(await run(retry(policy))).toMatchObject({ fault, ended });
  });

  test('jitter is added; a retry that succeeds is the output', async () => {
    const body = `  - a: { try: [{ ask: ${call('twice')} }], catch: { retry: again } }`;
    const use =
      'use: { retries: { again: { jitter: { from: PT1S, to: PT3S }, limit: { attempt: { count: 2 } } } } }';
    expect(await run(body, use)).toEqual({ output: { ok: 1 }, ended: 4_300, calls: [0, 2_100, 4_200] });
  });

  test('the first of competing branches stops the others', async () => {
    const body = `  - a: { fork: { compete: true, branches: [{ x: ${call('slow')} }, { y: { do: [{ w: { wait: PT2S } }, { z: ${call('quick')} }] } }] } }`;
    expect(await run(body)).toEqual({ output: { ok: 1 }, ended: 2_000, calls: [0, 2_000] });
  });

  test('timeouts of a task can be caught, of the workflow not', async () => {
    const body = `  - a: { try: [{ ask: { do: [{ b: ${call('slow')} }], timeout: { after: PT3S } } }], catch: { errors: { with: { type: https://serverlessworkflow.io/spec/1.0.0/errors/timeout } }, then: c } }
  - b: { set: { never: 1 } }
  - c: { set: { n: '\${ .n }', caught: true } }`;
    expect(await run(body)).toMatchObject({ output: { n: 1, caught: true }, ended: 3_000 });
    expect(await run(body, 'timeout: { after: { seconds: 2 } }')).toMatchObject({
      fault: { type: `${BASE}/timeout`, status: 408 },
      ended: 2_000,
    });
  });

  test('named errors and functions; schemas', async () => {
    const use = `use:
  errors: { full: { type: 'https://example.com/full', status: 507 } }
  functions: { double: { input: { schema: { format: json, document: { required: [n] } } }, set: { n: '\${ .n * 2 }' } } }`;
    expect(await run("  - a: { call: double, with: { n: '${ .n + 1 }' } }", use)).toMatchObject({
      output: { n: 4 },
    });
    expect(await run('  - a: { call: double, with: { m: 1 } }', use)).toMatchObject({
      fault: { status: 400 },
    });
    expect(await run('  - a: { raise: { error: full } }', use)).toMatchObject({
      fault: { type: 'https://example.com/full', status: 507, instance: '/do/0/a' },
    });
  });
});
