import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { credentialsFile } from '../../broker/index.ts';
import type { Env } from '../../machines/ports.ts';
import type { Store } from '../durable/index.ts';
import { fail } from '../errors.ts';
import {
  type AuthorisationServer,
  type ClientAuth,
  isReserved,
  passwordsOf,
  SCOPE_REGISTER,
  startAuthorisationServer,
  type TrustedClient,
} from '../netmcp/index.ts';

/** Who may come to the NetMCP servers, when not everybody on this machine may. */
export interface NetMcpAuthOptions {
  /** YAML file of the trusted clients from outside: `clients: [{id, scopes}]`. */
  clients?: string;
  /** Their secrets and the passwords of persons, as of the bus (`netagent credential`). */
  credentials?: string;
  /** Port of the authorisation server; 0 takes any free one. */
  port: number;
}

/** The authorisation server of a runtime, and the credentials of the runtime's own parts. */
export interface NetMcpAuth {
  server: AuthorisationServer;
  /** How a part of this runtime comes by its tokens. @throws if it is none of those named at the start */
  clientOf(id: string): ClientAuth;
  close(): Promise<void>;
}

const clientsSchema = z.strictObject({
  clients: z.array(z.strictObject({ id: z.string().min(1), scopes: z.array(z.string().min(1)).min(1) })),
});

/**
 * Starts the authorisation server (NetMCP 4). `parts` are the runtime's own clients with their scopes: their
 * secrets are made anew at each start and leave this process nowhere.
 * @throws NETMCP_CLIENTS_INVALID, RUNTIME_PORT_IN_USE
 */
export async function startNetMcpAuth(options: {
  env: Env;
  host: string;
  store: Store;
  parts: TrustedClient[];
  auth: NetMcpAuthOptions;
}): Promise<NetMcpAuth> {
  const { env, host, store, parts, auth } = options;
  const secrets = new Map(parts.map(({ id }) => [id, `${env.ids.uuid()}${env.ids.uuid()}`]));
  const trusted = auth.clients === undefined ? [] : readClients(auth.clients, secrets);
  const file =
    auth.credentials === undefined ? null : credentialsFile({ file: auth.credentials, log: env.log });
  const outside = file === null ? null : passwordsOf(file);
  const server = await startAuthorisationServer({
    env,
    host,
    port: auth.port,
    store,
    clients: [...parts.map((part) => acting(part, trusted)), ...trusted],
    passwords: {
      knows: (name) => secrets.has(name) || (outside?.knows(name) ?? false),
      async verify(name, password) {
        const own = secrets.get(name);
        if (own !== undefined) return own === password;
        return outside === null ? false : outside.verify(name, password);
      },
    },
  }).catch(async (error: unknown) => {
    await file?.close();
    throw error;
  });
  return {
    server,
    clientOf(clientId) {
      const clientSecret = secrets.get(clientId);
      if (clientSecret === undefined) throw new TypeError(`${clientId} is no part of this runtime`);
      return { clientId, clientSecret, issuer: server.issuer };
    },
    async close() {
      await server.close();
      await file?.close();
    },
  };
}

/**
 * A tool server acts at others for who comes with a token: what the token allows is the limit, so the server
 * itself must not be one.
 */
function acting(part: TrustedClient, clients: TrustedClient[]): TrustedClient {
  if (!part.scopes.includes(SCOPE_REGISTER)) return part;
  const theirs = clients.flatMap(({ scopes }) => scopes).filter((scope) => !isReserved(scope));
  return { ...part, scopes: [...new Set([...part.scopes, ...theirs])] };
}

function readClients(file: string, taken: ReadonlyMap<string, unknown>): TrustedClient[] {
  const invalid = (problem: string) => fail('NETMCP_CLIENTS_INVALID', { file, problem });
  let content: unknown;
  try {
    content = parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw invalid(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
  }
  const read = clientsSchema.safeParse(content);
  if (!read.success) throw invalid(z.prettifyError(read.error).split('\n')[0] ?? '');
  for (const { id } of read.data.clients)
    if (taken.has(id)) throw invalid(`${id} is an id of this runtime's own`);
  return read.data.clients;
}
