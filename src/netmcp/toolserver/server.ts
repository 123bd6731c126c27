import type { Env } from '../../../machines/ports.ts';
import { type Anchor, type AnchorSettings, createAnchor } from '../anchor/anchor.ts';
import { SCOPE_PUBLISH } from '../auth/directory.ts';
import { protection, type ResourceAuth, scopesOf } from '../auth/resource.ts';
import type { ClientAuth } from '../auth/token-source.ts';
import { createToolLife, type LifeOptions, type ToolLife } from '../life/life.ts';
import { createOptimiser, type OptimiseOptions, type Optimiser } from '../optimise/optimiser.ts';
import type { Registration } from '../schema/index.ts';
import type { Embedder } from '../search/embedder.ts';
import type { UsageStore } from '../search/kept-usage.ts';
import { createToolSearch, DISCOVER_TOOL } from '../search/part.ts';
import { type ListenOptions, listenMcp } from '../session/host.ts';
import { pause } from '../session/line.ts';
import type { McpPeer } from '../session/server-session.ts';
import type { NfTool } from '../tools/types.ts';
import type { Trust } from '../transport/address.ts';
import { type Approver, createApprovals } from './approvals.ts';
import { type Audit, noAudit } from './audit.ts';
import type { SbiPort } from './call.ts';
import { createCaller } from './caller.ts';
import { describeShelf } from './describe.ts';
import { type ExpertModel, ruleExpert } from './expert.ts';
import type { Approve } from './human.ts';
import { type LoopDelay, measure } from './load.ts';
import { createMeter } from './meter.ts';
import { type NfLoad, openNfLoad } from './nf-load.ts';
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
  /** URL of the management server, or of several that share one registry; without it there is no registry. */
  management?: string | string[];
  /** Over what it is reached, and registered; plain HTTP if nothing is said. */
  listen?: ListenOptions;
  /** Whom it trusts as management server. */
  trust?: Trust;
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
  /** Search by meaning beside search by words (NetMCP 8). */
  embedder?: Embedder;
  /** Where what the search learns of use outlives the process; without it it does not. */
  usage?: UsageStore;
  /** Who may come in, and how the server itself registers; without it everybody on loopback is served. */
  auth?: ResourceAuth & { client: ClientAuth };
  /** Load of the NFs; read from the NRF if not given, where its address is known. */
  nfLoad?: Pick<NfLoad, 'read'>;
  /** Tools that come and go: publication, approval, toolsets, adopted servers. */
  life?: LifeOptions;
  /** Learns recurring sequences of calls and offers each as one tool; left out, it does not (NetMCP 8). */
  optimise?: OptimiseOptions;
  /** Delay of the event loop of the process, `watchLoop()`; counts as load where it is given. */
  loop?: LoopDelay;
  /** How it works as an anchor (NetMCP 6); false: not at all. */
  anchor?: AnchorSettings | false;
}

export interface ToolServer {
  url: string;
  /** All endpoints, that of `url` first. */
  endpoints: string[];
  /** Resolves when the client on the standard streams has gone. */
  ended: Promise<void>;
  id: string;
  /** What happens to its tools (NetMCP 5). */
  life: ToolLife;
  /** Fixes the load that it reports, in percent, and refuses calls from 100 on; null measures again. */
  setLoad(load: number | null): Promise<void>;
  /** Leaves the registry but serves on, so that clients can finish. */
  drain(): Promise<void>;
  /** The composite tools and how they came about; null where it does not optimise itself. */
  optimiser: Pick<Optimiser<never>, 'list' | 'register' | 'withdraw' | 'onEvent'> | null;
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
  const meter = createMeter(env.clock, options.limits ?? { parallel: 32, queue: 128 }, async () => {
    await membership?.report();
    // A load that swings is told a few times a second at most.
    await pause(env, STEP_MS);
  });
  const nrfLoad = typeof options.nrf === 'string' ? openNfLoad(env, options.nrf) : null;
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
    reserved: [DISCOVER_TOOL],
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

