import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { Transport, TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, MessageExtraInfo, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { Env } from '../../../machines/ports.ts';
import { createEventLog, type EventLimits } from './event-log.ts';
import type { Exchange } from './exchange.ts';

/** The first revision whose clients take an event without data (MCP 2025-11-25, transports). */
const RESUMABLE_SINCE = '2025-11-25';
/** The stream of what belongs to no request. */
const SERVER_STREAM = 's';
/** Calls of one session whose answers are outstanding. */
const MAX_CALLS = 256;

export interface StreamableOptions {
  env: Env;
  sessionId: string;
  events?: EventLimits;
  /** ms after which the answer to a request comes as a stream, so that the wait can be held and resumed. */
  streamAfterMs: number;
  /** ms after which a client comes back to a stream that was closed before its end. */
  retryMs: number;
  keepAliveMs: number;
  /** A stream for what the server has to say begins anew, or has lost something. */
  onStream(): void;
}

/** The messages of one POST. */
export interface Posted {
  messages: JSONRPCMessage[];
  batch: boolean;
}

/** The server's side of one session of Streamable HTTP (MCP 2025-11-25, transports). */
export interface Streamable {
  transport: Transport;
  /** `version` is what the client negotiated, '' if it did not say. */
  post(exchange: Exchange, posted: Posted, auth: AuthInfo | undefined, version: string): void;
  get(exchange: Exchange, version: string): void;
  /** Streams that are open now. */
  streams(): number;
}

/** The answer to one POST: JSON at once, or a stream as soon as there is more to say than the answer. */
interface Call {
  stream: string;
  exchange: Exchange | null;
  streaming: boolean;
  resumable: boolean;
  posted: Posted;
  outstanding: Set<RequestId>;
  answers: JSONRPCMessage[];
  timer: unknown;
}

export function createStreamable(options: StreamableOptions): Streamable {
  const { env, sessionId } = options;
  const { clock } = env;
  const log = createEventLog(clock, options.events);
  const calls = new Map<RequestId, Call>();
  /** Calls whose stream the client may come back to. */
  const streams = new Map<string, Call>();
  const open = new Set<Exchange>();
  let server: Exchange | null = null;
  /** Number of the last event of the server's stream that was put on a connection. */
  let told = 0;
  let posts = 0;
  let closed = false;
  let keepAlive: unknown;

  const head = { 'mcp-session-id': sessionId };
  const json = { ...head, 'content-type': 'application/json' };
  const SSE = {
    ...head,
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  };

  function beat(): void {
    keepAlive = clock.setTimeout(() => {
      for (const exchange of open) push(exchange, ': \n\n');
      if (open.size > 0) beat();
      else keepAlive = undefined;
    }, options.keepAliveMs);
  }

  function begin(exchange: Exchange): void {
    exchange.begin(SSE);
    open.add(exchange);
    exchange.onClose(() => open.delete(exchange));
    if (keepAlive === undefined) beat();
  }

  /** A reader that does not read is cut off; it comes back with the id of the last event that it has. */
  function push(exchange: Exchange, text: string): void {
    if (!exchange.open() || exchange.write(text)) return;
    env.log.warn({ sessionId }, 'a stream whose client does not read was cut off');
    exchange.abort();
  }

  const eventOf = (id: string, data: string) => `id: ${id}\nevent: message\ndata: ${data}\n\n`;
  /** An event without data, from whose id on a client can resume. */
  const primer = (id: string) => `id: ${id}\nretry: ${options.retryMs}\ndata: \n\n`;

  function stream(call: Call): void {
    if (call.streaming) return;
    call.streaming = true;
    clock.clearTimeout(call.timer);
    const { exchange } = call;
    if (call.resumable) streams.set(call.stream, call);
    const id = call.resumable ? log.open(call.stream) : '';
    if (exchange === null || !exchange.open()) return;
    begin(exchange);
    if (call.resumable) push(exchange, primer(id));
  }

  function tell(call: Call, message: JSONRPCMessage): void {
    const data = JSON.stringify(message);
    const id = call.resumable ? log.append(call.stream, data) : '';
    if (call.exchange === null) return;
    push(call.exchange, call.resumable ? eventOf(id, data) : `event: message\ndata: ${data}\n\n`);
  }

  function answer(id: RequestId, call: Call, message: JSONRPCMessage): void {
    calls.delete(id);
    call.outstanding.delete(id);
    if (call.streaming) tell(call, message);
    else call.answers.push(message);
    if (call.outstanding.size > 0) return;
    clock.clearTimeout(call.timer);
    if (call.streaming) {
      if (call.exchange?.open()) call.exchange.end();
      streams.delete(call.stream);
      log.finish(call.stream);
    } else if (call.exchange?.open()) {
      const [first] = call.answers;
      const body = JSON.stringify(call.posted.batch ? call.answers : first);
      call.exchange.reply(200, json, body);
    } else {
      env.log.debug({ sessionId }, 'an answer had nobody left to read it');
    }
  }

  /** The server closes the stream of a call and the client polls for the rest (SEP-1699). */
  function closeCall(id: RequestId): void {
    const call = calls.get(id);
    if (call === undefined || !call.resumable) return;
    stream(call);
    if (call.exchange?.open()) call.exchange.end();
    call.exchange = null;
  }

  async function send(message: JSONRPCMessage, sending?: TransportSendOptions): Promise<void> {
    if (closed) throw new Error('the session has ended');
    const answers = !('method' in message);
    const related = answers ? (message as { id?: RequestId }).id : sending?.relatedRequestId;
    if (related !== undefined) {
      const call = calls.get(related);
      if (call === undefined) throw new Error('nobody waits for this message');
      if (answers) return answer(related, call, message);
      stream(call);
      return tell(call, message);
    }
    const data = JSON.stringify(message);
    const id = log.append(SERVER_STREAM, data);
    if (server === null || !server.open()) return;
    told = log.last(SERVER_STREAM);
    push(server, eventOf(id, data));
  }

  function replay(exchange: Exchange, id: string): void {
    const missed = log.after(id);
    if (missed === null) {
      exchange.reply(400, json, refusal('the event is not known, or was too long ago'));
      return;
    }
    begin(exchange);
    if (missed.gap) env.log.warn({ sessionId, id }, 'a client came back too late for all that it missed');
    for (const event of missed.events) push(exchange, eventOf(event.id, event.data));
    const call = streams.get(missed.stream);
    if (missed.stream === SERVER_STREAM) attach(exchange, missed.gap);
    else if (call === undefined) exchange.end();
    else {
      // The newest connection has the stream; one before it that seems open is dead.
      if (call.exchange !== null && call.exchange !== exchange) call.exchange.end();
      call.exchange = exchange;
    }
  }

  function attach(exchange: Exchange, fresh: boolean): void {
    server?.end();
    server = exchange;
    told = log.last(SERVER_STREAM);
    exchange.onClose(() => {
      if (server === exchange) server = null;
    });
    if (fresh) queueMicrotask(options.onStream);
  }

  const transport: Transport = {
    sessionId,
    start: async () => {},
    send,
    async close() {
      if (closed) return;
      closed = true;
      clock.clearTimeout(keepAlive);
      for (const call of calls.values()) {
        clock.clearTimeout(call.timer);
        // Not 404: that says that nobody looked at the call, and the client would send it elsewhere.
        if (!call.streaming && call.exchange?.open()) call.exchange.abort();
      }
      for (const exchange of open) exchange.end();
      calls.clear();
      streams.clear();
      transport.onclose?.();
    },
  };

  return {
    transport,
    post(exchange, posted, auth, version) {
      const { messages } = posted;
      const requests = messages.filter((message) => 'method' in message && 'id' in message) as Array<
        JSONRPCMessage & { id: RequestId; params?: { _meta?: { progressToken?: unknown } } }
      >;
      if (calls.size + requests.length > MAX_CALLS) {
        return exchange.reply(503, { ...json, 'retry-after': '1' }, refusal('too many calls in flight'));
      }
      const ids = new Set(requests.map(({ id }) => id));
      if (ids.size < requests.length || requests.some(({ id }) => calls.has(id))) {
        return exchange.reply(400, json, refusal('a request id is in use'));
      }
      posts += 1;
      const call: Call = {
        stream: `c${posts}`,
        exchange,
        streaming: false,
        resumable: version >= RESUMABLE_SINCE,
        posted,
        outstanding: ids,
        answers: [],
        timer: undefined,
      };
      for (const id of ids) calls.set(id, call);
      if (requests.length === 0) exchange.reply(202, head);
      else if (requests.some(({ params }) => params?._meta?.progressToken !== undefined)) stream(call);
      else call.timer = clock.setTimeout(() => stream(call), options.streamAfterMs);
      for (const message of messages) {
        const extra: MessageExtraInfo = {
          ...(auth && { authInfo: auth }),
          requestInfo: { headers: exchange.headers },
        };
        if (call.resumable && 'id' in message && 'method' in message) {
          extra.closeSSEStream = () => closeCall(message.id);
          extra.closeStandaloneSSEStream = () => server?.end();
        }
        transport.onmessage?.(message, extra);
      }
    },
    get(exchange, version) {
      const last = exchange.headers['last-event-id'];
      if (typeof last === 'string' && last !== '') return replay(exchange, last);
      if (server?.open()) {
        return exchange.reply(409, json, refusal('the session has a stream already'));
      }
      begin(exchange);
      const from = log.open(SERVER_STREAM, told);
      if (version >= RESUMABLE_SINCE) push(exchange, primer(from));
      // What nobody was there to hear is told now; what was sent and got lost comes back by its id alone.
      const missed = log.from(SERVER_STREAM, told + 1);
      for (const event of missed.events) push(exchange, eventOf(event.id, event.data));
      attach(exchange, true);
    },
    streams: () => open.size,
  };
}

/** The body of an HTTP refusal. */
export function refusal(message: string, code = -32000): string {
  return JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null });
}
