import {
  type CryptoKey,
  createLocalJWKSet,
  createRemoteJWKSet,
  type JSONWebKeySet,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';
import { parseAgentId } from '../a2a/topics.ts';
import { type Claim, holding, type IdentityProvider, type Member, type Verdict } from './identity.ts';

export interface TokenIdentityOptions {
  /** Where the issuer publishes its keys, those keys, or one key (an object of Web Crypto). */
  keys: URL | JSONWebKeySet | CryptoKey | Uint8Array;
  issuer: string;
  audience: string;
  /** Claim that holds the agent id. */
  idClaim?: string;
  /** Claim that says `dispatcher`; without it every token is that of an agent. */
  roleClaim?: string;
  /** Accepted signatures; never `none`. Of a shared secret name `HS256`, and nothing asymmetric. */
  algorithms?: string[];
  /** Seconds by which clocks may differ; at most 120. */
  leewayS?: number;
}

/** Only asymmetric ones: a public key can then not be taken for a shared secret. */
const ASYMMETRIC = ['ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512', 'EdDSA'];
const MAX_LEEWAY_S = 120;
const MAX_TOKEN_BYTES = 8_192;

/**
 * A JSON Web Token as the MQTT password (RFC 7519): signed by the issuer for this bus, not over, and with
 * the agent's id. It is looked at when a connection begins; the connection may outlive it.
 */
export function tokenIdentity(options: TokenIdentityOptions): IdentityProvider {
  const { issuer, audience, idClaim = 'sub', roleClaim, leewayS = 30 } = options;
  const algorithms = (options.algorithms ?? ASYMMETRIC).filter((name) => name !== 'none');
  const checks: JWTVerifyOptions = {
    issuer,
    audience,
    algorithms,
    clockTolerance: Math.min(Math.max(leewayS, 0), MAX_LEEWAY_S),
    requiredClaims: ['exp', idClaim],
  };
  const verify = verifier(options.keys, checks);

  return {
    authenticates: true,
    async identify(claim: Claim): Promise<Verdict> {
      const { password } = claim;
      const refused: Verdict = { role: 'refused', reason: 'credentials' };
      if (password === undefined || password.length > MAX_TOKEN_BYTES) return refused;
      let payload: Record<string, unknown>;
      try {
        payload = await verify(password.toString('latin1'));
      } catch {
        // Of any kind: a token that cannot be checked is not good.
        return refused;
      }
      const id = payload[idClaim];
      if (typeof id !== 'string' || parseAgentId(id) === null) return refused;
      const role: Member['role'] =
        roleClaim !== undefined && payload[roleClaim] === 'dispatcher' ? 'dispatcher' : 'agent';
      return holding(claim, role, id);
    },
  };
}

function verifier(
  keys: TokenIdentityOptions['keys'],
  checks: JWTVerifyOptions,
): (token: string) => Promise<Record<string, unknown>> {
  if (keys instanceof URL) {
    const set = createRemoteJWKSet(keys, { timeoutDuration: 5_000, cooldownDuration: 30_000 });
    return async (token) => (await jwtVerify(token, set, checks)).payload;
  }
  if (!(keys instanceof Uint8Array) && 'keys' in keys) {
    const set = createLocalJWKSet(keys);
    return async (token) => (await jwtVerify(token, set, checks)).payload;
  }
  return async (token) => (await jwtVerify(token, keys, checks)).payload;
}
