import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { connectNetMcp, startManagementServer, startToolServer } from '../../src/netmcp/index.ts';
import { type TestEnv, testEnv } from './support/env.ts';
import { fakeSbi, ok, read } from './support/tools.ts';

const host = '127.0.0.1';
const times = { leaseMs: 9_000, graceMs: 6_000, drainMs: 5_000 };
const { port: sbi } = fakeSbi(() => ok({ value: 1 }));
const COUNT = 3;
const SERVERS = ['a', 'b', 'c', 'd'];

type Manager = Awaited<ReturnType<typeof startManagementServer>>;

/** Lets time pass in small steps until something has come about. */
async function passing<T>(env: TestEnv, work: Promise<T>): Promise<T> {
  let ended = false;
  const watch = work.finally(() => {
    ended = true;
  });
  for (let i = 0; !ended && i < 20_000; i += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    if (i % 10 === 9) env.pass(5);
  }
  return watch;
}

async function campaign(steps: Array<{ do: 'kill' | 'start' | 'wait'; at: number }>): Promise<void> {
  const env = testEnv();
  const managers: Array<Manager | null> = [];
  const urls: string[] = [];
  for (let i = 0; i < COUNT; i += 1) {
    const one = await startManagementServer({ env, host, port: 0, times, peers: [...urls] });
    managers.push(one);
    urls.push(one.url);
  }
  const servers: Array<Awaited<ReturnType<typeof startToolServer>>> = [];
  for (const [i, id] of SERVERS.entries()) {
    // Each begins at another one.
    const management = urls.map((_, k) => urls[(i + k) % COUNT] as string);
    servers.push(await startToolServer({ env, host, port: 0, id, management, nrf: sbi, tools: [read] }));
  }
  const client = await connectNetMcp({ env, agentId: 'netagent/test', management: urls });
  const heartbeats = () => passing(env, Promise.all(servers.map((server) => server.setLoad(null))));
  try {
    for (const step of steps) {
      const running = managers.filter((one) => one !== null).length;
      if (step.do === 'kill' && running > 1) {
        const [one] = managers.splice(step.at, 1, null);
        if (one) await passing(env, one.close());
      } else if (step.do === 'start' && managers[step.at] === null) {
        const url = urls[step.at] as string;
        const peers = urls.filter((other) => other !== url);
        managers[step.at] = await passing(
          env,
          startManagementServer({ env, host, port: Number(new URL(url).port), times, peers }),
        );
      } else if (step.do === 'wait') {
        for (let i = 0; i < 4; i += 1) {
          await heartbeats();
          env.pass(1_500);
        }
      }
      const found = await passing(env, client.discover({}));
      expect(found.map(({ serverId }) => serverId).sort()).toEqual(SERVERS);
    }
    await heartbeats();
    // In the end all of them say the same.
    for (const url of urls.filter((_, i) => managers[i] !== null)) {
      const one = await passing(env, connectNetMcp({ env, agentId: 'watcher', management: url }));
      const found = await passing(env, one.discover({}));
      expect(found.map(({ serverId }) => serverId).sort()).toEqual(SERVERS);
      await passing(env, one.close());
    }
  } finally {
    await passing(env, client.close());
    for (const server of servers) await passing(env, server.close());
    for (const one of managers) if (one) await passing(env, one.close());
  }
}

test('management servers die and come back in any order, one always left: every server is found at every time', async () => {
  const step = fc.record({
    do: fc.constantFrom(
      'kill' as const,
      'kill' as const,
      'start' as const,
      'start' as const,
      'wait' as const,
    ),
    at: fc.nat(COUNT - 1),
  });
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 10 }), campaign), {
    numRuns: 4,
    seed: 20,
  });
}, 120_000);
