import { durationMs } from '../engine/duration.ts';
import { standardError } from '../fault.ts';
import { type Arguments, readArguments } from './arguments.ts';
import { type Credentials, scrubbed } from './auth/authenticator.ts';
import { endpointOf, type HttpTools } from './http.ts';
import { isMap } from './media.ts';
import { failureOf, headersOf } from './outgoing.ts';
import { type McpPort, type McpTransport, PeerError } from './ports.ts';
import type { CallContext, CallHandler } from './types.ts';
import { expandUri, urlOf } from './uri.ts';

/** ms for a document that says nothing. */
const TIMEOUT_MS = 60_000;
const NOBODY: Pick<Credentials, 'scrub'> = { scrub: (text) => text };

/**
 * `call: mcp` (DSL 1.0.3, "MCP Call"): one session, one request, its result. A tool that says that it failed
 * (`isError`) is an error `runtime`, as an error that the server answered.
 */
export function mcpCalls({ port, ...tools }: HttpTools & { port: McpPort }): CallHandler {
  return async (given, context) => {
    const args = readArguments('mcp', given);
    const timeoutMs = args.timeout === undefined ? TIMEOUT_MS : durationMs(args.timeout);
    const { transport, credentials, where } = await transportOf(args, tools, context);
    const patience = AbortSignal.timeout(timeoutMs);
    const signal = AbortSignal.any([context.signal, patience]);
    try {
      const session = await port.open({
        transport,
        protocolVersion: args.protocolVersion,
        client: { name: args.client?.name ?? 'netagent', version: args.client?.version ?? '1.0.0' },
        signal,
        meta: context.meta,
      });
      try {
        const result = await session.request(args.method, args.parameters ?? {}, {
          signal,
          timeoutMs,
          idempotencyKey: context.idempotencyKey,
          onProgress: context.progress,
        });
        if (args.method === 'tools/call' && isMap(result) && result.isError === true) {
          throw standardError('runtime', `The tool ${args.parameters?.name} failed`, {
            detail: textOf(result),
          });
        }
        return result;
      } finally {
        await session.close();
      }
    } catch (error) {
      context.signal.throwIfAborted();
      if (patience.aborted) {
        throw standardError('communication', `${where} had no answer in time`, { status: 504 });
      }
      if (error instanceof PeerError) {
        const fault = standardError('runtime', `${where} refuses ${args.method}`, { detail: error.message });
        throw scrubbed(fault, credentials);
      }
      throw scrubbed(failureOf(error, where), credentials);
    }
  };
}

async function transportOf(
  { transport: { http, stdio } }: Arguments<'mcp'>,
  { outgoing, authenticate }: HttpTools,
  context: CallContext,
): Promise<{ transport: McpTransport; credentials: Pick<Credentials, 'scrub'>; where: string }> {
  if (stdio !== undefined) {
    const { command, arguments: args = [], environment = {} } = stdio;
    outgoing.gate.command(command, environment);
    return { transport: { kind: 'stdio', command, args, environment }, credentials: NOBODY, where: command };
  }
  const { uri, authentication } = endpointOf(http?.endpoint ?? '');
  const name = /^netmcp:\/\/([\w.-]+)\/?$/.exec(expandUri(uri, context.input))?.[1];
  if (name !== undefined) {
    return { transport: { kind: 'netmcp', name }, credentials: NOBODY, where: `netmcp://${name}` };
  }
  const url = urlOf(uri, context.input, ['http:', 'https:']);
  const own = [...headersOf(http?.headers)];
  const credentials = await authenticate(authentication, context);
  const signed = credentials.wrap(outgoing.fetch, url.origin);
  return {
    transport: {
      kind: 'http',
      url: url.href,
      fetch: (to, init) => {
        const headers = new Headers(init?.headers);
        for (const [key, value] of own) if (!headers.has(key)) headers.set(key, value);
        return signed(to, { ...init, headers });
      },
    },
    credentials,
    where: `${url.origin}${url.pathname}`,
  };
}

/** Letters of a failed tool's words that an error repeats. */
const EXCERPT = 500;

function textOf(result: Record<string, unknown>): string {
  const parts = Array.isArray(result.content) ? result.content : [];
  const texts = parts.map((part) => (isMap(part) && typeof part.text === 'string' ? part.text : ''));
  return texts.join('\n').trim().slice(0, EXCERPT);
}
