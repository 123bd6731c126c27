import { Agent } from 'undici';
import { z } from 'zod';
import { addressOf, nameToCheck, type Trust } from '../transport/address.ts';
import { createConnectionFetch, type HttpConnection, notConnected } from '../transport/connection-fetch.ts';
import { dialHttp2 } from '../transport/http2-dial.ts';
import { loadQuic, type QuicProvider } from '../transport/quic-provider.ts';
import { http1Fetch } from './http1-fetch.ts';

export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

const messageSchema = z.object({
  id: z.union([z.string(), z.number()]).optional(),
  method: z.string().optional(),
  params: z.object({ requestId: z.union([z.string(), z.number()]).optional() }).optional(),
});

export interface HttpPool {
  /** Over HTTP/1.1, or with TLS over HTTP/2 if the server has it. */
  fetch: Fetch;
  fetchFor(tls: Trust | undefined): Fetch;
  /** Over HTTP/3, once a connection stands. @throws where there is none to be had */
  http3(url: URL, tls: Trust | undefined): Promise<Fetch>;
  quic(): Promise<QuicProvider | null>;
  /** Endpoints that lately could not be reached, and until when that is believed. */
  broken: Map<string, number>;
  close(): Promise<void>;
}

/** Agents of one pool, each for its own trust, and connections of HTTP/2 and of HTTP/3, each to its own origin. */
const MAX_AGENTS = 1_024;
/** ms for a handshake over UDP: where it is blocked, nothing answers at all. */
export const UDP_CONNECT_MS = 2_000;
export const UDP_IDLE_MS = 30_000;

type Held = Awaited<ReturnType<typeof createConnectionFetch>>;

/**
 * An HTTP client that keeps its connections. A request that is cancelled over JSON-RPC has no answer
 * (MCP 2025-11-25, cancellation), so its pending POST is aborted here: else it would hold a connection.
 */
export function createHttpPool(connections = 32, quic: typeof loadQuic = loadQuic): HttpPool {
  const common = {
    connections,
    keepAliveTimeout: 30_000,
    // The deadline of a call is its requester's; a server stream has none.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  const agents = new Map<string, Agent>();
  const http2 = new Map<string, Promise<Held | null>>();
  const http3 = new Map<string, Promise<Held>>();

  function agentFor({ ca = '', servername = '' }: Trust): Agent {
    const key = `${servername} ${ca}`;
    const made = agents.get(key);
    if (made !== undefined) return made;
    if (agents.size >= MAX_AGENTS) throw new Error('too many authorities to trust');
    const agent = new Agent({
      ...common,
      pipelining: 1,
      connect: { timeout: 5_000, ...(ca !== '' && { ca }), ...(servername !== '' && { servername }) },
    });
    agents.set(key, agent);
    return agent;
  }

  /** One HTTP/2 connection an origin and trust; null where the origin speaks HTTP/1.1. */
  function http2To(url: URL, tls: Trust): Promise<Held | null> {
    const key = `${url.origin} ${tls.servername ?? ''} ${tls.ca ?? ''}`;
    const known = http2.get(key);
    if (known !== undefined) return known;
    if (http2.size >= MAX_AGENTS) throw new Error('too many HTTP/2 connections');
    const began = dialHttp2(url, tls).catch((error: unknown) => {
      throw notConnected(error);
    });
    const made = began.then(async (first) => {
      if (first === null) return null;
      let next: HttpConnection | null = first;
      return createConnectionFetch(async () => {
        const connection = next ?? (await dialHttp2(url, tls));
        next = null;
        if (connection === null) throw new Error('the server speaks HTTP/2 no more');
        return connection;
      });
    });
    http2.set(key, made);
    made.catch(() => http2.delete(key));
    return made;
  }

  const overTcp = (tls: Trust): Fetch =>
    cancellable(async (url, init) => {
      const to = new URL(url);
      const held = to.protocol === 'https:' ? await http2To(to, tls) : null;
      return held === null ? http1Fetch(agentFor(tls), url, init) : held.fetch(url, init);
    });

  return {
    fetch: overTcp({}),
    fetchFor: (tls) => overTcp(tls ?? {}),
    async http3(url, tls) {
      const provider = await quic();
      if (provider === null) throw new Error('no QUIC package runs here');
      const { host, port } = addressOf(url);
      const servername = nameToCheck(host, tls);
      const ca = tls?.ca;
      const key = `${host} ${port} ${servername} ${ca ?? ''}`;
      const held = http3.get(key);
      if (held !== undefined) return cancellable((await held).fetch);
      if (http3.size >= MAX_AGENTS) throw new Error('too many HTTP/3 connections');
      const dial = {
        host,
        port,
        servername,
        connectMs: UDP_CONNECT_MS,
        idleMs: UDP_IDLE_MS,
        ...(ca && { ca }),
      };
      const made = createConnectionFetch(() => provider.dialHttp3(dial));
      http3.set(key, made);
      made.catch(() => http3.delete(key));
      return cancellable((await made).fetch);
    },
    quic,
    broken: new Map(),
    async close() {
      await Promise.all([
        ...[...agents.values()].map((agent) => agent.destroy()),
        ...[...http2.values(), ...http3.values()].map((made) =>
          made.then((held) => held?.close()).catch(() => {}),
        ),
      ]);
    },
  };
}

/** Aborts the POST of a request that is cancelled over JSON-RPC. */
function cancellable(send: Fetch): Fetch {
  const pending = new Map<string, AbortController>();
  return async (url, init) => {
    const session = new Headers(init?.headers).get('mcp-session-id') ?? '';
    const message = typeof init?.body === 'string' ? readMessage(init.body) : null;
    if (message?.method === 'notifications/cancelled' && message.params?.requestId !== undefined) {
      pending.get(`${session}\n${message.params.requestId}`)?.abort(new Error('cancelled'));
    }
    if (message?.method === undefined || message.id === undefined) return send(url, init);
    const key = `${session}\n${message.id}`;
    const controller = new AbortController();
    const outer = init?.signal;
    const forward = () => controller.abort(outer?.reason);
    if (outer?.aborted) forward();
    outer?.addEventListener('abort', forward, { once: true });
    pending.set(key, controller);
    try {
      return await send(url, { ...init, signal: controller.signal });
    } finally {
      pending.delete(key);
      outer?.removeEventListener('abort', forward);
    }
  };
}

/** Only the head of a message matters, and a message of ours begins with its method. */
function readMessage(body: string): z.infer<typeof messageSchema> | null {
  const read = messageSchema.safeParse(JSON.parse(body));
  return read.success ? read.data : null;
}
