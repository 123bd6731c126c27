import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { BundleField, BundleTool } from './bundle.ts';
import { FORMATS } from './formats.ts';
import type { Node } from './json.ts';
import type { Request } from './request.ts';
import { closureOf } from './standalone.ts';

/** What of a request does not fit the original description, in terms of the tool's parameters. */
export interface Misfit {
  parameter: string;
  rule: string;
  allowed: string;
  message: string;
}

/** Checks requests against the original description. Compiled at the first use, once a tool. */
export function validatorOf(
  tool: BundleTool,
  schemas: Record<string, Node>,
): (request: Request) => Misfit | null {
  let compiled: ValidateFunction | undefined;
  return (request) => {
    compiled ??= compile(tool.request.schema, schemas);
    if (compiled(request)) return null;
    return misfitOf(tool.request.fields, compiled.errors ?? []);
  };
}

function compile(schema: Node, schemas: Record<string, Node>): ValidateFunction {
  const ajv = new Ajv2020({
    strict: false,
    logger: false,
    validateSchema: false,
    unicodeRegExp: false,
    verbose: true,
    formats: FORMATS,
  });
  return ajv.compile({ ...schema, $defs: closureOf(schema, schemas) });
}

function misfitOf(fields: readonly BundleField[], errors: readonly ErrorObject[]): Misfit {
  // Of alternatives that all failed, the deepest error says most.
  const error = [...errors].sort((a, b) => depthOf(b) - depthOf(a))[0];
  const at = (error?.instancePath ?? '')
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const extra: unknown = error?.params.missingProperty ?? error?.params.additionalProperty;
  const place = typeof extra === 'string' ? [...at, extra] : at;
  const parameter = parameterAt(fields, place) || place.slice(1).join('.');
  const schema = (error?.parentSchema ?? {}) as Node;
  const allowed = [
    typeof schema.type === 'string' ? schema.type : '',
    ...['minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems', 'format', 'pattern'].flatMap(
      (name) => (schema[name] === undefined ? [] : [`${name} ${String(schema[name])}`]),
    ),
    Array.isArray(schema.enum) ? `one of ${schema.enum.join(', ')}` : '',
  ].filter((part) => part !== '');
  return {
    parameter: parameter.slice(0, 200),
    rule: error?.keyword ?? 'schema',
    allowed: allowed.join(', ').slice(0, 300),
    message:
      `${parameter || 'the request'} ${error?.message ?? 'does not fit the description of the API'}`.slice(
        0,
        300,
      ),
  };
}

const depthOf = (error: ErrorObject) =>
  error.instancePath.split('/').length + (/^(anyOf|oneOf|not|if)$/.test(error.keyword) ? -0.5 : 0);

/** The parameter that gives the value at a place, or those that lie below it. */
function parameterAt(fields: readonly BundleField[], place: readonly string[]): string {
  const above = fields.find((field) => field.at.every((name, n) => place[n] === name));
  if (above !== undefined) {
    const rest = place.slice(above.at.length);
    if (rest.length === 0 || above.item === undefined) return [above.name, ...rest].join('.');
    const [index = '', ...inner] = rest;
    return [above.name, index, parameterAt(above.item, ['body', ...inner])]
      .filter((part) => part !== '')
      .join('.');
  }
  const below = fields.filter(
    (field) => field.fixed === undefined && place.every((name, n) => field.at[n] === name),
  );
  return below
    .slice(0, 4)
    .map(({ name }) => name)
    .join(' or ');
}
