import { z } from 'zod';
import type { Refusal } from '../../../machines/protocols/tool-call.machine.ts';
import type { Category, ToolMeta } from '../schema/index.ts';

export interface SbiRequest {
  /** TS 29.510 NFType, or the name under which a service outside the core is registered. */
  nf: string;
  /** Name of the operation in the specification; shown in the chain. */
  operation: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With service and version, for example `/namf-loc/v1/...`. */
  path: string;
  query?: Record<string, string>;
  body?: unknown;
  contentType?: string;
  /** API root of one instance; absent: the one that the NRF names. */
  base?: string;
}

export interface SbiResponse {
  status: number;
  body: unknown;
  location: string | null;
}

/** What a tool may use while it executes. */
export interface ToolContext {
  /** One SBI request, recorded in the chain. @throws SbiFailure on any status of 400 and above */
  sbi(request: SbiRequest): Promise<SbiResponse>;
  /** An identifier that is the same for every execution under one idempotency key. */
  id(): string;
  /** One step at another server, recorded in the chain with the status that `work` gives. */
  hop<T>(nf: string, operation: string, work: () => Promise<{ status: number; value: T }>): Promise<T>;
  /**
   * Another tool as a step of this one, where the host runs composite tools, with arguments that are looked at like those of a call of its own.
   * @throws SbiFailure STEP_REFUSED, and what the tool throws
   */
  step?(tool: NfTool, args: Record<string, unknown>): Promise<Record<string, unknown>>;
  signal: AbortSignal;
}

export interface NfTool {
  name: string;
  title: string;
  description: string;
  input: z.ZodType<Record<string, unknown>>;
  output: z.ZodType<Record<string, unknown>>;
  /** Of a tool that others defined: its JSON Schemas, which count instead of the two types. */
  schemas?: { input: Record<string, unknown>; output?: Record<string, unknown> };
  /** Executing it twice leaves the network as executing it once. */
  idempotent: boolean;
  meta: ToolMeta;
  /** What a token must say where tokens are asked for: the tool can hurt many subscribers. */
  scope?: string;
  /** Why arguments that keep schema and constraints are still not executed; null where they are. */
  check?(args: Record<string, unknown>): Refusal | null;
  execute(args: unknown, context: ToolContext): Promise<Record<string, unknown>>;
}

/** The kinds of operation of the white paper, 3.2.1. */
export type Kind =
  | 'data collection'
  | 'resource management'
  | 'connection control'
  | 'performance assurance'
  | 'status perception'
  | 'redundancy recovery';

/** A tool as data: names, schemas, rules, and the short function that calls the NFs. */
export function tool<
  I extends z.ZodType<Record<string, unknown>>,
  O extends z.ZodType<Record<string, unknown>>,
>(definition: {
  name: string;
  title: string;
  description: string;
  category: Category;
  kind: Kind;
  labels: string[];
  effects: ToolMeta['effects'];
  idempotent?: boolean;
  permission?: ToolMeta['permission'];
  scope?: string;
  constraints?: ToolMeta['constraints'];
  defaults?: ToolMeta['defaults'];
  derived?: ToolMeta['derived'];
  nf: ToolMeta['nf'];
  input: I;
  output: O;
  execute(args: z.output<I>, context: ToolContext): Promise<z.input<O>>;
}): NfTool {
  const { name, title, description, input, output, effects, execute } = definition;
  return {
    name,
    title,
    description,
    input,
    output,
    idempotent: definition.idempotent ?? effects === 'read',
    ...(definition.scope !== undefined && { scope: definition.scope }),
    meta: {
      version: '1.0',
      category: definition.category,
      kind: definition.kind,
      labels: definition.labels,
      serviceArea: [],
      permission: definition.permission ?? { mode: 'public' },
      constraints: definition.constraints ?? [],
      ...(definition.defaults && { defaults: definition.defaults }),
      ...(definition.derived && { derived: definition.derived }),
      effects,
      nf: definition.nf,
    },
    execute: async (args, context) => output.parse(await execute(input.parse(args), context)),
  };
}

/** Parameters that many tools share. */
export const supi = z
  .string()
  .regex(/^imsi-[0-9]{5,15}$/)
  .describe('Subscriber, `imsi-` and digits')
  .meta({ examples: ['imsi-001010000000001'] });
export const cellIds = z
  .array(z.string().regex(/^[0-9a-f]{7,9}$/i))
  .min(1)
  .max(200)
  .describe('Cell ids');
export const instant = z.number().min(0).max(8.64e15).describe('Network time, ms since 1970');
export const start = instant.describe('Start, network time, ms since 1970');
export const end = instant.describe('End, network time, ms since 1970');
export const WINDOW = {
  rule: '!has(args.start) || !has(args.end) || args.start < args.end',
  message: 'start must be before end',
};
