import { NetAgentError } from '../../machines/failure.ts';
import type { Env } from '../../machines/ports.ts';
import { fail } from '../errors.ts';
import { Instances, instancesOf } from './instances.ts';
import { type Attachment, MULTIPART, writeMultipart } from './multipart.ts';
import { operationOf } from './operation.ts';
import { Peer, PeerError, type RawAnswer } from './peer.ts';
import type { Method } from './router.ts';
import { AccessTokens, type SbiIdentity } from './tokens.ts';

const DEFAULT_TIMEOUT_MS = 10_000;
const FORM = 'application/x-www-form-urlencoded';

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
  /** Binary parts: the message is `multipart/related` then. */
  attachments?: readonly Attachment[];
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /**
   * Root of the NRF that knows other instances of `nf`. They are asked instead where the first was not
   * reached, refused for overload (503), or was lost on a request that may be repeated.
   */
  others?: string;
}

export interface SbiReply {
  status: number;
  headers: Record<string, string>;
  /** Parsed JSON; null where there was none. */
  body: unknown;
}

/** One request and what came of it, as an observer sees it. */
export interface SbiExchange {
  nf: string;
  /** Scheme, host and port of the peer. */
  base: string;
  method: Method;
  path: string;
  query?: Record<string, string>;
  body?: unknown;
  contentType: string;
  status: number;
  headers: Record<string, string>;
  /** Parsed body of the answer; null where there was none. */
  reply: unknown;
}

/** What others need of a client; see `recording`. */
export interface SbiRequester {
  request(options: SbiRequestOptions): Promise<SbiReply>;
  discover(nrf: string, nfType: string, signal?: AbortSignal): Promise<string>;
}

/** Methods that may be sent again when nobody knows whether the first one arrived (RFC 9110 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'PUT', 'DELETE']);

/**
 * The consumer side of SBI: one connection a peer, at most ten streams at once on it, requests in order
 * of arrival. Errors: SBI_FAILED for a status of 400 and above (details nf, operation, status, cause,
 * problem), SBI_UNREACHABLE where nothing was sent, SBI_LOST, SBI_TIMEOUT, SBI_CANCELLED.
 */
export class SbiClient implements SbiRequester {
  readonly #env: Env;
  readonly #timeoutMs: number;
  readonly #observe: ((exchange: SbiExchange) => void) | undefined;
  readonly #peers = new Map<string, Peer>();
  readonly #instances: Instances;
  readonly #tokens: AccessTokens | undefined;

