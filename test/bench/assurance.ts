import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { resolve } from 'node:path';
import type { Outcome } from '../../src/runtime/outcome.ts';
import { freshDataDir, lines, NOW, ROOT, runCli, SENTENCE } from '../scenario/run-cli.ts';

/**
 * `npm run bench:assurance`: the paper's journey on ten seeds and on the measured drives, each assured and
 * unassured in the same run. Prints a table and one JSON line with the goals.
 */
const SEEDS = Array.from({ length: 10 }, (_, index) => index + 1);
const TRACES = ['driving-download-8cells.csv', 'driving-download-weak-coverage.csv']
  .map((name) => ({ name, file: resolve(ROOT, '../shared/data/radio/ucc-5g-ireland', name) }))
  .filter(({ file }) => existsSync(file));

interface Row {
  name: string;
  wallS: number;
  outcome: Outcome;
}

async function measure(name: string, args: string[]): Promise<Row> {
  const before = performance.now();
  const run = await runCli([
    'start',
    '--once',
    '--json',
    '--now',
    NOW,
    '--timezone',
    'Asia/Shanghai',
    '--data',
    freshDataDir(),
    '--ask',
    SENTENCE,
    ...args,
  ]);
  const outcome = lines(run).at(-1) as unknown as Outcome;
  if (run.code !== 0 || outcome.quality === undefined)
    throw new Error(`${name}: ${run.stderr || run.stdout.slice(-500)}`);
  return { name, wallS: (performance.now() - before) / 1000, outcome };
}

const percent = (value: number) => `${(100 * value).toFixed(1)} %`.padStart(8);
const print = (line: string) => process.stdout.write(`${line}\n`);

print(`${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`);
print('run                                   assured  without   others  measures             wall');
const rows: Row[] = [];
for (const seed of SEEDS) rows.push(await measure(`seed ${seed}`, ['--seed', String(seed)]));
for (const { name, file } of TRACES) rows.push(await measure(name, ['--seed', '1', '--trace', file]));
for (const { name, wallS, outcome } of rows) {
  const { quality, harm, measures } = outcome;
  const kinds = ['standby-network', 'qos-priority', 'proactive-notice'].map(
    (kind) => measures.filter(({ measure }) => measure === kind).length,
  );
  print(
    `${name.padEnd(36)} ${percent(quality?.assured.secondsMet ?? 0)} ${percent(quality?.unassured.secondsMet ?? 0)} ${percent(harm?.othersMedianRateChange ?? 0)}  switch ${kinds[0]} raise ${kinds[1]} tell ${kinds[2]}  ${wallS.toFixed(1)} s`,
  );
}

const better = ({ outcome: { quality } }: Row) =>
  (quality?.assured.secondsMet ?? 0) > (quality?.unassured.secondsMet ?? 1);
const seeds = rows.slice(0, SEEDS.length);
const traces = rows.slice(SEEDS.length);
const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const worstHarm = Math.min(...rows.map(({ outcome }) => outcome.harm?.othersMedianRateChange ?? 0));
const goals = [
  {
    name: 'seeds on which assured beats unassured',
    value: seeds.filter(better).length,
    unit: 'of 10',
    goal: '>= 9',
    ok: seeds.filter(better).length >= 9,
  },
  {
    name: 'measured drives on which assured beats unassured',
    value: traces.filter(better).length,
    unit: `of ${traces.length}`,
    goal: 'all',
    ok: traces.every(better),
  },
  {
    name: "worst change of the others' median rate",
    value: worstHarm,
    unit: 'ratio',
    goal: '> -0.03',
    ok: worstHarm > -0.03,
  },
  {
    name: 'median wall time of a run',
    value: median(seeds.map(({ wallS }) => wallS)),
    unit: 's',
    goal: '< 60',
    ok: median(seeds.map(({ wallS }) => wallS)) < 60,
  },
];
print(JSON.stringify({ bench: 'assurance', goals }));
