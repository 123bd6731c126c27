import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { Env } from '../../../machines/ports.ts';
import { ERROR_FORBIDDEN, EXTENSION } from '../schema/index.ts';
import { type Fetch, type HttpPool, UDP_CONNECT_MS, UDP_IDLE_MS } from '../session/keep-alive.ts';
import { addressOf, isLoopback, nameToCheck, type Trust } from './address.ts';
import { createLineTransport, paced } from './lines.ts';
import { QUIC_ALPN } from './quic-provider.ts';
import { streamableTransport } from './streamed-answers.ts';

/** A server: its endpoints, or a program that speaks MCP over its standard streams. */
export type Target =
  /** `fetch` stands for the network, where whoever asks has an own way out. */
  | { url: string; tls?: Trust; fetch?: Fetch }
  /** The best that can be reached is used: QUIC, HTTP/3, HTTP/2, HTTP/1.1. */
  | { endpoints: readonly string[]; tls?: Trust }
  | { command: string; args?: string[]; env?: Record<string, string> };

/** How a client shows who it is. */
export interface Credentials {
  /** Adds the token to what goes to an endpoint over HTTP. */
  wrap(fetch: Fetch, endpoint: string): Fetch;
  /** The value of an `authorization` header, for a line of QUIC; null: none is known to be needed. */
  authorization(): Promise<string | null>;
  /** The same, after the server has asked for it by a challenge of RFC 6750. */
  challenged(challenge: string): Promise<string | null>;
}

export type TransportKind = 'quic' | 'http/3' | 'https' | 'http' | 'stdio';

/** A way to the server that can be tried. */
export interface Way {
  kind: TransportKind;
  /** What the log calls it. */
  name: string;
  open(signal: AbortSignal): Promise<Transport>;
}

const KINDS: ReadonlyMap<string, TransportKind> = new Map([
  ['quic:', 'quic'],
  ['https+h3:', 'http/3'],
  ['https:', 'https'],
  ['http:', 'http'],
]);
const ORDER: TransportKind[] = ['quic', 'http/3', 'https', 'http'];

const MAX_LINE = 10_485_760;
const LINE_MS = 60_000;

/**
 * The ways to a target, best first. A way over UDP that lately led nowhere comes last. Where an endpoint
 * is encrypted, plain words off this machine are no way: who blocks the first must not get to read the other.
 */
export function waysTo(env: Env, target: Target, pool: HttpPool, credentials?: Credentials): Way[] {
  if ('command' in target) {
    const { command, args = [] } = target;
    return [
      {
        kind: 'stdio',
        name: command,
        open: async () =>
          paced(
            new StdioClientTransport({
              command,
              args,
              stderr: 'ignore',
              ...(target.env && { env: target.env }),
            }),
          ),
      },
    ];
  }
  const ways: Array<Way & { rank: number }> = [];
  const endpoints = 'url' in target ? [target.url] : target.endpoints;
  const encrypted = endpoints.some((endpoint) => !endpoint.startsWith('http:'));
  for (const endpoint of endpoints) {
    const url = URL.parse(endpoint);
    const kind = KINDS.get(url?.protocol ?? '');
    if (url === null || kind === undefined) continue;
    if (kind === 'http' && encrypted && !isLoopback(addressOf(url).host)) continue;
    const rank =
      ORDER.indexOf(kind) + ((pool.broken.get(endpoint) ?? 0) > env.clock.now() ? ORDER.length : 0);
    ways.push({
      kind,
      name: endpoint,
      rank,
      open: (signal) =>
        openWay({
          env,
          kind,
          url,
          tls: target.tls,
          fetch: 'fetch' in target ? target.fetch : undefined,
          pool,
          credentials,
          signal,
        }),
    });
  }
  return ways.sort((a, b) => a.rank - b.rank);
}

interface Opening {
  env: Env;
  kind: TransportKind;
  url: URL;
  tls: Trust | undefined;
  fetch: Fetch | undefined;
  pool: HttpPool;
  credentials: Credentials | undefined;
  signal: AbortSignal;
}

async function openWay(opening: Opening): Promise<Transport> {
  const { kind, url, tls, pool, credentials } = opening;
  if (kind === 'quic') return dialQuic(opening);
  const fetch = opening.fetch ?? (kind === 'http/3' ? await pool.http3(url, tls) : pool.fetchFor(tls));
  const address = kind === 'http/3' ? new URL(url.href.replace('https+h3:', 'https:')) : url;
  return streamableTransport(address, credentials?.wrap(fetch, address.href) ?? fetch);
}

