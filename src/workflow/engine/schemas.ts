import { Ajv } from 'ajv';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { fillArguments } from '../calls/fill.ts';
import type { ReadScope } from '../calls/types.ts';
import type { Resource, SchemaSpec } from '../dsl/types.ts';
import { faultOf, standardError } from '../fault.ts';

/** Reads an external resource: JSON or YAML, as a value. */
export type ReadResource = (resource: Resource, signal: AbortSignal, scope?: ReadScope) => Promise<unknown>;
/** The same as text. */
export type ReadText = (resource: Resource, signal: AbortSignal, scope?: ReadScope) => Promise<string>;

export interface Schemas {
  /**
   * @param scope in whose name a schema that stands elsewhere is read
   * @throws RaisedError `validation` naming what does not fit, `configuration` for a schema that is none
   */
  check(
    spec: SchemaSpec | undefined,
    value: unknown,
    what: string,
    signal: AbortSignal,
    scope?: ReadScope,
  ): Promise<void>;
  /** What can be seen to be wrong with a schema before anything is validated. */
  problem(spec: SchemaSpec): string | undefined;
}

/** The address of a resource in the words of a task: its expressions evaluated, except for its authentication. */
export const located = async (resource: Resource, { fill }: ReadScope = {}): Promise<Resource> =>
  fill === undefined ? resource : ((await fillArguments({ ...resource }, fill)) as unknown as Resource);

/** Compiled schemas that are kept; the oldest go. */
const KEPT = 500;

/** The dialects before 2019 that a schema may say it is of; what says nothing is of 2020-12. */
const OLDER = /^https?:\/\/json-schema\.org\/draft-0[4-7]\/schema#?$/;

/** Validates by JSON Schema 2020-12, and by draft 7 what says that it is of that or an older one. */
export function createSchemas(read: ReadResource | undefined): Schemas {
  const options = { strict: false, allErrors: false, validateFormats: false };
  const newer = new Ajv2020(options);
  const older = new Ajv(options);
  const made = new Map<string, ValidateFunction>();
  const compile = (schema: unknown): ValidateFunction => {
    const key = JSON.stringify(schema);
    let validate = made.get(key);
    if (validate === undefined) {
      const { $schema, ...bare } = (schema ?? {}) as Record<string, unknown>;
      const old = typeof $schema === 'string' && OLDER.test($schema);
      const ajv = old ? older : newer;
      try {
        validate = ajv.compile(old ? bare : (schema as object));
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
  const known = ({ format = 'json' }: SchemaSpec) => {
    if (!/^json(:.*)?$/.test(format)) {
      throw standardError('configuration', `Schemas are JSON Schema; ${format} is not known here.`);
    }
  };
  return {
    problem(spec) {
      try {
        known(spec);
        if (spec.document !== undefined) compile(spec.document);
        else if (read === undefined)
          throw standardError('configuration', 'External schemas are not read here.');
        return undefined;
      } catch (error) {
        const { title, detail } = faultOf(error, '');
        return detail === '' ? title : `${title} ${detail}`;
      }
    },
    async check(spec, value, what, signal, scope) {
      if (spec === undefined) return;
      const { document, resource } = spec;
      known(spec);
      let schema = document;
      if (resource !== undefined) {
        if (read === undefined) {
          throw standardError('configuration', 'External schemas are not read here.');
        }
        schema = await read(await located(resource, scope), signal, scope);
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
