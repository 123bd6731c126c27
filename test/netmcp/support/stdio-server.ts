/** A tool server as a child program: `node stdio-server.ts` speaks MCP over its standard streams. */
import { startToolServer } from '../../../src/netmcp/index.ts';
import { testEnv } from './env.ts';
import { create, fakeSbi, ok, read } from './tools.ts';

const server = await startToolServer({
  env: testEnv(),
  host: '127.0.0.1',
  port: 0,
  id: 'child',
  nrf: fakeSbi(() => ok({ value: 42 })).port,
  tools: [create, read],
  listen: { http: false, stdio: { input: process.stdin, output: process.stdout } },
});
await server.ended;
await server.close();
