import type { Env } from '../../../machines/ports.ts';
import { METHODS, syncResultSchema } from '../schema/index.ts';
import type { Session } from '../session/client-session.ts';
import { pause } from '../session/line.ts';
import type { Registry } from './registry.ts';

export interface Link {
  /** Resolves after the first exchange with the peer, with whether it came about. */
  first: Promise<boolean>;
  close(): Promise<void>;
}

/** An answer waits so long for news, ms. */
const WAIT_MS = 20_000;
const RETRY_MS = [250, 500, 1_000, 2_000, 5_000];
/** For an exchange that does not wait. */
const TIMEOUT_MS = 10_000;
/** Pages brought in one go; a peer that never has enough is not fed for ever. */
const MAX_PAGES = 1_000;

/**
 * Keeps this registry and a peer's the same (NetMCP 4): one request that waits for the peer's news, and
 * one that brings it ours whenever there is some. One of two peers needs to know the other; both may.
 */
export function linkPeer(options: { env: Env; registry: Registry; from: string; open(): Session }): Link {
  const { env, registry, from } = options;
  const { replica } = registry;
  const stop = new AbortController();
  const first = Promise.withResolvers<boolean>();
  let session: Session | null = null;
  /** What the peer knows, as far as we know. */
  let theirs: Record<string, number> | null = null;
  let pushing = false;

  async function exchange(waitMs: number): Promise<void> {
    const line = session;
    if (line === null) return;
    const page = theirs === null ? { records: [], vector: {}, more: false } : replica.since(theirs);
    const answer = await line.request(
      METHODS.sync,
      { from, page, known: replica.vector(), waitMs },
      syncResultSchema,
      { timeoutMs: waitMs + TIMEOUT_MS, signal: stop.signal },
    );
    // First, so that what came from the peer is not brought back to it.
    theirs = largest(answer.known, answer.page.vector);
    registry.merge(answer.page);
    if (answer.page.more) await exchange(0);
  }

  const owes = () => theirs !== null && replica.since(theirs).records.length > 0;

  async function push(): Promise<void> {
    if (pushing || !owes()) return;
    pushing = true;
    try {
      for (let i = 0; i < MAX_PAGES && owes() && !stop.signal.aborted; i += 1) await exchange(0);
    } catch (error) {
      // The waiting request meets the same and begins anew.
      env.log.debug({ error: String(error) }, 'news not brought to a peer');
    } finally {
      pushing = false;
    }
  }

  async function run(): Promise<void> {
    for (let failures = 0; !stop.signal.aborted; ) {
      try {
        session = options.open();
        await session.ready();
        theirs = null;
        await exchange(0);
        await push();
        failures = 0;
        first.resolve(true);
        while (!stop.signal.aborted) await exchange(WAIT_MS);
      } catch (error) {
        first.resolve(false);
        if (stop.signal.aborted) break;
        env.log.info({ from, error: String(error) }, 'peer of the registry is not there');
        await session?.close();
        await pause(env, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] as number, stop.signal);
        failures += 1;
      }
    }
  }

  const unhook = replica.onWrite(() => void push());
  const running = run();
  return {
    first: first.promise,
    async close() {
      stop.abort();
      unhook();
      await session?.close();
      await running;
    },
  };
}

function largest(...vectors: Record<string, number>[]): Record<string, number> {
  const all = new Map<string, number>();
  for (const vector of vectors)
    for (const [name, n] of Object.entries(vector)) all.set(name, Math.max(n, all.get(name) ?? 0));
  return Object.fromEntries(all);
}
