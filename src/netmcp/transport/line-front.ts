import type { Readable, Writable } from 'node:stream';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { Env } from '../../../machines/ports.ts';
import type { Protection } from '../auth/resource.ts';
import { ERROR_FORBIDDEN, ERROR_LIMIT, EXTENSION } from '../schema/index.ts';
import { type McpPeer, type ServerSide, serveSession } from '../session/server-session.ts';
import { type FrontLimits, ownerOf } from './front.ts';
import { createLineTransport } from './lines.ts';

/** A pair of byte streams that carries one session. */
export interface Line {
  input: Readable;
  output: Writable;
  release(): void;
}

/** MCP as lines of JSON: one session a line, of QUIC or of a child program. */
export interface LineFront {
  serve(line: Line): void;
  peers(): McpPeer[];
  close(): Promise<void>;
}

/** Requests of one session whose answers are outstanding. */
const MAX_CALLS = 256;

export function createLineFront(options: {
  env: Env;
  side: ServerSide;
  /** What messages are held to; undefined: everybody is served. */
  protection(): Protection | undefined;
  limits: FrontLimits;
  /** ms within which a new line must have said `initialize`; none for the parent of a child program. */
  headMs: number | null;
}): LineFront {
  const { env, side, limits } = options;
  const open = new Map<Transport, McpPeer | null>();

  async function start(line: Line): Promise<void> {
    const lines = createLineTransport({
      clock: env.clock,
      input: line.input,
      output: line.output,
      maxLine: limits.maxBody,
      lineMs: limits.bodyMs,
      release: line.release,
    });
    const transport = admit(lines);
    open.set(transport, null);
    const peer = await serveSession({ env, side, transport });
    const ended = transport.onclose;
    transport.onclose = () => {
      open.delete(transport);
      ended?.();
      for (const part of side.parts) part.onClose?.(peer);
    };
    if (open.has(transport)) open.set(transport, peer);
  }

  /** What HTTP has in its head is checked here before a message passes. */
  function admit(lines: Transport): Transport {
    const outstanding = new Set<RequestId>();
    let authorization = '';
    let owner: string | null = null;
    let queue: Promise<void> = Promise.resolve();
    const silent =
      options.headMs === null ? undefined : env.clock.setTimeout(() => void lines.close(), options.headMs);

    const transport: Transport = {
      start: () => lines.start(),
      send(message, sending) {
        if (!('method' in message) && message.id !== undefined) outstanding.delete(message.id);
        return lines.send(message, sending);
      },
      close: () => lines.close(),
    };
    lines.onerror = (error) => transport.onerror?.(error);
    lines.onclose = () => {
      env.clock.clearTimeout(silent);
      transport.onclose?.();
    };
    lines.onmessage = (message) => {
      env.clock.clearTimeout(silent);
      if ('method' in message && 'id' in message) {
        if (outstanding.has(message.id)) return void lines.close();
        if (outstanding.size >= MAX_CALLS) return refuse(message.id, ERROR_LIMIT, 'too many calls in flight');
        outstanding.add(message.id);
      }
      const protection = options.protection();
      if (protection === undefined) return pass(message, undefined);
      queue = queue
        .then(() => authenticated(protection, message))
        .catch((error: unknown) => {
          env.log.error({ error: String(error) }, 'MCP line failed');
          void lines.close();
        });
    };

    /** Each message is checked with the last token that came, so that one that has run out ends here too. */
    async function authenticated(protection: Protection, message: JSONRPCMessage): Promise<void> {
      authorization = tokenOf(message) ?? authorization;
      const known = await protection.authenticate({
        headers: authorization === '' ? {} : { authorization },
      });
      if ('identity' in known && (owner === null || owner === ownerOf(known.identity))) {
        owner = ownerOf(known.identity);
        const { identity } = known;
        return pass(message, {
          token: '',
          clientId: identity.agent,
          scopes: identity.scopes,
          extra: { identity },
        });
      }
      if (!('method' in message) || !('id' in message)) return;
      outstanding.delete(message.id);
      const data = 'identity' in known ? {} : { status: known.status, challenge: known.challenge };
      refuse(
        message.id,
        ERROR_FORBIDDEN,
        'identity' in known ? 'the session belongs to another agent' : known.message,
        data,
      );
    }

    function refuse(id: RequestId, code: number, message: string, data: object = {}): void {
      lines.send({ jsonrpc: '2.0', id, error: { code, message, data } }).catch(() => lines.close());
    }

    function pass(message: JSONRPCMessage, auth: AuthInfo | undefined): void {
      transport.onmessage?.(message, auth && { authInfo: auth });
      if (!('method' in message) || message.method !== 'notifications/initialized') return;
      // A line carries notifications from the handshake on.
      const peer = open.get(transport);
      if (peer) for (const part of side.parts) part.onStream?.(peer);
    }
    return transport;
  }

  return {
    serve(line) {
      if (open.size >= limits.maxSessions) {
        env.log.warn({ sessions: open.size }, 'a line was refused: too many sessions');
        return line.release();
      }
      start(line).catch((error: unknown) => {
        env.log.error({ error: String(error) }, 'MCP line failed');
        line.release();
      });
    },
    peers: () => [...open.values()].filter((peer) => peer !== null),
    async close() {
      await Promise.all([...open.keys()].map((transport) => transport.close()));
    },
  };
}

/** `_meta` of a message may carry what the head of an HTTP request would. */
function tokenOf(message: JSONRPCMessage): string | undefined {
  if (!('method' in message)) return undefined;
  const meta = message.params?._meta?.[EXTENSION];
  const token =
    typeof meta === 'object' && meta !== null && 'authorization' in meta ? meta.authorization : undefined;
  return typeof token === 'string' && token.length <= 8_192 ? token : undefined;
}
