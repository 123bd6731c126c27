import { createHash } from 'node:crypto';
import type { Env } from '../../../machines/ports.ts';
import type { Registration } from '../schema/index.ts';
import { listenMcp } from '../session/host.ts';
import type { NfTool } from '../tools/types.ts';
import { type Approver, createApprovals } from './approvals.ts';
import { type Audit, noAudit } from './audit.ts';
import type { SbiPort } from './call.ts';
import { createCaller } from './caller.ts';
import { type ExpertModel, ruleExpert } from './expert.ts';
import type { Approve } from './human.ts';
import { createMeter } from './meter.ts';
import { createAuthoriser, OPERATOR_LIMITS, type PolicyRule } from './policy.ts';
import { loadPolicy } from './policy-file.ts';
import { memoryReceipts, type Receipts } from './receipts.ts';
import { joinRegistry, type Membership } from './registration.ts';
import { openSbiPort } from './sbi-port.ts';
import { createShelf } from './shelf.ts';
import { createStateSource, type StateSource } from './state.ts';
import { createSurface } from './surface.ts';

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
  /** Limits of the operator: rules, or a YAML file of them. */
  policy?: PolicyRule[] | string;
  /** Judges what the rules let through; the rules of the trade if not given. */
  expert?: ExpertModel;
  /** What rules see as `state`; what passes through this server if not given. */
  state?: StateSource;
  /** Asks a human of the operator where a client cannot put the question; without it such a call is refused. */
  approve?: Approve;
  /** Those whose signed approvals count. */
  approvers?: Approver[];
  /** Memory of executed effects; give a durable one so that it survives a killed process. */
  receipts?: Receipts;
  audit?: Audit;
}

export interface ToolServer {
  url: string;
  id: string;
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
  const { policy = OPERATOR_LIMITS, receipts = memoryReceipts() } = options;
  const rules = typeof policy === 'string' ? loadPolicy(policy) : policy;
  const meter = createMeter(env.clock, options.limits ?? { parallel: 32, queue: 128 });
  const sbi = typeof options.nrf === 'string' ? openSbiPort(env, options.nrf) : options.nrf;
  let membership: Membership | null = null;
  let toldBusy = false;

  /** Does not wait for the heartbeat when the limit is reached; once until it is calm again. */
  function tellBusy(): void {
    if (toldBusy) return;
    toldBusy = true;
    void membership?.report().finally(() => {
      toldBusy = false;
    });
  }

  const call = createCaller({
    env,
    serverId: id,
    shelf,
    meter,
    sbi,
    authoriser: createAuthoriser(rules),
    expert: options.expert ?? ruleExpert(),
    state: options.state ?? createStateSource(env.clock, meter),
    approvals: createApprovals({ env, approvers: options.approvers ?? [], receipts }),
    approve: options.approve,
    audit: options.audit ?? noAudit,
    receipts,
    alternates: () => membership?.alternates() ?? [],
    onBusy: tellBusy,
    onCall: (call) => {
      for (const uri of surface.noteCall(call)) for (const peer of server.peers()) peer.updated?.(uri);
    },
  });
  const surface = createSurface({ env, serverId: id, shelf, meter, rules });
  const server = await listenMcp({
    env,
    host: options.host,
    port: options.port,
    side: {
      name: id,
      instructions: options.summary ?? summaryOf(options.tools),
      parts: [{ features: ['trace'], methods: new Map() }],
      ...surface.side,
      listTools: () => shelf.list().map(({ definition }) => definition),
      callTool: (_, request) => call(request),
    },
  });
  shelf.onChange(() => {
    for (const peer of server.peers()) {
      peer.notify('notifications/tools/list_changed', {});
      peer.notify('notifications/resources/list_changed', {});
      peer.updated?.(surface.toolsUri);
    }
  });
  const close = async () => {
    await membership?.leave(false);
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
    categories: [...new Set(options.tools.map((tool) => tool.meta.category))],
    summary: options.summary ?? summaryOf(options.tools),
    toolCount: shelf.list().length,
    digest: createHash('sha256')
      .update(
        JSON.stringify(shelf.list().map(({ definition: { name, inputSchema } }) => [name, inputSchema])),
      )
      .digest('hex'),
    tools: options.tools.map(({ name, title, description, meta }) => ({
      name,
      title,
      description,
      labels: meta.labels,
    })),
  };
  const measure = () => ({
    load: meter.load(),
    inFlight: meter.inFlight(),
    queue: meter.queue(),
    p95Ms: meter.p95Ms(),
  });
  try {
    membership = await joinRegistry({ env, management: options.management, registration, measure });
  } catch (error) {
    await close();
    throw error;
  }
  env.log.info({ id, url: server.url, tools: shelf.list().length }, 'tool server ready');
  return {
    url: server.url,
    id,
    async setLoad(load) {
      meter.force(load);
      await membership?.report();
    },
    drain: async () => membership?.leave(true),
    close,
  };
}

function summaryOf(tools: NfTool[]): string {
  return `Tools: ${tools.map((tool) => tool.title).join('; ')}.`.slice(0, 2_000);
}
