import { z } from 'zod';
import { standardError } from '../../fault.ts';
import { isMap } from '../media.ts';
import type { CallContext } from '../types.ts';
import { expandUri } from '../uri.ts';

/** Authentication of the DSL (1.0.3, "Authentication"), with everything filled in. */

const text = z.string().min(1);
const password = z.object({ username: z.string(), password: z.string() });
const token = z.object({ token: text, type: text });

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const oauth = z.object({
  authority: text.optional(),
  grant: z.string().default('client_credentials'),
  client: z
    .object({
      id: text.optional(),
      secret: text.optional(),
      assertion: text.optional(),
      authentication: z
        .enum(['client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'none'])
        .default('client_secret_post'),
    })
    .optional(),
  request: z
    .object({
      encoding: z
        .string()
        .transform((encoding) => encoding.split(';')[0]?.trim() ?? '')
        .pipe(z.enum(['application/x-www-form-urlencoded', 'application/json'])),
    })
    .optional(),
  issuers: z.array(text).optional(),
  scopes: z.array(text).optional(),
  audiences: z.array(text).optional(),
  username: text.optional(),
  password: text.optional(),
  subject: token.optional(),
  actor: token.optional(),
  endpoints: z.object({ token: text.optional() }).optional(),
});
export type OauthPolicy = z.output<typeof oauth>;

const policies = {
  basic: password,
  bearer: z.object({ token: text }),
  digest: password,
  oauth2: oauth,
  oidc: oauth,
};
const KINDS = Object.keys(policies) as Array<keyof typeof policies>;

export type AuthenticationPolicy =
  | { kind: 'basic' | 'digest'; username: string; password: string }
  | { kind: 'bearer'; token: string }
  | ({ kind: 'oauth2' | 'oidc' } & OauthPolicy);

/**
 * Reads `authentication` of a call: names are looked up, secrets and expressions filled in. What is wrong is told
 * by the names of fields alone, never by a value.
 * @throws RaisedError `configuration`, `authorization` for a secret that is missing or not allowed
 */
export async function readPolicy(raw: unknown, context: CallContext): Promise<AuthenticationPolicy> {
  let found = raw;
  if (isMap(raw) && 'use' in raw) found = named(String(raw.use), context);
  if (!isMap(found)) throw broken('it is no object');
  const kind = KINDS.find((one) => one in (found as object));
  if (kind === undefined) throw broken(`it is none of ${KINDS.join(', ')}`);
  const given = found[kind];
  const filled =
    isMap(given) && 'use' in given ? secretOf(String(given.use), context) : await context.fill(given);
  const parsed = policies[kind].safeParse(filled);
  if (!parsed.success) {
    const fields = parsed.error.issues.map(({ path }) => path.join('.') || 'the whole').join(', ');
    throw broken(`${kind} is incomplete or wrong: ${fields}`);
  }
  const policy = { kind, ...parsed.data } as AuthenticationPolicy;
  if ((policy.kind === 'oauth2' || policy.kind === 'oidc') && policy.authority !== undefined) {
    policy.authority = expandUri(policy.authority, context.input);
  }
  return policy;
}

function named(name: string, { authentications }: CallContext): unknown {
  if (!Object.hasOwn(authentications, name)) throw broken(`the document defines none of the name ${name}`);
  return authentications[name];
}

/** A secret that holds a whole policy: an object, or its JSON text. */
function secretOf(name: string, context: CallContext): unknown {
  const secret = context.secret(name);
  if (typeof secret !== 'string') return secret;
  try {
    return JSON.parse(secret);
  } catch {
    throw broken(`the secret ${name} is no object`);
  }
}

const broken = (problem: string) =>
  standardError('configuration', 'The authentication cannot be used', { detail: problem });

/** Problems that can be seen before a run; expressions and names are not followed. */
export function policyProblems(raw: unknown): Array<{ path: string[]; problem: string }> {
  if (!isMap(raw) || 'use' in raw) return [];
  const kind = KINDS.find((one) => one in raw);
  if (kind === undefined) return [{ path: [], problem: `authentication is none of ${KINDS.join(', ')}` }];
  const given = raw[kind];
  if ((kind !== 'oauth2' && kind !== 'oidc') || !isMap(given)) return [];
  return grantProblem(given.grant) === null
    ? []
    : [{ path: [kind, 'grant'], problem: grantProblem(given.grant) as string }];
}

const GRANTS: ReadonlySet<string> = new Set([
  'client_credentials',
  'password',
  'refresh_token',
  TOKEN_EXCHANGE,
]);

/** Why a grant cannot be used here; null if it can. */
export function grantProblem(grant: unknown): string | null {
  if (grant === undefined || (typeof grant === 'string' && (GRANTS.has(grant) || grant.startsWith('${')))) {
    return null;
  }
  return grant === 'authorization_code'
    ? 'the grant authorization_code needs a person at a browser, and a workflow has none'
    : `the grant ${JSON.stringify(grant)} is not known`;
}
