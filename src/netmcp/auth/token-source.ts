import type { JWK } from 'jose';
import { createActor, fromPromise, type SnapshotFrom, waitFor } from 'xstate';
import type { Env } from '../../../machines/ports.ts';
import { authorizationMachine, type Granted } from '../../../machines/protocols/authorization.machine.ts';
import { fail } from '../../errors.ts';
import type { Fetch } from '../session/keep-alive.ts';
import {
  AuthProblem,
  type Challenge,
  type ClientCredentials,
  makePkce,
  makeState,
  readResourceMetadata,
  readServerMetadata,
  registerClient,
  requestTokens,
  type ServerMetadata,
  type Tokens,
} from './oauth.ts';
import { grantOf } from './obtain.ts';
import { receiveRedirect } from './redirect.ts';

/** How a client authenticates itself, or a person for it. */
export type ClientAuth =
  /** A trusted client: client credentials, by a secret or a private key. */
  | {
      clientId: string;
      clientSecret?: string;
      privateKey?: JWK;
      scopes?: string[];
      /** The only authorisation server that may see these credentials; else whichever the resource names. */
      issuer?: string;
      /** A token that was made for this client: it acts for the subject of that token (RFC 8693). */
      onBehalfOf?: string;
    }
  /**
   * A third party: a person signs in at the address that `interactive` opens. If it returns the address of
   * the redirect, that is taken; else the browser comes back to a port of ours on loopback.
   */
  | {
      interactive: (url: string, signal: AbortSignal) => Promise<string | undefined>;
      clientName?: string;
      redirectUri?: string;
      scopes?: string[];
      /** Known before, so that nothing is registered. */
      client?: { clientId: string; clientSecret?: string };
      /** https address of our client metadata document, where the server takes one. */
      clientMetadataUrl?: string;
    };

export interface TokenSource {
  /** The token for the next request; null while nothing is known to need one. @throws NETMCP_UNAUTHORISED */
  token(signal?: AbortSignal): Promise<string | null>;
  /** The resource refused `used` with 401. @throws NETMCP_UNAUTHORISED if no other can be had */
  challenged(challenge: Challenge, used: string | null, signal?: AbortSignal): Promise<string>;
  /** The resource wants more scopes. @throws NETMCP_FORBIDDEN if they cannot be had */
  insufficient(challenge: Challenge, used: string | null, signal?: AbortSignal): Promise<string>;
  state(): { value: string; issuer: string; scopes: string[]; granted: string[]; reason: string };
  close(): void;
}

type Snapshot = SnapshotFrom<typeof authorizationMachine>;

