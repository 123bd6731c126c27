import { z } from 'zod';
import { name } from './base.ts';

/** 7. A context, and the secret that goes with it. */
export const contextRefSchema = z.object({
  contextId: z.string().min(1).max(200),
  secret: z.string().min(1).max(200),
});
export type ContextRef = z.infer<typeof contextRefSchema>;

/** Keys and queues are chosen by clients; what begins with `$` is kept for the servers. */
const key = z
  .string()
  .max(256)
  .regex(/^\P{Cc}+$/u, 'a name has no control characters');
export const ownKey = key.regex(/^[^$]/, 'names that begin with $ are reserved');
const group = key.max(128).default('default');
const json = z.json();
const wait = z.number().int().min(0).max(30_000).default(0);
const ms = z.number().int().min(0).max(2_592_000_000);

export const contextOpenParamsSchema = z.object({
  /** ms until it is gone; the server caps it. */
  ttlMs: z.number().int().positive().max(2_592_000_000).optional(),
});
export const contextOpenResultSchema = contextRefSchema.extend({
  owner: name,
  epoch: z.number().int(),
  expiresAt: z.number(),
});
export type OpenedContext = z.infer<typeof contextOpenResultSchema>;

export const contextCloseParamsSchema = contextRefSchema;

export const contextGetParamsSchema = contextRefSchema.extend({ key });
export const contextGetResultSchema = z.object({
  found: z.boolean(),
  value: json,
  /** Of the key; 0 if there never was one. */
  revision: z.number().int(),
});

export const contextSetParamsSchema = contextRefSchema.extend({
  key: ownKey,
  value: json,
  /** Compare-and-set: the revision that the key must have; 0 = it must not be there. */
  ifRevision: z.number().int().min(0).optional(),
});
export const contextSetResultSchema = z.object({ revision: z.number().int() });

export const contextDeleteParamsSchema = contextRefSchema.extend({
  key: ownKey,
  ifRevision: z.number().int().min(0).optional(),
});
export const contextDeleteResultSchema = z.object({ deleted: z.boolean(), revision: z.number().int() });

export const contextWatchParamsSchema = contextRefSchema.extend({
  prefix: z.string().max(256).default(''),
  /** Changes after this revision of the context. */
  since: z.number().int().min(0).default(0),
  /** Long poll: how long to wait for a change, ms. */
  waitMs: wait,
  /** Also tell this session of every later change by a notification. */
  subscribe: z.boolean().default(false),
});
const changeSchema = z.object({ key, revision: z.number().int(), deleted: z.boolean(), value: json });
export const contextWatchResultSchema = z.object({
  /** Of the context; the `since` of the next watch. */
  revision: z.number().int(),
  changes: z.array(changeSchema),
  /** False: deletions before this answer may be missing, read the keys again. */
  complete: z.boolean(),
});
export type ContextChange = z.infer<typeof changeSchema>;
/** `notifications/netmcp/context/changed`: what changed, not the value. */
export const contextChangedSchema = z.object({
  contextId: z.string(),
  key: z.string(),
  revision: z.number().int(),
  deleted: z.boolean(),
});

export const contextPublishParamsSchema = contextRefSchema.extend({ queue: ownKey, message: json });
export const contextPublishResultSchema = z.object({ seq: z.number().int() });

export const contextConsumeParamsSchema = contextRefSchema.extend({
  queue: key,
  /** Each group gets every message; the consumers of one group share them. */
  group,
  max: z.number().int().min(1).max(100).default(10),
  /** How long a message is hidden from the group until it is delivered again, ms. */
  visibilityMs: z.number().int().min(1).max(3_600_000).default(30_000),
  waitMs: wait,
});
const deliverySchema = z.object({
  seq: z.number().int(),
  message: json,
  /** 1 = first delivery. */
  attempt: z.number().int(),
  receipt: z.string(),
});
export const contextConsumeResultSchema = z.object({ messages: z.array(deliverySchema) });
export type Delivery = z.infer<typeof deliverySchema>;

export const contextAckParamsSchema = contextRefSchema.extend({
  queue: key,
  group,
  receipts: z.array(z.string().max(64)).min(1).max(100),
});
export const contextAckResultSchema = z.object({ acked: z.number().int() });

export const scheduleActionSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('publish'), queue: ownKey, message: json }),
  z.object({
    kind: z.literal('call'),
    tool: name,
    arguments: z.record(z.string().max(128), json).default({}),
    serverId: name.optional(),
    /** Queue that gets the outcome. */
    queue: ownKey.optional(),
  }),
]);
export type ScheduleAction = z.infer<typeof scheduleActionSchema>;

export const contextScheduleParamsSchema = contextRefSchema
  .extend({
    /** Scheduling again under one id replaces what was scheduled. */
    scheduleId: name.optional(),
    /** ms since 1970. */
    at: z.number().int().min(0).optional(),
    after: ms.optional(),
    every: ms.min(100).optional(),
    /** How often an `every` fires; without it until it is cancelled. */
    count: z.number().int().min(1).max(1_000_000).optional(),
    action: scheduleActionSchema,
    retries: z
      .object({
        max: z.number().int().min(0).max(20).default(3),
        backoffMs: z.number().int().min(10).max(3_600_000).default(1_000),
      })
      .default({ max: 3, backoffMs: 1_000 }),
  })
  .refine(({ at, after, every }) => at !== undefined || after !== undefined || every !== undefined, {
    message: 'one of at, after, every must be given',
  });
export const contextScheduleResultSchema = z.object({ scheduleId: name, dueAt: z.number() });

export const contextCancelParamsSchema = contextRefSchema.extend({ scheduleId: name });
export const contextCancelResultSchema = z.object({ cancelled: z.boolean() });
