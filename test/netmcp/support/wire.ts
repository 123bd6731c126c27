import { request as http1 } from 'node:http';
import { connect as http2 } from 'node:http2';
import { request as https1 } from 'node:https';
import type { Duplex } from 'node:stream';
import { loadQuic } from '../../../src/netmcp/transport/quic-provider.ts';

/** One raw request over a version of HTTP; `headers` may name `host` or `:authority`. */
export type Ask = (
  url: string,
  request: { method?: string; headers?: Record<string, string>; body?: string },
) => Promise<{ status: number; body: string }>;

const base = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

/** Every version of HTTP as a raw client; `ca` is the certificate of the server. */
export function wires(ca: string): Record<string, Ask> {
  return {
    'HTTP/1.1': (url, request) => ask1(url, request),
    'HTTP/1.1 with TLS': (url, request) => ask1(url, request, ca),
    'HTTP/2': (url, { method = 'POST', headers = {}, body = '' }) =>
      new Promise((resolve, reject) => {
        const session = http2(url, { ca });
        session.on('error', reject);
        const stream = session.request({
          ':method': method,
          ':path': new URL(url).pathname,
          ...base,
          ...headers,
        });
        collect(
          stream,
          body,
          (text, head) => {
            session.close();
            resolve({ status: Number(head[':status']), body: text });
          },
          reject,
        );
      }),
    'HTTP/3': async (url, { method = 'POST', headers = {}, body = '' }) => {
      const { hostname, port, host, pathname } = new URL(url);
      const provider = await loadQuic();
      if (provider === null) throw new Error('no QUIC here');
      const connection = await provider.dialHttp3({
        host: hostname,
        port: Number(port),
        servername: 'localhost',
        ca,
        connectMs: 5_000,
        idleMs: 5_000,
      });
      try {
        const answer = await connection.request(
          {
            ':method': method,
            ':scheme': 'https',
            ':authority': host,
            ':path': pathname,
            ...base,
            ...headers,
          },
          body,
          undefined,
        );
        let text = '';
        for await (const chunk of answer.body) text += String(chunk);
        return { status: answer.status, body: text };
      } finally {
        await connection.close();
      }
    },
  };
}

function ask1(url: string, { method = 'POST', headers = {}, body = '' }: Parameters<Ask>[1], ca?: string) {
  return new Promise<{ status: number; body: string }>((resolve, reject) => {
    const outgoing = (ca === undefined ? http1 : https1)(
      url,
      {
        method,
        headers: { ...base, ...headers },
        agent: false,
        ...(ca !== undefined && { ca, servername: 'localhost' }),
      },
      (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += String(chunk);
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function collect(
  stream: Duplex,
  body: string,
  done: (text: string, headers: Record<string, unknown>) => void,
  failed: (error: Error) => void,
): void {
  let text = '';
  let head: Record<string, unknown> = {};
  stream.on('response', (headers: Record<string, unknown>) => {
    head = headers;
  });
  stream.on('data', (chunk) => {
    text += String(chunk);
  });
  stream.on('error', failed);
  stream.on('end', () => done(text, head));
  stream.end(body);
}
