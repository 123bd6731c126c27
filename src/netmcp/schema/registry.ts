import { z } from 'zod';
import { count, name, percent } from './base.ts';
import { registerParamsSchema } from './servers.ts';

/** 4. What management servers tell each other of a tool server: its registration, ... */
const entryValueSchema = z.object({
  kind: z.literal('entry'),
  registration: registerParamsSchema,
  lease: name,
  draining: z.boolean(),
  /** A tombstone: it has left, and what is older does not bring it back. */
  left: z.boolean(),
});
export type EntryValue = z.infer<typeof entryValueSchema>;

/** ... and its last report, as the one that took it judged it. */
const reportValueSchema = z.object({
  kind: z.literal('report'),
  serverId: name,
  epoch: z.number().int().min(0),
  load: percent,
  inFlight: count,
  queue: count,
  p95Ms: z.number().min(0),
  nfLoad: z.record(name, percent),
  untrusted: z.boolean(),
});
export type ReportValue = z.infer<typeof reportValueSchema>;

const sequence = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const vectorSchema = z
  .record(name, sequence)
  .refine((vector) => Object.keys(vector).length <= 256, 'names more than 256 origins');

/** One write; `origin` and `n` number it, `rank` decides between two writes of one key. */
export const replicaRecordSchema = z.object({
  key: z.string().min(1).max(200),
  origin: name,
  n: sequence,
  rank: z.array(sequence).min(1).max(8),
  value: z.discriminatedUnion('kind', [entryValueSchema, reportValueSchema]),
});
export type ReplicaRecord = z.infer<typeof replicaRecordSchema>;

/** Writes in order, and up to where the receiver knows everything once it has them. */
export const replicaPageSchema = z.object({
  records: z.array(replicaRecordSchema).max(10_000),
  vector: vectorSchema,
  more: z.boolean(),
});
export type ReplicaPage = z.infer<typeof replicaPageSchema>;

/** The caller's news, and what it knows; the answer brings what it does not know. */
export const syncParamsSchema = z.object({
  from: name,
  page: replicaPageSchema,
  known: vectorSchema,
  /** ms that the answer may wait for news. */
  waitMs: z.number().int().min(0).max(60_000).default(0),
});

export const syncResultSchema = z.object({ from: name, page: replicaPageSchema, known: vectorSchema });
