import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';

export interface Seen {
  method: string;
  path: string;
  body: unknown;
}

/** NRF and all NFs of a network in one h2c server, with the answers that the tools expect. */
export async function fakeNetwork(
  /** null: the NF has heard it and never answers. */
  answer: (request: Seen) => { status: number; body?: unknown; location?: string } | null,
  knows = true,
) {
  const seen: Seen[] = [];
  /** Of every request, those for discovery too. */
  const headersSeen: object[] = [];
  const server: Http2Server = createServer();
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => session.destroy());
  });
  server.on('stream', (stream, headers) => {
    headersSeen.push({ ...headers });
    // A client that is killed resets what it had open.
    stream.on('error', () => undefined);
    let text = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      text += chunk;
    });
    stream.on('end', () => {
      const path = String(headers[':path']);
      const request = {
        method: String(headers[':method']),
        path,
        body: text === '' ? null : JSON.parse(text),
      };
      const discovery = path.startsWith('/nnrf-disc/');
      if (!discovery) seen.push(request);
      const { port } = server.address() as AddressInfo;
      const profile = {
        nfInstanceId: '00000000-0000-4000-8000-00000000000a',
        nfServices: [
          { serviceName: 'test', scheme: 'http', ipEndPoints: [{ ipv4Address: '127.0.0.1', port }] },
        ],
      };
      const given = discovery
        ? { status: 200, body: { validityPeriod: 60, nfInstances: knows ? [profile] : [] } }
        : answer(request);
      if (given === null) return;
      stream.respond({
        ':status': given.status,
        'content-type': given.status >= 400 ? 'application/problem+json' : 'application/json',
        ...(given.location && { location: given.location }),
      });
      stream.end(given.body === undefined ? '' : JSON.stringify(given.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  return {
    nrf: `http://127.0.0.1:${port}`,
    seen,
    headers: headersSeen,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const session of sessions) session.destroy();
      }),
  };
}
