import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { NetAgentError } from '../../../src/errors.ts';
import { createCalls } from '../../../src/workflow/calls/index.ts';
import { compileWorkflow, createEngine } from '../../../src/workflow/index.ts';
import { type Observed, planOf, readFeature } from '../ctk.ts';
import { settableEnv } from './kit.ts';

/** Scenarios of the conformance kit of the DSL 1.0.3 that call services; these are played here. */
const FEATURES = resolve(import.meta.dirname, '../../../../shared/data/workflow-ctk/features');
const scenarios = existsSync(FEATURES)
  ? readdirSync(FEATURES)
      .sort()
      .flatMap((file) => readFeature(readFileSync(join(FEATURES, file), 'utf8')))
      .filter(({ steps }) => steps.some(({ document }) => /call: (http|openapi)/.test(document ?? '')))
  : [];

const PETS = [1, 2, 3].map((id) => ({ id, name: `pet ${id}`, status: 'available' }));
const SWAGGER = {
  swagger: '2.0',
  host: 'petstore.swagger.io',
  basePath: '/v2',
  schemes: ['https', 'http'],
  paths: {
    '/pet/findByStatus': {
      get: {
        operationId: 'findPetsByStatus',
        parameters: [
          { name: 'status', in: 'query', required: true, type: 'array', collectionFormat: 'multi' },
        ],
      },
    },
    '/pet/{petId}': {
      get: {
        operationId: 'getPetById',
        parameters: [{ name: 'petId', in: 'path', required: true, type: 'integer' }],
      },
    },
  },
};

/** A pet store, and a place that lets in whom it names. */
async function services(to: string | URL, init?: RequestInit): Promise<Response> {
  const { host, pathname, searchParams } = new URL(to);
  if (host === 'httpbin.org') {
    const [, , name, password] = pathname.split('/');
    const expected = `Basic ${btoa(`${name}:${password}`)}`;
    const known = new Headers(init?.headers).get('authorization') === expected;
    return Response.json({ authenticated: known }, { status: known ? 200 : 401 });
  }
  if (pathname === '/v2/swagger.json') return Response.json(SWAGGER);
  if (pathname === '/v2/pet/findByStatus') {
    return Response.json(PETS.filter(({ status }) => status === searchParams.get('status')));
  }
  const pet = PETS.find(({ id }) => pathname === `/v2/pet/${id}`);
  return pet === undefined ? Response.json({ message: 'not found' }, { status: 404 }) : Response.json(pet);
}

const env = settableEnv();
const calls = createCalls({ env, policy: { allow: [] }, fetch: services });
const engine = createEngine({ env, functions: {}, calls });
afterAll(async () => {
  await engine.close();
  await calls.close();
});

async function observe(definition: string, input: unknown): Promise<Observed> {
  const observed: Observed = { output: undefined, fault: undefined, started: [] };
  try {
    const { output } = await engine.run(compileWorkflow(definition), input);
    return { ...observed, output };
  } catch (error) {
    if (!(error instanceof NetAgentError) || error.code !== 'WORKFLOW_FAULTED') throw error;
    return { ...observed, fault: error.details.fault as Record<string, unknown> };
  }
}

describe('scenarios of the conformance kit that call services', () => {
  test('are all there', ({ skip }) => {
    skip(scenarios.length === 0, 'the conformance kit is not here');
    expect(scenarios.length).toBe(9);
  });

  test.each(scenarios.map((scenario) => ({ name: scenario.name, scenario })))(
    '$name',
    async ({ scenario }) => {
      const { definition, input, expectations } = planOf(scenario);
      expect(expectations).not.toEqual([]);
      const observed = await observe(definition, input);
      for (const expectation of expectations) {
        const { actual, expected } = expectation(observed);
        expect(actual).toEqual(expected);
      }
    },
  );
});
