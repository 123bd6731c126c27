import { createHash } from 'node:crypto';
import { standardError } from '../fault.ts';
import { type Endpoint, type HttpOutput, readArguments } from './arguments.ts';
import { type Authenticate, type Credentials, scrubbed } from './auth/authenticator.ts';
import { decodeBody, encodeBody, pairsOf } from './media.ts';
import { type Answer, headersOf, type Outgoing, type OutRequest } from './outgoing.ts';
import type { CallContext, CallHandler } from './types.ts';
import { shown, urlOf } from './uri.ts';

export interface HttpTools {
  outgoing: Outgoing;
  authenticate: Authenticate;
}

/** A request as `http` and `openapi` make it. */
export interface HttpCall {
  method: string;
  url: URL;
  headers: Headers;
  body: unknown;
  output: HttpOutput;
  redirect: boolean;
  authentication: unknown;
}

/** Letters of a peer's answer that an error repeats. */
const EXCERPT = 500;
const WRITES: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
/** Never shown in `output: response`, nor kept with an instance. */
const HIDDEN: ReadonlySet<string> = new Set(['authorization', 'cookie']);

/** `call: http` (DSL 1.0.3, "HTTP Call"). */
export function httpCalls(tools: HttpTools): CallHandler {
  return async (given, context) => {
    const args = readArguments('http', given);
    const { uri, authentication } = endpointOf(args.endpoint);
    const url = urlOf(uri, context.input, ['http:', 'https:']);
    for (const [name, value] of pairsOf(args.query ?? {})) url.searchParams.append(name, value);
    const method = args.method.toUpperCase();
    if (!/^[A-Z]+$/.test(method)) throw standardError('configuration', `${args.method} is no method of HTTP`);
    const headers = headersOf(args.headers);
    const { body, output, redirect } = args;
    return performHttp({ method, url, headers, body, output, redirect, authentication }, tools, context);
  };
}

export function endpointOf(endpoint: Endpoint): { uri: string; authentication: unknown } {
  return typeof endpoint === 'string'
    ? { uri: endpoint, authentication: undefined }
    : { uri: endpoint.uri, authentication: endpoint.authentication };
}

/**
 * Makes one request and gives the output that was asked for.
 * @throws RaisedError `communication` with the status of an answer outside 200-299, or with `redirect` 200-399
 */
export async function performHttp(call: HttpCall, tools: HttpTools, context: CallContext): Promise<unknown> {
  const { method, url, headers, redirect } = call;
  const { signal } = context;
  if (call.body !== undefined && (method === 'GET' || method === 'HEAD')) {
    throw standardError('configuration', `${method} has no body`);
  }
  const body = await encodeBody(call.body, headers);
  if (WRITES.has(method) && !headers.has('idempotency-key')) {
    headers.set('idempotency-key', keyOf(context.idempotencyKey));
  }
  const credentials = await tools.authenticate(call.authentication, context);
  const { origin } = url;
  const sendOne = (one: OutRequest) =>
    one.url.origin === origin ? credentials.send(one) : tools.outgoing.send(one);
  const request = { method, url, headers, body, signal };
  try {
    const answer = redirect ? await tools.outgoing.follow(request, sendOne) : await sendOne(request);
    if (answer.status < 200 || answer.status >= (redirect ? 400 : 300)) {
      throw refusal(answer, method, credentials);
    }
    return outputOf(answer, call);
  } catch (error) {
    throw scrubbed(error, credentials);
  }
}

function outputOf({ status, headers, body, url }: Answer, call: HttpCall): unknown {
  if (call.output === 'raw') return body.toString('base64');
  const content = decodeBody(body, headers.get('content-type'));
  if (call.output === 'content') return content;
  const sent = [...call.headers].filter(([name]) => !HIDDEN.has(name));
  return {
    request: { method: call.method, uri: url.href, headers: Object.fromEntries(sent) },
    statusCode: status,
    headers: Object.fromEntries(headers),
    content,
  };
}

function refusal({ url, status, body }: Answer, method: string, { scrub }: Credentials) {
  const excerpt = scrub(body.subarray(0, 4 * EXCERPT).toString('utf8')).slice(0, EXCERPT);
  return standardError('communication', `${method} ${shown(url)} was answered with ${status}`, {
    status,
    // Bytes that are no text tell a reader nothing.
    detail: excerpt.includes('\uFFFD') ? '' : excerpt,
  });
}

/** The key as a header can carry it. */
const keyOf = (key: string) =>
  /^[\x21-\x7e]{1,200}$/.test(key) ? key : createHash('sha256').update(key).digest('hex');
