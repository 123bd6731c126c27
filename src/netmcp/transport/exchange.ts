import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { constants, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { Readable } from 'node:stream';
import type { Clock } from '../../../machines/ports.ts';

/** One HTTP request and its answer, whichever version of HTTP carries it. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** `Host`, or `:authority` where the version has it; null if they are missing or differ. */
  readonly authority: string | null;
  readonly secure: boolean;
  /** The body as it comes; read once. */
  readonly body: Readable;
  /** Whether the requester can still be answered. */
  open(): boolean;
  reply(status: number, headers: Record<string, string>, body?: string): void;
  /** Sends the head of an answer that comes in pieces. */
  begin(headers: Record<string, string>): void;
  /** False: more waits to be sent than a reader that reads would leave. */
  write(text: string): boolean;
  end(): void;
  /** Cuts the exchange off. */
  abort(): void;
  /** Called once, when the exchange is over, answered or not. */
  onClose(listener: () => void): void;
}

/** What may wait in the buffer of one stream before its reader counts as stuck, bytes. */
export const STUCK = 1_048_576;

/** Why a body was not read, as an HTTP status. */
export class BodyRefused extends Error {
  override readonly name = 'BodyRefused';
  readonly status: 400 | 408 | 413;

  constructor(status: 400 | 408 | 413, message: string) {
    super(message);
    this.status = status;
  }
}

/** The body as text, at most `limit` bytes within `withinMs`. @throws BodyRefused */
export function readBody(exchange: Exchange, clock: Clock, limit: number, withinMs: number): Promise<string> {
  const said = Number(exchange.headers['content-length']);
  if (said > limit) return Promise.reject(new BodyRefused(413, 'the body is too large'));
  return new Promise((resolve, reject) => {
    const { body } = exchange;
    const chunks: Buffer[] = [];
    let size = 0;
    const stop = (error: BodyRefused | null) => {
      clock.clearTimeout(timer);
      body.off('data', take);
      body.off('end', finish);
      body.off('close', gone);
      if (error === null) return resolve(Buffer.concat(chunks).toString('utf8'));
      body.pause();
      reject(error);
    };
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) stop(new BodyRefused(413, 'the body is too large'));
      else chunks.push(chunk);
    };
    const finish = () => stop(null);
    const gone = () => stop(new BodyRefused(400, 'the body ended early'));
    const timer = clock.setTimeout(
      () => stop(new BodyRefused(408, 'the body did not come in time')),
      withinMs,
    );
    body.on('data', take);
    body.on('end', finish);
    body.on('close', gone);
  });
}

/** An exchange of HTTP/1.1 or HTTP/2 of Node. */
export function nodeExchange(
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
  secure: boolean,
): Exchange {
  const http2 = request.httpVersionMajor >= 2;
  const out = response as ServerResponse;
  // A reader that goes away in the middle is no fault of ours.
  out.on('error', () => {});
  return {
    method: request.method ?? '',
    path: pathOf(request.url),
    headers: request.headers,
    authority: authorityOf(request.headers),
    secure,
    body: request,
    open: () => !out.destroyed && !out.writableEnded,
    reply(status, headers, body = '') {
      if (out.headersSent || out.destroyed) return;
      // What is left of an unread body would be taken for the next request.
      const leave = !http2 && !request.complete ? { connection: 'close' } : {};
      const length = String(Buffer.byteLength(body));
      out.writeHead(status, { ...headers, 'content-length': length, ...leave });
      // RFC 9113 8.1: who has answered early need not hear the rest.
      if (http2 && !request.complete) {
        const { stream } = response as Http2ServerResponse;
        out.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR));
      }
      out.end(body);
    },
    begin(headers) {
      out.writeHead(200, headers);
      out.flushHeaders();
    },
    write: (text) => out.write(text) || out.writableLength < STUCK,
    end: () => void out.end(),
    abort: () => void out.destroy(),
    onClose: (listener) => void out.once('close', listener),
  };
}

export function pathOf(target: string | undefined): string {
  const path = target ?? '/';
  const query = path.indexOf('?');
  return query === -1 ? path : path.slice(0, query);
}

/** RFC 9113 8.3.1: `Host` and `:authority`, where both are there, say the same. */
export function authorityOf(headers: IncomingHttpHeaders): string | null {
  const pseudo = headers[':authority'];
  const { host } = headers;
  if (typeof pseudo !== 'string') return host ?? null;
  return host === undefined || host === pseudo ? pseudo : null;
}
