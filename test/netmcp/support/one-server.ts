import { afterEach } from 'vitest';
import {
  connectPlain,
  startManagementServer,
  startToolServer,
  type ToolServerOptions,
} from '../../../src/netmcp/index.ts';
import { testEnv } from './env.ts';
import { create, fakeSbi, ok, read, secret } from './tools.ts';

const closers: Array<() => Promise<unknown> | unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Runs when the test ends, last given first. */
export const atEnd = (close: () => Promise<unknown> | unknown): void => void closers.push(close);

type Answer = Parameters<typeof fakeSbi>[0];

/** A management server and one tool server, over real HTTP, before a recording SBI. */
export async function oneServer(
  options: Partial<ToolServerOptions> & { answer?: Answer } = {},
  env = testEnv(),
) {
  const sbi = fakeSbi(options.answer ?? (() => ok({ value: 7 })));
  const management = await startManagementServer({ env, host: '127.0.0.1', port: 0 });
  atEnd(management.close);
  const server = await startToolServer({
    env,
    host: '127.0.0.1',
    port: 0,
    id: 'tools-a',
    management: management.url,
    nrf: sbi.port,
    tools: [create, read, secret],
    ...options,
  });
  atEnd(server.close);
  const client = async (more: Partial<Parameters<typeof connectPlain>[0]> = {}) => {
    const made = await connectPlain({ env, target: server.url, agentId: 'netagent/test', ...more });
    atEnd(made.close);
    return made;
  };
  return { env, sbi, management, server, client };
}
