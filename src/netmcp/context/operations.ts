import { z } from 'zod';
import type { Env } from '../../../machines/ports.ts';
import {
  type ContextRef,
  contextAckParamsSchema,
  contextCancelParamsSchema,
  contextCloseParamsSchema,
  contextConsumeParamsSchema,
  contextDeleteParamsSchema,
  contextGetParamsSchema,
  contextPublishParamsSchema,
  contextScheduleParamsSchema,
  contextSetParamsSchema,
  contextWatchParamsSchema,
  METHODS,
} from '../schema/index.ts';
import { INVALID_PARAMS, RpcError } from '../session/rpc-error.ts';
import type { McpPeer, RequestContext } from '../session/server-session.ts';
import type { Contexts } from './contexts.ts';
import { changesOf, deleteKey, getKey, setKey } from './keys.ts';
import { ack, consume, publish, redeliveryAt } from './queue.ts';
import { addSchedule, cancelSchedule } from './schedule.ts';
import type { Waiting } from './waiting.ts';

/** A method on a context that this server owns. */
export interface Operation {
  read(params: unknown): ContextRef & Record<string, unknown>;
  run(
    params: ContextRef & Record<string, unknown>,
    peer: McpPeer,
    request: RequestContext,
  ): Promise<Record<string, unknown>>;
}

function operation<P extends ContextRef>(
  schema: z.ZodType<P>,
  run: (params: P, peer: McpPeer, request: RequestContext) => object | Promise<object>,
): Operation {
  return {
    read: (params) => readParams(schema, params) as P & Record<string, unknown>,
    run: async (params, peer, request) =>
      (await run(params as unknown as P, peer, request)) as Record<string, unknown>,
  };
}

/** @throws RpcError -32602 */
export function readParams<T>(schema: z.ZodType<T>, params: unknown): T {
  const read = schema.safeParse(params ?? {});
  if (!read.success) throw new RpcError(INVALID_PARAMS, z.prettifyError(read.error).slice(0, 1_000));
  return read.data;
}

/** What can be done with a context once it is here (NetMCP 7). */
export function contextOperations(options: {
  env: Env;
  contexts: Contexts;
  waiting: Waiting;
  subscribe(peer: McpPeer, contextId: string, prefix: string): void;
  /** A schedule was added or moved. */
  scheduled(): void;
}): Map<string, Operation> {
  const { env, contexts, waiting } = options;
  const { clock } = env;

  /** Tries until there is something, or the time to wait is over. */
  async function poll<T>(
    contextId: string,
    waitMs: number,
    signal: AbortSignal,
    attempt: () => { found: T | null; otherwise: T; again?: number | undefined },
  ): Promise<T> {
    const until = clock.now() + waitMs;
    for (;;) {
      const { found, otherwise, again } = attempt();
      const left = Math.min(until, again ?? until) - clock.now();
      if (found !== null || signal.aborted || clock.now() >= until) return found ?? otherwise;
      await waiting.change(contextId, Math.max(1, left), signal);
    }
  }

  return new Map<string, Operation>([
    [
      METHODS.contextClose,
      operation(contextCloseParamsSchema, (ref) => {
        contexts.close(ref.contextId);
        return {};
      }),
    ],
    [
      METHODS.contextGet,
      operation(contextGetParamsSchema, (p, _, { identity }) =>
        contexts.use(identity.agent, p, (tx) => getKey(tx, p.key)),
      ),
    ],
    [
      METHODS.contextSet,
      operation(contextSetParamsSchema, (p, _, { identity }) =>
        contexts.use(identity.agent, p, (tx) => setKey(tx, p.key, p.value, p.ifRevision)),
      ),
    ],
    [
      METHODS.contextDelete,
      operation(contextDeleteParamsSchema, (p, _, { identity }) =>
        contexts.use(identity.agent, p, (tx) => deleteKey(tx, p.key, p.ifRevision)),
      ),
    ],
    [
      METHODS.contextWatch,
      operation(contextWatchParamsSchema, (p, peer, { identity, signal }) => {
        if (p.subscribe) options.subscribe(peer, p.contextId, p.prefix);
        return poll(p.contextId, p.waitMs, signal, () => {
          const answer = contexts.use(identity.agent, p, (tx) => changesOf(tx, p.prefix, p.since));
          return { found: answer.changes.length > 0 || !answer.complete ? answer : null, otherwise: answer };
        });
      }),
    ],
    [
      METHODS.contextPublish,
      operation(contextPublishParamsSchema, (p, _, { identity }) =>
        contexts.use(identity.agent, p, (tx) => publish(tx, p.queue, p.message)),
      ),
    ],
    [
      METHODS.contextConsume,
      operation(contextConsumeParamsSchema, (p, _, { identity, signal }) =>
        poll(p.contextId, p.waitMs, signal, () =>
          contexts.use(identity.agent, p, (tx) => {
            const messages = consume(tx, p);
            return {
              found: messages.length > 0 ? { messages } : null,
              otherwise: { messages },
              again: redeliveryAt(tx, p.queue, p.group),
            };
          }),
        ),
      ),
    ],
    [
      METHODS.contextAck,
      operation(contextAckParamsSchema, (p, _, { identity }) =>
        contexts.use(identity.agent, p, (tx) => ack(tx, p)),
      ),
    ],
    [
      METHODS.contextSchedule,
      operation(contextScheduleParamsSchema, (p, _, { identity }) => {
        const scheduleId = p.scheduleId ?? env.ids.uuid();
        const planned = contexts.use(identity.agent, p, (tx) =>
          addSchedule(tx, { ...p, scheduleId }, identity),
        );
        options.scheduled();
        return planned;
      }),
    ],
    [
      METHODS.contextCancel,
      operation(contextCancelParamsSchema, (p, _, { identity }) =>
        contexts.use(identity.agent, p, (tx) => cancelSchedule(tx, p.scheduleId)),
      ),
    ],
  ]);
}
