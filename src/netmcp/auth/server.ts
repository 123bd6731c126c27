import { createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { isIPv6 } from 'node:net';
import { Readable } from 'node:stream';
import type { Provider } from 'oidc-provider';
import type { Env } from '../../../machines/ports.ts';
import { fail } from '../../errors.ts';
import { listen } from '../session/listen.ts';
import { isLoopback } from '../transport/address.ts';
import { authorityOf } from '../transport/exchange.ts';
import { refuseExchange } from '../transport/guard.ts';
import type { TlsFiles } from '../transport/tcp.ts';
import { type AuthStore, createAdapters } from './adapter.ts';
import { readBody } from './body.ts';
import { createResources, type Resource, type Resources, type TrustedClient } from './directory.ts';
import { openKeyRing, type StoredKey } from './keys.ts';
import { createPortal } from './portal.ts';
import { createProvider, LIFETIMES, type Lifetimes, type Passwords } from './provider.ts';
import { registrationOf } from './registration.ts';

export interface AuthorisationServerOptions {
  env: Env;
  host: string;
  /** 0 takes any free port; the issuer then changes with every start. */
  port: number;
  store: AuthStore;
  /** Without it the words are plain, which is for loopback alone (RFC 6749 3.1, 3.2). */
  tls?: TlsFiles;
  /** Names under which it is called, for example those of the certificate; the first is that of the issuer. */
  hosts?: string[];
  clients: TrustedClient[];
  passwords: Passwords;
  lifetimes?: Partial<Lifetimes>;
  /** Registrations of third parties a minute. */
  registrationsPerMinute?: number;
}

export interface AuthorisationServer {
  issuer: string;
  /** What tokens can be asked for; the management server enters each tool server that it takes. */
  resources: Resources;
  /** The next signing key signs from now on. */
  rotateKeys(): Promise<void>;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 512;

/**
 * The authorisation server of NetMCP 4: OAuth 2.1 as MCP 2025-11-25 has it, on an origin of its own, so that
 * its cookies and pages are apart from every MCP endpoint and several management servers can share it.
 * @throws RUNTIME_PORT_IN_USE, NETMCP_NO_TLS
 */
export async function startAuthorisationServer(
  options: AuthorisationServerOptions,
): Promise<AuthorisationServer> {
  const { env, host, store, tls, hosts = [] } = options;
  if (tls === undefined && !isLoopback(host)) throw fail('NETMCP_NO_TLS', { host });
  const lifetimes = { ...LIFETIMES, ...options.lifetimes };
  const now = () => env.clock.now();
  const clients = new Map(options.clients.map((client) => [client.id, client]));
  const resources = createResources(store.collection<Resource>('auth.resources'), clients);
  const adapters = createAdapters(store, now);
  const secret = secretOf(store);
  const ring = await openKeyRing({
    keys: store.collection<StoredKey>('auth.keys'),
    now,
    uuid: () => env.ids.uuid(),
    graceMs: lifetimes.accessToken * 2_000,
  });
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    handle(request, response).catch((error: unknown) => {
      env.log.error({ error: String(error) }, 'authorisation request failed');
      if (!response.headersSent) response.writeHead(500).end();
    });
  };
  const times = { requestTimeout: 30_000, headersTimeout: 10_000 };
  const http =
    tls === undefined ? createServer(times, onRequest) : createSecureServer({ ...times, ...tls }, onRequest);
  http.maxConnections = MAX_CONNECTIONS;
  const port = await listen(http, host, options.port);
  const name = hosts[0] ?? host;
  const issuer = `${tls ? 'https' : 'http'}://${isIPv6(name) ? `[${name}]` : name}:${port}`;
  const portal = createPortal({
    clock: env.clock,
    log: env.log,
    issuer,
    secret,
    passwords: options.passwords,
    resources,
    clients,
  });
  const build = () =>
    createProvider({
      issuer,
      log: env.log,
      adapters,
      clients,
      resources,
      passwords: options.passwords,
      lifetimes,
      jwks: ring.signing(),
      kid: ring.kid(),
      published: ring.published(),
      cookieKeys: [createHmac('sha256', secret).update('cookies').digest('base64url')],
      now,
    });
  // All state is in the adapters: with a new key the provider is simply made anew.
  let provider = build();
  const admit = bucket(now, options.registrationsPerMinute ?? 30);

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', issuer);
    const { headers } = request;
    const asked = { authority: authorityOf(headers), secure: tls !== undefined, headers };
    const refused = refuseExchange(asked, { port, bound: host, hosts });
    if (refused !== null)
      return answer(response, 403, { error: 'access_denied', error_description: refused });
    if (await portal.handle(provider, request, response, pathname)) return;
    if (pathname === '/reg' && request.method === 'POST') return register(request, response);
    await forward(provider, request, response);
  }

  async function register(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!admit()) return answer(response, 429, { error: 'temporarily_unavailable' }, { 'retry-after': '60' });
    const text = await readBody(request, 16_384);
    const body = text === undefined ? undefined : parse(text);
    const read = registrationOf(body);
    if ('error' in read) return answer(response, 400, read);
    const bytes = Buffer.from(JSON.stringify(read.metadata));
    const clean = Object.assign(Readable.from([bytes]), {
      method: request.method,
      url: request.url,
      socket: request.socket,
      headers: { ...request.headers, 'content-length': String(bytes.length), 'transfer-encoding': undefined },
    });
    await forward(provider, clean as unknown as IncomingMessage, response);
  }

  return {
    issuer,
    resources,
    async rotateKeys() {
      await ring.rotate();
      provider = build();
      env.log.info({ kid: ring.kid() }, 'authorisation server: new signing key');
    },
    close: () =>
      new Promise<void>((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}

const forward = (provider: Provider, request: IncomingMessage, response: ServerResponse) =>
  provider.callback()(request, response);

function answer(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers });
  response.end(JSON.stringify(body));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The secret behind cookies and forms; it outlives a restart, so that a sign-in does. */
function secretOf(store: AuthStore): Buffer {
  const kept = store.collection<string>('auth.secret');
  const known = kept.get('v1') ?? randomBytes(32).toString('base64url');
  kept.put('v1', known);
  return Buffer.from(known, 'base64url');
}

/** So many a minute, and as many at once. */
function bucket(now: () => number, perMinute: number): () => boolean {
  let left = perMinute;
  let at = now();
  return () => {
    left = Math.min(perMinute, left + ((now() - at) * perMinute) / 60_000);
    at = now();
    if (left < 1) return false;
    left -= 1;
    return true;
  };
}
