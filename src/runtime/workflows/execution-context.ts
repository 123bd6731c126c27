import { z } from 'zod';
import type { Collection } from '../../durable/index.ts';
import type { AnchorClient, NetMcpClient } from '../../netmcp/index.ts';
import { type FunctionContext, standardError } from '../../workflow/index.ts';

/** How long a context lives that nobody uses, ms. */
const TTL = 7 * 86_400_000;

const key = z.string().min(1);
const value = z.json();
const input = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('get'), key }),
  z.strictObject({ op: z.literal('set'), key, value, ifRevision: z.int().optional() }),
  z.strictObject({ op: z.literal('delete'), key, ifRevision: z.int().optional() }),
  z.strictObject({ op: z.literal('publish'), queue: key, message: value }),
  z.strictObject({
    op: z.literal('consume'),
    queue: key,
    group: key.optional(),
    max: z.int().min(1).max(100).optional(),
    waitMs: z.int().min(0).max(30_000).optional(),
  }),
  z.strictObject({
    op: z.literal('ack'),
    queue: key,
    group: key.optional(),
    receipts: z.array(z.string()),
  }),
  z.strictObject({
    op: z.literal('schedule'),
    after: z.int().optional(),
    at: z.int().optional(),
    every: z.int().optional(),
    count: z.int().optional(),
    action: z.looseObject({ kind: z.enum(['publish', 'call']) }),
  }),
  z.strictObject({ op: z.literal('cancel'), scheduleId: z.string() }),
]);

export interface ContextRecord {
  contextId: string;
  secret: string;
}

type Context = Awaited<ReturnType<AnchorClient['context']>>;

/**
 * The execution context of each instance (white paper 4.3.4): key-value, queue with fan-out, scheduler, kept by the
 * tool servers. An instance has one of its own, opened when it first asks for it, and gone when it is purged; its id
 * goes along with every call of a tool.
 */
export function openExecutionContexts({
  netmcp,
  records,
}: {
  netmcp(): Promise<NetMcpClient>;
  records: Collection<ContextRecord>;
}) {
  const open = new Map<string, Promise<Context>>();
  const contextOf = (instance: string): Promise<Context> => {
    let context = open.get(instance);
    if (context === undefined) {
      context = (async () => {
        const anchor = await (await netmcp()).anchor();
        const known = records.get(instance);
        const made = await anchor.context(known ?? { ttlMs: TTL });
        if (known === undefined) records.put(instance, { contextId: made.contextId, secret: made.secret });
        return made;
      })();
      context.catch(() => open.delete(instance));
      open.set(instance, context);
    }
    return context;
  };

  return {
    /** `context:1.0.0@default`: {op, ...} as docs/netmcp/context.md has the operations. */
    async context(given: unknown, { instanceId, idempotencyKey, signal }: FunctionContext) {
      const read = input.safeParse(given);
      if (!read.success) {
        throw standardError('configuration', 'The operation on the context is none.', {
          detail: z.prettifyError(read.error),
        });
      }
      const context = await contextOf(instanceId);
      const { op, ...args } = read.data;
      if (op === 'get') return context.get((args as { key: string }).key);
      if (op === 'set') {
        const {
          key: name,
          value: given,
          ifRevision,
        } = args as { key: string; value: never; ifRevision?: number };
        return context.set(name, given, ifRevision === undefined ? {} : { ifRevision });
      }
      if (op === 'delete') {
        const { key: name, ifRevision } = args as { key: string; ifRevision?: number };
        return context.delete(name, ifRevision === undefined ? {} : { ifRevision });
      }
      if (op === 'publish') {
        const { queue, message } = args as { queue: string; message: never };
        return context.publish(queue, message);
      }
      if (op === 'consume') {
        const { queue, ...more } = args as { queue: string };
        return { messages: await context.consume(queue, { ...more, signal }) };
      }
      if (op === 'ack') {
        const { queue, receipts, group } = args as { queue: string; receipts: string[]; group?: string };
        return context.ack(queue, receipts, group);
      }
      // Under the key of the step: a step that is done again schedules nothing twice.
      if (op === 'schedule')
        return context.schedule({ ...(args as { action: never }), scheduleId: scheduleId(idempotencyKey) });
      return context.cancel((args as { scheduleId: string }).scheduleId);
    },
    /** Id of the context of an instance, where it has one. */
    idOf: (instance: string): string | undefined => records.get(instance)?.contextId,
    /** Ends the contexts of instances that are not there any more; one that cannot be reached now is ended next time. */
    async sweep(known: (instance: string) => boolean): Promise<void> {
      const gone = records
        .list()
        .map(({ id }) => id)
        .filter((id) => !known(id));
      for (const instance of gone) {
        try {
          await (await contextOf(instance)).end();
          open.delete(instance);
          records.delete(instance);
        } catch {}
      }
    },
  };
}

/** Names of schedules are plain. */
const scheduleId = (key: string) => key.replace(/[^A-Za-z0-9_.-]/g, '_').slice(-100);
