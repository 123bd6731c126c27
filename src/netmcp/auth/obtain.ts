import type { Env } from '../../../machines/ports.ts';
import { fail } from '../../errors.ts';
import type { Fetch } from '../session/keep-alive.ts';
import { EXCHANGE_GRANT } from './exchange.ts';
import { AuthProblem, type ClientCredentials, readServerMetadata, requestTokens } from './oauth.ts';

export const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';

/** Form fields of the grant: for itself, or in the name of somebody whose token it was given (RFC 8693 2.1). */
export function grantOf(onBehalfOf: string | undefined): Record<string, string> {
  if (onBehalfOf === undefined) return { grant_type: 'client_credentials' };
  return {
    grant_type: EXCHANGE_GRANT,
    subject_token: onBehalfOf,
    subject_token_type: ACCESS_TOKEN_TYPE,
  };
}

/**
 * A token that a trusted client hands to somebody: to another agent (`agentResource`) with work to do in its
 * name. The scopes are the most that can come of it. @throws NETMCP_UNAUTHORISED
 */
export async function obtainToken(options: {
  env: Env;
  issuer: string;
  client: ClientCredentials;
  resource: string;
  scopes?: string[];
  onBehalfOf?: string;
  fetch: Fetch;
  signal: AbortSignal;
}): Promise<string> {
  const { env, issuer, client, resource, scopes, fetch, signal } = options;
  const step = { fetch, signal };
  try {
    const metadata = await readServerMetadata(issuer, step);
    const fields = {
      ...grantOf(options.onBehalfOf),
      resource,
      ...(scopes !== undefined && { scope: scopes.join(' ') }),
    };
    return (await requestTokens(env, metadata, client, fields, step)).access_token;
  } catch (error) {
    if (!(error instanceof AuthProblem)) throw error;
    throw fail('NETMCP_UNAUTHORISED', { server: resource, problem: error.failure.problem }, { cause: error });
  }
}
