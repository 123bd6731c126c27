import { SSE_HEADERS } from '@a2a-js/sdk';
import type { Request, Response } from 'express';
import type { Clock } from '../../machines/ports.ts';

/** Bytes that a client may be behind: what it would read next is kept here in memory. */
const MOST_BEHIND = 1024 * 1024;
/** A sign of life, ms: clients and proxies take silence for death. */
const BEAT_MS = 15_000;

/**
 * Records to a client as they come: server-sent events where it accepts those, else JSON lines with an empty line
 * as the sign of life. A client that does not read is cut off.
 */
export class EventStream {
  readonly #response: Response;
  readonly #clock: Clock;
  readonly #slowReaderMs: number;
  readonly #sse: boolean;
  readonly #stops: Array<() => void> = [];
  #beat: unknown;
  #patience: unknown;
  #open = true;

  constructor(
    request: Request,
    response: Response,
    { clock, slowReaderMs }: { clock: Clock; slowReaderMs: number },
  ) {
    this.#response = response;
    this.#clock = clock;
    this.#slowReaderMs = slowReaderMs;
    this.#sse = /\btext\/event-stream\b/.test(request.headers.accept ?? '');
    response.status(200).set({
      ...(this.#sse ? SSE_HEADERS : { 'Content-Type': 'application/jsonl; charset=utf-8' }),
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    });
    response.flushHeaders();
    response.on('drain', () => this.#read());
    response.once('close', () => this.#closed());
    this.#beatSoon();
  }

  /** Called once, when nobody listens any more. */
  onClose(stop: () => void): void {
    if (this.#open) this.#stops.push(stop);
    else stop();
  }

  send(record: object & { type: string }): void {
    const data = JSON.stringify(record);
    this.#write(
      this.#sse ? `${record.type === 'result' ? 'event: result\n' : ''}data: ${data}\n\n` : `${data}\n`,
    );
  }

  end(): void {
    this.#open = false;
    this.#response.end();
  }

  #write(text: string): void {
    if (!this.#open) return;
    this.#response.write(text);
    if (this.#response.writableLength > MOST_BEHIND) this.#cut();
    else if (this.#response.writableNeedDrain && this.#patience === undefined) {
      this.#patience = this.#clock.setTimeout(() => this.#cut(), this.#slowReaderMs);
    }
  }

  #cut(): void {
    this.#open = false;
    this.#response.destroy();
  }

  #read(): void {
    this.#clock.clearTimeout(this.#patience);
    this.#patience = undefined;
  }

  #beatSoon(): void {
    this.#beat = this.#clock.setTimeout(() => {
      this.#write(this.#sse ? ':\n\n' : '\n');
      if (this.#open) this.#beatSoon();
    }, BEAT_MS);
  }

  #closed(): void {
    this.#open = false;
    this.#read();
    this.#clock.clearTimeout(this.#beat);
    for (const stop of this.#stops.splice(0)) stop();
  }
}
