import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose';
import type { Env } from '../../../machines/ports.ts';
import { permissionDenied, unauthenticated } from './failure.ts';

/** Who calls an API of CAMARA. */
export interface Caller {
  client: string;
  /** null: everything. */
  scopes: readonly string[] | null;
  /** The device of a three-legged token, as a phone number. */
  phoneNumber: string | null;
}

export interface CamaraAccess {
  /** @throws CamaraError UNAUTHENTICATED */
  caller(authorization: string | undefined): Promise<Caller>;
}

/** Where nobody is authenticated: everybody on this machine is one client with all rights. */
export const OPEN_ACCESS: CamaraAccess = {
  caller: async () => ({ client: 'local', scopes: null, phoneNumber: null }),
};

/** `at+jwt` tokens (RFC 9068) of one authorisation server for one audience. */
export function tokenAccess(options: { env: Env; issuer: string; audience: string }): CamaraAccess {
  const { env, issuer, audience } = options;
  const keys = createRemoteJWKSet(new URL(`${issuer.replace(/\/$/, '')}/jwks`), { cooldownDuration: 5_000 });
  return {
    async caller(authorization) {
      if (authorization === undefined) throw unauthenticated('The request needs an access token.');
      const [, token] = /^Bearer ([\w.~+/-]+=*)$/i.exec(authorization) ?? [];
      if (token === undefined || token.length > 8_192) throw unauthenticated('There is no bearer token.');
      let payload: JWTPayload;
      try {
        ({ payload } = await jwtVerify(token, keys, {
          issuer,
          audience,
          typ: 'at+jwt',
          algorithms: ['ES256'],
          requiredClaims: ['sub', 'exp', 'client_id'],
          currentDate: new Date(env.clock.now()),
        }));
      } catch (error) {
        // Only the kind of failure: the token itself goes nowhere.
        env.log.warn({ problem: (error as { code?: string }).code ?? 'unknown' }, 'CAMARA token refused');
        throw unauthenticated('The access token is not valid here.');
      }
      const { scope, client_id: client, phone_number: number } = payload;
      return {
        client: String(client),
        scopes: typeof scope === 'string' ? scope.split(' ') : [],
        phoneNumber: typeof number === 'string' ? number : null,
      };
    },
  };
}

/** @throws CamaraError PERMISSION_DENIED */
export function need(caller: Caller, scope: string): void {
  if (caller.scopes !== null && !caller.scopes.includes(scope)) {
    throw permissionDenied(`The access token lacks the scope ${scope}.`);
  }
}
