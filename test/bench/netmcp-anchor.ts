import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { openContextStore } from '../../src/durable/index.ts';
import {
  connectNetMcp,
  type ExecuteParams,
  type NfTool,
  startManagementServer,
  startToolServer,
} from '../../src/netmcp/index.ts';
import type { Fetch } from '../../src/netmcp/session/keep-alive.ts';
import { tool } from '../../src/netmcp/tools/types.ts';
import { createEnv } from '../../src/runtime/env.ts';

/**
 * `npm run bench:netmcp-anchor`: a task of 10 steps on 4 tool servers, by an agent that calls each server
 * itself and by one that lets an anchor do it. Counts the JSON-RPC messages that the agent sends and
 * receives, handshakes, discovery and notifications included, and measures the time with a delay between
 * the agent and all servers (not between the servers).
 */
const ROUNDS = Number(process.env.ROUNDS ?? 7);
const DELAYS = [0, 10, 25];
const print = (line: string) => process.stdout.write(`${line}\n`);
const env = createEnv({ level: 'silent' });
const host = '127.0.0.1';
/** `write` survives a killed process, `fsync` also a loss of power. */
const DURABILITY = process.env.DURABILITY === 'fsync' ? 'fsync' : 'write';
const dir = mkdtempSync(join(tmpdir(), 'bench-'));
const contexts = openContextStore({ dir, durability: DURABILITY });

/** Step ids, their servers, and what they wait for. */
const TASK: Array<[id: string, server: number, after: string[]]> = [
  ['s1', 0, []],
  ['s2', 1, ['s1']],
  ['s3', 2, ['s1']],
  ['s4', 3, ['s2', 's3']],
  ['s5', 0, ['s4']],
  ['s6', 1, ['s4']],
  ['s7', 2, ['s5']],
  ['s8', 3, ['s6', 's7']],
  ['s9', 1, ['s8']],
  ['s10', 0, ['s9']],
];

const toolOf = (name: string): NfTool =>
  tool({
    name,
    title: `Step ${name}`,
    description: `Does ${name}.`,
    category: 'policy',
    kind: 'resource management',
    labels: ['step'],
    effects: 'reversible',
    nf: [{ type: 'PCF', operations: ['step'] }],
    input: z.strictObject({ sum: z.number() }),
    output: z.object({ sum: z.number() }),
    async execute({ sum }, { sbi }) {
      await sbi({ nf: 'PCF', operation: 'step', method: 'POST', path: '/step', body: { sum } });
      return { sum: sum + 1 };
    },
  });

const management = await startManagementServer({ env, host, port: 0 });
const servers = [];
for (let n = 0; n < 4; n += 1) {
  servers.push(
    await startToolServer({
      env,
      host,
      port: 0,
      id: `server-${n}`,
      management: management.url,
      nrf: { request: async () => ({ status: 200, body: {}, location: null }), close: async () => {} },
      tools: TASK.filter(([, server]) => server === n).map(([id]) => toolOf(`tool_${id}`)),
      anchor: { contexts },
    }),
  );
}

/** Counts messages in both directions and delays each by `ms`. */
function counted(ms: number) {
  const seen = { sent: 0, received: 0 };
  const lag = () => (ms === 0 ? Promise.resolve() : new Promise<void>((resolve) => setTimeout(resolve, ms)));
  const through =
    (fetch: Fetch): Fetch =>
    async (url, init) => {
      if (typeof init?.body === 'string') seen.sent += [JSON.parse(init.body)].flat().length;
      await lag();
      const answer = await fetch(url, init);
      await lag();
      if (answer.body === null) return answer;
      if (!(answer.headers.get('content-type') ?? '').includes('text/event-stream')) {
        const text = await answer.text();
        if (text !== '') seen.received += [JSON.parse(text)].flat().length;
        return new Response(text === '' ? null : text, answer);
      }
      const count = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          // An event without data only gives the stream an id to resume from: it is no message.
          seen.received +=
            Buffer.from(chunk)
              .toString('utf8')
              .match(/^data: ?\S/gm)?.length ?? 0;
          controller.enqueue(chunk);
        },
      });
      return new Response(answer.body.pipeThrough(count), answer);
    };
  return { seen, through };
}

type Client = Awaited<ReturnType<typeof connectNetMcp>>;
let runs = 0;

