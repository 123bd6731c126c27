import { parseAgentId } from '../a2a/topics.ts';

/** What a connection says of itself, before anything is believed. */
export interface Claim {
  clientId: string;
  /** The client gave no id and the broker made one (MQTT-3.1.3-6). */
  assigned: boolean;
  /** 3, 4 (MQTT 3.1.1) or 5. */
  protocolVersion: number;
  username: string | undefined;
  password: Buffer | undefined;
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

export type Verdict = Identity | { role: 'refused'; reason: 'identifier' | 'credentials' | 'policy' };

/** The seam for authentication: who is at the other end of a connection. */
export interface IdentityProvider {
  /** False: ids are believed as they are, and the broker may listen on loopback only. */
  readonly authenticates: boolean;
  identify(claim: Claim): Promise<Verdict> | Verdict;
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
