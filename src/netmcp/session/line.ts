import type { z } from 'zod';
import { NetAgentError } from '../../../machines/failure.ts';
import type { Env } from '../../../machines/ports.ts';
import { fail } from '../../errors.ts';
import type { Session } from './client-session.ts';

/** The way to whichever of several equal management servers answers (NetMCP 4). */
export interface Line {
  /**
   * A vendor method; sent to the next server where one is lost, so it must be safe to send twice.
   * @throws NETMCP_UNREACHABLE where none answers, NETMCP_REJECTED, NETMCP_NO_FEATURE
   */
  request<T>(method: string, params: object, schema: z.ZodType<T>): Promise<T>;
  /** Goes on with the next server. */
  move(): void;
  /** The server in use. */
  url(): string;
  close(): Promise<void>;
}

/** What lets a request go to another server. */
const MOVES = new Set(['NETMCP_LOST', 'NETMCP_UNREACHABLE', 'NETMCP_TIMEOUT']);
const PAUSE_MS = 500;

/**
 * Opens no connection yet. `open` makes a session with one of `urls`; `greet` is the first thing that is
 * done on each new one, so that whoever takes over knows what the one before knew.
 */
export function openLine(options: {
  env: Env;
  urls: readonly string[];
  open(url: string): Session;
  greet?(session: Session): Promise<void>;
}): Line {
  const { env, urls } = options;
  let at = 0;
  let live: { session: Session; greeted: Promise<void> } | null = null;
  let closed = false;

  const url = () => urls[at % urls.length] as string;
  const move = () => {
    at = (at + 1) % urls.length;
    drop();
  };
  function drop(): void {
    const old = live?.session;
    live = null;
    // It is lost, or left: its end is not waited for.
    old
      ?.close()
      .catch((error: unknown) => env.log.debug({ error: String(error) }, 'management session not closed'));
  }

  async function connected(): Promise<Session> {
    if (live !== null && !['connecting', 'ready'].includes(live.session.state().phase)) drop();
    if (live === null) {
      const session = options.open(url());
      const greeted = session.ready().then(() => options.greet?.(session));
      greeted.catch(() => {});
      live = { session, greeted };
    }
    const { session, greeted } = live;
    await greeted;
    return session;
  }

  return {
    async request(method, params, schema) {
      // Each server once, and the first again: it may only have forgotten the session.
      for (let tries = 0; ; tries += 1) {
        if (closed) throw fail('NETMCP_UNREACHABLE', { server: 'management', problem: 'closed' });
        const used = url();
        try {
          return await (await connected()).request(method, params, schema);
        } catch (error) {
          if (!(error instanceof NetAgentError) || !MOVES.has(error.code)) throw error;
          if (tries >= urls.length) throw error;
          env.log.info({ url: used, code: error.code }, 'management server does not answer');
          // Somebody else may have moved on already.
          if (url() === used) move();
          if (urls.length > 1 && tries === urls.length - 1) await pause(env, PAUSE_MS);
        }
      }
    },
    move,
    url,
    async close() {
      closed = true;
      await live?.session.close();
    },
  };
}

export function pause(env: Env, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      env.clock.clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = env.clock.setTimeout(finish, ms);
    if (signal?.aborted) finish();
    signal?.addEventListener('abort', finish, { once: true });
  });
}
