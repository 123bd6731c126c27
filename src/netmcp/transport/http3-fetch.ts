import type { IncomingHttpHeaders } from 'node:http';
import { ReadableStream } from 'node:stream/web';
import type { Fetch } from '../session/keep-alive.ts';
import type { Http3Connection, QuicProvider } from './quic-provider.ts';

const CONNECT_MS = 2_000;
const IDLE_MS = 30_000;

/**
 * `fetch` over one HTTP/3 connection to one authority, made again when it was lost.
 * Resolves when the first connection stands. @throws where there is none to be had
 */
export async function createHttp3Fetch(options: {
  provider: QuicProvider;
  host: string;
  port: number;
  servername: string;
  ca?: string;
  signal?: AbortSignal;
}): Promise<{ fetch: Fetch; close(): Promise<void> }> {
  const { provider, host, port, servername, ca } = options;
  let connection: Promise<Http3Connection> | null = null;

  async function connected(signal?: AbortSignal): Promise<Http3Connection> {
    const held = await connection?.catch(() => null);
    if (held?.closed() === false) return held;
    // Whoever comes first dials; the others wait for the same connection.
    connection = provider.dialHttp3({
      host,
      port,
      servername,
      connectMs: CONNECT_MS,
      idleMs: IDLE_MS,
      ...(ca !== undefined && { ca }),
      ...(signal && { signal }),
    });
    return connection;
  }

  await connected(options.signal);
  return {
    async fetch(url, init) {
      const { pathname, search, host: authority } = new URL(url);
      const headers: Record<string, string> = {
        ':method': init?.method ?? 'GET',
        ':scheme': 'https',
        ':authority': authority,
        ':path': `${pathname}${search}`,
      };
      new Headers(init?.headers).forEach((value, key) => {
        headers[key] = value;
      });
      const signal = init?.signal ?? undefined;
      signal?.throwIfAborted();
      const answer = await (await connected()).request(
        headers,
        typeof init?.body === 'string' ? init.body : null,
        signal,
      );
      const bodiless = answer.status === 202 || answer.status === 204 || answer.status === 304;
      if (bodiless) answer.body.resume();
      // `Readable.toWeb` of Node 24 throws past everybody when a body is cancelled that still comes in.
      return new Response(bodiless ? null : ReadableStream.from<Uint8Array>(answer.body), {
        status: answer.status,
        headers: plainHeaders(answer.headers),
      });
    },
    async close() {
      await connection?.then(
        (held) => held.close(),
        () => {},
      );
    },
  };
}

function plainHeaders(headers: IncomingHttpHeaders): Headers {
  const plain = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(':') && value !== undefined) plain.set(name, String(value));
  }
  return plain;
}
