import { Agent, fetch as undiciFetch } from 'undici';
import { z } from 'zod';

export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

export interface HttpPool {
  fetch: Fetch;
  close(): Promise<void>;
}

const messageSchema = z.object({
  id: z.union([z.string(), z.number()]).optional(),
  method: z.string().optional(),
  params: z.object({ requestId: z.union([z.string(), z.number()]).optional() }).optional(),
});

/**
 * An HTTP client that keeps its connections. A request that is cancelled over JSON-RPC has no answer
 * (MCP 2025-11-25, cancellation), so its pending POST is aborted here: else it would hold a connection.
 */
export function createHttpPool(connections = 32): HttpPool {
  const agent = new Agent({
    connections,
    pipelining: 1,
    keepAliveTimeout: 30_000,
    // The deadline of a call is its requester's; a server stream has none.
    headersTimeout: 0,
    bodyTimeout: 0,
    connectTimeout: 5_000,
  });
  const pending = new Map<string, AbortController>();

  const fetch: Fetch = async (url, init) => {
    const session = new Headers(init?.headers).get('mcp-session-id') ?? '';
    const message = typeof init?.body === 'string' ? readMessage(init.body) : null;
    if (message?.method === 'notifications/cancelled' && message.params?.requestId !== undefined) {
      pending.get(`${session}\n${message.params.requestId}`)?.abort(new Error('cancelled'));
    }
    const options = { ...init, dispatcher: agent } as Parameters<typeof undiciFetch>[1];
    if (message?.method === undefined || message.id === undefined) {
      return (await undiciFetch(url, options)) as unknown as Response;
    }
    const key = `${session}\n${message.id}`;
    const controller = new AbortController();
    const outer = init?.signal;
    const forward = () => controller.abort(outer?.reason);
    if (outer?.aborted) forward();
    outer?.addEventListener('abort', forward, { once: true });
    pending.set(key, controller);
    try {
      return (await undiciFetch(url, { ...options, signal: controller.signal })) as unknown as Response;
    } finally {
      pending.delete(key);
      outer?.removeEventListener('abort', forward);
    }
  };
  return { fetch, close: () => agent.destroy() };
}

/** Only the head of a message matters, and a message of ours begins with its method. */
function readMessage(body: string): z.infer<typeof messageSchema> | null {
  const read = messageSchema.safeParse(JSON.parse(body));
  return read.success ? read.data : null;
}
