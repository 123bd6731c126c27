import type { Env } from '../../../../machines/ports.ts';
import { RaisedError, standardError } from '../../fault.ts';
import type { Answer, Fetch, Outgoing, OutRequest } from '../outgoing.ts';
import type { CallContext } from '../types.ts';
import { digestAnswer } from './digest.ts';
import { createTokens } from './oauth.ts';
import { type AuthenticationPolicy, readPolicy } from './policies.ts';

/** Who a call is made as. */
export interface Credentials {
  /** Value of an `authorization` header; null where the server has to ask first (digest). */
  header(): Promise<string | null>;
  /** Only a server that asks first can be answered (digest). */
  needsChallenge: boolean;
  /** `outgoing.send` with the credentials shown to the origin that they are for, once more if it asks. */
  send(request: OutRequest): Promise<Answer>;
  /** The same around a `fetch`, for libraries. */
  wrap(fetch: Fetch, origin: string): Fetch;
  /** Takes what must not be read out of a text, for errors. */
  scrub(text: string): string;
}

/** Reads `authentication` of a call. @throws RaisedError `configuration`, `authorization` */
export type Authenticate = (raw: unknown, context: CallContext) => Promise<Credentials>;

/** Credentials of a call: none, basic, bearer, digest (RFC 7616), oauth2, oidc. Tokens live as long as this. */
export function createAuthenticator({ env, outgoing }: { env: Env; outgoing: Outgoing }): Authenticate {
  const tokens = createTokens({ env, outgoing });

  return async (raw, context) => {
    const policy = raw === undefined || raw === null ? null : await readPolicy(raw, context);
    const hidden = secretsOf(policy);

    const tell = (value: string): string => {
      const [scheme = '', ...rest] = value.split(' ');
      const parameter = rest.join(' ');
      if (!hidden.includes(parameter)) hidden.push(parameter);
      context.authorized(scheme, parameter);
      return value;
    };

    async function header(): Promise<string | null> {
      switch (policy?.kind) {
        case 'basic':
          return tell(`Basic ${Buffer.from(`${policy.username}:${policy.password}`).toString('base64')}`);
        case 'bearer':
          return tell(`Bearer ${oneLine(policy.token)}`);
        case 'oauth2':
        case 'oidc':
          return tell(`Bearer ${oneLine(await tokens.token(policy, context.signal))}`);
        default:
          return null;
      }
    }

    /** After a 401: an answer to a digest, or a token newer than the one that was refused. */
    async function again(challenge: string | null, method: string, url: URL): Promise<string | null> {
      if (policy?.kind === 'digest' && challenge !== null) {
        const uri = `${url.pathname}${url.search}`;
        const answer = digestAnswer(challenge, { ...policy, method, uri, cnonce: env.ids.uuid() });
        return answer === null ? null : tell(answer);
      }
      if (policy?.kind === 'oauth2' || policy?.kind === 'oidc') {
        tokens.forget(policy);
        return header();
      }
      return null;
    }

    return {
      header,
      needsChallenge: policy?.kind === 'digest',
      async send(request) {
        const value = await header();
        const first = await outgoing.send(value === null ? request : signed(request, value));
        if (first.status !== 401) return first;
        const second = await again(first.headers.get('www-authenticate'), request.method, request.url);
        return second === null ? first : outgoing.send(signed(request, second));
      },
      wrap: (fetch, origin) => async (to, init) => {
        const url = new URL(to);
        if (url.origin !== origin) return fetch(url, init);
        const attempt = async (value: string | null) => {
          const headers = new Headers(init?.headers);
          if (value !== null) headers.set('authorization', value);
          return fetch(url, { ...init, headers });
        };
        const first = await attempt(await header());
        if (first.status !== 401 || init?.body instanceof ReadableStream) return first;
        const second = await again(first.headers.get('www-authenticate'), init?.method ?? 'GET', url);
        if (second === null) return first;
        await first.body?.cancel();
        return attempt(second);
      },
      scrub: (text) =>
        hidden.reduce((clean, one) => (one === '' ? clean : clean.replaceAll(one, '***')), text),
    };
  };
}

/** The header for a protocol in which nobody asks first. @throws RaisedError `configuration` for a digest */
export async function upfront(credentials: Credentials): Promise<string | null> {
  if (!credentials.needsChallenge) return credentials.header();
  throw standardError('configuration', 'A digest answers servers of HTTP only');
}

function signed(request: OutRequest, value: string): OutRequest {
  const headers = new Headers(request.headers);
  headers.set('authorization', value);
  return { ...request, headers };
}

/** A token with a line break would be a header of its own. */
function oneLine(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw standardError('configuration', 'The token of the authentication is no token');
}

function secretsOf(policy: AuthenticationPolicy | null): string[] {
  switch (policy?.kind) {
    case 'basic':
    case 'digest':
      return [policy.password];
    case 'bearer':
      return [policy.token];
    case 'oauth2':
    case 'oidc':
      return [
        policy.client?.secret,
        policy.client?.assertion,
        policy.password,
        policy.subject?.token,
        policy.actor?.token,
      ].filter((one) => one !== undefined);
    default:
      return [];
  }
}

/** An error with nothing in it that must not be read. */
export function scrubbed(error: unknown, { scrub }: Pick<Credentials, 'scrub'>): unknown {
  if (!(error instanceof RaisedError)) return error;
  const { fault } = error;
  return new RaisedError({ ...fault, title: scrub(fault.title), detail: scrub(fault.detail) });
}
