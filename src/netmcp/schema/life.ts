import { z } from 'zod';
import { count, name, text } from './base.ts';
import { categorySchema, permissionSchema } from './tool.ts';

/** MCP allows 128 characters and dots; what models can call is narrower. */
export const toolNameSchema = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, 'is not a letter followed by up to 63 letters, digits, _ or -');

const jsonSchema = z.record(z.string(), z.unknown());

/**
 * 5. How a published tool is executed: one SBI operation, as data. `{x}` in `path` and in the values of
 * `query` is the argument x, percent-encoded; `{"$arg": "x"}` anywhere in `body` is the argument itself.
 */
export const bindingSchema = z.object({
  /** TS 29.510 NFType. */
  nf: z.string().regex(/^[A-Z][A-Z0-9_-]{0,31}$/),
  operation: z.string().min(1).max(128),
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
  path: z.string().regex(/^\/[A-Za-z0-9/._~{}-]{1,255}$/),
  query: z.record(z.string().max(64), z.string().max(256)).optional(),
  body: z.unknown().optional(),
  contentType: z.string().max(64).optional(),
  /** Field of the result -> JSON pointer (RFC 6901) into the answer; absent: the answer as it is. */
  response: z
    .record(
      z.string().max(64),
      z
        .string()
        .regex(/^(\/.*)?$/)
        .max(256),
    )
    .optional(),
});
export type Binding = z.infer<typeof bindingSchema>;

/** 5. A tool as an NF publishes it. */
export const publishedToolSchema = z.object({
  name: toolNameSchema,
  title: z.string().max(200).default(''),
  description: z.string().min(1).max(2_000),
  inputSchema: jsonSchema,
  outputSchema: jsonSchema.optional(),
  idempotent: z.boolean().optional(),
  meta: z.object({
    version: z
      .string()
      .regex(/^\d{1,5}(\.\d{1,5}){0,2}$/)
      .default('1.0'),
    category: categorySchema,
    kind: z.string().max(64).optional(),
    labels: z.array(z.string().max(64)).max(32).default([]),
    permission: permissionSchema.optional(),
    constraints: z
      .array(z.object({ rule: z.string().max(500), message: z.string().max(200) }))
      .max(16)
      .default([]),
    effects: z.enum(['read', 'reversible', 'irreversible']),
  }),
  binding: bindingSchema,
  /** A GET that answers below 500 while the tool works. */
  probe: z.object({ path: z.string().regex(/^\/[A-Za-z0-9/._~-]{1,255}$/) }).optional(),
});
export type PublishedTool = z.infer<typeof publishedToolSchema>;

/** 5. In the `customInfo` of an NF profile, under the id of the extension. */
export const publicationSchema = z.object({
  summary: text.default(''),
  tools: z.array(z.unknown()).max(64),
});

export const lifeStateSchema = z.enum([
  'candidate',
  'available',
  'renewing',
  'deprecated',
  'quarantined',
  'withdrawn',
  'forgotten',
]);
export type LifeState = z.infer<typeof lifeStateSchema>;

export const toolRegisterParamsSchema = z.object({ tool: z.unknown(), summary: text.default('') });
export const toolUpdateParamsSchema = z.object({
  tool: z.unknown().optional(),
  summary: text.default(''),
  /** Without `tool`: the tool of this name is deprecated. */
  name: name.optional(),
  replacedBy: z.string().max(128).default(''),
});
export const toolRemoveParamsSchema = z.object({ name, replacedBy: z.string().max(128).default('') });

/** What became of a publication, and why. */
export const publishedResultSchema = z.object({
  name,
  taken: z.boolean(),
  state: lifeStateSchema,
  reason: z.string(),
  /** Of the semantic match with the scope of the server, 0..1; null where it was not asked. */
  score: z.number().nullable(),
  hash: z.string(),
});
export type PublishedResult = z.infer<typeof publishedResultSchema>;

export const toolsetLoadParamsSchema = z.object({
  /** Configured sets, or the name of a category. */
  sets: z.array(name).max(16).default([]),
  labels: z.array(z.string().max(64)).max(16).default([]),
  /** The tools that fit these words best. */
  task: text.optional(),
});
export const toolsetUnloadParamsSchema = z.object({ sets: z.array(name).max(32).optional() });
export const toolsetResultSchema = z.object({
  loaded: z.array(name),
  tools: z.array(name),
  available: z.array(z.object({ name, tools: count })),
});
