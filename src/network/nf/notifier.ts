import type { Env } from '../../../machines/ports.ts';
import type { SbiClient } from '../../sbi/index.ts';
import type { Duties } from './duties.ts';

/** What network time waits for an answer, in slices: a pause of the process costs one slice, not all. */
const SLICE_MS = 250;
const SLICES = 4;
/** Failures in a row after which a subscriber is told no more. */
const MAX_FAILURES = 3;

/** Notifications to subscribers. Who does not answer within a second holds nobody up for longer. */
export class Notifier {
  readonly #env: Env;
  readonly #client: SbiClient;
  readonly #duties: Duties;
  /** Failures in a row by notification URI. */
  readonly #failures = new Map<string, number>();
  /** Notifications that were sent and got no good answer. */
  failed = 0;
  /** Notifications that were not sent, because their subscriber had failed too often. */
  withheld = 0;

  constructor(options: { env: Env; client: SbiClient; duties: Duties }) {
    this.#env = options.env;
    this.#client = options.client;
    this.#duties = options.duties;
  }

  /** A new subscription: whoever made it is there, whatever was before. */
  welcome(uri: string): void {
    this.#failures.delete(uri);
  }

  /** Owes `body` to `uri`, or to `path` under it. */
  notify(what: string, uri: string, body: unknown, under = ''): void {
    if ((this.#failures.get(uri) ?? 0) >= MAX_FAILURES) {
      this.withheld += 1;
      this.#env.log.debug({ what, uri, withheld: this.withheld }, 'notification withheld');
      return;
    }
    this.#duties.owe(what, () => this.#send(what, uri, body, under));
  }

  async #send(what: string, uri: string, body: unknown, under: string): Promise<void> {
    const { origin, pathname, search } = new URL(uri);
    const path = under === '' ? `${pathname}${search}` : `${pathname.replace(/\/$/, '')}${under}`;
    const { clock, log } = this.#env;
    const stop = new AbortController();
    let left = SLICES;
    let timer: unknown;
    const wait = () => {
      timer = clock.setTimeout(() => {
        left -= 1;
        if (left === 0) stop.abort();
        else wait();
      }, SLICE_MS);
    };
    wait();
    try {
      await this.#client.request({ nf: 'AF', base: origin, method: 'POST', path, body, signal: stop.signal });
      this.#failures.delete(uri);
    } catch (error) {
      const inRow = (this.#failures.get(uri) ?? 0) + 1;
      this.#failures.set(uri, inRow);
      this.failed += 1;
      const late = stop.signal.aborted;
      log.warn(
        { what, uri, inRow, failed: this.failed, late, problem: String(error) },
        'notification failed',
      );
      if (inRow === MAX_FAILURES) log.warn({ what, uri }, 'subscriber is told no more');
    } finally {
      clock.clearTimeout(timer);
    }
  }
}