  /** `observe` sees every request that was answered, bodies and all. */
  constructor(options: {
    env: Env;
    timeoutMs?: number;
    observe?: (exchange: SbiExchange) => void;
    /** Answers the demand for an access token with one of the NRF. */
    identity?: SbiIdentity;
  }) {
    this.#env = options.env;
    if (options.identity !== undefined) {
      this.#tokens = new AccessTokens(options.env.clock, options.identity, async (base, path, body) => {
        const form = { nf: 'NRF', base, method: 'POST', path, body, contentType: FORM } as const;
        return (await this.#once(form)).body;
      });
    }
    this.#observe = options.observe;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#instances = new Instances(options.env.clock);
  }

  async request(options: SbiRequestOptions): Promise<SbiReply> {
    const { nf, base, others, method, signal } = options;
    const tried = new Set([base]);
    let failure: unknown;
    try {
      return await this.#again(options);
    } catch (error) {
      if (others === undefined || !mayMove(error, method)) throw error;
      failure = error;
    }
    for (const other of await this.#find(others, nf, signal).catch(() => [])) {
      if (tried.has(other)) continue;
      tried.add(other);
      try {
        return await this.#once({ ...options, base: other });
      } catch (error) {
        if (!mayMove(error, method)) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  /** An answer that never came is asked for once more where that does no harm: some peers drop streams. */
  async #again(options: SbiRequestOptions): Promise<SbiReply> {
    try {
      return await this.#once(options);
    } catch (error) {
      if (!(error instanceof NetAgentError) || error.code !== 'SBI_LOST') throw error;
      if (!IDEMPOTENT.has(options.method)) throw error;
      return await this.#once(options);
    }
  }

  /** With the token that is held, and with a new one where that is refused: nothing was done then. */
  async #once(options: SbiRequestOptions): Promise<SbiReply> {
    const tokens = this.#tokens;
    const { nf, path } = options;
    if (tokens === undefined || nf === 'NRF') return this.#send(options);
    const held = tokens.held(nf, path);
    try {
      return await this.#send(held === undefined ? options : authorised(options, held));
    } catch (error) {
      if (!(error instanceof NetAgentError) || error.details.status !== 401) throw error;
      return await this.#send(authorised(options, await tokens.fresh(nf, path)));
    }
  }

  async #send(options: SbiRequestOptions): Promise<SbiReply> {
    const { nf, base, method, body, signal } = options;
    const root = new URL(base);
    const path = `${root.pathname.replace(/\/$/, '')}${options.path}`;
    const operation = operationOf(method, options.path);
    const about = { nf, base, operation, timeoutMs: this.#timeoutMs };
    const search = options.query === undefined ? '' : `?${new URLSearchParams(options.query)}`;
    const { attachments } = options;
    const contentType = attachments === undefined ? (options.contentType ?? 'application/json') : MULTIPART;
    const sent =
      body === undefined
        ? undefined
        : attachments === undefined
          ? { contentType, body: written(body, contentType) }
          : writeMultipart(body, attachments);
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
          ...(sent !== undefined && { 'content-type': sent.contentType }),
          ...options.headers,
        },
        sent?.body,
        stop.signal,
      );
      this.#instances.well(base);
      const content = answer.text === '' ? null : parsed(answer.text);
      this.#observe?.({
        nf,
        base: root.origin,
        method,
        path,
        ...(options.query !== undefined && { query: options.query }),
        body,
        contentType,
        status: answer.status,
        headers: answer.headers,
        reply: content,
      });
      return replyOf(answer, content, about);
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      const details = { ...about, problem: error.message };
      if (late) throw fail('SBI_TIMEOUT', details, { cause: error });
      if (stop.signal.aborted) throw fail('SBI_CANCELLED', details, { cause: error });
      this.#instances.failed(base);
      throw fail(error.sent ? 'SBI_LOST' : 'SBI_UNREACHABLE', details, { cause: error });
    } finally {
      this.#env.clock.clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    }
  }

  /**
   * API root of an instance of an NF type (TS 29.510 5.3), remembered for its validity period. One that
   * failed lately is the last choice.
   */
  async discover(nrf: string, nfType: string, signal?: AbortSignal): Promise<string> {
    const [base] = await this.#find(nrf, nfType, signal);
    if (base !== undefined) return base;
    throw fail('SBI_UNREACHABLE', { nf: nfType, base: nrf, problem: 'the NRF knows none' });
  }

  async #find(nrf: string, nfType: string, signal?: AbortSignal): Promise<string[]> {
    const key = `${nrf} ${nfType}`;
    const known = this.#instances.known(key);
    if (known !== undefined) return known;
    const { body } = await this.#again({
      nf: 'NRF',
      base: nrf,
      method: 'GET',
      path: '/nnrf-disc/v1/nf-instances',
      query: { 'target-nf-type': nfType, 'requester-nf-type': 'AF' },
      ...(signal !== undefined && { signal }),
    });
    return this.#instances.learn(key, instancesOf(body));
  }

  /** Ends all connections once what is under way has ended; a later request opens them anew. */
  async close(): Promise<void> {
    const peers = [...this.#peers.values()];
    this.#peers.clear();
    this.#instances.clear();
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

const authorised = (options: SbiRequestOptions, token: string): SbiRequestOptions => ({
  ...options,
  headers: { ...options.headers, authorization: `Bearer ${token}` },
});

/** Whether another instance may be asked without doing the same thing twice. */
function mayMove(error: unknown, method: Method): boolean {
  if (!(error instanceof NetAgentError)) return false;
  if (error.code === 'SBI_UNREACHABLE') return true;
  if (error.code === 'SBI_LOST') return IDEMPOTENT.has(method);
  // Refused before it was worked on (TS 29.500 6.4.2).
  return error.code === 'SBI_FAILED' && error.details.status === 503;
}

/** JSON, or the text of a form (RFC 6749 4.4.2) as it is. */
const written = (body: unknown, contentType: string) =>
  contentType === FORM && typeof body === 'string' ? body : JSON.stringify(body);

function replyOf(
  { status, headers }: RawAnswer,
  body: unknown,
  about: { nf: string; operation: string },
): SbiReply {
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
