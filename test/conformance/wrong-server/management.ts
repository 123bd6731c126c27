import { randomUUID } from 'node:crypto';
import { type Is, type Json, type Notify, Rpc } from './faults.ts';

interface Server {
  serverId: string;
  serviceArea: string[];
  tools: Array<{ name: string; description?: string }>;
  lease: string;
  load: number;
  state: string;
}

/** A registry of servers (NetMCP 4 and 6). */
export function wrongManagement(is: Is, notify: Notify) {
  const servers = new Map<string, Server>();

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
        if (is('report-says-nothing')) return {};
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

  return { discover, manage };
}
