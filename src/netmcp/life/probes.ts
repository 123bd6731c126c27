import type { Env } from '../../../machines/ports.ts';
import type { Book } from './book.ts';
import { inTime } from './in-time.ts';
import type { Offer } from './offer.ts';

export interface Probes {
  /** One round over all providers. */
  run(): Promise<void>;
  close(): void;
}

/** Probes at a time, and the time for one, ms. */
const PARALLEL = 8;
const PROBE_MS = 5_000;

/** Probes every provider now and then; one that answers again is taken up again (NetMCP 5). */
export function createProbes(options: {
  env: Env;
  book: Book;
  everyMs: number;
  /** What else is looked at in each round. */
  also(): Promise<void>;
}): Probes {
  const { env, book } = options;
  let closed = false;
  let running: Promise<void> | null = null;
  let timer: unknown;

  async function probe(offer: Offer): Promise<void> {
    const stop = new AbortController();
    const asked = offer.probe?.(stop.signal) ?? Promise.resolve(true);
    const works = await inTime(env, PROBE_MS, asked).catch(() => false);
    stop.abort();
    if (closed) return;
    const { name, provider } = offer;
    const entry = book.entry(name);
    if (entry === undefined) return;
    const provides = entry.providers.includes(provider);
    if (!works) book.send(name, { type: 'PROBE_FAILED', provider });
    else if (provides) book.send(name, { type: 'PROBE_OK', provider });
    else if (entry.state === 'available' || entry.state === 'deprecated' || entry.state === 'withdrawn')
      await book.revive(offer);
  }

  async function round(): Promise<void> {
    // A provider whose next content is examined or held is probed for the one that is offered.
    const once = new Map<string, Offer>();
    for (const offer of book.offers()) {
      const key = `${offer.name} ${offer.provider}`;
      if (offer.probe !== undefined && !once.has(key)) once.set(key, offer);
    }
    const line = [...once.values()];
    const worker = async () => {
      for (let next = line.shift(); next !== undefined && !closed; next = line.shift()) await probe(next);
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
    if (!closed) await options.also();
  }

  const run = () => {
    running ??= round()
      .catch((error: unknown) => env.log.warn({ error: String(error) }, 'probing failed'))
      .finally(() => {
        running = null;
      });
    return running;
  };
  const schedule = () => {
    timer = env.clock.setTimeout(() => {
      void run().then(() => {
        if (!closed) schedule();
      });
    }, options.everyMs);
    if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as NodeJS.Timeout).unref();
  };
  schedule();
  return {
    run,
    close() {
      closed = true;
      env.clock.clearTimeout(timer);
    },
  };
}
