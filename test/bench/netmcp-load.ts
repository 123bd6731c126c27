import { cpus } from 'node:os';
import { type Balancer, createBalancer } from '../../src/netmcp/client/choice.ts';
import { connectNetMcp } from '../../src/netmcp/client/client.ts';
import { startManagementServer } from '../../src/netmcp/index.ts';
import { createEnv } from '../../src/runtime/env.ts';
import { CHANGES, SCALE, SERVERS, startFleet } from './netmcp-load/fleet.ts';
import { leastConnections, random, roundRobin } from './netmcp-load/strategies.ts';

/**
 * `npm run bench:netmcp-load`: eight tool servers of unequal and changing capacity in processes of their own,
 * calls at random times that do not wait for one another (open loop), our balancing against round robin,
 * random and least connections with the same arrivals, in turns. Then servers are killed and drained under
 * load. Latency counts from the time at which a call was due.
 */
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const SECONDS = Number(process.env.SECONDS ?? 12);
const WARM_S = 2;
/** Calls a second; part of what all servers could do when nobody is slow. */
const USE = Number(process.env.USE ?? 0.5);
const AGENTS = 4;
const capacity = SERVERS.reduce(
  (sum, { parallel, serviceMs }) => sum + (parallel * 1_000) / (serviceMs * SCALE),
  0,
);
const rate = USE * capacity;
const print = (line: string) => process.stdout.write(`${line}\n`);
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
}

const env = createEnv({ level: 'error' });
const times = { leaseMs: 3_000, graceMs: 3_000, drainMs: 10_000 };
const first = await startManagementServer({ env, host: '127.0.0.1', port: 0, times });
const second = await startManagementServer({ env, host: '127.0.0.1', port: 0, times, peers: [first.url] });
const management = [first.url, second.url];
const fleet = await startFleet(management);

interface Result {
  ms: number[];
  lost: string[];
  calls: number;
}

/** One run: the arrivals of `seed`, each with one of a few agents of this strategy. */
async function run(
  strategy: (agent: number, seed: number) => Balancer,
  seed: number,
  during: Array<{ at: number; act(): unknown }>,
  perSecond = rate,
): Promise<Result> {
  const clients = await Promise.all(
    Array.from({ length: AGENTS }, (_, i) =>
      connectNetMcp({ env, agentId: `bench/${i}`, management, balancer: strategy(i, seed) }),
    ),
  );
  const next = seeded(seed);
  const ms: number[] = [];
  const lost: string[] = [];
  const open: Promise<void>[] = [];
  const began = performance.now();
  const call = async (due: number) => {
    const client = clients[Math.floor(next() * AGENTS)];
    try {
      const outcome = await client?.callTool('bench_work', {}, { deadlineMs: 60_000 * SCALE });
      if (outcome === undefined || outcome.isError) lost.push(outcome?.text ?? 'nothing');
      if (due > WARM_S * 1_000) ms.push(performance.now() - began - due);
    } catch (error) {
      lost.push(String(error));
    }
  };
  const todo = [...during].sort((a, b) => a.at - b.at);
  const end = (WARM_S + SECONDS) * 1_000;
  for (let due = 0; due < end; due += (-1_000 / perSecond) * Math.log(next())) {
    while (todo[0] !== undefined && due >= (WARM_S + todo[0].at * SECONDS) * 1_000) todo.shift()?.act();
    const wait = began + due - performance.now();
    if (wait > 1) await sleep(wait);
    open.push(call(due));
  }
  await Promise.all(open);
  for (const { act } of todo) act();
  await Promise.all(clients.map((client) => client.close()));
  return { ms, lost, calls: open.length };
}

const at = (values: number[], part: number) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ??
  Number.NaN;
const median = (values: number[]) => at(values, 0.5);

