import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { wrongContexts } from './context.ts';
import { type Fault, type Json, KEY, type Notify, Rpc, type Session } from './faults.ts';
import { wrongLife } from './life.ts';
import { wrongManagement } from './management.ts';
import { wrongRoute } from './route.ts';
import { wrongSearch } from './search.ts';
import { wrongSurface } from './surface.ts';
import { wrongTools } from './tools.ts';

export type { Fault } from './faults.ts';

/**
 * A NetMCP server by hand, right but for one fault: a tool server, or with `manages` a management server. One
 * that `holds` takes no tool that is published before somebody approves it, which nobody does.
 * Returns its URL and how to stop it.
 */
export async function wrongServer(manages: boolean, fault?: Fault, holds = false) {
  const is = (name: Fault) => fault === name;
  const FEATURES = manages
    ? ['discover', 'load', 'lifecycle', 'trace']
    : ['discover', 'route', 'context', 'lifecycle', 'trace'];
  const sessions = new Map<string, Session>();
  const streams = new Map<ServerResponse, string>();

  const notify: Notify = (method, params, session) => {
    if (is('silent')) return;
    for (const [stream, id] of streams)
      if (session === undefined || session === id)
        stream.write(`data: ${JSON.stringify({ jsonrpc: '2.0', method, params })}\n\n`);
  };
  const life = wrongLife(is, holds, () => tools.definitions(), notify);
  const tools = wrongTools(is, manages, life);
  const route = wrongRoute(is, (params) => tools.callTool(params, true));
  const contexts = wrongContexts(is, notify);
  const search = wrongSearch(is, tools.definitions);
  const surface = wrongSurface(is);
  const management = wrongManagement(is, notify);

  function initialize(params: Json): { result: Json; sessionId: string } {
    const capabilities = params.capabilities as { extensions?: Record<string, unknown> } | undefined;
    const offer = capabilities?.extensions?.[KEY] as { versions?: unknown; features?: unknown } | undefined;
    const versions = Array.isArray(offer?.versions) ? offer.versions : [];
    if (is('dies-of-offers') && offer !== undefined && !Array.isArray(offer.versions))
      throw new Rpc(-32603, 'internal error');
    const agreed = versions.includes('1.0') || (is('takes-any-version') && versions.includes('9.0'));
    const { name } = (params.clientInfo ?? {}) as { name?: string };
    const named = Array.isArray(offer?.features) ? offer.features.map(String) : [];
    const sessionId = randomUUID();
    sessions.set(sessionId, {
      id: sessionId,
      agent: String(name),
      sets: [],
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
        capabilities: { tools: {}, ...(!manages && { resources: {}, prompts: {} }), ...extensions },
        serverInfo: { name: 'wrong', version: '1' },
      },
    };
  }

  function featureOf(method: string): string | undefined {
    const [, group, verb] = method.split('/');
    if (manages)
      return new Map([
        ['register', 'lifecycle'],
        ['deregister', 'lifecycle'],
        ['report', 'load'],
        ['subscribe', 'load'],
        ['discover', 'discover'],
      ]).get(group === 'servers' ? String(verb) : '');
    if (group === 'tools') return verb === 'discover' ? 'discover' : 'lifecycle';
    if (group === 'toolsets') return 'lifecycle';
    return group === 'route' || group === 'context' ? group : undefined;
  }

  function vendor(session: Session, method: string, params: Json): Json | Promise<Json> {
    const [, group, verb = ''] = method.split('/');
    if (manages) return management.manage(method, params);
    switch (`${group}/${verb}`) {
      case 'tools/discover':
        return search(params);
      case 'tools/register':
        return life.register(params, session);
      case 'tools/update':
        return life.update(params, session);
      case 'tools/remove':
        return life.remove(params, session);
      case 'toolsets/load':
        return life.load(params, session);
      case 'toolsets/unload':
        return life.unload(params, session);
      case 'route/call':
        return route.call(params);
      case 'route/execute':
        return route.execute(params);
      default:
        if (group === 'context') return contexts(verb, params, session);
        throw new Rpc(-32601, 'Method not found');
    }
  }

  function answer(session: Session, method: string, params: Json): Json | Promise<Json> {
    if (method === 'ping') return {};
    if (method === 'tools/list') {
      if (is('wants-netmcp') && !session.netmcp) throw new Rpc(-32600, 'this server speaks NetMCP only');
      return { tools: [...tools.definitions(), ...life.listed()] };
    }
    if (method === 'tools/call') {
      if (manages && params.name === 'servers_discover')
        return {
          content: [],
          structuredContent: { servers: management.discover((params.arguments ?? {}) as Json) },
        };
      return tools.callTool(params, session.netmcp);
    }
    const plain = manages ? undefined : surface(method, params);
    if (plain !== undefined) return plain;
    const feature = featureOf(method);
    if (is('any-method') && feature === undefined) return {};
    if (feature === undefined || !session.features.includes(feature))
      throw new Rpc(-32601, 'Method not found');
    return vendor(session, method, params);
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
      streams.set(response, id ?? '');
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
      end(200, { jsonrpc: '2.0', id: message.id, result: await answer(session, method, params) });
    } catch (error) {
      const { code = -32603, message: said, data } = error as Rpc;
      end(200, { jsonrpc: '2.0', id: message.id, error: { code, message: said, data } });
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
