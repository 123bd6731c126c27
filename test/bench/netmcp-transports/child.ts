import { listenMcp } from '../../../src/netmcp/session/host.ts';
import { createEnv } from '../../../src/runtime/env.ts';
import { sideOf } from '../../netmcp/support/side.ts';

/** The same server as a child program. */
const host = await listenMcp({
  env: createEnv({ level: 'error' }),
  host: '127.0.0.1',
  port: 0,
  side: sideOf({ echo: ({ arguments: args }) => String(args.text) }),
  listen: { http: false, stdio: { input: process.stdin, output: process.stdout } },
});
await host.ended;
await host.close();
