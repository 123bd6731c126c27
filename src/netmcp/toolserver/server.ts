import type { Env } from '../../../machines/ports.ts';
import { createToolLife, type LifeOptions, type ToolLife } from '../life/life.ts';
import type { Registration } from '../schema/index.ts';
import { listenMcp } from '../session/host.ts';
import type { NfTool } from '../tools/types.ts';
import type { Approve, SbiPort } from './call.ts';
import { createCaller } from './caller.ts';
import { describeShelf } from './describe.ts';
import { createMeter } from './meter.ts';
import { createAuthoriser, OPERATOR_LIMITS, type PolicyRule } from './policy.ts';
import { joinRegistry, type Membership } from './registration.ts';
import { openSbiPort } from './sbi-port.ts';
import { createShelf } from './shelf.ts';

export interface ToolServerOptions {
  env: Env;
  host: string;
  /** 0 takes any free port. */
  port: number;
  id: string;
  /** URL of the management server. */
  management: string;
  /** API root of the NRF; or a port to the SBI, where the caller has one. */
  nrf: string | SbiPort;
  tools: NfTool[];
  /** Areas that it serves; empty = everywhere. */
  serviceArea?: string[];
  summary?: string;
  limits?: { parallel: number; queue: number };
  policy?: PolicyRule[];
  /** Asks a human about a call that no rule decides; without it such a call is refused. */
  approve?: Approve;
  /** Tools that come and go: publication, approval, toolsets, adopted servers. */
  life?: LifeOptions;
}

export interface ToolServer {
  url: string;
  id: string;
  /** What happens to its tools (NetMCP 5). */
  life: ToolLife;
  /** Fixes the load that it reports, in percent, and refuses calls from 100 on; null measures again. */
  setLoad(load: number | null): Promise<void>;
  /** Leaves the registry but serves on, so that clients can finish. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

/**
 * A tool server (NetMCP 2, 3 and 6): verifies, authorises and executes tools over SBI, and takes part
 * in the registry. @throws RUNTIME_PORT_IN_USE, NETMCP_TOOL_INVALID, NETMCP_UNREACHABLE
 */
export async function startToolServer(options: ToolServerOptions): Promise<ToolServer> {
  const { env, id } = options;
  const shelf = createShelf(
    options.tools.map((tool) => ({
      ...tool,
      meta: { ...tool.meta, serviceArea: options.serviceArea ?? [] },
    })),
  );
  const authoriser = createAuthoriser(options.policy ?? OPERATOR_LIMITS);
  const meter = createMeter(env.clock, options.limits ?? { parallel: 32, queue: 128 });
  const sbi = typeof options.nrf === 'string' ? openSbiPort(env, options.nrf) : options.nrf;
  let membership: Membership | null = null;
  let toldBusy = false;
  let changed = false;

  /** Does not wait for the heartbeat when the limit is reached; once until it is calm again. */
  function tellBusy(): void {
    if (toldBusy) return;
    toldBusy = true;
    void membership?.report().finally(() => {
      toldBusy = false;
    });
  }

  const lives = createToolLife({
    env,
    serverId: id,
    host: options.host,
    shelf,
    sbi,
    nrf: typeof options.nrf === 'string' ? options.nrf : null,
    own: options.tools,
    summary: options.summary ?? summaryOf(options.tools),
    serviceArea: options.serviceArea ?? [],
    life: options.life ?? {},
  });
  /** Many changes at once are one update. */
  function tellChange(): void {
    if (changed) return;
    changed = true;
    queueMicrotask(() => {
      changed = false;
      void membership?.update(describeShelf(shelf));
    });
  }

  const call = createCaller({
    env,
    serverId: id,
    shelf,
    meter,
    sbi,
    authoriser,
    approve: options.approve ?? noHuman,
    alternates: () => membership?.alternates() ?? [],
    onBusy: tellBusy,
    absent: lives.absent,
  });
  const server = await listenMcp({
    env,
    host: options.host,
    port: options.port,
    side: {
      name: id,
      instructions: options.summary ?? summaryOf(options.tools),
      parts: [{ features: ['trace'], methods: new Map() }, ...lives.parts],
      listTools: (peer) => lives.list(peer),
      callTool(peer, request) {
        if (shelf.get(request.name) !== undefined) lives.used(peer.agent, request.name);
        return call(request);
      },
    },
  });
  shelf.onChange(() => {
    for (const peer of server.peers()) peer.notify('notifications/tools/list_changed', {});
    tellChange();
  });
  const close = async () => {
    await membership?.leave(false);
    await lives.close();
    await server.close();
    await sbi.close();
  };
  const registration: Registration = {
    serverId: id,
    endpoints: [server.url],
    vendor: 'netagent',
    version: '1.0',
    maxLoad: 100,
    serviceArea: options.serviceArea ?? [],
    summary: options.summary ?? summaryOf(options.tools),
    ...describeShelf(shelf),
  };
  const measure = () => ({
    load: meter.load(),
    inFlight: meter.inFlight(),
    queue: meter.queue(),
    p95Ms: meter.p95Ms(),
  });
  try {
    membership = await joinRegistry({ env, management: options.management, registration, measure });
    await lives.start();
  } catch (error) {
    await close();
    throw error;
  }
  env.log.info({ id, url: server.url, tools: shelf.list().length }, 'tool server ready');
  return {
    url: server.url,
    id,
    life: lives.life,
    async setLoad(load) {
      meter.force(load);
      await membership?.report();
    },
    drain: async () => membership?.leave(true),
    close,
  };
}

const noHuman: Approve = () => Promise.reject(new Error('no human can be asked'));

function summaryOf(tools: NfTool[]): string {
  return `Tools: ${tools.map((tool) => tool.title).join('; ')}.`.slice(0, 2_000);
}
