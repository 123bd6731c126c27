import { A2AError, InvalidAgentResponseError } from '@a2a-js/sdk/errors';
import { GRPC_STATUS_CODE } from '@a2a-js/sdk/errors/grpc';
import type { Log } from '../../machines/ports.ts';
import { fail, NetAgentError } from '../errors.ts';

export type Wire = 'http' | 'grpc';

const GRPC_STATUS: Readonly<Record<number, number>> = {
  400: GRPC_STATUS_CODE.INVALID_ARGUMENT,
  401: GRPC_STATUS_CODE.UNAUTHENTICATED,
  403: GRPC_STATUS_CODE.PERMISSION_DENIED,
  404: GRPC_STATUS_CODE.NOT_FOUND,
  413: GRPC_STATUS_CODE.RESOURCE_EXHAUSTED,
  429: GRPC_STATUS_CODE.RESOURCE_EXHAUSTED,
  502: GRPC_STATUS_CODE.UNAVAILABLE,
  503: GRPC_STATUS_CODE.UNAVAILABLE,
  504: GRPC_STATUS_CODE.DEADLINE_EXCEEDED,
};

/**
 * An error of ours in the shape that the handlers of the SDK map: its status on REST or gRPC, -32603 on
 * JSON-RPC, its code as the reason.
 */
export class GatewayError extends A2AError {
  override readonly reason: string;
  readonly transport: 'rest' | 'grpc';
  /** On REST. */
  readonly statusCode: number;
  /** On gRPC. */
  readonly status: number;

  constructor(error: NetAgentError, wire: Wire, metadata: Record<string, string> = {}) {
    super({ message: error.message, cause: error, metadata });
    this.reason = error.code;
    this.transport = wire === 'http' ? 'rest' : 'grpc';
    this.statusCode = error.status;
    this.status = GRPC_STATUS[error.status] ?? GRPC_STATUS_CODE.INTERNAL;
  }
}

/** What of an error may go to a client: errors of A2A and of the catalogues; of any other, that there was one. */
export function outward(error: unknown, wire: Wire, log: Log, metadata?: Record<string, string>): Error {
  if (error instanceof A2AError) return error;
  if (error instanceof NetAgentError) {
    if (error.code === 'BUS_REPLY_INVALID') return new InvalidAgentResponseError(error.message);
    return new GatewayError(error, wire, metadata);
  }
  log.error({ problem: error instanceof Error ? error.message : String(error) }, 'the gateway failed');
  return new GatewayError(fail('GATEWAY_FAILED'), wire);
}
