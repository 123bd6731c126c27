import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { Point } from '../kill/fate.ts';
import { anyCase, type Case } from './arbitrary.ts';
import { byMortals, byReference, engineSide, type Seen } from './sides.ts';

/** RUNS=5000 looks longer; a failure shows its seed, which goes to SEED. */
const RUNS = Number(process.env.RUNS ?? 60);
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

const deaths = fc.array(
  fc.record({
    kind: fc.constant('commit' as const),
    when: fc.constantFrom('before' as const, 'after' as const),
    nth: fc.integer({ min: 1, max: 8 }),
  }),
  { minLength: 1, maxLength: 3 },
);

async function sameThough(one: Case, points: Point[]): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'mortal-'));
  try {
    const { seen } = await byMortals(one, points, dir);
    expect(plain(seen)).toEqual(plain(await byReference(one)));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const shown = <T>({ failed, counterexample, seed, errorInstance }: fc.RunDetails<T>) => {
  if (failed) throw new Error(`seed ${seed}\n${stringify(counterexample)}`, { cause: errorInstance });
};

describe('random documents', () => {
  test('the engine and the reference see the same', { timeout: 60_000 + 500 * RUNS }, async () => {
    await fc.assert(fc.asyncProperty(anyCase, same), {
      numRuns: RUNS,
      ...SEED,
      reporter: shown,
    });
  });

  test('so do engines that die and are taken over', { timeout: 60_000 + 500 * RUNS }, async () => {
    await fc.assert(fc.asyncProperty(anyCase, deaths, sameThough), {
      numRuns: Math.ceil(RUNS / 5),
      ...SEED,
      reporter: shown,
    });
  });
});
