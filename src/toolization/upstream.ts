import { readFileSync } from 'node:fs';
import { request as undiciRequest } from 'undici';
import { NetAgentError } from '../../machines/failure.ts';
import type { Env } from '../../machines/ports.ts';
import { fail } from '../errors.ts';
import { operationOf, SbiClient } from '../sbi/index.ts';
import type { Upstream } from './bundle.ts';

/** Bytes of one answer. */
const MOST_ANSWER = 4 * 1024 * 1024;
const TIMEOUT_MS = 20_000;

export interface UpstreamRequest {
  nf: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  target: string;
  headers: Record<string, string>;
  contentType: string | undefined;
  body: unknown;
  signal: AbortSignal;
}

export interface UpstreamReply {
  status: number;
  body: unknown;
  location: string | null;
  retryAfterMs: number | null;
}

/** The provider of imported tools. */
export interface UpstreamPort {
  /** Any status is an answer. @throws SBI_UNREACHABLE, SBI_LOST, SBI_TIMEOUT, SBI_CANCELLED */
  request(request: UpstreamRequest): Promise<UpstreamReply>;
  close(): Promise<void>;
}

/**
 * Reaches a provider at its URL, with its own token: the token of the agent that asks goes nowhere.
 * @throws TOOLS_UPSTREAM_TOKEN if a token is configured that is not there
 */
export function openUpstream(env: Env, upstream: Upstream & { url: string }): UpstreamPort {
  const token = tokenOf(upstream);
  const client = upstream.http === 'http1' ? null : new SbiClient({ env, timeoutMs: TIMEOUT_MS });
  const given = upstream.url.replace(/\/+$/, '');
  return {
    async request(request) {
      const { nf, method, target, contentType, body, signal } = request;
      const root = rootFor(given, target);
      const headers = { ...request.headers, ...(token !== null && { authorization: `Bearer ${token}` }) };
      if (client === null) return plain(env, root, { ...request, headers });
      try {
        const reply = await client.request({
          nf,
          base: root,
          method,
          path: target,
          headers,
          signal,
          ...(body !== undefined && { body }),
          ...(contentType !== undefined && { contentType }),
        });
        return {
          status: reply.status,
          body: reply.body,
          location: reply.headers.location ?? null,
          retryAfterMs: null,
        };
      } catch (error) {
        if (!(error instanceof NetAgentError) || error.code !== 'SBI_FAILED') throw error;
        const { status, problem } = error.details;
        return {
          status: Number(status),
          body: problem,
          location: null,
          retryAfterMs: error.retryAfterMs ?? null,
        };
      }
    },
    close: async () => client?.close(),
  };
}

/** One request over HTTP/1.1; redirects are not followed. */
async function plain(env: Env, root: string, request: UpstreamRequest): Promise<UpstreamReply> {
  const { nf, method, target, contentType, body, signal } = request;
  const about = { nf, base: root, operation: operationOf(method, target), timeoutMs: TIMEOUT_MS };
  const stop = new AbortController();
  let late = false;
  const timer = env.clock.setTimeout(() => {
    late = true;
    stop.abort();
  }, TIMEOUT_MS);
  let sent = false;
  try {
    const answer = await undiciRequest(`${root}${target}`, {
      method,
      signal: AbortSignal.any([signal, stop.signal]),
      headers: {
        accept: 'application/json, application/problem+json',
        ...(body !== undefined && { 'content-type': contentType ?? 'application/json' }),
        ...request.headers,
      },
      ...(body !== undefined && { body: encode(body, contentType) }),
    });
    sent = true;
    let size = 0;
    const parts: Buffer[] = [];
    for await (const part of answer.body as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > MOST_ANSWER) throw new Error(`the answer has more than ${MOST_ANSWER} bytes`);
      parts.push(part);
    }
    const header = (name: string) => [answer.headers[name]].flat()[0] ?? null;
    const seconds = Number(header('retry-after') ?? Number.NaN);
    return {
      status: answer.statusCode,
      body: parsed(Buffer.concat(parts).toString('utf8')),
      location: header('location'),
      retryAfterMs: Number.isFinite(seconds) ? seconds * 1_000 : null,
    };
  } catch (error) {
    const details = {
      ...about,
      problem: error instanceof Error ? error.message || error.name : String(error),
    };
    if (late) throw fail('SBI_TIMEOUT', details, { cause: error });
    if (signal.aborted) throw fail('SBI_CANCELLED', details, { cause: error });
    const refused = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'].includes(
      (error as { code?: string }).code ?? '',
    );
    throw fail(refused && !sent ? 'SBI_UNREACHABLE' : 'SBI_LOST', details, { cause: error });
  } finally {
    env.clock.clearTimeout(timer);
  }
}

function encode(body: unknown, contentType: string | undefined): string {
  if (!/x-www-form-urlencoded/.test(contentType ?? '')) return JSON.stringify(body);
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(body as object))
    form.append(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
  return form.toString();
}

function parsed(text: string): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function tokenOf({ token }: Upstream): string | null {
  if (token === undefined) return null;
  try {
    const value = 'env' in token ? process.env[token.env] : readFileSync(token.file, 'utf8');
    if (value === undefined || !/^[\x21-\x7e]+$/.test(value.trim())) throw new Error('there is none');
    return value.trim();
  } catch (error) {
    const where = 'env' in token ? `the variable ${token.env}` : `the file ${token.file}`;
    throw fail('TOOLS_UPSTREAM_TOKEN', { where }, { cause: error });
  }
}

/**
 * The URL to put before a target. The base path of the API may stand in both, since some name the API root and
 * some the server of the description: it is said once.
 */
export function rootFor(url: string, target: string): string {
  const { origin, pathname } = new URL(url);
  const parts = pathname.split('/').filter((part) => part !== '');
  for (let n = 0; n < parts.length; n += 1) {
    if (target.startsWith(`/${parts.slice(n).join('/')}/`)) {
      return [origin, ...parts.slice(0, n)].join('/');
    }
  }
  return [origin, ...parts].join('/');
}
