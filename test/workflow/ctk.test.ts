import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { NetAgentError } from '../../machines/failure.ts';
import { compileWorkflow, createCalls, createEngine, createEventBus } from '../../src/workflow/index.ts';
import { type Observed, planOf, readFeature } from './ctk.ts';
import { simulatedClock, testEnv } from './kit.ts';
import { petStore } from './pet-store.ts';

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

const env = testEnv();
const calls = createCalls({
  env,
  policy: { allow: ['petstore.swagger.io', 'httpbin.org'] },
  fetch: petStore,
  resolve: async () => [{ address: '192.0.2.1', family: 4 }],
});
const engine = createEngine({ env, functions: {}, calls, events: createEventBus({ log: env.log }) });
afterAll(async () => {
  await engine.close();
  await calls.close();
});

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
  test('is read whole', ({ skip }) => {
    skip(scenarios.length === 0, 'the conformance kit is not here');
    expect(scenarios.length).toBeGreaterThan(20);
  });

  test.each(scenarios)('$name', async ({ scenario }) => {
    const { definition, input, expectations } = planOf(scenario);
    expect(expectations).not.toEqual([]);
    const observed = await observe(definition, input);
    for (const expectation of expectations) {
      const { actual, expected } = expectation(observed);
      expect(actual).toEqual(expected);
    }
  });
});
