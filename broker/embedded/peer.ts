import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';

/** Names in a client certificate that was verified against the listener's authorities. */
export interface PeerCertificate {
  commonName: string | undefined;
  /** Subject Alternative Names of the kind URI. */
  uris: string[];
}

const socketOf = (stream: Duplex, request: IncomingMessage | undefined) =>
  (request?.socket ?? stream) as Partial<TLSSocket>;

export function addressOf(stream: Duplex, request?: IncomingMessage): string | undefined {
  return socketOf(stream, request).remoteAddress;
}

/** Undefined for a connection without TLS, and for a certificate that nobody vouches for. */
export function certificateOf(stream: Duplex, request?: IncomingMessage): PeerCertificate | undefined {
  const socket = socketOf(stream, request);
  if (socket.authorized !== true || socket.getPeerCertificate === undefined) return undefined;
  const { subject, subjectaltname = '' } = socket.getPeerCertificate();
  // Node quotes names that hold a comma or quote as JSON; no agent id does, so those are not looked at.
  const uris = subjectaltname.split(', ').flatMap((name) => (name.startsWith('URI:') ? [name.slice(4)] : []));
  const commonName = typeof subject?.CN === 'string' ? subject.CN : undefined;
  return { commonName, uris };
}
