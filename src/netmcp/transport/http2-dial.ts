import type { IncomingHttpHeaders } from 'node:http';
import { connect as http2Connect } from 'node:http2';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { addressOf, type Trust } from './address.ts';
import type { HttpConnection } from './connection-fetch.ts';

const CONNECT_MS = 5_000;

/**
 * A connection to an origin if it speaks HTTP/2; null if it chose HTTP/1.1 (ALPN, RFC 7301).
 * `fetch` of undici would send one POST at a time over HTTP/2, or repeat it after a loss by itself.
 */
export async function dialHttp2(url: URL, trust: Trust | undefined): Promise<HttpConnection | null> {
  const socket = await secured(url, trust);
  if (socket.alpnProtocol !== 'h2') {
    socket.destroy();
    return null;
  }
  const session = http2Connect(url.origin, { createConnection: () => socket });
  let gone = false;
  session.on('error', () => {});
  for (const event of ['close', 'goaway'] as const) {
    session.on(event, () => {
      gone = true;
    });
  }
  return {
    closed: () => gone || session.closed || session.destroyed,
    request(headers, body, signal) {
      return new Promise((resolve, reject) => {
        const stream = session.request(headers, {
          endStream: body === null,
          ...(signal !== undefined && { signal }),
        });
        stream.on('error', reject);
        stream.on('close', () => reject(new Error('the stream was closed')));
        stream.on('response', (head: IncomingHttpHeaders) => {
          resolve({ status: Number(head[':status']), headers: head, body: stream });
        });
        if (body !== null) stream.end(body);
      });
    },
    async close() {
      session.destroy();
    },
  };
}

function secured(url: URL, trust: Trust | undefined): Promise<TLSSocket> {
  const address = addressOf(url);
  return new Promise((resolve, reject) => {
    const socket = tlsConnect({
      ...address,
      ALPNProtocols: ['h2', 'http/1.1'],
      timeout: CONNECT_MS,
      ...(trust?.ca !== undefined && { ca: trust.ca }),
      ...(trust?.servername !== undefined && { servername: trust.servername }),
    });
    socket.setNoDelay(true);
    socket.once('error', reject);
    socket.once('timeout', () => {
      const error = Object.assign(new Error('the connection was not made in time'), { code: 'ETIMEDOUT' });
      socket.destroy(error);
    });
    socket.once('secureConnect', () => {
      socket.off('error', reject);
      socket.setTimeout(0);
      resolve(socket);
    });
  });
}
