import { performance } from 'node:perf_hooks';
import { agentCard, type BusMember, joinBus, startBus } from '../../../broker/index.ts';
import { createEnv } from '../../../src/runtime/env.ts';

/**
 * Many agents on one bus in this process, each with a card, its own connection and its own request topic.
 * Prints one JSON line: bytes an agent, seconds until all are online, seconds until one more has found all.
 */
const COUNT = Number(process.argv[2] ?? 1_000);
const AT_ONCE = 100;
const env = createEnv({ level: 'error' });
const bus = await startBus({
  env,
  host: '127.0.0.1',
  tcpPort: 0,
  wsPort: 0,
  maxPendingSessions: 2 * COUNT,
  maxRetained: 2 * COUNT,
});
/** What stays once the garbage of the joining is gone, which V8 gives back bit by bit. */
const settled = async () => {
  for (let i = 0; i < 8; i += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return process.memoryUsage();
};
const agent = (name: string, discovers: 'all' | 'named'): Promise<BusMember> => {
  const id = `crowd/u${name.length}/${name}`;
  const skills = [{ id: 's', name: 'A skill', description: 'What a small agent can do.', tags: ['t'] }];
  const card = agentCard({
    id,
    name,
    description: 'One of many.',
    version: '1.0.0',
    skills,
    mqttUrl: bus.mqttUrl,
  });
  const executor = { execute: async () => undefined, cancelTask: async () => undefined };
  return joinBus({ id, via: bus, card, executor, env, discovers, patienceMs: 120_000 });
};

await agent('first', 'named');
const before = await settled();
const began = performance.now();
const queue = Array.from({ length: COUNT - 1 }, (_, i) => `a${i}`);
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let name = queue.pop(); name !== undefined; name = queue.pop()) await agent(name, 'named');
  }),
);
const joined = performance.now();
const peakMb = Math.round(process.resourceUsage().maxRSS / 1_000);
const after = await settled();
const looking = performance.now();
const observer = await agent('observer', 'all');
await new Promise<void>((resolve) => {
  const look = () => {
    if (observer.agents().length >= COUNT) resolve();
  };
  observer.onPresence(look);
  look();
});
const found = performance.now();
process.stdout.write(
  `${JSON.stringify({
    agents: COUNT,
    heapAnAgent: Math.round((after.heapUsed - before.heapUsed) / COUNT),
    rssAnAgent: Math.round((after.rss - before.rss) / COUNT),
    peakMb,
    rssMb: Math.round(after.rss / 1e6),
    joinS: Number(((joined - began) / 1000).toFixed(2)),
    discoverS: Number(((found - looking) / 1000).toFixed(2)),
  })}\n`,
);
process.exit(0);
