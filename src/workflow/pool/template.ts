import { Ajv2020 } from 'ajv/dist/2020.js';
import { z } from 'zod';
import { NetAgentError } from '../../errors.ts';
import type { RunPolicy } from '../dsl/check.ts';
import { lineFinder } from '../dsl/parse.ts';
import { type CompiledWorkflow, compileWorkflow } from '../engine/compiled.ts';

/** The kinds of module of the white paper (3.2.2). */
export const CATEGORIES = [
  'composite-logic-chain',
  'atomic-capability',
  'domain-tool-integration',
  'built-in-ai-tool',
] as const;
export type Category = (typeof CATEGORIES)[number];

/** `document.metadata.netagent` of a template: what a planner must know before it runs one. */
const metadata = z.strictObject({
  category: z.enum(CATEGORIES).default('composite-logic-chain'),
  /** Whose it is: `ran`, `core`, ... or `central` where it works across domains. The namespace if not given. */
  domain: z.string().min(1).optional(),
  /** A template that does not say so is taken for one that changes the network. */
  effects: z.enum(['reads', 'changes']).default('changes'),
  /** Tasks as people say them, in any language. */
  tasks: z.array(z.string().min(1)).default([]),
  /** What it may touch, in words. */
  blast: z
    .strictObject({ cells: z.string().optional(), subscribers: z.string().optional() })
    .default(() => ({})),
  undo: z.string().default(''),
});

const about = z.object({
  document: z.object({
    title: z.string().optional(),
    summary: z.string().optional(),
    tags: z.record(z.string(), z.unknown()).optional(),
    metadata: z.looseObject({ netagent: metadata.prefault({}) }).prefault({}),
  }),
  input: z.looseObject({ schema: z.looseObject({ document: z.unknown() }).optional() }).optional(),
  output: z.looseObject({ schema: z.looseObject({ document: z.unknown() }).optional() }).optional(),
});

export type JsonSchema = Record<string, unknown>;

export interface Template extends z.output<typeof metadata> {
  /** `{namespace}/{name}` */
  id: string;
  name: string;
  /** Semantic version of the document. */
  version: string;
  domain: string;
  title: string;
  summary: string;
  tags: Record<string, unknown>;
  /** JSON Schemas of input and output; null where the document gives none. */
  input: JsonSchema | null;
  output: JsonSchema | null;
  file: string;
  readonly workflow: CompiledWorkflow;
}

/** Why a file is not in the pool. */
export interface TemplateProblem {
  file: string;
  /** Of the mistake; 1 where it is about the whole file. */
  line: number;
  reason: string;
}

/** Reads one template out of the text of a file. Never throws: what is wrong with it is the answer. */
export function readTemplate(
  text: string,
  file: string,
  policy: RunPolicy = {},
): { template: Template } | { problem: TemplateProblem } {
  const bad = (line: number, reason: string) => ({ problem: { file, line, reason } });
  try {
    const workflow = compileWorkflow(text, file, policy);
    const { namespace, name, version } = workflow.document.document;
    const read = about.safeParse(workflow.document);
    if (!read.success) {
      const issue = read.error.issues[0];
      const path = (issue?.path ?? []) as Array<string | number>;
      return bad(lineOf(path), `${path.join('.')}: ${issue?.message ?? 'is not valid'}`);
    }
    const { document, input, output } = read.data;
    const { netagent } = document.metadata;
    const schemas = { input: schemaOf(input?.schema?.document), output: schemaOf(output?.schema?.document) };
    for (const kind of ['input', 'output'] as const) {
      const mistake = mistakeIn(schemas[kind]);
      const place = [kind, 'schema', 'document'];
      if (mistake !== undefined)
        return bad(lineOf(place), `${place.join('.')} is no JSON Schema: ${mistake}`);
    }
    return {
      template: {
        ...netagent,
        id: `${namespace}/${name}`,
        name,
        version,
        domain: netagent.domain ?? namespace,
        title: document.title ?? name,
        summary: document.summary ?? '',
        tags: document.tags ?? {},
        ...schemas,
        file,
        workflow,
      },
    };

    function lineOf(path: Array<string | number>): number {
      return lineFinder(text)(`/${path.join('/')}`);
    }
  } catch (error) {
    if (!(error instanceof NetAgentError)) return bad(1, (error as Error).message.split('\n')[0] ?? '');
    const { where = '', problem = error.message } = error.details as { where?: string; problem?: string };
    const line = /line (\d+)/.exec(where)?.[1];
    const place = where.replace(/^line \d+ ?\(?|\)$/g, '');
    return bad(line === undefined ? 1 : Number(line), `${place === '' ? '' : `${place}: `}${problem}`);
  }
}

/** Only to say whether a schema is one. */
const ajv = new Ajv2020({ strict: false, validateFormats: false, logger: false });

/** What is wrong with a schema of a template; undefined where nothing is. */
function mistakeIn(schema: JsonSchema | null): string | undefined {
  if (schema === null) return undefined;
  try {
    return ajv.validateSchema(schema) === true
      ? undefined
      : ajv.errorsText(ajv.errors, { dataVar: 'schema' });
  } catch (error) {
    return (error as Error).message;
  }
}

const schemaOf = (value: unknown): JsonSchema | null =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as JsonSchema) : null;
