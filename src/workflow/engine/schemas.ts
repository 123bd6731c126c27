import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Resource, SchemaSpec } from '../dsl/types.ts';
import { standardError } from '../fault.ts';

export type ReadResource = (resource: Resource, signal: AbortSignal) => Promise<unknown>;

export interface Schemas {
  /** @throws RaisedError `validation` naming what does not fit, `configuration` for a schema that is none */
  check(spec: SchemaSpec | undefined, value: unknown, what: string, signal: AbortSignal): Promise<void>;
}

/** Compiled schemas that are kept; the oldest go. */
const KEPT = 500;

/** Validates by JSON Schema 2020-12. */
export function createSchemas(read: ReadResource | undefined): Schemas {
  const ajv = new Ajv2020({ strict: false, allErrors: false, validateFormats: false });
  const made = new Map<string, ValidateFunction>();
  const compile = (schema: unknown): ValidateFunction => {
    const key = JSON.stringify(schema);
    let validate = made.get(key);
    if (validate === undefined) {
      try {
        validate = ajv.compile(schema as object);
      } catch (error) {
        throw standardError('configuration', 'A schema of the document is none.', {
          detail: error instanceof Error ? error.message : String(error),
        });
      }
      // Ajv keeps every schema with an $id and refuses a second one of the same name.
      const id = (schema as { $id?: string } | null)?.$id;
      if (id !== undefined) ajv.removeSchema(id);
      if (made.size >= KEPT) made.delete(made.keys().next().value as string);
      made.set(key, validate);
    }
    return validate;
  };
  return {
    async check(spec, value, what, signal) {
      if (spec === undefined) return;
      const { format = 'json', document, resource } = spec;
      if (!/^json(:.*)?$/.test(format)) {
        throw standardError('configuration', `Schemas are JSON Schema; ${format} is not known here.`);
      }
      let schema = document;
      if (resource !== undefined) {
        if (read === undefined) {
          throw standardError('configuration', 'External schemas are not read here.');
        }
        schema = await read(resource, signal);
      }
      const validate = compile(schema);
      if (validate(value)) return;
      const [first] = validate.errors ?? [];
      throw standardError('validation', `The ${what} does not fit its schema.`, {
        detail: `${first?.instancePath || 'it'} ${first?.message ?? 'is not valid'}`,
      });
    },
  };
}
