import type { Env } from '../../../machines/ports.ts';
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

export type RegistrationChange = Partial<Pick<Registration, 'tools' | 'toolCount' | 'digest' | 'categories'>>;

export interface Membership {
  /** Servers that can take our calls, as the management server last said. */
  alternates(): Array<{ serverId: string; url: string }>;
  /** Reports now instead of at the next heartbeat. */
  report(): Promise<void>;
  /** Tells the registry what changed; a later registration says it too. */
  update(change: RegistrationChange): Promise<void>;
  /** Leaves the registry; with `drain` clients finish first. */
  leave(drain: boolean): Promise<void>;
}

/**
 * The stay of a tool server in the registry, as a client of the management server (NetMCP 4): register,
 * heartbeat, register anew when the lease or the connection was lost. Resolves once registered.
 */
export async function joinRegistry(options: {
  env: Env;
  management: string;
  registration: Registration;
  measure(): Omit<Report, 'lease' | 'nfLoad'>;
}): Promise<Membership> {
  const { env } = options;
  let { registration } = options;
  const pool = createHttpPool(2);
  let session: Session | null = null;
  let lease = '';
  let every = 5_000;
  let timer: unknown;
  let left = false;
  let alternates: Array<{ serverId: string; url: string }> = [];
  let chainOfReports: Promise<void> = Promise.resolve();

  async function register(): Promise<void> {
    if (session === null || session.state().phase !== 'ready') {
      session = openSession({
        env,
        agentId: registration.serverId,
        serverId: 'management',
        target: { url: options.management },
        pool,
      });
    }
    const taken = await session.request(METHODS.register, registration, registerResultSchema);
    lease = taken.lease;
    every = taken.reportEveryMs;
  }

  async function beat(): Promise<void> {
    if (left) return;
    try {
      if (session === null || session.state().phase !== 'ready') await register();
      const answer = await (session as Session).request(
        METHODS.report,
        { lease, ...options.measure() },
        reportResultSchema,
      );
      alternates = answer.alternates;
    } catch (error) {
      env.log.warn({ serverId: registration.serverId, error: String(error) }, 'load report failed');
      // The lease may be gone while the connection is fine.
      if (!left) await register().catch(() => env.log.debug({}, 'registration will be tried again'));
    }
  }

  const report = () => {
    chainOfReports = chainOfReports.then(beat);
    return chainOfReports;
  };
  const schedule = () => {
    timer = env.clock.setTimeout(() => {
      void report().then(() => {
        if (!left) schedule();
      });
    }, every);
  };

  try {
    await register();
    await report();
  } catch (error) {
    await pool.close();
    throw error;
  }
  schedule();

  return {
    alternates: () => alternates,
    report,
    update(change) {
      registration = { ...registration, ...change };
      chainOfReports = chainOfReports
        .then(async () => {
          if (left || session === null) return;
          await session.request(METHODS.update, { lease, ...change }, emptyResultSchema);
        })
        .catch((error: unknown) => {
          env.log.warn({ serverId: registration.serverId, error: String(error) }, 'update not registered');
        });
      return chainOfReports;
    },
    async leave(drain) {
      if (left) return;
      left = true;
      env.clock.clearTimeout(timer);
      await chainOfReports;
      try {
        await (session as Session).request(METHODS.deregister, { lease, drain }, emptyResultSchema);
        await (session as Session).close();
      } catch (error) {
        env.log.debug({ serverId: registration.serverId, error: String(error) }, 'could not deregister');
      }
      await pool.close();
    },
  };
}
