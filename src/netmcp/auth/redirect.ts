import { createServer } from 'node:http';
import { listen } from '../session/listen.ts';

/** Where a browser comes back to, on loopback (RFC 8252 7.3). */
export interface RedirectReceiver {
  redirectUri: string;
  /** The address that the browser came back with. */
  received(signal: AbortSignal): Promise<string>;
  close(): Promise<void>;
}

const PAGE =
  '<!doctype html><html lang="en"><title>netagent</title><p>You may close this window and go back to the program.</p></html>';

export async function receiveRedirect(): Promise<RedirectReceiver> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const http = createServer((request, response) => {
    const { pathname, search } = new URL(request.url ?? '/', 'http://127.0.0.1');
    response.setHeader('connection', 'close');
    if (request.method !== 'GET' || pathname !== '/callback') return void response.writeHead(404).end();
    response
      .writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': "default-src 'none'",
      })
      .end(PAGE);
    resolve(`${redirectUri}${search}`);
  });
  const redirectUri = `http://127.0.0.1:${await listen(http, '127.0.0.1', 0)}/callback`;
  return {
    redirectUri,
    received: (signal) =>
      new Promise((done, reject) => {
        const stop = () => reject(signal.reason);
        if (signal.aborted) return stop();
        signal.addEventListener('abort', stop, { once: true });
        void promise.then((address) => {
          signal.removeEventListener('abort', stop);
          done(address);
        });
      }),
    close: () =>
      new Promise<void>((done) => {
        http.close(() => done());
        http.closeAllConnections();
      }),
  };
}
