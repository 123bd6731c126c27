import type { User } from '@a2a-js/sdk/server';
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import type { Clock } from '../../../machines/ports.ts';
import { PROPERTY } from '../properties.ts';
import { BindingRefusal, type IncomingCall } from '../responder.ts';

/** What an agent asks of the token that comes with each request (profile 0.1, `a2a-authorization`). */
export interface TokenPolicy {
  /** Public keys of the issuer; nothing is fetched. */
  keys: JSONWebKeySet;
  issuer: string;
  /** This agent, as the issuer names it. */
  audience: string;
  /** Scopes that a method needs, all of them; `*` for every method that is not named. */
  scopes?: Readonly<Record<string, readonly string[]>>;
  /** Seconds by which clocks may differ; at most 120. 60 if absent. */
  leewayS?: number;
}

/** Asymmetric ones only: a public key can then not be taken for a shared secret. */
const ALGORITHMS = ['ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512', 'EdDSA'];
const MAX_LEEWAY_S = 120;
const MAX_TOKEN_CHARS = 8_192;

/**
 * Judges the token of each request; who is connected to the broker does not stand in for it. The caller is
 * then the agent that asks together with the subject of its token: neither sees tasks of the other's.
 * @throws BindingRefusal (-32005), which names no part of the token
 */
export function bearerAuthenticator(
  policy: TokenPolicy,
  clock: Clock,
): (call: IncomingCall) => Promise<User> {
  const { issuer, audience, scopes = {}, leewayS = 60 } = policy;
  const keys = createLocalJWKSet(policy.keys);
  return async ({ method, properties, requester }) => {
    const token = /^Bearer ([\w.~+/-]+=*)$/i.exec(properties[PROPERTY.authorization] ?? '')?.[1];
    if (token === undefined || token.length > MAX_TOKEN_CHARS) throw refused('a bearer token is needed');
    let claims: JWTPayload;
    try {
      const verified = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: Math.min(Math.max(leewayS, 0), MAX_LEEWAY_S),
        requiredClaims: ['exp', 'sub'],
        currentDate: new Date(clock.now()),
      });
      claims = verified.payload;
    } catch (error) {
      throw refused(reasonOf(error));
    }
    const granted = new Set(scopesOf(claims));
    const wanted = (Object.hasOwn(scopes, method) ? scopes[method] : scopes['*']) ?? [];
    const missing = wanted.filter((scope) => !granted.has(scope));
    if (missing.length > 0) throw refused(`the token lacks the scope ${missing.join(' ')}`);
    const { sub = '' } = claims;
    return { isAuthenticated: true, userName: sub === requester ? requester : `${requester} ${sub}` };
  };
}

const refused = (why: string) =>
  new BindingRefusal('transport_protocol_error', `The request is not authorized: ${why}.`);

/** RFC 8693 4.2, and the list that some issuers write instead. */
function scopesOf({ scope, scp }: JWTPayload): string[] {
  if (typeof scope === 'string') return scope.split(' ');
  return Array.isArray(scp) ? scp.filter((each) => typeof each === 'string') : [];
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired';
  if (error instanceof errors.JWTClaimValidationFailed)
    return `the claim ${error.claim} of the token is not right`;
  return 'the token cannot be verified';
}
