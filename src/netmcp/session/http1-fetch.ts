import { ReadableStream } from 'node:stream/web';
import { type Dispatcher, fetch as undiciFetch } from 'undici';

/**
 * `fetch` over HTTP/1.1. The POST of a message goes without the streams and the copies of headers that
 * `fetch` makes: they cost as much as the rest of a call. Everything else, and a redirect that is to be
 * followed, is left to `fetch` itself.
 */
export async function http1Fetch(
  dispatcher: Dispatcher,
  url: string | URL,
  init?: RequestInit,
): Promise<Response> {
  const { body, redirect, signal } = init ?? {};
  const plain = redirect === 'manual' || redirect === 'error';
  if (init?.method !== 'POST' || typeof body !== 'string' || !plain) {
    const options = { ...init, dispatcher } as Parameters<typeof undiciFetch>[1];
    return (await undiciFetch(url, options)) as unknown as Response;
  }
  signal?.throwIfAborted();
  const { origin, pathname, search, href } = new URL(url);
  // RFC 9110 12.5.3: without it, any coding would do.
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  new Headers(init.headers).forEach((value, name) => {
    headers[name] = value;
  });
  const asked = { origin, path: `${pathname}${search}`, method: 'POST' as const, headers, body };
  const answer = await dispatcher.request({ ...asked, ...(signal && { signal }) }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw new TypeError('fetch failed', { cause: error });
  });
  const { statusCode } = answer;
  if (redirect === 'error' && REDIRECTS.has(statusCode)) {
    // Destroyed, it would throw an error that nobody could catch.
    await answer.body.dump();
    throw new TypeError('fetch failed', { cause: new Error('unexpected redirect') });
  }
  const type = String(answer.headers['content-type'] ?? '');
  if (statusCode === 200 && type.startsWith('application/json')) return wholeAnswer(href, answer);
  const bodiless = statusCode === 202 || BODILESS.has(statusCode);
  if (bodiless) answer.body.resume();
  return new Response(bodiless ? null : ReadableStream.from<Uint8Array>(answer.body), {
    status: statusCode,
    headers: entriesOf(answer.headers),
  });
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

function entriesOf(headers: Dispatcher.ResponseData['headers']): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((one): [string, string] => [name, one]),
  );
}

/** The parts of a `Response` that a reader of one JSON message needs; the stream is made if it is asked for. */
function wholeAnswer(url: string, answer: Dispatcher.ResponseData): Response {
  const { statusCode: status, headers, body } = answer;
  let stream: ReadableStream<Uint8Array> | undefined;
  const known = {
    ok: true,
    status,
    statusText: 'OK',
    type: 'basic',
    url,
    redirected: false,
    headers: {
      get: (name: string) => headers[name.toLowerCase()]?.toString() ?? null,
      has: (name: string) => headers[name.toLowerCase()] !== undefined,
      // Who stands between makes a `Response` of its own with them.
      [Symbol.iterator]: () => entriesOf(headers)[Symbol.iterator](),
    },
    get body() {
      stream ??= ReadableStream.from<Uint8Array>(body);
      return stream;
    },
    get bodyUsed() {
      return body.bodyUsed;
    },
    json: () => body.json(),
    text: () => body.text(),
    arrayBuffer: () => body.arrayBuffer(),
  };
  return known as unknown as Response;
}
