import type { NetAgentError } from '../../../machines/failure.ts';
import { NetAgentError as Known } from '../../../machines/failure.ts';
import { fail } from '../../errors.ts';
import { ERROR_OVERLOADED, overloadedDataSchema } from '../schema/index.ts';

/** Before a connection exists nothing was sent. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'ENOTCONNECTED',
]);
const TIMEOUT = -32001;
const CONNECTION_CLOSED = -32000;

/**
 * What an error of the SDK or of HTTP means for the caller. `details.executed` is `no` if the server
 * certainly did not run the call, which makes it safe to send elsewhere.
 */
export function readCallError(error: unknown, server: string, tool: string): NetAgentError {
  if (error instanceof Known) return error;
  const code = codeOf(error);
  const problem = error instanceof Error ? error.message : String(error);
  if (code === ERROR_OVERLOADED) {
    const data = overloadedDataSchema.safeParse((error as { data?: unknown }).data);
    const { alternates, retryAfterMs } = data.success ? data.data : { alternates: [], retryAfterMs: 1_000 };
    return fail(
      'NETMCP_OVERLOADED',
      { server, tool, alternates, executed: 'no' },
      { cause: error, retryAfterMs },
    );
  }
  if (code === TIMEOUT) return fail('NETMCP_TIMEOUT', { server, tool, executed: 'maybe' }, { cause: error });
  // The server looked at who asks before it looked at the call.
  if (code === 401)
    return fail('NETMCP_UNAUTHORISED', { server, problem: 'the token was refused', executed: 'no' });
  if (code === 403)
    return fail('NETMCP_FORBIDDEN', { server, needs: `more rights for ${tool}`, executed: 'no' });
  // HTTP 404: the server knows the session no more and has not looked at the call.
  if (code === 404) return fail('NETMCP_LOST', { server, tool, problem, executed: 'no' }, { cause: error });
  if (typeof code === 'number' && code !== CONNECTION_CLOSED) {
    return fail('NETMCP_REJECTED', { server, tool, rpcCode: code, problem }, { cause: error });
  }
  const executed = NOT_SENT.has(causeOf(error)) ? 'no' : 'maybe';
  return fail(
    'NETMCP_LOST',
    { server, tool, problem: causeOf(error) || problem, executed },
    { cause: error },
  );
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

function causeOf(error: unknown): string {
  const cause = typeof error === 'object' && error !== null && 'cause' in error ? error.cause : undefined;
  const code = codeOf(cause);
  return typeof code === 'string' ? code : '';
}
