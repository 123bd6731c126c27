import type { Permission } from '../schema/index.ts';
import type { Identity } from '../session/server-session.ts';

export type Access =
  | { allowed: true }
  /** `scopes`: a token with them would do; null where no token helps. */
  | { allowed: false; needs: string; scopes: string[] | null };

/**
 * Whether the sender of a request may use what has this permission (NetMCP 2). It goes by what was
 * authenticated, never by the name that a client gives itself. Whoever acts for somebody must have the right
 * too: the scopes of a token were cut at each hop, the names are all looked at here.
 */
export function accessOf(permission: Permission, identity: Identity): Access {
  if (permission.mode === 'public') return { allowed: true };
  if (permission.mode === 'specified') {
    const all = [identity.agent, ...identity.actors];
    if (identity.authenticated && all.every((agent) => permission.agents.includes(agent)))
      return { allowed: true };
    // Who they are is nobody else's business.
    return { allowed: false, needs: 'the agents that its operator named', scopes: null };
  }
  const { scopes } = permission;
  if (identity.authenticated && scopes.every((scope) => identity.scopes.includes(scope)))
    return { allowed: true };
  return { allowed: false, needs: `a token with ${scopes.join(', ')}`, scopes };
}

export const mayUse = (permission: Permission, identity: Identity): boolean =>
  accessOf(permission, identity).allowed;
