import { expect, test } from 'vitest';
import { createDualEngine, smallPart, startTrial } from '../../src/explore/index.ts';
import { seeded } from './functions.ts';
import { libraryAt, limits, openWorld, quiet, shippedRules, uplinkBounds, uplinkSituation } from './kit.ts';

const TRIAL = { looks: 3, lookSeconds: 20 };
const SMALL = { cells: 6, subscribers: 0 };

/** A world in which the rule does not reach, and what the engine decides there. */
async function decided(change?: Parameters<typeof openWorld>[1]) {
  const world = openWorld(undefined, change);
  const { live, clock, sandboxes, scope } = world;
  await world.step(15);
  const kpis = await world.until(live.measure(scope, 10, new AbortController().signal));
  const library = libraryAt(() => clock.now());
  const situation = uplinkSituation(scope, kpis);
  const engine = (seed: number) =>
    createDualEngine({
      rules: shippedRules,
      library,
      sandbox: sandboxes.open(),
      random: seeded(seed),
      clock,
      log: quiet,
    });
  const decision = await engine(1).decide({ situation, bounds: uplinkBounds, limits });
  const trial = () =>
    startTrial(
      { sandboxes, live, library, random: seeded(2), clock, log: quiet },
      {
        id: 'trial-1',
        situation,
        limits,
        parameters: decision.parameters ?? {},
        evidence: decision.evidence,
        small: smallPart(scope, SMALL),
        approval: decision.approval,
        options: TRIAL,
      },
    );
  return { ...world, library, situation, decision, trial, engine };
}

test('under strong interference the rule does not reach; the explorer finds power control that lifts the cell edge, which is tried small, kept and remembered', async () => {
  const { decision, trial, until, network, library, situation, engine, scope } = await decided();
  expect(decision.considered).toContainEqual({
    source: 'rule',
    id: 'uplink-interference',
    verdict: expect.stringMatching(/^does not reach: iotDb [\d.]+ is not in 1 \.\. 3$/),
  });
  expect(decision.source).toBe('explorer');
  expect(decision.expected?.low).toBeGreaterThan(0.05);

  const { p0, alpha } = network.deployed.grid.columns.cells;
  const set = () => p0.filter((value) => !Number.isNaN(value)).length;
  const seen: number[] = [];
  network.observers.add(() => {
    if (seen.at(-1) !== set()) seen.push(set());
  });
  const outcome = await until(trial().outcome);
  expect(outcome).toMatchObject({ outcome: 'kept', stage: 'wide' });
  // Nothing, then a few cells, then all.
  expect(seen).toEqual([0, SMALL.cells, scope.cells.length]);
  expect(alpha[0]).toBeCloseTo(decision.parameters?.ulAlpha as number, 5);

  const [kept] = library.list();
  expect(kept).toMatchObject({ parameters: decision.parameters, withdrawn: null });
  expect(kept?.evidence.map(({ where }) => where)).toEqual(['sandbox', 'live']);
  expect(kept?.evidence[1]?.gain.mean).toBeGreaterThan(0.05);

  // The next time it is experience, at the price of the gate alone. The network has the parameters already: ask of the time before.
  network.control.cells.remove('trial-1');
  const again = await engine(3).decide({ situation, bounds: uplinkBounds, limits });
  expect(again).toMatchObject({ source: 'experience', id: kept?.id, parameters: decision.parameters });
  expect(again.evaluations).toBe(2 * limits.futures);
});

test('where the live network does worse than the sandbox said, all is taken back and the case is withdrawn', async () => {
  const { decision, trial, until, network, library, situation, engine } = await decided(({ description }) => {
    // Nobody can foresee this: it comes while the trial watches.
    description.events.push({
      kind: 'overload',
      site: 'macro',
      from: 100,
      until: 100_000,
      dlPercent: 0,
      ulPercent: 80,
    });
  });
  expect(decision.source).toBe('explorer');
  const outcome = await until(trial().outcome);
  expect(outcome.outcome).toBe('rolledBack');
  expect(outcome.reason).toMatch(/a guard is broken|the sandbox said at least/);
  expect(network.deployed.grid.columns.cells.p0.every(Number.isNaN)).toBe(true);
  expect(library.list()).toMatchObject([{ parameters: decision.parameters, withdrawn: outcome.reason }]);

  const again = await engine(1).decide({ situation, bounds: uplinkBounds, limits });
  expect(again.source).not.toBe('experience');
  expect(again.parameters).not.toEqual(decision.parameters);
});