  const direct = createCaller({
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
    absent: lives.absent,
    onCall: (call) => {
      for (const uri of surface.noteCall(call)) for (const peer of server.peers()) peer.updated?.(uri);
    },
  });
  const surface = createSurface({
    env,
    serverId: id,
    shelf,
    meter,
    rules,
  });
  const optimiser =
    options.optimise === undefined
      ? null
      : createOptimiser<McpPeer>({ env, serverId: id, shelf, call: direct, options: options.optimise });
  const call = optimiser?.call ?? direct;
  const search = createToolSearch({
    env,
    shelf,
    server: { id, summary: options.summary ?? '' },
    ...(options.embedder && { embedder: options.embedder }),
    ...(options.usage && { usageStore: options.usage }),
    elsewhere: async (peer, context) => anchor?.elsewhere(peer, context) ?? new Map(),
  });
  const callHere: typeof call = async (request) => {
    const result = await call(request);
    search.called(request.identity, request.name, result);
    return result;
  };
  const anchor: Anchor | null =
    options.anchor === false || options.management === undefined
      ? null
      : createAnchor({
          env,
          serverId: id,
          management: [options.management].flat(),
          shelf,
          caller: callHere,
          settings: options.anchor ?? {},
          ...(options.trust && { trust: options.trust }),
          ...(options.auth && { auth: { issuer: options.auth.issuer, ...options.auth.client } }),
        });
  const server = await listenMcp({
    env,
    host: options.host,
    port: options.port,
    ...(options.listen && { listen: options.listen }),
    side: {
      name: id,
      instructions: options.summary ?? summaryOf(options.tools),
      parts: [
        { features: ['trace'], methods: new Map(), onClose: (peer) => optimiser?.gone(peer) },
        search.part,
        ...lives.parts,
        ...(anchor?.parts ?? []),
      ],
      ...surface.side,
      listTools(peer, context) {
        const shown = new Set([...lives.list(peer).map(({ name }) => name), DISCOVER_TOOL]);
        const own = search.list(peer, context.identity).filter(({ name }) => shown.has(name));
        return anchor?.listTools(own, peer, context) ?? own;
      },
      async callTool(peer, request) {
        if (request.name === DISCOVER_TOOL) return search.callTool(peer, request, request.arguments);
        const { name } = request;
        // What was here, or is held, is answered here and sought nowhere else (NetMCP 5).
        const elsewhere = shelf.get(name) === undefined && lives.absent(name) === undefined;
        if (elsewhere && anchor !== null) return anchor.callTool(peer, request);
        if (shelf.get(name) !== undefined) lives.used(peer.agent, name);
        const result = await callHere(request);
        optimiser?.seen(peer, request, result);
        return result;
      },
    },
    ...protection({
      env,
      auth: options.auth,
      name: id,
      scopes: () => [...scopesOf(shelf.list()), SCOPE_PUBLISH],
    }),
  });
  anchor?.start(server.endpoints);
  shelf.onChange(() => {
    for (const peer of server.peers()) {
      peer.notify('notifications/tools/list_changed', {});
      peer.notify('notifications/resources/list_changed', {});
      peer.updated?.(surface.toolsUri);
    }
    tellChange();
  });
  const close = async () => {
    optimiser?.close();
    search.close();
    await membership?.leave(false);
    await anchor?.close();
    await lives.close();
    await server.close();
    await sbi.close();
    await nrfLoad?.close();
    options.loop?.close();
  };
  const registration: Registration = {
    serverId: id,
    endpoints: server.endpoints,
    vendor: 'netagent',
    version: '1.0',
    maxLoad: 100,
    serviceArea: options.serviceArea ?? [],
    summary: options.summary ?? summaryOf(options.tools),
    ...describeShelf(shelf),
  };
  try {
    if (options.management !== undefined) {
      const { management, trust: tls } = options;
      membership = await joinRegistry({
        env,
        management,
        registration,
        measure: () =>
          measure({
            meter,
            loop: options.loop ?? null,
            nfLoad: options.nfLoad ?? nrfLoad,
            behind: () => shelf.list().map(({ tool }) => tool.meta.nf.map(({ type }) => type)),
          }),
        ...(tls && { tls }),
        ...(options.auth && { auth: { issuer: options.auth.issuer, ...options.auth.client } }),
      });
    }
    await lives.start();
  } catch (error) {
    await close();
    throw error;
  }
  env.log.info({ id, url: server.url, tools: shelf.list().length }, 'tool server ready');
  return {
    url: server.url,
    endpoints: server.endpoints,
    ended: server.ended,
    id,
    life: lives.life,
    async setLoad(load) {
      meter.force(load);
      await membership?.report();
    },
    drain: async () => membership?.leave(true),
    optimiser,
    close,
  };
}

/** ms between two reports that a step of the load brings about. */
const STEP_MS = 250;

function summaryOf(tools: NfTool[]): string {
  return `Tools: ${tools.map((tool) => tool.title).join('; ')}.`.slice(0, 2_000);
}
