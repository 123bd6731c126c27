/** A client of Streamable HTTP that does nothing by itself, to see each byte of the protocol. */
export interface RawEvent {
  id: string | null;
  retry: string | null;
  data: string;
}

export async function* events(response: Response): AsyncGenerator<RawEvent> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      const field = (name: string) =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? null;
      yield { id: field('id'), retry: field('retry'), data: field('data') ?? '' };
    }
  }
}

/** All that a stream brings until it ends. */
export async function all(stream: AsyncIterable<RawEvent>): Promise<RawEvent[]> {
  const heard: RawEvent[] = [];
  for await (const event of stream) heard.push(event);
  return heard;
}

export interface RawSession {
  post(message: object, signal?: AbortSignal): Promise<Response>;
  get(lastEventId?: string, signal?: AbortSignal): Promise<Response>;
  drop(): Promise<Response>;
}

/** Opens a session by hand. */
export async function rawSession(url: string, version = '2025-11-25'): Promise<RawSession> {
  const base = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const opened = await fetch(url, {
    method: 'POST',
    headers: base,
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 'init',
      method: 'initialize',
      params: { protocolVersion: version, capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
    }),
  });
  await opened.text();
  const headers = {
    ...base,
    'mcp-session-id': opened.headers.get('mcp-session-id') ?? '',
    'mcp-protocol-version': version,
  };
  const post = (message: object, signal?: AbortSignal) =>
    fetch(url, {
      method: 'POST',
      headers,
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
      ...(signal && { signal }),
    });
  await post({ method: 'notifications/initialized' });
  return {
    post,
    get: (lastEventId, signal) =>
      fetch(url, {
        headers: { ...headers, ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) },
        ...(signal && { signal }),
      }),
    drop: () => fetch(url, { method: 'DELETE', headers }),
  };
}
