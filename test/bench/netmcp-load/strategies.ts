import type { Balancer } from '../../../src/netmcp/client/choice.ts';

type Entries = Parameters<Balancer['pick']>[0];

/**
 * The yardsticks as they are commonly built: they know who is there and who is leaving, resend and fail
 * over as our client does, and heed no load. A server that was tried for a call is not tried again.
 */
function simple(choose: (open: Entries, inFlight: (serverId: string) => number) => number): Balancer {
  const flying = new Map<string, number>();
  const inFlight = (serverId: string) => flying.get(serverId) ?? 0;
  return {
    pick(entries, _, tried) {
      const open = entries
        .filter((entry) => !['draining', 'gone'].includes(entry.state) && !tried.has(entry.serverId))
        .sort((a, b) => a.serverId.localeCompare(b.serverId));
      const entry = open[choose(open, inFlight)];
      const { serverId, endpoints, digest } = entry ?? { serverId: '', endpoints: [], digest: '' };
      return entry && { serverId, url: endpoints[0] as string, endpoints, digest };
    },
    begin(serverId) {
      flying.set(serverId, inFlight(serverId) + 1);
      return () => flying.set(serverId, inFlight(serverId) - 1);
    },
    seen: (serverId) => ({ slowness: 1, inFlight: inFlight(serverId), ejected: false }),
  };
}

export function roundRobin(offset: number): Balancer {
  let turn = offset;
  return simple((open) => turn++ % Math.max(1, open.length));
}

export const random = (next: () => number): Balancer => simple((open) => Math.floor(next() * open.length));

/** Fewest calls of this client under way; among equals the one after the last. */
export function leastConnections(offset: number): Balancer {
  let turn = offset;
  return simple((open, inFlight) => {
    turn += 1;
    let best = -1;
    for (let i = 0; i < open.length; i += 1) {
      const at = (turn + i) % open.length;
      const fewer =
        best < 0 || inFlight(open[at]?.serverId as string) < inFlight(open[best]?.serverId as string);
      if (fewer) best = at;
    }
    return best;
  });
}
