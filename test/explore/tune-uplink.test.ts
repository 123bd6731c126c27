import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readRules, SHIPPED_RULES } from '../../src/explore/index.ts';
import { NetworkTime } from '../../src/runtime/network-time.ts';
import { createSandboxes } from '../../src/runtime/sandbox.ts';
import { exploreFunction } from '../../src/runtime/workflows/explore.ts';
import { trialFunction } from '../../src/runtime/workflows/trial.ts';
import { compileWorkflow, createEngine } from '../../src/workflow/index.ts';
import { testEnv } from '../workflow/kit.ts';
import { seeded } from './functions.ts';
import { ids, libraryAt, openWorld, quiet } from './kit.ts';

const TEMPLATE = new URL('../../agents/central/workflows/tune-uplink.yaml', import.meta.url);

test('the template explores where no rule reaches, and tries what it finds in the live network', async () => {
  const { network, live, scope } = openWorld();
  const time = new NetworkTime({
    start: network.now,
    advance: async (t) => network.advanceTo(t),
    mode: 'lockstep',
    wall: { now: () => 0, setTimeout: () => 0, clearTimeout: () => undefined },
    onError: (error) => expect(error).toBeUndefined(),
  });
  const sandboxes = createSandboxes(() => live.copy());
  const library = libraryAt(() => time.now());
  const env = { clock: time, random: seeded(2), ids: ids(), log: quiet };
  const participant = time.join();
  const engine = createEngine({
    env: testEnv(),
    functions: {
      explore: exploreFunction({
        env,
        rules: readRules(readFileSync(SHIPPED_RULES, 'utf8'), 'rules'),
        library,
        sandboxes,
      }),
      trial: trialFunction({ env, clock: time, tuning: () => live, sandboxes, library }),
    },
  });
  const { output } = await engine.run(
    compileWorkflow(readFileSync(TEMPLATE, 'utf8')),
    { cellIds: scope.cells },
    { clock: participant.clock, meta: { participant, activity: participant.activity } },
  );
  const result = output as { outcome: string; source: string; parameters: { ulP0Dbm: number } };
  expect(['kept', 'rolledBack']).toContain(result.outcome);
  expect(result.source).toBe('explorer');
  const set = network.deployed.grid.columns.cells.p0.filter((value) => !Number.isNaN(value)).length;
  expect(set > 0).toBe(result.outcome === 'kept');
  // What came of it is remembered, either way.
  expect(library.list()).toHaveLength(1);
  participant.leave();
  await engine.close();
  await sandboxes.close();
});
