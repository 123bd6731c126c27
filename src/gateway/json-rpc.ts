import { formatSSEErrorEvent, formatSSEEvent, SSE_HEADERS } from '@a2a-js/sdk';
import { LEGACY_METHOD_TASKS_RESUBSCRIBE } from '@a2a-js/sdk/compat/v0_3';
import { LegacyJsonRpcTransportHandler } from '@a2a-js/sdk/compat/v0_3/server';
import { A2A_ERROR_CODE } from '@a2a-js/sdk/errors';
import {
  type A2ARequestHandler,
  defaultServerCallContextBuilder,
  JsonRpcTransportHandler,
  type ServerCallContext,
  validateVersion,
} from '@a2a-js/sdk/server';
import type { Request, RequestHandler, Response } from 'express';
import type { Call } from './call.ts';

const V03 = '0.3';
const EXTENSIONS = 'A2A-Extensions';
const LEGACY_EXTENSIONS = 'X-A2A-Extensions';

interface Envelope {
  id?: string | number | null;
  method: string;
}

/**
 * A2A over JSON-RPC, versions 1.0 and 0.3 (which an absent A2A-Version means). Not the SDK's own handler
 * (1.3.0): that one answers a broken envelope with -32602 and writes every refusal with its stack to the
 * console.
 */
export function jsonRpcRoute(handler: A2ARequestHandler): RequestHandler {
  const current = new JsonRpcTransportHandler(handler);
  const legacy = new LegacyJsonRpcTransportHandler(handler);
  return async (request, response) => {
    const requestedVersion = request.header('a2a-version') || V03;
    const old = requestedVersion === V03;
    const toError = (error: unknown) =>
      old
        ? LegacyJsonRpcTransportHandler.mapToLegacyJSONRPCError(error)
        : JsonRpcTransportHandler.mapToJSONRPCError(error);
    const problem = problemOf(request);
    if (problem !== null) {
      response.json({ jsonrpc: '2.0', id: null, error: problem });
      return;
    }
    const envelope = request.body as Envelope;
    const failed = (error: unknown) => ({
      jsonrpc: '2.0',
      id: envelope.id ?? null,
      error: toError(error),
    });
    const context = defaultServerCallContextBuilder({
      extensions: extensionsOf(request, old),
      user: response.locals.call as Call,
      headers: request.headers,
      requestedVersion,
    });
    try {
      validateVersion(requestedVersion, await handler.getAgentCard(), 'JSONRPC');
      const result = await (old ? legacy : current).handle(request.body, context);
      if (!isStream(result)) {
        echoExtensions(response, context, old);
        response.json(result);
        return;
      }
      // Version 0.3 wants a stream in any case; 1.0 says what is wrong with the request itself.
      const always = old && envelope.method === LEGACY_METHOD_TASKS_RESUBSCRIBE;
      await answerStream(response, result, always, failed, () => echoExtensions(response, context, old));
    } catch (error) {
      if (!response.headersSent) response.json(failed(error));
      else response.end();
    }
  };
}

async function answerStream(
  response: Response,
  stream: AsyncGenerator<unknown>,
  always: boolean,
  failed: (error: unknown) => object,
  head: () => void,
): Promise<void> {
  const open = () => {
    if (response.headersSent) return;
    response.status(200).set(SSE_HEADERS);
    head();
    response.flushHeaders();
  };
  if (always) open();
  try {
    for await (const event of stream) {
      open();
      response.write(formatSSEEvent(event));
    }
    open();
  } catch (error) {
    if (!response.headersSent) {
      response.json(failed(error));
      return;
    }
    response.write(formatSSEErrorEvent(failed(error)));
  }
  response.end();
}

/** What is wrong with the envelope (JSON-RPC 2.0, 5.1). */
function problemOf(request: Request) {
  const type = (request.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type !== '' && type !== 'application/json') {
    return {
      code: A2A_ERROR_CODE.CONTENT_TYPE_NOT_SUPPORTED,
      message: 'JSON-RPC wants application/json.',
      data: [
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: 'CONTENT_TYPE_NOT_SUPPORTED',
          domain: 'a2a-protocol.org',
        },
      ],
    };
  }
  const body: unknown = request.body;
  const invalid = (message: string) => ({ code: A2A_ERROR_CODE.INVALID_REQUEST, message });
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return invalid('The request is not an object.');
  }
  const { jsonrpc, id, method } = body as Record<string, unknown>;
  if (jsonrpc !== '2.0') return invalid('jsonrpc must be "2.0".');
  if (typeof method !== 'string' || method === '') return invalid('The method is missing.');
  if (id !== undefined && id !== null && typeof id !== 'string' && !Number.isInteger(id)) {
    return invalid('The id must be a string, an integer or null.');
  }
  return null;
}

function extensionsOf(request: Request, old: boolean): string[] {
  const header = (old ? request.header(LEGACY_EXTENSIONS) : undefined) ?? request.header(EXTENSIONS) ?? '';
  const uris = header.split(',').map((uri) => uri.trim());
  return [...new Set(uris)].filter((uri) => uri !== '');
}

function echoExtensions(response: Response, context: ServerCallContext, old: boolean): void {
  const active = context.activatedExtensions ?? [];
  if (active.length > 0) response.set(old ? LEGACY_EXTENSIONS : EXTENSIONS, active.join(','));
}

const isStream = (result: object): result is AsyncGenerator<unknown> => Symbol.asyncIterator in result;