/** One actor of the authorization chart; the tokens stay in here, in memory. */
export function createTokenSource(options: {
  env: Env;
  /** URL of the MCP endpoint. */
  resource: string;
  auth: ClientAuth;
  fetch: Fetch;
  /** Of tries that failed for the moment, and of wider tokens; the chart's own if not given. */
  limits?: { maxAttempts?: number; maxStepUps?: number };
}): TokenSource {
  const { env, resource, auth, fetch } = options;
  let challenge: Challenge = { error: null, scopes: null, resourceMetadata: null };
  let metadata: ServerMetadata | null = null;
  let audience = resource;
  let client: ClientCredentials | null = null;
  let registeredAt = '';
  let held: { tokens: Tokens; until: number } | null = null;
  let code: { code: string; verifier: string; redirectUri: string } | null = null;
  const receiver = 'interactive' in auth && auth.redirectUri === undefined ? receiveRedirect : null;
  let open: Awaited<ReturnType<typeof receiveRedirect>> | null = null;

  const known = (): ServerMetadata => {
    if (metadata === null) throw new AuthProblem('nothing was discovered');
    return metadata;
  };
  const redirectUri = async (): Promise<string> => {
    if ('interactive' in auth && auth.redirectUri !== undefined) return auth.redirectUri;
    open ??= await (receiver as typeof receiveRedirect)();
    return open.redirectUri;
  };
  const keep = (tokens: Tokens, asked: string[]): Granted => {
    const expiresInMs = (tokens.expires_in ?? 3_600) * 1_000;
    const refresh = tokens.refresh_token ?? held?.tokens.refresh_token;
    held = {
      tokens: { ...tokens, ...(refresh !== undefined && { refresh_token: refresh }) },
      until: env.clock.now() + expiresInMs,
    };
    // RFC 6749 5.1: a scope that is not named is the one that was asked for.
    const scopes = tokens.scope === undefined ? asked : tokens.scope.split(' ').filter((s) => s !== '');
    return { scopes, expiresInMs, renewable: !('interactive' in auth) || refresh !== undefined };
  };
  const scopeOf = (scopes: string[]): Record<string, string> =>
    scopes.length === 0 ? {} : { scope: scopes.join(' ') };
  const ask = (parameters: Record<string, string>, scopes: string[], signal: AbortSignal) =>
    requestTokens(
      env,
      known(),
      client as ClientCredentials,
      { ...parameters, resource: audience },
      { fetch, signal },
    ).then((tokens) => keep(tokens, scopes));

  const machine = authorizationMachine.provide({
    actors: {
      discover: fromPromise(async ({ signal }) => {
        const step = { fetch, signal };
        const about = await readResourceMetadata(resource, challenge.resourceMetadata, step);
        // MCP 2025-03-26 had no resource metadata: the origin was its own authorisation server.
        const issuer = about?.authorization_servers?.[0] ?? new URL(resource).origin;
        // A secret, or the token of somebody else, goes to no server that a stranger names.
        const pinned = 'interactive' in auth ? undefined : (auth.issuer ?? (auth.onBehalfOf && ''));
        if (pinned !== undefined && !sameIssuer(pinned, issuer)) {
          throw new AuthProblem('the resource names an authorisation server that is not ours');
        }
        metadata = await readServerMetadata(issuer, step);
        audience = about?.resource ?? resource;
        if ('interactive' in auth && !pkceSupported(metadata)) {
          throw new AuthProblem(`${issuer} does not support PKCE with S256`);
        }
        client = clientAt(metadata);
        return {
          issuer,
          register: client === null,
          scopes: auth.scopes ?? challenge.scopes ?? about?.scopes_supported ?? [],
        };
      }),
      register: fromPromise(async ({ signal }) => {
        const name = 'clientName' in auth ? (auth.clientName ?? 'netagent') : 'netagent';
        client = await registerClient(known(), { name, redirectUri: await redirectUri() }, { fetch, signal });
        registeredAt = known().issuer;
      }),
      ask: fromPromise(async ({ input, signal }) => {
        code = await askPerson(input.scopes, signal);
      }),
      request: fromPromise(async ({ input, signal }) => {
        if (!('interactive' in auth))
          return ask({ ...grantOf(auth.onBehalfOf), ...scopeOf(input.scopes) }, input.scopes, signal);
        const given = code;
        code = null;
        if (given === null) throw new AuthProblem('there is no code');
        return ask(
          {
            grant_type: 'authorization_code',
            code: given.code,
            code_verifier: given.verifier,
            redirect_uri: given.redirectUri,
          },
          input.scopes,
          signal,
        );
      }),
      renew: fromPromise(async ({ input, signal }) => {
        const refresh = held?.tokens.refresh_token ?? spare;
        if (!('interactive' in auth))
          return ask({ ...grantOf(auth.onBehalfOf), ...scopeOf(input.scopes) }, input.scopes, signal);
        if (refresh === undefined) throw new AuthProblem('there is no refresh token');
        return ask({ grant_type: 'refresh_token', refresh_token: refresh }, input.scopes, signal);
      }),
    },
    actions: {
      dropToken: () => {
        // The access token goes; what renews it stays.
        spare = held?.tokens.refresh_token ?? spare;
        held = null;
      },
    },
  });
  let spare: string | undefined;

  /** RFC 6749 4.1.1, RFC 7636, RFC 8707 2.1; the answer is checked by state and issuer (RFC 9207). */
  async function askPerson(scopes: string[], signal: AbortSignal) {
    if (!('interactive' in auth) || client === null) throw new AuthProblem('nobody can be asked');
    const server = known();
    if (server.authorization_endpoint === undefined) throw new AuthProblem('no authorisation endpoint');
    const { verifier, challenge: codeChallenge } = makePkce();
    const state = makeState();
    const back = await redirectUri();
    const address = new URL(server.authorization_endpoint);
    const fields = {
      response_type: 'code',
      client_id: client.clientId,
      redirect_uri: back,
      code_challenge: codeChallenge,
      code_challenge_method: 'S256',
      state,
      resource: audience,
      ...scopeOf(scopes),
    };
    for (const [name, value] of Object.entries(fields)) address.searchParams.set(name, value);
    const waiting = open?.received(signal);
    waiting?.catch(() => {});
    const direct = await auth.interactive(address.href, signal);
    const answer = new URL(
      direct ?? (await (waiting ?? Promise.reject(new AuthProblem('no redirect came')))),
    );
    const answered = answer.searchParams;
    if (answered.get('state') !== state)
      throw new AuthProblem('the redirect is not the answer to our request');
    const iss = answered.get('iss');
    if (
      iss === null ? server.authorization_response_iss_parameter_supported : !sameIssuer(iss, server.issuer)
    )
      throw new AuthProblem('the redirect comes from another authorisation server');
    const error = answered.get('error');
    if (error !== null) throw new AuthProblem(`consent was refused: ${error.slice(0, 100)}`, false, error);
    const given = answered.get('code');
    if (given === null) throw new AuthProblem('the redirect has no code');
    return { code: given, verifier, redirectUri: back };
  }

  /** Credentials belong to the server they were made at. */
  function clientAt(server: ServerMetadata): ClientCredentials | null {
    if (!('interactive' in auth)) {
      return { clientId: auth.clientId, clientSecret: auth.clientSecret, privateKey: auth.privateKey };
    }
    if (auth.client !== undefined) return auth.client;
    if (client !== null && sameIssuer(registeredAt, server.issuer)) return client;
    if (server.client_id_metadata_document_supported && auth.clientMetadataUrl !== undefined)
      return { clientId: auth.clientMetadataUrl, method: 'none' };
    return null;
  }

  const actor = createActor(machine, {
    input: {
      resource,
      grant: 'interactive' in auth ? 'authorization_code' : 'client_credentials',
      ...(auth.scopes !== undefined && { scopes: auth.scopes }),
      ...options.limits,
    },
    clock: env.clock,
  });
  actor.subscribe({
    error: (error) => env.log.error({ resource, error: String(error) }, 'authorization actor failed'),
  });
  actor.start();

  const current = (): string | null =>
    held !== null && held.until > env.clock.now() ? held.tokens.access_token : null;

  const unauthorised = (snapshot: Snapshot) =>
    fail('NETMCP_UNAUTHORISED', {
      server: resource,
      problem: snapshot.context.reason || 'the session is over',
    });

  /** Waits until there is a token or the reason why not. */
  async function settled(signal: AbortSignal | undefined): Promise<string> {
    const snapshot = await waitFor(
      actor,
      (s) => s.matches('held') || s.matches('failed') || s.matches('idle') || s.status !== 'active',
      // Each state of the chart has its own time limit.
      { timeout: Number.POSITIVE_INFINITY, ...(signal && { signal }) },
    );
    const token = current();
    if (!snapshot.matches('held') || token === null) throw unauthorised(snapshot);
    return token;
  }

  const send = (event: Parameters<typeof actor.send>[0]) => {
    if (actor.getSnapshot().status === 'active') actor.send(event);
  };

  return {
    async token(signal) {
      if (actor.getSnapshot().matches('idle')) return null;
      send({ type: 'WANTED' });
      return current() ?? settled(signal);
    },
    async challenged(given, used, signal) {
      const now = current();
      // Another request was refused before and the token is a new one already.
      if (now !== null && now !== used) return now;
      challenge = given;
      send({ type: actor.getSnapshot().matches('failed') ? 'WANTED' : 'CHALLENGED' });
      return settled(signal);
    },
    async insufficient(given, used, signal) {
      const now = current();
      if (now !== null && now !== used) return now;
      const scopes = given.scopes ?? [];
      send({ type: 'INSUFFICIENT', scopes });
      if (actor.getSnapshot().matches('held')) {
        throw fail('NETMCP_FORBIDDEN', { server: resource, needs: scopes.join(', ') || 'more rights' });
      }
      return settled(signal);
    },
    state() {
      const { value, context } = actor.getSnapshot();
      return {
        value: typeof value === 'string' ? value : (Object.values(value)[0] as string),
        issuer: context.issuer,
        scopes: context.scopes,
        granted: context.granted,
        reason: context.reason,
      };
    },
    close() {
      send({ type: 'CLOSE' });
      spare = undefined;
      held = null;
      void open?.close();
    },
  };
}

function pkceSupported(metadata: ServerMetadata): boolean {
  // Servers of MCP 2025-03-26 did not always say so.
  return metadata.code_challenge_methods_supported?.includes('S256') ?? true;
}

function sameIssuer(a: string, b: string): boolean {
  return a.replace(/\/$/, '') === b.replace(/\/$/, '');
}
