import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import type { Fetch } from '../session/keep-alive.ts';

/** A connection of HTTP/2 or HTTP/3 at the client: it carries many requests at once. */
export interface HttpConnection {
  /** It takes no more requests. */
  closed(): boolean;
  request(
    headers: Record<string, string>,
    body: string | null,
    signal: AbortSignal | undefined,
  ): Promise<{ status: number; headers: IncomingHttpHeaders; body: Readable }>;
  close(): Promise<void>;
}

/**
 * `fetch` over one connection to one authority, made again when it was lost. Nothing is ever sent twice.
 * Resolves when the first connection stands. @throws where there is none to be had
 */
export async function createConnectionFetch(
  dial: () => Promise<HttpConnection>,
): Promise<{ fetch: Fetch; close(): Promise<void> }> {
  let connection = dial();

  async function connected(): Promise<HttpConnection> {
    for (;;) {
      const asked = connection;
      const held = await asked.catch(() => null);
      if (held?.closed() === false) return held;
      // Whoever comes first dials; the others wait for the same connection.
      if (asked !== connection) continue;
      connection = dial();
      return connection;
    }
  }

  await connection;
  return {
    async fetch(url, init) {
      const { pathname, search, host } = new URL(url);
      const headers: Record<string, string> = {
        ':method': init?.method ?? 'GET',
        ':scheme': 'https',
        ':authority': host,
        ':path': `${pathname}${search}`,
      };
      new Headers(init?.headers).forEach((value, key) => {
        headers[key] = value;
      });
      const signal = init?.signal ?? undefined;
      signal?.throwIfAborted();
      const held = await connected();
      signal?.throwIfAborted();
      const answer = await held.request(headers, typeof init?.body === 'string' ? init.body : null, signal);
      const { status, body } = answer;
      const bodiless = status === 202 || status === 204 || status === 304;
      if (bodiless) body.resume();
      // `Readable.toWeb` of Node 24 throws past everybody when a body is cancelled that still comes in.
      return new Response(bodiless ? null : ReadableStream.from<Uint8Array>(body), {
        status,
        headers: plainHeaders(answer.headers),
      });
    },
    async close() {
      await connection.then(
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