async function direct(client: Client): Promise<number> {
  runs += 1;
  const run = runs;
  const sums = new Map<string, Promise<number>>();
  for (const [id, , after] of TASK) {
    const before = after.map((one) => sums.get(one) as Promise<number>);
    sums.set(
      id,
      (async () => {
        const sum = (await Promise.all(before)).reduce((a, b) => a + b, 0);
        const { output } = await client.callTool(`tool_${id}`, { sum }, { idempotencyKey: `${run}/${id}` });
        return (output as { sum: number }).sum;
      })(),
    );
  }
  return sums.get('s10') as Promise<number>;
}

const plan: ExecuteParams = {
  steps: TASK.map(([id, , after]) => ({
    id,
    tool: `tool_${id}`,
    arguments: {
      sum: after.length === 0 ? 0 : { $cel: after.map((one) => `steps.${one}.output.sum`).join(' + ') },
    },
  })),
};

interface Figures {
  /** Messages from the first connection to the result, and of a second task on the same session. */
  first: number;
  second: number;
  firstMs: number;
  secondMs: number;
}

async function measure(how: 'direct' | 'anchor' | 'anchor with progress', ms: number): Promise<Figures> {
  const { seen, through } = counted(ms);
  const total = () => seen.sent + seen.received;
  const began = performance.now();
  const client = await connectNetMcp({
    env,
    agentId: `bench/${how}`,
    management: management.url,
    through,
    ...(how !== 'direct' && { follow: 'anchor' as const }),
  });
  const anchor = how === 'direct' ? null : await client.anchor();
  const onProgress = how === 'anchor with progress' ? () => {} : undefined;
  const task = async () => {
    if (anchor === null) return direct(client);
    const { steps } = await anchor.execute(plan, { onProgress });
    return (steps.at(-1)?.output as { sum: number } | null)?.sum;
  };
  const check = (sum: number | undefined) => {
    if (sum !== EXPECTED) throw new Error(`${how}: ${sum} instead of ${EXPECTED}`);
  };
  check(await task());
  const firstMs = performance.now() - began;
  const first = total();
  const again = performance.now();
  check(await task());
  const figures = { first, second: total() - first, firstMs, secondMs: performance.now() - again };
  await client.close();
  return figures;
}

const EXPECTED = (() => {
  const sums = new Map<string, number>();
  for (const [id, , after] of TASK)
    sums.set(id, after.reduce((sum, one) => sum + (sums.get(one) ?? 0), 0) + 1);
  return sums.get('s10');
})();
const median = (values: number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

print(`${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`);
const WAYS = ['direct', 'anchor', 'anchor with progress'] as const;
const results = new Map<string, Figures[]>();
await measure('direct', 0);
await measure('anchor', 0);
for (let round = 0; round < ROUNDS; round += 1) {
  for (const ms of DELAYS) {
    for (const how of WAYS) {
      const key = `${how} ${ms}`;
      results.set(key, [...(results.get(key) ?? []), await measure(how, ms)]);
    }
  }
}
const of = (how: string, ms: number, field: keyof Figures) =>
  median((results.get(`${how} ${ms}`) ?? []).map((figures) => figures[field]));
for (const ms of DELAYS) {
  print(`\n+${ms} ms each way          messages: first task  next task    ms: first task  next task`);
  for (const how of WAYS) {
    const column = (field: keyof Figures, digits = 0) => of(how, ms, field).toFixed(digits).padStart(10);
    print(
      `${how.padEnd(34)} ${column('first')} ${column('second')} ${column('firstMs', 1)} ${column('secondMs', 1)}`,
    );
  }
}
const cut = (field: 'first' | 'second', how = 'anchor') =>
  100 * (1 - of(how, 0, field) / of('direct', 0, field));
const goals = [
  ['messages of the agent, first task with all set-up', cut('first')],
  ['messages of the agent, next task on the same session', cut('second')],
].map(([name, value]) => ({
  name,
  value: Number((value as number).toFixed(1)),
  unit: '% less',
  goal: '>= 80',
  ok: (value as number) >= 80,
}));
const also = [
  [
    'messages, first task with a progress notification a step',
    cut('first', 'anchor with progress'),
    '% less',
  ],
  ...DELAYS.map((ms) => [
    `time of the next task, +${ms} ms each way, direct to anchor`,
    of('direct', ms, 'secondMs') / of('anchor', ms, 'secondMs'),
    'ratio',
  ]),
].map(([name, value, unit]) => ({ name, value: Number((value as number).toFixed(2)), unit }));
for (const server of servers) await server.close();
await management.close();
contexts.close();
rmSync(dir, { recursive: true, force: true });
print(`\n${JSON.stringify({ bench: 'netmcp-anchor', goals, also })}`);
