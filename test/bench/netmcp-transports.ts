import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { Measured, Order } from './netmcp-transports/client.ts';
import { openLab } from './netmcp-transports/wire.ts';

/**
 * `npm run bench:netmcp-transports`: tools/call over each transport between two network namespaces, with and
 * without delay and loss on the wire between them; all transports in turn in each round. Delay and loss need
 * the right to make namespaces, and python3; where they are missing, loopback alone is measured.
 */
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const MS = Number(process.env.MS ?? 1_000);
const HANDSHAKES = Number(process.env.HANDSHAKES ?? 5);
const print = (line: string) => process.stdout.write(`${line}\n`);

interface Told {
  ca: string;
  ways: Record<string, string>;
}

const lab = await openLab();
print(`${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}; ${lab.why}`);
const program = (name: string) => join(import.meta.dirname, 'netmcp-transports', name);
const server = lab.run('server', program('server.ts'), [lab.host]);
const [{ ca, ways }] = (await once(server, 'message')) as [Told];
const client = lab.run('client', program('client.ts'));

async function ask(from: ChildProcess, order: Order): Promise<Measured> {
  from.send(order);
  const [answer] = (await once(from, 'message')) as [Measured | { error: string }];
  if ('error' in answer) throw new Error(answer.error);
  return answer;
}

/** The value at a share of the sorted ones. */
function at(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

interface Row {
  first: number;
  one: { rate: number; p50: number; p99: number };
  many: { rate: number; p50: number; p99: number };
}

const MANY = 16;
const conditions = [0, 20, 50]
  .flatMap((rtt) => [0, 0.01].map((loss) => ({ rtt, loss })))
  .filter(({ rtt, loss }) => lab.wire || (rtt === 0 && loss === 0));
const table = new Map<string, Row>();
try {
  for (const { rtt, loss } of conditions) {
    await lab.set(rtt, loss);
    const subjects = new Map<string, string | null>(Object.entries(ways));
    if (rtt === 0 && loss === 0) subjects.set('stdio', null);
    const got = new Map(
      [...subjects.keys()].map((name) => [name, { first: [] as Measured[], many: [] as Measured[] }]),
    );
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [name, endpoint] of subjects) {
        const order = { endpoint, ca, handshakes: HANDSHAKES, inFlight: 1, ms: MS };
        got.get(name)?.first.push(await ask(client, order));
        got.get(name)?.many.push(await ask(client, { ...order, handshakes: 0, inFlight: MANY }));
      }
    }
    print(
      `\n${rtt} ms of delay, ${loss * 100} % loss     first result |  1 in flight: per s    p50    p99 | ${MANY} in flight: per s    p50    p99   (ms)`,
    );
    for (const [name, { first, many }] of got) {
      const sum = (runs: Measured[]) => {
        const times = runs.flatMap((run) => run.times);
        const seconds = runs.reduce((all, run) => all + run.seconds, 0);
        return { rate: times.length / seconds, p50: at(times, 0.5), p99: at(times, 0.99) };
      };
      const failed = [...first, ...many].reduce((all, run) => all + run.failed, 0);
      const row = {
        first: at(
          first.flatMap((run) => run.handshakes),
          0.5,
        ),
        one: sum(first),
        many: sum(many),
      };
      table.set(`${rtt} ${loss} ${name}`, row);
      const cells = ({ rate, p50, p99 }: Row['one']) =>
        `${rate.toFixed(0).padStart(8)} ${p50.toFixed(2).padStart(7)} ${p99.toFixed(2).padStart(7)}`;
      print(
        `${name.padEnd(28)} ${row.first.toFixed(1).padStart(12)} | ${cells(row.one).padStart(34)} | ${cells(row.many).padStart(35)}${failed > 0 ? `   ${failed} failed` : ''}`,
      );
    }
  }
} finally {
  client.disconnect();
  server.disconnect();
  lab.close();
}

const ratio = (condition: string, of: string, to: string, value: (row: Row) => number) => {
  const [a, b] = [of, to].map((name) => table.get(`${condition} ${name}`));
  return a === undefined || b === undefined ? Number.NaN : value(a) / value(b);
};
const goals = (
  lab.wire
    ? [
        {
          name: 'first result at 50 ms, QUIC without Retry / HTTP/2',
          value: ratio('50 0', 'QUIC, no Retry', 'HTTP/2', (row) => row.first),
          goal: '<= 0.8',
        },
        {
          name: 'first result at 50 ms, QUIC / HTTP/2',
          value: ratio('50 0', 'QUIC', 'HTTP/2', (row) => row.first),
          goal: '<= 1.05',
        },
        {
          name: 'calls a second without delay, QUIC / HTTP/1.1',
          value: ratio('0 0', 'QUIC', 'HTTP/1.1', (row) => row.many.rate),
          goal: '>= 1',
        },
        {
          name: 'p99 at 50 ms, 1 % loss, 16 in flight, HTTP/3 / HTTP/2',
          value: ratio('50 0.01', 'HTTP/3', 'HTTP/2', (row) => row.many.p99),
          goal: '<= 1',
        },
        {
          name: 'p99 at 50 ms, 1 % loss, 16 in flight, QUIC / HTTP/2',
          value: ratio('50 0.01', 'QUIC', 'HTTP/2', (row) => row.many.p99),
          goal: '<= 1',
        },
      ]
    : [
        {
          name: 'calls a second without delay, QUIC / HTTP/1.1',
          value: ratio('0 0', 'QUIC', 'HTTP/1.1', (row) => row.many.rate),
          goal: '>= 1',
        },
      ]
).map(({ name, value, goal }) => {
  const limit = Number(goal.slice(3));
  return {
    name,
    value: Number(value.toFixed(2)),
    unit: 'ratio',
    goal,
    ok: goal.startsWith('<=') ? value <= limit : value >= limit,
  };
});
for (const { name, value, goal, ok } of goals)
  print(`${ok ? 'met   ' : 'missed'} ${name}: ${value} (${goal})`);
print(JSON.stringify({ bench: 'netmcp-transports', goals }));
