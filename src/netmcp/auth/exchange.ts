import { createLocalJWKSet, type JWTPayload, jwtVerify } from 'jose';
import { errors, type OidcContext, type Provider, type ResourceServerInfo } from 'oidc-provider';
import { actorsOf, MAX_ACTORS } from './claims.ts';
import type { Resources, TrustedClient } from './directory.ts';

export const EXCHANGE_GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

interface ExchangeOptions {
  issuer: string;
  provider: Provider;
  clients: ReadonlyMap<string, TrustedClient>;
  resources: Resources;
  published: { keys: object[] };
  acting: WeakMap<object, object>;
  infoOf(resource: string, client: string): ResourceServerInfo;
  now(): number;
}

/**
 * Token exchange (RFC 8693): the receiver of a token gets one for the next server, in the name of the same
 * subject and with itself as the actor. What the new token may do is what the subject's token, the actor and
 * the resource all allow, so that nobody gains by going through somebody stronger.
 */
export function exchangeHandler(options: ExchangeOptions): (ctx: OidcContext) => Promise<void> {
  const { provider, clients, resources, acting, infoOf } = options;
  const keys = createLocalJWKSet(options.published as Parameters<typeof createLocalJWKSet>[0]);

  return async (ctx) => {
    const { client, params } = ctx.oidc;
    if (!clients.has(client.clientId)) throw new errors.InvalidRequest('not a trusted client');
    const { subject_token: token, resource, scope } = params;
    if (params.subject_token_type !== ACCESS_TOKEN) {
      throw new errors.InvalidRequest('the subject token must be an access token');
    }
    if ((params.requested_token_type ?? ACCESS_TOKEN) !== ACCESS_TOKEN) {
      throw new errors.InvalidRequest('only access tokens are issued');
    }
    if (typeof token !== 'string') throw new errors.InvalidRequest('the subject token is missing');
    if (typeof resource !== 'string') throw new errors.InvalidTarget('one resource must be named');
    const subject = await verified(token);
    // A token that was made for somebody else was not given to this client by its subject.
    if (typeof subject.aud !== 'string' || resources.get(subject.aud)?.owner !== client.clientId) {
      throw new errors.InvalidGrant('the subject token is not meant for this client');
    }
    const chain = actorsOf(subject);
    if (chain.length >= MAX_ACTORS) throw new errors.InvalidGrant('the chain of actors is too long');
    const info = infoOf(resource, client.clientId);
    const had = scopesOf(subject.scope);
    const asked = scope === undefined ? had : scopesOf(scope);
    const granted = info.scope.split(' ').filter((name) => had.has(name) && asked.has(name));

    const issued = new provider.AccessToken({
      accountId: subject.sub,
      client,
      gty: 'token-exchange',
    });
    issued.resourceServer = new provider.ResourceServer(resource, {
      ...info,
      // It does not outlive what it came from.
      accessTokenTTL: Math.max(
        1,
        Math.min(info.accessTokenTTL ?? 300, (subject.exp ?? 0) - Math.floor(options.now() / 1_000)),
      ),
    });
    issued.scope = granted.join(' ');
    acting.set(issued, nested([client.clientId, ...chain]));
    const value = await issued.save();
    ctx.body = {
      access_token: value,
      issued_token_type: ACCESS_TOKEN,
      token_type: 'Bearer',
      expires_in: issued.expiration,
      scope: issued.scope,
    };
  };

  async function verified(token: string): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: options.issuer,
        typ: 'at+jwt',
        algorithms: ['ES256'],
        requiredClaims: ['sub', 'aud', 'exp'],
        currentDate: new Date(options.now()),
      });
      return payload;
    } catch {
      throw new errors.InvalidGrant('the subject token is not valid');
    }
  }
}

function scopesOf(scope: unknown): Set<string> {
  return new Set(typeof scope === 'string' ? scope.split(' ') : []);
}

/** RFC 8693 4.1: the nearest actor outside, the one before it inside. */
function nested(actors: string[]): object {
  const [sub, ...rest] = actors;
  return rest.length === 0 ? { sub } : { sub, act: nested(rest) };
}
