import type { JWTPayload } from 'jose';

/** Who may act for somebody, one behind the other: longer chains are refused. */
export const MAX_ACTORS = 8;

/** The actors of a token, the nearest first (RFC 8693 4.1); a malformed chain is none that can be trusted. */
export function actorsOf(payload: JWTPayload): string[] {
  const actors: string[] = [];
  let act: unknown = payload.act;
  while (typeof act === 'object' && act !== null && actors.length <= MAX_ACTORS) {
    const { sub, act: inner } = act as { sub?: unknown; act?: unknown };
    actors.push(typeof sub === 'string' ? sub : '');
    act = inner;
  }
  // Where a person consented, the client is who acts.
  const client = payload.client_id;
  if (typeof client === 'string' && client !== payload.sub && actors[0] !== client) actors.unshift(client);
  return actors;
}
