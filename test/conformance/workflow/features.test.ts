import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { planOf, readFeature } from '../../workflow/ctk.ts';
import { openPeers, type Peers } from './peers.ts';
import { observe } from './run.ts';

/** What the conformance kit of the DSL leaves out, in its own language. */
const scenarios = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.feature'))
  .sort()
  .flatMap((file) =>
    readFeature(readFileSync(join(import.meta.dirname, file), 'utf8')).map((scenario) => ({
      name: `${file.replace('.feature', '')}: ${scenario.name}`,
      scenario,
    })),
  );

/** Definitions of these features begin with `do`, or what is before it. */
const HEAD = 'document: { dsl: 1.0.3, namespace: test, name: scenario, version: 1.0.0 }\n';

let peers: Peers;
beforeAll(async () => {
  peers = await openPeers();
});
afterAll(() => peers.close());

describe('the DSL beyond its conformance kit', () => {
  test.each(scenarios)('$name', async ({ scenario }) => {
    const steps = scenario.steps.map(({ text, document }) => ({
      text,
      document: document === undefined ? undefined : peers.placed(document),
    }));
    const { definition, input, expectations, around } = planOf({ ...scenario, steps });
    expect(expectations).not.toEqual([]);
    const observed = await observe(HEAD + definition, input, around, peers);
    for (const expectation of expectations) {
      const { actual, expected } = expectation(observed);
      expect(actual).toEqual(expected);
    }
  });
});