const strategies: Array<[string, (agent: number, seed: number) => Balancer]> = [
  ['ours', () => createBalancer(env)],
  ['round robin', (agent) => roundRobin(agent * 2)],
  ['random', (agent, seed) => random(seeded(seed * 10 + agent))],
  ['least connections', (agent) => leastConnections(agent * 2)],
];
const changes = CHANGES.map(({ at, id, slow }) => ({ at, act: () => fleet.tell(id, { slow }) }));
const results = new Map<string, Array<{ p50: number; p99: number; lost: number; calls: number }>>();
print(
  `${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}; 8 servers, ${capacity.toFixed(0)} calls/s when all are well, ` +
    `${rate.toFixed(1)} calls/s offered by ${AGENTS} agents; who is slow changes 6 times a run`,
);
print(`\n${'strategy'.padEnd(20)} round    p50 ms    p99 ms    calls    lost`);
for (let round = 0; round < ROUNDS; round += 1) {
  // In turns, and not always in the same order.
  for (let i = 0; i < strategies.length; i += 1) {
    const [name, strategy] = strategies[(i + round) % strategies.length] as (typeof strategies)[number];
    for (const { id } of SERVERS) fleet.tell(id, { slow: 1, seed: round + 1 });
    const { ms, lost, calls } = await run(strategy, round + 1, changes);
    const row = { p50: at(ms, 0.5), p99: at(ms, 0.99), lost: lost.length, calls };
    results.set(name, [...(results.get(name) ?? []), row]);
    print(
      `${name.padEnd(20)} ${String(round + 1).padStart(5)} ${row.p50.toFixed(0).padStart(9)} ${row.p99.toFixed(0).padStart(9)} ${String(calls).padStart(8)} ${String(row.lost).padStart(7)}`,
    );
    await sleep(1_500);
  }
}

// Servers are killed, come back and are drained, and a management server dies, all under a load that those
// who are left can bear.
const back: Promise<void>[] = [];
const faults = [
  { at: 0.1, act: () => fleet.kill('s7') },
  { at: 0.3, act: () => fleet.tell('s6', { drain: true }) },
  { at: 0.4, act: () => back.push(fleet.start('s7')) },
  { at: 0.5, act: () => void first.close() },
  { at: 0.6, act: () => fleet.kill('s3') },
  { at: 0.75, act: () => fleet.tell('s5', { drain: true }) },
];
const faulty = await run(() => createBalancer(env), 99, faults, rate * 0.6);
await Promise.all(back);
print(
  `\nwhile two servers are killed, two drained and a management server dies: ${faulty.calls} calls, ` +
    `${faulty.lost.length} lost, p99 ${at(faulty.ms, 0.99).toFixed(0)} ms`,
);
for (const problem of new Set(faulty.lost)) print(`  ${problem}`);

const rounds = (name: string) => results.get(name) ?? [];
const ratio = (to: string, part: 'p50' | 'p99') =>
  median(rounds('ours').map((row, round) => row[part] / (rounds(to)[round]?.[part] ?? Number.NaN)));
const goal = (name: string, value: number, limit: number, unit = 'ratio') => ({
  name,
  value: Number(value.toFixed(2)),
  unit,
  goal: `<= ${limit}`,
  ok: value <= limit,
});
const lost = rounds('ours').reduce((sum, row) => sum + row.lost, 0);
const cpu = process.cpuUsage();
print(
  `\nCPU of agents and management: ${(((cpu.user + cpu.system) / 1e6 / performance.now()) * 1e5).toFixed(0)} % of one core`,
);
fleet.close();
print(
  JSON.stringify({
    bench: 'netmcp-load',
    goals: [
      goal("p99, ours to round robin's", ratio('round robin', 'p99'), 0.5),
      goal("p99, ours to random's", ratio('random', 'p99'), 1),
      goal("p99, ours to least connections'", ratio('least connections', 'p99'), 1),
      goal('calls lost, ours', lost, 0, 'calls'),
      goal('calls lost while servers are killed and drained', faulty.lost.length, 0, 'calls'),
    ],
  }),
);
process.exit(0);
