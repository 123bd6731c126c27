import { randomUUID } from 'node:crypto';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport, TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { Fetch } from '../session/keep-alive.ts';

/** How the stream of an answer is taken up again; `maxRetries` tries in a row, then the request is lost. */
export const RECONNECTION = {
  initialReconnectionDelay: 1_000,
  maxReconnectionDelay: 30_000,
  reconnectionDelayGrowFactor: 1.5,
  maxRetries: 2,
};

const CONNECTION_CLOSED = -32000;

/** A request that waits for its response. */
interface Waiting {
  /** The last event id of its stream: from there the stream can be resumed. */
  token: string | null;
  /** Tries in a row to resume that failed. */
  failed: number;
}

/**
 * Streamable HTTP that fails a request whose event stream ended, and cannot be resumed, with -32000: the
 * SDK's transport lets it wait for its timeout. A stream that gave an event id is resumed (MCP 2025-11-25,
 * resumability and redelivery); the request fails when that was tried in vain as often as it is.
 */
export function streamableTransport(
  url: URL,
  fetch: Fetch,
): Transport & { terminateSession(): Promise<void> } {
  const waiting = new Map<RequestId, Waiting>();
  const mark = randomUUID();
  const inner = new StreamableHTTPClientTransport(url, {
    fetch: watched,
    reconnectionOptions: RECONNECTION,
  });

  const lost = (id: RequestId, problem: string): JSONRPCMessage => ({
    jsonrpc: '2.0',
    id,
    error: { code: CONNECTION_CLOSED, message: problem, data: { mark } },
  });
  const lose = (id: RequestId, problem: string) => {
    if (waiting.delete(id)) outer.onmessage?.(lost(id, problem));
  };

  async function watched(address: string | URL, init?: RequestInit): Promise<Response> {
    if (init?.method === 'POST') return answered(await fetch(address, init), init);
    const resumed = init?.method === 'GET' ? new Headers(init.headers).get('last-event-id') : null;
    const [id, request] = [...waiting].find(([, { token }]) => resumed !== null && token === resumed) ?? [];
    if (id === undefined || request === undefined) return fetch(address, init);
    const failed = (problem: string, final: boolean) => {
      request.failed += 1;
      if (final || request.failed >= RECONNECTION.maxRetries)
        lose(id, `the stream of the answer could not be resumed: ${problem}`);
    };
    try {
      const response = await fetch(address, init);
      // The SDK takes 405 for a server without streams of its own, and does not try again.
      if (!response.ok || response.body === null) failed(`HTTP ${response.status}`, response.status === 405);
      else {
        request.failed = 0;
        // Without an id on it the SDK would open another stream in place of this one, should it be cut again.
        return piped(response, response.body, `id: ${resumed}\nevent: resumed\ndata: -\n\n`);
      }
      return response;
    } catch (error) {
      failed(error instanceof Error ? error.message : String(error), false);
      throw error;
    }
  }

  /** A word is added to the end of a stream: when it is read, all that came before it was. */
  function answered(response: Response, { body }: RequestInit): Response {
    const type = response.headers.get('content-type') ?? '';
    if (!type.startsWith('text/event-stream') || response.body === null) return response;
    const { id } = JSON.parse(String(body)) as { id?: RequestId };
    if (id === undefined) return response;
    return piped(response, response.body, '', (problem) => {
      // An event that was cut off does not count (HTML, server-sent events 9.2.6): it gets another name.
      const unfinished = '\nid:\nevent: cut\ndata: -\n\n';
      return `${unfinished}data: ${JSON.stringify(lost(id, problem))}\n\n`;
    });
  }

  const outer: Transport & { terminateSession(): Promise<void>; protocolVersion: string | undefined } = {
    start: () => inner.start(),
    close: () => inner.close(),
    terminateSession: () => inner.terminateSession(),
    setProtocolVersion: (version) => inner.setProtocolVersion(version),
    get sessionId() {
      return inner.sessionId as string;
    },
    get protocolVersion() {
      return inner.protocolVersion;
    },
    async send(message, options) {
      if (!('method' in message) || !('id' in message)) return inner.send(message, options);
      const request: Waiting = { token: null, failed: 0 };
      waiting.set(message.id, request);
      const asked: TransportSendOptions = {
        ...options,
        onresumptiontoken(token) {
          request.token = token;
          options?.onresumptiontoken?.(token);
        },
      };
      try {
        return await inner.send(message, asked);
      } catch (error) {
        waiting.delete(message.id);
        throw error;
      }
    },
  };
  inner.onmessage = (message, extra?: unknown) => {
    if (!('method' in message) && message.id !== undefined) {
      const ended =
        'error' in message && (message.error.data as { mark?: unknown } | undefined)?.mark === mark;
      const request = waiting.get(message.id);
      if (ended && request?.token !== null) return;
      waiting.delete(message.id);
    }
    outer.onmessage?.(message, extra as never);
  };
  inner.onerror = (error) => outer.onerror?.(error);
  inner.onclose = () => outer.onclose?.();
  return outer;
}

/** The same response with words before its body and after its end, also where the end is an error. */
function piped(
  response: Response,
  body: ReadableStream<Uint8Array>,
  before: string,
  after: (problem: string) => string = () => '',
): Response {
  const encoder = new TextEncoder();
  const reader = body.getReader();
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      if (before !== '') controller.enqueue(encoder.encode(before));
    },
    async pull(controller) {
      const end = (problem: string) => {
        const words = after(problem);
        if (words !== '') controller.enqueue(encoder.encode(words));
      };
      try {
        const { value, done } = await reader.read();
        if (!done) return controller.enqueue(value);
        end('the stream of the answer ended without it');
        controller.close();
      } catch (error) {
        end(`the stream of the answer was cut: ${error instanceof Error ? error.message : String(error)}`);
        controller.close();
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
  const { status, statusText, headers } = response;
  return new Response(stream, { status, statusText, headers });
}
