import type { JWK } from 'jose';
import type { Collection } from '../../durable/index.ts';

/** A client that the operator trusts: an agent or a server of the network. */
export interface TrustedClient {
  /** Its OAuth client id, and the subject of its tokens. */
  id: string;
  /** All that it may ever be granted; which of them a resource knows is the resource's. */
  scopes: string[];
  /** Public keys of `private_key_jwt`; without them it authenticates by the secret in the credentials. */
  keys?: JWK[];
}

/** What tokens can be asked for (RFC 8707). */
export interface Resource {
  /** Its identifier, which is the audience of the tokens: the URL of an MCP endpoint, or an agent. */
  resource: string;
  /** The client whose resource it is: it alone may exchange tokens that were made for it. */
  owner: string;
  name: string;
  scopes: string[];
}

export interface Resources {
  get(resource: string): Resource | undefined;
  list(): Resource[];
  /** Every scope that there is, those of tools that are still to come included. */
  scopes(): string[];
  /** False if it is somebody else's, or there are too many. */
  put(entry: Resource): boolean;
  /** Told after a change. */
  onChange(listener: () => void): void;
}

const MAX_RESOURCES = 4_096;
const AGENT = 'urn:netmcp:agent:';

/** The resource that an agent is, as the receiver of delegated work. */
export const agentResource = (id: string): string => `${AGENT}${id}`;

/** The resources of the network; those of trusted agents are there by themselves. */
export function createResources(
  kept: Collection<Resource>,
  clients: ReadonlyMap<string, TrustedClient>,
): Resources {
  const entries = new Map(kept.list().map(({ value }) => [value.resource, value]));
  const listeners: Array<() => void> = [];
  const scopes = () => [
    ...new Set([...clients.values(), ...entries.values()].flatMap((entry) => entry.scopes)),
  ];
  return {
    get(resource) {
      const entry = entries.get(resource);
      if (entry !== undefined || !resource.startsWith(AGENT)) return entry;
      const owner = resource.slice(AGENT.length);
      if (!clients.has(owner)) return undefined;
      // Whatever the subject may do can be handed on; what comes of it is cut again at each hop.
      return { resource, owner, name: owner, scopes: scopes() };
    },
    list: () => [...entries.values()],
    scopes,
    put(entry) {
      const before = entries.get(entry.resource);
      if (before !== undefined && before.owner !== entry.owner) return false;
      if (before === undefined && entries.size >= MAX_RESOURCES) return false;
      if (before !== undefined && JSON.stringify(before) === JSON.stringify(entry)) return true;
      entries.set(entry.resource, entry);
      kept.put(entry.resource, entry);
      for (const listener of listeners) listener();
      return true;
    },
    onChange: (listener) => void listeners.push(listener),
  };
}

/** What a client may be granted at a resource. */
export function scopesFor(
  resource: Resource,
  client: string,
  clients: ReadonlyMap<string, TrustedClient>,
): string[] {
  const trusted = clients.get(client);
  // A third party gets what a person consents to, and never what only the network's own may have.
  if (trusted === undefined) return resource.scopes.filter((scope) => !isReserved(scope));
  return resource.scopes.filter((scope) => trusted.scopes.includes(scope));
}

export const SCOPE_USE = 'netmcp:use';
export const SCOPE_REGISTER = 'netmcp:register';
export const SCOPE_ADMIN = 'netmcp:admin';
/** Of management servers, to share the registry. */
export const SCOPE_REPLICATE = 'netmcp:replicate';
/** To publish tools at a tool server. */
export const SCOPE_PUBLISH = 'netmcp:publish';

const RESERVED: readonly string[] = [SCOPE_REGISTER, SCOPE_ADMIN, SCOPE_REPLICATE, SCOPE_PUBLISH];

/** What only the network's own may have. */
export function isReserved(scope: string): boolean {
  return RESERVED.includes(scope);
}
