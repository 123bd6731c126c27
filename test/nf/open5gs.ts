import { createServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';

interface Stored {
  profile: Record<string, unknown>;
}

/**
 * An NRF that behaves as Open5GS was seen to: a path alone as Location of a profile, a PATCH of the load
 * that is answered 204 and changes nothing, no NF_PROFILE_CHANGED, no access tokens, and now and then an
 * answer that never comes.
 */
export async function openNrf(options: { dropEvery?: number } = {}) {
  const { dropEvery = 0 } = options;
  const profiles = new Map<string, Stored>();
  const seen: string[] = [];
  const sessions = new Set<ServerHttp2Session>();
  let most = 0;
  let open = 0;
  let asked = 0;
  const server = createServer();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => undefined);
  });
  server.on('stream', (stream, headers) => {
    open += 1;
    most = Math.max(most, open);
    stream.on('close', () => {
      open -= 1;
    });
    stream.on('error', () => undefined);
    let text = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      text += chunk;
    });
    stream.on('end', () => {
      const method = String(headers[':method']);
      const path = String(headers[':path']);
      seen.push(`${method} ${path.split('?')[0]}`);
      asked += 1;
      if (dropEvery > 0 && method === 'GET' && asked % dropEvery === 0) {
        stream.close();
        return;
      }
      const { status, body, location } = answer(method, path, text === '' ? null : JSON.parse(text));
      stream.respond(
        {
          ':status': status,
          ...(location !== undefined && { location }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        { endStream: body === undefined },
      );
      if (body !== undefined) stream.end(JSON.stringify(body));
    });
  });

  function answer(
    method: string,
    path: string,
    body: unknown,
  ): { status: number; body?: unknown; location?: string } {
    const url = new URL(path, 'http://nrf');
    const id = /^\/nnrf-nfm\/v1\/nf-instances\/(.+)$/.exec(url.pathname)?.[1];
    const missing = { status: 404, body: { status: 404, title: 'Not Found', detail: url.pathname } };
    if (url.pathname === '/nnrf-disc/v1/nf-instances') {
      const wanted = url.searchParams.get('target-nf-type');
      const nfInstances = [...profiles.values()]
        .map((one) => one.profile)
        .filter((one) => one.nfType === wanted);
      return { status: 200, body: { validityPeriod: 30, nfInstances } };
    }
    if (url.pathname === '/nnrf-nfm/v1/nf-instances') {
      const item = [...profiles.keys()].map((one) => ({
        href: `${address}/nnrf-nfm/v1/nf-instances/${one}`,
      }));
      return { status: 200, body: { _links: { item, self: { href: address } } } };
    }
    if (url.pathname.startsWith('/nnrf-nfm/v1/subscriptions')) {
      if (method === 'DELETE') return { status: 204 };
      const subscriptionId = 'b1';
      const location = `${address}/nnrf-nfm/v1/subscriptions/${subscriptionId}`;
      return { status: 201, body: { ...(body as object), subscriptionId }, location };
    }
    if (id === undefined) return { status: 400, body: { status: 400 } };
    if (method === 'PUT') {
      const fresh = !profiles.has(id);
      const profile = { heartBeatTimer: 10, ...(body as Record<string, unknown>) };
      profiles.set(id, { profile });
      return { status: fresh ? 201 : 200, body: profile, ...(fresh && { location: url.pathname }) };
    }
    const stored = profiles.get(id);
    if (stored === undefined) return missing;
    if (method === 'PATCH') return { status: 204 };
    if (method === 'DELETE') {
      profiles.delete(id);
      return { status: 204 };
    }
    return { status: 200, body: stored.profile };
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: address,
    profiles,
    seen,
    /** Most streams at once. */
    most: () => most,
    /** Forgets everybody, as after a restart. */
    forget: () => profiles.clear(),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const session of sessions) session.destroy();
      }),
  };
}
