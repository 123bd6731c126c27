import { listenMcp } from '../../../src/netmcp/session/host.ts';
import { createEnv } from '../../../src/runtime/env.ts';
import { selfSigned } from '../../netmcp/support/certificate.ts';
import { sideOf } from '../../netmcp/support/side.ts';

/** `server.ts HOST`: one tool that answers at once, over every transport; tells its parent where. */
const env = createEnv({ level: 'error' });
const tls = selfSigned();
const common = {
  env,
  host: process.argv[2] ?? '127.0.0.1',
  port: 0,
  side: sideOf({ echo: ({ arguments: args }) => String(args.text) }),
  // Away from loopback somebody must be authenticated.
  protect: () => ({
    authenticate: async () => ({
      identity: { agent: 'bench', authenticated: true, scopes: [], actors: [] },
    }),
    insufficient: () => '',
    documents: new Map(),
  }),
};
const any = { port: 0 };
const bold = { port: 0, retry: false };
const plain = await listenMcp(common);
const http1 = await listenMcp({ ...common, listen: { tls, h2: false } });
const all = await listenMcp({ ...common, listen: { tls, h3: any, quic: any } });
const first = await listenMcp({ ...common, listen: { tls, http: false, h3: bold, quic: bold } });
process.send?.({
  ca: tls.cert,
  ways: {
    'HTTP/1.1, plain': plain.url,
    'HTTP/1.1': http1.url,
    'HTTP/2': all.url,
    'HTTP/3': all.endpoints[1],
    QUIC: all.endpoints[2],
    'HTTP/3, no Retry': first.endpoints[0],
    'QUIC, no Retry': first.endpoints[1],
  },
});
process.on('disconnect', () => process.exit(0));
