import { createHash, randomBytes } from 'node:crypto';
import { importJWK, type JWK, SignJWT } from 'jose';
import { z } from 'zod';
import type { Env } from '../../../machines/ports.ts';
import type { Fetch } from '../session/keep-alive.ts';

/** OAuth messages of a client, one function a message. Nothing here keeps anything. */

/** Why a step failed; a step that may be tried again says so. */
export class AuthProblem extends Error {
  override readonly name = 'AuthProblem';
  readonly failure: { problem: string; retryable: boolean };
  /** The `error` of RFC 6749 5.2, where the server gave one. */
  readonly oauth: string | null;

  constructor(problem: string, retryable = false, oauth: string | null = null) {
    super(problem);
    this.failure = { problem, retryable };
    this.oauth = oauth;
  }
}

const url = z.url({ protocol: /^https?$/ });

const resourceMetadataSchema = z.object({
  resource: url,
  authorization_servers: z.array(url).min(1).optional(),
  scopes_supported: z.array(z.string().max(256)).max(256).optional(),
});

const serverMetadataSchema = z.object({
  issuer: url,
  authorization_endpoint: url.optional(),
  token_endpoint: url,
  registration_endpoint: url.optional(),
  token_endpoint_auth_methods_supported: z.array(z.string()).optional(),
  code_challenge_methods_supported: z.array(z.string()).optional(),
  client_id_metadata_document_supported: z.boolean().optional(),
  authorization_response_iss_parameter_supported: z.boolean().optional(),
});
export type ServerMetadata = z.infer<typeof serverMetadataSchema>;

const tokenSchema = z.object({
  access_token: z.string().min(1).max(16_384),
  token_type: z.string().regex(/^bearer$/i),
  expires_in: z.coerce.number().positive().optional(),
  refresh_token: z.string().max(16_384).optional(),
  scope: z.string().max(8_192).optional(),
});
export type Tokens = z.infer<typeof tokenSchema>;

const registeredSchema = z.object({
  client_id: z.string().min(1),
  client_secret: z.string().optional(),
  token_endpoint_auth_method: z.string().optional(),
});

/** A client's standing at one authorisation server. */
export interface ClientCredentials {
  clientId: string;
  clientSecret?: string | undefined;
  privateKey?: JWK | undefined;
  /** What it registered for; else what the server supports decides. */
  method?: string | undefined;
}

/** `WWW-Authenticate: Bearer ...` (RFC 6750 3, RFC 9728 5.1). */
export interface Challenge {
  error: string | null;
  scopes: string[] | null;
  resourceMetadata: string | null;
}

export function readChallenge(header: string | null): Challenge {
  const fields = new Map<string, string>();
  const bearer = /(?:^|,\s*)Bearer\s+(.*)$/i.exec(header ?? '')?.[1] ?? '';
  for (const [, name, quoted, bare] of bearer.matchAll(/([\w-]+)=(?:"([^"]*)"|([^\s,]+))/g)) {
    fields.set((name as string).toLowerCase(), quoted ?? bare ?? '');
  }
  const scope = fields.get('scope');
  return {
    error: fields.get('error') ?? null,
    scopes: scope === undefined ? null : scope.split(' ').filter((part) => part !== ''),
    resourceMetadata: fields.get('resource_metadata') ?? null,
  };
}

interface Step {
  fetch: Fetch;
  signal: AbortSignal;
}

async function getJson(address: string, { fetch, signal }: Step): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(address, { headers: { accept: 'application/json' }, signal });
  } catch (error) {
    throw new AuthProblem(`${new URL(address).origin} was not reached: ${reasonOf(error)}`, true);
  }
  if (response.status >= 500) {
    throw new AuthProblem(`${new URL(address).origin} answered ${response.status}`, true);
  }
  const text = await bounded(response);
  if (!response.ok) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** RFC 9728: the address of the challenge, else the well-known ones of the endpoint. */
export async function readResourceMetadata(endpoint: string, hint: string | null, step: Step) {
  const { origin, pathname } = new URL(endpoint);
  const path = '/.well-known/oauth-protected-resource';
  const addresses =
    hint === null ? [`${origin}${path}${pathname === '/' ? '' : pathname}`, `${origin}${path}`] : [hint];
  for (const address of addresses) {
    const read = resourceMetadataSchema.safeParse(await getJson(address, step));
    if (!read.success) continue;
    // RFC 9728 3.3: metadata of another resource would have us ask for its tokens.
    if (!covers(read.data.resource, endpoint)) {
      throw new AuthProblem(`the metadata of ${origin} is for another resource`);
    }
    return read.data;
  }
  return null;
}

function covers(resource: string, endpoint: string): boolean {
  const [outer, inner] = [new URL(resource), new URL(endpoint)];
  const prefix = outer.pathname.endsWith('/') ? outer.pathname : `${outer.pathname}/`;
  return outer.origin === inner.origin && `${inner.pathname}/`.startsWith(prefix);
}

