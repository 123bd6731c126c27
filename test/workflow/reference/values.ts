import { createRequire } from 'node:module';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parseDuration } from './durations.ts';

/** An error of the DSL on its way up; the innermost task that it passes sets `instance`. */
export class Fault extends Error {
  readonly type: string;
  readonly status: number;
  readonly detail: string;
  instance: string | undefined;

  constructor(fault: { type: string; status: number; title?: string; detail?: string; instance?: string }) {
    super(fault.title ?? '');
    this.type = fault.type;
    this.status = fault.status;
    this.detail = fault.detail ?? '';
    this.instance = fault.instance;
  }

  /** As expressions see it. */
  value() {
    const { type, status, message: title, detail, instance = '' } = this;
    return { type, status, title, detail, instance };
  }
}

const STATUS = { configuration: 400, validation: 400, expression: 400, timeout: 408, runtime: 500 };

/** DSL reference 1.0.3, "Standard Error Types". */
export const standard = (kind: keyof typeof STATUS, title = '') =>
  new Fault({
    type: `https://open-workflow-specification.org/spec/1.0.0/errors/${kind}`,
    status: STATUS[kind],
    title,
  });

export type Variables = Record<string, unknown>;
// What the package exports is a promise itself: a module loader between would not pass it on.
const jq = await (createRequire(import.meta.url)('jq-web') as Promise<{
  raw(input: string, program: string, flags: string[]): string;
}>);

/** One jq program on one value; exactly one output is asked for. */
export function evaluate(expression: string, data: unknown, variables: Variables): unknown {
  const names = Object.keys(variables);
  const bind = names.map((name) => `$all[${JSON.stringify(name)}] as $${name} | `).join('');
  const program = `.variables as $all | ${bind}.data | [(${expression})]`;
  let outputs: unknown[];
  try {
    outputs = JSON.parse(jq.raw(JSON.stringify({ data, variables }), program, ['-c']));
  } catch (error) {
    throw standard('expression', String(error));
  }
  if (outputs.length !== 1) throw standard('expression', `${outputs.length} outputs`);
  return outputs[0];
}

const braces = /^\s*\$\{([\s\S]*)\}\s*$/;

/** A field that is an expression by its kind: braces may be left out. */
export const evaluateField = (text: string, data: unknown, variables: Variables) =>
  evaluate(braces.exec(text)?.[1] ?? text, data, variables);

/** A field that may be an expression by its kind, or an object with expressions as leaves. */
export const evaluateShape = (shape: unknown, data: unknown, variables: Variables) =>
  typeof shape === 'string' ? evaluateField(shape, data, variables) : fill(shape, data, variables);

/** Literal values with whole strings in braces evaluated. */
export function fill(value: unknown, data: unknown, variables: Variables): unknown {
  if (typeof value === 'string') {
    const inner = braces.exec(value)?.[1];
    return inner === undefined ? value : evaluate(inner, data, variables);
  }
  if (Array.isArray(value)) return value.map((one) => fill(one, data, variables));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one, data, variables)]));
}

/** Milliseconds of a duration: object, ISO 8601 text, or an expression that gives one of these. */
export function duration(value: unknown, data: unknown, variables: Variables): number {
  const ms = parseDuration(fill(value, data, variables));
  if (ms === undefined) throw standard('expression', 'no duration');
  return ms;
}

const ajv = new Ajv2020({ strict: false });

/** `schema.document` against a value. */
export function validate(schema: { document?: unknown } | undefined, value: unknown): void {
  if (schema?.document === undefined) return;
  if (!ajv.validate(schema.document as object, value)) throw standard('validation', ajv.errorsText());
}

const PREFIXES = ['serverlessworkflow.io', 'open-workflow-specification.org'].flatMap((host) =>
  ['spec/1.0.0/errors/', 'dsl/errors/types/', 'errors/types/'].map((path) => `https://${host}/${path}`),
);

const bareType = (type: string) => {
  const prefix = PREFIXES.find((one) => type.startsWith(one));
  return prefix === undefined ? type : `standard ${type.slice(prefix.length)}`;
};

/** `catch.errors.with`: every property that is given is equal; types under any of their known prefixes. */
export function matches(filter: Record<string, unknown> | undefined, fault: Fault): boolean {
  const value: Record<string, unknown> = fault.value();
  return Object.entries(filter ?? {}).every(([key, wanted]) =>
    key === 'type' ? bareType(String(wanted)) === bareType(fault.type) : value[key] === wanted,
  );
}
