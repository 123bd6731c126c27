import type { Env } from '../../../machines/ports.ts';
import type { RestartPolicy } from '../../../machines/protocols/supervision.machine.ts';
import { fail } from '../../errors.ts';
import type { AdoptedState, Adoption } from '../adopt/adoption.ts';
import { type Adoptions, createAdoptions } from '../adopt/adoptions.ts';
import { EXTENSION, type Permission, type Taint } from '../schema/index.ts';
import type { CallToolResult, McpPeer, ServerPart, Tool } from '../session/server-session.ts';
import type { NfTool } from '../tools/types.ts';
import type { SbiPort } from '../toolserver/call.ts';
import type { Shelf } from '../toolserver/shelf.ts';
import { type ApprovalStore, createApprovals, type Pending } from './approvals.ts';
import { createBook, type LifeTimes, type ToolLifeEntry } from './book.ts';
import { type Check, createCheck } from './examine.ts';
import { inTime } from './in-time.ts';
import { lexicalMatch, type ScopeMatch } from './match.ts';
import { type NrfWatch, watchNrf } from './nrf-watch.ts';
import { createPublishing } from './part.ts';
import { createProbes } from './probes.ts';
import { followPublications } from './publications.ts';
import { createToolsets, type Toolset } from './toolsets.ts';

export interface LifeOptions {
  /** Agents that may publish tools here without an approval of each; self-given names where nobody is authenticated. */
  publishers?: string[];
  /** Where approvals outlive the process; without it they do not. */
  approvals?: ApprovalStore;
  match?: ScopeMatch;
  /** The operator's own checks, around those that are shipped. */
  check?: (shipped: Check) => Check;
  /** Score below which a published tool is out of scope, 0..1. */
  threshold?: number;
  times?: Partial<LifeTimes & { probeMs: number; resyncMs: number }>;
  toolsets?: { sets?: Toolset[]; core?: Omit<Toolset, 'name'>; plain?: 'all' | 'core'; hot?: number };
  /** Follows what NFs publish through the NRF. */
  watchNrf?: boolean;
  /** Restarts of adopted servers. */
  restarts?: RestartPolicy;
}

/** The lives of the tools of one server, for its operator. */
export interface ToolLife {
  tools(): ToolLifeEntry[];
  /** What waits for approval, with reasons and difference. */
  approvals(): Pending[];
  /** Binds to the hash that was looked at. @throws NETMCP_NOT_PENDING */
  approve(name: string, hash: string, by: { by: string; permission?: Permission }): Promise<ToolLifeEntry>;
  /** @throws NETMCP_NOT_PENDING */
  reject(name: string, hash: string, by: { by: string }): void;
  /** Marks a published tool as going; it is withdrawn after the time of grace. */
  deprecate(name: string, replacedBy: string): Promise<void>;
  /** What results of adopted servers hid, the last hundred. */
  taints(): Array<{ at: number; tool: string; taint: Taint[] }>;
  /** @throws NETMCP_ADOPTION_INVALID */
  adopt(adoption: Adoption): Promise<AdoptedState>;
  adopted(): AdoptedState[];
  restart(id: string): void;
  release(id: string): Promise<void>;
  /** Probes all providers and reads adopted servers and the NRF anew, instead of at the next time. */
  check(): Promise<void>;
}

/** The same with what the server itself needs of it. */
export interface ToolLifeHost {
  life: ToolLife;
  parts: ServerPart[];
  list(peer: McpPeer): Tool[];
  /** The answer to a call of a tool that is held or was withdrawn. */
  absent(name: string): CallToolResult | undefined;
  used(agent: string, tool: string): void;
  /** Begins to follow the NRF. @throws what the NRF refuses */
  start(): Promise<void>;
  close(): Promise<void>;
}

const TIMES = { graceMs: 60_000, memoryMs: 3_600_000, maxFailures: 3, probeMs: 15_000, resyncMs: 10_000 };
const THRESHOLD = 0.2;
const MAX_TAINTS = 100;
/** For one examination; a search model may be far away. */
const EXAMINE_MS = 10_000;

