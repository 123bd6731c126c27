import { z } from 'zod';
import { NetAgentError } from '../../machines/failure.ts';
import type { Env } from '../../machines/ports.ts';
import { fail } from '../errors.ts';
import type { NfTool, ToolContext } from '../netmcp/index.ts';
import { compact } from './answer.ts';
import type { Bundle, BundleTool, Upstream } from './bundle.ts';
import { CallFailure } from './call-failure.ts';
import { compositeTool } from './composite.ts';
import { isNode, textOf } from './json.ts';
import { rebuild, writeHeaders, writeTarget } from './request.ts';
import { openUpstream, type UpstreamPort, type UpstreamReply } from './upstream.ts';
import { validatorOf } from './validate.ts';

export interface ServeOptions {
  env: Env;
  /** Replaces what the bundle says of its provider. */
  upstream?: Partial<Upstream>;
  /** Agents have tokens: the scopes of the description are asked of them. Without tokens everybody is served. */
  scoped?: boolean;
  /** Tools of others that composite tools may call. */
  known?: readonly NfTool[];
}

/** The tools of a bundle, ready for a tool server. @throws TOOLS_UPSTREAM_TOKEN, TOOLS_BUNDLE_INVALID */
export function toolsOfBundle(
  bundle: Bundle,
  options: ServeOptions,
): { tools: NfTool[]; close(): Promise<void> } {
  const upstream: Upstream = { ...bundle.upstream, ...options.upstream };
  const { url } = upstream;
  const port = url === undefined ? null : openUpstream(options.env, { ...upstream, url });
  // Without a URL only what the NRF knows can be reached.
  const reached = bundle.tools.filter((tool) => port !== null || tool.meta.nf.length > 0);
  const lost = bundle.tools.find((tool) => !reached.includes(tool));
  if (lost !== undefined) {
    const left = bundle.tools.length - reached.length;
    if (reached.length === 0)
      throw fail('TOOLS_BUNDLE_INVALID', {
        file: '',
        problem: `${lost.name} has no server; give its URL as FILE=URL`,
      });
    options.env.log.warn({ tools: left, first: lost.name }, 'imported tools without a server are not served');
  }
  const tools = reached.map((tool) => toNfTool(tool, bundle, port, options.scoped === true));
  const byName = new Map([...(options.known ?? []), ...tools].map((tool) => [tool.name, tool]));
  return {
    tools: [...tools, ...bundle.composites.map((composite) => compositeTool(composite, byName))],
    close: async () => port?.close(),
  };
}

function toNfTool(tool: BundleTool, bundle: Bundle, port: UpstreamPort | null, scoped: boolean): NfTool {
  const { request, scopes } = tool;
  const validate = validatorOf(tool, bundle.schemas);
  const placeholder = () => '00000000-0000-4000-8000-000000000000';
  return {
    name: tool.name,
    title: tool.title,
    description: tool.description,
    input: z.looseObject({}),
    output: z.looseObject({}),
    schemas: { input: tool.inputSchema, output: tool.outputSchema },
    idempotent: tool.idempotent,
    meta: {
      ...tool.meta,
      permission: scoped && scopes.length > 0 ? { mode: 'token', scopes } : tool.meta.permission,
    },
    check(args) {
      const misfit = validate(rebuild(request, args, placeholder));
      return misfit === null ? null : { step: 'schema', ...misfit };
    },
    async execute(given, context) {
      const args = given as Record<string, unknown>;
      const made = rebuild(request, args, () => context.id());
      const target = writeTarget(request, made);
      const headers = writeHeaders(made);
      const reply = await send(tool, port, { target, headers, body: made.body }, context);
      return compact(tool.answer, reply);
    },
  };
}

async function send(
  { request }: BundleTool,
  port: UpstreamPort | null,
  { target, headers, body }: { target: string; headers: Record<string, string>; body: unknown },
  context: ToolContext,
): Promise<Pick<UpstreamReply, 'status' | 'body' | 'location'>> {
  const { nf, operation, method, contentType } = request;
  if (port === null) {
    return context.sbi({
      nf,
      operation,
      method,
      path: target,
      ...(body !== undefined && { body }),
      ...(contentType !== undefined && { contentType }),
    });
  }
  const reply = await context.hop(nf, operation, async () => {
    try {
      const value = await port.request({
        nf,
        method,
        target,
        headers,
        contentType,
        body,
        signal: context.signal,
      });
      return { status: value.status, value };
    } catch (error) {
      if (!(error instanceof NetAgentError)) throw error;
      const unsent = error.code === 'SBI_UNREACHABLE';
      throw new CallFailure(unsent ? 'NF_NOT_REACHED' : error.code, error.message, {
        retryable: error.class === 'retryable',
        executed: unsent ? 'no' : 'maybe',
      });
    }
  });
  // 304: nothing has changed since (If-None-Match), which is an answer.
  if ((reply.status < 200 || reply.status >= 300) && reply.status !== 304) throw refused(request, reply);
  return reply;
}

/** ProblemDetails (TS 29.571), ErrorInfo (CAMARA) or Error (TMF) as a failure with its code and the field. */
function refused(request: BundleTool['request'], reply: UpstreamReply): CallFailure {
  const { status, body, retryAfterMs } = reply;
  const problem = isNode(body) ? body : {};
  const code = textOf(problem.cause) || textOf(problem.code) || `HTTP_${status}`;
  const said = [
    code.startsWith('HTTP_') ? '' : code,
    textOf(problem.title),
    textOf(problem.detail) || textOf(problem.message) || textOf(problem.reason),
  ]
    .filter((part) => part !== '')
    .join(', ');
  const params = Array.isArray(problem.invalidParams) ? problem.invalidParams.filter(isNode) : [];
  const named = params.map((one) => {
    const pointer = textOf(one.param)
      .replace(/^\{|\}$/g, '')
      .split(/[/.]/)
      .filter((part) => part !== '');
    const field = request.fields.find(
      ({ at }) => at.slice(1).join('/') === pointer.join('/') || at.at(-1) === pointer.at(-1),
    );
    return `${field?.name ?? textOf(one.param)}${textOf(one.reason) === '' ? '' : ` (${textOf(one.reason)})`}`;
  });
  const redirected =
    status >= 300 && status < 400 ? ` to ${reply.location ?? '?'}, which is not followed` : '';
  const text = [
    `${request.nf} answered ${request.operation} with ${status}${redirected}`,
    said.slice(0, 300),
    named.length > 0 ? `field ${named.slice(0, 5).join(', ')}` : '',
  ]
    .filter((part) => part !== '')
    .join(': ');
  return new CallFailure(code.slice(0, 100), text, {
    retryable: status >= 500 || status === 429,
    executed: status < 500 || status === 503 ? 'no' : 'maybe',
    ...(retryAfterMs !== null && { retryAfterMs }),
  });
}
