import { join } from 'node:path';
import type { Env } from '../../machines/ports.ts';
import type { Store } from '../durable/index.ts';
import { fail } from '../errors.ts';
import {
  type Adoption,
  type Audit,
  type ClientAuth,
  type ContextStore,
  type NfTool,
  openAudit,
  scoped,
  startManagementServer,
  startToolServer,
  storeReceipts,
  TOOL_AREAS,
  type ToolServer,
  type TrustedClient,
  toolsOf,
  watchLoop,
} from '../netmcp/index.ts';
import { readBundle, toolsOfBundle } from '../toolization/index.ts';
import { type NetMcpAuth, type NetMcpAuthOptions, startNetMcpAuth } from './netmcp-auth.ts';
import { WORKFLOWS } from './workflows/identity.ts';

/** How NetMCP is run, beyond what every runtime does. */
export interface NetMcpOptions {
  /** YAML file of the operator's limits, in place of those that ship. */
  policy?: string;
  /** Plain MCP servers whose tools appear through a tool server of their own. */
  adopt?: Adoption[];
  /** Bundles of imported tools, each with another API root of its provider if one is given. */
  bundles?: Array<{ file: string; url?: string }>;
  /** Learn recurring sequences of calls and offer each as one tool. */
  learn?: boolean;
  /** Management servers that share one registry; 1 if not given. */
  managers?: number;
  /** Everybody needs a token; without it everybody on loopback is served. */
  auth?: NetMcpAuthOptions;
}

/** A tool that waits for the operator. */
export interface HeldTool {
  server: string;
  name: string;
  provider: string;
  hash: string;
  reasons: string[];
  difference: string[];
}

const ADOPTED = 'adopted-tools';
const IMPORTED = 'imported-tools';
/** Tools that start workflows. */
const WORKFLOW_TOOLS = 'workflow-tools';
const managerId = (n: number) => `netagent/netmcp/management-${n + 1}`;

/** The part that serves CAMARA's APIs, and whose resource they are. */
export const CAMARA_CLIENT = 'netagent/gateway/camara';

/** The clients of this runtime's own, and what each may do. */
function partsOf(
  agents: string[],
  { managers = 1, adopt = [], bundles = [] }: NetMcpOptions,
): TrustedClient[] {
  const servers = [
    ...TOOL_AREAS.map((area) => `${area}-tools`),
    ...(adopt.length > 0 ? [ADOPTED] : []),
    ...(bundles.length > 0 ? [IMPORTED] : []),
    WORKFLOW_TOOLS,
  ];
  return [
    ...[...agents, CAMARA_CLIENT, WORKFLOWS].map((id) => ({ id, scopes: ['netmcp:use'] })),
    ...servers.map((id) => ({ id, scopes: ['netmcp:use', 'netmcp:register'] })),
    ...Array.from({ length: managers }, (_, n) => ({
      id: managerId(n),
      scopes: ['netmcp:use', 'netmcp:replicate'],
    })),
  ];
}

/**
 * The management servers and the tool servers of the runtime. What they must not forget is kept: executed
 * effects, approvals and contexts in stores, what was decided in an audit log a server.
 */
