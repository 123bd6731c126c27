import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import { z } from 'zod';
import type { Refusal, Verdict } from '../../../machines/protocols/tool-call.machine.ts';
import { fail } from '../../errors.ts';
import { EXTENSION } from '../schema/index.ts';
import type { Tool } from '../session/server-session.ts';
import type { NfTool } from '../tools/types.ts';
import { refuseBounds } from './bounds.ts';
import { compileFill, type JsonSchema, withoutParameters } from './fill.ts';
import { compileForeign } from './foreign-schema.ts';
import { compileRule, holds, parametersOf } from './rules.ts';
import type { CallState } from './state.ts';

/** NetMCP 2: hard limit of one definition, bytes of JSON. */
export const MAX_DEFINITION = 4_096;

export interface CompiledTool {
  tool: NfTool;
  definition: Tool;
  /**
   * Bounds, schema, the parameters that the server fills, then constraints (NetMCP 3). The arguments that come
   * back are those to execute.
   */
  verify(args: Record<string, unknown>, state: CallState): Verified;
}

export interface Verified {
  verdict: Verdict;
  args: Record<string, unknown>;
}

const ajv = new Ajv2020({ allErrors: false, verbose: true, strict: true, allowUnionTypes: true });
/** The definition that clients see, and its verification. @throws NETMCP_TOOL_INVALID */
export function compileTool(tool: NfTool): CompiledTool {
  try {
    const fullSchema = tool.schemas?.input ?? schemaOf(tool.input, 'input');
    const outputSchema = tool.schemas === undefined ? schemaOf(tool.output, 'output') : tool.schemas.output;
    const fill = compileFill(tool.meta, fullSchema);
    const inputSchema = withoutParameters(fullSchema, fill.names);
    const { defaults: _, derived: __, ...meta } = tool.meta;
    const definition = {
      name: tool.name,
      title: tool.title,
      description: tool.description,
      inputSchema,
      ...(outputSchema && { outputSchema }),
      annotations: {
        readOnlyHint: tool.meta.effects === 'read',
        destructiveHint: tool.meta.effects === 'irreversible',
        idempotentHint: tool.idempotent,
        openWorldHint: false,
      },
      _meta: { [EXTENSION]: meta },
    } as unknown as Tool;
    const size = Buffer.byteLength(JSON.stringify(definition));
    if (size > MAX_DEFINITION) throw new Error(`it has ${size} bytes, the limit is ${MAX_DEFINITION}`);
    const compile = (schema: JsonSchema) =>
      tool.schemas === undefined ? ajv.compile(schema) : compileForeign(schema);
    const given = compile(inputSchema);
    const filled = fill.names.size === 0 ? null : compile(fullSchema);
    const rules = tool.meta.constraints.map(({ rule, message }) => ({
      rule,
      message,
      check: compileRule(rule),
    }));
    return {
      tool,
      definition,
      verify(args, state) {
        const unbound = refuseBounds(args);
        if (unbound !== null) return { verdict: refuse(unbound), args };
        if (!given(args)) return { verdict: refuse(schemaRefusal(given.errors?.[0])), args };
        const whole = fill.fill({ args, state });
        if ('refusal' in whole) return { verdict: refuse(whole.refusal), args };
        if (filled !== null && !filled(whole.args))
          return { verdict: refuse(schemaRefusal(filled.errors?.[0])), args };
        const broken = rules.find(({ check }) => !holds(check, { args: whole.args, state }));
        if (broken === undefined) {
          const unfit = tool.check?.(whole.args) ?? null;
          return { verdict: unfit === null ? { decision: 'allow' } : refuse(unfit), args: whole.args };
        }
        const { rule, message } = broken;
        const parameter = parametersOf(rule);
        return {
          verdict: refuse({ step: 'constraint', parameter, rule, allowed: message, message }),
          args,
        };
      },
    };
  } catch (error) {
    throw fail(
      'NETMCP_TOOL_INVALID',
      { tool: tool.name, problem: error instanceof Error ? error.message : error },
      { cause: error },
    );
  }
}

export const refuse = (refusal: Refusal): Verdict => ({ decision: 'refuse', refusal });

function schemaOf(type: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(type, { io, target: 'draft-2020-12' });
  return slim(schema) as JsonSchema;
}

/** Leaves out what only costs room: the bounds of safe integers, and closed output objects. */
function slim(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(slim);
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node)
      .filter(
        ([key, value]) =>
          !(/^(maximum|minimum)$/.test(key) && Math.abs(value as number) >= Number.MAX_SAFE_INTEGER),
      )
      .map(([key, value]) => [key, slim(value)]),
  );
}

function schemaRefusal(error: ErrorObject | undefined): Refusal {
  if (error === undefined) {
    return {
      step: 'schema',
      parameter: '',
      rule: 'schema',
      allowed: '',
      message: 'the arguments do not fit the schema',
    };
  }
  const path = error.instancePath.slice(1).replaceAll('/', '.');
  const extra = error.keyword === 'additionalProperties' ? String(error.params.additionalProperty) : '';
  const missing = error.keyword === 'required' ? String(error.params.missingProperty) : '';
  const parameter = [path, extra || missing]
    .filter((part) => part !== '')
    .join('.')
    .slice(0, 200);
  return {
    step: 'schema',
    parameter,
    rule: error.keyword,
    allowed: allowedOf(error),
    message: `${parameter === '' ? 'the arguments' : parameter} ${error.message ?? 'is not valid'}`,
  };
}

/** The allowed range in words, out of the schema that did not match. */
function allowedOf(error: ErrorObject): string {
  const schema = (error.parentSchema ?? {}) as JsonSchema;
  if (error.keyword === 'additionalProperties')
    return Object.keys((schema.properties ?? {}) as object).join(', ');
  if (error.keyword === 'required') return `${String(error.params.missingProperty)} must be given`;
  const parts: string[] = [];
  if (schema.type !== undefined) parts.push(String(schema.type));
  if (schema.enum !== undefined) parts.push(`one of ${(schema.enum as unknown[]).join(', ')}`);
  if (schema.minimum !== undefined) parts.push(`>= ${String(schema.minimum)}`);
  if (schema.exclusiveMinimum !== undefined) parts.push(`> ${String(schema.exclusiveMinimum)}`);
  if (schema.maximum !== undefined) parts.push(`<= ${String(schema.maximum)}`);
  if (schema.minItems !== undefined) parts.push(`at least ${String(schema.minItems)} items`);
  if (schema.maxItems !== undefined) parts.push(`at most ${String(schema.maxItems)} items`);
  if (schema.maxLength !== undefined) parts.push(`at most ${String(schema.maxLength)} characters`);
  if (schema.pattern !== undefined) parts.push(`pattern ${String(schema.pattern)}`);
  return parts.join(', ');
}
