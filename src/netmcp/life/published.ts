import type { ValidateFunction } from 'ajv/dist/2020.js';
import { z } from 'zod';
import { type Binding, type PublishedTool, publishedToolSchema } from '../schema/index.ts';
import type { NfTool, SbiRequest, SbiResponse, ToolContext } from '../tools/types.ts';
import type { SbiPort } from '../toolserver/call.ts';
import { compileForeign, readForeignSchema } from '../toolserver/foreign-schema.ts';
import { SbiFailure } from '../toolserver/sbi-failure.ts';
import { compileTool } from '../toolserver/verify.ts';
import { hashOf } from './content.ts';
import { findHiddenIn } from './hidden.ts';
import type { Offer } from './offer.ts';

export interface Publisher {
  provider: string;
  origin: 'nrf' | 'direct';
  summary: string;
  /** Of an NF that published through the NRF: it binds tools to itself only. */
  nf?: { type: string; base: string };
  /** Known to the operator; the tools of others are held. */
  trusted: boolean;
  sbi: SbiPort;
}

/** Longest mark that a definition may get later: room is kept for it. */
const MARK = { since: '2000-01-01T00:00:00.000Z', replacedBy: 'x'.repeat(64) };
const REFERENCE = /\{([A-Za-z0-9_]+)\}/g;
const MAX_DEPTH = 8;

/**
 * Reads a tool that an NF publishes (NetMCP 5): definition, binding, probe. No code comes with it.
 * @throws Error, what is wrong with it
 */
export function readPublished(raw: unknown, by: Publisher): Offer {
  const read = publishedToolSchema.safeParse(raw);
  if (!read.success) throw new Error(z.prettifyError(read.error).slice(0, 500));
  const given = read.data;
  const { binding } = given;
  if (by.nf !== undefined && binding.nf !== by.nf.type)
    throw new Error(`an NF of type ${by.nf.type} cannot bind a tool to ${binding.nf}`);
  const input = readForeignSchema(given.inputSchema, true);
  checkReferences(binding, input);
  const tool = toolOf(given, input, by.nf?.base);
  compileTool({ ...tool, meta: { ...tool.meta, deprecated: MARK } });
  const content = { ...given, inputSchema: input };
  const { name, description } = content;
  const doubts: string[] = [];
  if (!by.trusted) doubts.push(`${by.provider} is not approved as a publisher`);
  if (given.meta.effects === 'read' && binding.method !== 'GET')
    doubts.push(`it says that it only reads, but sends ${binding.method}`);
  return {
    name,
    provider: by.provider,
    origin: by.origin,
    version: given.meta.version,
    summary: by.summary,
    tool,
    content,
    // What a stranger offers is approved for that stranger only.
    hash: hashOf(by.trusted ? content : { ...content, provider: by.provider }),
    body: hashOf({ description, input }),
    doubts,
    taint: findHiddenIn(content, ''),
    ...(given.probe && { probe: probeOf(given.probe.path, binding.nf, by) }),
  };
}

function toolOf(given: PublishedTool, input: Record<string, unknown>, base: string | undefined): NfTool {
  const { meta, binding } = given;
  if (meta.permission === undefined && meta.effects !== 'read')
    throw new Error('a tool with effects names its permission');
  const output = given.outputSchema && readForeignSchema(given.outputSchema, false);
  const check = output && compileForeign(output);
  return {
    name: given.name,
    title: given.title || given.name,
    description: given.description,
    input: z.record(z.string(), z.unknown()),
    output: z.record(z.string(), z.unknown()),
    schemas: { input, ...(output && { output }) },
    idempotent: given.idempotent ?? meta.effects === 'read',
    meta: {
      version: meta.version,
      category: meta.category,
      ...(meta.kind !== undefined && { kind: meta.kind }),
      labels: meta.labels,
      serviceArea: [],
      permission: meta.permission ?? { mode: 'public' },
      constraints: meta.constraints,
      effects: meta.effects,
      nf: [{ type: binding.nf, operations: [binding.operation] }],
    },
    execute: (args, context) => execute(binding, base, check, args as Record<string, unknown>, context),
  };
}

async function execute(
  binding: Binding,
  base: string | undefined,
  check: ValidateFunction | undefined,
  args: Record<string, unknown>,
  context: ToolContext,
): Promise<Record<string, unknown>> {
  const answer = await context.sbi({
    ...requestOf(binding, args),
    ...(base !== undefined && { base }),
  });
  const result = resultOf(binding, answer);
  if (check !== undefined && !check(result)) {
    throw new SbiFailure({
      code: 'NF_ANSWER_UNREADABLE',
      message: `the answer of ${binding.nf} to ${binding.operation} is not what the tool promises`,
      retryable: false,
      executed: 'maybe',
    });
  }
  return result;
}