export async function startNetMcp(options: {
  env: Env;
  host: string;
  nrf: string;
  /** Shared by the tool servers, so that each can take over from another. */
  contexts: ContextStore;
  store: Store;
  dataDir: string;
  netmcp?: NetMcpOptions;
  /** Ids of the runtime's agents, which get tokens of their own. */
  agents: string[];
}) {
  const { env, host, nrf, contexts, store, dataDir, netmcp = {} } = options;
  const closers: Array<() => Promise<void> | void> = [];
  const close = async () => {
    for (const end of closers.splice(0).reverse()) await end();
  };
  const servers: ToolServer[] = [];
  let auth: NetMcpAuth | null = null;
  let importedTools = 0;

  async function serve(id: string, tools: ReturnType<typeof toolsOf>): Promise<ToolServer> {
    const audit: Audit = openAudit({ file: join(dataDir, 'audit', `${id}.jsonl`), clock: env.clock });
    closers.push(() => audit.close());
    const server = await startToolServer({
      env,
      host,
      port: 0,
      id,
      management: managers,
      nrf,
      tools,
      loop: watchLoop(),
      life: {
        watchNrf: ![ADOPTED, IMPORTED, WORKFLOW_TOOLS].includes(id),
        approvals: store.collection(`netmcp-approvals/${id}`),
      },
      anchor: { contexts },
      receipts: storeReceipts(store, id),
      usage: store.collection(`netmcp-usage/${id}`),
      audit,
      ...(netmcp.policy !== undefined && { policy: netmcp.policy }),
      ...(netmcp.learn === true && { optimise: {} }),
      ...(auth && { auth: { issuer: auth.server.issuer, client: auth.clientOf(id) } }),
    });
    closers.push(() => server.close());
    servers.push(server);
    return server;
  }

  const managers: string[] = [];
  try {
    if (netmcp.auth !== undefined) {
      const parts = partsOf(options.agents, netmcp);
      auth = await startNetMcpAuth({ env, host, store, parts, auth: netmcp.auth });
      closers.push(auth.close);
    }
    for (let n = 0; n < (netmcp.managers ?? 1); n += 1) {
      const management = await startManagementServer({
        env,
        host,
        port: 0,
        peers: [...managers],
        ...(auth && {
          auth: {
            issuer: auth.server.issuer,
            resources: auth.server.resources,
            client: auth.clientOf(managerId(n)),
          },
        }),
      });
      closers.push(() => management.close());
      managers.push(management.url);
    }
    for (const area of TOOL_AREAS) {
      const tools = toolsOf(area);
      await serve(`${area}-tools`, netmcp.auth === undefined ? tools : scoped(tools));
    }
    const known = TOOL_AREAS.flatMap((area) => toolsOf(area));
    const taken = new Set(known.map(({ name }) => name));
    const imported = (netmcp.bundles ?? []).map(({ file, url }) => {
      const upstream = url !== undefined && { upstream: { url } };
      const made = toolsOfBundle(readBundle(file), {
        known,
        env,
        scoped: netmcp.auth !== undefined,
        ...upstream,
      });
      closers.push(made.close);
      for (const { name } of made.tools) {
        // A second tool of that name would be called in place of the first.
        if (taken.has(name))
          throw fail('TOOLS_BUNDLE_INVALID', { file, problem: `there is another tool ${name}` });
        taken.add(name);
      }
      return made.tools;
    });
    if (imported.length > 0) {
      await serve(IMPORTED, imported.flat());
      importedTools = imported.flat().length;
    }
    const adopt = netmcp.adopt ?? [];
    if (adopt.length > 0) {
      const server = await serve(ADOPTED, []);
      for (const one of adopt) await server.life.adopt(one);
    }
  } catch (error) {
    await close();
    throw error;
  }

  const held = (): HeldTool[] =>
    servers.flatMap(({ id, life }) =>
      life.approvals().map(({ name, provider, hash, reasons, difference }) => ({
        server: id,
        name,
        provider,
        hash,
        reasons,
        difference: difference.map(({ path, before, after }) => `${path}: ${before} -> ${after}`),
      })),
    );
  /** @throws NETMCP_NOT_PENDING */
  async function decide(name: string, verdict: 'approve' | 'reject', hash: string): Promise<void> {
    const server = servers.find(({ life }) => life.approvals().some((one) => one.name === name));
    if (server === undefined) throw fail('NETMCP_NOT_PENDING', { tool: name, hash });
    if (verdict === 'approve') await server.life.approve(name, hash, { by: 'operator' });
    else server.life.reject(name, hash, { by: 'operator' });
  }

  return {
    issuer: auth?.server.issuer,
    resources: auth?.server.resources,
    /** How an agent comes by its tokens; undefined where none are needed. */
    authOf: (agent: string): ClientAuth | undefined => auth?.clientOf(agent),
    /** All that share the registry. */
    managers,
    servers: servers.map(({ url }) => url),
    tools: TOOL_AREAS.reduce((sum, area) => sum + toolsOf(area).length, importedTools),
    held,
    decide,
    /** One more tool server, for what agents and third parties may start. */
    serveWorkflows: (tools: NfTool[]) => serve(WORKFLOW_TOOLS, tools),
    close,
  };
}
