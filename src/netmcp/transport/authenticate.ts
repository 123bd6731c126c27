import type { IncomingMessage } from 'node:http';
import type { Identity } from '../session/server-session.ts';

/** What of a request says who sends it; a line of QUIC has an `authorization` header alone. */
export type AuthRequest = Pick<IncomingMessage, 'headers' | 'method' | 'url'>;

/** The sender of a request, or why it is refused, with the challenge of RFC 6750. */
export type Authenticate = (
  request: AuthRequest,
) => Promise<{ identity: Identity } | { status: 401 | 403; challenge: string; message: string }>;

/** Who may come in to a server, and what it says to those who may not. */
export interface Protection {
  authenticate: Authenticate;
  /** The challenge of RFC 6750 for a token that lacks these scopes. */
  insufficient(scopes: string[]): string;
  /** JSON that everybody may read, by path, for example protected-resource metadata (RFC 9728). */
  documents: ReadonlyMap<string, object>;
}

/** Subject and actors: who comes for somebody else has a session of its own. */
export function ownerOf(identity: Identity | null): string | null {
  return identity === null ? null : JSON.stringify([identity.agent, ...identity.actors]);
}
