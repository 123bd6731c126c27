import { parseAgentId } from '../a2a/topics.ts';
import { type Claim, holding, type IdentityProvider, type Member, type Verdict } from './identity.ts';
import type { PeerCertificate } from './peer.ts';

export interface CertificateIdentityOptions {
  /** What stands before the agent id in a URI of the certificate. */
  uriPrefix?: string;
  /** Agents that are dispatchers. */
  dispatchers?: readonly string[];
}

/**
 * A client certificate over TLS: the agent id is a URI among its Subject Alternative Names
 * (`a2a://org/unit/agent`), or its Common Name when it has no such URI.
 */
export function certificateIdentity(options: CertificateIdentityOptions = {}): IdentityProvider {
  const { uriPrefix = 'a2a://', dispatchers = [] } = options;
  return {
    authenticates: true,
    identify(claim: Claim): Verdict {
      const ids = claim.certificate === undefined ? [] : idsIn(claim.certificate, uriPrefix);
      const [first] = ids;
      if (first === undefined) return { role: 'refused', reason: 'credentials' };
      // A certificate may name several agents of one machine.
      const id = ids.includes(claim.clientId) ? claim.clientId : first;
      const role: Member['role'] = dispatchers.includes(id) ? 'dispatcher' : 'agent';
      return holding(claim, role, id);
    },
  };
}

function idsIn({ uris, commonName }: PeerCertificate, prefix: string): string[] {
  const named = uris.flatMap((uri) => (uri.startsWith(prefix) ? [uri.slice(prefix.length)] : []));
  const names = named.length > 0 || commonName === undefined ? named : [commonName];
  return names.filter((name) => parseAgentId(name) !== null);
}