/** Everything that happens to tools at one server (NetMCP 5). */
export function createToolLife(options: {
  env: Env;
  serverId: string;
  host: string;
  shelf: Shelf;
  sbi: SbiPort;
  /** API root of the NRF, where it can be followed. */
  nrf: string | null;
  own: NfTool[];
  /** Further names that are not given away. */
  reserved?: string[];
  summary: string;
  serviceArea: string[];
  life: LifeOptions;
}): ToolLifeHost {
  const { env, shelf, sbi, own, life } = options;
  const times = { ...TIMES, ...life.times };
  const approvals = createApprovals(env.clock, life.approvals);
  /** Also what others of the server put on the shelf, composites for example. */
  const reserved = () =>
    new Set([
      ...own.map(({ name }) => name),
      ...(options.reserved ?? []),
      ...shelf
        .list()
        .map(({ tool }) => tool.name)
        .filter((name) => !book.shelved(name)),
    ]);
  const taints: Array<{ at: number; tool: string; taint: Taint[] }> = [];
  const publishers = new Set(life.publishers ?? []);

  const checks = createCheck({
    approvals,
    match: life.match ?? lexicalMatch,
    threshold: life.threshold ?? THRESHOLD,
    scope: () => ({
      summary: options.summary,
      categories: [...new Set(own.map(({ meta }) => meta.category))],
      tools: own.map((tool) => ({ ...tool, labels: tool.meta.labels })),
    }),
    reserved,
    offers: () => book.offers(),
  });
  const check = life.check?.(checks) ?? checks;

  /** A decision is kept before it is told: what is taken is pinned, what is held is shown. */
  const decide: Check = async (offer, state) => {
    const checked = await inTime(env, EXAMINE_MS, check(offer, state));
    if (checked.verdict === 'take') approvals.pin(offer);
    else if (checked.open) {
      const { name, provider } = offer;
      approvals.hold(offer, checked.reasons);
      env.log.warn(
        { server: options.serverId, tool: name, provider, reasons: checked.reasons },
        'tool held for approval',
      );
    }
    return checked;
  };
  const book = createBook({
    env,
    shelf,
    serviceArea: options.serviceArea,
    times,
    check: decide,
    permissionOf(name, hash) {
      const pin = approvals.pinOf(name);
      return pin?.hash === hash ? pin.permission : undefined;
    },
  });
  const adoptions: Adoptions = createAdoptions({
    env,
    book,
    ...(life.restarts && { restarts: life.restarts }),
    onTaint(tool, taint) {
      env.log.warn({ tool, kinds: [...new Set(taint.map(({ kind }) => kind))] }, 'result is tainted');
      taints.push({ at: env.clock.now(), tool, taint });
      if (taints.length > MAX_TAINTS) taints.shift();
    },
  });
  const toolsets = createToolsets({ tools: () => shelf.list(), ...life.toolsets });
  const probes = createProbes({ env, book, everyMs: times.probeMs, also: () => adoptions.refresh() });
  const publications = followPublications({ env, book, sbi });
  let watch: NrfWatch | null = null;

  return {
    life: {
      tools: () => book.entries(),
      approvals: waiting,
      async approve(name, hash, { by, permission }) {
        if (reserved().has(name)) throw fail('NETMCP_NAME_RESERVED', { tool: name });
        const { origin, provider } = pending(name, hash);
        approvals.approve(
          name,
          hash,
          by,
          permission ?? (origin === 'adopted' ? openTo(provider) : undefined),
        );
        env.log.info({ tool: name, hash: hash.slice(0, 12), by }, 'tool approved');
        await book.approved(name, hash);
        const entry = book.entry(name);
        return entry ?? { name, state: 'forgotten', version: '', providers: [], replacedBy: '', reason: '' };
      },
      reject(name, hash, { by }) {
        pending(name, hash);
        approvals.reject(name, hash, by);
        env.log.info({ tool: name, hash: hash.slice(0, 12), by }, 'tool rejected');
        book.send(name, { type: 'REJECTED', hash });
      },
      deprecate: (name, replacedBy) => book.deprecate(name, replacedBy),
      taints: () => [...taints],
      adopt: (adoption) => adoptions.adopt(adoption),
      adopted: () => adoptions.list(),
      restart: (id) => adoptions.restart(id),
      release: (id) => adoptions.release(id),
      async check() {
        await probes.run();
        await watch?.sync();
      },
    },
    parts: [
      createPublishing({
        book,
        sbi,
        publishers,
        onUnproved: (agent) =>
          env.log.warn(
            { server: options.serverId, agent },
            'publisher trusted by a name that it gave itself: without authentication anybody can',
          ),
      }),
      toolsets.part,
    ],
    list: (peer) => toolsets.list(peer),
    absent: (name) => explain(options.serverId, name, book.entry(name)),
    used: (agent, tool) => toolsets.used(agent, tool),
    async start() {
      if (options.nrf === null || life.watchNrf !== true) return;
      watch = await watchNrf({
        env,
        nrf: options.nrf,
        host: options.host,
        resyncMs: times.resyncMs,
        published: publications.published,
        gone: publications.gone,
      });
    },
    async close() {
      probes.close();
      await watch?.close();
      await adoptions.close();
      book.close();
    },
  };

  /** What nobody offers any more cannot be approved. */
  function waiting(): Pending[] {
    const offers = book.offers();
    return approvals
      .pending()
      .filter(({ name, hash }) => offers.some((offer) => offer.name === name && offer.hash === hash));
  }

  function pending(name: string, hash: string): Pending {
    const found = waiting().find((one) => one.name === name && one.hash === hash);
    if (found === undefined) throw fail('NETMCP_NOT_PENDING', { tool: name, hash: hash.slice(0, 12) });
    return found;
  }

  /** An adopted tool is open to whom the operator named when it was adopted. */
  function openTo(provider: string): Permission {
    return adoptions.permissionOf(provider.slice('mcp:'.length)) ?? { mode: 'public' };
  }
}

/** NetMCP 5: calls of a withdrawn tool are answered with what replaces it. */
function explain(server: string, name: string, entry: ToolLifeEntry | undefined): CallToolResult | undefined {
  if (entry === undefined || (entry.state !== 'withdrawn' && entry.state !== 'quarantined')) return undefined;
  const held = entry.state === 'quarantined';
  const reason = entry.reason.slice(0, 300);
  const allowed = held
    ? 'once an operator has approved it'
    : entry.replacedBy === ''
      ? 'other tools; see tools/list'
      : entry.replacedBy;
  const message = held
    ? `${name} is held until an operator approves it`
    : `${name} was withdrawn${reason === '' ? '' : `: ${reason}`}`;
  const use = !held && entry.replacedBy !== '' ? ` Use ${entry.replacedBy} instead.` : '';
  return {
    content: [{ type: 'text', text: `${message}.${use}` }],
    isError: true,
    _meta: {
      [EXTENSION]: {
        server,
        chain: [],
        refusal: { step: 'life', parameter: '', rule: entry.state, allowed, message },
      },
    },
  };
}
