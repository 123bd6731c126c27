import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  createDualEngine,
  type Kpis,
  type Limits,
  openLibrary,
  readRules,
  SHIPPED_RULES,
} from '../../src/explore/index.ts';
import { createSearch, minimise, type SearchName } from '../../src/explore/search/index.ts';
import { GridNetwork, LiveTuning, readWorld } from '../../src/network/worlds/index.ts';
import { createSandboxes } from '../../src/runtime/sandbox.ts';
import { branin, hartmann3, rosenbrock, seeded } from '../explore/functions.ts';

/**
 * `node test/bench/explore.ts`: evaluations a second of a sandbox in its thread; what the dual engine brings to the uplink
 * of the cell edge against expert rules alone, on worlds of 20 seeds with 40 to 130 uploaders, rated on futures
 * that the engine has not seen; the searches on functions whose minimum is known. Prints a table and one JSON
 * line with the goals.
 */
const SEEDS = Number(process.env.SEEDS ?? 20);
const UPLOADERS = [40, 70, 100, 130];
const RATED = 10;
const print = (line: string) => process.stdout.write(`${line}\n`);
const rules = readRules(readFileSync(SHIPPED_RULES, 'utf8'), 'rules.yaml');
const limits: Limits = {
  guards: [
    { kpi: 'meanUlMbps', direction: 'raise', most: 0.1, by: 'ratio' },
    { kpi: 'outageRatio', direction: 'lower', most: 0.02, by: 'difference' },
  ],
  blast: { cells: 50, subscribers: 0 },
  leastGain: 0.03,
  evaluations: 80,
  seconds: 20,
  futures: 5,
  tryRules: false,
};
const bounds = { ulP0Dbm: { min: -110, max: -60, step: 1 }, ulAlpha: { min: 0.4, max: 1, step: 0.1 } };
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const round = (value: number, digits = 1) => Number(value.toFixed(digits));

function worldAt(file: string, seed?: number, uploaders?: number) {
  const world = readWorld(file, seed);
  const group = world.description.groups.find(({ name }) => name === 'uploaders');
  if (group && uploaders) group.count = uploaders;
  const network = new GridNetwork(world);
  for (let i = 0; i < 30; i++) network.advanceTo(network.now + 1000);
  return { live: new LiveTuning(network), cells: network.deployed.cells.map(({ id }) => id), network };
}

async function speed(file: string, seconds: number, n: number) {
  const { live, cells, network } = worldAt(file);
  const pool = createSandboxes(() => live.copy());
  const sandbox = pool.open();
  const scope = { cells, subscribers: [] };
  await sandbox.evaluate({}, { scope, seconds, seed: 0 });
  const from = performance.now();
  for (let i = 0; i < n; i++) await sandbox.evaluate({ ulP0Dbm: -84 }, { scope, seconds, seed: i });
  const perSecond = (1000 * n) / (performance.now() - from);
  const { ueCount, cellCount } = network.deployed.grid;
  print(
    `${cellCount} cells, ${ueCount} UEs, ${seconds} s and 5 s to settle: ${perSecond.toFixed(1)} evaluations a second`,
  );
  await pool.close();
  return perSecond;
}

interface Row {
  rules: number;
  dual: number;
  source: string;
  evaluations: number;
  ms: number;
}

