import { timingSafeEqual } from 'node:crypto';
import type { JWK } from 'jose';
import { errors, type OidcContext, Provider } from 'oidc-provider';
import type { Log } from '../../../machines/ports.ts';
import { type Adapter, digest } from './adapter.ts';
import { type Resources, scopesFor, type TrustedClient } from './directory.ts';
import { EXCHANGE_GRANT, exchangeHandler } from './exchange.ts';

/** Whether a password or secret is that of a name, from the credentials. */
export interface Passwords {
  verify(name: string, password: string): Promise<boolean>;
  /** Whether the name is still there: who was taken out gets no further token by an old consent. */
  knows(name: string): boolean;
}

/** How long things live, s. */
export interface Lifetimes {
  accessToken: number;
  refreshToken: number;
  code: number;
  /** The time a person has to log in and consent. */
  interaction: number;
  /** A person stays logged in at the portal. */
  session: number;
}

export const LIFETIMES: Lifetimes = {
  accessToken: 300,
  refreshToken: 14 * 86_400,
  code: 60,
  interaction: 600,
  session: 3_600,
};

export interface ProviderOptions {
  issuer: string;
  log: Log;
  adapters(kind: string): Adapter;
  clients: ReadonlyMap<string, TrustedClient>;
  resources: Resources;
  passwords: Passwords;
  lifetimes: Lifetimes;
  jwks: JWK[];
  /** The key that signs, and those that verify the subject tokens of an exchange. */
  kid: string;
  published: { keys: JWK[] };
  cookieKeys: string[];
  now(): number;
}

/**
 * The authorisation server proper: `oidc-provider` set up for MCP 2025-11-25 (OAuth 2.1). Codes with PKCE
 * S256, refresh with rotation, client credentials for trusted clients, token exchange; ES256 JWTs for one
 * audience.
 */
export function createProvider(options: ProviderOptions): Provider {
  const { issuer, clients, resources, passwords, lifetimes } = options;
  /** `act` of tokens under way: the library's own tokens have no place for it. */
  const acting = new WeakMap<object, object>();

  const infoOf = (identifier: string, client: string) => {
    const resource = resources.get(identifier);
    if (resource === undefined) throw new errors.InvalidTarget('unknown resource');
    return {
      scope: scopesFor(resource, client, clients).join(' '),
      audience: resource.resource,
      accessTokenTTL: lifetimes.accessToken,
      accessTokenFormat: 'jwt' as const,
      jwt: { sign: { alg: 'ES256', kid: options.kid } },
    };
  };

  const provider = new Provider(issuer, {
    adapter: (kind: string) => (kind === 'Client' ? clientAdapter(options) : options.adapters(kind)),
    jwks: { keys: options.jwks },
    cookies: { keys: options.cookieKeys },
    clientDefaults: { id_token_signed_response_alg: 'ES256', grant_types: ['authorization_code'] },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    enabledJWA: { clientAuthSigningAlgValues: ['ES256', 'ES384', 'EdDSA', 'PS256', 'RS256'] },
    responseTypes: ['code'],
    scopes: ['openid'],
    pkce: { required: () => true },
    interactions: { url: (_: OidcContext, { uid }: { uid: string }) => `/interaction/${uid}` },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      registration: { enabled: true, issueRegistrationAccessToken: false },
      registrationManagement: { enabled: false },
      revocation: {
        enabled: true,
        allowedPolicy: (_: OidcContext, client: { clientId: string }, token: { clientId: string }) =>
          token.clientId === client.clientId,
      },
      introspection: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      requestObjects: { enabled: false },
      resourceIndicators: {
        enabled: true,
        // RFC 8707 2: every token is for one audience, so a request must name it.
        defaultResource: (_: OidcContext, __: unknown, oneOf?: string[]) => {
          if (oneOf !== undefined) return oneOf;
          throw new errors.InvalidTarget('a resource must be named');
        },
        useGrantedResource: () => true,
        getResourceServerInfo: (ctx: OidcContext, identifier: string, client: { clientId: string }) => {
          const info = infoOf(identifier, client.clientId);
          // RFC 6749 3.3: a trusted client that names no scope gets what it may have here.
          if (ctx.oidc.params.grant_type === 'client_credentials') ctx.oidc.params.scope ??= info.scope;
          return info;
        },
      },
    },
    issueRefreshToken: async (_: OidcContext, client: { grantTypeAllowed(grant: string): boolean }) =>
      client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: () => true,
    extraTokenClaims: async (_: OidcContext, token: object) => {
      const act = acting.get(token);
      return act === undefined ? undefined : { act };
    },
    findAccount: async (_: OidcContext, id: string) =>
      passwords.knows(id) ? { accountId: id, claims: async () => ({ sub: id }) } : undefined,
    clientBasedCORS: () => false,
    renderError: async (ctx: OidcContext, out: { error: string; error_description?: string }) => {
      ctx.type = 'text';
      ctx.body = `${out.error}: ${out.error_description ?? ''}`;
    },
    ttl: {
      AccessToken: lifetimes.accessToken,
      ClientCredentials: lifetimes.accessToken,
      AuthorizationCode: lifetimes.code,
      RefreshToken: lifetimes.refreshToken,
      Interaction: lifetimes.interaction,
      Session: lifetimes.session,
      Grant: lifetimes.refreshToken,
      IdToken: lifetimes.accessToken,
    },
  });

  // Secrets are kept as hashes: those of trusted clients in the credentials, the others as digests.
  provider.Client.prototype.compareClientSecret = async function compare(actual) {
    if (clients.has(this.clientId)) return passwords.verify(this.clientId, actual);
    const known = (this as unknown as { clientSecret?: string }).clientSecret ?? '';
    const given = digest(actual);
    return known.length === given.length && timingSafeEqual(Buffer.from(known), Buffer.from(given));
  };
  provider.registerGrantType(EXCHANGE_GRANT, exchangeHandler({ ...options, provider, acting, infoOf }), [
    'subject_token',
    'subject_token_type',
    'requested_token_type',
    'resource',
    'scope',
  ]);
  provider.on('server_error', ((_: OidcContext, error: Error) =>
    options.log.error({ error: String(error) }, 'authorisation server failed')) as (
    ...args: never[]
  ) => void);
  return provider;
}

/** Trusted clients come from the operator's table, all others from registration (RFC 7591). */
function clientAdapter({ clients, adapters }: ProviderOptions): Adapter {
  const registered = adapters('Client');
  return {
    ...registered,
    async find(id) {
      const trusted = clients.get(id);
      if (trusted !== undefined) return metadataOf(trusted);
      const { jti: _, ...client } = (await registered.find(id)) ?? {};
      return Object.keys(client).length === 0 ? undefined : client;
    },
    async upsert(id, payload, expiresIn) {
      const secret = payload.client_secret;
      const kept = typeof secret === 'string' ? { ...payload, client_secret: digest(secret) } : payload;
      await registered.upsert(id, kept, expiresIn);
    },
  };
}

function metadataOf({ id, keys }: TrustedClient): Record<string, unknown> {
  return {
    client_id: id,
    client_name: id,
    grant_types: ['client_credentials', EXCHANGE_GRANT],
    redirect_uris: [],
    response_types: [],
    ...(keys === undefined
      ? // Never compared: the credentials decide.
        { token_endpoint_auth_method: 'client_secret_basic', client_secret: 'kept as a hash elsewhere' }
      : { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys } }),
  };
}
