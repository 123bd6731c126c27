import { type ClientHttp2Session, connect, constants, type OutgoingHttpHeaders } from 'node:http2';
import type { Log } from '../../machines/ports.ts';

/** Streams at once on one connection; more wait in order of arrival. */
const STREAMS = 10;
/** Characters of one answer; what is longer is not read to its end. */
const MOST_ANSWER = 16 * 1024 * 1024;

export interface RawAnswer {
  status: number;
  headers: Record<string, string>;
  text: string;
}

/** `sent`: the peer may have seen the request. */
export class PeerError extends Error {
  override readonly name = 'PeerError';
  readonly sent: boolean;

  constructor(message: string, sent: boolean) {
    super(message);
    this.sent = sent;
  }
}

/** One HTTP/2 connection to a peer, opened anew when it has ended. */
export class Peer {
  readonly #origin: string;
  readonly #log: Log;
  readonly #waiting: Array<() => void> = [];
  #session: ClientHttp2Session | null = null;
  #streams = 0;

  constructor(origin: string, log: Log) {
    this.#origin = origin;
    this.#log = log;
  }

  /** @throws PeerError if no answer came */
  async send(
    headers: OutgoingHttpHeaders,
    body: string | Buffer | undefined,
    signal: AbortSignal,
  ): Promise<RawAnswer> {
    await this.#turn(signal);
    try {
      return await this.#exchange(headers, body, signal).catch((error: unknown) => {
        // A stream that the peer refused was not processed (RFC 9113 8.7): one more try is safe.
        if (error instanceof PeerError && !error.sent && error.message === REFUSED && !signal.aborted) {
          return this.#exchange(headers, body, signal);
        }
        throw error;
      });
    } finally {
      this.#streams -= 1;
      this.#waiting.shift()?.();
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const aborted = () => {
        const at = this.#waiting.indexOf(go);
        if (at >= 0) this.#waiting.splice(at, 1);
        reject(new PeerError('aborted', false));
      };
      const go = () => {
        signal.removeEventListener('abort', aborted);
        this.#streams += 1;
        resolve();
      };
      if (signal.aborted) return aborted();
      if (this.#streams < STREAMS && this.#waiting.length === 0) return go();
      this.#waiting.push(go);
      signal.addEventListener('abort', aborted, { once: true });
    });
  }

  #open(): ClientHttp2Session {
    const open = this.#session;
    if (open !== null && !open.closed && !open.destroyed) return open;
    const session = connect(this.#origin);
    const forget = () => {
      if (this.#session === session) this.#session = null;
    };
    session.on('error', (error) =>
      this.#log.debug({ origin: this.#origin, error: error.message }, 'SBI connection failed'),
    );
    session.on('goaway', forget);
    session.on('close', forget);
    this.#session = session;
    return session;
  }

  #exchange(
    headers: OutgoingHttpHeaders,
    body: string | Buffer | undefined,
    signal: AbortSignal,
  ): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      const session = this.#open();
      const stream = session.request(headers, { endStream: body === undefined });
      const cancel = () => stream.close(constants.NGHTTP2_CANCEL);
      signal.addEventListener('abort', cancel, { once: true });
      const answer: RawAnswer = { status: 0, headers: {}, text: '' };
      let ended = false;
      let failure: NodeJS.ErrnoException | null = null;
      stream.setEncoding('utf8');
      stream.on('response', (got) => {
        answer.status = got[':status'] ?? 0;
        for (const [name, value] of Object.entries(got)) {
          if (value !== undefined && !name.startsWith(':')) answer.headers[name] = String(value);
        }
      });
      stream.on('data', (chunk: string) => {
        answer.text += chunk;
        if (answer.text.length <= MOST_ANSWER) return;
        answer.text = '';
        failure ??= new Error(`the answer is longer than ${MOST_ANSWER} characters`);
        stream.close(constants.NGHTTP2_CANCEL);
      });
      stream.on('end', () => {
        ended = true;
      });
      stream.on('error', (error: NodeJS.ErrnoException) => {
        failure = error;
      });
      stream.on('close', () => {
        signal.removeEventListener('abort', cancel);
        const complete = ended && answer.status > 0 && !signal.aborted;
        const cut = failure !== null || stream.rstCode !== constants.NGHTTP2_NO_ERROR;
        // After a complete answer the peer may still reset the stream: it did not want the rest of the body.
        if (complete && (!cut || answer.status >= 400)) return resolve(answer);
        const refused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
        // A stream gets its number when it is sent.
        const never = stream.id === undefined;
        const message = refused ? REFUSED : (failure?.message ?? 'the connection ended before the answer');
        reject(new PeerError(message, !refused && !never));
      });
      if (body !== undefined) stream.end(body);
    });
  }

  /** Ends the connection once what is under way has ended. */
  close(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    if (session === null || session.destroyed) return Promise.resolve();
    return new Promise((resolve) => session.close(resolve));
  }
}

const REFUSED = 'the stream was refused';
