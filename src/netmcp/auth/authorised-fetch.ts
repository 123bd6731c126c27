import type { Fetch } from '../session/keep-alive.ts';
import { readChallenge } from './oauth.ts';
import type { TokenSource } from './token-source.ts';

/** Each request is sent again at most so often: once for a new token, and for scopes as they are asked. */
const MAX_TRIES = 4;

/**
 * Adds the token to each request to the resource and acts on its challenges (MCP 2025-11-25, authorization).
 * To any other origin the request goes without a token.
 */
export function authorisedFetch(fetch: Fetch, tokens: TokenSource, resource: string): Fetch {
  // HTTP/3 has a scheme of its own in endpoints, and none on the wire.
  const { origin } = new URL(resource.replace(/^https\+h3:/, 'https:'));
  return async (url, init) => {
    if (new URL(url).origin !== origin) return fetch(url, init);
    const signal = init?.signal ?? undefined;
    let token = await tokens.token(signal);
    let refused = false;
    for (let tries = 1; ; tries += 1) {
      const headers = new Headers(init?.headers);
      if (token !== null) headers.set('authorization', `Bearer ${token}`);
      // A redirect would carry the token elsewhere.
      const response = await fetch(url, { ...init, headers, redirect: 'error' });
      const again = response.status === 401 ? !refused : response.status === 403;
      if (!again || tries >= MAX_TRIES) return response;
      const challenge = readChallenge(response.headers.get('www-authenticate'));
      if (response.status === 401) {
        refused = true;
        await response.body?.cancel();
        token = await tokens.challenged(challenge, token, signal);
      } else {
        if (challenge.error !== 'insufficient_scope') return response;
        await response.body?.cancel();
        token = await tokens.insufficient(challenge, token, signal);
      }
    }
  };
}