async function seedOf(seed: number): Promise<Row> {
  const { live, cells } = worldAt(
    resolve(import.meta.dirname, '../explore/edge.yaml'),
    seed,
    UPLOADERS[seed % UPLOADERS.length],
  );
  const pool = createSandboxes(() => live.copy());
  const sandbox = pool.open();
  const scope = { cells, subscribers: [] };
  const kpis = await sandbox.evaluate({}, { scope, seconds: limits.seconds, seed: 99 });
  const situation = { scope, kpis, goal: { kpi: 'edgeUlMbps', direction: 'raise' } } as const;
  const clock = { now: () => 0 };
  const cases = { get: () => undefined, put() {}, delete: () => false, list: () => [] };
  const parts = {
    library: openLibrary(cases, { clock, ids: { uuid: () => '' } }),
    sandbox,
    clock,
    log: { debug() {}, info() {}, warn() {}, error() {} },
  };
  const rated = async (parameters: Readonly<Record<string, number>> | null) => {
    const edges: number[] = [];
    for (let k = 0; k < RATED; k++) {
      const future: Kpis = await sandbox.evaluate(parameters ?? {}, { scope, seconds: 40, seed: 1e6 + k });
      edges.push(future.edgeUlMbps ?? 0);
    }
    return mean(edges);
  };
  // Rules alone: bounds without a parameter leave the explorer nothing to look for.
  const byRule = await createDualEngine({ ...parts, rules, random: seeded(seed) }).decide({
    situation,
    bounds,
    limits: { ...limits, evaluations: 0 },
  });
  const from = performance.now();
  // Rules are held to the gate: what reaches but does not help falls through to the explorer.
  const dual = await createDualEngine({ ...parts, rules, random: seeded(seed) }).decide({
    situation,
    bounds,
    limits: { ...limits, tryRules: true },
  });
  const ms = performance.now() - from;
  const before = await rated(null);
  const row = {
    rules: (await rated(byRule.source === 'rule' ? byRule.parameters : null)) / before - 1,
    dual: (await rated(dual.parameters)) / before - 1,
    source: dual.source,
    evaluations: dual.evaluations,
    ms,
  };
  print(
    `seed ${seed}: interference ${round(kpis.iotDb ?? 0)} dB; rules ${round(100 * row.rules)} %, dual ${round(100 * row.dual)} % (${row.source}, ${dual.evaluations} evaluations, ${ms.toFixed(0)} ms)`,
  );
  await pool.close();
  return row;
}

/** Share of 20 seeds on which a search comes within `within` of the least value. */
function hits(
  name: SearchName,
  of: (x: readonly number[]) => number,
  dimensions: number,
  budget: number,
  least: number,
  within: number,
) {
  let count = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const { value } = minimise(createSearch(name, { dimensions }, seeded(seed)), of, budget);
    if (value - least < within) count++;
  }
  return count / 20;
}

const small = await speed(resolve(import.meta.dirname, '../explore/edge.yaml'), 30, 60);
const city = await speed('city', 30, 10);
const rows: Row[] = [];
for (let seed = 1; seed <= SEEDS; seed++) rows.push(await seedOf(seed));
const gains = rows.map(({ rules: alone, dual }) => 100 * (dual - alone));
const spread = Math.sqrt(
  gains.reduce((sum, gain) => sum + (gain - mean(gains)) ** 2, 0) / (gains.length - 1),
);
const low = mean(gains) - (2.1 * spread) / Math.sqrt(gains.length);
const goal = (name: string, value: number, unit: string, least: number) => ({
  name,
  value: round(value),
  unit,
  goal: `>= ${least}`,
  ok: value >= least,
});
const searches = {
  'Branin within 0.05 in 40 evaluations, Bayesian': hits('bayesian', branin, 2, 40, 0.397887, 0.05),
  'Hartmann3 within 0.02 in 40 evaluations, Bayesian': hits('bayesian', hartmann3, 3, 40, -3.86278, 0.02),
  'Rosenbrock in 5 dimensions within 0.001 in 4,000 evaluations, evolutionary': hits(
    'evolutionary',
    rosenbrock,
    5,
    4000,
    0,
    1e-3,
  ),
  'Branin within 0.05 in 40 evaluations, chance': hits('uniform', branin, 2, 40, 0.397887, 0.05),
};
for (const [name, share] of Object.entries(searches)) print(`${name}: ${100 * share} % of seeds`);
print(
  `edge uplink: rules alone ${round(100 * mean(rows.map((row) => row.rules)))} %, dual ${round(100 * mean(rows.map((row) => row.dual)))} %; gain ${round(mean(gains))} points, 95 % from ${round(low)}; worst ${round(Math.min(...gains))}; decision ${round(mean(rows.map(({ ms }) => ms)))} ms`,
);
print(
  JSON.stringify({
    bench: 'explore',
    goals: [
      goal('evaluations of the sandbox, 21 cells and 141 UEs, 30 s', small, '1/s', 20),
      goal('evaluations of the sandbox, world city, 30 s', city, '1/s', 1),
      goal('edge uplink rate over rules alone, mean of the seeds', mean(gains), 'points', 10),
      goal('the same, low end of the 95 % interval', low, 'points', 5),
      goal(
        'Branin found by the Bayesian search',
        100 * searches['Branin within 0.05 in 40 evaluations, Bayesian'],
        '% of seeds',
        95,
      ),
    ],
  }),
);
