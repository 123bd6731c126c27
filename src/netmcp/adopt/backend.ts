import { createActor } from 'xstate';
import type { Env } from '../../../machines/ports.ts';
import { type RestartPolicy, supervisionMachine } from '../../../machines/protocols/supervision.machine.ts';
import { inTime } from '../life/in-time.ts';
import { openSession, type Session } from '../session/client-session.ts';
import type { HttpPool } from '../session/keep-alive.ts';
import type { CallToolResult, Tool } from '../session/server-session.ts';
import { SbiFailure } from '../toolserver/sbi-failure.ts';
import type { AdoptedState, Adoption } from './adoption.ts';

export const BACKEND_RESTARTS: RestartPolicy = {
  intensity: 5,
  periodMs: 120_000,
  backoffMs: 500,
  maxBackoffMs: 30_000,
};

/** Shortest time between two looks at the tools, ms: a server that cries wolf is not believed faster. */
const REFRESH_GAP_MS = 1_000;
/** For one list, where others wait for it, ms. */
const LIST_MS = 5_000;

/** One adopted server, kept alive apart from all others. */
export interface Backend {
  state(): AdoptedState['state'];
  reason(): string;
  /** @throws SbiFailure */
  call(tool: string, args: Record<string, unknown>, signal: AbortSignal): Promise<CallToolResult>;
  /** Reads the list anew; false where the server does not answer in time. */
  refresh(): Promise<boolean>;
  /** Connected, and it answered when it was last asked. */
  healthy(): boolean;
  /** After it was given up. */
  restart(): void;
  close(): Promise<void>;
}

export function openBackend(options: {
  env: Env;
  adoption: Adoption;
  pool: HttpPool;
  restarts: RestartPolicy;
  onTools(tools: Tool[]): Promise<void>;
  onDown(reason: string): void;
}): Backend {
  const { env, adoption } = options;
  const { id, parallel = 8, timeoutMs = 30_000 } = adoption;
  let session: Session | null = null;
  let state: AdoptedState['state'] = 'starting';
  let reason = '';
  let inFlight = 0;
  let answers = true;
  let refreshing: Promise<boolean> | null = null;
  let again = false;
  let supervisor = supervise();

  function supervise() {
    let due = false;
    const actor = createActor(
      supervisionMachine.provide({
        actions: {
          startFresh: () => {
            due = true;
          },
          stopSupervised: () => {
            state = 'stopped';
          },
          tellGivenUp: (_, params) => {
            state = 'givenUp';
            env.log.error({ backend: id, ...params }, 'adopted server given up');
          },
        },
      }),
      { clock: env.clock, input: options.restarts },
    );
    actor.subscribe({
      next: () => {
        if (!due) return;
        due = false;
        start();
      },
      error: (error) => env.log.error({ backend: id, problem: String(error) }, 'supervisor broke'),
    });
    actor.start();
    return actor;
  }

  function start(): void {
    state = 'starting';
    answers = true;
    refreshing = null;
    const fresh = openSession({
      env,
      agentId: 'netagent',
      serverId: id,
      target: adoption.target,
      pool: options.pool,
      // A plain client: nothing of ours is offered to it.
      offer: { version: '1.0', versions: ['1.0'], features: [] },
      maxAttempts: 1,
      onNotification: (method) => {
        if (method === 'notifications/tools/list_changed') void look();
      },
      onEnd: (why) => {
        if (session === fresh) crashed(why);
      },
    });
    session = fresh;
    fresh
      .ready()
      .then(async () => {
        state = 'ready';
        reason = '';
        if (!(await look())) fresh.tell({ type: 'LOST', reason: 'its tools cannot be listed' });
      })
      .catch((error: unknown) => env.log.debug({ backend: id, error: String(error) }, 'not connected'));
  }

  function crashed(why: string): void {
    session = null;
    if (state === 'stopped') return;
    state = 'down';
    reason = why || 'the connection ended';
    env.log.warn({ backend: id, reason }, 'adopted server lost');
    supervisor.send({ type: 'CRASHED', at: env.clock.now(), reason });
    options.onDown(reason);
  }

  /** One look at a time, and one more if something changed meanwhile. */
  function look(): Promise<boolean> {
    if (refreshing !== null) {
      again = true;
      return refreshing;
    }
    const mine = list();
    refreshing = mine;
    void mine.finally(() => {
      env.clock.setTimeout(() => {
        if (refreshing !== mine) return;
        refreshing = null;
        if (!again) return;
        again = false;
        void look();
      }, REFRESH_GAP_MS);
    });
    return mine;
  }

  async function list(): Promise<boolean> {
    const live = session;
    if (live === null) return false;
    try {
      const tools = await live.tools(true);
      if (session !== live) return false;
      await options.onTools(tools);
      env.log.debug({ backend: id, tools: tools.length }, 'tools of an adopted server read');
      return true;
    } catch (error) {
      env.log.warn({ backend: id, error: String(error) }, 'tools of an adopted server not read');
      return false;
    }
  }

  return {
    state: () => state,
    reason: () => reason,
    async call(tool, args, signal) {
      const live = session;
      if (live === null || state !== 'ready')
        throw failure('NF_NOT_REACHED', `${id} is ${state}`, true, 'no');
      if (inFlight >= parallel) throw failure('BACKEND_BUSY', `${id} works on ${parallel} calls`, true, 'no');
      inFlight += 1;
      try {
        return await live.call(tool, args, {}, { signal, timeoutMs });
      } catch (error) {
        throw failureOf(id, error);
      } finally {
        inFlight -= 1;
      }
    },
    async refresh() {
      answers = await inTime(env, LIST_MS, look()).catch(() => false);
      return answers;
    },
    healthy: () => state === 'ready' && answers,
    restart() {
      if (state !== 'givenUp') return;
      supervisor = supervise();
    },
    async close() {
      const live = session;
      if (supervisor.getSnapshot().status === 'active') supervisor.send({ type: 'STOP' });
      state = 'stopped';
      session = null;
      await live?.close();
    },
  };
}

function failure(code: string, message: string, retryable: boolean, executed: 'no' | 'maybe'): SbiFailure {
  return new SbiFailure({ code, message, retryable, executed });
}

/** What became of a call at another server; its words are not repeated beyond a line. */
function failureOf(id: string, error: unknown): SbiFailure {
  const { code, details } = error as { code?: string; details?: Record<string, unknown> };
  const executed = details?.executed === 'no' ? 'no' : 'maybe';
  if (code === 'NETMCP_LOST')
    return failure(executed === 'no' ? 'NF_NOT_REACHED' : 'BACKEND_LOST', `${id} was lost`, true, executed);
  if (code === 'NETMCP_TIMEOUT')
    return failure('BACKEND_LATE', `${id} did not answer in time`, false, 'maybe');
  if (code === 'NETMCP_UNREACHABLE') return failure('NF_NOT_REACHED', `${id} was not reached`, true, 'no');
  if (code === 'NETMCP_REJECTED')
    return failure('BACKEND_REJECTED', `${id} rejected it with ${String(details?.rpcCode)}`, false, 'maybe');
  return failure('BACKEND_FAILED', `${id} failed`, false, 'maybe');
}
