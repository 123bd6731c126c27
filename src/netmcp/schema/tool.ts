import { z } from 'zod';
import { name } from './base.ts';

export const categorySchema = z.enum([
  'connectivity',
  'sensing',
  'data',
  'computing',
  'policy',
  'mobility',
  'storage',
  'management',
]);
export type Category = z.infer<typeof categorySchema>;

export const permissionSchema = z.discriminatedUnion('mode', [
  z.object({ mode: z.literal('public') }),
  z.object({ mode: z.literal('token'), scopes: z.array(name).max(32) }),
  z.object({ mode: z.literal('specified'), agents: z.array(name).max(64) }),
]);
export type Permission = z.infer<typeof permissionSchema>;

/** 2. `_meta` of a tool. `kind` is the kind of operation in the terms of the white paper. */
export const toolMetaSchema = z.object({
  version: z.string().max(16),
  deprecated: z.object({ since: z.string().max(32), replacedBy: name.optional() }).optional(),
  category: categorySchema,
  kind: z.string().max(64).optional(),
  labels: z.array(z.string().max(64)).max(32),
  serviceArea: z.array(name).max(256),
  permission: permissionSchema,
  constraints: z.array(z.object({ rule: z.string().max(500), message: z.string().max(200) })).max(16),
  /** Parameters that the server fills and agents do not see: fixed values, and CEL over the others. */
  defaults: z.record(name, z.json()).optional(),
  derived: z.record(name, z.string().max(500)).optional(),
  effects: z.enum(['read', 'reversible', 'irreversible']),
  nf: z.array(z.object({ type: z.string().max(32), operations: z.array(z.string().max(128)).max(8) })).max(8),
});
export type ToolMeta = z.infer<typeof toolMetaSchema>;
