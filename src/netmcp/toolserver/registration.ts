import { NetAgentError } from '../../../machines/failure.ts';
import type { Env } from '../../../machines/ports.ts';
import type { ClientAuth } from '../auth/token-source.ts';
import {
  emptyResultSchema,
  METHODS,
  type Registration,
  type Report,
  registerResultSchema,
  reportResultSchema,
} from '../schema/index.ts';
import { openSession, type Session } from '../session/client-session.ts';
import { createHttpPool } from '../session/keep-alive.ts';
import { openLine, pause } from '../session/line.ts';
import type { Trust } from '../transport/address.ts';

export type Change = Partial<
  Pick<Registration, 'serviceArea' | 'categories' | 'summary' | 'toolCount' | 'digest' | 'tools'>
>;

export interface Membership {
  /** Servers that can take our calls, as the management server last said. */
  alternates(): Array<{ serverId: string; url: string }>;
  /** Reports now instead of at the next heartbeat. */
  report(): Promise<void>;
  /** Tells the registry what has changed; kept for the next registration where that fails. */
  update(change: Change): Promise<void>;
  /** Leaves the registry; with `drain` clients finish first, and reports go on until the last has. */
  leave(drain: boolean): Promise<void>;
}

/** A management server that does not answer holds up nobody's end for longer, ms. */
const LEAVE_MS = 3_000;

/**
 * The stay of a tool server in the registry, as a client of the management servers (NetMCP 4): register,
 * heartbeat, go on with another of them where one is lost, register anew when the lease is unknown.
 * Resolves once registered. @throws NETMCP_UNREACHABLE
 */
export async function joinRegistry(options: {
  env: Env;
  management: string | string[];
  tls?: Trust;
  registration: Registration;
  measure(): Omit<Report, 'lease'> | Promise<Omit<Report, 'lease'>>;
  auth?: ClientAuth;
  /** Opens the session with a management server. */
  open?(url: string): Session;
}): Promise<Membership> {
  const { env } = options;
  const urls = [options.management].flat();
  const pool = createHttpPool(2);
  let registration = options.registration;
  const { serverId } = registration;
  const line = openLine({
    env,
    urls,
    open:
      options.open ??
      ((url) =>
        openSession({
          env,
          agentId: serverId,
          serverId: 'management',
          target: { url, ...(options.tls && { tls: options.tls }) },
          pool,
          ...(options.auth && { auth: options.auth }),
          ...(urls.length > 1 && { maxAttempts: 1 }),
        })),
  });
  let lease = '';
  let approved = true;
  let every = 5_000;
  let timer: unknown;
  let left = false;
  let draining = false;
  let closed = false;
  let alternates: Array<{ serverId: string; url: string }> = [];
  let chain: Promise<void> = Promise.resolve();

  async function register(): Promise<void> {
    const taken = await line.request(METHODS.register, registration, registerResultSchema);
    lease = taken.lease;
    if (approved && taken.standing === 'unapproved') {
      env.log.warn({ serverId: registration.serverId }, 'the management server has not approved us yet');
    }
    approved = taken.standing === 'approved';
    every = taken.reportEveryMs;
  }

  async function tell(): Promise<void> {
    if (!approved) await register();
    if (!approved) return;
    const figures = await options.measure();
    const answer = await line.request(METHODS.report, { lease, ...figures }, reportResultSchema);
    alternates = answer.alternates;
  }

  /** A management server that does not know the lease says so: then we register anew. */
  async function anew(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof NetAgentError) || error.code !== 'NETMCP_REJECTED') throw error;
      if (draining) {
        left = true;
        env.log.info({ serverId }, 'drained');
        return;
      }
      env.log.info({ serverId, url: line.url() }, 'lease unknown: registering anew');
      await register();
      await tell();
    }
  }

  /** One after the other, and none after leaving. */
  const queue = (work: () => Promise<void>) => {
    chain = chain.then(async () => {
      if (left) return;
      await work().catch((error: unknown) =>
        env.log.warn({ serverId, error: String(error) }, 'the registry was not told'),
      );
    });
    return chain;
  };
  const report = () => queue(() => anew(tell));
  const schedule = () => {
    timer = env.clock.setTimeout(() => {
      void report().then(() => {
        if (!left && !closed) schedule();
      });
    }, every);
  };

  try {
    await register();
    await tell();
  } catch (error) {
    await line.close();
    await pool.close();
    throw error;
  }
  schedule();

  return {
    alternates: () => alternates,
    report,
    update(change) {
      registration = { ...registration, ...change };
      return queue(() =>
        anew(async () => {
          await line.request(METHODS.update, { lease, ...change }, emptyResultSchema);
        }),
      );
    },
    async leave(drain) {
      await chain;
      if (closed || (drain && draining)) return;
      draining = true;
      closed = !drain;
      if (!drain) env.clock.clearTimeout(timer);
      const told = left ? null : line.request(METHODS.deregister, { lease, drain }, emptyResultSchema);
      const enough = new AbortController();
      try {
        await Promise.race([told, pause(env, LEAVE_MS, enough.signal)]);
      } catch (error) {
        env.log.debug({ serverId, error: String(error) }, 'could not deregister');
      } finally {
        enough.abort();
      }
      if (drain) return;
      left = true;
      await line.close();
      await pool.close();
    },
  };
}
