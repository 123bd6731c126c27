import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { JsonSchema, Template } from './template.ts';

export interface MissingInput {
  name: string;
  /** Others of which one would do instead. */
  or: string[];
  description: string;
}

export interface InputCheck {
  /** True where the template can be run with these inputs. */
  complete: boolean;
  missing: MissingInput[];
  /** Inputs that are there and wrong, with what is wrong. */
  invalid: Array<{ name: string; problem: string }>;
}

/** What a template still needs to be run with what is known. A template without an input schema needs nothing. */
export function checkInputs(template: Template, known: Record<string, unknown>): InputCheck {
  const schema = template.input;
  if (schema === null) return { complete: true, missing: [], invalid: [] };
  const validate = validatorOf(schema);
  if (typeof validate === 'string')
    return { complete: false, missing: [], invalid: [{ name: '', problem: validate }] };
  if (validate(known)) return { complete: true, missing: [], invalid: [] };
  const errors = validate.errors ?? [];
  const missing: MissingInput[] = [];
  for (const { keyword, params, schemaPath, instancePath } of errors) {
    if (keyword !== 'required' || instancePath !== '') continue;
    const name = String(params.missingProperty);
    const alternatives = /^#\/(anyOf|oneOf)\//.test(schemaPath);
    const group = alternatives ? missing.find(({ or }) => or.length > 0) : undefined;
    if (group !== undefined) {
      if (group.name !== name && !group.or.includes(name)) group.or.push(name);
    } else
      missing.push({ name, or: alternatives ? others(schema, name) : [], description: textOf(schema, name) });
  }
  const invalid = errors
    .filter(({ keyword, instancePath }) => instancePath !== '' && keyword !== 'anyOf')
    .map(told);
  return { complete: false, missing, invalid };
}

const validators = new WeakMap<JsonSchema, ValidateFunction | string>();

/** Compiled once a schema; what is wrong with it where it cannot be. */
function validatorOf(schema: JsonSchema): ValidateFunction | string {
  let made = validators.get(schema);
  if (made === undefined) {
    try {
      // Formats are said for people; the tools behind look closer.
      made = new Ajv2020({ allErrors: true, strict: false, validateFormats: false }).compile(schema);
    } catch (error) {
      made = `the schema cannot be used: ${(error as Error).message}`;
    }
    validators.set(schema, made);
  }
  return made;
}

function others(schema: JsonSchema, name: string): string[] {
  const choices = [...((schema.anyOf ?? []) as JsonSchema[]), ...((schema.oneOf ?? []) as JsonSchema[])];
  return choices.flatMap(({ required = [] }) => required as string[]).filter((one) => one !== name);
}

function textOf(schema: JsonSchema, name: string): string {
  const properties = (schema.properties ?? {}) as Record<string, { description?: string }>;
  return properties[name]?.description ?? '';
}

const told = ({ instancePath, message = 'is not valid' }: ErrorObject) => ({
  name: instancePath.slice(1).replaceAll('/', '.'),
  problem: message,
});
