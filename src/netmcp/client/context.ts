import type { z } from 'zod';
import {
  type ContextRef,
  contextAckResultSchema,
  contextCancelResultSchema,
  contextConsumeResultSchema,
  contextDeleteResultSchema,
  contextGetResultSchema,
  contextOpenResultSchema,
  contextPublishResultSchema,
  contextScheduleResultSchema,
  contextSetResultSchema,
  contextWatchResultSchema,
  type Delivery,
  emptyResultSchema,
  METHODS,
  type ScheduleAction,
} from '../schema/index.ts';

/** `again`: sending it twice does no harm, so it may go to the next anchor although the first may have done it. */
export type ContextRequest = <T>(
  method: string,
  params: object,
  schema: z.ZodType<T>,
  options: { timeoutMs: number; signal: AbortSignal | undefined; again: boolean },
) => Promise<T>;

export type Json = z.infer<ReturnType<typeof z.json>>;

interface Wait {
  /** ms to wait for something; at most 30 000. */
  waitMs?: number;
  signal?: AbortSignal;
}

/** An execution context (NetMCP 7). Where it is owned by another server, the anchor goes between. */
export interface ContextClient extends ContextRef {
  get(key: string): Promise<{ found: boolean; value: Json; revision: number }>;
  /** With `ifRevision` it is a compare-and-set; 0 = the key must not be there. */
  set(key: string, value: Json, options?: { ifRevision?: number }): Promise<{ revision: number }>;
  delete(key: string, options?: { ifRevision?: number }): Promise<{ deleted: boolean; revision: number }>;
  /** Changes after a revision, at once or when there are some. */
  watch(
    options?: { prefix?: string; since?: number } & Wait,
  ): Promise<z.infer<typeof contextWatchResultSchema>>;
  publish(queue: string, message: Json): Promise<{ seq: number }>;
  consume(
    queue: string,
    options?: { group?: string; max?: number; visibilityMs?: number } & Wait,
  ): Promise<Delivery[]>;
  ack(queue: string, receipts: string[], group?: string): Promise<{ acked: number }>;
  schedule(plan: {
    scheduleId?: string;
    at?: number;
    after?: number;
    every?: number;
    count?: number;
    action: ScheduleAction;
    retries?: { max: number; backoffMs: number };
  }): Promise<{ scheduleId: string; dueAt: number }>;
  cancel(scheduleId: string): Promise<{ cancelled: boolean }>;
  /** Ends it, with all that is in it. */
  end(): Promise<void>;
}

const TIMEOUT = 10_000;

export const openContext = (request: ContextRequest, ttlMs: number | undefined) =>
  request(METHODS.contextOpen, ttlMs === undefined ? {} : { ttlMs }, contextOpenResultSchema, {
    timeoutMs: TIMEOUT,
    signal: undefined,
    again: true,
  });

export function contextClient(request: ContextRequest, { contextId, secret }: ContextRef): ContextClient {
  const send = <T>(
    method: string,
    params: object,
    schema: z.ZodType<T>,
    { waitMs = 0, signal }: Wait = {},
    again = true,
  ) =>
    request(method, { contextId, secret, ...params }, schema, {
      timeoutMs: TIMEOUT + waitMs,
      signal,
      again,
    });
  return {
    contextId,
    secret,
    get: (key) => send(METHODS.contextGet, { key }, contextGetResultSchema),
    set: (key, value, options = {}) =>
      send(
        METHODS.contextSet,
        { key, value, ...options },
        contextSetResultSchema,
        {},
        options.ifRevision === undefined,
      ),
    delete: (key, options = {}) =>
      send(
        METHODS.contextDelete,
        { key, ...options },
        contextDeleteResultSchema,
        {},
        options.ifRevision === undefined,
      ),
    watch: ({ signal, ...options } = {}) =>
      send(METHODS.contextWatch, options, contextWatchResultSchema, {
        ...(options.waitMs !== undefined && { waitMs: options.waitMs }),
        ...(signal && { signal }),
      }),
    publish: (queue, message) => send(METHODS.contextPublish, { queue, message }, contextPublishResultSchema),
    async consume(queue, { signal, ...options } = {}) {
      const { messages } = await send(
        METHODS.contextConsume,
        { queue, ...options },
        contextConsumeResultSchema,
        {
          ...(options.waitMs !== undefined && { waitMs: options.waitMs }),
          ...(signal && { signal }),
        },
      );
      return messages;
    },
    ack: (queue, receipts, group) =>
      send(
        METHODS.contextAck,
        { queue, receipts, ...(group !== undefined && { group }) },
        contextAckResultSchema,
      ),
    schedule: (plan) =>
      send(
        METHODS.contextSchedule,
        plan,
        contextScheduleResultSchema,
        {},
        // Without an id it would be scheduled twice.
        plan.scheduleId !== undefined,
      ),
    cancel: (scheduleId) => send(METHODS.contextCancel, { scheduleId }, contextCancelResultSchema),
    async end() {
      await send(METHODS.contextClose, {}, emptyResultSchema);
    },
  };
}
