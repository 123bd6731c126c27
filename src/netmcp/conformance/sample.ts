import { EXTENSION, toolMetaSchema } from '../schema/index.ts';
import type { Tool } from '../session/server-session.ts';
import type { Json } from './probe.ts';

type Schema = { [key: string]: unknown; properties?: Record<string, Schema>; required?: string[] };

/**
 * Arguments for a tool out of its own schema: examples, defaults, constants, the first of an enumeration, the
 * least number. Undefined where the schema says nothing of the kind.
 */
export function sampleArgs(tool: Tool): Json | undefined {
  const schema = tool.inputSchema as Schema;
  const args: Json = {};
  for (const name of schema.required ?? []) {
    const value = sampleOf(schema.properties?.[name] ?? {});
    if (value === undefined) return undefined;
    args[name] = value;
  }
  return args;
}

function sampleOf(schema: Schema): unknown {
  const { examples, default: standard, const: constant, enum: values } = schema;
  if (Array.isArray(examples) && examples.length > 0) return examples[0];
  if (standard !== undefined) return standard;
  if (constant !== undefined) return constant;
  if (Array.isArray(values) && values.length > 0) return values[0];
  if (schema.type === 'boolean') return false;
  if (schema.type === 'number' || schema.type === 'integer') return schema.minimum ?? 1;
  if (schema.type === 'string' && schema.pattern === undefined && schema.format === undefined)
    return 'x'.repeat(Number(schema.minLength ?? 1));
  if (schema.type === 'array' && (schema.minItems ?? 0) === 0) return [];
  if (schema.type === 'array') {
    const item = sampleOf((schema.items ?? {}) as Schema);
    return item === undefined ? undefined : [item];
  }
  return undefined;
}

/** A tool that only reads, and arguments for it. */
export function chooseSample(
  tools: Tool[],
  wanted?: { tool: string; args: Json } | undefined,
): { tool: Tool; args: Json } | undefined {
  if (wanted !== undefined) {
    const tool = tools.find(({ name }) => name === wanted.tool);
    return tool === undefined ? undefined : { tool, args: wanted.args };
  }
  for (const tool of tools) {
    const meta = toolMetaSchema.safeParse(tool._meta?.[EXTENSION]);
    if (!meta.success || meta.data.effects !== 'read') continue;
    const args = sampleArgs(tool);
    if (args !== undefined) return { tool, args };
  }
  return undefined;
}