async function dialQuic({ env, url, tls, pool, credentials, signal }: Opening): Promise<Transport> {
  const provider = await pool.quic();
  if (provider === null) throw new Error('no QUIC package runs here');
  const address = addressOf(url);
  const line = await provider.dialLine({
    ...address,
    servername: nameToCheck(address.host, tls),
    alpn: QUIC_ALPN,
    connectMs: UDP_CONNECT_MS,
    idleMs: UDP_IDLE_MS,
    signal,
    ...(tls?.ca !== undefined && { ca: tls.ca }),
  });
  let ping: unknown;
  const beat = () => {
    ping = env.clock.setTimeout(() => {
      line.ping();
      beat();
    }, UDP_IDLE_MS / 3);
  };
  beat();
  const lines = createLineTransport({
    clock: env.clock,
    input: line.input,
    output: line.output,
    maxLine: MAX_LINE,
    lineMs: LINE_MS,
    release() {
      env.clock.clearTimeout(ping);
      line.release();
    },
  });
  return credentials === undefined ? lines : authorisedLines(lines, credentials);
}

/**
 * NetMCP 9: over QUIC the token goes in `_meta` of a message, at first and whenever there is a new one. If
 * the server asks for one in answer to `initialize`, that is sent once more, with it.
 */
function authorisedLines(lines: Transport, credentials: Credentials): Transport {
  let sent: string | null = null;
  let first: JSONRPCMessage | null = null;
  const send = (message: JSONRPCMessage, token: string | null) => {
    if (token === sent || !('method' in message)) return lines.send(message);
    sent = token;
    const { _meta = {}, ...params } = message.params ?? {};
    const ours = { ...(_meta[EXTENSION] as object | undefined), authorization: token };
    return lines.send({ ...message, params: { ...params, _meta: { ..._meta, [EXTENSION]: ours } } });
  };
  const outer: Transport = {
    start: () => lines.start(),
    close: () => lines.close(),
    async send(message) {
      if (!('method' in message)) return lines.send(message);
      if (message.method === 'initialize') first = message;
      return send(message, await credentials.authorization());
    },
  };
  lines.onmessage = (message, extra) => {
    const asked = 'error' in message ? challengeOf(message.error) : null;
    const again = first;
    first = null;
    if (asked === null || again === null) return outer.onmessage?.(message, extra);
    credentials
      .challenged(asked)
      .then((token) => (token === null ? outer.onmessage?.(message, extra) : send(again, token)))
      .catch((error: unknown) => {
        outer.onerror?.(error as Error);
        outer.onmessage?.(message, extra);
      });
  };
  lines.onerror = (error) => outer.onerror?.(error);
  lines.onclose = () => outer.onclose?.();
  return outer;
}

function challengeOf({ code, data }: { code: number; data?: unknown }): string | null {
  const asks = code === ERROR_FORBIDDEN && typeof data === 'object' && data !== null && 'challenge' in data;
  return asks && typeof data.challenge === 'string' ? data.challenge : null;
}

/** How long a way over UDP that led nowhere is tried last, ms. */
const BROKEN_MS = 300_000;
const MAX_BROKEN = 256;
const UDP: ReadonlySet<TransportKind> = new Set(['quic', 'http/3']);

/**
 * Tries the ways to a target, best first, until `connect` takes one; says in the log what did not work.
 * @throws the error of the last way
 */
export async function takeWay<T>(
  env: Env,
  options: {
    target: Target;
    pool: HttpPool;
    serverId: string;
    signal: AbortSignal;
    credentials?: Credentials;
  },
  connect: (transport: Transport) => Promise<T>,
): Promise<{ value: T; kind: TransportKind; fellBack: string | null }> {
  const { target, pool, serverId, signal } = options;
  let fellBack: string | null = null;
  let last: unknown = new Error('no endpoint that this client can use');
  const ways = waysTo(env, target, pool, options.credentials);
  for (const [tried, { kind, name, open }] of ways.entries()) {
    signal.throwIfAborted();
    let reached = false;
    try {
      const line = await open(signal);
      reached = true;
      const value = await connect(line);
      if (fellBack !== null) {
        env.log.warn({ serverId, endpoint: name, reason: fellBack }, 'fell back to a lesser transport');
      }
      return { value, kind, fellBack };
    } catch (error) {
      last = error;
      if (isRefusal(error) || tried === ways.length - 1) break;
      fellBack = `${name}: ${error instanceof Error ? error.message : String(error)}`.slice(0, 300);
      if (reached || !UDP.has(kind)) continue;
      if (pool.broken.size >= MAX_BROKEN) pool.broken.clear();
      pool.broken.set(name, env.clock.now() + BROKEN_MS);
    }
  }
  throw last;
}

/** The server was reached and said no: another way to it says the same. */
function isRefusal(error: unknown): boolean {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'number' && code !== CONNECTION_CLOSED && code !== REQUEST_TIMEOUT;
}

const CONNECTION_CLOSED = -32000;
const REQUEST_TIMEOUT = -32001;
