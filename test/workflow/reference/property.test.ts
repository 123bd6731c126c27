import * as fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { anyCase, type Case } from './arbitrary.ts';
import { byReference, engineSide, type Seen } from './sides.ts';

/** RUNS=5000 looks longer; a failure shows its seed, which goes to SEED. */
const RUNS = Number(process.env.RUNS ?? 150);
const SEED = process.env.SEED === undefined ? {} : { seed: Number(process.env.SEED) };

const engine = engineSide();
afterAll(() => engine.close());

/** What must be the same on both sides; prototypes and absent keys are not. */
const plain = (seen: Seen) => {
  const effects = [...seen.effects].sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
  return JSON.parse(JSON.stringify({ ...seen, effects }));
};
const byBranch = ({ effects }: Seen) => Object.groupBy(effects, ({ branch }) => branch);

async function same(one: Case): Promise<void> {
  const [expected, actual] = [await byReference(one), await engine.run(one)];
  expect(plain(actual)).toEqual(plain(expected));
  expect(byBranch(actual)).toEqual(byBranch(expected));
}

describe('random documents', () => {
  test('the engine and the reference see the same', { timeout: 120_000 }, async () => {
    await fc.assert(fc.asyncProperty(anyCase, same), {
      numRuns: RUNS,
      ...SEED,
      reporter({ failed, counterexample, seed, errorInstance }) {
        if (!failed) return;
        throw new Error(`seed ${seed}\n${stringify(counterexample?.[0])}`, { cause: errorInstance });
      },
    });
  });
});
