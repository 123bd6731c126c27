import type { ServerEntry } from '../schema/index.ts';
import type { Session } from '../session/client-session.ts';

export interface Candidate {
  serverId: string;
  url: string;
  /** Over what it can be reached, as it registered them. */
  endpoints: string[];
}

const RANK = { normal: 0, high: 1, overloaded: 2, draining: 3, gone: 4 } as const;

/**
 * Servers in the order in which a new call should try them (NetMCP 6): by load state, an open session
 * before a new one among equals, then by weight. What the session itself has met outranks what the
 * registry says. Draining and lost servers get no new calls.
 */
export function order(entries: ServerEntry[], sessions: ReadonlyMap<string, Session>): Candidate[] {
  return entries
    .map((entry) => {
      const state = sessions.get(entry.serverId)?.state();
      const open = state?.phase === 'ready';
      const rank = Math.max(RANK[entry.state], open ? RANK[state.loadState] : 0);
      return {
        serverId: entry.serverId,
        url: entry.endpoints[0] ?? '',
        endpoints: entry.endpoints,
        weight: entry.weight,
        open,
        rank,
      };
    })
    .filter((candidate) => candidate.rank < RANK.draining && candidate.url !== '')
    .sort(
      (a, b) =>
        a.rank - b.rank ||
        Number(b.open) - Number(a.open) ||
        b.weight - a.weight ||
        a.serverId.localeCompare(b.serverId),
    )
    .map(({ serverId, url, endpoints }) => ({ serverId, url, endpoints }));
}
