import type { IncomingHttpHeaders } from 'node:http';
import { type Duplex, PassThrough } from 'node:stream';
import type { HttpConnection } from './connection-fetch.ts';
import { authorityOf, type Exchange, pathOf, STUCK } from './exchange.ts';
import type { Line } from './line-front.ts';
import type { QuicDialOptions, QuicListenOptions, QuicProvider } from './quic-provider.ts';
import type { Listener } from './tcp.ts';

type Library = typeof import('@currentspace/http3');
type ServerStream = import('@currentspace/http3').ServerHttp3Stream;
type Headers = import('@currentspace/http3').IncomingHeaders;

/** Blocked io_uring in containers makes the fast mode fail late, so the portable one is asked for. */
const RUNTIME = { runtimeMode: 'portable', fallbackPolicy: 'error' } as const;
const MAX_STREAMS = 128;
/** Tries for a port that is free for UDP and TCP, where any will do. */
const TRIES = 8;

/** QUIC by `@currentspace/http3`. @throws if it is not installed or has no build for this machine */
export async function loadCurrentspace(): Promise<QuicProvider> {
  const library = await import('@currentspace/http3');
  return {
    listenLines: (options, onLine) => listenLines(library, options, onLine),
    dialLine: (options) => dialLine(library, options),
    listenHttp3: (options, onExchange) => listenHttp3(library, options, onExchange),
    dialHttp3: (options) => dialHttp3(library, options),
  };
}

async function listenLines(
  library: Library,
  { clock, headMs, ...options }: Parameters<QuicProvider['listenLines']>[0],
  onLine: (line: Line) => void,
): Promise<Listener> {
  const { host, port, tls, alpn, idleMs, maxConnections, retry } = options;
  const server = library.createQuicServer({
    ...tls,
    ...RUNTIME,
    alpn: [alpn],
    maxIdleTimeoutMs: idleMs,
    maxConnections,
    // A session has one stream.
    initialMaxStreamsBidi: 1,
    initialMaxData: STUCK * 4,
    disableRetry: !retry,
  });
  server.on('error', () => {});
  server.on('session', (session) => {
    let taken = false;
    let over = false;
    session.on('error', () => {});
    const silent = clock.setTimeout(() => {
      if (!over) session.close();
    }, headMs);
    session.on('close', () => {
      over = true;
      clock.clearTimeout(silent);
    });
    session.on('stream', (stream) => {
      if (taken) return void stream.destroy();
      taken = true;
      clock.clearTimeout(silent);
      stream.on('error', () => {});
      onLine({
        input: stream,
        output: stream,
        release() {
          stream.destroy();
          // The library numbers its connections: a number that is free may be that of a new one by now.
          if (!over) session.close();
        },
      });
    });
  });
  const bound = await server.listen(port, host);
  return { port: bound.port, close: () => server.close() };
}

async function dialLine(
  library: Library,
  options: QuicDialOptions & { alpn: string },
): Promise<Line & { ping(): void }> {
  const session = await library.connectQuicAsync(
    { host: options.host, port: options.port, servername: options.servername },
    {
      ...RUNTIME,
      alpn: [options.alpn],
      connectTimeoutMs: options.connectMs,
      maxIdleTimeoutMs: options.idleMs,
      ...(options.ca && { ca: options.ca }),
      ...(options.signal && { signal: options.signal }),
    },
  );
  session.on('error', () => {});
  const stream = session.openStream();
  stream.on('error', () => {});
  session.on('close', () => stream.destroy());
  return {
    input: stream,
    output: stream,
    ping: () => void session.ping(),
    release() {
      stream.destroy();
      session.close().catch(() => {});
    },
  };
}

