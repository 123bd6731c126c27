import { z } from 'zod';
import { startToolServer, watchLoop } from '../../../src/netmcp/index.ts';
import { tool } from '../../../src/netmcp/tools/types.ts';
import { createEnv } from '../../../src/runtime/env.ts';

/**
 * One tool server of the benchmark in a process of its own. What it does takes simulated time, not CPU; so
 * many calls at once, the others queue. `slow` multiplies the time; told over IPC while it runs.
 */
const { id, management, parallel, queue, serviceMs } = JSON.parse(process.argv[2] ?? '{}');
let slow = 1;
let seed = 1;
const random = () => {
  seed = (seed * 1_664_525 + 1_013_904_223) >>> 0;
  return (seed + 1) / 2 ** 32;
};

const work = tool({
  name: 'bench_work',
  title: 'Work',
  description: 'Takes as long as the server needs.',
  category: 'data',
  kind: 'data collection',
  labels: [],
  effects: 'read',
  nf: [{ type: 'PCF', operations: ['work'] }],
  input: z.strictObject({}),
  output: z.object({ server: z.string() }),
  async execute(_, { sbi }) {
    await sbi({ nf: 'PCF', method: 'GET', path: '/bench/v1/work', operation: 'work' });
    return { server: id };
  },
});

const server = await startToolServer({
  env: createEnv({ level: 'error' }),
  host: '127.0.0.1',
  port: 0,
  id,
  management,
  limits: { parallel, queue },
  tools: [work],
  loop: watchLoop(),
  nrf: {
    async request() {
      // Half of the time is fixed, half exponential.
      const ms = serviceMs * slow * (0.5 - 0.5 * Math.log(random()));
      await new Promise((resolve) => setTimeout(resolve, ms));
      return { status: 200, body: {}, location: null };
    },
    close: async () => {},
  },
});

process.on('message', (message: { slow?: number; seed?: number; drain?: boolean }) => {
  if (message.slow !== undefined) slow = message.slow;
  if (message.seed !== undefined) seed = message.seed;
  if (message.drain) void server.drain();
});
process.send?.({ ready: true });
process.on('disconnect', () => process.exit(0));
