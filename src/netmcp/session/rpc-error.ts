import { ERROR_FORBIDDEN } from '../schema/index.ts';

/** A JSON-RPC error answer. The SDK takes `code`, `message` and `data` from a thrown error as they are. */
export class RpcError extends Error {
  override readonly name: string = 'RpcError';
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** The sender may not do this with the token it has; one with `scopes` would do (NetMCP 4). */
export class Forbidden extends RpcError {
  readonly scopes: string[];

  constructor(message: string, scopes: string[]) {
    super(ERROR_FORBIDDEN, message, { scopes });
    this.scopes = scopes;
  }
}

export const METHOD_NOT_FOUND = -32601;
export const INVALID_PARAMS = -32602;
export const INTERNAL_ERROR = -32603;
/** MCP 2025-11-25, resources. */
export const RESOURCE_NOT_FOUND = -32002;
