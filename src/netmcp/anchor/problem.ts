import { NetAgentError } from '../../../machines/failure.ts';
import { ERROR_FORBIDDEN, ERROR_NOT_OWNER, ERROR_OVERLOADED } from '../schema/index.ts';
import { INTERNAL_ERROR, INVALID_PARAMS, RpcError } from '../session/rpc-error.ts';

/** A peer could not be reached; whether it has done what was asked is not known. */
export class PeerLost extends RpcError {}

/** What came of asking a peer, as our own client may hear it. */
export function rpcOf(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  if (!(error instanceof NetAgentError)) return new RpcError(INTERNAL_ERROR, 'Internal error');
  const { rpcCode, problem } = error.details;
  if (error.code === 'NETMCP_REJECTED' && typeof rpcCode === 'number')
    return new RpcError(rpcCode, String(problem).replace(/^(MCP error -?\d+: )+/, ''), dataOf(error.cause));
  if (error.code === 'NETMCP_OVERLOADED') {
    const { alternates = [] } = error.details;
    return new RpcError(ERROR_OVERLOADED, error.message, {
      alternates,
      retryAfterMs: error.retryAfterMs ?? 1_000,
    });
  }
  // A peer looks at who asks before it looks at what is asked: nothing was done.
  if (error.code === 'NETMCP_UNAUTHORISED' || error.code === 'NETMCP_FORBIDDEN')
    return new RpcError(ERROR_FORBIDDEN, error.message);
  if (error.code === 'NETMCP_NO_SERVER') return new RpcError(INVALID_PARAMS, error.message);
  return new PeerLost(ERROR_NOT_OWNER, error.message);
}

function dataOf(cause: unknown): unknown {
  return typeof cause === 'object' && cause !== null && 'data' in cause ? cause.data : undefined;
}
