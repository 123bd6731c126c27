import type { IncomingMessage } from 'node:http';
import type { Identity } from '../session/server-session.ts';

/** What of a request says who sends it; a line of QUIC or stdio has an `authorization` header alone. */
export type AuthRequest = Pick<IncomingMessage, 'headers' | 'method' | 'url'>;

/** The sender of a request, or why it is refused, with the challenge of RFC 6750. */
export type Authenticate = (
  request: AuthRequest,
) => Promise<{ identity: Identity } | { status: 401 | 403; challenge: string; message: string }>;