/** RFC 8414 and OpenID Connect Discovery, in the order of MCP 2025-11-25. */
export async function readServerMetadata(issuer: string, step: Step): Promise<ServerMetadata> {
  const { origin, pathname } = new URL(issuer);
  const path = pathname === '/' ? '' : pathname.replace(/\/$/, '');
  const addresses = [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
    ...(path === '' ? [] : [`${origin}${path}/.well-known/openid-configuration`]),
  ];
  for (const address of addresses) {
    const read = serverMetadataSchema.safeParse(await getJson(address, step));
    if (!read.success) continue;
    // RFC 8414 3.3: else one server could speak for another.
    if (read.data.issuer.replace(/\/$/, '') !== issuer.replace(/\/$/, '')) {
      throw new AuthProblem(`the metadata of ${origin} is of another issuer`);
    }
    return read.data;
  }
  throw new AuthProblem(`${origin} has no metadata of an authorisation server`);
}

/** RFC 7591. */
export async function registerClient(
  metadata: ServerMetadata,
  client: { name: string; redirectUri: string },
  { fetch, signal }: Step,
): Promise<ClientCredentials> {
  if (metadata.registration_endpoint === undefined) {
    throw new AuthProblem(`${metadata.issuer} registers no clients`);
  }
  const supported = metadata.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  const method = ['none', 'client_secret_basic', 'client_secret_post'].find((name) =>
    supported.includes(name),
  );
  const response = await post(
    metadata.registration_endpoint,
    {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        client_name: client.name,
        redirect_uris: [client.redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: method ?? 'none',
      }),
    },
    { fetch, signal },
  );
  const read = registeredSchema.safeParse(response);
  if (!read.success) throw new AuthProblem(`${metadata.issuer} gave no client id`);
  return {
    clientId: read.data.client_id,
    clientSecret: read.data.client_secret,
    method: read.data.token_endpoint_auth_method ?? method,
  };
}

/** The token endpoint, with the client's way to authenticate. */
export async function requestTokens(
  env: Env,
  metadata: ServerMetadata,
  client: ClientCredentials,
  parameters: Record<string, string>,
  step: Step,
): Promise<Tokens> {
  const form = new URLSearchParams(parameters);
  const headers = new Headers({
    'content-type': 'application/x-www-form-urlencoded',
    accept: 'application/json',
  });
  await authenticate(env, metadata, client, form, headers);
  const answer = await post(metadata.token_endpoint, { headers, body: form }, step);
  const read = tokenSchema.safeParse(answer);
  if (!read.success) throw new AuthProblem(`${metadata.issuer} gave no token that can be used`);
  return read.data;
}

async function authenticate(
  env: Env,
  metadata: ServerMetadata,
  client: ClientCredentials,
  form: URLSearchParams,
  headers: Headers,
): Promise<void> {
  const { clientId, clientSecret, privateKey } = client;
  if (privateKey !== undefined) {
    form.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
    form.set('client_assertion', await assertion(env, metadata, clientId, privateKey));
    return;
  }
  const supported = metadata.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  const method =
    client.method ??
    (clientSecret === undefined
      ? 'none'
      : supported.includes('client_secret_basic')
        ? 'client_secret_basic'
        : 'client_secret_post');
  if (clientSecret === undefined || method === 'none') {
    form.set('client_id', clientId);
  } else if (method === 'client_secret_post') {
    form.set('client_id', clientId);
    form.set('client_secret', clientSecret);
  } else {
    const pair = `${formEncoded(clientId)}:${formEncoded(clientSecret)}`;
    headers.set('authorization', `Basic ${Buffer.from(pair).toString('base64')}`);
  }
}

/** RFC 6749 2.3.1: encoded as a form before Basic joins them. */
const formEncoded = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1);

/** RFC 7523 2.2. */
async function assertion(
  env: Env,
  metadata: ServerMetadata,
  clientId: string,
  privateKey: JWK,
): Promise<string> {
  const alg = privateKey.alg ?? 'ES256';
  const seconds = Math.floor(env.clock.now() / 1_000);
  return new SignJWT({})
    .setProtectedHeader({ alg, ...(privateKey.kid !== undefined && { kid: privateKey.kid }) })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(metadata.issuer)
    .setJti(env.ids.uuid())
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + 60)
    .sign(await importJWK(privateKey, alg));
}

const problemSchema = z.object({
  error: z.string().max(100),
  error_description: z.string().max(500).optional(),
});

async function post(
  address: string,
  init: { headers: Headers | Record<string, string>; body: string | URLSearchParams },
  { fetch, signal }: Step,
): Promise<unknown> {
  const { origin } = new URL(address);
  let response: Response;
  try {
    response = await fetch(address, { method: 'POST', redirect: 'error', signal, ...init });
  } catch (error) {
    throw new AuthProblem(`${origin} was not reached: ${reasonOf(error)}`, true);
  }
  const text = await bounded(response);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  if (response.ok) return body;
  const read = problemSchema.safeParse(body);
  const retryable = response.status >= 500 || response.status === 429;
  if (!read.success) throw new AuthProblem(`${origin} answered ${response.status}`, retryable);
  const { error, error_description: description } = read.data;
  throw new AuthProblem(
    `${origin} refused: ${error}${description === undefined ? '' : ` (${description})`}`,
    retryable,
    error,
  );
}

/** 256 KiB: what an authorisation server says is short. */
async function bounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > 262_144) throw new AuthProblem('the answer of the authorisation server is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = (cause as { code?: unknown }).code;
  return typeof code === 'string' ? code : cause instanceof Error ? cause.message : 'unknown';
}

/** RFC 7636 4. */
export function makePkce(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

export const makeState = (): string => randomBytes(24).toString('base64url');
