/** A tool server as a process of its own that keeps what it learns of use: to be killed. */
import { openStore } from '../../../src/durable/index.ts';
import { startToolServer } from '../../../src/netmcp/index.ts';
import { systemEnv } from '../conformance/system-env.ts';
import { create, read } from './tools.ts';

const [nrf = '', dir = ''] = process.argv.slice(2);
const kept = openStore({ dir, durability: 'write' }).collection<unknown>('netmcp-usage/learning');
const server = await startToolServer({
  env: systemEnv(),
  host: '127.0.0.1',
  port: 0,
  id: 'learning',
  nrf,
  tools: [create, read],
  usage: {
    list: () => kept.list(),
    delete: (client) => kept.delete(client),
    put(client, value) {
      kept.put(client, value);
      process.stdout.write('kept\n');
    },
  },
});
process.stdout.write(`${server.url}\n`);
