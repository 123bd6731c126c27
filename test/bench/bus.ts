import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startBus } from '../../broker/index.ts';
import { openStore } from '../../src/durable/index.ts';
import { createEnv } from '../../src/runtime/env.ts';
import { frozen } from './bus/frozen.ts';
import { interleaved, median } from './bus/load.ts';
import { http, ours, raw } from './bus/subjects.ts';

/**
 * `npm run bench:bus`: a task over our binding against the raw MQTT round trip on the same broker and kind
 * of connection, and against the A2A SDK over HTTP, interleaved in one run.
 */
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const MS = Number(process.env.MS ?? 1_000);
const print = (line: string) => process.stdout.write(`${line}\n`);

const bus = await startBus({ env: createEnv({ level: 'error' }), host: '127.0.0.1', tcpPort: 0, wsPort: 0 });
const child = spawn(process.execPath, [join(import.meta.dirname, 'bus/broker.ts')], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const { value: url = '' } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
const store = openStore({ dir: mkdtempSync(join(tmpdir(), 'bench-')) });

const subjects = [
  await raw('raw, in process', bus, 'a'),
  await ours('task, in process', bus, 'b'),
  await ours('task, in process, journal', bus, 'c', store.tasks('bench/c/agent')),
  await raw('raw, broker in its own process', url, 'd'),
  await ours('task, broker in its own process', url, 'e'),
  await ours('task, own process, journal', url, 'f', store.tasks('bench/f/agent')),
  await http('task, A2A SDK over HTTP'),
];

print(`${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`);
const results = new Map<number, Awaited<ReturnType<typeof interleaved>>>();
for (const inFlight of [1, 16, 256]) {
  const result = await interleaved(subjects, inFlight, { rounds: ROUNDS, ms: MS });
  results.set(inFlight, result);
  print(`\n${inFlight} in flight                        per s     p50 ms     p99 ms`);
  for (const [name, { rate, p50, p99 }] of result) {
    print(
      `${name.padEnd(34)} ${rate.toFixed(0).padStart(8)} ${p50.toFixed(2).padStart(10)} ${p99.toFixed(2).padStart(10)}`,
    );
  }
}

/** Median over the rounds of the ratio within a round. */
const ratio = (inFlight: number, of: string, to: string) => {
  const rates = (name: string) => results.get(inFlight)?.get(name)?.rates ?? [];
  return median(rates(of).map((rate, round) => rate / (rates(to)[round] ?? Number.NaN)));
};
const HTTP = 'task, A2A SDK over HTTP';
const most = (name: string, value: number, unit: string, limit: number) => ({
  name,
  value: Number(value.toFixed(2)),
  unit,
  goal: `<= ${limit}`,
  ok: value <= limit,
});
const goal = (name: string, value: number, least: number) => ({
  name,
  value: Number(value.toFixed(2)),
  unit: 'ratio',
  goal: `>= ${least}`,
  ok: value >= least,
});
const goals = [
  goal('task to raw MQTT, in process, 16 in flight', ratio(16, 'task, in process', 'raw, in process'), 0.6),
  goal(
    'task to raw MQTT, own process, 16 in flight',
    ratio(16, 'task, broker in its own process', 'raw, broker in its own process'),
    0.6,
  ),
  goal('task to A2A over HTTP, in process, 16 in flight', ratio(16, 'task, in process', HTTP), 4),
  goal(
    'task to A2A over HTTP, own process, 16 in flight',
    ratio(16, 'task, broker in its own process', HTTP),
    3,
  ),
  goal(
    'journaled task to A2A over HTTP, in process, 16 in flight',
    ratio(16, 'task, in process, journal', HTTP),
    2,
  ),
  goal(
    'journaled task to A2A over HTTP, own process, 16 in flight',
    ratio(16, 'task, own process, journal', HTTP),
    2,
  ),
];
for (const subject of subjects) await subject.close();
store.close();
await bus.close();
child.kill();

const beside = await frozen({ rounds: ROUNDS, ms: MS });
print(
  `\nevents to a healthy subscriber: ${beside.alone.toFixed(0)}/s alone, ${beside.beside.toFixed(0)}/s beside a ` +
    `frozen one, longest pause ${beside.pauseMs.toFixed(0)} ms, cut off ${beside.cut} times`,
);
goals.push(goal('events beside a frozen subscriber to events alone', beside.ratio, 0.9));

print('\nconnected agents   bytes of heap each     resident MB     joined in s     discovered in s');
for (const count of [1_000, 10_000]) {
  // In a process of its own: what else was measured here is in no figure.
  const crowd = JSON.parse(
    String(
      execFileSync(process.execPath, [
        '--expose-gc',
        join(import.meta.dirname, 'bus/crowd.ts'),
        String(count),
      ]),
    ),
  );
  const { heapAnAgent, rssMb, joinS, discoverS } = crowd;
  print(
    `${String(count).padEnd(18)} ${String(heapAnAgent).padStart(18)} ${String(rssMb).padStart(15)} ${String(joinS).padStart(15)} ${String(discoverS).padStart(19)}`,
  );
  if (count === 10_000) {
    goals.push(most('resident memory of 10,000 connected agents', rssMb, 'MB', 600));
    goals.push(most('time until one has discovered 10,000 agents', discoverS, 's', 5));
  }
}
print(JSON.stringify({ bench: 'bus', goals }));
process.exit(0);
