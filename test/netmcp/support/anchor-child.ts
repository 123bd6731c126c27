import { openContextStore } from '../../../src/durable/index.ts';
import { startToolServer } from '../../../src/netmcp/index.ts';
import { createEnv } from '../../../src/runtime/env.ts';
import { adder, reader } from './anchors.ts';

/** A tool server in a process of its own, to be killed: id, management, NRF and folder of the contexts. */
const [id = '', management = '', nrf = '', dir = ''] = process.argv.slice(2);
const server = await startToolServer({
  env: createEnv({ level: 'silent' }),
  host: '127.0.0.1',
  port: 0,
  id,
  management,
  nrf,
  tools: [adder('add_local'), reader('read_any')],
  anchor: { contexts: openContextStore({ dir, durability: 'write' }) },
});
process.stdout.write(`${server.url}\n`);
