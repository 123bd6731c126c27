/**
 * Every parameter and result of NetMCP 1.0 in one place: zod schemas, types inferred from them.
 * The numbers in the comments are clauses of the wire profile.
 */
import { z } from 'zod';
import type { Offer } from '../../machines/protocols/negotiation.machine.ts';

export const EXTENSION = 'org.gtigroup/netmcp';
export const VERSION = '1.0';
/** 6. Our codes stay in -32003..-32019. */
export const ERROR_OVERLOADED = -32010;

export const METHODS = {
  register: 'netmcp/servers/register',
  update: 'netmcp/servers/update',
  deregister: 'netmcp/servers/deregister',
  report: 'netmcp/servers/report',
  discover: 'netmcp/servers/discover',
  subscribe: 'netmcp/servers/subscribe',
} as const;

export const NOTIFICATIONS = {
  changed: 'notifications/netmcp/servers/changed',
  load: 'notifications/netmcp/load',
} as const;

/** 1. The feature that a peer must have named before a vendor method may be sent to it. */
export const FEATURE_OF: Readonly<Record<string, string>> = {
  [METHODS.register]: 'lifecycle',
  [METHODS.update]: 'lifecycle',
  [METHODS.deregister]: 'lifecycle',
  [METHODS.report]: 'load',
  [METHODS.discover]: 'discover',
  [METHODS.subscribe]: 'load',
};

export const CLIENT_OFFER: Offer = {
  version: VERSION,
  versions: [VERSION],
  features: ['discover', 'load', 'lifecycle', 'trace'],
};

const name = z.string().min(1).max(128);
const text = z.string().max(2_000);
const endpoint = z.url({ protocol: /^https?$/ }).max(512);
const percent = z.number().min(0).max(100);
const count = z.number().int().min(0).max(1_000_000);

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
  effects: z.enum(['read', 'reversible', 'irreversible']),
  nf: z.array(z.object({ type: z.string().max(32), operations: z.array(z.string().max(128)).max(8) })).max(8),
});
export type ToolMeta = z.infer<typeof toolMetaSchema>;

/** 3. `_meta` of a call. */
export const callMetaSchema = z.object({
  version: z.string().max(16).optional(),
  idempotencyKey: z.string().min(1).max(200).optional(),
  contextId: z.string().max(200).optional(),
  /** ms left. */
  deadline: z.number().positive().max(86_400_000).optional(),
  traceparent: z.string().max(64).optional(),
  dryRun: z.boolean().optional(),
});
export type CallMeta = z.infer<typeof callMetaSchema>;

export const chainEntrySchema = z.object({
  nf: z.string(),
  operation: z.string(),
  /** HTTP status of the NF; 0 when no answer came. */
  status: z.number().int(),
  ms: z.number().min(0),
});
export type ChainEntry = z.infer<typeof chainEntrySchema>;

/** 3. `_meta` of a result. */
export const resultMetaSchema = z.object({
  server: name,
  chain: z.array(chainEntrySchema),
  dryRun: z.boolean().optional(),
  replayed: z.boolean().optional(),
  attempts: z.number().int().optional(),
  refusal: z
    .object({
      step: z.string(),
      parameter: z.string(),
      rule: z.string(),
      allowed: z.string(),
      message: z.string(),
    })
    .optional(),
});
export type ResultMeta = z.infer<typeof resultMetaSchema>;

export const loadStateSchema = z.enum(['normal', 'high', 'overloaded', 'draining', 'gone']);

export const alternateSchema = z.object({ serverId: name, url: endpoint });
const alternates = z.array(alternateSchema).max(32);

/** 4. What the registry knows of a tool, enough to rank it by a task. */
export const toolSummarySchema = z.object({
  name,
  title: z.string().max(200).default(''),
  description: text.default(''),
  labels: z.array(z.string().max(64)).max(32).default([]),
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
  weight: percent,
  score: z.number(),
  alternates,
});
export type ServerEntry = z.infer<typeof serverEntrySchema>;

export const discoverResultSchema = z.object({ servers: z.array(serverEntrySchema) });

export const subscribeParamsSchema = z.object({ serverIds: z.array(name).max(256).optional() });
export const subscribeResultSchema = z.object({ subscribed: z.boolean() });
export const emptyResultSchema = z.object({});

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
