import type { Collection } from '../../../src/durable/index.ts';
import type { TrustedClient } from '../../../src/netmcp/auth/directory.ts';
import {
  type AuthorisationServerOptions,
  startAuthorisationServer,
} from '../../../src/netmcp/auth/server.ts';
import { startManagementServer, startToolServer, type ToolServerOptions } from '../../../src/netmcp/index.ts';
import type { NfTool } from '../../../src/netmcp/tools/types.ts';
import type { SbiPort } from '../../../src/netmcp/toolserver/call.ts';
import { type TestEnv, testEnv } from './env.ts';
import { fakeSbi, ok } from './tools.ts';

export const HOST = '127.0.0.1';

/**
 * Virtual timers, and a time of day that begins as that of the wall clock: the authorisation server's library
 * stamps its tokens with the latter.
 */
export function authEnv(): TestEnv {
  const env = testEnv();
  const base = Date.now();
  return { ...env, clock: { ...env.clock, now: () => base + env.clock.now() } };
}

/** A store in memory; what is put is copied, as a database would. */
export function memoryStore() {
  const collections = new Map<string, Map<string, string>>();
  return {
    collections,
    collection<T>(name: string): Collection<T> {
      const rows = collections.get(name) ?? new Map<string, string>();
      collections.set(name, rows);
      const read = (text: string | undefined) => (text === undefined ? undefined : (JSON.parse(text) as T));
      return {
        get: (id) => read(rows.get(id)),
        put: (id, value) => void rows.set(id, JSON.stringify(value)),
        delete: (id) => rows.delete(id),
        list: () => [...rows].sort().map(([id, text]) => ({ id, value: JSON.parse(text) as T })),
      };
    },
  };
}

export const SECRETS: Readonly<Record<string, string>> = {
  'netagent/test/strong': 'secret-of-strong',
  'netagent/test/weak': 'secret-of-weak',
  'netagent/test/relay': 'secret-of-relay',
  'netagent/test/bare': 'secret-of-bare',
  operator: 'secret-of-operator',
  'ran-tools': 'secret-of-ran-tools',
  'core-tools': 'secret-of-core-tools',
  'edge-tools': 'secret-of-edge-tools',
  'cloud-tools': 'secret-of-cloud-tools',
  'new-tools': 'secret-of-new-tools',
  alice: 'password-of-alice',
};

export const CLIENTS: TrustedClient[] = [
  { id: 'netagent/test/strong', scopes: ['netmcp:use', 'things:write', 'things:read'] },
  { id: 'netagent/test/weak', scopes: ['netmcp:use', 'things:read'] },
  { id: 'netagent/test/relay', scopes: ['netmcp:use', 'things:write', 'things:read'] },
  { id: 'netagent/test/bare', scopes: ['things:read'] },
  { id: 'operator', scopes: ['netmcp:use', 'netmcp:admin'] },
  { id: 'ran-tools', scopes: ['netmcp:use', 'netmcp:register', 'things:write', 'things:read'] },
  { id: 'core-tools', scopes: ['netmcp:use', 'netmcp:register', 'things:write', 'things:read'] },
  { id: 'edge-tools', scopes: ['netmcp:use', 'netmcp:register', 'things:write', 'things:read'] },
  { id: 'cloud-tools', scopes: ['netmcp:use', 'netmcp:register', 'things:write', 'things:read'] },
  { id: 'new-tools', scopes: ['netmcp:use'] },
];

/** Whose password is in the table above; a hash would only make the tests slow. */
export const passwords = {
  knows: (name: string) => Object.hasOwn(SECRETS, name),
  verify: async (name: string, password: string) =>
    Object.hasOwn(SECRETS, name) && SECRETS[name] === password,
};

export const authOf = (id: string) => ({ clientId: id, clientSecret: SECRETS[id] as string });

/** The real servers, each on a port of its own, closed by `close`. */
export async function authWorld(options: Partial<AuthorisationServerOptions> = {}) {
  const closers: Array<() => Promise<void>> = [];
  const env = authEnv();
  const store = memoryStore();
  const server = await startAuthorisationServer({
    env,
    host: HOST,
    port: 0,
    store,
    clients: CLIENTS,
    passwords,
    ...options,
  });
  closers.push(server.close);
  const management = await startManagementServer({
    env,
    host: HOST,
    port: 0,
    auth: { issuer: server.issuer, resources: server.resources },
  });
  closers.push(management.close);
  return {
    env,
    store,
    server,
    management: management.url,
    closers,
    async toolServer(
      id: string,
      tools: NfTool[],
      nrf: SbiPort = fakeSbi(() => ok({ value: 42 })).port,
      more: Partial<ToolServerOptions> = {},
    ) {
      const tool = await startToolServer({
        env,
        host: HOST,
        port: 0,
        id,
        management: management.url,
        nrf,
        tools,
        auth: { issuer: server.issuer, client: authOf(id) },
        ...more,
      });
      closers.push(tool.close);
      return tool;
    },
    async close() {
      for (const close of closers.splice(0).reverse()) await close();
    },
  };
}
