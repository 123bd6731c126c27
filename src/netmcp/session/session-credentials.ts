import { authorisedFetch } from '../auth/authorised-fetch.ts';
import { readChallenge } from '../auth/oauth.ts';
import { createTokenSource } from '../auth/token-source.ts';
import type { Credentials, Target } from '../transport/dial.ts';
import type { SessionOptions } from './client-session.ts';

/** The token of a session's server, and how it goes along with each request; none without `auth`. */
export function credentialsOf({
  env,
  auth,
  target,
  pool,
}: Pick<SessionOptions, 'env' | 'auth' | 'target' | 'pool'>) {
  const endpoint = endpointOf(target);
  if (auth === undefined || endpoint === undefined) return { tokens: null, credentials: undefined };
  const trust = 'tls' in target ? target.tls : undefined;
  const fetch = trust === undefined ? pool.fetch : pool.fetchFor(trust);
  const tokens = createTokenSource({ env, resource: endpoint, auth, fetch });
  const bearer = (token: string | null) => (token === null ? null : `Bearer ${token}`);
  const credentials: Credentials = {
    wrap: (fetch, url) => authorisedFetch(fetch, tokens, url),
    authorization: async () => bearer(await tokens.token()),
    challenged: async (challenge) =>
      bearer(await tokens.challenged(readChallenge(challenge), await tokens.token())),
  };
  return { tokens, credentials };
}

/** The HTTP endpoint that tokens are for (RFC 8707). */
function endpointOf(target: Target): string | undefined {
  if ('command' in target) return undefined;
  const endpoints = 'url' in target ? [target.url] : target.endpoints;
  return endpoints.find((endpoint) => /^https?:/.test(endpoint));
}