async function listenHttp3(
  library: Library,
  options: QuicListenOptions,
  onExchange: (exchange: Exchange) => void,
): Promise<Listener> {
  for (let left = options.port === 0 ? TRIES : 1; ; left -= 1) {
    try {
      return await bindHttp3(library, options, onExchange);
    } catch (error) {
      if (left <= 1 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
}

function bindHttp3(
  library: Library,
  { host, port, tls, idleMs, maxConnections, retry }: QuicListenOptions,
  onExchange: (exchange: Exchange) => void,
): Promise<Listener> {
  const server = library.createSecureServer(
    {
      ...tls,
      ...RUNTIME,
      maxIdleTimeoutMs: idleMs,
      maxConnections,
      disableRetry: !retry,
      initialMaxStreamsBidi: MAX_STREAMS,
      initialMaxData: STUCK * 8,
    },
    (stream, headers) => onExchange(http3Exchange(stream, headers)),
  );
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.on('listening', () => {
      server.off('error', reject);
      server.on('error', () => {});
      // The library also listens for HTTP/2 over TCP at the same port; NetMCP has its own listener for that.
      (server as unknown as { _h2Server?: { close(): void } | null })._h2Server?.close();
      const bound = server.address()?.port ?? port;
      resolve({ port: bound, close: () => server.close() });
    });
    server.listen(port, host);
  });
}

function http3Exchange(stream: ServerStream, raw: Headers): Exchange {
  const headers = raw as IncomingHttpHeaders;
  let over = false;
  const body = hold(stream);
  return {
    method: String(headers[':method'] ?? ''),
    path: pathOf(String(headers[':path'] ?? '/')),
    headers,
    authority: authorityOf(headers),
    secure: true,
    body,
    open: () => !over && !stream.destroyed,
    reply(status, given, text = '') {
      if (over || stream.destroyed) return;
      over = true;
      stream.respondWithBody({ ':status': String(status), ...given }, text);
      // What is left of the request is not wanted.
      body.resume();
    },
    begin(given) {
      if (stream.destroyed) return;
      stream.respond({ ':status': '200', ...given });
    },
    write: (text) => stream.destroyed || stream.write(text) || stream.writableLength < STUCK,
    end() {
      if (over) return;
      over = true;
      if (!stream.destroyed) stream.end();
    },
    abort() {
      over = true;
      if (!stream.destroyed) stream.close();
    },
    onClose: (listener) => void stream.once('close', listener),
  };
}

async function dialHttp3(library: Library, options: QuicDialOptions): Promise<HttpConnection> {
  const session = await library.connectAsync(
    { host: options.host, port: options.port, servername: options.servername },
    {
      ...RUNTIME,
      connectTimeoutMs: options.connectMs,
      maxIdleTimeoutMs: options.idleMs,
      ...(options.ca && { ca: options.ca }),
      ...(options.signal && { signal: options.signal }),
    },
  );
  let closed = false;
  session.on('error', () => {});
  session.on('close', () => {
    closed = true;
  });
  session.on('goaway', () => {
    closed = true;
  });
  return {
    closed: () => closed,
    async request(headers, body, signal) {
      const stream = await session.requestAsync(headers, { endStream: body === null });
      if (body !== null) stream.end(body);
      return answerOf(stream, signal);
    },
    close: () => session.close(),
  };
}

/** The library throws away what came before the end of a stream that nobody read yet: it is read at once. */
function hold(stream: Duplex): PassThrough {
  const held = new PassThrough();
  held.on('error', () => {});
  stream.on('error', (error) => held.destroy(error));
  stream.on('close', () => {
    if (!stream.readableEnded) held.destroy(new Error('the stream was closed'));
  });
  stream.pipe(held);
  return held;
}

function answerOf(stream: Duplex, signal: AbortSignal | undefined): ReturnType<HttpConnection['request']> {
  return new Promise((resolve, reject) => {
    const cut = () => void stream.destroy(signal?.reason as Error);
    stream.on('error', reject);
    stream.on('close', () => {
      signal?.removeEventListener('abort', cut);
      reject(new Error('the stream was closed'));
    });
    stream.once('response', (headers: IncomingHttpHeaders) => {
      resolve({ status: Number(headers[':status']), headers, body: hold(stream) });
    });
    if (signal?.aborted) return cut();
    signal?.addEventListener('abort', cut, { once: true });
  });
}
