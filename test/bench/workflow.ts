import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openStore } from '../../src/durable/index.ts';
import { interleaved, median, type Subject } from './bus/load.ts';
import { byOurs } from './workflow/ours.ts';
import { byBpmn, byHand } from './workflow/yardsticks.ts';

/**
 * `npm run bench:workflow`: steps a second of our engine in memory and durable (fsync), against the same steps as a
 * plain async function and as a BPMN process of an existing engine, interleaved in one run; then instances that
 * wait: memory of each, and time until a new process has them back.
 */
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const MS = Number(process.env.MS ?? 1_000);
const WAITING = Number(process.env.WAITING ?? 10_000);
/** BPMN instances take too long for as many. */
const WAITING_BPMN = Math.min(WAITING, 500);
const STEPS = 20;
const print = (line: string) => process.stdout.write(`${line}\n`);

const dirs: string[] = [];
const freshDir = () => {
  const dir = mkdtempSync(join(tmpdir(), 'bench-'));
  dirs.push(dir);
  return dir;
};
const stores = Array.from({ length: 3 }, () => openStore({ dir: freshDir() }));
const memory = byOurs(STEPS);
const durable = byOurs(STEPS, stores[0]);
const OURS = 'ours, in memory';
const DURABLE = 'ours, durable';
const HAND = 'plain function, in memory';
const HAND_DURABLE = 'plain function, a write a step';
const BPMN = 'bpmn-engine, in memory';
const BPMN_DURABLE = 'bpmn-engine, state written a step';
const subjects: Subject[] = [
  { name: OURS, ask: memory.ask },
  { name: DURABLE, ask: durable.ask },
  { name: HAND, ask: byHand(STEPS) },
  { name: HAND_DURABLE, ask: byHand(STEPS, stores[1]) },
  { name: BPMN, ask: await byBpmn(STEPS) },
  { name: BPMN_DURABLE, ask: await byBpmn(STEPS, stores[2]) },
];

print(`${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`);
const results = new Map<number, Awaited<ReturnType<typeof interleaved>>>();
for (const inFlight of [1, 50]) {
  const result = await interleaved(subjects, inFlight, { rounds: ROUNDS, ms: MS });
  results.set(inFlight, result);
  print(`\n${`${inFlight} in flight, ${STEPS} steps each`.padEnd(36)} steps/s   p50 ms   p99 ms`);
  for (const [name, { rate, p50, p99 }] of result) {
    print(
      `${name.padEnd(36)} ${(rate * STEPS).toFixed(0).padStart(7)} ${p50.toFixed(2).padStart(8)} ${p99.toFixed(2).padStart(8)}`,
    );
  }
}
await memory.close();
await durable.close();
for (const store of stores) store.close();

/** Medians over rounds, each in processes of its own, of what `workflow/waiting.ts` measures. */
async function waits(who: string, n: number, rounds: number) {
  const child = async (what: string, dir: string) => {
    const file = join(import.meta.dirname, 'workflow/waiting.ts');
    // The child ends itself as a crash would.
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--expose-gc', file, who, what, dir, String(n)],
      {
        killSignal: 'SIGKILL',
      },
    ).catch((error: { signal?: string; stdout: string; stderr: string }) => {
      if (error.signal !== 'SIGKILL' || error.stdout === '') throw new Error(error.stderr);
      return error;
    });
    return JSON.parse(stdout) as { ms: number; heapEach: number; rssEach: number };
  };
  const all = [];
  for (let round = 0; round < rounds; round += 1) {
    const dir = freshDir();
    all.push({ start: await child('start', dir), restore: await child('restore', dir) });
  }
  return {
    startMs: median(all.map(({ start }) => start.ms)),
    restoreMs: median(all.map(({ restore }) => restore.ms)),
    heapEach: median(all.map(({ restore }) => restore.heapEach)),
    rssEach: median(all.map(({ restore }) => restore.rssEach)),
  };
}

print(`\n${'instances that wait'.padEnd(36)}       n  start s  restore s  heap each  RSS each`);
const seen: Record<string, Awaited<ReturnType<typeof waits>>> = {};
for (const [who, n] of [
  ['ours', WAITING],
  ['byHand', WAITING],
  ['byBpmn', WAITING_BPMN],
] as const) {
  const one = await waits(who, n, Math.min(ROUNDS, 3));
  seen[who] = one;
  const names = { ours: DURABLE, byHand: HAND_DURABLE, byBpmn: BPMN_DURABLE };
  print(
    `${names[who].padEnd(36)} ${String(n).padStart(7)} ${(one.startMs / 1000).toFixed(2).padStart(8)} ${(one.restoreMs / 1000).toFixed(2).padStart(10)} ${`${(one.heapEach / 1024).toFixed(1)} KiB`.padStart(10)} ${`${(one.rssEach / 1024).toFixed(1)} KiB`.padStart(9)}`,
  );
}
for (const dir of dirs) rmSync(dir, { recursive: true, force: true });

const rate = (inFlight: number, name: string) => (results.get(inFlight)?.get(name)?.rate ?? 0) * STEPS;
/** Median over the rounds of the ratio within a round. */
const ratio = (inFlight: number, of: string, to: string) => {
  const rates = (name: string) => results.get(inFlight)?.get(name)?.rates ?? [];
  return median(rates(of).map((one, round) => one / (rates(to)[round] ?? Number.NaN)));
};
const least = (name: string, value: number, unit: string, limit: number) => ({
  name,
  value: Number(value.toFixed(2)),
  unit,
  goal: `>= ${limit}`,
  ok: value >= limit,
});
const restoreS = (seen.ours?.restoreMs ?? Number.NaN) / 1000;
const goals = [
  least('durable, 50 instances at once', rate(50, DURABLE), 'steps/s', 1_000),
  least('durable, 1 instance', rate(1, DURABLE), 'steps/s', 1_000),
  least('in memory to bpmn-engine, 1 instance', ratio(1, OURS, BPMN), 'ratio', 1),
  least(
    'durable to bpmn-engine with its state written, 50 at once',
    ratio(50, DURABLE, BPMN_DURABLE),
    'ratio',
    1,
  ),
  {
    name: `${WAITING} waiting instances restored`,
    value: Number(restoreS.toFixed(2)),
    unit: 's',
    goal: '< 10',
    ok: restoreS < 10,
  },
];
print(JSON.stringify({ bench: 'workflow', goals }));
process.exit(0);
