import { parseAgentId } from '../a2a/topics.ts';
import type { PeerCertificate } from './peer.ts';

/** What a connection says of itself, before anything is believed. */
export interface Claim {
  clientId: string;
  /** The client gave no id and the broker made one (MQTT-3.1.3-6). */
  assigned: boolean;
  /** 3, 4 (MQTT 3.1.1) or 5. */
  protocolVersion: number;
  username: string | undefined;
  password: Buffer | undefined;
  /** Of the client, when it showed one over TLS that the listener's authorities vouch for. */
  certificate?: PeerCertificate | undefined;
  /** Connected by `connectInProcess`, that is from inside this process. */
  inProcess: boolean;
}

/**
 * `agent`: takes part, as `key`. `dispatcher`: an agent that also reads the requests of pools and passes
 * them on in the name of their askers.
 */
export interface Member {
  role: 'agent' | 'dispatcher';
  key: string;
}

/** A member, or a `guest`, who may read discovery and nothing else. */
export type Identity = Member | { role: 'guest' };

/**
 * `identifier`: the client id cannot be that of anybody. `credentials`: they are missing, wrong or over.
 * `policy`: they are good and name somebody else, or the id is taken.
 */
export type Refused = { role: 'refused'; reason: 'identifier' | 'credentials' | 'policy' };

export type Verdict = Identity | Refused;

/** The seam for authentication: who is at the other end of a connection. */
export interface IdentityProvider {
  /** False: ids are believed as they are, and the broker may listen on loopback only. */
  readonly authenticates: boolean;
  identify(claim: Claim): Promise<Verdict> | Verdict;
  /** Ends what the provider watches. */
  close?(): void;
}

/**
 * What a credential for `key` gives a connection: it may act under that id and no other. A guest has no
 * agent id, and comes under the name of its entry or one that a tool makes up.
 */
export function holding(
  { clientId, assigned, protocolVersion }: Claim,
  role: Member['role'] | 'guest',
  key: string,
): Verdict {
  if (role === 'guest') {
    if (assigned || clientId === key || TOOL_ID.test(clientId)) return { role: 'guest' };
    return { role: 'refused', reason: 'policy' };
  }
  // A2A over MQTT 0.1: an agent speaks MQTT 5.
  if (protocolVersion !== 5) return { role: 'refused', reason: 'identifier' };
  return clientId === key ? { role, key } : { role: 'refused', reason: 'policy' };
}

/**
 * Asks one provider after the other; the first that does not refuse decides. Of several refusals the one
 * that came nearest is told.
 */
export function firstOf(providers: readonly IdentityProvider[]): IdentityProvider {
  const nearest: Array<Refused['reason']> = ['policy', 'credentials', 'identifier'];
  return {
    authenticates: providers.length > 0 && providers.every(({ authenticates }) => authenticates),
    async identify(claim) {
      const reasons = new Set<Refused['reason']>();
      for (const provider of providers) {
        const verdict = await provider.identify(claim);
        if (verdict.role !== 'refused') return verdict;
        reasons.add(verdict.reason);
      }
      return { role: 'refused', reason: nearest.find((reason) => reasons.has(reason)) ?? 'credentials' };
    },
    close() {
      for (const provider of providers) provider.close?.();
    },
  };
}

/**
 * Ids under which common tools connect when they are given none: Mosquitto's clients, mqtt.js, MQTT
 * Explorer. None of them can equal a name of Object.prototype.
 */
const TOOL_ID = /^(?:mosq|mqttjs|mqtt-explorer|paho)[-_/][A-Za-z0-9_-]{4,60}$/;

/**
 * Default on loopback: every MQTT 5 client with an agent id is that agent; a tool without one, or a
 * client whose id the broker assigned, is a guest of MQTT 5 or 3.1.1; all others are refused.
 */
export function openOnLoopback(): IdentityProvider {
  return {
    authenticates: false,
    identify({ clientId, assigned, protocolVersion }) {
      if (assigned || TOOL_ID.test(clientId)) return { role: 'guest' };
      // A2A over MQTT 0.1: an agent speaks MQTT 5.
      if (parseAgentId(clientId) === null || protocolVersion !== 5) {
        return { role: 'refused', reason: 'identifier' };
      }
      return { role: 'agent', key: clientId };
    },
  };
}