/** The SBI request of a call. @throws SbiFailure if an argument would leave the path of the operation */
export function requestOf(binding: Binding, args: Record<string, unknown>): SbiRequest {
  const { nf, operation, method } = binding;
  const path = binding.path.replace(REFERENCE, (_, name: string) => {
    const segment = encodeURIComponent(String(args[name]));
    if (/^\.{0,2}$/.test(segment)) {
      throw new SbiFailure({
        code: 'BAD_ARGUMENT',
        message: `${name} cannot be part of a path`,
        retryable: false,
        executed: 'no',
      });
    }
    return segment;
  });
  const query = Object.entries(binding.query ?? {}).flatMap(([key, template]): Array<[string, string]> => {
    const names = referencesIn(template);
    if (names.some((name) => args[name] === undefined)) return [];
    return [[key, template.replace(REFERENCE, (_, name: string) => String(args[name]))]];
  });
  return {
    nf,
    operation,
    method,
    path,
    ...(query.length > 0 && { query: Object.fromEntries(query) }),
    ...(binding.body !== undefined && { body: fill(binding.body, args) }),
    ...(binding.contentType !== undefined && { contentType: binding.contentType }),
  };
}

/** Puts the arguments into a body; what was not given is left out. */
function fill(template: unknown, args: Record<string, unknown>): unknown {
  if (Array.isArray(template)) return template.map((item) => fill(item, args)).filter((i) => i !== undefined);
  if (typeof template !== 'object' || template === null) return template;
  const argument = argumentOf(template);
  if (argument !== null) return Object.hasOwn(args, argument) ? args[argument] : undefined;
  return Object.fromEntries(
    Object.entries(template)
      .map(([key, value]) => [key, fill(value, args)] as const)
      .filter(([, value]) => value !== undefined),
  );
}

function argumentOf(node: object): string | null {
  const keys = Object.keys(node);
  const name = (node as { $arg?: unknown }).$arg;
  return keys.length === 1 && typeof name === 'string' ? name : null;
}

function resultOf(binding: Binding, { body }: SbiResponse): Record<string, unknown> {
  if (binding.response !== undefined) {
    return Object.fromEntries(
      Object.entries(binding.response)
        .map(([field, pointer]) => [field, at(body, pointer)] as const)
        .filter(([, value]) => value !== undefined),
    );
  }
  if (body === null) return {};
  return typeof body === 'object' && !Array.isArray(body)
    ? (body as Record<string, unknown>)
    : { value: body };
}

/** RFC 6901. */
function at(value: unknown, pointer: string): unknown {
  let node = value;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, key)) return undefined;
    node = (node as Record<string, unknown>)[key];
  }
  return node;
}

const referencesIn = (template: string) =>
  [...template.matchAll(REFERENCE)].map((match) => match[1] as string);

/** Every argument that the binding names exists, and those in the path are always given. */
function checkReferences(binding: Binding, input: Record<string, unknown>): void {
  const properties = new Map(Object.entries((input.properties ?? {}) as Record<string, { type?: unknown }>));
  const required = Array.isArray(input.required) ? input.required : [];
  if (binding.path.split('/').some((segment) => segment === '.' || segment === '..'))
    throw new Error('the path has a relative segment');
  for (const name of referencesIn(binding.path)) {
    if (!required.includes(name)) throw new Error(`${name} is in the path but not required`);
    if (!['string', 'number', 'integer'].includes(String(properties.get(name)?.type)))
      throw new Error(`${name} is in the path but no string or number`);
  }
  const used = [...Object.values(binding.query ?? {}).flatMap(referencesIn)];
  const visit = (node: unknown, depth: number): void => {
    if (depth > MAX_DEPTH) throw new Error(`the body is deeper than ${MAX_DEPTH}`);
    if (typeof node !== 'object' || node === null) return;
    const argument = Array.isArray(node) ? null : argumentOf(node);
    if (argument !== null) used.push(argument);
    else for (const item of Object.values(node)) visit(item, depth + 1);
  };
  visit(binding.body, 0);
  for (const name of used) if (!properties.has(name)) throw new Error(`the binding names an unknown ${name}`);
}

function probeOf(path: string, nf: string, by: Publisher) {
  return async (signal: AbortSignal): Promise<boolean> => {
    const base = by.nf?.base;
    const answer = await by.sbi.request(
      { nf, operation: 'probe', method: 'GET', path, ...(base !== undefined && { base }) },
      { signal },
    );
    return answer.status < 500;
  };
}
