import type { Env } from '../../machines/ports.ts';
import {
  type ContextStore,
  startManagementServer,
  startToolServer,
  toolsOf,
  watchLoop,
} from '../netmcp/index.ts';

const SERVERS = ['ran', 'core', 'transport'] as const;

/** The management server and the three tool servers of the runtime. */
export async function startNetMcp({
  env,
  host,
  nrf,
  contexts,
}: {
  env: Env;
  host: string;
  nrf: string;
  /** Shared by the tool servers, so that each can take over from another. */
  contexts: ContextStore;
}) {
  const management = await startManagementServer({ env, host, port: 0 });
  const servers: Array<Awaited<ReturnType<typeof startToolServer>>> = [];
  const close = async () => {
    for (const server of servers.reverse()) await server.close();
    await management.close();
  };
  try {
    for (const area of SERVERS) {
      servers.push(
        await startToolServer({
          env,
          host,
          port: 0,
          id: `${area}-tools`,
          management: management.url,
          nrf,
          tools: toolsOf(area),
          loop: watchLoop(),
          life: { watchNrf: true },
          anchor: { contexts },
        }),
      );
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    management: management.url,
    servers: servers.map(({ url }) => url),
    tools: SERVERS.reduce((sum, area) => sum + toolsOf(area).length, 0),
    close,
  };
}
