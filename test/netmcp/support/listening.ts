import { afterEach } from 'vitest';
import { type HostOptions, listenMcp } from '../../../src/netmcp/session/host.ts';
import { selfSigned } from './certificate.ts';
import { testEnv } from './env.ts';
import { sideOf } from './side.ts';

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Runs when the test ends, last given first. */
export const atEnd = (...close: Array<() => unknown>): void => void closers.push(...close);

export const tls = selfSigned();

/** An MCP server with two tools, over the transports that are asked for. */
export async function serve(listen: HostOptions['listen'], more: Partial<HostOptions> = {}) {
  const side = sideOf({
    hello: () => 'hello',
    told: (request) => {
      request.progress({ progress: 1 });
      return 'told';
    },
  });
  const host = await listenMcp({
    env: testEnv(),
    host: '127.0.0.1',
    port: 0,
    side,
    ...(listen && { listen }),
    ...more,
  });
  atEnd(host.close);
  return { host, side };
}
