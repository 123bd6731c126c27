import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Faults that a NetMCP server can have; each is one that the kit must find. */
export type Fault =
  | 'no-extension'
  | 'invents-features'
  | 'wants-netmcp'
  | 'takes-any-version'
  | 'dies-of-offers'
  | 'serves-unnamed'
  | 'any-method'
  | 'any-origin'
  | 'any-host'
  | 'sessions-live-on'
  | 'malformed-is-internal'
  | 'name-twice'
  | 'schema-broken'
  | 'definition-huge'
  | 'meta-broken'
  | 'rule-broken'
  | 'hint-wrong'
  | 'order-random'
  | 'mute-tools'
  | 'no-chain'
  | 'output-wrong'
  | 'unknown-is-result'
  | 'no-verification'
  | 'dry-run-executes'
  | 'never-replays'
  | 'key-for-all'
  | 'any-meta'
  | 'trace-breaks'
  | 'meta-needed'
  | 'no-fence'
  | 'endless-report'
  | 'finds-everything'
  | 'flat-load'
  | 'any-load'
  | 'silent'
  | 'drains-at-full-weight'
  | 'any-lease'
  | 'twice-the-same'
  | 'no-plain-tools';

type Json = Record<string, unknown>;
const KEY = 'org.gtigroup/netmcp';

interface Server {
  serverId: string;
  serviceArea: string[];
  tools: Array<{ name: string; description?: string }>;
  lease: string;
  load: number;
  state: string;
}

class Rpc extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * A NetMCP server by hand, right but for one fault: a tool server, or with `manages` a management server.
 * Returns its URL and how to stop it.
 */
