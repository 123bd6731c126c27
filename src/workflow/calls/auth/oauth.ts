import { createHash } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Env } from '../../../../machines/ports.ts';
import { RaisedError, standardError } from '../../fault.ts';
import { isMap } from '../media.ts';
import type { Answer, Outgoing } from '../outgoing.ts';
import { shown } from '../uri.ts';
import { grantProblem, type OauthPolicy, TOKEN_EXCHANGE } from './policies.ts';

type Policy = OauthPolicy & { kind: 'oauth2' | 'oidc' };

export interface Tokens {
  /**
   * An access token for a policy, the one in hand until it expires.
   * @throws RaisedError `authentication` if it is refused, `communication`, `configuration`
   */
  token(policy: Policy, signal: AbortSignal): Promise<string>;
  /** A server has refused it: the next one is a new one. */
  forget(policy: Policy): void;
}

interface Held {
  token: Promise<string>;
  /** ms since the epoch; infinite while it is on its way. */
  until: number;
  refresh: string | undefined;
}

const MAX_HELD = 1_000;
const MAX_METADATA = 256 * 1024;
/** ms: a token is not used in its last moments, since the call has a way to go. */
const MARGIN = 10_000;
/** ms: one who asks for a token does not wait longer. */
const PATIENCE = 30_000;
const FORM = 'application/x-www-form-urlencoded';
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Tokens of OAuth 2.0 (RFC 6749, RFC 8693) and OpenID Connect, kept in memory until they expire. */
export function createTokens({ env, outgoing }: { env: Env; outgoing: Outgoing }): Tokens {
  const held = new Map<string, Held>();
  const keyOf = (policy: Policy) => createHash('sha256').update(JSON.stringify(policy)).digest('hex');

  async function json(url: URL, signal: AbortSignal): Promise<Record<string, unknown> | null> {
    const headers = new Headers({ accept: 'application/json' });
    const answer = await outgoing.follow({ url, method: 'GET', headers, signal, limit: MAX_METADATA });
    return answer.status === 200 ? objectOf(answer) : null;
  }

  /** Token endpoint, and the issuer's name for itself where there is metadata. */
  async function endpointOf(policy: Policy, signal: AbortSignal): Promise<{ url: URL; issuer: string }> {
    const authority = policy.authority === undefined ? null : URL.parse(policy.authority);
    const base = authority === null ? null : new URL(`${authority.href.replace(/\/$/, '')}/`);
    const named = policy.endpoints?.token;
    if (named !== undefined) {
      // Relative to the authority, also with a slash before it (DSL 1.0.3, "OAUTH2 Authentication").
      const url = URL.parse(named) ?? (base && URL.parse(named.replace(/^\//, ''), base.href));
      if (url) return { url, issuer: policy.authority ?? url.origin };
    }
    if (authority === null || base === null) {
      throw standardError('configuration', 'The authentication names neither an authority nor an endpoint');
    }
    const places = [new URL('.well-known/openid-configuration', base)];
    if (policy.kind === 'oauth2') {
      const path = authority.pathname.replace(/\/$/, '');
      places.unshift(new URL(`/.well-known/oauth-authorization-server${path}`, authority));
    }
    for (const place of places) {
      const found = await json(place, signal);
      const url = typeof found?.token_endpoint === 'string' ? URL.parse(found.token_endpoint) : null;
      const issuer = String(found?.issuer ?? '');
      if (url === null) continue;
      // RFC 8414 3.3: metadata that speaks for another issuer is not this one's.
      const same = issuer.replace(/\/$/, '') === authority.href.replace(/\/$/, '');
      if (!same && !policy.issuers?.includes(issuer)) {
        throw standardError('authentication', `${shown(place)} speaks for another issuer`, {
          detail: issuer,
        });
      }
      return { url, issuer };
    }
    if (policy.kind === 'oauth2') return { url: new URL('oauth2/token', base), issuer: authority.href };
    throw standardError('communication', `${authority.href} tells no token endpoint`, { status: 502 });
  }

  async function ask(policy: Policy, refresh: string | undefined, key: string): Promise<string> {
    const signal = AbortSignal.timeout(PATIENCE);
    const { url, issuer } = await endpointOf(policy, signal);
    const form = grantOf(policy, refresh);
    const headers = new Headers({ accept: 'application/json' });
    await identify(policy, issuer, url, form, headers);
    const encoding = policy.request?.encoding ?? FORM;
    headers.set('content-type', encoding);
    const body = encoding === FORM ? form.toString() : JSON.stringify(jsonOf(form));
    const answer = await outgoing.send({ url, method: 'POST', headers, body, signal, limit: MAX_METADATA });
    const result = objectOf(answer);
    const token = result?.access_token;
    if (answer.status >= 500) {
      throw standardError('communication', `No token from ${shown(url)}`, { status: answer.status });
    }
    if (answer.status !== 200 || typeof token !== 'string' || token === '') {
      // RFC 6749 5.2: the code alone; a description may repeat what was sent.
      const code = /^[\w.-]{1,64}$/.exec(String(result?.error ?? ''))?.[0] ?? `HTTP ${answer.status}`;
      throw standardError('authentication', `No token from ${shown(url)}`, { detail: code });
    }
    const seconds = Number(result?.expires_in);
    const life = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0;
    const entry = held.get(key);
    if (entry !== undefined) {
      entry.until = env.clock.now() + Math.max(0, life - MARGIN);
      if (typeof result?.refresh_token === 'string') entry.refresh = result.refresh_token;
    }
    return token;
  }

  async function identify(
    { client }: Policy,
    issuer: string,
    url: URL,
    form: URLSearchParams,
    headers: Headers,
  ): Promise<void> {
    const { id, secret, authentication: way = 'none', assertion } = client ?? {};
    if (way === 'client_secret_basic' && id !== undefined) {
      // RFC 6749 2.3.1: both are encoded like a form before they are joined.
      const encode = (text: string) => new URLSearchParams([['', text]]).toString().slice(1);
      const pair = Buffer.from(`${encode(id)}:${encode(secret ?? '')}`).toString('base64');
      headers.set('authorization', `Basic ${pair}`);
      return;
    }
    if (id !== undefined) form.set('client_id', id);
    if (way === 'client_secret_post' && secret !== undefined) form.set('client_secret', secret);
    if (way !== 'client_secret_jwt' && way !== 'private_key_jwt') return;
    let signed = assertion;
    if (signed === undefined) {
      if (way === 'private_key_jwt' || id === undefined || secret === undefined) {
        throw standardError('configuration', `${way} needs client.assertion, or client.id and client.secret`);
      }
      const now = Math.floor(env.clock.now() / 1000);
      // RFC 7523 3; the issuer and its endpoint are both names of the audience that servers take.
      signed = await new SignJWT({ jti: env.ids.uuid() })
        .setProtectedHeader({ alg: 'HS256' })
        .setIssuer(id)
        .setSubject(id)
        .setAudience([issuer, url.href])
        .setIssuedAt(now)
        .setExpirationTime(now + 60)
        .sign(new TextEncoder().encode(secret));
    }
    form.set('client_assertion_type', ASSERTION);
    form.set('client_assertion', signed);
  }

  return {
    async token(policy, signal) {
      const problem = grantProblem(policy.grant);
      if (problem !== null) throw standardError('configuration', problem);
      const key = keyOf(policy);
      let entry = held.get(key);
      if (entry === undefined || entry.until <= env.clock.now()) {
        const refresh = entry?.refresh;
        entry = { token: Promise.resolve(''), until: Number.POSITIVE_INFINITY, refresh };
        held.delete(key);
        held.set(key, entry);
        const oldest = held.keys().next().value;
        if (held.size > MAX_HELD && oldest !== undefined) held.delete(oldest);
        // One request serves all who wait; it does not end with the first of them.
        const mine = entry;
        entry.token = ask(policy, refresh, key).catch((error: unknown) => {
          if (held.get(key) === mine) held.delete(key);
          throw error instanceof RaisedError
            ? error
            : standardError('communication', 'No token came in time', { status: 504 });
        });
      }
      return unlessAborted(entry.token, signal);
    },
    forget(policy) {
      const entry = held.get(keyOf(policy));
      if (entry !== undefined && entry.until !== Number.POSITIVE_INFINITY) entry.until = 0;
    },
  };
}

/** The parameters of a grant. A refresh token that the server has changed takes the place of the given one. */
function grantOf(policy: Policy, refresh: string | undefined): URLSearchParams {
  const form = new URLSearchParams();
  const set = (name: string, value: string | undefined) => {
    if (value !== undefined) form.set(name, value);
  };
  set('scope', policy.scopes?.join(' '));
  for (const audience of policy.audiences ?? []) form.append('audience', audience);
  const again = policy.grant === 'refresh_token' ? (refresh ?? policy.subject?.token) : undefined;
  set('grant_type', policy.grant);
  switch (policy.grant) {
    case 'refresh_token':
      if (again === undefined) {
        throw standardError('configuration', 'The grant refresh_token needs the token as subject.token');
      }
      set('refresh_token', again);
      break;
    case 'password':
      set('username', policy.username);
      set('password', policy.password);
      break;
    case TOKEN_EXCHANGE:
      if (policy.subject === undefined) {
        throw standardError('configuration', 'Token exchange needs a subject');
      }
      set('subject_token', policy.subject.token);
      set('subject_token_type', tokenType(policy.subject.type));
      set('actor_token', policy.actor?.token);
      set('actor_token_type', policy.actor && tokenType(policy.actor.type));
      break;
  }
  return form;
}

/** RFC 8693 3: the names of types are URIs; the short ones are meant as these. */
const tokenType = (type: string) =>
  type.includes(':') ? type : `urn:ietf:params:oauth:token-type:${type.replace(/-/g, '_')}`;

function jsonOf(form: URLSearchParams): Record<string, string | string[]> {
  return Object.fromEntries(
    [...new Set(form.keys())].map((name) => {
      const all = form.getAll(name);
      return [name, all.length === 1 ? (all[0] as string) : all];
    }),
  );
}

function objectOf({ body }: Answer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return isMap(value) ? value : null;
  } catch {
    return null;
  }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
