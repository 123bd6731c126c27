import { A2A_ERROR_CODE } from '@a2a-js/sdk/errors';
import type { ErrorRequestHandler, Response } from 'express';
import type { Log } from '../../machines/ports.ts';
import { fail, NetAgentError } from '../errors.ts';
import type { GatewayLimits } from './limits.ts';

/** In which words the path of a request says no. */
export type Dialect = 'plain' | 'json-rpc' | 'rest';

const RETRY_AFTER_S = 5;
const STATUS_NAME: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  413: 'INVALID_ARGUMENT',
  415: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

/** Answers a request that never reached an agent, in the dialect of its path. */
export function refuse(response: Response, error: NetAgentError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { code, message, hint, status } = error;
  const info = { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: code, domain: 'netagent' };
  if (status === 401) response.set('WWW-Authenticate', 'Bearer');
  if (status === 503 || status === 429) response.set('Retry-After', String(RETRY_AFTER_S));
  response.set('Cache-Control', 'no-store').status(status);
  switch (dialectOf(response)) {
    case 'plain':
      response.json({ error: code, message, hint });
      return;
    case 'json-rpc': {
      const rpcCode = status < 500 ? A2A_ERROR_CODE.INVALID_REQUEST : A2A_ERROR_CODE.INTERNAL_ERROR;
      response.json({ jsonrpc: '2.0', id: null, error: { code: rpcCode, message, data: [info] } });
      return;
    }
    case 'rest': {
      const name = STATUS_NAME[status] ?? 'INTERNAL';
      const body = { error: { code: status, status: name, message, details: [info] } };
      response.type('application/a2a+json').send(JSON.stringify(body));
    }
  }
}

export const dialectOf = (response: Response): Dialect =>
  (response.locals.dialect as Dialect | undefined) ?? 'plain';

/** Errors of the body parser and of the handlers before the bridge. */
export function refuseErrors(limits: GatewayLimits, log: Log): ErrorRequestHandler {
  return (error: { status?: number; type?: string; limit?: number }, _request, response, _next) => {
    log.warn({ status: error.status, type: error.type }, 'request refused');
    if (error.type === 'entity.parse.failed' && dialectOf(response) === 'json-rpc') {
      const parse = { code: A2A_ERROR_CODE.PARSE_ERROR, message: 'The body is not JSON.' };
      response.status(200).json({ jsonrpc: '2.0', id: null, error: parse });
      return;
    }
    refuse(response, named(error, limits));
  };
}

function named(
  error: { status?: number; type?: string; limit?: number },
  limits: GatewayLimits,
): NetAgentError {
  if (error instanceof NetAgentError) return error;
  switch (error.type) {
    case 'entity.too.large':
      return fail('GATEWAY_TOO_LARGE', { limit: error.limit ?? limits.bodyBytes });
    case TOO_DEEP:
      return fail('GATEWAY_TOO_DEEP', { limit: limits.depth });
    case 'entity.parse.failed':
      return fail('GATEWAY_BODY_REFUSED', { problem: 'it is not JSON' });
    default:
      // The body parser and the router name what the client did wrong by a status below 500.
      return (error.status ?? 500) < 500
        ? fail('GATEWAY_BODY_REFUSED', { problem: error.type ?? 'it is malformed' })
        : fail('GATEWAY_FAILED');
  }
}

export const TOO_DEEP = 'gateway.too.deep';
export const NOT_UTF8 = 'gateway.not.utf-8';
