import { z } from 'zod';
import { count, endpoint, name, percent, text } from './base.ts';
import { categorySchema, permissionSchema } from './tool.ts';

export const loadStateSchema = z.enum(['normal', 'high', 'overloaded', 'draining', 'gone']);

export const alternateSchema = z.object({ serverId: name, url: endpoint });
const alternates = z.array(alternateSchema).max(32);

/** 4. What the registry knows of a tool, enough to rank it by a task. */
export const toolSummarySchema = z.object({
  name,
  title: z.string().max(200).default(''),
  description: text.default(''),
  labels: z.array(z.string().max(64)).max(32).default([]),
  /** Who may use it; discovery shows a caller only what is for that caller. */
  permission: permissionSchema.default({ mode: 'public' }),
});
export type ToolSummary = z.infer<typeof toolSummarySchema>;

export const registerParamsSchema = z.object({
  serverId: name,
  endpoints: z.array(endpoint).min(1).max(8),
  vendor: z.string().max(128).default(''),
  version: z.string().max(32).default(''),
  maxLoad: percent.default(100),
  /** Names of areas: region ids or TAIs; empty = everywhere. */
  serviceArea: z.array(name).max(256).default([]),
  categories: z.array(categorySchema).max(16).default([]),
  summary: text.default(''),
  toolCount: count,
  /** Of the tool definitions; servers with the same digest stand in for each other. */
  digest: z.string().max(128),
  tools: z.array(toolSummarySchema).max(512).default([]),
});
export type Registration = z.infer<typeof registerParamsSchema>;

export const registerResultSchema = z.object({
  lease: name,
  leaseMs: z.number().positive(),
  reportEveryMs: z.number().positive(),
  /** `unapproved`: known to the operators, not in the registry; the lease is good for nothing. */
  standing: z.enum(['approved', 'unapproved']).default('approved'),
});

/** What is left out stays as it is, so nothing here has a default. */
export const updateParamsSchema = z.object({
  lease: name,
  serviceArea: z.array(name).max(256).optional(),
  categories: z.array(categorySchema).max(16).optional(),
  summary: text.optional(),
  toolCount: count.optional(),
  digest: z.string().max(128).optional(),
  tools: z.array(toolSummarySchema).max(512).optional(),
});

export const deregisterParamsSchema = z.object({ lease: name, drain: z.boolean().default(false) });

export const reportParamsSchema = z.object({
  lease: name,
  load: percent,
  inFlight: count,
  queue: count,
  /** Load of the NFs behind the server, by NF type. */
  nfLoad: z.record(name, percent).default({}),
  p95Ms: z.number().min(0),
});
export type Report = z.infer<typeof reportParamsSchema>;

export const reportResultSchema = z.object({
  state: loadStateSchema,
  weight: percent,
  /** Handed to refused callers with -32010. */
  alternates,
});

export const discoverParamsSchema = z.object({
  task: text.optional(),
  /** Only servers that have this tool. */
  tool: name.optional(),
  serviceArea: name.optional(),
  categories: z.array(categorySchema).max(16).optional(),
  limit: z.number().int().min(1).max(100).default(10),
});
export type DiscoverParams = z.input<typeof discoverParamsSchema>;

export const serverEntrySchema = z.object({
  serverId: name,
  endpoints: z.array(endpoint),
  summary: z.string(),
  serviceArea: z.array(name),
  categories: z.array(categorySchema),
  digest: z.string(),
  tools: z.array(name),
  load: percent,
  state: loadStateSchema,
  suspect: z.boolean(),
  /** Its reports contradict themselves; it counts as one under high load. */
  untrusted: z.boolean().default(false),
  weight: percent,
  score: z.number(),
  alternates,
});
export type ServerEntry = z.infer<typeof serverEntrySchema>;

export const discoverResultSchema = z.object({
  servers: z.array(serverEntrySchema),
  /** This management server has just started and may not know everybody yet. */
  partial: z.boolean().default(false),
});

/** Notices of these servers, and of those that serve one of these areas; nothing given = all. */
export const subscribeParamsSchema = z.object({
  serverIds: z.array(name).max(256).optional(),
  serviceAreas: z.array(name).max(64).optional(),
});
export const subscribeResultSchema = z.object({ subscribed: z.boolean() });

/** 6. */
export const loadParamsSchema = z.object({
  serverId: name,
  load: percent,
  state: loadStateSchema,
  alternates,
  weight: percent,
});
export type LoadNotice = z.infer<typeof loadParamsSchema>;

export const changedParamsSchema = z.object({
  serverId: name,
  change: z.enum(['registered', 'updated', 'gone']),
});
export type ChangeNotice = z.infer<typeof changedParamsSchema>;

/** Data of the JSON-RPC error -32010. */
export const overloadedDataSchema = z.object({ alternates, retryAfterMs: z.number().min(0) });
