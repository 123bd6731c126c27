import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { NetAgentError } from '../../machines/failure.ts';
import { compileWorkflow, createEngine, createEventBus } from '../../src/workflow/index.ts';
import { type Observed, planOf, readFeature } from './ctk.ts';
import { simulatedClock, testEnv } from './kit.ts';

/** The conformance kit of the DSL 1.0.3. */
const FEATURES = resolve(import.meta.dirname, '../../../shared/data/workflow-ctk/features');
const scenarios = existsSync(FEATURES)
  ? readdirSync(FEATURES)
      .sort()
      .flatMap((file) =>
        readFeature(readFileSync(join(FEATURES, file), 'utf8')).map((scenario) => ({
          name: `${file}: ${scenario.name}`,
          scenario,
        })),
      )
  : [];

const HTTP = 'agents reach the network through NetMCP tools alone, so there is no HTTP call';
const OPENAPI = 'agents reach the network through NetMCP tools alone, so there is no OpenAPI call';
/** What this engine leaves out of the DSL, why, and what the document gets instead of silence. */
const LEFT_OUT: Record<string, { why: string; code: 'WORKFLOW_INVALID' }> = {
  'call.feature: Call HTTP With Content Output': { why: HTTP, code: 'WORKFLOW_INVALID' },
  'call.feature: Call HTTP With Response Output': { why: HTTP, code: 'WORKFLOW_INVALID' },
  'call.feature: Call HTTP Using Basic Authentication': { why: HTTP, code: 'WORKFLOW_INVALID' },
  'call.feature: Call OpenAPI With Content Output': { why: OPENAPI, code: 'WORKFLOW_INVALID' },
  'call.feature: Call OpenAPI With Response Output': { why: OPENAPI, code: 'WORKFLOW_INVALID' },
  'try.feature: Try Handle Caught Error': { why: HTTP, code: 'WORKFLOW_INVALID' },
  'try.feature: Try Raise Uncaught Error': { why: HTTP, code: 'WORKFLOW_INVALID' },
  'data-flow.feature: Output Filtering': { why: HTTP, code: 'WORKFLOW_INVALID' },
  'data-flow.feature: Use Non-object Output': { why: HTTP, code: 'WORKFLOW_INVALID' },
};

const env = testEnv();
const engine = createEngine({ env, functions: {}, events: createEventBus({ log: env.log }) });
afterAll(() => engine.close());

async function observe(definition: string, input: unknown): Promise<Observed> {
  const started: string[] = [];
  const observed: Observed = { output: undefined, fault: undefined, started };
  try {
    const { output } = await engine.run(compileWorkflow(definition), input, {
      clock: simulatedClock(),
      onProgress: ({ type, name }) => {
        if (type === 'task.started') started.push(name);
      },
    });
    return { ...observed, output };
  } catch (error) {
    if (!(error instanceof NetAgentError) || error.code !== 'WORKFLOW_FAULTED') throw error;
    return { ...observed, fault: error.details.fault as Record<string, unknown> };
  }
}

describe('the conformance kit of the DSL', () => {
  test('is read whole, and what is left out is named', ({ skip }) => {
    skip(scenarios.length === 0, 'the conformance kit is not here');
    expect(scenarios.length).toBeGreaterThan(20);
    expect(scenarios.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(LEFT_OUT)));
  });

  test.each(scenarios.filter(({ name }) => LEFT_OUT[name] === undefined))('$name', async ({ scenario }) => {
    const { definition, input, expectations } = planOf(scenario);
    expect(expectations).not.toEqual([]);
    const observed = await observe(definition, input);
    for (const expectation of expectations) {
      const { actual, expected } = expectation(observed);
      expect(actual).toEqual(expected);
    }
  });

  test.each(
    scenarios.flatMap(({ name, scenario }) => {
      const left = LEFT_OUT[name];
      return left === undefined ? [] : [{ name, scenario, ...left }];
    }),
  )('left out and refused: $name ($why)', async ({ scenario, code }) => {
    const { definition, input } = planOf(scenario);
    const run = async () => engine.run(compileWorkflow(definition), input, { clock: simulatedClock() });
    await expect(run()).rejects.toMatchObject({ code });
  });
});
