/** A tool server as a process of its own, with durable receipts: to be killed. */
import { openStore } from '../../../src/durable/index.ts';
import { startToolServer, storeReceipts } from '../../../src/netmcp/index.ts';
import { systemEnv } from '../conformance/system-env.ts';
import { create } from './tools.ts';

const [management = '', nrf = '', dir = '', approver = 'null'] = process.argv.slice(2);
const store = openStore({ dir, durability: 'write' });
const server = await startToolServer({
  env: systemEnv(),
  host: '127.0.0.1',
  port: 0,
  id: 'killed',
  management,
  nrf,
  tools: [create, { ...create, name: 'test_put', idempotent: true }],
  policy: [
    { id: 'limit', tools: ['*'], rule: 'args.share <= 50.0', allowed: 'share <= 50', otherwise: 'ask' },
  ],
  approvers: [JSON.parse(approver)].filter((one) => one !== null),
  receipts: storeReceipts(store, 'killed'),
});
process.stdout.write(`${server.url}\n`);
