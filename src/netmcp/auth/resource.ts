import {
  createRemoteJWKSet,
  customFetch,
  type FetchImplementation,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import type { Env } from '../../../machines/ports.ts';
import type { Permission } from '../schema/index.ts';
import { createHttpPool } from '../session/keep-alive.ts';
import type { Identity } from '../session/server-session.ts';
import { actorsOf, MAX_ACTORS } from './claims.ts';
import { SCOPE_USE } from './directory.ts';

/** What a server needs to know to accept tokens. */
export interface ResourceAuth {
  /** The authorisation server. */
  issuer: string;
  /** s by which clocks may differ: 30 if not given, at most 120. */
  leewayS?: number;
  /** The authority that vouches for the authorisation server, PEM, in place of those of the system. */
  ca?: string;
}

/** What of a request says who sends it; a line of QUIC has an `authorization` header alone. */
export interface AuthRequest {
  headers: { authorization?: string | undefined };
}

/** What a request is held to, and what the server says of itself. */
export interface Protection {
  authenticate(
    request: AuthRequest,
  ): Promise<{ identity: Identity } | { status: 401 | 403; challenge: string; message: string }>;
  /** RFC 6750 3.1, for a request whose token has too few scopes. */
  insufficient(scopes: string[]): string;
  /** RFC 9728: the documents of this origin by path. */
  documents: ReadonlyMap<string, object>;
}

export interface ProtectionOptions {
  env: Env;
  auth: ResourceAuth;
  /** URL of the MCP endpoint, which is the audience. */
  url: string;
  name: string;
  /** Scopes that something here asks for. */
  scopes(): string[];
}

/** Beside the identity and not in it, so that no log, error or result can hold a token by accident. */
const presented = new WeakMap<Identity, { token: string; until: number }>();

/**
 * The token that a request came with, to be exchanged at the authorisation server for one to the next server
 * (`onBehalfOf`); it is sent nowhere else. undefined where nobody is authenticated.
 */
export const subjectToken = (identity: Identity): string | undefined => presented.get(identity)?.token;

/** When that token ends, ms. */
export const subjectTokenEnds = (identity: Identity): number | undefined => presented.get(identity)?.until;

const MAX_TOKEN = 8_192;
const MAX_LEEWAY_S = 120;

/**
 * The resource side of OAuth (MCP 2025-11-25, authorization): metadata, challenges, and the check of each
 * request's token by issuer, audience, type, time, algorithm and signature.
 */
export function protect(options: ProtectionOptions): Protection {
  const { env, auth, url } = options;
  const { origin, pathname } = new URL(url);
  const metadataPath = '/.well-known/oauth-protected-resource';
  const keys = keysOf(auth);
  const scopes = () => [...new Set([SCOPE_USE, ...options.scopes()])];
  const challenge = (fields: Record<string, string>) =>
    `Bearer ${Object.entries({ ...fields, resource_metadata: `${origin}${metadataPath}${pathname}` })
      .map(([name, value]) => `${name}="${value}"`)
      .join(', ')}`;
  const refused = (message: string, error?: string) => ({
    status: 401 as const,
    challenge: challenge({
      ...(error !== undefined && { error, error_description: message }),
      scope: scopes().join(' '),
    }),
    message,
  });
  const document = {
    resource: url,
    authorization_servers: [auth.issuer],
    get scopes_supported() {
      return scopes();
    },
    bearer_methods_supported: ['header'],
    resource_name: options.name,
  };

  async function authenticate(request: AuthRequest) {
    const header = request.headers.authorization;
    if (header === undefined) return refused('a token is needed');
    const [, token] = /^Bearer ([\w.~+/-]+=*)$/i.exec(header) ?? [];
    if (token === undefined || token.length > MAX_TOKEN) return refused('no bearer token', 'invalid_request');
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, keys, {
        issuer: auth.issuer,
        audience: url,
        typ: 'at+jwt',
        algorithms: ['ES256'],
        requiredClaims: ['sub', 'exp', 'iat', 'client_id'],
        clockTolerance: Math.min(Math.max(auth.leewayS ?? 30, 0), MAX_LEEWAY_S),
        currentDate: new Date(env.clock.now()),
      }));
    } catch (error) {
      // Only the kind of failure: the token itself goes nowhere.
      env.log.warn({ resource: url, problem: codeOf(error) }, 'token refused');
      return refused('the token is not valid here', 'invalid_token');
    }
    const identity = identityOf(payload);
    if (identity === null) return refused('the token is not valid here', 'invalid_token');
    presented.set(identity, { token, until: (payload.exp ?? 0) * 1_000 });
    if (!identity.scopes.includes(SCOPE_USE)) {
      return {
        status: 403 as const,
        challenge: insufficient([...identity.scopes, SCOPE_USE]),
        message: `the token lacks ${SCOPE_USE}`,
      };
    }
    return { identity };
  }

  function insufficient(missing: string[]): string {
    return challenge({ error: 'insufficient_scope', scope: missing.join(' ') });
  }

  return {
    authenticate,
    insufficient,
    documents: new Map([
      [`${metadataPath}${pathname}`, document],
      [metadataPath, document],
    ]),
  };
}

function identityOf(payload: JWTPayload): Identity | null {
  const actors = actorsOf(payload);
  if (typeof payload.sub !== 'string' || payload.sub.length > 256 || actors.length > MAX_ACTORS) return null;
  return {
    agent: payload.sub,
    authenticated: true,
    scopes: typeof payload.scope === 'string' ? payload.scope.split(' ') : [],
    actors,
  };
}

/** The issuer's keys, read when first needed and again when one is unknown, at most every 5 s. */
function keysOf({ issuer, ca }: ResourceAuth): JWTVerifyGetKey {
  return createRemoteJWKSet(new URL(`${issuer.replace(/\/$/, '')}/jwks`), {
    cooldownDuration: 5_000,
    timeoutDuration: 5_000,
    ...(ca !== undefined && { [customFetch]: (url, init) => fetchOnce(url, init, ca) }),
  });
}

/** Keys are read seldom, so no connection is kept for them. */
async function fetchOnce(url: string, init: FetchInit, ca: string): Promise<Response> {
  const pool = createHttpPool(1);
  try {
    const response = await pool.fetchFor({ ca })(url, init as RequestInit);
    return new Response(await response.text(), { status: response.status });
  } finally {
    await pool.close();
  }
}

type FetchInit = Parameters<FetchImplementation>[1];

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code : 'unknown';
}

/** What `listenMcp` is given; without `auth` nothing. */
export function protection(options: {
  env: Env;
  auth: ResourceAuth | undefined;
  name: string;
  scopes(): string[];
}): { protect?: (url: string) => Protection } {
  const { auth } = options;
  return auth === undefined ? {} : { protect: (url) => protect({ ...options, auth, url }) };
}

/** The scopes that these tools ask for. */
export function scopesOf(tools: ReadonlyArray<{ tool: { meta: { permission: Permission } } }>): string[] {
  return tools.flatMap(({ tool: { meta } }) =>
    meta.permission.mode === 'token' ? meta.permission.scopes : [],
  );
}