export async function wrongServer(manages: boolean, fault?: Fault) {
  const is = (name: Fault) => fault === name;
  const FEATURES = manages ? ['discover', 'load', 'lifecycle', 'trace'] : ['trace'];
  const epochs = new Map<string, number>();
  const sessions = new Map<string, { features: string[]; netmcp: boolean }>();
  const streams = new Set<ServerResponse>();
  const replays = new Map<string, { args: string; result: Json }>();
  const servers = new Map<string, Server>();
  let chainIds = 0;

  const notify = (method: string, params: Json) => {
    if (is('silent')) return;
    for (const stream of streams)
      stream.write(`data: ${JSON.stringify({ jsonrpc: '2.0', method, params })}\n\n`);
  };

  function initialize(params: Json): { result: Json; sessionId: string } {
    const capabilities = params.capabilities as { extensions?: Record<string, unknown> } | undefined;
    const offer = capabilities?.extensions?.[KEY] as { versions?: unknown; features?: unknown } | undefined;
    const versions = Array.isArray(offer?.versions) ? offer.versions : [];
    if (is('dies-of-offers') && offer !== undefined && !Array.isArray(offer.versions))
      throw new Rpc(-32603, 'internal error');
    const agreed = versions.includes('1.0') || (is('takes-any-version') && versions.includes('9.0'));
    const named = Array.isArray(offer?.features) ? offer.features.map(String) : [];
    const sessionId = randomUUID();
    sessions.set(sessionId, {
      netmcp: agreed,
      features: agreed ? FEATURES.filter((feature) => is('serves-unnamed') || named.includes(feature)) : [],
    });
    const features = is('invents-features') ? [...FEATURES, 'telepathy'] : FEATURES;
    const answer = agreed || offer === undefined ? { version: '1.0', features } : { versions: ['1.0'] };
    const extensions = is('no-extension') ? {} : { extensions: { [KEY]: answer } };
    return {
      sessionId,
      result: {
        protocolVersion: '2025-11-25',
        capabilities: { tools: {}, ...extensions },
        serverInfo: { name: 'wrong', version: '1' },
      },
    };
  }

  function definitions(): Json[] {
    const tool = (name: string, effects: string, more: Json = {}): Json => ({
      name,
      description: is('mute-tools') ? '' : 'Reads a value of the network.',
      inputSchema: {
        type: 'object',
        properties: { value: { type: 'number', minimum: 1 } },
        required: ['value'],
        additionalProperties: false,
        ...(is('schema-broken') && { properties: { value: { type: 'numeral' } } }),
      },
      outputSchema: { type: 'object', properties: { value: { type: 'number' } }, required: ['value'] },
      annotations: { readOnlyHint: is('hint-wrong') ? false : effects === 'read', destructiveHint: false },
      _meta: {
        [KEY]: {
          version: '1.0',
          category: is('meta-broken') ? 'magic' : 'data',
          labels: [],
          serviceArea: [],
          permission: { mode: 'public' },
          constraints: [
            { rule: is('rule-broken') ? 'args.value >' : 'args.value < 100.0', message: 'below 100' },
          ],
          effects,
          nf: [{ type: 'NRF', operations: ['read'] }],
        },
      },
      ...more,
    });
    const own = [tool('wrong_read', 'read'), tool('wrong_write', 'reversible')];
    if (is('name-twice')) own.push(tool('wrong_read', 'read'));
    if (is('definition-huge')) own.push(tool('wrong_huge', 'read', { title: 'x'.repeat(5_000) }));
    if (is('order-random') && chainIds++ % 2 === 1) own.reverse();
    if (!manages || is('no-plain-tools')) return own;
    const plain = ['register', 'update', 'deregister', 'report', 'discover'];
    return [
      ...own,
      ...plain.map((verb) => ({
        name: `servers_${verb}`,
        description: is('mute-tools') ? '' : `Plain form of ${verb}.`,
        inputSchema: { type: 'object' },
      })),
    ];
  }

  function callTool(params: Json, netmcp: boolean): Json {
    const name = String(params.name);
    const args = (params.arguments ?? {}) as Json;
    const meta = ((params._meta as Json | undefined)?.[KEY] ?? {}) as Json;
    if (manages && name === 'servers_discover') {
      const output = { servers: discover(args) };
      return { content: [], structuredContent: output };
    }
    const failed = (text: string, own: Json = {}): Json => ({
      content: [{ type: 'text', text }],
      isError: true,
      _meta: { [KEY]: { server: 'wrong', chain: [], ...own } },
    });
    if (!definitions().some((tool) => tool.name === name)) {
      if (is('unknown-is-result')) return failed('no such tool');
      throw new Rpc(-32602, 'Unknown tool');
    }
    if (is('meta-needed') && !netmcp) throw new Rpc(-32602, 'metadata is missing');
    if (!is('any-meta') && meta.deadline !== undefined && typeof meta.deadline !== 'number')
      throw new Rpc(-32602, 'Malformed metadata');
    if (is('trace-breaks') && meta.traceparent !== undefined) return failed('cannot trace');
    const step = meta.execution as { id: string; epoch: number } | undefined;
    if (step !== undefined) {
      if (step.epoch < (epochs.get(step.id) ?? 0) && !is('no-fence')) throw new Rpc(-32011, 'stale');
      epochs.set(step.id, step.epoch);
    }
    const key = meta.idempotencyKey as string | undefined;
    const before = key === undefined || is('never-replays') ? undefined : replays.get(key);
    if (before !== undefined) {
      if (before.args !== JSON.stringify(args) && !is('key-for-all')) return failed('other arguments');
      return {
        ...before.result,
        _meta: { [KEY]: { ...((before.result._meta as Json)[KEY] as Json), replayed: true } },
      };
    }
    const refusal = {
      step: 'schema',
      parameter: 'x',
      rule: 'additionalProperties',
      allowed: 'value',
      message: 'no',
    };
    const extra = Object.keys(args).some((argument) => argument !== 'value');
    if (extra && !is('no-verification') && !(is('key-for-all') && key !== undefined))
      return failed('refused', { refusal });
    chainIds += 1;
    const chain = [{ nf: 'NRF', operation: 'read', status: 200, ms: chainIds }];
    if (meta.dryRun === true) {
      const run = { server: 'wrong', chain: is('dry-run-executes') ? chain : [], dryRun: true };
      return { content: [], _meta: { [KEY]: run } };
    }
    const result: Json = {
      content: [],
      structuredContent: { value: is('output-wrong') ? 'much' : 42 },
      _meta: { [KEY]: { server: 'wrong', ...(is('no-chain') ? {} : { chain }) } },
    };
    if (key !== undefined) replays.set(key, { args: JSON.stringify(args), result });
    return result;
  }

  function discover(query: Json): Json[] {
    const found = [...servers.values()].filter(
      (server) =>
        is('finds-everything') ||
        ((query.tool === undefined || server.tools.some(({ name }) => name === query.tool)) &&
          (query.serviceArea === undefined || server.serviceArea.includes(String(query.serviceArea)))),
    );
    return found.map((server) => ({ ...server, weight: weight(server) }));
  }

  function weight({ state, load }: Server): number {
    if (state === 'draining') return is('drains-at-full-weight') ? 100 : 0;
    return is('flat-load') ? 50 : 100 - load;
  }

  function byLease(lease: unknown): Server {
    const server = [...servers.values()].find((one) => one.lease === lease);
    if (server === undefined) {
      if (is('any-lease'))
        return { serverId: '', serviceArea: [], tools: [], lease: '', load: 0, state: 'normal' };
      throw new Rpc(-32602, 'unknown lease');
    }
    return server;
  }

  function manage(method: string, params: Json): Json {
    switch (method) {
      case 'netmcp/servers/register': {
        const key = is('twice-the-same') ? randomUUID() : String(params.serverId);
        const lease = randomUUID();
        const { serverId, serviceArea = [], tools } = params as unknown as Server;
        servers.set(key, { serverId, serviceArea, tools, lease, load: 0, state: 'normal' });
        return { lease, leaseMs: 15_000, reportEveryMs: is('endless-report') ? 60_000 : 5_000 };
      }
      case 'netmcp/servers/report': {
        const server = byLease(params.lease);
        const load = params.load;
        const bad = typeof load !== 'number' || load < 0 || load > 100;
        if (bad && !is('any-load')) throw new Rpc(-32602, 'load must be a percentage');
        server.load = Number(load);
        if (server.state !== 'draining' && !is('flat-load'))
          server.state = server.load >= 90 ? 'overloaded' : 'normal';
        notify('notifications/netmcp/load', { ...server, weight: weight(server) });
        return { state: server.state, weight: weight(server), alternates: [] };
      }
      case 'netmcp/servers/deregister': {
        const server = byLease(params.lease);
        if (params.drain === true) server.state = 'draining';
        else {
          for (const [key, one] of servers) if (one === server) servers.delete(key);
          notify('notifications/netmcp/servers/changed', { serverId: server.serverId, change: 'gone' });
        }
        return {};
      }
      case 'netmcp/servers/discover':
        return { servers: discover(params) };
      case 'netmcp/servers/subscribe':
        return { subscribed: true };
      default:
        throw new Rpc(-32601, 'Method not found');
    }
  }

  const NEEDS: Record<string, string> = {
    'netmcp/servers/register': 'lifecycle',
    'netmcp/servers/deregister': 'lifecycle',
    'netmcp/servers/report': 'load',
    'netmcp/servers/subscribe': 'load',
    'netmcp/servers/discover': 'discover',
  };

  function answer(session: { features: string[]; netmcp: boolean }, method: string, params: Json): Json {
    if (method === 'ping') return {};
    if (method === 'tools/list') {
      if (is('wants-netmcp') && !session.netmcp) throw new Rpc(-32600, 'this server speaks NetMCP only');
      return { tools: definitions() };
    }
    if (method === 'tools/call') return callTool(params, session.netmcp);
    const feature = NEEDS[method];
    if (is('any-method') && (feature === undefined || !manages)) return {};
    if (feature === undefined || !manages || !session.features.includes(feature))
      throw new Rpc(-32601, 'Method not found');
    return manage(method, params);
  }

  const http = createServer((request, response) => {
    void take(request, response);
  });
  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { port } = http.address() as AddressInfo;
    const end = (status: number, body?: Json, headers: Record<string, string> = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(body === undefined ? '' : JSON.stringify(body));
    };
    const foreignOrigin = request.headers.origin !== undefined && !is('any-origin');
    if (foreignOrigin || (request.headers.host !== `127.0.0.1:${port}` && !is('any-host'))) return end(403);
    const id = request.headers['mcp-session-id'] as string | undefined;
    const session = id === undefined ? undefined : sessions.get(id);
    if (id !== undefined && session === undefined) return end(404);
    if (request.method === 'DELETE') {
      if (!is('sessions-live-on')) sessions.delete(id ?? '');
      return end(200);
    }
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      streams.add(response);
      response.on('close', () => streams.delete(response));
      return;
    }
    let text = '';
    for await (const chunk of request) text += String(chunk);
    let message: { id?: unknown; method?: string; params?: Json };
    try {
      message = JSON.parse(text) as typeof message;
    } catch {
      const code = is('malformed-is-internal') ? -32603 : -32700;
      return end(400, { jsonrpc: '2.0', id: null, error: { code, message: 'not JSON' } });
    }
    const { method = '', params = {} } = message;
    if (message.id === undefined) return end(202);
    try {
      if (method === 'initialize') {
        const { result, sessionId } = initialize(params);
        return end(200, { jsonrpc: '2.0', id: message.id, result }, { 'mcp-session-id': sessionId });
      }
      if (session === undefined) return end(400);
      end(200, { jsonrpc: '2.0', id: message.id, result: answer(session, method, params) });
    } catch (error) {
      const { code = -32603, message: said } = error as Rpc;
      end(200, { jsonrpc: '2.0', id: message.id, error: { code, message: said } });
    }
  }
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', () => resolve()));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    stop: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
