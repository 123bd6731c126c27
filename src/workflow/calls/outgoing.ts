import { validateHeaderName, validateHeaderValue } from 'node:http';
import { Agent, buildConnector, fetch as undiciFetch } from 'undici';
import { RaisedError, standardError } from '../fault.ts';
import type { Gate } from './policy.ts';
import { portOf, shown } from './uri.ts';

export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

export interface OutRequest {
  url: URL;
  method: string;
  headers: Headers;
  body?: string | Buffer | undefined;
  signal: AbortSignal;
  /** Bytes of an answer; more is an error. */
  limit?: number;
}

export interface Answer {
  url: URL;
  status: number;
  headers: Headers;
  body: Buffer;
}

/** Bytes of an answer that a workflow takes: its data is kept whole with the instance. */
export const MAX_ANSWER = 8 * 1024 * 1024;
/** The same for streams of events, whose framing and notes are not kept. */
const MAX_STREAM = 4 * MAX_ANSWER;
const MAX_REDIRECTS = 5;
/** ms: for a document that set no timeout; the task's own timeout ends a call by its signal. */
const SILENCE_MS = 300_000;
const CONNECT_MS = 10_000;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Framing and routing belong to the client: a document that sets them could speak past the policy. */
const OURS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Headers that another origin may see: the rest may be keys. */
const GENERAL: ReadonlySet<string> = new Set(['accept', 'accept-language', 'content-type', 'user-agent']);

/** HTTP to where the policy lets us. */
export interface Outgoing {
  readonly gate: Gate;
  /** One exchange; a redirect is an answer. @throws RaisedError `authorization`, `communication` */
  send(request: OutRequest): Promise<Answer>;
  /** The same with redirects followed, each judged anew; credentials stay at their origin. */
  follow(request: OutRequest, sendOne?: (request: OutRequest) => Promise<Answer>): Promise<Answer>;
  /** For libraries: streams, judged like everything; a redirect is an error. */
  fetch: Fetch;
  close(): Promise<void>;
}

/** `given` replaces the network (tests); names are then judged as they are written. `ca` is all that is trusted. */
export function createOutgoing(
  gate: Gate,
  { fetch: given, ca }: { fetch?: Fetch; ca?: string[] } = {},
): Outgoing {
  const connectors = new Map<number, ReturnType<typeof buildConnector>>();
  const agent = new Agent({
    headersTimeout: SILENCE_MS,
    bodyTimeout: SILENCE_MS,
    connect: (options, done) => {
      const port = Number(options.port) || (options.protocol === 'https:' ? 443 : 80);
      let connector = connectors.get(port);
      if (connector === undefined) {
        connector = buildConnector({ timeout: CONNECT_MS, lookup: gate.lookup(port), ...(ca && { ca }) });
        connectors.set(port, connector);
      }
      connector(options, done);
    },
  });
  const overNetwork: Fetch = async (url, init) =>
    (await undiciFetch(url, {
      ...init,
      dispatcher: agent,
    } as Parameters<typeof undiciFetch>[1])) as unknown as Response;
  const raw = given ?? overNetwork;

  const judged: Fetch = async (to, init) => {
    const url = new URL(to);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw standardError('configuration', `The scheme ${url.protocol} cannot be called here`);
    }
    gate.check(url.hostname, portOf(url));
    return raw(url, { ...init, redirect: init?.redirect === 'manual' ? 'manual' : 'error' });
  };

  async function send(request: OutRequest): Promise<Answer> {
    const { url, method, headers, body, signal, limit = MAX_ANSWER } = request;
    try {
      const response = await judged(url, {
        method,
        headers,
        signal,
        redirect: 'manual',
        ...(body !== undefined && { body: body as RequestInit['body'] }),
      });
      return {
        url,
        status: response.status,
        headers: response.headers,
        body: await readBody(response, limit),
      };
    } catch (error) {
      signal.throwIfAborted();
      throw failureOf(error, `${method} ${shown(url)}`);
    }
  }

  return {
    gate,
    send,
    async follow(request, sendOne = send) {
      let next = request;
      for (let hops = 0; ; hops += 1) {
        const answer = await sendOne(next);
        const location = answer.headers.get('location');
        if (!REDIRECTS.has(answer.status) || location === null) return answer;
        if (hops === MAX_REDIRECTS) {
          throw standardError('communication', `${shown(request.url)} redirects too often`, { status: 508 });
        }
        next = redirected(next, answer.status, location);
      }
    },
    fetch: async (to, init) => bounded(await judged(to, init)),
    close: () => agent.close(),
  };
}

/** RFC 9110 15.4: what the next request of a redirect is. */
function redirected(request: OutRequest, status: number, location: string): OutRequest {
  const url = URL.parse(location, request.url.href);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw standardError('communication', `${shown(request.url)} redirects to what is no HTTP address`, {
      status: 502,
    });
  }
  if (url.protocol === 'http:' && request.url.protocol === 'https:') {
    throw standardError('authorization', `${shown(request.url)} redirects from TLS to plain words`);
  }
  const headers = new Headers(request.headers);
  if (url.origin !== request.url.origin) {
    for (const name of [...headers.keys()]) if (!GENERAL.has(name)) headers.delete(name);
  }
  const { method } = request;
  const turnsToGet =
    (status === 303 && method !== 'HEAD') || ((status === 301 || status === 302) && method === 'POST');
  if (!turnsToGet) return { ...request, url, headers };
  for (const name of ['content-type', 'idempotency-key']) headers.delete(name);
  return { ...request, url, headers, method: 'GET', body: undefined };
}

/** The same answer, broken off where it gets too large. */
function bounded(response: Response): Response {
  if (response.body === null) return response;
  let size = 0;
  const counted = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        size += chunk.byteLength;
        if (size <= MAX_STREAM) controller.enqueue(chunk);
        else
          controller.error(standardError('communication', `The answer is larger than ${MAX_STREAM} bytes`));
      },
    }),
  );
  const { status, statusText, headers } = response;
  return new Response(counted, { status, statusText, headers });
}

async function readBody(response: Response, limit: number): Promise<Buffer> {
  if (response.body === null) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop early cancels the stream, and with it the connection.
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > limit) {
      throw standardError('communication', `The answer is larger than ${limit} bytes`, { status: 502 });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Headers that a document may set. @throws RaisedError `validation`: also for an attempt to add lines */
export function headersOf(given: Readonly<Record<string, unknown>> = {}): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined) continue;
    const text = String(value);
    try {
      validateHeaderName(name);
      validateHeaderValue(name, text);
    } catch {
      throw standardError('validation', `The header ${JSON.stringify(name)} has letters that no header has`);
    }
    if (OURS.has(name.toLowerCase())) {
      throw standardError('configuration', `The header ${name} is not the document's to set`);
    }
    headers.set(name, text);
  }
  return headers;
}

/** What `fetch` threw, as an error of a workflow. */
export function failureOf(error: unknown, what: string): RaisedError {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof RaisedError) return cause;
    const code = 'code' in cause ? String(cause.code) : '';
    if (/TIMEOUT|ETIMEDOUT/.test(code)) {
      return standardError('communication', `${what} had no answer in time`, { status: 504, detail: code });
    }
    if (/^E[A-Z]+$|^UND_ERR|^ERR_(TLS|SSL)|CERT/.test(code)) {
      return standardError('communication', `${what} failed`, { status: 503, detail: code });
    }
  }
  const detail = error instanceof Error ? (error.cause instanceof Error ? error.cause : error).message : '';
  return standardError('communication', `${what} failed`, { status: 502, detail });
}
