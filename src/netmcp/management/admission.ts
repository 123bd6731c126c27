import type { Env } from '../../../machines/ports.ts';
import type { Resources } from '../auth/directory.ts';
import { SCOPE_ADMIN, SCOPE_PUBLISH, SCOPE_REGISTER, SCOPE_USE } from '../auth/directory.ts';
import type { Registration, ToolSummary } from '../schema/index.ts';
import { ERROR_FORBIDDEN } from '../schema/index.ts';
import { Forbidden, RpcError } from '../session/rpc-error.ts';
import type { Identity } from '../session/server-session.ts';

/** A tool server that knocked and was not let in. */
export interface Unapproved {
  serverId: string;
  /** Who it authenticated as. */
  subject: string;
  endpoints: string[];
  summary: string;
  /** ms since the epoch. */
  since: number;
}

/** Who may register as what (NetMCP 4). */
export interface Admission {
  /** Whether the registration is let in; @throws RpcError if it is for a foreign id or endpoint. */
  admit(registration: Registration, identity: Identity): 'approved' | 'unapproved';
  /** The tools of a server that was let in have changed: tokens can be asked for what they need. */
  changed(serverId: string, tools: readonly ToolSummary[]): void;
  /** Who holds the lease that `identity` wants to use; @throws RpcError if somebody else does. */
  own(serverId: string | undefined, identity: Identity): void;
  unapproved(identity: Identity): Unapproved[];
  /** @throws RpcError if nobody of that id waits */
  approve(serverId: string, identity: Identity): void;
}

const MAX_WAITING = 64;

/** Where nothing is configured, everybody on loopback is let in. */
export const openAdmission: Admission = {
  admit: () => 'approved',
  changed: () => {},
  own: () => {},
  unapproved: () => [],
  approve: (serverId) => {
    throw new RpcError(ERROR_FORBIDDEN, `${serverId.slice(0, 128)} needs no approval: nobody does here`);
  },
};

/**
 * A tool server registers under the id that it authenticated with, and with the scope that the operator gave
 * it, or once an operator has approved it. Until then it is visible, and outside the registry, so that nothing
 * can be routed to it.
 */
export function createAdmission(env: Env, resources: Resources | undefined): Admission {
  const waiting = new Map<string, Unapproved>();
  /** Server id to the endpoints that were approved. */
  const approved = new Map<string, string>();
  const endpointsOf = (registration: { endpoints: string[] }) => JSON.stringify(registration.endpoints);

  return {
    admit(registration, identity) {
      const { serverId } = registration;
      if (serverId !== identity.agent || identity.actors.length > 0) {
        env.log.warn({ subject: identity.agent, serverId }, 'registration under a foreign id refused');
        throw new RpcError(ERROR_FORBIDDEN, `${identity.agent} may not register as ${serverId}`);
      }
      if (!identity.scopes.includes(SCOPE_REGISTER) && approved.get(serverId) !== endpointsOf(registration)) {
        if (!waiting.has(serverId)) {
          env.log.warn({ serverId, endpoints: registration.endpoints }, 'unapproved tool server appeared');
        }
        if (waiting.has(serverId) || waiting.size < MAX_WAITING) {
          waiting.set(serverId, {
            serverId,
            subject: identity.agent,
            endpoints: registration.endpoints,
            summary: registration.summary,
            since: waiting.get(serverId)?.since ?? env.clock.now(),
          });
        }
        return 'unapproved';
      }
      for (const endpoint of registration.endpoints) {
        const entry = { resource: endpoint, owner: serverId, name: serverId };
        if (resources?.put({ ...entry, scopes: scopesAt(registration.tools) }) === false) {
          throw new RpcError(ERROR_FORBIDDEN, `${endpoint} belongs to another server`);
        }
      }
      waiting.delete(serverId);
      return 'approved';
    },
    changed(serverId, tools) {
      for (const entry of resources?.list() ?? []) {
        if (entry.owner === serverId) resources?.put({ ...entry, scopes: scopesAt(tools) });
      }
    },
    own(serverId, identity) {
      if (serverId !== undefined && (serverId !== identity.agent || identity.actors.length > 0)) {
        throw new RpcError(ERROR_FORBIDDEN, 'the lease belongs to another server');
      }
    },
    unapproved(identity) {
      mustAdminister(identity);
      return [...waiting.values()];
    },
    approve(serverId, identity) {
      mustAdminister(identity);
      const entry = waiting.get(serverId);
      if (entry === undefined) throw new RpcError(-32602, `${serverId} waits for no approval`);
      approved.set(serverId, endpointsOf(entry));
      waiting.delete(serverId);
      env.log.info({ serverId, by: identity.agent }, 'tool server approved');
    },
  };
}

/** What tokens for a tool server can have in them. */
function scopesAt(tools: readonly ToolSummary[]): string[] {
  const asked = tools.flatMap(({ permission }) => (permission.mode === 'token' ? permission.scopes : []));
  return [...new Set([SCOPE_USE, SCOPE_PUBLISH, ...asked])];
}

function mustAdminister(identity: Identity): void {
  if (!identity.scopes.includes(SCOPE_ADMIN)) throw new Forbidden('only for operators', [SCOPE_ADMIN]);
}
