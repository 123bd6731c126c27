import { z } from 'zod';
import type { NetAgentError } from '../../machines/failure.ts';
import type { Env } from '../../machines/ports.ts';
import { fail } from '../errors.ts';
import { operationOf } from './operation.ts';
import { Peer, PeerError, type RawAnswer } from './peer.ts';
import type { Method } from './router.ts';

const DEFAULT_TIMEOUT_MS = 10_000;

export interface SbiRequestOptions {
  /** NF type, for errors and records. */
  nf: string;
  /** API root of the peer, `http://host:port`; a path in it is put before `path`. */
  base: string;
  method: Method;
  path: string;
  query?: Record<string, string>;
  body?: unknown;
  /** `application/json` unless told. */
  contentType?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export interface SbiReply {
  status: number;
  headers: Record<string, string>;
  /** Parsed JSON; null where there was none. */
  body: unknown;
}

/** What others need of a client; see `recording`. */
export interface SbiRequester {
  request(options: SbiRequestOptions): Promise<SbiReply>;
  discover(nrf: string, nfType: string, signal?: AbortSignal): Promise<string>;
}

const endpoint = z.object({
  ipv4Address: z.string().optional(),
  ipv6Address: z.string().optional(),
  port: z.number().int().optional(),
});
const searchResult = z.object({
  validityPeriod: z.number().default(0),
  nfInstances: z.array(
    z.object({
      nfServices: z
        .array(z.object({ scheme: z.string().default('http'), ipEndPoints: z.array(endpoint).default([]) }))
        .default([]),
    }),
  ),
});

/**
 * The consumer side of SBI: one connection a peer, at most ten streams at once on it, requests in order
 * of arrival. Errors: SBI_FAILED for a status of 400 and above (details nf, operation, status, cause,
 * problem), SBI_UNREACHABLE where nothing was sent, SBI_LOST, SBI_TIMEOUT, SBI_CANCELLED.
 */
export class SbiClient implements SbiRequester {
  readonly #env: Env;
  readonly #timeoutMs: number;
  readonly #peers = new Map<string, Peer>();
  readonly #found = new Map<string, { base: string; until: number }>();

  constructor(options: { env: Env; timeoutMs?: number }) {
    this.#env = options.env;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  async request(options: SbiRequestOptions): Promise<SbiReply> {
    const { nf, base, method, body, signal } = options;
    const root = new URL(base);
    const path = `${root.pathname.replace(/\/$/, '')}${options.path}`;
    const operation = operationOf(method, options.path);
    const about = { nf, base, operation, timeoutMs: this.#timeoutMs };
    const search = options.query === undefined ? '' : `?${new URLSearchParams(options.query)}`;
    const text = body === undefined ? undefined : JSON.stringify(body);
    const stop = new AbortController();
    let late = false;
    const timer = this.#env.clock.setTimeout(() => {
      late = true;
      stop.abort();
    }, this.#timeoutMs);
    const cancel = () => stop.abort();
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      const answer = await this.#peer(root.origin).send(
        {
          ':method': method,
          ':path': `${path}${search}`,
          accept: 'application/json, application/problem+json',
          ...(text !== undefined && { 'content-type': options.contentType ?? 'application/json' }),
          ...options.headers,
        },
        text,
        stop.signal,
      );
      return replyOf(answer, about);
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      const details = { ...about, problem: error.message };
      if (late) throw fail('SBI_TIMEOUT', details, { cause: error });
      if (stop.signal.aborted) throw fail('SBI_CANCELLED', details, { cause: error });
      // It may have moved: the next discovery asks the NRF again.
      for (const [key, { base: root }] of this.#found) if (root === base) this.#found.delete(key);
      throw fail(error.sent ? 'SBI_LOST' : 'SBI_UNREACHABLE', details, { cause: error });
    } finally {
      this.#env.clock.clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    }
  }

  /** API root of an instance of an NF type (TS 29.510 5.3), remembered for its validity period. */
  async discover(nrf: string, nfType: string, signal?: AbortSignal): Promise<string> {
    const key = `${nrf} ${nfType}`;
    const known = this.#found.get(key);
    if (known !== undefined && known.until > this.#env.clock.now()) return known.base;
    const { body } = await this.request({
      nf: 'NRF',
      base: nrf,
      method: 'GET',
      path: '/nnrf-disc/v1/nf-instances',
      query: { 'target-nf-type': nfType, 'requester-nf-type': 'AF' },
      ...(signal !== undefined && { signal }),
    });
    const read = searchResult.safeParse(body);
    const services = read.success ? read.data.nfInstances.flatMap((instance) => instance.nfServices) : [];
    for (const { scheme, ipEndPoints } of services) {
      const at = ipEndPoints[0];
      const host = at?.ipv4Address ?? (at?.ipv6Address === undefined ? undefined : `[${at.ipv6Address}]`);
      if (at === undefined || host === undefined) continue;
      const base = `${scheme}://${host}:${at.port ?? 80}`;
      const validMs = (read.data?.validityPeriod ?? 0) * 1000;
      this.#found.set(key, { base, until: this.#env.clock.now() + validMs });
      return base;
    }
    throw fail('SBI_UNREACHABLE', { nf: nfType, base: nrf, problem: 'the NRF knows none' });
  }

  /** Ends all connections once what is under way has ended; a later request opens them anew. */
  async close(): Promise<void> {
    const peers = [...this.#peers.values()];
    this.#peers.clear();
    this.#found.clear();
    await Promise.all(peers.map((peer) => peer.close()));
  }

  #peer(origin: string): Peer {
    const known = this.#peers.get(origin);
    if (known !== undefined) return known;
    const peer = new Peer(origin, this.#env.log);
    this.#peers.set(origin, peer);
    return peer;
  }
}

function replyOf(answer: RawAnswer, about: { nf: string; operation: string }): SbiReply {
  const { status, headers, text } = answer;
  const body = text === '' ? null : parsed(text);
  if (status < 400) return { status, headers, body };
  throw failed(status, headers, body, about);
}

function failed(
  status: number,
  headers: Record<string, string>,
  body: unknown,
  about: { nf: string; operation: string },
): NetAgentError {
  const problem = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const cause = typeof problem.cause === 'string' ? problem.cause : '';
  const seconds = Number(headers['retry-after']);
  return fail(
    'SBI_FAILED',
    { nf: about.nf, operation: about.operation, status, cause, problem },
    Number.isFinite(seconds) ? { retryAfterMs: seconds * 1000 } : undefined,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
