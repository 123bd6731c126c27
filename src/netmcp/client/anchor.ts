import { createActor, fromPromise, waitFor } from 'xstate';
import { z } from 'zod';
import { NetAgentError } from '../../../machines/failure.ts';
import type { Env } from '../../../machines/ports.ts';
import { anchorMachine } from '../../../machines/protocols/anchor.machine.ts';
import { fail } from '../../errors.ts';
import {
  ERROR_NOT_OWNER,
  EXTENSION,
  type ExecuteParams,
  type ExecuteResult,
  type LoadNotice,
  METHODS,
  routeExecuteResultSchema,
  type ServerEntry,
  VERSION,
} from '../schema/index.ts';
import type { Session } from '../session/client-session.ts';
import type { CallToolResult, Tool } from '../session/server-session.ts';
import type { Candidate } from './choice.ts';
import { type ContextClient, type ContextRequest, contextClient, openContext } from './context.ts';
import { type CallOptions, DEADLINE, metaOf, outcomeOf, type ToolOutcome } from './outcome.ts';

export interface Progress {
  progress: number;
  total?: number | undefined;
  message?: string | undefined;
}

export interface ExecuteOptions {
  signal?: AbortSignal | undefined;
  traceparent?: string | undefined;
  /** Told of each step that ends; without it the anchor sends none of that. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** The one session of an agent that lets an anchor work for it (NetMCP 6). */
export interface AnchorClient {
  /** The present anchor. */
  serverId(): string | null;
  /** Tools of the anchor and of its peers. */
  tools(): Promise<Tool[]>;
  /** @throws NETMCP_NO_SERVER, NETMCP_OVERLOADED, NETMCP_LOST, NETMCP_TIMEOUT, NETMCP_CANCELLED, NETMCP_REJECTED */
  call(
    tool: string,
    args: Record<string, unknown>,
    options?: CallOptions & { serverId?: string },
  ): Promise<ToolOutcome>;
  /**
   * Runs steps on the anchor and its peers. If the anchor is lost, another one goes on where it stood.
   * @throws NETMCP_NO_SERVER, NETMCP_LOST, NETMCP_TIMEOUT, NETMCP_CANCELLED, NETMCP_REJECTED
   */
  execute(plan: ExecuteParams, options?: ExecuteOptions): Promise<ExecuteResult>;
  /** Opens an execution context, or goes on with one. */
  context(options?: { ttlMs?: number } | { contextId: string; secret: string }): Promise<ContextClient>;
  /** What the management server says about load. */
  heed(notice: LoadNotice): void;
  close(): Promise<void>;
}

/** How often one request is sent to another anchor. */
const MAX_MOVES = 5;
const MARGIN = 5_000;

/** Elects and binds an anchor. @throws NETMCP_NO_SERVER */
export async function bindAnchor(options: {
  env: Env;
  discover(): Promise<ServerEntry[]>;
  /** Opens a session with a server that may be the anchor. */
  open(candidate: Candidate): Session;
  /** Told of each anchor that is bound. */
  bound?(serverId: string): Promise<void>;
}): Promise<AnchorClient> {
  const { env } = options;
  let known = new Map<string, Candidate>();
  let session: Session | null = null;

  const machine = anchorMachine.provide({
    actors: {
      elect: fromPromise(async ({ input }) => {
        const candidates = inOrder(await options.discover());
        known = new Map(candidates.map((candidate) => [candidate.serverId, candidate]));
        const others = candidates.filter(({ serverId }) => serverId !== input.lost);
        return others.length > 0 ? others : candidates;
      }),
      bind: fromPromise<void, { candidate: { serverId: string; url: string } | undefined }>(
        async ({ input: { candidate }, signal }) => {
          const found = known.get(candidate?.serverId ?? '');
          if (found === undefined) throw new Error('nobody to bind');
          const { serverId } = found;
          const fresh = options.open(found);
          try {
            const { features } = await fresh.ready();
            if (!features.some((feature) => feature === 'route'))
              throw new Error(`${serverId} cannot be an anchor`);
            signal.throwIfAborted();
          } catch (error) {
            void fresh.close();
            throw error;
          }
          session = fresh;
          options.bound?.(serverId).catch((error: unknown) => {
            env.log.warn({ serverId, error: String(error) }, 'the load of the anchor is not followed');
          });
          void fresh.ended().then((reason) => {
            if (session === fresh) tell({ type: 'LOST', reason });
          });
        },
      ),
    },
    actions: {
      release: () => {
        const left = session;
        session = null;
        void left?.close();
      },
    },
  });
  const actor = createActor(machine, { input: {}, clock: env.clock });
  actor.subscribe({
    error: (error) => env.log.error({ error: String(error) }, 'anchor actor failed'),
  });
  actor.start();

  function tell(event: Parameters<typeof actor.send>[0]): void {
    if (actor.getSnapshot().status === 'active') actor.send(event);
  }

  async function bound(): Promise<Session> {
    const settled = await waitFor(actor, (s) => s.matches('bound') || s.status !== 'active', {
      timeout: Number.POSITIVE_INFINITY,
    });
    if (session === null || !settled.matches('bound')) {
      throw fail('NETMCP_NO_SERVER', {
        tool: 'an anchor',
        where: settled.context.reason === '' ? '' : ` (${settled.context.reason})`,
      });
    }
    return session;
  }

  /** Aborts what is under way when the session ends: whoever is partitioned answers no more. */
  async function whileBound<T>(
    live: Session,
    outer: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const controller = new AbortController();
    const stop = () => controller.abort(outer?.reason);
    let lost = false;
    void live.ended().then(() => {
      lost = true;
      controller.abort(new Error('the session has ended'));
    });
    outer?.addEventListener('abort', stop, { once: true });
    if (outer?.aborted) stop();
    try {
      return await work(controller.signal);
    } catch (error) {
      if (outer?.aborted) throw fail('NETMCP_CANCELLED', { tool: 'the request' }, { cause: error });
      if (lost && !(error instanceof NetAgentError && error.code === 'NETMCP_LOST'))
        throw fail(
          'NETMCP_LOST',
          { server: live.serverId, tool: 'the request', problem: 'the session has ended', executed: 'maybe' },
          { cause: error },
        );
      throw error;
    } finally {
      outer?.removeEventListener('abort', stop);
    }
  }

  /** Leaves an anchor that did not answer. */
  function leave(from: Session, error: NetAgentError): void {
    if (session !== from) return;
    const type = error.code === 'NETMCP_OVERLOADED' ? 'MOVE' : 'LOST';
    tell({ type, reason: error.message });
  }

  const gone = (error: unknown): error is NetAgentError =>
    error instanceof NetAgentError &&
    ['NETMCP_LOST', 'NETMCP_UNREACHABLE', 'NETMCP_OVERLOADED'].includes(error.code);

  async function execute(plan: ExecuteParams, run: ExecuteOptions = {}): Promise<ExecuteResult> {
    const executionId = plan.executionId ?? env.ids.uuid();
    const deadlineMs = plan.deadlineMs ?? 300_000;
    const meta = { version: VERSION, ...(run.traceparent && { traceparent: run.traceparent }) };
    let resume = plan.resume;
    for (let moves = 0; ; moves += 1) {
      const live = await bound();
      const params = {
        ...plan,
        executionId,
        deadlineMs,
        ...(resume && { resume }),
        _meta: { [EXTENSION]: meta },
      };
      try {
        return await whileBound(live, run.signal, (signal) =>
          live.request(METHODS.routeExecute, params, routeExecuteResultSchema, {
            timeoutMs: deadlineMs + MARGIN,
            signal,
            ...(run.onProgress && { onProgress: run.onProgress }),
          }),
        );
      } catch (error) {
        if (moves >= MAX_MOVES) throw error;
        if (gone(error)) {
          // It may have begun, so the next anchor takes the role over instead of starting anew.
          if (error.code === 'NETMCP_LOST' && error.details.executed !== 'no')
            resume = { from: live.serverId };
          leave(live, error);
          env.log.info({ executionId, from: live.serverId, code: error.code }, 'execution moves on');
        } else if (isOwnedBy(error) !== null && resume === undefined) {
          resume = { from: isOwnedBy(error) as string };
        } else throw error;
      }
    }
  }

  /** Asks the anchor, and the next one if it is certain that the first has done nothing. */
  async function ask<T>(
    signal: AbortSignal | undefined,
    again: boolean,
    work: (live: Session, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    for (let moves = 0; ; moves += 1) {
      const live = await bound();
      try {
        return await whileBound(live, signal, (inner) => work(live, inner));
      } catch (error) {
        if (!gone(error)) throw error;
        leave(live, error);
        if (moves >= MAX_MOVES) throw error;
        if (error.code === 'NETMCP_LOST' && error.details.executed !== 'no' && !again) throw error;
      }
    }
  }

  const request: ContextRequest = (method, params, schema, { timeoutMs, signal, again }) =>
    ask(signal, again, (live, inner) => live.request(method, params, schema, { timeoutMs, signal: inner }));

  try {
    await bound();
  } catch (error) {
    tell({ type: 'CLOSE' });
    throw error;
  }

  return {
    serverId: () => actor.getSnapshot().context.anchor?.serverId ?? null,
    tools: async () => (await bound()).tools(),
    async call(tool, args, call = {}) {
      const left = call.deadlineMs ?? DEADLINE;
      const { serverId, serviceArea } = call;
      // Under a key, asking again runs nothing twice at the server that has it.
      const params = {
        tool,
        arguments: args,
        ...(serverId !== undefined && { serverId }),
        ...(serviceArea !== undefined && { serviceArea }),
        _meta: { [EXTENSION]: { version: VERSION, ...metaOf(call, left) } },
      };
      return ask(call.signal, false, async (live, signal) => {
        const result = await live.request(METHODS.routeCall, params, z.looseObject({}), {
          timeoutMs: left + MARGIN,
          signal,
        });
        return outcomeOf({ content: [], ...result } as CallToolResult, live.serverId);
      });
    },
    execute,
    async context(given = {}) {
      const ref = 'contextId' in given ? given : await openContext(request, given.ttlMs);
      return contextClient(request, ref);
    },
    heed(notice) {
      if (session?.serverId !== notice.serverId) return;
      session.tell({ type: 'LOAD', ...notice });
      if (notice.state === 'draining' || notice.state === 'overloaded')
        tell({ type: 'MOVE', reason: `the anchor is ${notice.state}` });
    },
    async close() {
      const left = session;
      tell({ type: 'CLOSE' });
      await left?.close();
    },
  };
}

const RANK = { normal: 0, high: 1, overloaded: 2, draining: 3, gone: 4 } as const;

/** Who could be the anchor, in the order of the management server; those that are full come last. */
function inOrder(entries: ServerEntry[]): Candidate[] {
  return entries
    .filter(({ state, endpoints }) => RANK[state] < RANK.draining && endpoints.length > 0)
    .sort(
      (a, b) => RANK[a.state] - RANK[b.state] || b.weight - a.weight || a.serverId.localeCompare(b.serverId),
    )
    .map(({ serverId, endpoints, digest }) => ({ serverId, url: endpoints[0] as string, endpoints, digest }));
}

/** The server that has the role, if that is why the request was refused. */
function isOwnedBy(error: unknown): string | null {
  if (!(error instanceof NetAgentError) || error.details.rpcCode !== ERROR_NOT_OWNER) return null;
  const data = (error.cause as { data?: { owner?: unknown } } | undefined)?.data;
  return typeof data?.owner === 'string' && data.owner !== '' ? data.owner : null;
}
