import { createHash } from 'node:crypto';
import type { Env } from '../../../machines/ports.ts';
import { callMetaSchema, ERROR_OVERLOADED, EXTENSION, type Registration } from '../schema.ts';
import { listenMcp } from '../session/host.ts';
import { INVALID_PARAMS, RpcError } from '../session/rpc-error.ts';
import type { CallRequest, CallToolResult, McpPeer } from '../session/server-session.ts';
import type { NfTool } from '../tools/types.ts';
import { type Approve, type CallEnd, runCall, type SbiPort } from './call.ts';
import { createReplays } from './idempotency.ts';
import { createMeter } from './meter.ts';
import { createAuthoriser, OPERATOR_LIMITS, type PolicyRule } from './policy.ts';
import { joinRegistry, type Membership } from './registration.ts';
import { openSbiPort } from './sbi-port.ts';
import { compileTool } from './verify.ts';

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
  const tools = new Map(
    options.tools
      .map((tool) => ({ ...tool, meta: { ...tool.meta, serviceArea: options.serviceArea ?? [] } }))
      .map((tool) => [tool.name, compileTool(tool)]),
  );
  const definitions = [...tools.values()].map(({ definition }) => definition);
  const authoriser = createAuthoriser(options.policy ?? OPERATOR_LIMITS);
  const meter = createMeter(env.clock, options.limits ?? { parallel: 32, queue: 128 });
  const replays = createReplays<CallEnd>(env.clock, (end) => end.binding);
  const sbi = typeof options.nrf === 'string' ? openSbiPort(env, options.nrf) : options.nrf;
  let membership: Membership | null = null;
  let toldBusy = false;

  async function callTool(peer: McpPeer, request: CallRequest): Promise<CallToolResult> {
    const compiled = tools.get(request.name);
    if (compiled === undefined)
      throw new RpcError(INVALID_PARAMS, `Unknown tool: ${request.name.slice(0, 128)}`);
    const meta = callMetaSchema.safeParse(request.meta ?? {});
    if (!meta.success) throw new RpcError(INVALID_PARAMS, `Malformed _meta["${EXTENSION}"]`);
    const entry = meter.enter();
    if (entry === null) {
      tellBusy();
      throw new RpcError(ERROR_OVERLOADED, `${id} is past its limit`, {
        alternates: membership?.alternates() ?? [],
        retryAfterMs: Math.max(200, Math.min(5_000, meter.p95Ms() * 4)),
      });
    }
    const leave = await entry;
    try {
      const args = withoutNulls(request.arguments);
      const run = () =>
        runCall({
          env,
          serverId: id,
          agent: peer.agent,
          compiled,
          args,
          meta: meta.data,
          signal: request.signal,
          sbi,
          authoriser,
          approve: options.approve ?? noHuman,
        });
      const key = meta.data.idempotencyKey;
      if (key === undefined || meta.data.dryRun === true) return (await run()).result;
      const once = await replays.once(`${peer.agent}\n${request.name}\n${key}`, args, run);
      if (once === 'conflict') return conflict(id, request.name);
      return once.replayed ? markReplayed(once.result.result) : once.result.result;
    } finally {
      leave();
    }
  }

  /** Does not wait for the heartbeat when the limit is reached; once until it is calm again. */
  function tellBusy(): void {
    if (toldBusy) return;
    toldBusy = true;
    void membership?.report().finally(() => {
      toldBusy = false;
    });
  }

  const server = await listenMcp({
    env,
    host: options.host,
    port: options.port,
    side: {
      name: id,
      instructions: options.summary ?? summaryOf(options.tools),
      features: ['discover', 'load', 'lifecycle', 'trace'],
      listTools: () => definitions,
      callTool,
      methods: new Map(),
    },
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
    toolCount: definitions.length,
    digest: createHash('sha256')
      .update(JSON.stringify(definitions.map(({ name, inputSchema }) => [name, inputSchema])))
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
  env.log.info({ id, url: server.url, tools: definitions.length }, 'tool server ready');
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

const noHuman: Approve = () => Promise.reject(new Error('no human can be asked'));

/** An agent's expression gives null for what it does not have: at the top level that means absent. */
function withoutNulls(args: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== null));
}

function summaryOf(tools: NfTool[]): string {
  return `Tools: ${tools.map((tool) => tool.title).join('; ')}.`.slice(0, 2_000);
}

function markReplayed(result: CallToolResult): CallToolResult {
  const own = (result._meta?.[EXTENSION] ?? {}) as Record<string, unknown>;
  return { ...result, _meta: { ...result._meta, [EXTENSION]: { ...own, replayed: true } } };
}

function conflict(server: string, tool: string): CallToolResult {
  const refusal = {
    step: 'idempotency' as const,
    parameter: 'idempotencyKey',
    rule: 'one key, one set of arguments',
    allowed: 'a new key, or the same arguments',
    message: 'the idempotency key was used with other arguments',
  };
  return {
    content: [
      {
        type: 'text',
        text: `${tool} was refused (idempotency): ${refusal.message}. Allowed: ${refusal.allowed}.`,
      },
    ],
    isError: true,
    _meta: { [EXTENSION]: { server, chain: [], refusal } },
  };
}
