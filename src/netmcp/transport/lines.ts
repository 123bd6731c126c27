import type { Readable, Writable } from 'node:stream';
import { ReadBuffer, serializeMessage } from '@modelcontextprotocol/sdk/shared/stdio.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { Clock } from '../../../machines/ports.ts';
import { STUCK } from './exchange.ts';

export interface LineOptions {
  clock: Clock;
  input: Readable;
  output: Writable;
  /** Bytes of one message. */
  maxLine: number;
  /** ms within which a message that was begun is whole. */
  lineMs: number;
  /** Releases what carries the two streams. */
  release(): void;
}

/**
 * Newline-delimited JSON-RPC over a pair of byte streams: MCP's stdio framing, and NetMCP 9 for one
 * bidirectional stream of QUIC. Whatever ends either stream ends the transport.
 */
export function createLineTransport(options: LineOptions): Transport {
  const { clock, input, output } = options;
  const buffer = new ReadBuffer({ maxBufferSize: options.maxLine });
  let whole: unknown;
  let closed = false;
  let reading = false;

  function end(error?: Error): void {
    if (closed) return;
    closed = true;
    clock.clearTimeout(whole);
    input.off('data', take);
    if (error !== undefined) transport.onerror?.(error);
    options.release();
    transport.onclose?.();
  }

  function take(chunk: Buffer): void {
    try {
      buffer.append(chunk);
    } catch {
      end(new Error('a message is longer than the limit'));
      return;
    }
    if (chunk.includes(NEWLINE)) {
      clock.clearTimeout(whole);
      whole = undefined;
      void read();
    }
    // What was begun must end: a peer that sends a byte now and then holds nothing.
    if (!closed && whole === undefined && chunk.at(-1) !== NEWLINE) {
      whole = clock.setTimeout(() => end(new Error('a message did not come whole in time')), options.lineMs);
    }
  }

  /** One message at a time, see `paced`. */
  async function read(): Promise<void> {
    if (reading) return;
    reading = true;
    while (!closed) {
      try {
        const message = buffer.readMessage();
        if (message === null) break;
        transport.onmessage?.(message);
      } catch {
        transport.onerror?.(new Error('a line is no JSON-RPC message'));
      }
      await null;
    }
    reading = false;
  }

  const transport: Transport = {
    async start() {
      input.on('data', take);
      for (const stream of new Set([input, output])) {
        stream.on('error', (error: Error) => end(error));
        stream.on('close', () => end());
      }
      input.on('end', () => end());
    },
    async send(message) {
      if (closed) throw new Error('the connection is closed');
      output.write(serializeMessage(message));
      if (output.writableLength > STUCK) end(new Error('the peer does not read'));
    },
    async close() {
      end();
    },
  };
  return transport;
}

const NEWLINE = 10;

/**
 * The SDK handles a notification a moment after it has it, but an answer at once: without a breath in
 * between, the progress of a call that comes together with its answer would come too late.
 */
export function paced(inner: Transport): Transport {
  let last: Promise<unknown> = Promise.resolve();
  const outer: Transport = {
    start: () => inner.start(),
    send: (message, options) => inner.send(message, options),
    close: () => inner.close(),
  };
  inner.onmessage = (message, extra) => {
    last = last.then(() => outer.onmessage?.(message, extra)).then(() => null);
  };
  inner.onerror = (error) => outer.onerror?.(error);
  inner.onclose = () => void last.then(() => outer.onclose?.());
  return outer;
}
