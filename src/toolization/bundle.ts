import { readFileSync, statSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { fail } from '../errors.ts';
import { toolMetaSchema } from '../netmcp/index.ts';
import { POISON } from './json.ts';

/** Bytes of a bundle file. */
const MOST_BYTES = 64 * 1024 * 1024;

const node = z.record(z.string(), z.unknown());
const step = z
  .string()
  .max(200)
  .refine((name) => !POISON.has(name), 'the name is not allowed');

export interface BundleField {
  name: string;
  at: string[];
  shape?: 'list' | 'map' | undefined;
  item?: BundleField[] | undefined;
  fixed?: unknown;
  auto?: 'id' | undefined;
  /** Sent only where the object around it is sent. */
  within?: number | undefined;
}

const field: z.ZodType<BundleField> = z.lazy(() =>
  z.strictObject({
    name: z.string().max(128),
    at: z.array(step).min(1).max(16),
    shape: z.enum(['list', 'map']).optional(),
    item: z.array(field).max(64).optional(),
    fixed: z.unknown().optional(),
    auto: z.literal('id').optional(),
    within: z.number().int().optional(),
  }),
);

const tool = z.strictObject({
  name: z.string().regex(/^[A-Za-z_][\w-]{0,127}$/),
  title: z.string().max(200),
  description: z.string().max(2_000),
  inputSchema: node,
  outputSchema: node,
  idempotent: z.boolean(),
  meta: toolMetaSchema,
  /** Scopes that the description asks for at its provider. */
  scopes: z.array(z.string().max(200)).max(16),
  request: z.strictObject({
    operation: z.string().max(200),
    nf: z.string().max(64),
    method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
    /** Below the root of the API, with `{name}` for parameters of the path. */
    path: z.string().max(1_000).startsWith('/'),
    contentType: z.string().max(200).optional(),
    fields: z.array(field).max(200),
    /** Objects that are sent even if empty. */
    containers: z.array(z.array(step).max(16)).max(64),
    /** How parameters of the query are written, where not as one plain value. */
    styles: z.record(z.string(), z.enum(['json', 'explode'])),
    /** The original description of path, query, header and body. */
    schema: node,
  }),
  answer: z.strictObject({
    /** Names of the answer that are kept; all others are counted. */
    keep: z.array(z.string().max(200)).max(64),
    list: z.boolean(),
  }),
});

const upstream = z.strictObject({
  /** API root; absent: the NF that the NRF names. */
  url: z.url({ protocol: /^https?$/ }).optional(),
  /** h2c: HTTP/2 with prior knowledge. */
  http: z.enum(['http1', 'h2', 'h2c']).default('http1'),
  /** Where the bearer token for it is found; never in this file. */
  token: z.union([z.strictObject({ env: z.string() }), z.strictObject({ file: z.string() })]).optional(),
});

const from = z.strictObject({
  $from: z
    .string()
    .regex(/^[\w-]+(\.[\w-]+)*$/)
    .max(500),
});
const call = z.strictObject({
  tool: z.string().max(128),
  args: z.record(step, z.union([from, z.unknown()])),
});
export const compositeSchema = z.strictObject({
  name: z.string().regex(/^[a-z]\w{0,127}$/),
  title: z.string().max(200),
  description: z.string().max(2_000),
  steps: z
    .array(
      z.strictObject({ id: z.string().regex(/^(?!input$)\w{1,64}$/), ...call.shape, undo: call.optional() }),
    )
    .min(1)
    .max(16),
  output: z.record(step, from),
});

export const bundleSchema = z.strictObject({
  netagentTools: z.literal(1),
  upstream,
  tools: z.array(tool).max(5_000),
  composites: z.array(compositeSchema).max(200).default([]),
  schemas: z.record(z.string(), node),
});

export type Bundle = z.infer<typeof bundleSchema>;
export type BundleTool = z.infer<typeof tool>;
export type Upstream = z.infer<typeof upstream>;
export type CompositeTool = z.infer<typeof compositeSchema>;

/** A bundle file, JSON or YAML. @throws TOOLS_BUNDLE_INVALID */
export const readBundle = (file: string): Bundle => readAs(file, bundleSchema);

/** A file with a list of composite tools. @throws TOOLS_BUNDLE_INVALID */
export const readComposites = (file: string): CompositeTool[] =>
  readAs(file, z.array(compositeSchema).max(200));

function readAs<T>(file: string, schema: z.ZodType<T>): T {
  const invalid = (problem: string, cause?: unknown) =>
    fail('TOOLS_BUNDLE_INVALID', { file, problem }, { cause });
  let value: unknown;
  try {
    const { size } = statSync(file);
    if (size > MOST_BYTES) throw new Error(`it has ${size} bytes, the limit is ${MOST_BYTES}`);
    const text = readFileSync(file, 'utf8');
    value = text.trimStart().startsWith('{') ? JSON.parse(text) : parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw invalid(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error), error);
  }
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw invalid(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
}
