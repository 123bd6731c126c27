import type { ServerCallContext, User } from '@a2a-js/sdk/server';
import type { Clock } from '../../machines/ports.ts';
import type { GatewayUser } from './users.ts';

/** Where the answer goes: an HTTP response or a gRPC call. */
export interface Sink {
  readonly writableNeedDrain?: boolean;
  once(event: 'drain' | 'close', listener: () => void): unknown;
  off(event: 'drain' | 'close', listener: () => void): unknown;
}

export interface CallOptions {
  user: GatewayUser;
  /** Address of the client. */
  address: string;
  /** What the client sent as Authorization, if it may be passed on. */
  authorization: string | undefined;
  sink: Sink;
  /** Ends the connection of a client that does not read. */
  cut: () => void;
  clock: Clock;
  slowReaderMs: number;
}

/** One request at the gateway; it is also the user that the SDK hands from its handlers to the bridge. */
export class Call implements User {
  readonly #options: CallOptions;
  readonly #left = new AbortController();

  constructor(options: CallOptions) {
    this.#options = options;
  }

  get isAuthenticated(): boolean {
    return this.#options.user.authenticated;
  }

  get userName(): string {
    return this.#options.user.id;
  }

  get user(): GatewayUser {
    return this.#options.user;
  }

  get authorization(): string | undefined {
    return this.#options.authorization;
  }

  /** Whose streams are counted together. */
  get client(): string {
    const { user, address } = this.#options;
    return user.authenticated ? `user ${user.id}` : `address ${address}`;
  }

  /** Fires when the client has left, or has been cut off. */
  get signal(): AbortSignal {
    return this.#left.signal;
  }

  leave(): void {
    this.#left.abort(new Error('The client has left.'));
  }

  /** Resolves when the client has read enough to be sent more, or has left. */
  async ready(): Promise<void> {
    const { sink, clock, slowReaderMs, cut } = this.#options;
    if (sink.writableNeedDrain !== true || this.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clock.clearTimeout(timer);
        sink.off('drain', done);
        sink.off('close', done);
        this.signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = clock.setTimeout(() => {
        this.leave();
        cut();
        done();
      }, slowReaderMs);
      sink.once('drain', done);
      sink.once('close', done);
      this.signal.addEventListener('abort', done);
    });
  }
}

/** The call that a handler of the SDK works for. */
export function callOf(context: ServerCallContext): Call {
  if (!(context.user instanceof Call)) throw new TypeError('a request reached the bridge without its call');
  return context.user;
}
